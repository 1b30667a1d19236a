"""
Watches: the changes of a selection, in order, pulled by whoever watches.

- A watch from a version gives every later change of the selection exactly once and in order, or ends
  with an ERROR event of code 410 if the version is forgotten. It never skips silently.
- An object that comes into the selection is ADDED, one that leaves it is DELETED.
- Bookmarks come once a minute if asked for.

A watch remembers no events, only how far it has come: a slow reader costs no memory and is told 410
when the window has passed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import math
from typing import assert_never

from e2e.simkube import errors
from e2e.simkube.encoding import Body, event_bytes, values
from e2e.simkube.faults import Drop, End, Faults, Hold, Swap
from e2e.simkube.options import ListOptions, parse_version
from e2e.simkube.routing import Target
from e2e.simkube.selectors import Selection
from e2e.simkube.state import State
from e2e.simkube.store import Change, Version
from e2e.simkube.values import Json, Object
from e2e.simkube.views import View

BOOKMARK_SECONDS = 60.0
# How long a stream lives when the client names no timeout: 30 to 60 minutes on a real server.
_LIFETIME_SECONDS = 2700.0
# A stream that ends as announced gives a bookmark so long before its end.
_LAST_BOOKMARK_SECONDS = 2.0
_END_OF_INITIAL = {"k8s.io/initial-events-end": "true"}

Event = tuple[str, Body]


class _EndError(Exception):
    """A fault ends the stream here."""


class Watch:
    """One open stream. *on_change* is called, under the server's lock, when there may be news."""

    def __init__(  # noqa: PLR0913 -- what makes up a stream
        self,
        state: State,
        target: Target,
        *,
        selection: Selection,
        options: ListOptions,
        view: View,
        client: str,
        faults: Faults,
    ) -> None:
        self.target = target
        self.client = client
        self.closed = False
        self.on_change: Callable[[], None] | None = None
        self._faults = faults
        # An event that a fault puts behind the next one.
        self._swapped: list[Event] = []
        # Nothing is given before this instant.
        self._held_until = 0.0
        self._state = state
        self._selection = selection
        self._view = view
        self._bookmarks = options.bookmarks
        now = state.simulation.now
        self._ends = now + (options.timeout or _LIFETIME_SECONDS)
        self._bookmark_due = self._next_bookmark(now)
        self._first = True
        # The version up to which everything has been given.
        self.seen = 0
        self._waiting: list[Event] = list(self._start(options, faults.seen_by(client)))

    def _start(self, options: ListOptions, upto: int | None) -> Iterator[Event]:
        asked = _parse(options.version)
        current = self._state.store.version if upto is None else upto
        if options.initial_events is None and options.version not in ("", "0"):
            self.seen = asked
            table = self._state.store.table(self.target.resource.place)
            if asked < table.floor:
                self.closed = True
                text = f"too old resource version: {asked} ({table.floor})"
                yield "ERROR", errors.expired(text).body()
            return
        if asked > current:
            raise errors.too_large_version(asked, current)
        self.seen = current
        if options.initial_events is False:
            return
        table = self._state.store.read(self.target.resource.place, current)
        for key in table.within(self.target.namespace):
            version = table.objects[key]
            if self._selection.takes(version.object):
                yield "ADDED", version
        if options.initial_events and options.bookmarks:
            yield "BOOKMARK", self._bookmark(annotations=_END_OF_INITIAL)

    def poll(self) -> list[Object]:
        """What came since the last time, oldest first; the objects are the caller's."""
        if self._idle():
            return []
        return [{"type": kind, "object": values(body)} for kind, body in self._events()]

    def poll_shared(self) -> list[Object]:
        """The same for who changes nothing: the objects are the store's own."""
        if self._idle():
            return []
        return [
            {"type": kind, "object": body.object if isinstance(body, Version) else values(body)}
            for kind, body in self._events()
        ]

    def poll_bytes(self) -> bytes:
        """The same as lines of JSON."""
        return b"".join([event_bytes(kind, body) for kind, body in self._events()])

    def close(self) -> None:
        """End the stream; what was not given yet never will be."""
        self.closed = True
        self._waiting = []

    def next_due(self) -> float:
        """The instant from which `poll` has something to say even if nothing changes."""
        due = min(self._bookmark_due, self._ends) if self._bookmarks else self._ends
        if self._held_until > self._state.simulation.now:
            due = min(due, self._held_until)
        return due

    def wake(self) -> None:
        """Tell whoever waits for this stream to poll it."""
        if self.on_change is not None:
            self.on_change()

    def _idle(self) -> bool:
        """Whether there cannot be anything to say: most polls find nothing, and there are many."""
        now = self._state.simulation.now
        due = self._bookmarks and now >= self._bookmark_due
        old = self.seen >= self._state.store.version
        return old and not (self._waiting or self.closed or due or now >= self._ends)

    def _events(self) -> Iterator[Event]:
        waiting, self._waiting = self._waiting, []
        for kind, body in waiting:
            yield kind, self._shown(kind, body)
        if self.closed:
            return
        try:
            for kind, body in self._news():
                yield kind, self._shown(kind, body)
        except errors.StatusError as error:
            self.closed = True
            yield "ERROR", error.body()
            return
        except _EndError:
            self.closed = True
            return
        now = self._state.simulation.now
        if self._bookmarks and now >= self._bookmark_due:
            self._bookmark_due = self._next_bookmark(now)
            yield "BOOKMARK", self._shown("BOOKMARK", self._bookmark())
        if now >= self._ends:
            self.closed = True

    def _news(self) -> Iterable[Event]:
        table = self._state.store.table(self.target.resource.place)
        if self.seen < table.lost:
            raise errors.expired(f"too old resource version: {self.seen} ({table.lost})")
        if self._held_until > self._state.simulation.now:
            return
        limit = self._faults.seen_by(self.client)
        if limit is None:
            limit = max(self.seen, self._state.store.version)
        for change in table.after(self.seen):
            if change.number > limit:
                break
            event = self._event(change)
            if event is not None:
                fault = self._faults.event(self, *change.key)
                if isinstance(fault, Hold):
                    self._held_until = self._state.simulation.now + fault.seconds
                    self._state.simulation.after(fault.seconds, self.wake)
                    return
                yield from self._given(event, fault)
            self.seen = change.number
        self.seen = max(self.seen, limit)

    def _given(self, event: Event, fault: Drop | Swap | End | None) -> Iterator[Event]:
        match fault:
            case None:
                yield event
                yield from self._swapped
                self._swapped = []
            case Drop():
                return
            case Swap():
                self._swapped.append(event)
            case End():
                raise _EndError
            case _:
                assert_never(fault)

    def _event(self, change: Change) -> Event | None:
        selection = self._selection
        was = change.before is not None and selection.takes(change.before.object)
        stays = not change.deleted and selection.takes(change.after.object)
        if stays:
            return ("MODIFIED" if was else "ADDED"), change.after
        if not was or change.before is None:
            return None
        if change.deleted:
            return "DELETED", change.after
        # It left the selection: the last state in it, at the version of the change that took it out.
        gone = change.before.copy()
        gone["metadata"]["resourceVersion"] = str(change.number)
        return "DELETED", Version(gone, change.number)

    def _next_bookmark(self, now: float) -> float:
        """A minute from now, and once more shortly before the stream ends."""
        last = self._ends - _LAST_BOOKMARK_SECONDS
        return min(now + BOOKMARK_SECONDS, last) if now < last else math.inf

    def _bookmark(self, annotations: dict[str, str] | None = None) -> Object:
        resource = self.target.resource
        metadata: Object = {"resourceVersion": str(self.seen), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = dict(annotations)
        empty: dict[str, Json] = {"kind": resource.kind, "apiVersion": resource.api_version}
        return {**empty, "metadata": metadata}

    def _shown(self, kind: str, body: Body) -> Body:
        if kind == "BOOKMARK" and self._view.form != "metadata":
            return body
        shown = self._view.event(body, first=self._first)
        self._first = False
        return shown


def _parse(text: str) -> int:
    try:
        return parse_version(text)
    except errors.StatusError as error:
        # As a real server says it to a watch, unlike to a list.
        message = error.message.removeprefix("invalid resource version: ")
        raise errors.StatusError(500, "", message) from None
