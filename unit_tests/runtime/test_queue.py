"""What a reader may rely on: the promises at the top of `controller.runtime.queue`, one by one."""

from __future__ import annotations

import collections
import random
import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
import pytest

from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import RealClock, SteppedClock
from controller.runtime.queue import NoQueueMetrics, Priority, Unfinished, WorkQueue

HIGH, LOW = Priority.HIGH, Priority.LOW


class _Counts:
    """Keeps what the queue counts, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []

    def added(self, priority: Priority) -> None:
        self.calls.append(("added", priority))

    def taken(self, waited: float) -> None:
        self.calls.append(("taken", waited))

    def finished(self, worked: float) -> None:
        self.calls.append(("finished", worked))

    def retried(self) -> None:
        self.calls.append(("retried", 0))


def stepped() -> tuple[WorkQueue[str], SteppedClock, _Counts]:
    """A queue whose backoff is always at its bound."""
    clock, counts = SteppedClock(), _Counts()
    return WorkQueue(clock=clock, backoff=KeyBackoff(roll=lambda: 1.0), metrics=counts), clock, counts


def take_all(queue: WorkQueue[str]) -> list[str]:
    """Take and finish all that is ready."""
    taken = []
    while (key := queue.try_take()) is not None:
        taken.append(key)
        queue.done(key)
    return taken


def test_first_come_first_served() -> None:
    """Within one priority."""
    queue, _, _ = stepped()
    for key in "cab":
        queue.add(key)

    assert take_all(queue) == ["c", "a", "b"]


def test_a_key_added_many_times_is_handled_once() -> None:
    """As long as it is not taken in between."""
    queue, _, _ = stepped()
    for _ in range(3):
        queue.add("a")

    assert take_all(queue) == ["a"]


def test_a_key_is_with_one_worker_at_a_time() -> None:
    """Added while it is handled it waits, and is handled once more."""
    queue, _, _ = stepped()
    queue.add("a")
    assert queue.try_take() == "a"

    queue.add("a")
    queue.add("a")

    assert queue.try_take() is None
    queue.done("a")
    assert take_all(queue) == ["a"]


def test_low_priority_waits_for_high() -> None:
    """Events go before the resync, and a resynced key that has an event goes with the events."""
    queue, _, _ = stepped()
    queue.add("slow", LOW)
    queue.add("promoted", LOW)
    queue.add("quick")
    queue.add("promoted")
    queue.add("promoted", LOW)

    assert take_all(queue) == ["quick", "promoted", "slow"]


def test_the_priority_of_a_running_key_is_raised_too() -> None:
    """For the time after it is done."""
    queue, _, _ = stepped()
    queue.add("a")
    queue.try_take()
    queue.add("a", LOW)
    queue.add("b", LOW)
    queue.add("a")

    queue.done("a")

    assert take_all(queue) == ["a", "b"]


def test_a_delayed_key_is_ready_when_it_is_due() -> None:
    """Not earlier, and at the end of those that were ready before."""
    queue, clock, _ = stepped()
    queue.add_after("a", 5.0)
    queue.add("b")

    assert queue.try_take() == "b"
    assert queue.try_take() is None
    assert queue.next_due() == 5.0

    clock.advance(5.0)

    assert queue.next_due() == 5.0
    assert queue.try_take() == "a"
    assert queue.next_due() is None


def test_delayed_keys_come_in_the_order_in_which_they_are_due() -> None:
    """However late somebody looks."""
    queue, clock, _ = stepped()
    queue.add_after("b", 2.0)
    queue.add_after("c", 3.0)
    queue.add_after("a", 1.0)
    clock.advance(10.0)

    assert take_all(queue) == ["a", "b", "c"]


def test_the_earliest_delay_counts() -> None:
    """A later one is swallowed by it, in either order."""
    queue, clock, _ = stepped()
    queue.add_after("a", 5.0)
    queue.add_after("a", 9.0)
    queue.add_after("b", 9.0)
    queue.add_after("b", 5.0)

    clock.advance(5.0)
    assert sorted(take_all(queue)) == ["a", "b"]

    clock.advance(100.0)
    assert take_all(queue) == []


def test_no_delay_is_now() -> None:
    """Nor is a negative one."""
    queue, _, _ = stepped()
    queue.add_after("a", 0.0)
    queue.add_after("b", -1.0)

    assert take_all(queue) == ["a", "b"]


def test_an_event_ends_the_delay() -> None:
    """The key is handled now, with the higher of both priorities, and not again later."""
    queue, clock, _ = stepped()
    queue.add_after("a", 5.0, HIGH)
    queue.add("b", LOW)
    queue.add("a", LOW)

    assert take_all(queue) == ["a", "b"]
    clock.advance(10.0)
    assert take_all(queue) == []


def test_a_delay_does_not_hold_back_a_ready_key() -> None:
    """It may raise its priority."""
    queue, clock, _ = stepped()
    queue.add("b", LOW)
    queue.add("a", LOW)
    queue.add_after("a", 5.0, HIGH)

    assert take_all(queue) == ["a", "b"]
    clock.advance(10.0)
    assert take_all(queue) == []


def test_a_key_that_comes_due_while_it_is_handled_waits_for_its_worker() -> None:
    """And is not lost."""
    queue, clock, _ = stepped()
    queue.add("a")
    queue.try_take()
    queue.add_after("a", 5.0)
    clock.advance(5.0)

    assert queue.try_take() is None
    queue.done("a")
    assert take_all(queue) == ["a"]


def test_a_worker_gives_a_key_back_with_the_priority_it_had() -> None:
    """A resync that fails does not come back among the events."""
    queue, clock, _ = stepped()
    queue.add("a", LOW)
    queue.try_take()
    queue.add_failed("a")
    queue.done("a")
    clock.advance(0.5)
    queue.add("b")

    assert take_all(queue) == ["b", "a"]


def test_failures_wait_longer_each_time() -> None:
    """Until the key is forgotten."""
    queue, clock, _ = stepped()
    waits = []
    for _ in range(3):
        waits.append(queue.add_failed("a"))
        clock.advance(waits[-1])
        assert take_all(queue) == ["a"]
    assert (waits, queue.failures("a")) == ([0.5, 1.0, 2.0], 3)

    queue.forget("a")

    assert queue.failures("a") == 0
    assert queue.add_failed("a") == 0.5


def test_the_other_side_may_ask_for_more_patience() -> None:
    """But not for less."""
    queue, _, _ = stepped()

    assert queue.add_failed("a", at_least=60.0) == 60.0
    assert queue.add_failed("b", at_least=0.1) == 0.5
    assert queue.next_due() == 0.5


def test_who_was_asked_to_wait_does_so_whatever_happens() -> None:
    """Events before, during and after the failure, more failures and shorter waits: none comes sooner."""
    queue, clock, _ = stepped()
    queue.add("a")
    queue.try_take()
    queue.add("a")

    queue.add_failed("a", asked=7.0)
    queue.done("a")
    for _ in range(6):
        queue.add("a")
        queue.add_after("a", 0.5)
        clock.advance(1.0)
        assert queue.try_take() is None
    due = queue.next_due()
    clock.advance(1.0)

    assert due == 7.0
    assert queue.try_take() == "a"


def test_an_event_while_a_key_has_to_wait_is_not_lost() -> None:
    """The key comes when the other side allows it, not after the longer wait of its failures."""
    queue, clock, _ = stepped()
    for _ in range(5):
        queue.add("a")
        queue.try_take()
        queue.add_failed("a")
        queue.done("a")
    queue.add("a")
    queue.try_take()

    assert queue.add_failed("a", asked=1.0) == 16.0
    queue.done("a")
    queue.add("a", LOW)

    clock.advance(1.0)
    assert queue.try_take() == "a"


def test_one_that_waits_holds_up_nobody() -> None:
    """And once its time is over an event is at once again."""
    queue, clock, _ = stepped()
    queue.add("a")
    queue.add_failed("a", asked=5.0)
    queue.add("b")

    assert (queue.try_take(), queue.try_take()) == ("b", None)

    clock.advance(5.0)
    assert queue.try_take() == "a"
    queue.done("a")
    queue.add("a")
    assert queue.try_take() == "a"


def test_giving_back_what_was_not_taken_is_a_bug() -> None:
    """It would let two workers have one key."""
    queue, _, _ = stepped()
    queue.add("a")

    with pytest.raises(ValueError, match="'a' is not being handled"):
        queue.done("a")


def test_after_shut_down_only_what_was_ready_is_handed_out() -> None:
    """Nothing is added, and what was delayed is dropped; a running key's second turn is kept."""
    queue, clock, _ = stepped()
    queue.add("a")
    queue.add("b")
    queue.add_after("later", 1.0)
    queue.try_take()
    queue.add("a")

    queue.shut_down()
    queue.add("c")
    queue.add_after("c", 0.5)
    queue.add_failed("c")
    queue.done("a")
    clock.advance(10.0)

    assert queue.closed
    assert queue.next_due() == 10.0
    assert [queue.take(), queue.take(), queue.take()] == ["b", "a", None]


def test_shut_down_can_drop_what_was_not_begun() -> None:
    """So that a full queue does not hold up the end."""
    queue, _, _ = stepped()
    for key in "ab":
        queue.add(key)
    queue.try_take()
    queue.add("a")

    queue.shut_down(drop=True)
    queue.done("a")

    assert queue.take() is None
    assert queue.drain(0.0)


def test_drain_waits_for_the_worker() -> None:
    """It is over when nothing is ready or running, and gives up in time."""
    queue, clock, _ = stepped()
    queue.add("a")
    queue.try_take()
    queue.shut_down()
    assert not queue.drain(0.0)
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(queue.drain(None))),
        threading.Thread(target=lambda: results.append(queue.drain(20.0))),
    ]
    for thread in threads:
        thread.start()
    clock.await_waiters(2)

    queue.done("a")
    for thread in threads:
        thread.join(5)

    assert results == [True, True]


def test_take_waits_for_a_key() -> None:
    """For one that is added, one that comes due, and for the end."""
    queue, clock, _ = stepped()
    taken: list[str | None] = []

    def run() -> None:
        while taken[-1:] != [None]:
            key = queue.take()
            taken.append(key)
            if key is not None:
                queue.done(key)

    thread = threading.Thread(target=run)
    thread.start()
    clock.await_waiters(1)
    queue.add_after("later", 5.0)
    clock.await_deadline(5.0)
    clock.advance(5.0)
    clock.await_deadline(None)
    queue.add("now")
    queue.shut_down()
    thread.join(5)

    assert taken == ["later", "now", None]


def test_void_timers_do_not_pile_up() -> None:
    """A key that has an event long before each of its delays costs one timer."""
    queue, _, _ = stepped()
    for _ in range(1000):
        queue.add_after("a", 600.0)
        queue.add("a")
        assert take_all(queue) == ["a"]
    queue.add_after("b", 1.0)

    assert len(queue._timers) < 200
    assert queue.next_due() == 1.0


def test_metrics_mean_what_client_go_means() -> None:
    """One addition per turn in the queue, waits from the time of being ready, work from being taken."""
    queue, clock, counts = stepped()
    queue.add("a")
    queue.add("a")
    clock.advance(1.0)
    queue.try_take()
    queue.add("a", LOW)
    clock.advance(2.0)
    queue.done("a")
    queue.add_after("b", 4.0, LOW)
    clock.advance(6.0)
    queue.try_take()
    queue.try_take()
    queue.add_failed("c")

    assert counts.calls == [
        ("added", HIGH),
        ("taken", 1.0),
        ("added", LOW),
        ("finished", 2.0),
        ("added", LOW),
        ("taken", 8.0),
        ("taken", 2.0),
        ("retried", 0),
    ]


def test_depth_and_unfinished_work_can_be_read() -> None:
    """Keys that wait for their worker count as ready; delayed ones do not, until they are due."""
    queue, clock, _ = stepped()
    assert queue.unfinished() == Unfinished(count=0, total=0.0, longest=0.0)
    for key in "ab":
        queue.add(key)
    queue.add("c", LOW)
    queue.add_after("d", 9.0, LOW)
    queue.try_take()
    clock.advance(1.0)
    queue.try_take()
    queue.add("a", LOW)
    clock.advance(2.0)

    assert queue.depth() == {HIGH: 0, LOW: 2}
    assert queue.unfinished() == Unfinished(count=2, total=5.0, longest=3.0)

    clock.advance(6.0)

    assert queue.depth() == {HIGH: 0, LOW: 3}


def test_counting_is_optional() -> None:
    """Without metrics everything works the same."""
    queue: WorkQueue[str] = WorkQueue(clock=SteppedClock(), backoff=KeyBackoff(roll=lambda: 0.0))
    queue.add_failed("a")

    assert queue.try_take() == "a"
    queue.done("a")
    assert isinstance(queue._metrics, NoQueueMetrics)


class _Crowd:
    """What many threads do to one queue, and what they saw."""

    def __init__(self) -> None:
        dice = random.Random(1)  # noqa: S311 -- a test that can be repeated
        self.queue: WorkQueue[int] = WorkQueue(clock=RealClock(), backoff=KeyBackoff(roll=dice.random))
        self.lock = threading.Lock()
        self.added: collections.Counter[int] = collections.Counter()
        self.seen: collections.Counter[int] = collections.Counter()
        self.busy: set[int] = set()
        self.wrong: list[int] = []

    def produce(self, number: int) -> None:
        dice = random.Random(number)  # noqa: S311 -- a test that can be repeated
        for _ in range(40):
            key = dice.randrange(30)
            with self.lock:
                self.added[key] += 1
            self.queue.add_after(key, dice.choice([0.0, dice.random() / 1000]), dice.choice([HIGH, LOW]))

    def consume(self) -> None:
        while (key := self.queue.take()) is not None:
            with self.lock:
                if key in self.busy:
                    self.wrong.append(key)
                self.busy.add(key)
                self.seen[key] = self.added[key]
            with self.lock:
                self.busy.discard(key)
            self.queue.done(key)


def test_fifty_producers_and_ten_consumers() -> None:
    """No key is lost, none is with two workers, and a last addition is always followed by a turn."""
    crowd = _Crowd()
    producers = [threading.Thread(target=crowd.produce, args=(n,)) for n in range(50)]
    consumers = [threading.Thread(target=crowd.consume) for _ in range(10)]
    for thread in (*consumers, *producers):
        thread.start()
    for thread in producers:
        thread.join(30)
    while crowd.queue.next_due() is not None:
        assert crowd.queue.drain(30)
    assert crowd.queue.drain(30)
    crowd.queue.shut_down()
    for thread in consumers:
        thread.join(30)

    assert not crowd.wrong
    assert crowd.seen == crowd.added
    assert crowd.queue.unfinished().count == 0


KEYS = st.sampled_from("abcd")
PRIORITIES = st.sampled_from(list(Priority))
SECONDS = st.integers(-1, 6).map(float)


class _QueueMachine(RuleBasedStateMachine):
    """The queue against a naive model: a list of wishes, searched from the front each time."""

    def __init__(self) -> None:
        super().__init__()
        self.queue, self.clock, _ = stepped()
        # Key -> [instant, order of coming, priority]; one wish per key.
        self.wishes: dict[str, tuple[float, int, Priority]] = {}
        self.running: dict[str, Priority] = {}
        self.order = 0
        self.closed = False

    def ripen(self) -> None:
        """Give those that came due their place, in the order in which they did."""
        now = self.clock.monotonic()
        due = sorted(
            (at, order, key) for key, (at, order, _) in self.wishes.items() if order < 0 and at <= now
        )
        for at, _, key in due:
            self.order += 1
            self.wishes[key] = (at, self.order, self.wishes[key][2])

    def wish(self, key: str, seconds: float, priority: Priority) -> None:
        """Orders of ready wishes count up from 1; those of delayed ones are negative, oldest first."""
        if self.closed:
            return
        self.ripen()
        now = self.clock.monotonic()
        old = self.wishes.get(key)
        if old is not None:
            priority = max(priority, old[2])
        if old is not None and old[1] > 0:
            order = old[1]
            if priority > old[2] and key not in self.running:
                self.order += 1
                order = self.order
            self.wishes[key] = (old[0], order, priority)
        elif seconds <= 0:
            self.order += 1
            self.wishes[key] = (now, self.order, priority)
        else:
            self.order += 1
            at = now + seconds if old is None else min(now + seconds, old[0])
            self.wishes[key] = (at, self.order - 1_000_000, priority)

    def next_key(self) -> str | None:
        self.ripen()
        ready = [
            (-priority, order, key)
            for key, (_, order, priority) in self.wishes.items()
            if order > 0 and key not in self.running
        ]
        return min(ready)[2] if ready else None

    @rule(key=KEYS, priority=PRIORITIES)
    def add(self, key: str, priority: Priority) -> None:
        self.queue.add(key, priority)
        self.wish(key, 0, priority)

    @rule(key=KEYS, seconds=SECONDS, priority=st.none() | PRIORITIES)
    def add_after(self, key: str, seconds: float, priority: Priority | None) -> None:
        self.queue.add_after(key, seconds, priority)
        self.wish(key, seconds, self.running.get(key, HIGH) if priority is None else priority)

    @rule(key=KEYS)
    def add_failed(self, key: str) -> None:
        self.wish(key, self.queue.add_failed(key), self.running.get(key, HIGH))

    @rule()
    def take(self) -> None:
        key = self.next_key()
        assert self.queue.try_take() == key
        if key is not None:
            self.running[key] = self.wishes.pop(key)[2]

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        self.ripen()
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.queue.done(key)
        del self.running[key]
        if key in self.wishes and self.wishes[key][1] > 0:
            # Its place in line is that of its return, its wait that of its wish.
            self.order += 1
            self.wishes[key] = (self.wishes[key][0], self.order, self.wishes[key][2])

    @rule(seconds=st.integers(0, 4))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: not self.closed)
    @rule(drop=st.booleans())
    def shut_down(self, drop: bool) -> None:  # noqa: FBT001 -- Hypothesis passes it by name
        # The queue does not look at the clock here: what came due unseen is dropped with the delayed.
        self.queue.next_due()
        self.ripen()
        self.queue.shut_down(drop=drop)
        self.closed = True
        self.wishes = {k: w for k, w in self.wishes.items() if w[1] > 0 and not drop}

    @invariant()
    def agrees(self) -> None:
        self.ripen()
        now = self.clock.monotonic()
        ready = [wish for wish in self.wishes.values() if wish[1] > 0]
        expected = {p: sum(1 for wish in ready if wish[2] is p) for p in Priority}
        assert self.queue.depth() == expected
        assert self.queue.unfinished().count == len(self.running)
        takeable = any(w[1] > 0 and key not in self.running for key, w in self.wishes.items())
        delayed = [wish[0] for wish in self.wishes.values() if wish[1] < 0]
        assert self.queue.next_due() == (now if takeable else min(delayed, default=None))


TestQueueMachine = _QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
