"""
Which events are worth sending: pure, in the way of client-go.

- The same event within ten minutes is one event that is counted.
- From the tenth on within ten minutes, events that differ in their note only are counted as one.
- An object gets 100 events of a type, and then one each 30 seconds. client-go has 25, and one each five
  minutes: the steps of one rolling change would be dropped.

What it knows is bounded: of 4,096 objects and kinds of event, those that were heard of last.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
import enum
from typing import Generic, TypeVar

import attrs

from controller.kube.kinds import Kind

V = TypeVar("V")

WINDOW_SECONDS = 600.0
MOST_ALIKE = 10
BURST = 100
REFILL_SECONDS = 30.0
MOST_KNOWN = 4096
COMBINED = "(combined from similar events) "


class Type(enum.Enum):
    """How an event is shown."""

    NORMAL = "Normal"
    WARNING = "Warning"


@attrs.frozen(kw_only=True)
class Regarding:
    """The object that an event is about; *namespace* is "" for kinds that have none."""

    kind: Kind
    namespace: str
    name: str
    uid: str


@attrs.frozen(kw_only=True)
class Event:
    """
    Something that a person may want to know.

    *reason* and *action* are CamelCase words, *note* is a sentence. Without an *action* it is the reason.
    """

    regarding: Regarding
    type: Type
    reason: str
    note: str
    action: str = ""


@attrs.frozen(kw_only=True)
class Counted:
    """The *count*-th event of those with the same *identity*; the first has *note*."""

    identity: Hashable
    count: int
    note: str


@attrs.frozen(kw_only=True)
class Dropped:
    """Not to be sent."""

    why: str


@attrs.define
class _Bucket:
    tokens: float
    at: float


@attrs.define
class _Alike:
    notes: set[str]
    at: float


@attrs.define
class _Series:
    count: int
    at: float


class _Latest(Generic[V]):
    """A dict that forgets what was not asked for the longest."""

    def __init__(self) -> None:
        self._items: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, fresh: V) -> V:
        """Return what is known of *key*, which is *fresh* if nothing is."""
        value = self._items.setdefault(key, fresh)
        self._items.move_to_end(key)
        if len(self._items) > MOST_KNOWN:
            self._items.popitem(last=False)
        return value


class Limits:
    """What was sent lately. Not safe for threads by itself; instants are of a monotonic clock."""

    def __init__(self) -> None:
        self._buckets: _Latest[_Bucket] = _Latest()
        self._alike: _Latest[_Alike] = _Latest()
        self._series: _Latest[_Series] = _Latest()

    def admit(self, event: Event, now: float) -> Counted | Dropped:
        """Return what to send of *event*, which happened at *now*."""
        kind = (event.regarding, event.type, event.reason, event.action)
        combined = self._are_many(kind, event.note, now)
        identity = (kind, None if combined else event.note)
        series = self._series.get(identity, _Series(0, now))
        if now - series.at > WINDOW_SECONDS:
            series.count = 0
        series.count += 1
        series.at = now
        # Counted before it is dropped: the next one that is sent tells of it.
        if not self._spend((event.regarding, event.type), now):
            return Dropped(why="too many events about this object")
        return Counted(
            identity=identity,
            count=series.count,
            note=f"{COMBINED}{event.note}" if combined else event.note,
        )

    def _are_many(self, kind: Hashable, note: str, now: float) -> bool:
        alike = self._alike.get(kind, _Alike(set(), now))
        if now - alike.at > WINDOW_SECONDS:
            alike.notes.clear()
        alike.at = now
        alike.notes.add(note)
        if len(alike.notes) < MOST_ALIKE:
            return False
        # It stays one below, so that the next new note is one too many again.
        alike.notes.discard(note)
        return True

    def _spend(self, key: Hashable, now: float) -> bool:
        bucket = self._buckets.get(key, _Bucket(BURST, now))
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) / REFILL_SECONDS)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
