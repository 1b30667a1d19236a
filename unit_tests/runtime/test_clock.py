"""What a reader may rely on: time moves only through a clock, and a wait ends when it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
import threading

import pytest

from controller.runtime.clock import START, Clock, RealClock, SteppedClock, wait_for


def waiting_thread(clock: Clock, deadline: float | None) -> tuple[threading.Thread, threading.Condition]:
    """A thread that waits once for *deadline*."""
    condition = threading.Condition()

    def run() -> None:
        with condition:
            clock.wait_until(condition, deadline)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, condition


def test_a_stepped_clock_stands_until_it_is_moved() -> None:
    """Both its times move together by `advance`, and never by themselves."""
    clock = SteppedClock(start=100.0)
    assert (clock.monotonic(), clock.now()) == (100.0, START)

    clock.advance(2.5)

    assert (clock.monotonic(), clock.now()) == (102.5, START + timedelta(seconds=2.5))


def test_a_stepped_clock_does_not_go_back() -> None:
    """An instant in the past changes nothing."""
    clock = SteppedClock()
    clock.advance_to(5.0)

    clock.advance_to(3.0)

    assert clock.monotonic() == 5.0


def test_the_wall_clock_can_jump_alone() -> None:
    """Durations do not notice when somebody sets the time."""
    clock = SteppedClock()

    clock.jump(-3600)

    assert clock.monotonic() == 0.0
    assert clock.now() == START - timedelta(hours=1)


def test_advancing_wakes_who_is_due() -> None:
    """A thread sleeps until its instant is reached, and no longer."""
    clock = SteppedClock()
    thread, _ = waiting_thread(clock, 10.0)
    clock.await_waiters(1)

    clock.advance(9.0)

    assert thread.is_alive()
    clock.await_waiters(1)

    clock.advance(1.0)
    thread.join(5)

    assert not thread.is_alive()


def test_a_wait_for_a_reached_instant_returns_at_once() -> None:
    """Time that passed before the wait began is not waited for again."""
    clock = SteppedClock(start=10.0)
    condition = threading.Condition()

    with condition:
        clock.wait_until(condition, 10.0)


def test_a_notified_wait_ends_before_its_time() -> None:
    """A condition wakes its waiters under a stepped clock as under a real one."""
    clock = SteppedClock()
    thread, condition = waiting_thread(clock, None)
    clock.await_waiters(1)

    with condition:
        condition.notify_all()
    thread.join(5)

    assert not thread.is_alive()


def test_awaiting_waiters_gives_up() -> None:
    """A test that expects a thread which never comes to rest fails instead of hanging."""
    with pytest.raises(TimeoutError, match="0 of 1 threads wait"):
        SteppedClock().await_waiters(1, seconds=0.0)
    with pytest.raises(TimeoutError, match=r"nobody waits for 5\.0"):
        SteppedClock().await_deadline(5.0, seconds=0.0)


def test_wait_for_ends_with_its_predicate_or_its_deadline() -> None:
    """True is what the predicate says; False means that time ran out."""
    clock = SteppedClock()
    condition = threading.Condition()

    with condition:
        assert wait_for(clock, condition, lambda: True, deadline=0.0)
        assert not wait_for(clock, condition, lambda: False, deadline=0.0)


def test_wait_for_looks_again_after_each_wake() -> None:
    """A wake without cause does not end the wait."""
    clock = SteppedClock()
    condition = threading.Condition()
    ready: list[bool] = []
    results: list[bool] = []

    def run() -> None:
        with condition:
            results.append(wait_for(clock, condition, lambda: bool(ready), deadline=None))

    thread = threading.Thread(target=run)
    thread.start()
    clock.await_waiters(1)
    with condition:
        condition.notify_all()
    clock.await_waiters(1)
    with condition:
        ready.append(True)
        condition.notify_all()
    thread.join(5)

    assert results == [True]


def test_the_real_clock_is_the_machine_s() -> None:
    """It goes on, is aware of its zone, and gives up a wait in time."""
    clock = RealClock()
    before = clock.monotonic()
    condition = threading.Condition()

    with condition:
        clock.wait_until(condition, before)
        clock.wait_until(condition, before + 0.001)

    assert clock.monotonic() >= before
    assert abs(clock.now() - datetime.now(tz=UTC)) < timedelta(minutes=1)


def test_the_real_clock_waits_for_a_notification() -> None:
    """Without a deadline only a notification ends the wait."""
    thread, condition = waiting_thread(RealClock(), None)
    while thread.is_alive():
        with condition:
            condition.notify_all()
        thread.join(0.001)
