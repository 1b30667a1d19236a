"""
Keeping a store equal to what the API server has of one kind.

- The store is replaced only by a whole list, never by part of one.
- What happened while nobody listened is found by the next list, deletions too.
- Whatever fails is tried again, with growing waits, until `stop`; the store keeps what it had.
- An object that cannot be transformed fails the request: it is not left out, since what is absent
  from a store counts as gone.

It does not say how fresh the store is: a network may be slow, and a cache of the server may lag.
What to ask next is decided in `controller.runtime.list_watch`; here requests are carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
import threading
from typing import Any, Generic, Protocol, TypeVar, assert_never

import attrs
import structlog

from controller.domain.errors import (
    ExpiredError,
    NotFoundError,
    OperatorError,
    TerminalError,
    TransientError,
)
from controller.runtime.backoff import Roll
from controller.runtime.clock import Clock, wait_for
from controller.runtime.list_watch import (
    Ended,
    Expired,
    Failed,
    List,
    ListWatchSettings,
    Outcome,
    Paged,
    Refused,
    Rested,
    Sleep,
    Watch,
    first_state,
    next_step,
)
from controller.runtime.store import Key, Store, Stored

T = TypeVar("T")

log = structlog.get_logger(__name__)

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
# What a server says, with status 504, that has not seen the version yet.
TOO_NEW = "too large resource version"
_GONE, _TIMEOUT, _TOO_MANY = 410, 408, 429
_CLIENT_ERRORS = range(400, 500)


@attrs.frozen(kw_only=True)
class Page:
    """One page of a list: objects as JSON values, and *continue_token* "" with the last page."""

    items: Sequence[Mapping[str, Any]]
    version: str
    continue_token: str = ""


class Source(Protocol):
    """
    Lists and watches one kind, in one namespace or all.

    Both raise `ExpiredError` for 410, `TransientError` for 429 (with its Retry-After), 5xx and no
    answer, `TerminalError` or `NotFoundError` for other 4xx. The message of a 504 is passed on, since
    a version that is too new is known by it.
    """

    def list_page(self, request: List) -> Page:
        """Return one page; it ends by a deadline of its own."""
        ...

    def watch(self, request: Watch) -> AbstractContextManager[Iterator[Mapping[str, Any]]]:
        """
        Open a watch: events as the server sends them, `{"type": ..., "object": ...}`, ERROR included.

        The iterator ends when the server ends the watch, and raises `TransientError` after
        `request.silence` seconds without an event. Leaving the context closes the connection.
        """
        ...


class ReflectorMetrics(Protocol):
    """What a reflector counts."""

    def listed(self) -> None:
        """A list was begun, in whichever way."""

    def watched(self) -> None:
        """A watch was opened."""

    def expired(self) -> None:
        """A version or continue token was too old."""

    def failed(self) -> None:
        """A request failed or was refused."""

    def event(self, at: float) -> None:
        """An event or a bookmark came *at* this Unix time."""

    def objects(self, count: int) -> None:
        """The store holds *count* objects."""


class NoReflectorMetrics:
    """Counts nothing."""

    def listed(self) -> None:
        """Do nothing."""

    def watched(self) -> None:
        """Do nothing."""

    def expired(self) -> None:
        """Do nothing."""

    def failed(self) -> None:
        """Do nothing."""

    def event(self, at: float) -> None:
        """Do nothing."""

    def objects(self, count: int) -> None:
        """Do nothing."""


@attrs.define
class _Progress:
    """What a request has brought so far; it outlives the error that ends the request."""

    synced: bool
    seen: str = ""
    events: int = 0


class Reflector(Generic[T]):
    """
    Keeps *store* equal to what *source* has, each object as *transform* makes it.

    `start` runs it in a daemon thread; `step` does the same without threads. *interrupt* is called by
    `stop` to free a thread that reads from *source*; without it such a thread ends at the next event.
    """

    def __init__(  # noqa: PLR0913 -- each is a seam, all by name
        self,
        *,
        kind: str,
        source: Source,
        store: Store[T],
        transform: Callable[[Mapping[str, Any]], T],
        clock: Clock,
        roll: Roll,
        settings: ListWatchSettings | None = None,
        metrics: ReflectorMetrics | None = None,
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        self.kind = kind
        self._source = source
        self._store = store
        self._transform = transform
        self._clock = clock
        self._roll = roll
        self._metrics: ReflectorMetrics = NoReflectorMetrics() if metrics is None else metrics
        self._interrupt = interrupt
        self._state = first_state(settings if settings is not None else ListWatchSettings())
        self._next: List | Watch | None = None
        self._due = clock.monotonic()
        # The list that is coming in: objects of the pages, or of the initial events, so far.
        self._draft: dict[Key, Stored[T]] = {}
        self._heard = clock.monotonic()
        self._trouble: str | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    # -- without threads

    def step(self) -> float:
        """
        Carry out one request, a page or a watch, if one is due; return when the next one is.

        An instant of the clock's `monotonic()`. A watch lasts until its source ends it.
        """
        now = self._clock.monotonic()
        if now < self._due:
            return self._due
        outcome: Outcome = Rested() if self._next is None else self._carry_out(self._next)
        now = self._clock.monotonic()
        self._state, step = next_step(self._state, outcome, now, self._roll())
        match step:
            case Sleep(seconds=seconds, why=why):
                log.warning("reflector waits", kind=self.kind, seconds=round(seconds, 3), why=why)
                self._trouble = why
                self._next = None
                self._due = now + seconds
            case List() | Watch():
                self._next = step
                self._due = now
            case _:
                assert_never(step)
        return self._due

    # -- with a thread

    def start(self) -> None:
        """Run in a daemon thread until `stop`."""
        self._thread = threading.Thread(target=self._run, name=f"reflector {self.kind}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; returns at once."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._interrupt is not None:
            self._interrupt()

    def join(self, seconds: float) -> bool:
        """Wait up to *seconds* of real time for the thread to end; whether it has."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def health(self, limit: float) -> str | None:
        """Return None, or a sentence if nothing was heard for more than *limit* seconds."""
        if self._thread is not None and not self._thread.is_alive() and not self._stopping:
            return f"the reflector of {self.kind} has ended"
        silent = self._clock.monotonic() - self._heard
        if silent > limit:
            return f"nothing was heard of {self.kind} for {silent:.0f} s"
        return None

    @property
    def trouble(self) -> str | None:
        """Why the last request failed, None if the server has been heard since."""
        return self._trouble

    def _run(self) -> None:
        while not self._stopping:
            due = self.step()
            with self._wake:
                wait_for(self._clock, self._wake, lambda: self._stopping, deadline=due)

    # -- requests

    def _carry_out(self, request: List | Watch) -> Outcome:
        began = self._clock.monotonic()
        progress = _Progress(synced=isinstance(request, Watch) and not request.initial_events)
        try:
            match request:
                case List():
                    return self._list(request)
                case Watch():
                    self._watch(request, progress)
                case _:
                    assert_never(request)
        except Exception as error:  # noqa: BLE001 -- nothing may end this thread; bugs are logged
            return self._failure(error, progress)
        self._hear()
        return Ended(
            events=progress.events,
            seconds=self._clock.monotonic() - began,
            seen=progress.seen,
            synced=progress.synced,
        )

    def _failure(self, error: Exception, progress: _Progress) -> Expired | Failed | Refused:
        seen, synced = progress.seen, progress.synced
        match error:
            case ExpiredError():
                self._metrics.expired()
                return Expired(seen=seen, synced=synced)
            case TerminalError() | NotFoundError():
                self._metrics.failed()
                return Refused(why=str(error), seen=seen, synced=synced)
            case OperatorError():
                self._metrics.failed()
                return Failed(
                    why=str(error),
                    retry_after=error.retry_after if isinstance(error, TransientError) else None,
                    too_new=TOO_NEW in str(error).lower(),
                    seen=seen,
                    synced=synced,
                )
            case _:
                self._metrics.failed()
                log.error("reflector fails", kind=self.kind, exc_info=error)
                return Failed(why=f"a bug: {type(error).__name__}", seen=seen, synced=synced)

    def _list(self, request: List) -> Paged:
        if not request.continue_token:
            self._metrics.listed()
            self._draft = {}
        page = self._source.list_page(request)
        self._hear()
        entries = [self._entry(item) for item in page.items]
        self._draft.update((entry.key, entry) for entry in entries)
        if not page.continue_token:
            self._replace()
        return Paged(version=page.version, continue_token=page.continue_token)

    def _watch(self, request: Watch, progress: _Progress) -> None:
        if request.initial_events:
            self._metrics.listed()
            self._draft = {}
        self._metrics.watched()
        with self._source.watch(request) as events:
            for event in events:
                if self._stopping:
                    return
                progress.events += 1
                self._hear()
                self._metrics.event(self._clock.now().timestamp())
                self._handle(event["type"], event["object"], progress)

    def _handle(self, kind: str, item: Mapping[str, Any], progress: _Progress) -> None:
        match kind:
            case "ADDED" | "MODIFIED":
                entry = self._entry(item)
                if progress.synced:
                    self._store.upsert(entry)
                else:
                    self._draft[entry.key] = entry
            case "DELETED":
                key = _key(item)
                if progress.synced:
                    self._store.delete(key)
                else:
                    self._draft.pop(key, None)
            case "BOOKMARK":
                if not progress.synced and _ends_initial_events(item):
                    self._replace()
                    progress.synced = True
            case "ERROR":
                raise _error(item)
            case _:
                raise TransientError(f"the server sent an event of unknown type {kind}")
        if progress.synced:
            # Not before: initial events come in any order, their versions too.
            progress.seen = _version(item)
            self._metrics.objects(len(self._store))

    def _replace(self) -> None:
        draft, self._draft = self._draft, {}
        self._store.replace(draft.values())
        self._metrics.objects(len(self._store))

    def _entry(self, item: Mapping[str, Any]) -> Stored[T]:
        return self._store.entry(_key(item), _version(item), self._transform(item))

    def _hear(self) -> None:
        self._heard = self._clock.monotonic()
        self._trouble = None


def _key(item: Mapping[str, Any]) -> Key:
    metadata = item["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


def _version(item: Mapping[str, Any]) -> str:
    version: str = item["metadata"]["resourceVersion"]
    return version


def _ends_initial_events(item: Mapping[str, Any]) -> bool:
    annotations = item["metadata"].get("annotations") or {}
    return annotations.get(INITIAL_EVENTS_END) == "true"


def _error(status: Mapping[str, Any]) -> OperatorError:
    """Return what an ERROR event's Status object means."""
    code = status.get("code")
    message = str(status.get("message") or status.get("reason") or "the watch ended with an error")
    if code == _GONE or status.get("reason") in {"Expired", "Gone"}:
        return ExpiredError(message)
    if code in _CLIENT_ERRORS and code not in {_TIMEOUT, _TOO_MANY}:
        return TerminalError(message)
    seconds = (status.get("details") or {}).get("retryAfterSeconds")
    return TransientError(message, retry_after=seconds)
