"""How far a node is that joins or leaves: seldom asked, kept in status, told in words."""

from __future__ import annotations

import datetime as dt

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2.cluster import Streaming
from controller.domain.leaving import Leaving
from controller.domain.observed import Container, Observed, Pod
from controller.domain.plan import plan
from controller.domain.streaming import Transfer, due, measured, mover, news, words
from unit_tests.domain.obedient import NOW, desired
from unit_tests.domain.shrinking import Cluster

POD = "demo-dc1-rack0-1"
MIB = 1 << 20


def joining(*, minutes: float = 2, ready: bool = False, known: bool = False) -> Observed:
    """Return a ring of two of which the second began so long ago, and is not *ready*, or *known* before."""
    want = desired((2,))
    seen = Cluster.running(want).observed(want)
    cassandra = Container(name="cassandra", running=True, since=seen.now - dt.timedelta(minutes=minutes))

    def changed(pod: Pod) -> Pod:
        return attrs.evolve(pod, ready=ready, containers=(cassandra,)) if pod.name == POD else pod

    racks = {n: attrs.evolve(r, pods=tuple(map(changed, r.pods))) for n, r in seen.racks.items()}
    return attrs.evolve(seen, racks=racks, joined=seen.joined - (set() if known else {POD}))


def status(done: int, total: int, seconds: float = 0, **more: int) -> Streaming:
    """Return what status says of the pod since *seconds*."""
    when = NOW - dt.timedelta(seconds=seconds)
    return Streaming(pod=POD, bytes=done, total_bytes=total, measured_at=when, **more)


def test_who_moves() -> None:
    """A node that was never a member and is not ready joins; one that is noted to leave leaves."""
    leaving = attrs.evolve(joining(ready=True, known=True), leaving=Leaving(rack="dc1-rack0", pod=POD))

    assert [found.name for found in (mover(joining()), mover(leaving)) if found is not None] == [POD, POD]
    assert mover(joining(ready=True, known=True)) is None
    assert mover(joining(known=True)) is None, "it restarts"


@pytest.mark.parametrize(
    ("previous", "minutes", "expected"),
    [
        (None, 0.9, False),
        (None, 1, True),
        (status(1, 2, seconds=59), 9, False),
        (status(1, 2, seconds=60), 9, True),
        (attrs.evolve(status(1, 2), pod="another"), 0.5, False),
        (attrs.evolve(status(1, 2), pod="another"), 5, True),
    ],
)
def test_streams_are_looked_at_once_a_minute(
    previous: Streaming | None,
    minutes: float,
    expected: bool,  # noqa: FBT001 -- a table
) -> None:
    """What takes less than that is not looked at; who was looked at before does not count."""
    assert due(previous, joining(minutes=minutes)) is expected


def test_rate_and_time_come_from_the_look_before() -> None:
    """In the first one there is neither; if bytes begin anew, there is none either."""
    seen = joining()

    first = measured(None, Transfer(done=60 * MIB, total=1024 * MIB), seen)
    then = measured(status(60 * MIB, 1024 * MIB, 60), Transfer(done=180 * MIB, total=1024 * MIB), seen)
    anew = measured(status(60 * MIB, 1024 * MIB, 60), Transfer(done=5 * MIB, total=1024 * MIB), seen)

    assert first is not None
    assert (first.bytes_per_second, first.seconds_left) == (None, None)
    assert then == status(180 * MIB, 1024 * MIB, bytes_per_second=2 * MIB, seconds_left=422)
    assert anew is not None
    assert anew.bytes_per_second is None


def test_what_was_seen_stays_until_the_node_has_moved() -> None:
    """A node that does not say anything for once is not said to have begun anew."""
    said = status(1, 2, 600)

    assert measured(said, None, joining()) == said
    assert measured(said, None, joining(ready=True, known=True)) is None
    away = attrs.evolve(joining(ready=True), racks={}, leaving=Leaving(rack="dc1-rack0", pod=POD))
    assert measured(said, None, away) == said


def test_it_is_said_in_words() -> None:
    """Of this pod and no other; the plan's sentence has them, and looks again in a minute."""
    said = status(180 * MIB, 1024 * MIB, bytes_per_second=2 * MIB, seconds_left=422)

    text = ": 180.0 MiB of 1.0 GiB streamed (17 %), 2.0 MiB a second, about 7 min left"
    assert words(said, POD) == text
    assert words(said, "another") == words(None, POD) == words(status(0, 0), POD) == ""
    waits = plan(desired((2,)), attrs.evolve(joining(), streaming=said))
    assert [(w.seconds, w.why) for w in waits if hasattr(w, "seconds")] == [
        (60.0, f"Cassandra in {POD} starts and joins the ring{text}")
    ]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=40))
def test_events_are_few(looks: list[int]) -> None:
    """However often it is looked at: no more than five while bytes only grow, a first one among them."""
    told = 0
    previous: Streaming | None = None
    for done in sorted(looks):
        now = status(done, 100)
        told += news(previous, now) is not None
        previous = now

    assert 1 <= told <= 5
