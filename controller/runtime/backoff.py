"""
How long to wait after a failure.

- The wait grows by a factor from a first value to a limit, per consecutive failure.
- Full jitter: the wait is drawn evenly between 0 and that bound, so that many who failed together do
  not come back together.
- Randomness comes in from outside; nothing here reads a clock or waits.

None of it is safe to use from several threads without a lock of the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

K = TypeVar("K")

# A number in [0, 1), as `random.Random.random` gives it.
Roll = Callable[[], float]


@attrs.frozen(kw_only=True)
class Growth:
    """A bound that grows by *factor* per failure, from *first* to *limit*, in seconds."""

    first: float = attrs.field(validator=attrs.validators.gt(0))
    factor: float = attrs.field(default=2.0, validator=attrs.validators.gt(1))
    limit: float = attrs.field(validator=attrs.validators.gt(0))

    def bound(self, failures: int) -> float:
        """Return the longest wait after *failures* consecutive failures, of which 1 is the first."""
        bound = min(self.first, self.limit)
        # Not a power: 2.0 ** 1024 does not fit, and a key may fail that often in a week.
        for _ in range(failures - 1):
            if bound >= self.limit:
                break
            bound = min(bound * self.factor, self.limit)
        return bound


# What one key of a queue waits for: 0.5 s, 1 s, 2 s ... 5 min.
PER_KEY = Growth(first=0.5, limit=300.0)
# What a broken connection waits for: 0.8 s, 1.6 s ... 30 s.
RECONNECT = Growth(first=0.8, limit=30.0)


class KeyBackoff(Generic[K]):
    """Consecutive failures per key, and the wait that follows from them."""

    def __init__(self, *, roll: Roll, growth: Growth = PER_KEY) -> None:
        self._roll = roll
        self._growth = growth
        # Holds failing keys only: a key that succeeds is forgotten, so it cannot grow without end.
        self._failures: dict[K, int] = {}

    def failed(self, key: K) -> float:
        """Count one more failure of *key* and return how many seconds to wait."""
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        return self._growth.bound(failures) * self._roll()

    def forget(self, key: K) -> None:
        """Let the next failure of *key* be its first."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how often *key* has failed since it was last forgotten."""
        return self._failures.get(key, 0)


@attrs.frozen(kw_only=True)
class Reconnect:
    """
    Failures of one connection, as a value.

    A connection that was well for *reset_after* seconds since its last failure starts anew: else one
    bad hour would make every later hiccup cost the longest wait.
    """

    growth: Growth = RECONNECT
    reset_after: float = 120.0
    failures: int = 0
    # The monotonic instant of the last failure plus its wait: from here on health counts.
    resumed_at: float | None = None

    def failed(self, now: float, roll: float) -> tuple[Reconnect, float]:
        """Return the value after a failure at *now*, and how many seconds to wait."""
        well = self.resumed_at is not None and now - self.resumed_at >= self.reset_after
        failures = 1 if well else self.failures + 1
        wait = self.growth.bound(failures) * roll
        return attrs.evolve(self, failures=failures, resumed_at=now + wait), wait
