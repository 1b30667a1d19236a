"""
Telling people what happened, as Event objects.

- `record` never waits: it puts the event into a queue, or drops it when the queue is full.
- One thread sends, in order. An answer that may be better later is tried again a few times.
- Events may be lost, and nothing is decided by them. What is lost is counted.

They are sent as events.k8s.io/v1; if that is refused, as the older events of the core group, for which
CassKop's users have given the rights.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from datetime import UTC, datetime
import functools
import itertools
import threading
from typing import Any, Protocol

import attrs
import structlog

from controller.domain.errors import NotFoundError, OperatorError, TransientError
from controller.kube.client import KubeClient
from controller.kube.errors import AlreadyExistsError, ForbiddenError, UnknownKindError
from controller.kube.event_limits import MOST_KNOWN, Counted, Dropped, Event, Limits, Regarding
from controller.kube.kinds import CORE_EVENT, EVENT
from controller.kube.microtime import micro_time
from controller.runtime.backoff import Growth
from controller.runtime.clock import Clock, wait_for

log = structlog.get_logger(__name__)

REPORTING_CONTROLLER = "casskop"
# The API server's limits: bytes of a note, characters of the shorter texts.
MOST_NOTE_BYTES = 1024
MOST_CHARACTERS = 128
MOST_TRIES = 5
_RETRY = Growth(first=1.0, limit=30.0)
# Long enough to be told apart, short enough for the name of an Event.
_MOST_NAME = 200


class EventMetrics(Protocol):
    """What a recorder counts."""

    def sent(self) -> None:
        """An event was created, or counted up."""

    def dropped(self, *, why: str) -> None:
        """An event was not sent: `full`, `stopped`, `limited`, `refused` or `unanswered`."""


class NoEventMetrics:
    """Counts nothing."""

    def sent(self) -> None:
        """Do nothing."""

    def dropped(self, *, why: str) -> None:
        """Do nothing."""


@attrs.define
class _Waiting:
    """An event in the queue; *counted* once the limits have let it pass, *name* once it was sent."""

    event: Event
    at: datetime
    counted: Counted | None = None
    name: str = ""
    tries: int = 0


@attrs.frozen(kw_only=True)
class _Made:
    """An Event object that we made; *core* if in the core group."""

    namespace: str
    name: str
    core: bool


class EventRecorder:
    """
    Records events as *instance* of the operator, which is its pod's name.

    `start` sends in a daemon thread; without threads, call `step` at the instants that it returns.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        instance: str,
        clock: Clock,
        capacity: int = 1000,
        metrics: EventMetrics | None = None,
    ) -> None:
        self._client = client
        self._instance = instance[:MOST_CHARACTERS]
        self._clock = clock
        self._capacity = capacity
        self._metrics: EventMetrics = NoEventMetrics() if metrics is None else metrics
        self._limits = Limits()
        # Guards _queue and _stop_at. Never held during a request.
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        # Until when what is in the queue may still be sent; None while we are not asked to stop.
        self._stop_at: float | None = None
        # Of the sending thread alone.
        self._due = clock.monotonic()
        self._made: OrderedDict[Hashable, _Made] = OrderedDict()
        self._core = False
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def record(self, event: Event) -> None:
        """Have *event* sent, as far as there is room; returns at once."""
        with self._changed:
            if self._stop_at is not None:
                why = "stopped"
            elif len(self._queue) >= self._capacity:
                why = "full"
            else:
                self._queue.append(_Waiting(event, self._clock.now()))
                self._changed.notify_all()
                return
        self._metrics.dropped(why=why)

    def start(self) -> None:
        """Send in a daemon thread until `stop`."""
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Take no more events, and give those in the queue *seconds* to be sent; whether all were tried."""
        with self._changed:
            self._stop_at = self._clock.monotonic() + seconds
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        else:
            while not self._is_over():
                self.step()
        with self._changed:
            left = len(self._queue)
            self._queue.clear()
        for _ in range(left):
            self._metrics.dropped(why="stopped")
        return not left

    def step(self) -> float | None:
        """
        Send one event if one is due; return when to call again, None to wait for the next `record`.

        Instants are those of the clock's `monotonic()`.
        """
        if self._clock.monotonic() < self._due and self._stop_at is None:
            return self._due
        with self._changed:
            waiting = self._queue[0] if self._queue else None
        if waiting is None:
            return None
        if self._handle(waiting):
            with self._changed:
                # Not if a stop has given it up meanwhile.
                if self._queue and self._queue[0] is waiting:
                    self._queue.popleft()
        return self._due if self._queue else None

    def _run(self) -> None:
        while not self._is_over():
            due = self.step()
            with self._changed:
                wait_for(self._clock, self._changed, functools.partial(self._is_awake, due), deadline=due)

    def _is_over(self) -> bool:
        stop_at = self._stop_at
        return stop_at is not None and (not self._queue or self._clock.monotonic() >= stop_at)

    def _is_awake(self, due: float | None) -> bool:
        """Whether there is something to do before *due*."""
        return self._stop_at is not None or (due is None and bool(self._queue))

    # -- one event

    def _handle(self, waiting: _Waiting) -> bool:
        """Send *waiting*, or find that it will not be; False if it is to be tried again."""
        if waiting.counted is None:
            match self._limits.admit(waiting.event, self._clock.monotonic()):
                case Dropped():
                    return self._drop(waiting, "limited")
                case Counted() as counted:
                    waiting.counted = counted
        try:
            self._send(waiting, waiting.counted)
        except (ForbiddenError, UnknownKindError) as error:
            if self._core:
                return self._drop(waiting, "refused", error)
            log.info("events go to the core group", error=str(error))
            self._core = True
            return False
        except TransientError as error:
            return self._try_again(waiting, error)
        except OperatorError as error:
            return self._drop(waiting, "refused", error)
        except Exception as error:
            log.exception("event fails")
            return self._drop(waiting, "refused", error)
        self._metrics.sent()
        return True

    def _try_again(self, waiting: _Waiting, error: TransientError) -> bool:
        waiting.tries += 1
        if waiting.tries >= MOST_TRIES or self._stop_at is not None:
            return self._drop(waiting, "unanswered", error)
        seconds = _RETRY.bound(waiting.tries) if error.retry_after is None else error.retry_after
        self._due = self._clock.monotonic() + min(seconds, _RETRY.limit)
        return False

    def _drop(self, waiting: _Waiting, why: str, error: Exception | None = None) -> bool:
        log.debug("event is dropped", why=why, reason=waiting.event.reason, error=error and str(error))
        self._metrics.dropped(why=why)
        return True

    def _send(self, waiting: _Waiting, counted: Counted) -> None:
        made = self._made.get(counted.identity)
        if made is not None and counted.count > 1:
            try:
                self._count_up(made, waiting, counted)
            except NotFoundError:
                # The server forgets events after an hour or so.
                log.debug("event is gone", name=made.name)
            else:
                return
        self._create(waiting, counted)

    def _count_up(self, made: _Made, waiting: _Waiting, counted: Counted) -> None:
        patch: dict[str, Any]
        if made.core:
            kind = CORE_EVENT
            patch = {"count": counted.count, "lastTimestamp": _seconds(waiting.at)}
        else:
            kind = EVENT
            patch = {"series": _series(waiting, counted)}
        self._client.merge_patch(kind, made.namespace, made.name, patch)

    def _create(self, waiting: _Waiting, counted: Counted) -> None:
        regarding = waiting.event.regarding
        if not waiting.name:
            # Once: an answer may be lost, and the second try must not make a second event.
            number = int(waiting.at.timestamp() * 1e6) * 0x1000 + next(self._numbers) % 0x1000
            waiting.name = f"{regarding.name[:_MOST_NAME].rstrip('-.')}.{number:x}"
        made = _Made(namespace=regarding.namespace or "default", name=waiting.name, core=self._core)
        body = {
            "metadata": {"namespace": made.namespace, "name": made.name},
            "reportingInstance": self._instance,
            "type": waiting.event.type.value,
            "reason": waiting.event.reason[:MOST_CHARACTERS],
            "action": (waiting.event.action or waiting.event.reason)[:MOST_CHARACTERS],
        }
        body |= _core_body(waiting, counted) if self._core else _body(waiting, counted)
        try:
            self._client.create(CORE_EVENT if self._core else EVENT, made.namespace, body)
        except AlreadyExistsError:
            log.debug("event was created already", name=made.name)
        self._made[counted.identity] = made
        self._made.move_to_end(counted.identity)
        if len(self._made) > MOST_KNOWN:
            self._made.popitem(last=False)


def _body(waiting: _Waiting, counted: Counted) -> dict[str, Any]:
    """Return what is particular to events.k8s.io/v1."""
    body = {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "eventTime": micro_time(waiting.at),
        "reportingController": REPORTING_CONTROLLER,
        "regarding": _reference(waiting.event.regarding),
        "note": _cut(counted.note),
    }
    # The server takes no series of one.
    return body | ({"series": _series(waiting, counted)} if counted.count > 1 else {})


def _core_body(waiting: _Waiting, counted: Counted) -> dict[str, Any]:
    """Return what is particular to the events of the core group."""
    return {
        "apiVersion": CORE_EVENT.api_version,
        "kind": CORE_EVENT.kind,
        "reportingComponent": REPORTING_CONTROLLER,
        "source": {"component": REPORTING_CONTROLLER},
        "involvedObject": _reference(waiting.event.regarding),
        "message": _cut(counted.note),
        "firstTimestamp": _seconds(waiting.at),
        "lastTimestamp": _seconds(waiting.at),
        "count": counted.count,
    }


def _series(waiting: _Waiting, counted: Counted) -> dict[str, Any]:
    return {"count": counted.count, "lastObservedTime": micro_time(waiting.at)}


def _reference(regarding: Regarding) -> dict[str, str]:
    reference = {
        "apiVersion": regarding.kind.api_version,
        "kind": regarding.kind.kind,
        "namespace": regarding.namespace,
        "name": regarding.name,
        "uid": regarding.uid,
    }
    return {key: value for key, value in reference.items() if value}


def _cut(note: str) -> str:
    """Return *note* within the limit of bytes, and whole characters."""
    data = note.encode(errors="replace")
    if len(data) <= MOST_NOTE_BYTES:
        return data.decode()
    mark = "…"
    return data[: MOST_NOTE_BYTES - len(mark.encode())].decode(errors="ignore") + mark


def _seconds(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
