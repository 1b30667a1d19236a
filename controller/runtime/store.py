"""
What is known of one kind: objects by name, kept by a reflector and read by everyone else.

- `replace` is atomic: a reader sees all of the old objects or all of the new ones.
- Listeners are called after the change, one change at a time, in the order of the changes.
- An object that comes again at the same resourceVersion is no change: nobody is called.
- What comes out in numbers is sorted by namespace and name: no answer depends on who came first.

How an object is kept is for who makes the store to choose, see `Stored`. As `Entry` the very object that
was put in is handed out, to every thread: then it must be deeply immutable.

It does not order versions: a resourceVersion is a name for a state, and can only be the same as
another or not. Telling older from newer is the reflector's part, by asking for events in order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
import threading
from typing import Generic, NamedTuple, Protocol, TypeVar

import attrs
import structlog

from controller.runtime.clock import Clock, RealClock, wait_for

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """Which object of a kind; *namespace* is empty for kinds that have none."""

    namespace: str
    name: str


class Stored(Protocol[T_co]):
    """An object with its name and the resourceVersion at which it was seen, however it is kept."""

    @property
    def key(self) -> Key:
        """Which object it is."""
        ...

    @property
    def version(self) -> str:
        """Its resourceVersion."""
        ...

    @property
    def value(self) -> T_co:
        """The object: the same one each time, or one that equals it and is the reader's own."""
        ...


@attrs.frozen
class Entry(Generic[T]):
    """An object that is kept as it is."""

    key: Key
    version: str
    value: T


@attrs.frozen(kw_only=True)
class Change(Generic[T]):
    """What happened to one object: *old* is None if it is new, *new* is None if it is gone.

    Both are set also when an object was deleted and made again unseen: compare uids if it matters.
    """

    key: Key
    old: T | None
    new: T | None


Listener = Callable[[Change[T]], None]
# From an object to the values under which it is to be found.
Indexer = Callable[[T], Iterable[Hashable]]


class _Indexes(Generic[T]):
    """Keys by value, per index. Not safe for threads by itself."""

    def __init__(self, indexers: Mapping[str, Indexer[T]]) -> None:
        self._indexers = dict(indexers)
        # Invariant: no empty set stays behind, so that values of objects long gone cost nothing.
        self._keys: dict[str, dict[Hashable, set[Key]]] = {name: {} for name in indexers}

    def values_of(self, value: T) -> dict[str, frozenset[Hashable]]:
        """Return what *value* is to be found under; what an indexer raises comes out here."""
        return {name: frozenset(indexer(value)) for name, indexer in self._indexers.items()}

    def add(self, key: Key, values: Mapping[str, Iterable[Hashable]]) -> None:
        for name, each in values.items():
            for value in each:
                self._keys[name].setdefault(value, set()).add(key)

    def remove(self, key: Key, values: Mapping[str, Iterable[Hashable]]) -> None:
        for name, each in values.items():
            for value in each:
                keys = self._keys[name][value]
                keys.discard(key)
                if not keys:
                    del self._keys[name][value]

    def find(self, name: str, value: Hashable) -> list[Key]:
        return sorted(self._keys[name].get(value, ()))

    def empty(self) -> _Indexes[T]:
        return _Indexes(self._indexers)


class Store(Generic[T]):
    """
    The objects of one kind, with indexes.

    *indexers* maps the name of an index to a function from an object to the values it is found under.
    *entry* makes of name, version and object what is kept.
    """

    def __init__(
        self,
        *,
        indexers: Mapping[str, Indexer[T]] | None = None,
        entry: Callable[[Key, str, T], Stored[T]] = Entry,
        clock: Clock | None = None,
    ) -> None:
        # For who is about to put an object in, and may hold many until then.
        self.entry = entry
        self._clock = clock if clock is not None else RealClock()
        # Held by a writer through change and calls, so that listeners see changes in order.
        self._writing = threading.RLock()
        # Held shortly, to read or to swap. Never held while foreign code runs.
        self._changed = threading.Condition()
        self._entries: dict[Key, Stored[T]] = {}
        self._indexes: _Indexes[T] = _Indexes(indexers or {})
        self._listeners: tuple[Listener[T], ...] = ()
        self._synced = False

    # -- reading

    def get(self, key: Key) -> T | None:
        """Return the object, None if it is not there."""
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def version(self, key: Key) -> str | None:
        """Return the resourceVersion at which the object was last seen, None if it is not there."""
        entry = self._entries.get(key)
        return None if entry is None else entry.version

    def keys(self) -> tuple[Key, ...]:
        """Return the names of all objects, sorted."""
        with self._changed:
            return tuple(sorted(self._entries))

    def list(self) -> tuple[T, ...]:
        """Return all objects, sorted by name."""
        with self._changed:
            entries = [self._entries[key] for key in sorted(self._entries)]
        return tuple(entry.value for entry in entries)

    def find(self, index: str, value: Hashable) -> tuple[T, ...]:
        """Return the objects that *index* has under *value*, sorted by name.

        Raises `KeyError` for an index that the store was not made with.
        """
        with self._changed:
            entries = [self._entries[key] for key in self._indexes.find(index, value)]
        return tuple(entry.value for entry in entries)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def synced(self) -> bool:
        """Whether the store has held a whole list once; until then, absent does not mean gone."""
        return self._synced

    def wait_synced(self, seconds: float | None) -> bool:
        """Wait up to *seconds* for `synced`, None for ever; return it."""
        deadline = None if seconds is None else self._clock.monotonic() + seconds
        with self._changed:
            return wait_for(self._clock, self._changed, lambda: self._synced, deadline=deadline)

    # -- listening

    def listen(self, listener: Listener[T]) -> None:
        """
        Call *listener* after each later change; what is there already is not told.

        It runs on the writer's thread and holds up later changes: it should put a key into a queue
        and return. It must not write to this store. What it raises is logged and stops nothing.
        """
        with self._writing:
            self._listeners = (*self._listeners, listener)

    # -- writing

    def replace(self, entries: Iterable[Stored[T]]) -> None:
        """
        Make *entries* all that there is, and mark the store synced.

        Objects that are not among them are deletions. An object at an unchanged version stays as it
        was, the old value included.
        """
        with self._writing:
            fresh: dict[Key, Stored[T]] = {}
            indexes = self._indexes.empty()
            for entry in entries:
                old = self._entries.get(entry.key)
                fresh[entry.key] = old if old is not None and old.version == entry.version else entry
            for key, entry in fresh.items():
                indexes.add(key, indexes.values_of(entry.value))
            before = self._entries
            with self._changed:
                self._entries = fresh
                self._indexes = indexes
                self._synced = True
                self._changed.notify_all()
            # One at a time: a first list is all changes, and would be there a second time.
            for change in _difference(before, fresh):
                self._tell(change)

    def upsert(self, entry: Stored[T]) -> Change[T] | None:
        """Add or replace one object; None if it was there at this version already."""
        with self._writing:
            old = self._entries.get(entry.key)
            if old is not None and old.version == entry.version:
                return None
            change = Change(key=entry.key, old=None if old is None else old.value, new=entry.value)
            # Asked before anything changes: an indexer that raises leaves the store as it was.
            remove = {} if change.old is None else self._indexes.values_of(change.old)
            add = {} if change.new is None else self._indexes.values_of(change.new)
            with self._changed:
                self._indexes.remove(entry.key, remove)
                self._indexes.add(entry.key, add)
                self._entries[entry.key] = entry
            self._tell(change)
            return change

    def delete(self, key: Key) -> Change[T] | None:
        """Remove one object; None if it was not there."""
        with self._writing:
            old = self._entries.get(key)
            if old is None:
                return None
            value = old.value
            remove = self._indexes.values_of(value)
            with self._changed:
                self._indexes.remove(key, remove)
                del self._entries[key]
            change: Change[T] = Change(key=key, old=value, new=None)
            self._tell(change)
            return change

    def _tell(self, change: Change[T]) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:
                # The store has changed already; the others must hear of it all the same.
                log.exception(
                    "store listener fails",
                    namespace=change.key.namespace,
                    name=change.key.name,
                )


def _difference(before: Mapping[Key, Stored[T]], after: Mapping[Key, Stored[T]]) -> Iterator[Change[T]]:
    """Yield what became of each object, sorted by name."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is not new:
            yield Change(
                key=key,
                old=None if old is None else old.value,
                new=None if new is None else new.value,
            )
