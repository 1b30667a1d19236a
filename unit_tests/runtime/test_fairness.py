"""What a reader may rely on: a cluster in trouble costs the others nothing but its own short turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import random
import threading

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from structlog.testing import capture_logs

from controller.domain.errors import ConflictError, TerminalError, TransientError
from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import RealClock, SteppedClock
from controller.runtime.queue import Priority, WorkQueue
from controller.runtime.resync import Resync
from controller.runtime.workers import After, Done, Result, Workers

# How long each reconcile takes, in seconds; sums of it are exact.
TURN = 0.125
BAD = "bad"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep a hundred thousand lines from being printed."""
    with capture_logs():
        yield


@attrs.define
class Day:
    """One worker and its queue, on a clock that only turns and `until` move."""

    outcome: Callable[[str], Result]
    clock: SteppedClock = attrs.field(factory=SteppedClock)
    queue: WorkQueue[str] = attrs.field(init=False)
    workers: Workers[str] = attrs.field(init=False)
    # When an event about a key came that nobody has looked at yet.
    asked: dict[str, float] = attrs.field(factory=dict)
    # How long each event waited for the beginning of its turn.
    waits: list[tuple[str, float]] = attrs.field(factory=list)
    turns: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        dice = random.Random(1)  # noqa: S311 -- a day that can be repeated
        self.queue = WorkQueue(clock=self.clock, backoff=KeyBackoff(roll=dice.random))
        self.workers = Workers(
            controller="clusters",
            queue=self.queue,
            reconcile=self.reconcile,
            describe=lambda key: {"name": key},
            clock=self.clock,
            new_id=lambda: "id",
        )

    def event(self, key: str, priority: Priority = Priority.HIGH) -> None:
        """Tell that something happened to *key* now."""
        self.asked.setdefault(key, self.clock.monotonic())
        self.queue.add(key, priority)

    def reconcile(self, key: str) -> Result:
        """Take a turn."""
        if key in self.asked:
            self.waits.append((key, self.clock.monotonic() - self.asked.pop(key)))
        self.turns.append(key)
        self.clock.advance(TURN)
        return self.outcome(key)

    def until(self, instant: float) -> None:
        """Let the worker take turns until *instant*, or until its last turn has passed it."""
        while self.clock.monotonic() < instant:
            if not self.workers.run_one():
                due = self.queue.next_due()
                self.clock.advance_to(instant if due is None else min(due, instant))

    def longest_wait(self) -> float:
        """The longest that a healthy key waited."""
        return max(wait for key, wait in self.waits if key != BAD)


def failing(failure: Callable[[], Result]) -> Callable[[str], Result]:
    """Return what becomes of turns: the bad key's always fail, the others' never do."""
    return lambda key: failure() if key == BAD else Done()


def transient() -> Result:
    """No answer."""
    raise TransientError("no answer")


def conflict() -> Result:
    """Somebody writes first, each time."""
    raise ConflictError("somebody else wrote")


def terminal() -> Result:
    """It cannot be done."""
    raise TerminalError("refused")


def bug() -> Result:
    """An error of ours."""
    raise KeyError("spec")


FAILURES = [transient, conflict, terminal, bug, lambda: After(seconds=0.01)]


@pytest.mark.parametrize("failure", FAILURES, ids=["transient", "conflict", "terminal", "bug", "at once"])
def test_one_key_that_always_fails_delays_no_other(failure: Callable[[], Result]) -> None:
    """An hour with one worker: an event about a healthy key waits for one turn of the bad one at most."""

    def hour(outcome: Callable[[str], Result]) -> Day:
        day = Day(outcome)
        day.event(BAD)
        for second in range(3600):
            day.until(float(second))
            # A dozen healthy clusters, each with something new every twelve seconds.
            day.event(f"good-{second % 12}")
        day.until(3610.0)
        return day

    bad, calm = hour(failing(failure)), hour(failing(Done))

    assert len([key for key, _ in bad.waits if key != BAD]) == 3600
    assert calm.longest_wait() <= TURN
    assert bad.longest_wait() <= calm.longest_wait() + TURN


@pytest.mark.parametrize(
    ("failure", "most"),
    [(transient, 60), (conflict, 250), (terminal, 1), (bug, 60)],
    ids=["transient", "conflict", "terminal", "bug"],
)
def test_a_key_that_always_fails_is_tried_less_and_less(failure: Callable[[], Result], most: int) -> None:
    """In an hour without events: not at all after a terminal failure, at longer and longer pauses else."""
    day = Day(failing(failure))
    day.event(BAD)

    day.until(3600.0)

    assert 1 <= len(day.turns) <= most


def test_a_crowd_that_fails_lets_events_through() -> None:
    """A hundred clusters whose nodes do not answer, and one worker: what succeeds waits a few turns."""
    day = Day(lambda key: transient() if key.startswith("ill") else Done())
    for number in range(100):
        day.event(f"ill-{number}")
    # After the first rush the hundred come back at ever longer pauses.
    day.until(600.0)
    for second in range(600, 1200):
        day.until(float(second))
        day.event("good")
    day.until(1210.0)

    waits = sorted(wait for key, wait in day.waits if key == "good")
    assert len(waits) == 600
    assert waits[len(waits) // 2] <= 2 * TURN
    assert waits[-1] <= 20 * TURN


def test_an_event_passes_the_crowd_of_a_resync() -> None:
    """A thousand clusters are due, and an event comes: it is next, and so are those after it."""
    day = Day(lambda _key: Done())
    for number in range(1000):
        day.queue.add(f"crowd-{number:04}", Priority.LOW)
    day.until(100 * TURN)
    day.event("news")
    day.until(102 * TURN)

    assert day.turns[100:] == ["news", "crowd-0100"]
    assert day.longest_wait() == 0

    day.until(1010 * TURN)
    assert len(set(day.turns)) == 1001


def test_an_event_about_one_of_the_crowd_takes_it_out_of_the_crowd() -> None:
    """It is handled at once, and not a second time when its place in the crowd comes."""
    day = Day(lambda _key: Done())
    for number in range(50):
        day.queue.add(f"crowd-{number}", Priority.LOW)
    day.event("crowd-49")
    day.until(10.0)

    assert day.turns[0] == "crowd-49"
    assert len(day.turns) == 50


def test_a_resync_reaches_everyone_beside_a_key_that_always_fails() -> None:
    """Low priority waits for the others' turns, and not for the others to be well."""
    day = Day(failing(transient))
    day.event(BAD)
    resync = Resync(
        queue=day.queue,
        keys=lambda: tuple(f"good-{n}" for n in range(100)),
        clock=day.clock,
        roll=random.Random(2).random,  # noqa: S311 -- a day that can be repeated
    )
    for minute in range(1, 24):
        day.until(minute * 60.0)
        resync.step()

    assert min(day.turns.count(f"good-{n}") for n in range(100)) == 2


def test_a_reconcile_that_hangs_costs_one_worker() -> None:
    """The others go on, and its own key waits for it: no second worker takes it."""
    hung, free = threading.Event(), threading.Event()
    seen: list[str] = []

    def reconcile(key: str) -> Result:
        seen.append(key)
        if key == BAD:
            hung.set()
            assert free.wait(10)
        return Done()

    queue: WorkQueue[str] = WorkQueue(clock=RealClock(), backoff=KeyBackoff(roll=lambda: 1.0))
    workers = Workers(
        controller="clusters",
        queue=queue,
        reconcile=reconcile,
        describe=lambda key: {"name": key},
        clock=RealClock(),
        new_id=lambda: "id",
        count=2,
    )
    workers.start()
    queue.add(BAD)
    assert hung.wait(10)
    queue.add(BAD)
    for number in range(50):
        queue.add(f"good-{number}")
    while len(seen) < 51:
        assert not queue.drain(0.01)

    assert seen.count(BAD) == 1
    free.set()
    assert queue.drain(10)
    assert seen.count(BAD) == 2
    queue.shut_down()


@settings(max_examples=30, deadline=None)
@given(
    bad=st.sampled_from(FAILURES),
    events=st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 5.0)), min_size=1, max_size=60),
)
def test_whatever_comes_waits_for_those_before_it_and_one_bad_turn(
    bad: Callable[[], Result], events: list[tuple[int, float]]
) -> None:
    """An event waits for at most one turn of each other key, and one that is under way."""
    day = Day(failing(bad))
    day.event(BAD)
    for number, pause in events:
        day.until(day.clock.monotonic() + pause)
        day.event(f"good-{number}")
    day.until(day.clock.monotonic() + 60.0)

    assert not [key for key in day.asked if key != BAD]
    assert day.longest_wait() <= 7 * TURN
