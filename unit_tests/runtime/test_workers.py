"""What a reader may rely on: what a reconcile came to decides, in one place, when its key comes again."""

from __future__ import annotations

from collections.abc import Callable
import threading

import attrs
import pytest
import structlog
from structlog.testing import capture_logs

from controller.domain.errors import (
    ConflictError,
    ExpiredError,
    NotFoundError,
    NotLeadingError,
    TerminalError,
    TransientError,
)
from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import RealClock, SteppedClock
from controller.runtime.queue import Priority, WorkQueue
from controller.runtime.store import Key
from controller.runtime.workers import After, Done, NoWorkerMetrics, Pending, Result, Workers, describe_key

KEY = Key("ns", "a")


class _Counts:
    def __init__(self) -> None:
        self.calls: list[object] = []

    def active(self, change: int) -> None:
        self.calls.append(change)

    def reconciled(self, result: str, seconds: float) -> None:
        self.calls.append((result, seconds))

    def terminal_error(self) -> None:
        self.calls.append("terminal")

    def panicked(self) -> None:
        self.calls.append("panic")

    def timed_out(self) -> None:
        self.calls.append("timeout")


@attrs.define
class Rig:
    """Workers without threads, whose reconcile does what it is told."""

    clock: SteppedClock
    queue: WorkQueue[Key]
    workers: Workers[Key]
    counts: _Counts
    outcomes: list[Result | Exception]

    def run(self, *outcomes: Result | Exception) -> None:
        """Reconcile once with each outcome, whenever the key is ready."""
        for outcome in outcomes:
            self.outcomes.append(outcome)
            assert self.workers.run_one()

    def wait(self) -> float | None:
        """In how many seconds the key is ready again; None if it is not to come."""
        due = self.queue.next_due()
        return None if due is None else due - self.clock.monotonic()


def rig(seconds: float = 0.0) -> Rig:
    """A key that is ready, backoffs at their bound, and reconciles that take *seconds*."""
    clock, counts = SteppedClock(), _Counts()
    outcomes: list[Result | Exception] = []

    def reconcile(key: Key) -> Result:
        assert key == KEY
        clock.advance(seconds)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    queue: WorkQueue[Key] = WorkQueue(clock=clock, backoff=KeyBackoff(roll=lambda: 1.0))
    workers = Workers(
        controller="clusters",
        queue=queue,
        reconcile=reconcile,
        describe=describe_key,
        clock=clock,
        new_id=lambda: "id-1",
        metrics=counts,
    )
    queue.add(KEY)
    return Rig(clock, queue, workers, counts, outcomes)


def test_nothing_ready_is_nothing_done() -> None:
    """For those who drive it without threads."""
    it = rig()
    it.run(Done())

    assert not it.workers.run_one()


@pytest.mark.parametrize(
    ("outcome", "wait", "counted"),
    [
        (Done(), None, [("success", 3.0)]),
        (After(seconds=30.0), 30.0, [("requeue_after", 3.0)]),
        (ConflictError("409"), 0.0, [("requeue", 3.0)]),
        (TransientError("reset"), 0.5, [("error", 3.0)]),
        (TransientError("busy", retry_after=60.0), 60.0, [("error", 3.0)]),
        (TransientError("busy", retry_after=0.0), 0.5, [("error", 3.0)]),
        (TransientError("busy", retry_after=86_400.0), 300.0, [("error", 3.0)]),
        (NotFoundError("404"), 0.5, [("error", 3.0)]),
        (ExpiredError("410"), 0.5, [("error", 3.0)]),
        (NotLeadingError("lost"), 0.5, [("error", 3.0)]),
        (TerminalError("422"), None, [("error", 3.0), "terminal"]),
        (ZeroDivisionError("oops"), 30.0, [("error", 3.0), "panic"]),
    ],
)
def test_an_outcome_decides_when_the_key_comes_again(
    outcome: Result | Exception, wait: float | None, counted: list[object]
) -> None:
    """And what is counted; every key is given back."""
    it = rig(seconds=3.0)

    it.run(outcome)

    assert it.wait() == wait
    assert it.counts.calls == [1, *counted, -1]
    assert it.queue.unfinished().count == 0


def test_a_busy_server_is_left_alone_for_as_long_as_it_asked() -> None:
    """Events that come meanwhile, such as those of our own writes, change nothing of that."""
    it = rig()
    it.run(TransientError("busy", retry_after=5.0))

    for _ in range(4):
        it.queue.add(KEY)
        it.clock.advance(1.0)
        assert not it.workers.run_one()

    assert it.wait() == 1.0


def test_failures_wait_longer_until_one_succeeds() -> None:
    """Success, planned or not, forgets them; so does what cannot be cured by waiting."""
    for end in (Done(), After(seconds=1.0), TerminalError("422")):
        it = rig()
        for expected in (0.5, 1.0, 2.0):
            it.run(TransientError("reset"))
            assert it.wait() == expected
            it.clock.advance(expected)
        it.run(end)
        it.queue.add(KEY)

        it.run(TransientError("reset"))

        assert it.wait() == 0.5


def test_a_bug_waits_half_a_minute_at_least() -> None:
    """And longer once its backoff is longer."""
    it = rig()
    waits = []
    for _ in range(8):
        it.run(ValueError("oops"))
        wait = it.wait()
        assert wait is not None
        waits.append(wait)
        it.clock.advance(wait)

    assert waits == [30.0, 30.0, 30.0, 30.0, 30.0, 30.0, 32.0, 64.0]


def test_three_conflicts_in_a_row_are_tried_at_once() -> None:
    """The fourth waits like any failure; then there are three again."""
    it = rig()
    waits = []
    for _ in range(5):
        it.run(ConflictError("409"))
        wait = it.wait()
        assert wait is not None
        waits.append(wait)
        it.clock.advance(wait)

    assert waits == [0.0, 0.0, 0.0, 0.5, 0.0]


def test_what_is_pending_is_neither_a_success_nor_a_failure() -> None:
    """It comes again when it is told to; failures and conflicts before it go on counting."""
    it = rig()
    pending = Pending(seconds=30.0)
    it.run(pending)
    assert it.wait() == 30.0
    it.queue.add(KEY)
    for expected in (0.5, 1.0, 2.0):
        it.run(TransientError("reset"))
        assert it.wait() == expected
        it.clock.advance(expected)
        it.run(pending)
        it.queue.add(KEY)
    waits = []
    for _ in range(4):
        it.run(ConflictError("409"))
        wait = it.wait()
        assert wait is not None
        waits.append(wait)
        it.clock.advance(wait)
        it.run(pending)
        it.queue.add(KEY)

    assert waits == [0.0, 0.0, 0.0, 4.0]


@pytest.mark.parametrize("between", [Done(), After(seconds=0.1), TransientError("reset")])
def test_conflicts_that_are_not_in_a_row_are_not_counted_together(between: Result | Exception) -> None:
    """Anything else in between starts the count anew."""
    it = rig()
    for _ in range(2):
        it.run(ConflictError("409"), ConflictError("409"))
        it.run(between)
        it.clock.advance(1.0)
        it.queue.add(KEY)

    it.run(ConflictError("409"))

    assert it.wait() == 0.0


def test_an_event_during_a_reconcile_is_not_lost() -> None:
    """Even if that reconcile ends well."""
    it = rig()
    it.outcomes.append(Done())
    key = it.queue.try_take()
    assert key is not None
    it.queue.add(key)

    it.workers.process(key)

    assert it.wait() == 0.0


def test_a_low_priority_key_stays_one() -> None:
    """What the resync brought and is to be looked at again does not push events aside."""
    it = rig()
    it.run(Done())
    it.queue.add(KEY, Priority.LOW)

    it.run(After(seconds=5.0))
    it.clock.advance(5.0)

    assert it.queue.depth() == {Priority.HIGH: 0, Priority.LOW: 1}


def test_a_reconcile_that_takes_too_long_is_counted() -> None:
    """Beside how it ended."""
    it = rig(seconds=60.5)

    it.run(Done())

    assert it.counts.calls == [1, ("success", 60.5), "timeout", -1]


def test_after_needs_a_time_to_come() -> None:
    """To look again at once is no result: it would be a loop."""
    with pytest.raises(ValueError, match="must be > 0"):
        After(seconds=0.0)


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (
            Done(actions=("ApplyStatefulSet",), why="spec changed"),
            {"outcome": "done", "log_level": "info", "actions": ["ApplyStatefulSet"], "why": "spec changed"},
        ),
        (Done(), {"outcome": "done", "log_level": "debug", "actions": [], "why": ""}),
        (
            After(seconds=5.0, why="a node joins"),
            {"outcome": "after", "log_level": "debug", "why": "a node joins", "requeue_after": 5.0},
        ),
        (ConflictError("409"), {"outcome": "conflict", "log_level": "debug", "why": "409"}),
        (
            TransientError("reset"),
            {"outcome": "transient", "log_level": "warning", "why": "reset", "requeue_after": 0.5},
        ),
        (TerminalError("422"), {"outcome": "terminal", "log_level": "warning", "why": "422"}),
        (
            KeyError("spec"),
            {"outcome": "bug", "log_level": "error", "why": "a bug: KeyError: 'spec'", "requeue_after": 30.0},
        ),
    ],
)
def test_one_line_says_what_came_of_it(outcome: Result | Exception, line: dict[str, object]) -> None:
    """News only if the world was changed, or could not be."""
    it = rig(seconds=0.25)

    with capture_logs() as logs:
        it.run(outcome)

    last = logs[-1]
    assert last["event"] == "reconciled"
    assert last["seconds"] == 0.25
    assert {key: last[key] for key in line} == line
    assert ("requeue_after" in last) == ("requeue_after" in line)


def test_a_bug_is_logged_with_its_traceback() -> None:
    """On a line of its own, since it may be long."""
    it = rig()
    error = ZeroDivisionError("oops")

    with capture_logs() as logs:
        it.run(error)

    assert [(each["event"], each.get("exc_info")) for each in logs] == [
        ("reconcile fails", error),
        ("reconciled", None),
    ]


def test_log_lines_of_a_reconcile_say_whose_they_are() -> None:
    """By context variables, which are gone afterwards."""
    it = rig()
    seen: list[dict[str, object]] = []

    def reconcile(_key: Key) -> Result:
        seen.append(structlog.contextvars.get_contextvars())
        return Done()

    it.workers._reconcile = reconcile
    it.workers.run_one()

    assert seen == [{"controller": "clusters", "reconcile_id": "id-1", "namespace": "ns", "name": "a"}]
    assert structlog.contextvars.get_contextvars() == {}


def test_what_ends_the_thread_gives_the_key_back() -> None:
    """A thread that dies does not take its key with it."""
    it = rig()

    def reconcile(_key: Key) -> Result:
        raise SystemExit

    it.workers._reconcile = reconcile
    with pytest.raises(SystemExit):
        it.workers.run_one()

    assert it.queue.unfinished().count == 0
    assert it.counts.calls == [1, -1]


def threaded(reconcile: Callable[[Key], Result], count: int) -> tuple[Workers[Key], WorkQueue[Key]]:
    """Workers on the real clock, started."""
    queue: WorkQueue[Key] = WorkQueue(clock=RealClock(), backoff=KeyBackoff(roll=lambda: 0.0))
    workers = Workers(
        controller="clusters",
        queue=queue,
        reconcile=reconcile,
        describe=describe_key,
        clock=RealClock(),
        new_id=lambda: "id",
        count=count,
    )
    workers.start()
    return workers, queue


def test_many_threads_handle_many_keys_once() -> None:
    """At the same time, each key by one of them."""
    lock = threading.Lock()
    seen: list[Key] = []
    together = threading.Barrier(4)

    def reconcile(key: Key) -> Result:
        together.wait(10)
        with lock:
            seen.append(key)
        return Done()

    workers, queue = threaded(reconcile, count=4)
    keys = [Key("ns", str(n)) for n in range(12)]
    for key in keys:
        queue.add(key)
    queue.shut_down()

    assert queue.drain(10)
    assert sorted(seen) == sorted(keys)
    for thread in workers._threads:
        thread.join(10)
    assert workers.health(60.0) is None
    assert isinstance(workers._metrics, NoWorkerMetrics)


def test_a_reconcile_that_hangs_is_told() -> None:
    """For the health check."""
    it = rig()
    it.queue.try_take()
    it.clock.advance(120.0)
    assert it.workers.health(120.0) is None

    it.clock.advance(1.0)

    assert it.workers.health(120.0) == "a reconcile of clusters has been running for 121 s"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_dead_workers_are_told() -> None:
    """They would be missed only when there is much to do."""

    def reconcile(_key: Key) -> Result:
        raise SystemExit

    workers, queue = threaded(reconcile, count=2)
    assert workers.health(60.0) is None
    queue.add(KEY)
    assert queue.drain(10)
    while workers.health(60.0) is None:
        for thread in workers._threads:
            thread.join(0.001)

    assert workers.health(60.0) == "1 of 2 workers of clusters have ended"
    queue.shut_down()
