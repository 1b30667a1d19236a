"""
A queue of keys for workers.

- A key is handled by one worker at a time.
- A key added many times before it is taken is handled once.
- A key added while it is being handled is handled once more, afterwards.
- First come, first served, within a priority; a key of low priority waits until no other is ready.
- A key may be added for later. Asked for twice, the earlier instant and the higher priority count.
- A key is ready or delayed, not both: an event ends the delay, and whoever then handles the key
  decides anew when it is to be looked at again.
- Whom the other side asked to wait is not handed out before that time has passed, whatever happens.
- After `shut_down` nothing is added any more; what was ready is still handed out, what was delayed
  is not.

A key says where to look and never what was seen: events fold into one another here, and an event that
must be counted one by one does not belong into this queue. Nothing is kept over a restart.

Workers block in `take`. Without threads, `try_take` and `next_due` do the same step by step.
"""

from __future__ import annotations

from collections import OrderedDict
import enum
import heapq
import itertools
import threading
from typing import Generic, Protocol, TypeVar

import attrs

from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import Clock, wait_for

K = TypeVar("K")


class Priority(enum.IntEnum):
    """What goes first; the numbers are those of controller-runtime, as its dashboards know them."""

    LOW = -100
    HIGH = 0


class QueueMetrics(Protocol):
    """What a queue counts, with the meanings of client-go. Called with the queue's lock held."""

    def added(self, priority: Priority) -> None:
        """A key became ready that was not."""

    def taken(self, waited: float) -> None:
        """A key was handed out *waited* seconds after it became ready."""

    def finished(self, worked: float) -> None:
        """A worker was done with a key after *worked* seconds."""

    def retried(self) -> None:
        """A key was added because it failed."""


class NoQueueMetrics:
    """Counts nothing."""

    def added(self, priority: Priority) -> None:
        """Do nothing."""

    def taken(self, waited: float) -> None:
        """Do nothing."""

    def finished(self, worked: float) -> None:
        """Do nothing."""

    def retried(self) -> None:
        """Do nothing."""


@attrs.frozen(kw_only=True)
class Unfinished:
    """Work in progress: *count* keys, *total* seconds over all of them, *longest* of one."""

    count: int
    total: float
    longest: float


@attrs.frozen
class _Delay:
    """When a key becomes ready. *order* tells this delay from older ones of the same key."""

    due: float
    order: int
    priority: Priority


@attrs.frozen
class _Ready:
    """With which priority a key is wanted, and since when."""

    priority: Priority
    since: float


class WorkQueue(Generic[K]):
    """
    A queue of hashable keys, safe for many producers and consumers.

    Who takes a key calls `done` with it exactly once, whatever happened in between.
    """

    def __init__(self, *, clock: Clock, backoff: KeyBackoff[K], metrics: QueueMetrics | None = None) -> None:
        self._clock = clock
        self._backoff = backoff
        self._metrics: QueueMetrics = NoQueueMetrics() if metrics is None else metrics
        lock = threading.RLock()
        # Two conditions, so that waking one waiter cannot wake who drains instead of a worker.
        self._changed = threading.Condition(lock)
        self._idle = threading.Condition(lock)
        # Invariant: a key is in at most one of _lines, _again and _delays.
        # Ready and not running, in the order to be handed out; OrderedDict since popping the front
        # of a plain dict gets slow. Invariant: disjoint from _running.
        self._lines: dict[Priority, OrderedDict[K, float]] = {
            priority: OrderedDict() for priority in sorted(Priority, reverse=True)
        }
        # Ready, but running: goes into a line when done. Invariant: a subset of _running.
        self._again: dict[K, _Ready] = {}
        # Not ready yet, running or not.
        self._delays: dict[K, _Delay] = {}
        # The instant before which a key is not to be ready, as the other side asked. Invariant: such a key is
        # in _delays, due no sooner.
        self._barred: dict[K, float] = {}
        # Heap of (due, order, key). Invariant: holds each of _delays; what else it holds is void.
        self._timers: list[tuple[float, int, K]] = []
        # Handed out and not done: since when, and with which priority.
        self._running: dict[K, _Ready] = {}
        self._order = itertools.count()
        self._closed = False

    # -- adding

    def add(self, key: K, priority: Priority = Priority.HIGH) -> None:
        """Make *key* ready now, or raise its priority if it is ready already."""
        with self._changed:
            if not self._closed:
                self._make_ready(key, priority, self._clock.monotonic())

    def add_after(self, key: K, seconds: float, priority: Priority | None = None) -> None:
        """
        Make *key* ready in *seconds*; at once if that is not above 0.

        Without a *priority* it is the one with which the key is being handled, else high.
        """
        with self._changed:
            if not self._closed:
                self._add_after(key, seconds, self._priority_of(key, priority))

    def add_failed(self, key: K, *, at_least: float = 0.0, asked: float = 0.0) -> float:
        """
        Count a failure of *key*, make it ready after its backoff, and return that wait in seconds.

        It is no less than *at_least*, which an event may end. *asked* is for how many seconds the other
        side does not want to hear of it: no event ends that. The priority is that of `add_after`.
        """
        with self._changed:
            now = self._clock.monotonic()
            wait = max(at_least, asked, self._backoff.failed(key))
            if not self._closed:
                self._metrics.retried()
                priority = self._priority_of(key, None)
                if asked > 0:
                    self._barred[key] = now + asked
                    # What happened meanwhile has to wait as well, but no longer than that.
                    ready = self._unready(key)
                    if ready is not None:
                        wait, priority = asked, max(priority, ready)
                self._add_after(key, wait, priority)
            return wait

    def forget(self, key: K) -> None:
        """Let the next failure of *key* be its first; takes nothing out of the queue."""
        with self._changed:
            self._backoff.forget(key)

    def failures(self, key: K) -> int:
        """Return how often *key* has failed in a row."""
        with self._changed:
            return self._backoff.failures(key)

    # -- taking

    def take(self) -> K | None:
        """Wait for the next key; None once the queue is shut down and nothing is ready."""
        with self._changed:
            while True:
                key = self._pop()
                if key is not None or self._closed:
                    return key
                self._clock.wait_until(self._changed, self._next_timer())

    def try_take(self) -> K | None:
        """Return the next key that is ready, None if there is none now; never waits."""
        with self._changed:
            return self._pop()

    def done(self, key: K) -> None:
        """Say that *key* has been handled. Raises `ValueError` if it was not being handled."""
        with self._changed:
            running = self._running.pop(key, None)
            if running is None:
                raise ValueError(f"{key!r} is not being handled")
            self._metrics.finished(self._clock.monotonic() - running.since)
            again = self._again.pop(key, None)
            if again is not None:
                self._lines[again.priority][key] = again.since
                self._changed.notify()
            self._idle.notify_all()

    def next_due(self) -> float | None:
        """
        Return the instant at which `try_take` can next have a key, None if nothing is to come.

        An instant of the clock's `monotonic()`; one that is not in the future means now. A delay of
        a key that is being handled counts too.
        """
        with self._changed:
            now = self._clock.monotonic()
            self._ripen(now)
            if any(self._lines.values()):
                return now
            return self._next_timer()

    # -- ending

    def shut_down(self, *, drop: bool = False) -> None:
        """
        Accept no more keys; `take` returns None when nothing is ready.

        With *drop*, what is ready and not yet taken is dropped too: keys in hand are finished, and
        no others begun.
        """
        with self._changed:
            self._closed = True
            self._delays.clear()
            self._barred.clear()
            self._timers.clear()
            if drop:
                self._again.clear()
                for line in self._lines.values():
                    line.clear()
            self._changed.notify_all()
            self._idle.notify_all()

    @property
    def closed(self) -> bool:
        """Whether it was shut down."""
        return self._closed

    def drain(self, seconds: float | None) -> bool:
        """Wait up to *seconds*, None for ever, until nothing is ready or running; False if not."""
        with self._idle:
            deadline = None if seconds is None else self._clock.monotonic() + seconds
            return wait_for(self._clock, self._idle, self._is_idle, deadline=deadline)

    # -- looking

    def depth(self) -> dict[Priority, int]:
        """Return how many keys are ready, per priority, those included that wait for their worker."""
        with self._changed:
            self._ripen(self._clock.monotonic())
            depth = {priority: len(line) for priority, line in self._lines.items()}
            for ready in self._again.values():
                depth[ready.priority] += 1
            return depth

    def unfinished(self) -> Unfinished:
        """Return how much work is in progress: what grows without end is stuck."""
        with self._changed:
            now = self._clock.monotonic()
            ages = [now - running.since for running in self._running.values()]
            return Unfinished(count=len(ages), total=sum(ages), longest=max(ages, default=0.0))

    # -- with the lock held

    def _priority_of(self, key: K, priority: Priority | None) -> Priority:
        if priority is not None:
            return priority
        running = self._running.get(key)
        return Priority.HIGH if running is None else running.priority

    def _make_ready(self, key: K, priority: Priority, now: float) -> None:
        delay = self._delays.pop(key, None)
        if delay is not None:
            priority = max(priority, delay.priority)
        bar = self._barred.get(key)
        if bar is not None and now < bar:
            self._delay(key, bar, priority)
            return
        self._barred.pop(key, None)
        if self._raise(key, priority):
            return
        self._metrics.added(priority)
        if key in self._running:
            self._again[key] = _Ready(priority, now)
        else:
            self._lines[priority][key] = now
            self._changed.notify()

    def _unready(self, key: K) -> Priority | None:
        """Take *key* out of what is ready, and return its priority there; None if it was not ready."""
        again = self._again.pop(key, None)
        if again is not None:
            return again.priority
        for priority, line in self._lines.items():
            if line.pop(key, None) is not None:
                return priority
        return None

    def _raise(self, key: K, priority: Priority) -> bool:
        """Give *key* at least this priority if it is ready; False if it is not ready."""
        again = self._again.get(key)
        if again is not None:
            self._again[key] = attrs.evolve(again, priority=max(priority, again.priority))
            return True
        for current, line in self._lines.items():
            if key in line:
                if current < priority:
                    self._lines[priority][key] = line.pop(key)
                return True
        return False

    def _add_after(self, key: K, seconds: float, priority: Priority) -> None:
        now = self._clock.monotonic()
        if seconds <= 0:
            self._make_ready(key, priority, now)
            return
        if self._raise(key, priority):
            return
        due = max(now + seconds, self._barred.get(key, now))
        old = self._delays.get(key)
        if old is not None:
            due = min(due, old.due)
            priority = max(priority, old.priority)
        self._delay(key, due, priority)

    def _delay(self, key: K, due: float, priority: Priority) -> None:
        order = next(self._order)
        self._delays[key] = _Delay(due, order, priority)
        heapq.heappush(self._timers, (due, order, key))
        self._sweep()
        self._changed.notify()

    def _sweep(self) -> None:
        """Keep void timers from piling up when keys are taken long before they are due."""
        if len(self._timers) > 2 * len(self._delays) + 64:
            self._timers = [(d.due, d.order, key) for key, d in self._delays.items()]
            heapq.heapify(self._timers)

    def _next_timer(self) -> float | None:
        """Return when the next delay ends, having dropped void timers from the front."""
        while self._timers:
            due, order, key = self._timers[0]
            delay = self._delays.get(key)
            if delay is not None and delay.order == order:
                return due
            heapq.heappop(self._timers)
        return None

    def _ripen(self, now: float) -> None:
        """Make ready what is due."""
        due = self._next_timer()
        while due is not None and due <= now:
            _, _, key = heapq.heappop(self._timers)
            # As `since` counts when it was due, not when somebody looked.
            self._make_ready(key, self._delays[key].priority, due)
            due = self._next_timer()

    def _pop(self) -> K | None:
        now = self._clock.monotonic()
        self._ripen(now)
        for priority, line in self._lines.items():
            if line:
                key, since = line.popitem(last=False)
                self._running[key] = _Ready(priority, now)
                self._metrics.taken(max(0.0, now - since))
                return key
        return None

    def _is_idle(self) -> bool:
        return not self._running and not any(self._lines.values())
