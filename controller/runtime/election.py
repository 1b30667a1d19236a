"""
One leader among several candidates, by a lease.

- At most one candidate at a time has `may_act()` true, however late requests and answers are, as long
  as no clock runs faster than another by the ratio of the lease's duration to the renew deadline (15
  to 10), and nobody but candidates writes the Lease.
- `may_act()` compares instants of our own monotonic clock and nothing else: it turns false in time
  when a renewal hangs, and when the wall clock jumps.
- Another's clock is never read: a lease is over when *we* have seen it unchanged for its duration.
- Who has lost the lease does not get it back: the process is to end, and a fresh one to stand.

It does not fence: between asking `may_act()` and the arrival of a write there is time. Writes need
preconditions of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
import enum
import math
import threading
from typing import Protocol, assert_never

import attrs
import structlog

from controller.domain.errors import ConflictError, NotFoundError, NotLeadingError, OperatorError
from controller.runtime.backoff import Roll
from controller.runtime.clock import Clock, wait_for
from controller.runtime.lease import (
    JITTER,
    LeaseLock,
    LeaseRecord,
    Seen,
    Step,
    Timing,
    decide,
)

__all__ = ["Election", "ElectionMetrics", "LeaseLock", "LeaseRecord", "Timing"]

log = structlog.get_logger(__name__)


class ElectionMetrics(Protocol):
    """What an election reports."""

    def leading(self, *, on: bool) -> None:
        """We lead, or do not."""


class NoElectionMetrics:
    """Reports nothing."""

    def leading(self, *, on: bool) -> None:
        """Do nothing."""


class _Role(enum.Enum):
    CANDIDATE = "candidate"
    LEADER = "leader"
    # We led, or were told to stop: nothing leads out of it.
    OVER = "over"


class Election:
    """
    One candidate, named *identity*, which no other process ever had or will have.

    *on_started* is called once it leads, *on_lost* with a sentence when it has lost the lease; never
    both for a candidate that stops by itself. They run on threads of the election and must return at
    once: set an event, do not work. `start` runs two daemon threads, one for requests and one that
    waits for the deadline, so that a loss is noticed while a request hangs. Without threads, call
    `step` at the instants that it returns, and `check` as time passes.
    """

    def __init__(  # noqa: PLR0913 -- each is a seam, all by name
        self,
        *,
        lock: LeaseLock,
        identity: str,
        clock: Clock,
        roll: Roll,
        on_started: Callable[[], None],
        on_lost: Callable[[str], None],
        timing: Timing | None = None,
        metrics: ElectionMetrics | None = None,
    ) -> None:
        self.identity = identity
        self._lock = lock
        self._clock = clock
        self._roll = roll
        self._on_started = on_started
        self._on_lost = on_lost
        self._timing = timing if timing is not None else Timing()
        self._metrics: ElectionMetrics = NoElectionMetrics() if metrics is None else metrics
        # Guards _role and _renewed. Never held during a request or a callback.
        self._changed = threading.Condition()
        self._role = _Role.CANDIDATE
        # When the last successful renewal was sent: sent and not answered, since the server may have
        # stored it any time in between. Invariant: None unless _role is LEADER.
        self._renewed: float | None = None
        # The Lease as the server last told it, None if there is none; what the next write replaces.
        self._stored: LeaseRecord | None = None
        # The last promise that was seen. A Lease that is deleted does not end it: its holder may
        # still act on it.
        self._seen: Seen | None = None
        self._release = False
        # Since when the request under way, if there is one, has been so.
        self._asking: float | None = None
        self._thread: threading.Thread | None = None
        self._metrics.leading(on=False)

    # -- for everyone

    def may_act(self) -> bool:
        """Whether a write may be sent now. Cheap: ask right before each."""
        # Read once, as another thread may set it to None; without the lock, so nothing delays it.
        renewed = self._renewed
        return renewed is not None and self._clock.monotonic() - renewed < self._timing.renew

    def fence(self) -> None:
        """Raise `NotLeadingError` unless a write may be sent now."""
        if not self.may_act():
            raise NotLeadingError(f"{self.identity} does not hold the lease")

    def leader(self) -> str:
        """Return who held the lease when it was last seen, "" if nobody; for people."""
        seen = self._seen
        return "" if seen is None else seen.holder

    def health(self, limit: float) -> str | None:
        """
        Return None, or a sentence if the thread has ended, or has waited *limit* seconds for one answer.

        That requests fail is no illness of ours: a fresh process would fare no better.
        """
        if self._role is _Role.OVER:
            return None
        if self._thread is not None and not self._thread.is_alive():
            return "the thread that renews the lease has ended"
        asking = self._asking
        waited = 0.0 if asking is None else self._clock.monotonic() - asking
        if waited > limit:
            return f"a request for the lease has been under way for {waited:.0f} s"
        return None

    # -- without threads

    def step(self) -> float | None:
        """
        Make one attempt to take, renew or look at the lease.

        Returns the instant of the clock's `monotonic()` at which to call again, None when it is over.
        """
        self.check()
        if self._role is _Role.OVER:
            return None
        self._asking = self._clock.monotonic()
        try:
            self._attempt()
        except OperatorError as error:
            log.warning("lease request fails", error=str(error))
        except Exception:
            log.exception("lease request fails")
        finally:
            self._asking = None
        self.check()
        return self._next_attempt()

    def check(self) -> None:
        """Step down if the last renewal is too long ago."""
        renewed = self._renewed
        if renewed is not None and self._clock.monotonic() - renewed >= self._timing.renew:
            self._lose(f"the lease was not renewed for {self._timing.renew:g} s")

    # -- with threads

    def start(self) -> None:
        """Stand as a candidate until `stop`, or until the lease is lost."""
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch_deadline, name="lease deadline", daemon=True).start()

    def stop(self, *, release: bool, seconds: float = 0.0) -> bool:
        """
        Stop acting at once; with *release* give the lease away, so that another need not wait.

        Release only when nothing that was begun as leader is still under way. It is one request, made
        by the thread if there is one; this waits up to *seconds* of real time for it, and tells
        whether it is over. If it fails the others wait for the lease to end.
        """
        with self._changed:
            self._role = _Role.OVER
            self._renewed = None
            self._release = release
            self._changed.notify_all()
        self._metrics.leading(on=False)
        if self._thread is None:
            self._give_away()
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        due: float | None = self._clock.monotonic()
        while due is not None:
            due = self.step()
            with self._changed:
                wait_for(self._clock, self._changed, self._is_over, deadline=due)
        self._give_away()

    def _watch_deadline(self) -> None:
        while True:
            with self._changed:
                if self._is_over():
                    return
                # Read with the lock held: becoming leader between reading and waiting would otherwise go
                # unnoticed. A renewal needs no waking, it only moves the deadline.
                renewed = self._renewed
                deadline = None if renewed is None else renewed + self._timing.renew
                self._clock.wait_until(self._changed, deadline)
            self.check()

    def _is_over(self) -> bool:
        return self._role is _Role.OVER

    def _next_attempt(self) -> float | None:
        if self._is_over():
            return None
        now = self._clock.monotonic()
        due = now + self._timing.retry * (1 + (JITTER - 1) * self._roll())
        seen = self._seen
        if seen is not None and seen.holder and seen.holder != self.identity:
            end = seen.at + seen.duration
            if now < end < due:
                return end
        return due

    # -- requests, by one thread only

    def _attempt(self) -> None:
        if self._role is _Role.LEADER:
            try:
                self._write()
            except (ConflictError, NotFoundError):
                log.info("lease was changed by another")
            else:
                return
        self._observe(self._lock.get())
        step = decide(
            me=self.identity,
            seen=self._seen,
            last_renewed=self._renewed,
            timing=self._timing,
            now=self._clock.monotonic(),
        )
        match step:
            case Step.TAKE | Step.RENEW:
                self._write()
            case Step.STAND_BY:
                pass
            case Step.STEP_DOWN:
                self._lose(f"the lease is held by {self.leader()}")
            case _:
                assert_never(step)

    def _write(self) -> None:
        """Take or renew the lease, on the state of it that was last read."""
        sent = self._clock.monotonic()
        record = self._next_record()
        write = self._lock.create if self._stored is None else self._lock.update
        stored = write(record)
        self._observe(stored)
        self._renew(sent)

    def _next_record(self) -> LeaseRecord:
        now = self._clock.now()
        old = self._stored
        if old is not None and old.renew_time == now:
            # A renewal that changes nothing is no renewal to those who watch: a clock may stand.
            now += timedelta(microseconds=1)
        mine = old is not None and old.holder == self.identity
        return LeaseRecord(
            holder=self.identity,
            # Up: the others must not wait for less.
            duration_seconds=math.ceil(self._timing.lease),
            acquire_time=old.acquire_time if old is not None and mine else now,
            renew_time=now,
            transitions=0 if old is None else old.transitions + (0 if mine else 1),
            resource_version=None if old is None else old.resource_version,
        )

    def _observe(self, record: LeaseRecord | None) -> None:
        before, self._stored = self._stored, record
        if record is None or (record == before and self._seen is not None):
            return
        if self.leader() != record.holder:
            log.info("lease changes hands", holder=record.holder, was=self.leader())
        # Without a duration of its own it gets ours: better to wait too long.
        duration = float(record.duration_seconds)
        self._seen = Seen(
            holder=record.holder,
            duration=duration if duration > 0 else self._timing.lease,
            at=self._clock.monotonic(),
        )

    def _give_away(self) -> None:
        if not self._release or self._stored is None or self._stored.holder != self.identity:
            return
        now = self._clock.now()
        try:
            self._lock.update(
                attrs.evolve(self._stored, holder="", duration_seconds=1, acquire_time=now, renew_time=now)
            )
            log.info("lease is released")
        except OperatorError as error:
            log.warning("lease is not released", error=str(error))

    # -- changes of role

    def _renew(self, sent: float) -> None:
        """Count a renewal that was sent at the instant *sent* and has now been confirmed."""
        # An answer after the deadline brings nothing back: somebody was told already that we do not
        # lead, or would have been.
        self.check()
        if self._clock.monotonic() - sent >= self._timing.renew:
            return
        with self._changed:
            if self._role is _Role.OVER:
                return
            starts = self._role is _Role.CANDIDATE
            self._role = _Role.LEADER
            self._renewed = sent
            self._changed.notify_all()
        if starts:
            log.info("leading starts", holder=self.identity)
            self._metrics.leading(on=True)
            _call(self._on_started)

    def _lose(self, why: str) -> None:
        with self._changed:
            if self._role is not _Role.LEADER:
                return
            self._role = _Role.OVER
            self._renewed = None
            self._changed.notify_all()
        log.warning("leading ends", holder=self.leader(), why=why)
        self._metrics.leading(on=False)
        _call(lambda: self._on_lost(why))


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        log.exception("election callback fails")
