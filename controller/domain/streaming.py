"""
How far a node is that joins or leaves, in bytes: its own word, looked at once a minute.

It is for people: no decision turns on it. What was last measured is kept in status, so that it outlives the
operator, and nothing is written more often than it is measured. Cassandra drops streams from its list that
are done, so that bytes may begin anew; what is left to come it knows for the streams under way only.
"""

from __future__ import annotations

import datetime as dt

import attrs

from controller.api.v2.cluster import Streaming
from controller.domain.amounts import amount, duration
from controller.domain.observed import Observed, Pod

# How often streams are looked at, and status is written for it, at most.
EVERY = dt.timedelta(minutes=1)
# An event tells of each quarter that is passed.
_QUARTER = 4


@attrs.frozen(kw_only=True)
class Transfer:
    """Bytes of streams to or from a node that are under way: those that went, and all."""

    done: int
    total: int


def mover(observed: Observed) -> Pod | None:
    """Return the pod whose node leaves or joins now, if its Cassandra can be asked; else None."""
    pods, leaving = observed.pods(), observed.leaving
    if leaving is not None:
        return next((pod for pod in pods if pod.name == leaving.pod and _answers(pod)), None)
    return next((p for p in pods if _answers(p) and not p.ready and p.name not in observed.joined), None)


def _answers(pod: Pod) -> bool:
    return bool(pod.ip) and pod.cassandra_runs and not pod.terminating


def due(previous: Streaming | None, observed: Observed) -> bool:
    """Tell whether it is time to look at the streams of `mover`: after a while, and then once in a while."""
    pod = mover(observed)
    if pod is None:
        return False
    since = observed.leaving.begun if observed.leaving is not None else _began(pod)
    if previous is not None and previous.pod == pod.name:
        since = previous.measured_at
    return since is not None and observed.now - since >= EVERY


def _began(pod: Pod) -> dt.datetime | None:
    return next((c.since for c in pod.containers if c.name == "cassandra"), None)


def measured(previous: Streaming | None, seen: Transfer | None, observed: Observed) -> Streaming | None:
    """Return what status is to say: *previous* brought up to what was *seen*, if anything was.

    None once nobody joins or leaves. While a node does, what was last seen of it stays.
    """
    pod = mover(observed)
    if pod is None:
        # A leaving node whose pod is away for a moment is still the same story.
        moving = observed.leaving.pod if observed.leaving is not None else None
        return previous if previous is not None and previous.pod == moving else None
    kept = previous if previous is not None and previous.pod == pod.name else None
    if seen is None or not seen.total:
        return kept
    rate = _rate(kept, seen, observed.now)
    return Streaming(
        pod=pod.name,
        bytes=seen.done,
        total_bytes=seen.total,
        bytes_per_second=rate,
        seconds_left=(seen.total - seen.done) // rate if rate else None,
        measured_at=observed.now.astimezone(dt.UTC).replace(microsecond=0),
    )


def _rate(previous: Streaming | None, seen: Transfer, now: dt.datetime) -> int | None:
    """Return the bytes in a second since *previous*; None for the first look, or if bytes began anew."""
    if previous is None or previous.measured_at is None or previous.bytes is None:
        return None
    seconds = (now - previous.measured_at).total_seconds()
    if seen.done < previous.bytes or seconds <= 0:
        return None
    return int((seen.done - previous.bytes) / seconds)


def words(streaming: Streaming | None, pod: str) -> str:
    """Return what to add to a sentence on *pod*: empty if nothing is known of its streams."""
    if streaming is None or streaming.pod != pod or not streaming.total_bytes:
        return ""
    done, total = streaming.bytes or 0, streaming.total_bytes
    text = f": {amount(done)} of {amount(total)} streamed ({100 * done // total} %)"
    if streaming.bytes_per_second is not None:
        text += f", {amount(streaming.bytes_per_second)} a second"
    if streaming.seconds_left is not None:
        text += f", about {duration(streaming.seconds_left)} left"
    return text


def news(previous: Streaming | None, now: Streaming | None) -> str | None:
    """Return a sentence for an event if another quarter of the bytes has been streamed since *previous*."""
    if now is None or not now.total_bytes:
        return None
    same = previous is not None and previous.pod == now.pod
    before = _quarters(previous) if same and previous is not None else -1
    return f"{now.pod}{words(now, now.pod)}" if _quarters(now) > before else None


def _quarters(streaming: Streaming) -> int:
    return _QUARTER * (streaming.bytes or 0) // (streaming.total_bytes or 1)
