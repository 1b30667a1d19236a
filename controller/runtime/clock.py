"""
Time, as something that is handed in.

Whoever waits or measures in this package does it through a `Clock`, so that a test or a simulator
moves time itself, and no test sleeps.

- A duration is a difference of `monotonic()` values, in seconds; it never goes back.
- `now()` is for people and for other programs to read. It may jump, and no decision rests on it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import threading
import time
from typing import Protocol

import attrs

# The wall clock of a stepped clock starts here, so that recorded outputs can be compared.
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What time it is, and how to wait for it."""

    def monotonic(self) -> float:
        """Return seconds since some instant; only differences mean something."""
        ...

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    def wait_until(self, condition: threading.Condition, deadline: float | None) -> None:
        """
        Wait until *condition* is notified or `monotonic()` reaches *deadline*; None is for ever.

        The caller holds *condition*, and holds it again afterwards. It may wake without cause: the
        caller looks again at what it waits for. An instant, and not a number of seconds, so that
        time which passes between reading the clock and waiting on it is not waited for twice.
        """
        ...


def wait_for(
    clock: Clock,
    condition: threading.Condition,
    predicate: Callable[[], bool],
    *,
    deadline: float | None,
) -> bool:
    """
    Wait, holding *condition*, until *predicate* is true; False if *deadline* came first.

    *deadline* is an instant of `clock.monotonic()`, None waits for ever.
    """
    while not predicate():
        if deadline is not None and clock.monotonic() >= deadline:
            return False
        clock.wait_until(condition, deadline)
    return True


# The one that also counts while the machine is suspended, where there is one: a leader that slept
# through its lease must not think that no time has passed.
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class RealClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Return the machine's clock since boot in seconds, suspended time included if it can."""
        return time.clock_gettime(_MONOTONIC)

    def now(self) -> datetime:
        """Return the machine's wall clock."""
        return datetime.now(tz=UTC)

    def wait_until(self, condition: threading.Condition, deadline: float | None) -> None:
        """Wait as `Clock` says."""
        if deadline is None:
            condition.wait()
        else:
            condition.wait(max(0.0, deadline - self.monotonic()))


@attrs.define(eq=False)
class _Waiter:
    """One thread in `SteppedClock.wait_until`."""

    condition: threading.Condition
    deadline: float | None


class SteppedClock:
    """
    A clock that moves only when it is told to.

    With threads: each waits in `wait_until` until another calls `advance`. Without: a simulator
    calls `advance_to` and then whatever is due; nothing may wait then, since nobody would wake it.
    """

    def __init__(self, *, start: float = 0.0, now: datetime = START) -> None:
        self._lock = threading.Lock()
        self._waits = threading.Condition(self._lock)
        self._monotonic = start
        # The wall clock is _monotonic + _wall; a jump changes _wall alone.
        self._wall = now - timedelta(seconds=start)
        self._waiters: list[_Waiter] = []

    def monotonic(self) -> float:
        """Return the instant that the clock was moved to."""
        return self._monotonic

    def now(self) -> datetime:
        """Return the wall clock: moved along by `advance`, and apart from it by `jump`."""
        return self._wall + timedelta(seconds=self._monotonic)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and wake whoever waited for an instant that is now reached."""
        self.advance_to(self._monotonic + seconds)

    def advance_to(self, instant: float) -> None:
        """Let time pass until *instant*; an instant in the past changes nothing."""
        with self._lock:
            self._monotonic = max(self._monotonic, instant)
            due = [w for w in self._waiters if _is_due(w, self._monotonic)]
            # Taken out here and not by the thread that wakes, so that who waits *now* can be asked
            # for right after the step.
            self._waiters = [w for w in self._waiters if w not in due]
        for waiter in due:
            with waiter.condition:
                waiter.condition.notify_all()

    def jump(self, seconds: float) -> None:
        """Set the wall clock by *seconds*, forward or back; durations do not notice."""
        self._wall += timedelta(seconds=seconds)

    def wait_until(self, condition: threading.Condition, deadline: float | None) -> None:
        """Wait as `Clock` says, for an instant of this clock."""
        waiter = _Waiter(condition, deadline)
        with self._lock:
            if _is_due(waiter, self._monotonic):
                return
            self._waiters.append(waiter)
            self._waits.notify_all()
        # The caller still holds *condition*, so a step between here and there cannot be missed.
        condition.wait()
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def await_waiters(self, count: int, *, seconds: float = 10.0) -> None:
        """
        Block, for at most *seconds* of real time, until *count* threads wait in this clock.

        For tests with threads: step only when everyone has come to rest. A thread that was woken, but not
        by a step, counts until it runs. Raises `TimeoutError`.
        """
        with self._lock:
            if not self._waits.wait_for(lambda: len(self._waiters) >= count, seconds):
                raise TimeoutError(f"{len(self._waiters)} of {count} threads wait")

    def await_deadline(self, deadline: float | None, *, seconds: float = 10.0) -> None:
        """Block, for at most *seconds* of real time, until a thread waits for just this *deadline*."""
        with self._lock:
            if not self._waits.wait_for(lambda: deadline in {w.deadline for w in self._waiters}, seconds):
                raise TimeoutError(f"nobody waits for {deadline}, but for {self._waiters}")


def _is_due(waiter: _Waiter, now: float) -> bool:
    return waiter.deadline is not None and waiter.deadline <= now
