"""
What a lease is, and what a candidate for it is to do: values, and one pure decision.

No wall time is in the decision: the times in a Lease were written by another's clock.
"""

from __future__ import annotations

from datetime import datetime
import enum
from typing import Protocol

import attrs

# A retry comes after up to this many times its period, so that candidates do not move in step.
JITTER = 1.2


@attrs.frozen(kw_only=True)
class Timing:
    """
    The three durations of a lease, in seconds.

    *lease*: how long others leave it alone. *renew*: after how long without renewal the leader stops
    acting. *retry*: the pause between attempts. Raises `ValueError` unless each leaves room for the
    next.
    """

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0

    def __attrs_post_init__(self) -> None:
        if not self.lease > self.renew > self.retry * JITTER > 0:
            raise ValueError(
                f"a lease of {self.lease} s, renewed within {self.renew} s, retried every "
                f"{self.retry} s: the lease must be longer than the renewal, and that longer than "
                f"{JITTER} retries"
            )

    @property
    def request_deadline(self) -> float:
        """How long one request of the lock may take, in seconds."""
        return max(1.0, self.renew / 2)


@attrs.frozen(kw_only=True)
class LeaseRecord:
    """
    What a Lease says.

    *holder* is "" when nobody has it. Times are aware, in UTC, and for people; None if absent.
    *resource_version* is None for a record that was not read from the server; it is no part of what
    the holder says, so it does not count in comparisons.
    """

    holder: str
    duration_seconds: int
    acquire_time: datetime | None
    renew_time: datetime | None
    transitions: int
    resource_version: str | None = attrs.field(default=None, eq=False)


class LeaseLock(Protocol):
    """
    The Lease object on the server.

    Each call ends within `Timing.request_deadline`. All raise `TransientError` when there was no
    answer (the request may have been carried out) and other `OperatorError`s for refusals.
    """

    def get(self) -> LeaseRecord | None:
        """Return what the Lease says now, None if there is none; not from a cache."""
        ...

    def create(self, record: LeaseRecord) -> LeaseRecord:
        """Create the Lease and return it as stored; `ConflictError` if it exists."""
        ...

    def update(self, record: LeaseRecord) -> LeaseRecord:
        """Replace the Lease at `record.resource_version`; `ConflictError` if it is another by now."""
        ...


# -- the decision


class Step(enum.Enum):
    """What a candidate is to do."""

    TAKE = "take the lease"
    RENEW = "renew the lease"
    STAND_BY = "stand by"
    STEP_DOWN = "step down"


@attrs.frozen(kw_only=True)
class Seen:
    """A lease as we know it; *at* is the monotonic instant at which we first saw it like this."""

    holder: str
    duration: float
    at: float


def decide(*, me: str, seen: Seen | None, last_renewed: float | None, timing: Timing, now: float) -> Step:
    """
    Return what *me* is to do at the monotonic instant *now*.

    *last_renewed* is when our last successful renewal was sent, None if we do not lead. No wall time
    comes in.
    """
    if last_renewed is not None and now - last_renewed >= timing.renew:
        return Step.STEP_DOWN  # also when the last request still hangs
    if seen is None or not seen.holder:
        return Step.TAKE
    if seen.holder == me:
        return Step.RENEW
    if now - seen.at >= seen.duration:
        return Step.TAKE
    return Step.STAND_BY if last_renewed is None else Step.STEP_DOWN
