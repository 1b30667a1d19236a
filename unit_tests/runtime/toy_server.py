"""A toy API server of one kind: enough to be listed and watched, and to fail at it on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from controller.domain.errors import ExpiredError, TerminalError, TransientError
from controller.runtime.list_watch import List, Watch
from controller.runtime.reflector import INITIAL_EVENTS_END, Page


def thing(name: str, version: int, **fields: object) -> dict[str, Any]:
    """An object as a server has it."""
    return {"metadata": {"namespace": "ns", "name": name, "resourceVersion": str(version)}, **fields}


def event(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """An event of a watch."""
    return {"type": kind, "object": item}


def bookmark(version: int, *, ends_list: bool = False) -> dict[str, Any]:
    """A bookmark, which with *ends_list* ends the initial events."""
    annotations = {INITIAL_EVENTS_END: "true"} if ends_list else {}
    metadata = {"resourceVersion": str(version), "annotations": annotations}
    return event("BOOKMARK", {"metadata": metadata})


def gone(reason: str = "Expired") -> dict[str, Any]:
    """The event that ends a watch whose version is too old."""
    return event("ERROR", {"code": 410, "reason": reason, "message": "too old resource version"})


@attrs.define
class ToyServer:
    """
    Objects, and the history of the last events; a `Source`.

    A watch brings what happened since its version, and ends. *faults* are used up one per request, by name:
    `list-410`, `list-504`, `500`, `watch-410`, `event-410`, `cut` (after one event), `twice` (each event).
    """

    objects: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    history: list[tuple[int, dict[str, Any]]] = attrs.field(factory=list)
    version: int = 1
    # Events at or below this version are forgotten.
    compacted: int = 0
    faults: list[str] = attrs.field(factory=list)
    knows_watch_list: bool = True
    # Snapshots behind continue tokens: a token is its version and offset.
    snapshots: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    requests: list[List | Watch] = attrs.field(factory=list)

    def put(self, name: str) -> None:
        """Create an object, or change it."""
        self.version += 1
        kind = "MODIFIED" if name in self.objects else "ADDED"
        self.objects[name] = thing(name, self.version, seen=self.version)
        self.history.append((self.version, event(kind, self.objects[name])))

    def delete(self, name: str) -> None:
        """Delete an object, if there is one."""
        if name in self.objects:
            self.version += 1
            item = {**self.objects.pop(name), "metadata": thing(name, self.version)["metadata"]}
            self.history.append((self.version, event("DELETED", item)))

    def compact(self) -> None:
        """Forget the past, and with it all continue tokens."""
        self.compacted = self.version
        self.snapshots.clear()

    def list_page(self, request: List) -> Page:
        """Return a page of the newest state, or of the one that the token stands for."""
        self.requests.append(request)
        fault = self._fault("list-410", "list-504", "500")
        if fault == "list-410":
            raise ExpiredError("the continue token is too old")
        if fault == "list-504":
            raise TransientError("Timeout: Too large resource version: 99, current: 1")
        offset, version = 0, self.version
        if request.continue_token:
            version, offset = (int(part) for part in request.continue_token.split("/"))
            if version not in self.snapshots:
                raise ExpiredError("the continue token is too old")
        else:
            self.snapshots[version] = list(self.objects.values())
        items = self.snapshots[version]
        end = len(items) if request.limit is None else offset + request.limit
        token = f"{version}/{end}" if end < len(items) else ""
        return Page(items=items[offset:end], version=str(version), continue_token=token)

    @contextmanager
    def watch(self, request: Watch) -> Iterator[Iterator[Mapping[str, Any]]]:
        """Yield what happened since, with the faults of the moment."""
        self.requests.append(request)
        if request.initial_events and not self.knows_watch_list:
            raise TerminalError("sendInitialEvents is forbidden")
        fault = self._fault("watch-410", "event-410", "500", "cut", "twice")
        if fault == "watch-410" or (not request.initial_events and int(request.version) < self.compacted):
            raise ExpiredError("too old resource version")
        yield self._events(request, fault)

    def _events(self, request: Watch, fault: str | None) -> Iterator[Mapping[str, Any]]:
        if request.initial_events:
            yield from [event("ADDED", item) for item in self.objects.values()]
            yield bookmark(self.version, ends_list=True)
            since = self.version
        else:
            since = int(request.version)
        for n, (_, each) in enumerate([pair for pair in self.history if pair[0] > since]):
            if fault == "event-410":
                yield gone()
                return
            if fault == "cut" and n == 1:
                raise TransientError("connection reset")
            yield each
            if fault == "twice":
                yield each
        yield bookmark(self.version)

    def _fault(self, *possible: str) -> str | None:
        fault = self.faults.pop(0) if self.faults else None
        if fault == "500":
            raise TransientError("internal error", retry_after=1.0)
        return fault if fault in possible else None
