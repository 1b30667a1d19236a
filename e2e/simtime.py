"""
Simulated time: what happens next, in an order that only the seed decides.

Everything in a simulation that takes time is a callback at an instant. Two callbacks at the same
instant run in the order in which they were asked for, so that the same seed gives the same history.
It has no threads, and nothing here looks at the machine's clock.
"""

from __future__ import annotations

from collections.abc import Callable
import heapq
import itertools
import random

# 2026-01-01T00:00:00Z: simulated clusters all begin here, so that histories can be compared.
EPOCH = 1_767_225_600.0


class Simulation:
    """A clock that moves only when told to, with the work that is due at each instant."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)  # noqa: S311 -- histories must repeat, not surprise
        self.now = EPOCH
        self._order = itertools.count()
        # (due, order of asking, callback); the order breaks ties, so callbacks are never compared.
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run *callback* in *seconds* from now; 0 means after all that is already due now."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), callback))

    def next_due(self) -> float | None:
        """The instant of the next callback, or None if nothing is to come."""
        return self._due[0][0] if self._due else None

    def step(self) -> bool:
        """Move to the next callback and run it; False if there is none."""
        if not self._due:
            return False
        due, _, callback = heapq.heappop(self._due)
        self.now = max(self.now, due)
        callback()
        return True

    def run_until(self, instant: float) -> None:
        """Run everything due up to and including *instant*, and leave the clock there."""
        while self._due and self._due[0][0] <= instant:
            self.step()
        self.now = max(self.now, instant)
