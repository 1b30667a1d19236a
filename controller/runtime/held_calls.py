"""
Calls that last for hours, held open so that their answer is not lost.

- At most one call per id, ever, as far as the ledger remembers; at most *limit* at a time.
- Starting one never waits: it begins at once, or is refused with a reason.
- When a call ends, its result is in the ledger first, and then its key is woken, unless it was not to be.
- Letting go never waits for a call.

A call is held in memory only. That none is held, or that the ledger has no result, says nothing about
the operation behind it: it may run on without us, and is then to be observed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextvars import copy_context
import threading
from typing import Generic, Protocol, TypeVar

import attrs
import structlog

from controller.domain.errors import OperatorError
from controller.runtime.clock import Clock

K = TypeVar("K")
T = TypeVar("T")

log = structlog.get_logger(__name__)


class HeldCallsMetrics(Protocol):
    """What held calls report."""

    def held(self, count: int) -> None:
        """*count* calls are held now."""


class NoHeldCallsMetrics:
    """Reports nothing."""

    def held(self, count: int) -> None:
        """Do nothing."""


@attrs.frozen(kw_only=True)
class CallBegun:
    """The call has begun."""


@attrs.frozen(kw_only=True)
class CallKnown:
    """Nothing was begun: a call with this id is held, or its result is in the ledger."""


@attrs.frozen(kw_only=True)
class CallRefused:
    """Nothing was begun, for a reason that may pass."""

    why: str


CallStart = CallBegun | CallKnown | CallRefused


@attrs.frozen(kw_only=True)
class CallReturned(Generic[K, T]):
    """The call returned *value*, *seconds* after it began."""

    call_id: Hashable
    key: K
    value: T
    seconds: float


@attrs.frozen(kw_only=True)
class CallFailed(Generic[K]):
    """
    The call raised *error*, *seconds* after it began.

    Whether the operation failed is another question: a lost connection raises too.
    """

    call_id: Hashable
    key: K
    error: BaseException
    seconds: float


CallResult = CallReturned[K, T] | CallFailed[K]


@attrs.frozen(kw_only=True)
class Held(Generic[K]):
    """A call under way, begun at the monotonic instant *since*."""

    call_id: Hashable
    key: K
    since: float
    wakes: bool = True


# Runs a function elsewhere, under a name, and returns at once.
Spawn = Callable[[str, Callable[[], None]], None]


def in_a_thread(name: str, run: Callable[[], None]) -> None:
    """Run a function in a daemon thread."""
    threading.Thread(target=run, name=name, daemon=True).start()


class HeldCalls(Generic[K, T]):
    """
    Holds up to *limit* calls, and remembers the results of the last *remember*.

    *wake* is called with the key of each call that ended, on the call's thread. *spawn* runs a function
    elsewhere, under a name, and returns at once; by default in a daemon thread.
    """

    def __init__(  # noqa: PLR0913 -- each is a seam, all by name
        self,
        *,
        wake: Callable[[K], None],
        clock: Clock,
        limit: int = 64,
        remember: int = 1000,
        metrics: HeldCallsMetrics | None = None,
        spawn: Spawn = in_a_thread,
    ) -> None:
        self._wake = wake
        self._clock = clock
        self._limit = limit
        self._remember = remember
        self._metrics: HeldCallsMetrics = NoHeldCallsMetrics() if metrics is None else metrics
        self._spawn = spawn
        self._lock = threading.Lock()
        # Invariant: an id is in at most one of the two.
        self._held: dict[Hashable, Held[K]] = {}
        self._ledger: OrderedDict[Hashable, CallResult[K, T]] = OrderedDict()
        self._closed = False
        self._metrics.held(0)

    def start(self, call_id: Hashable, key: K, function: Callable[[], T], *, wakes: bool = True) -> CallStart:
        """
        Begin *function* unless a call with this id is known; never waits.

        Its end wakes *key* if it *wakes*. It runs with a copy of the caller's context variables, so that its
        log lines say what for.
        """
        with self._lock:
            if call_id in self._held or call_id in self._ledger:
                return CallKnown()
            if self._closed:
                return CallRefused(why="the operator is stopping")
            if len(self._held) >= self._limit:
                return CallRefused(why=f"{self._limit} calls are held already")
            held = Held(call_id=call_id, key=key, since=self._clock.monotonic(), wakes=wakes)
            self._held[call_id] = held
            self._metrics.held(len(self._held))
        context = copy_context()
        try:
            self._spawn(f"call {call_id}", lambda: context.run(self._run, held, function))
        except RuntimeError as error:
            # No more threads are to be had. It has not begun, so it leaves no trace.
            with self._lock:
                self._held.pop(call_id, None)
                self._metrics.held(len(self._held))
            return CallRefused(why=f"no thread could be started: {error}")
        return CallBegun()

    def held(self) -> tuple[Held[K], ...]:
        """Return the calls under way, in the order of their beginning."""
        with self._lock:
            return tuple(self._held.values())

    def is_held(self, call_id: Hashable) -> bool:
        """Whether the call is under way."""
        return call_id in self._held

    def result(self, call_id: Hashable) -> CallResult[K, T] | None:
        """Return the result of an ended call, None if it is not known."""
        return self._ledger.get(call_id)

    def results(self, key: K) -> tuple[CallResult[K, T], ...]:
        """Return the known results of calls that were started for *key*, in the order of their end."""
        with self._lock:
            return tuple(result for result in self._ledger.values() if result.key == key)

    def forget(self, call_id: Hashable) -> None:
        """Drop a result that has been dealt with for good; its id may be used again then."""
        with self._lock:
            self._ledger.pop(call_id, None)

    def let_go(self) -> None:
        """Begin no more calls, and wake nobody when those under way end; returns at once."""
        with self._lock:
            self._closed = True

    def _run(self, held: Held[K], function: Callable[[], T]) -> None:
        result: CallResult[K, T]
        try:
            value = function()
        except BaseException as error:
            # Base, since whatever ends the call its slot must come free.
            if not isinstance(error, OperatorError):
                log.exception("held call raises", call=str(held.call_id))
            result = CallFailed(
                call_id=held.call_id, key=held.key, error=_bare(error), seconds=self._age(held)
            )
        else:
            result = CallReturned(call_id=held.call_id, key=held.key, value=value, seconds=self._age(held))
        self._settle(held, result)

    def _age(self, held: Held[K]) -> float:
        return self._clock.monotonic() - held.since

    def _settle(self, held: Held[K], result: CallResult[K, T]) -> None:
        with self._lock:
            del self._held[held.call_id]
            self._ledger[held.call_id] = result
            while len(self._ledger) > self._remember:
                self._ledger.popitem(last=False)
            closed = self._closed
            self._metrics.held(len(self._held))
        log.debug("held call ends", call=str(held.call_id), seconds=round(result.seconds, 3))
        if closed or not held.wakes:
            return
        try:
            self._wake(held.key)
        except Exception:
            log.exception("held call cannot wake its key", call=str(held.call_id))


def _bare(error: BaseException) -> BaseException:
    """Return *error* without what would keep every frame of the call alive in the ledger."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
