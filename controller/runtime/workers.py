"""
Workers: take a key, reconcile it, and turn what came of it into the next call on the queue.

- A key is reconciled by one worker at a time (the queue sees to that).
- Whatever a reconcile returns or raises is settled in one place, `Workers._settle`, and every key is
  given back to the queue.
- A conflict is tried again at once, three times in a row; then it waits like any other failure.
- While the other side asks to wait, a key is not tried again, whatever events come.
- A terminal failure is not tried again by itself: an event or the slow resync brings the key back.
- What is no known failure is a bug: logged with its traceback, and tried again slowly.

A worker does not interrupt a reconcile: each network call in it ends by a deadline of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import threading
from typing import Generic, Protocol, TypeVar, assert_never

import attrs
import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

from controller.domain.errors import ConflictError, OperatorError, TerminalError, TransientError
from controller.runtime.clock import Clock
from controller.runtime.queue import WorkQueue
from controller.runtime.store import Key

K = TypeVar("K")

log = structlog.get_logger(__name__)

# How often in a row a conflict is tried again without waiting.
CONFLICTS_AT_ONCE = 3
# The longest wait, in seconds, that the other side may ask for: nothing else brings the key back meanwhile.
LONGEST_ASKED = 300.0
# A bug is tried again no sooner than after this many seconds.
BUG_FLOOR = 30.0


@attrs.frozen(kw_only=True)
class Done:
    """
    There is nothing to do until something changes.

    *actions* names what was carried out, in order; *why* is the sentence of the last decision.
    """

    actions: tuple[str, ...] = ()
    why: str = ""


@attrs.frozen(kw_only=True)
class After:
    """Look again in *seconds*, if nothing changes before; the rest is as in `Done`."""

    seconds: float = attrs.field(validator=attrs.validators.gt(0))
    actions: tuple[str, ...] = ()
    why: str = ""


@attrs.frozen(kw_only=True)
class Pending:
    """
    It cannot be told yet: something that it needs is on its way, and will bring the key back.

    Without that, look again in *seconds*. It is neither a success nor a failure: what is counted of
    failures before it goes on counting.
    """

    seconds: float = attrs.field(validator=attrs.validators.gt(0))
    why: str = ""


Result = Done | After | Pending


class WorkerMetrics(Protocol):
    """What workers count, with the names and meanings of controller-runtime."""

    def active(self, change: int) -> None:
        """*change* is 1 when a reconcile begins, and -1 when it ends."""

    def reconciled(self, result: str, seconds: float) -> None:
        """A reconcile took *seconds*; *result* is success, requeue_after, requeue or error."""

    def terminal_error(self) -> None:
        """It failed until something changes; counted beside `reconciled`."""

    def panicked(self) -> None:
        """It met a bug; counted beside `reconciled`."""

    def timed_out(self) -> None:
        """It took longer than its budget; counted beside `reconciled`."""


class NoWorkerMetrics:
    """Counts nothing."""

    def active(self, change: int) -> None:
        """Do nothing."""

    def reconciled(self, result: str, seconds: float) -> None:
        """Do nothing."""

    def terminal_error(self) -> None:
        """Do nothing."""

    def panicked(self) -> None:
        """Do nothing."""

    def timed_out(self) -> None:
        """Do nothing."""


def describe_key(key: Key) -> Mapping[str, object]:
    """Return what a log line says of a namespaced key."""
    return {"namespace": key.namespace, "name": key.name}


@attrs.frozen
class _Verdict:
    """What became of a reconcile, for metrics and the log; the queue has been called already."""

    result: str
    outcome: str
    level: str
    why: str
    actions: tuple[str, ...] = ()
    requeue_after: float | None = None


class Workers(Generic[K]):
    """
    Handles the keys of *queue* with *reconcile*, in *count* daemon threads.

    *describe* says what log lines carry of a key, *new_id* makes the id of one reconcile. *budget* is
    how many seconds a reconcile should take at most: a longer one is counted.
    """

    def __init__(  # noqa: PLR0913 -- each is a seam, all by name
        self,
        *,
        controller: str,
        queue: WorkQueue[K],
        reconcile: Callable[[K], Result],
        describe: Callable[[K], Mapping[str, object]],
        clock: Clock,
        new_id: Callable[[], str],
        count: int = 16,
        budget: float = 60.0,
        metrics: WorkerMetrics | None = None,
    ) -> None:
        self._controller = controller
        self._queue = queue
        self._reconcile = reconcile
        self._describe = describe
        self._clock = clock
        self._new_id = new_id
        self._count = count
        self._budget = budget
        self._metrics: WorkerMetrics = NoWorkerMetrics() if metrics is None else metrics
        # Conflicts in a row per key. A key is with one worker at a time, so no two write one entry.
        self._conflicts: dict[K, int] = {}
        self._threads: tuple[threading.Thread, ...] = ()

    # -- with threads

    def start(self) -> None:
        """Start the threads; they end when the queue is shut down and nothing is ready."""
        self._threads = tuple(
            threading.Thread(target=self._run, name=f"{self._controller} {n}", daemon=True)
            for n in range(self._count)
        )
        for thread in self._threads:
            thread.start()

    def health(self, limit: float) -> str | None:
        """Return None, or a sentence if one reconcile has taken more than *limit* seconds so far."""
        longest = self._queue.unfinished().longest
        if longest > limit:
            return f"a reconcile of {self._controller} has been running for {longest:.0f} s"
        dead = sum(not thread.is_alive() for thread in self._threads)
        if dead and not self._queue.closed:
            return f"{dead} of {self._count} workers of {self._controller} have ended"
        return None

    def _run(self) -> None:
        while (key := self._queue.take()) is not None:
            self.process(key)

    # -- without threads

    def run_one(self) -> bool:
        """Handle one key that is ready now; False if there is none."""
        key = self._queue.try_take()
        if key is None:
            return False
        self.process(key)
        return True

    def process(self, key: K) -> None:
        """Reconcile *key*, which was taken from the queue, and give it back."""
        clear_contextvars()
        bind_contextvars(controller=self._controller, reconcile_id=self._new_id(), **self._describe(key))
        self._metrics.active(1)
        began = self._clock.monotonic()
        try:
            outcome: Result | Exception
            try:
                outcome = self._reconcile(key)
            except Exception as error:  # noqa: BLE001 -- settled by its class below
                outcome = error
            verdict = self._settle(key, outcome)
            self._report(verdict, self._clock.monotonic() - began)
        finally:
            self._metrics.active(-1)
            self._queue.done(key)
            clear_contextvars()

    def _settle(self, key: K, outcome: Result | Exception) -> _Verdict:
        """Turn what a reconcile came to into calls on the queue; nothing else makes them."""
        conflicts = self._conflicts.pop(key, 0)
        match outcome:
            case Done(actions=actions, why=why):
                self._queue.forget(key)
                return _Verdict("success", "done", _level(actions), why, actions)
            case After(seconds=seconds, actions=actions, why=why):
                self._queue.forget(key)
                self._queue.add_after(key, seconds)
                return _Verdict("requeue_after", "after", _level(actions), why, actions, seconds)
            case Pending(seconds=seconds, why=why):
                if conflicts:
                    self._conflicts[key] = conflicts
                self._queue.add_after(key, seconds)
                return _Verdict("requeue_after", "pending", "debug", why, (), seconds)
            case ConflictError() if conflicts < CONFLICTS_AT_ONCE:
                self._conflicts[key] = conflicts + 1
                self._queue.add(key)
                return _Verdict("requeue", "conflict", "debug", str(outcome))
            case TerminalError():
                self._queue.forget(key)
                return _Verdict("error", "terminal", "warning", str(outcome))
            case OperatorError():
                asked = outcome.retry_after if isinstance(outcome, TransientError) else None
                wait = self._queue.add_failed(key, asked=min(asked or 0.0, LONGEST_ASKED))
                return _Verdict("error", "transient", "warning", str(outcome), (), wait)
            case Exception():
                wait = self._queue.add_failed(key, at_least=BUG_FLOOR)
                log.error("reconcile fails", exc_info=outcome)
                why = f"a bug: {type(outcome).__name__}: {outcome}"
                return _Verdict("error", "bug", "error", why, (), wait)
            case _:
                assert_never(outcome)

    def _report(self, verdict: _Verdict, seconds: float) -> None:
        """Count one reconcile, and say in one line what came of it."""
        self._metrics.reconciled(verdict.result, seconds)
        if verdict.outcome == "terminal":
            self._metrics.terminal_error()
        if verdict.outcome == "bug":
            self._metrics.panicked()
        if seconds > self._budget:
            self._metrics.timed_out()
        fields: dict[str, object] = {
            "outcome": verdict.outcome,
            "why": verdict.why,
            "actions": list(verdict.actions),
            "seconds": round(seconds, 3),
        }
        if verdict.requeue_after is not None:
            fields["requeue_after"] = round(verdict.requeue_after, 3)
        getattr(log, verdict.level)("reconciled", **fields)


def _level(actions: tuple[str, ...]) -> str:
    """Return at which level a success is told: as news only if the world was changed."""
    return "info" if actions else "debug"
