"""
What the controllers know of the cluster: one copy of all objects, brought up to date before each look.

Where the server offers watches that can be polled without waiting, only changes are fetched; otherwise
everything is listed anew each time, which any `Transport` can do. Controllers hear of each change, and
find objects by indexes, so that what a look costs hangs on what changed and not on how much there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from controller.kube.transport import Request, Response, Transport
from e2e.simcontrollers import objects
from e2e.simcontrollers.client import list_all
from e2e.simcontrollers.index import By, Index, Key, key_of
from e2e.simcontrollers.objects import Kind, Obj

# Called with an object as it was and as it is; None where there was or is none.
Listener = Callable[[Obj | None, Obj | None], None]


class Watching(Protocol):
    """An open watch that is polled."""

    @property
    def closed(self) -> bool:
        """Whether the server ended it."""
        ...

    def poll(self) -> Sequence[Mapping[str, Any]]:
        """Return the events since the last time; never waits."""
        ...


class View:
    """The objects of *kinds*. Objects handed out are shared: nobody changes them."""

    def __init__(
        self,
        transport: Transport,
        kinds: Iterable[Kind],
        *,
        open_watch: Callable[[Request], Watching | Response] | None = None,
    ) -> None:
        self._transport = transport
        self._open_watch = open_watch
        self._tables: dict[Kind, dict[Key, Obj]] = {kind: {} for kind in kinds}
        self._watches: dict[Kind, Watching] = {}
        # The sorted objects of each kind, until it changes.
        self._sorted: dict[Kind, list[Obj]] = {}
        self._indexes: dict[tuple[Kind, By], Index] = {}
        self._listeners: dict[Kind, list[Listener]] = {kind: [] for kind in self._tables}
        # Grows with every change.
        self.revision = 0

    def refresh(self) -> None:
        """Bring all kinds up to date."""
        for kind in self._tables:
            watch = self._watches.get(kind)
            if watch is None or not self._follow(kind, watch):
                self._list(kind)

    def index(self, kind: Kind, by: By) -> Index:
        """Return the objects of *kind* by the values that *by* gives; one index for all who ask for it."""
        index = self._indexes.get((kind, by))
        if index is None:
            index = self._indexes[(kind, by)] = Index(by)
            for key, obj in self._tables[kind].items():
                index.change(key, None, obj)
        return index

    def listen(self, kind: Kind, listener: Listener) -> None:
        """Call *listener* with each object of *kind* there is, and then with each change, as it is seen."""
        for obj in self.all(kind):
            listener(None, obj)
        self._listeners[kind].append(listener)

    def all(self, kind: Kind, namespace: str | None = None) -> list[Obj]:
        """Return the objects of *kind*, by namespace and name."""
        found = self._sorted.get(kind)
        if found is None:
            table = self._tables[kind]
            found = self._sorted[kind] = [table[key] for key in sorted(table)]
        if namespace is None:
            return found
        return [obj for obj in found if objects.namespace(obj) == namespace]

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """Return the object, None if it is not there."""
        return self._tables[kind].get((namespace if kind.namespaced else "", name))

    def _list(self, kind: Kind) -> None:
        found = list_all(self._transport, kind)
        table = {key_of(obj): obj for obj in found.items}
        old = self._tables[kind]
        if table != old:
            self._changed(kind)
            for key in sorted(old.keys() | table.keys()):
                if old.get(key) != table.get(key):
                    self._put(kind, key, table.get(key))
        self._watches.pop(kind, None)
        if self._open_watch is None:
            return
        query = {"watch": "true", "resourceVersion": found.version}
        headers = {"User-Agent": "simulated-controllers"}
        watch = self._open_watch(Request(method="GET", path=kind.path(), query=query, headers=headers))
        if not isinstance(watch, Response):
            self._watches[kind] = watch

    def _follow(self, kind: Kind, watch: Watching) -> bool:
        """Take in what *watch* brought; False if it has to be listed anew."""
        for event in watch.poll():
            self._changed(kind)
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    self._put(kind, key_of(event["object"]), event["object"])
                case "DELETED":
                    self._put(kind, key_of(event["object"]), None)
                case "BOOKMARK":
                    pass
                case _:
                    return False
        return not watch.closed

    def _changed(self, kind: Kind) -> None:
        self._sorted.pop(kind, None)
        self.revision += 1

    def _put(self, kind: Kind, key: Key, new: Obj | None) -> None:
        """Keep *new* in place of what is there, None for nothing, and tell who has to know."""
        table = self._tables[kind]
        old = table.pop(key, None) if new is None else table.get(key)
        if new is not None:
            table[key] = new
        for (indexed, _), index in self._indexes.items():
            if indexed is kind:
                index.change(key, old, new)
        for listener in self._listeners[kind]:
            listener(old, new)
