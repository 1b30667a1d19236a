"""Bytes that are processed at a rate which may change while they are."""

from __future__ import annotations

from collections.abc import Callable
import math

from e2e.simtime import Simulation


class Work:
    """*total* bytes at `rate()` bytes a second; *done* is called when the last byte is through.

    Nothing is scheduled but the end, so that six hours of work are one step of the simulation.
    Whoever changes what `rate()` returns calls `rerate`.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        total: float,
        rate: Callable[[], float],
        done: Callable[[], None],
        least: float = 0.0,
    ) -> None:
        self._simulation = simulation
        self.total = total
        self._rate = rate
        self._done = done
        self._completed = 0.0
        self._since = simulation.now
        self._speed = rate()
        # Only the callback of the newest schedule counts; None once finished or cancelled.
        self._schedule: int | None = 0
        self._least = simulation.now + least
        self._plan()

    @property
    def running(self) -> bool:
        """Whether it is neither finished nor cancelled."""
        return self._schedule is not None

    @property
    def completed(self) -> int:
        """The bytes that are through by now."""
        if self._schedule is None:
            return int(self._completed)
        passed = self._simulation.now - self._since
        through = 0.0 if passed == 0 else passed * self._speed
        return int(min(self.total, self._completed + through))

    def rerate(self) -> None:
        """Go on at the present rate."""
        if self._schedule is None:
            return
        self._completed = float(self.completed)
        self._since = self._simulation.now
        self._speed = self._rate()
        self._plan()

    def cancel(self) -> None:
        """Stop where it is; *done* will not be called."""
        self._completed = float(self.completed)
        self._schedule = None

    def _plan(self) -> None:
        if self._schedule is None:
            return
        self._schedule += 1
        this = self._schedule
        left = self.total - self._completed
        seconds = left / self._speed if self._speed > 0 else math.inf
        if left <= 0:
            seconds = 0.0
        if math.isinf(seconds):
            return
        seconds = max(seconds, self._least - self._simulation.now)
        self._simulation.after(seconds, lambda: self._end(this))

    def _end(self, schedule: int) -> None:
        if schedule != self._schedule:
            return
        self._completed = self.total
        self._schedule = None
        self._done()
