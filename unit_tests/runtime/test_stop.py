"""What a reader may rely on: the end is told once, and comes in time even if a step hangs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import signal
import threading

import pytest
from structlog.testing import capture_logs

from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import SteppedClock
from controller.runtime.queue import Priority, WorkQueue
from controller.runtime.resync import Resync
from controller.runtime.stop import (
    Shutdown,
    StepEnded,
    StepFailed,
    StepLeft,
    StepOutcome,
    StopSignal,
    StopStep,
    install,
)


def test_the_first_reason_stays() -> None:
    """It began there; what follows is its echo."""
    stop = StopSignal(clock=SteppedClock())
    assert (stop.requested, stop.why, stop.wait(0.0)) == (False, "", False)

    stop.request("the lease was lost")
    stop.request("SIGTERM")

    assert (stop.requested, stop.why, stop.wait()) == (True, "the lease was lost", True)


def test_who_waits_is_woken() -> None:
    """At once, or when the wait is over."""
    clock = SteppedClock()
    stop = StopSignal(clock=clock)
    results: list[bool] = []
    patient = threading.Thread(target=lambda: results.append(stop.wait()))
    patient.start()
    clock.await_deadline(None)
    hasty = threading.Thread(target=lambda: results.append(stop.wait(5.0)))
    hasty.start()
    clock.await_deadline(5.0)
    clock.advance(5.0)
    hasty.join(10)
    assert results == [False]

    stop.request("enough")
    patient.join(10)

    assert results == [False, True]


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put the test process' own handlers back."""
    saved = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    yield
    for each, handler in saved.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_the_end(number: signal.Signals) -> None:
    """Once; the next one of its kind does what it would have done without us."""
    stop = StopSignal(clock=SteppedClock())
    install(stop)

    signal.raise_signal(number)

    assert stop.why == f"the process received {number.name}"
    assert signal.getsignal(number) is signal.SIG_DFL


@pytest.mark.usefixtures("handlers")
def test_a_signal_may_come_while_the_main_thread_has_the_lock() -> None:
    """A handler runs in the middle of anything, and must not wait for what it interrupts."""
    stop = StopSignal(clock=SteppedClock())
    install(stop)

    with stop._changed:
        signal.raise_signal(signal.SIGTERM)

    assert stop.requested


def shutdown(clock: SteppedClock, *steps: tuple[str, float, Callable[[float], str | None]]) -> Shutdown:
    """A shutdown of (name, seconds, action)."""
    return Shutdown((StopStep(name=n, seconds=s, action=a) for n, s, a in steps), clock=clock)


def test_steps_run_in_order_and_know_their_time() -> None:
    """One after the other."""
    seen: list[tuple[str, float]] = []
    outcomes = shutdown(
        SteppedClock(),
        ("queues", 1.0, lambda seconds: seen.append(("queues", seconds))),
        ("workers", 4.0, lambda seconds: seen.append(("workers", seconds))),
    ).run()

    assert seen == [("queues", 1.0), ("workers", 4.0)]
    assert outcomes == (StepEnded(name="queues", seconds=0.0), StepEnded(name="workers", seconds=0.0))


def test_a_step_that_fails_does_not_stop_the_others() -> None:
    """Whether it says so or raises."""

    def broken(_seconds: float) -> str | None:
        raise KeyError("lease")

    with capture_logs() as logs:
        outcomes = shutdown(
            SteppedClock(),
            ("workers", 4.0, lambda _seconds: "2 workers are still busy"),
            ("lease", 2.0, broken),
            ("last", 1.0, lambda _seconds: None),
        ).run()

    assert outcomes == (
        StepFailed(name="workers", seconds=0.0, why="2 workers are still busy"),
        StepFailed(name="lease", seconds=0.0, why="it raised KeyError: 'lease'"),
        StepEnded(name="last", seconds=0.0),
    )
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == [
        "stop step fails",
        "stop step raises",
        "stop step fails",
    ]


def test_a_step_that_hangs_is_left_behind() -> None:
    """After its time, and the next one has all of its own."""
    clock = SteppedClock()
    free = threading.Event()
    seen: list[float] = []
    outcomes: list[tuple[StepOutcome, ...]] = []
    ending = shutdown(
        clock,
        ("hang", 4.0, lambda _seconds: None if free.wait(10) else "gave up"),
        ("lease", 2.0, seen.append),
    )
    thread = threading.Thread(target=lambda: outcomes.append(ending.run()))
    thread.start()
    clock.await_deadline(4.0)
    clock.advance(4.0)
    thread.join(10)
    free.set()

    assert outcomes == [(StepLeft(name="hang", seconds=4.0), StepEnded(name="lease", seconds=0.0))]
    assert seen == [2.0]


def test_a_shutdown_that_could_take_too_long_is_refused() -> None:
    """Kubernetes kills at some time: who comes last must not find that out."""
    with pytest.raises(ValueError, match="the steps may take 10 s together, the limit is 10 s"):
        shutdown(SteppedClock(), ("a", 6.0, lambda _s: None), ("b", 4.0, lambda _s: None))


# -- the resync, which runs until the end


def resync(clock: SteppedClock) -> tuple[Resync[str], WorkQueue[str]]:
    """A resync of two keys, spread by half of its bound."""
    queue: WorkQueue[str] = WorkQueue(clock=clock, backoff=KeyBackoff(roll=lambda: 1.0))
    return Resync(queue=queue, keys=lambda: ("a", "b"), clock=clock, roll=lambda: 0.5), queue


def test_every_key_comes_once_a_period_at_low_priority() -> None:
    """The first time after a whole period, since at the start all are added anyway."""
    clock = SteppedClock()
    slow, queue = resync(clock)
    assert slow.step() == 600.0
    assert queue.next_due() is None
    clock.advance(600.0)

    assert slow.step() == 1200.0
    assert slow.step() == 1200.0

    assert queue.next_due() == 630.0
    clock.advance(30.0)
    assert queue.depth() == {Priority.HIGH: 0, Priority.LOW: 2}


def test_the_resync_ends_with_the_process() -> None:
    """Its thread sleeps between the rounds."""
    clock = SteppedClock()
    slow, queue = resync(clock)
    stop = StopSignal(clock=clock)
    thread = threading.Thread(target=slow.run, args=(stop,))
    thread.start()
    clock.await_deadline(600.0)
    clock.advance(600.0)
    clock.await_deadline(1200.0)

    stop.request("enough")
    thread.join(10)

    assert not thread.is_alive()
    assert queue.next_due() == 630.0
