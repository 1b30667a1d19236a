"""Whether the nodes that stay have room for the data of those that leave."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.actions import Hold, Wait
from controller.domain.availability import Keyspace, Layout, NetworkTopology, Place, Replication, Simple
from controller.domain.desired import Desired, Rollout
from controller.domain.observed import Claim, Observed
from controller.domain.plan.space import Room, needed, room
from unit_tests.domain.obedient import desired
from unit_tests.domain.shrinking import Cluster

GIB = 1 << 30
PATH = "spec.topology.dc[0].nodesPerRacks"
HALF = 1 << 63


def layout(*owners: str, racks: int = 1) -> Layout:
    """Return a ring in which these nodes own equal parts, in this order, in one data centre."""
    step = (1 << 64) // len(owners)
    nodes = sorted(set(owners))
    return Layout(
        owners={i * step - HALF: node for i, node in enumerate(owners)},
        places={node: Place(dc="dc1", rack=f"r{i % racks}") for i, node in enumerate(nodes)},
    )


@pytest.mark.parametrize(
    ("replication", "expected"),
    [
        # Its range, a third of the ring, goes to the next node.
        (Simple(factor=1), {"a": 300}),
        (NetworkTopology(factors={"dc1": 1}), {"a": 300}),
        # Both get what they had no copy of.
        (Simple(factor=2), {"a": 150, "b": 150}),
        # They have everything already.
        (Simple(factor=3), {}),
        (NetworkTopology(factors={"dc2": 3}), {}),
    ],
)
def test_what_a_node_gets_is_what_it_did_not_hold(replication: Replication, expected: dict[str, int]) -> None:
    """Computed from who owns what after the change."""
    loads = dict.fromkeys("abc", 300)

    assert needed([replication], layout("a", "b", "c"), frozenset("c"), loads) == expected


def test_the_keyspace_that_asks_for_most_counts() -> None:
    """It is not known which of them the data is in."""
    both = [Simple(factor=1), Simple(factor=2)]

    found = needed(both, layout("a", "b", "c"), frozenset("c"), dict.fromkeys("abc", 300))

    assert found == {"a": 300, "b": 150}


def test_a_rack_keeps_its_copies() -> None:
    """With a rack for each copy, what a node had goes to its own rack."""
    ring = layout("a", "b", "c", "d", racks=2)

    found = needed([NetworkTopology(factors={"dc1": 2})], ring, frozenset("d"), dict.fromkeys("abcd", 100))

    assert found == {"b": 100}


RINGS = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=24).filter(lambda each: len(set(each)) > 1)


@given(RINGS, st.integers(1, 3), st.integers(1, 3), st.data())
def test_nothing_is_lost_on_the_way(owners: list[str], factor: int, racks: int, data: st.DataObject) -> None:
    """Whatever the ring: the nodes that stay need room for all that the one that leaves holds."""
    ring = layout(*owners, racks=racks)
    gone = data.draw(st.sampled_from(ring.nodes()))
    stay = len(ring.nodes()) - 1
    loads = {node: data.draw(st.integers(0, 10_000)) for node in ring.nodes()}
    replications: list[Replication] = [Simple(factor=factor), NetworkTopology(factors={"dc1": factor})]
    replication = data.draw(st.sampled_from(replications))

    found = needed([replication], ring, frozenset({gone}), loads)

    assert gone not in found
    if stay >= factor:
        assert sum(found.values()) >= loads[gone] - len(found)


def stage(used: int, capacity: str | None = "10Gi", **changes: Any) -> tuple[Desired, Observed, Layout]:
    """Return a rack of three of which one is to leave, each with *used* bytes on a volume of *capacity*."""
    have, want = desired((3,)), desired((2,))
    world = Cluster.running(have)
    seen = world.observed(want)
    pods = [f"demo-dc1-rack0-{i}" for i in range(3)]
    claims = tuple(
        Claim(name=f"data-{pod}", uid=pod, phase="Bound", storage_class=None, capacity=capacity)
        for pod in pods
    )
    racks = {name: attrs.evolve(rack, claims=claims) for name, rack in seen.racks.items()}
    seen = attrs.evolve(seen, racks=racks, loads=dict.fromkeys(pods, used))
    return want, attrs.evolve(seen, **changes), layout(*pods)


def asked(want: Desired, seen: Observed, ring: Layout) -> Room | Hold | Wait:
    """Return what is said of a keyspace with two copies."""
    keyspace = Keyspace(name="app", replication=Simple(factor=2))
    answer = room(PATH, [keyspace], ring, want, seen)
    return answer if isinstance(answer, Room) else answer[0]


def test_there_has_to_be_room() -> None:
    """Each of two gets half of what the third has: of 9 GiB, 6 and 3 fit, 7 and 3.5 do not."""
    fits = asked(*stage(6 * GIB))
    full = asked(*stage(7 * GIB))

    assert isinstance(fits, Room)
    assert "gets about 3.0 GiB and has 3.0 GiB" in fits.why
    assert isinstance(full, Hold)
    assert (full.reason, full.path) == ("TooLittleSpace", PATH)
    assert "would get about 3.5 GiB more" in full.why
    assert "its volume of 10.0 GiB it uses 7.0 GiB" in full.why


def test_it_is_overruled_by_hand() -> None:
    """With `unlockNextOperation`, known or not; the event says so."""
    want, full, ring = stage(7 * GIB)
    unlocked = attrs.evolve(want, rollout=Rollout(unlocked=True))

    for seen in (full, attrs.evolve(full, loads={})):
        answer = asked(unlocked, seen, ring)
        assert isinstance(answer, Room)
        assert "unlockNextOperation" in answer.why


def test_what_is_not_known_is_waited_for() -> None:
    """A node that does not say how much it holds, a volume without a size; what ends the wait is named."""
    silent = asked(*stage(GIB, loads={}))
    unbound = asked(*stage(GIB, capacity=None))

    assert isinstance(silent, Wait)
    assert "does not say how much it holds (spec.unlockNextOperation" in silent.why
    assert isinstance(unbound, Wait)
    assert "size of volume data-demo-dc1-rack0-" in unbound.why


def test_nodes_without_volumes_are_not_looked_at() -> None:
    """Nobody knows how much there is room for on a machine's disk."""
    want, seen, ring = stage(7 * GIB)
    bare = {name: attrs.evolve(rack, claims=()) for name, rack in seen.racks.items()}

    answer = asked(want, attrs.evolve(seen, racks=bare), ring)

    assert isinstance(answer, Room)
    assert "no volumes" in answer.why
