"""
The slow resync: every key once in a while, even if nothing was heard of it.

- Each key is added once per period, give or take a tenth, spread out and at low priority.
- It is a net under lost events and under failures that are not tried again; nothing may depend on it
  to be quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from controller.runtime.backoff import Roll
from controller.runtime.clock import Clock
from controller.runtime.queue import Priority, WorkQueue
from controller.runtime.stop import StopSignal

K = TypeVar("K")


class Resync(Generic[K]):
    """
    Adds what *keys* returns to *queue*, every *period* seconds.

    The first round comes after a whole period: at the start every key is added anyway. *spread* is the
    part of a period over which one round is spread.
    """

    def __init__(  # noqa: PLR0913 -- each is a seam, all by name
        self,
        *,
        queue: WorkQueue[K],
        keys: Callable[[], Iterable[K]],
        clock: Clock,
        roll: Roll,
        period: float = 600.0,
        spread: float = 0.1,
    ) -> None:
        self._queue = queue
        self._keys = keys
        self._clock = clock
        self._roll = roll
        self._period = period
        self._spread = spread
        self._due = clock.monotonic() + period

    def step(self) -> float:
        """Add all keys if a round is due; return the instant of the next round."""
        now = self._clock.monotonic()
        if now >= self._due:
            self._due = now + self._period
            for key in self._keys():
                wait = self._period * self._spread * self._roll()
                self._queue.add_after(key, wait, Priority.LOW)
        return self._due

    def run(self, stop: StopSignal) -> None:
        """Do so until *stop*; for a thread of its own."""
        while not stop.requested:
            stop.wait(self.step() - self._clock.monotonic())
