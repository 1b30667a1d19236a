"""
How fast requests may follow one another.

- Up to *burst* at once, then *rate* a second; what is not used is saved up, to *burst*.
- First come, first served: who waits has a place in line, and nobody overtakes.
- Who would have to wait too long is told at once, and takes nobody's place.
"""

from __future__ import annotations

import threading

from controller.runtime.clock import Clock, wait_for


class Pace:
    """A token bucket, safe for threads: *rate* tokens a second, *burst* at most."""

    def __init__(self, *, clock: Clock, rate: float, burst: int) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"{rate:g} requests a second and {burst} at once are no pace")
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._lock = threading.Lock()
        # Below 0 when some wait: so many have a place in line.
        self._tokens = float(burst)
        self._at = clock.monotonic()

    def take(self, patience: float) -> bool:
        """Wait for a turn, if it comes within *patience* seconds; whether it has come."""
        due = self._reserve(patience)
        if due is None:
            return False
        mine = threading.Condition()
        with mine:
            wait_for(self._clock, mine, lambda: self._clock.monotonic() >= due, deadline=due)
        return True

    def _reserve(self, patience: float) -> float | None:
        """Return the instant of the next free turn, and take it; None if it is too far off."""
        with self._lock:
            now = self._clock.monotonic()
            self._tokens = min(float(self._burst), self._tokens + (now - self._at) * self._rate)
            self._at = now
            wait = max(0.0, 1 - self._tokens) / self._rate
            if wait > patience:
                return None
            self._tokens -= 1
            return now + wait
