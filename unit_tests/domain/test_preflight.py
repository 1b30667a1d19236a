"""What has to hold before a node may leave, and how it is told when it does not."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from controller.domain.actions import Hold, Wait
from controller.domain.availability import (
    Keyspace,
    Local,
    NetworkTopology,
    Place,
    Replication,
    Simple,
    Unprovable,
)
from controller.domain.desired import Desired, Rollout
from controller.domain.observed import Observed
from controller.domain.ownership import Ownership, Stream, Unread
from controller.domain.plan.preflight import Cleared, preflight
from controller.domain.ring import Mode, Ring
from unit_tests.domain.obedient import desired
from unit_tests.domain.shrinking import Cluster


def keyspace(replication: Replication, name: str = "app") -> Keyspace:
    """Return a keyspace."""
    return Keyspace(name=name, replication=replication)


def network(**factors: int) -> NetworkTopology:
    """Return a replication by data centre."""
    return NetworkTopology(factors=factors)


def cleared(
    have: Desired, want: Desired, *keyspaces: Keyspace, rack: int = 0, **changes: Any
) -> Cleared | Wait | Hold:
    """Return what is said of the last node of a rack, on the way from *have* to *want*."""
    world = Cluster.running(have, keyspaces=keyspaces)
    seen = attrs.evolve(world.observed(want), **{"ownership": world.ownership(want), **changes})
    place = want.racks[rack]
    answer = preflight(f"{place.statefulset}-{have.racks[rack].replicas - 1}", place, want, seen)
    return answer if isinstance(answer, Cleared) else answer[0]


def reason(answer: Cleared | Wait | Hold) -> str:
    """Return the reason of a refusal."""
    assert isinstance(answer, Hold), answer
    return answer.reason


@pytest.mark.parametrize(
    ("replication", "size", "word"),
    [
        (network(dc1=2), 2, None),
        (network(dc1=2), 1, "keeps 2 copies there, and 1 nodes would stay"),
        (network(dc1=3), 2, "keeps 3 copies there, and 2 nodes would stay"),
        (network(other=3), 1, None),
        (Simple(factor=2), 2, None),
        (Simple(factor=3), 2, "keeps 3 copies, and 2 nodes would stay"),
        (Local(), 1, None),
        (Unprovable(why="nobody says so"), 2, "since nobody says so"),
    ],
)
def test_replicas_stay_as_many_as_keyspaces_keep(
    replication: Replication, size: int, word: str | None
) -> None:
    """The size that is asked for is judged at once, not only the next step to it."""
    answer = cleared(desired((3,)), desired((size,)), keyspace(replication))

    if word is None:
        assert isinstance(answer, Cleared)
    else:
        assert reason(answer) == "TooFewNodes"
        assert word in answer.why
        assert "keyspace app" in answer.why


@pytest.mark.parametrize("name", ["system_auth", "system_distributed", "system_traces"])
def test_cassandras_own_keyspaces_do_not_stand_in_the_way(name: str) -> None:
    """They ask for more copies than small rings have nodes, and Cassandra's own check refuses for that."""
    own = keyspace(Simple(factor=3), name)

    assert isinstance(cleared(desired((2,)), desired((1,)), own), Cleared)


def two_dcs(first: int, second: int) -> Desired:
    """Return a wish for two data centres of one rack each."""
    want = desired((first, second))
    there = attrs.evolve(
        want.racks[1],
        name="dc2-rack1",
        statefulset="demo-dc2-rack1",
        path="spec.topology.dc[1].rack[0]",
    )
    return attrs.evolve(want, racks=(want.racks[0], there))


def test_a_data_centre_is_emptied_once_no_keyspace_is_kept_there() -> None:
    """All that stand in the way are named, Cassandra's own among them, with an example of the cure."""
    kept = (
        keyspace(network(dc1=2, dc2=1), "app"),
        keyspace(network(dc1=2, dc2=1), "system_auth"),
        keyspace(network(dc1=2), "here"),
    )
    answer = cleared(two_dcs(2, 1), two_dcs(2, 0), *kept, rack=1)

    assert reason(answer) == "StillReplicated"
    assert "app, system_auth." in answer.why
    assert "here" not in answer.why.replace("there", "")
    assert (
        "ALTER KEYSPACE app WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 2}" in answer.why
    )
    assert isinstance(answer, Hold)
    assert answer.path == "spec.topology.dc[1].nodesPerRacks"
    assert isinstance(cleared(two_dcs(2, 1), two_dcs(2, 0), kept[2], rack=1), Cleared)


def test_a_name_that_begins_alike_is_another_data_centre() -> None:
    """What is kept in dc10 does not keep dc1 from being emptied."""
    elsewhere = keyspace(network(dc20=3))

    assert isinstance(cleared(two_dcs(1, 1), two_dcs(1, 0), elsewhere, rack=1), Cleared)


def test_the_last_nodes_of_a_ring_stay() -> None:
    """A wish for no node at all is refused with what to do instead."""
    answer = cleared(desired((1,)), desired((0,)))

    assert reason(answer) == "EmptyCluster"
    assert "delete the cluster" in answer.why


def test_an_unknown_replication_is_overruled_by_hand() -> None:
    """With `unlockNextOperation` the user answers for it; too few copies are not overruled."""
    unlocked = desired((2,), rollout=Rollout(unlocked=True))

    assert isinstance(cleared(desired((3,)), unlocked, keyspace(Unprovable(why="?"))), Cleared)
    assert reason(cleared(desired((3,)), unlocked, keyspace(network(dc1=3)))) == "TooFewNodes"


def test_everything_else_has_to_be_at_rest() -> None:
    """No two schemas, no streams, nobody on the move or down, and somebody who says who owns what."""
    have, want = desired((3,)), desired((2,))
    world = Cluster.running(have)
    owned, seen = world.ownership(want), world.observed(want)

    def waits(ownership: Ownership | Unread | None = owned, **view: Any) -> str:
        answers = {n: attrs.evolve(v, **view) for n, v in seen.ring.views().items()}
        answer = cleared(have, want, ownership=ownership, ring=Ring(answers=answers))
        assert isinstance(answer, Wait), answer
        return answer.why

    schemas = {"a": frozenset({"x"}), "b": frozenset({"y"})}
    streams = (Stream(pod="demo-dc1-rack0-0", what="Repair"),)
    other = frozenset({"dc1-rack0.0.1"})
    assert "agree on the schema" in waits(attrs.evolve(owned, schemas=schemas))
    assert "streams data (Repair)" in waits(attrs.evolve(owned, streams=streams))
    assert "nobody answers" in waits(Unread(why="nobody answers"))
    assert "nobody was asked" in waits(None)
    assert "one topology change at a time" in waits(leaving=other)
    assert "one topology change at a time" in waits(moving=other)
    assert "down" in waits(unreachable=other)


def test_the_move_of_the_node_itself_is_no_obstacle() -> None:
    """A call that is made again finds the node leaving already."""
    have, want = desired((3,)), desired((2,))
    seen = Cluster.running(have).observed(want)
    mine = frozenset({"dc1-rack0.2.1"})
    answers = {n: attrs.evolve(v, leaving=mine) for n, v in seen.ring.views().items()}

    assert isinstance(cleared(have, want, ring=Ring(answers=answers)), Cleared)


def _lost(seen: Observed, owned: Ownership, dc: str) -> Ownership:
    """Return *owned* with a node at an address that no pod has."""
    assert seen.pods()
    return attrs.evolve(
        owned,
        tokens={**owned.tokens, 99: "10.9.9.9"},
        places={**owned.places, "10.9.9.9": Place(dc=dc, rack="r")},
    )


def test_a_member_without_a_pod_has_to_go_first() -> None:
    """In a data centre of ours it is a node that was lost; in another one it is somebody else's, and up."""
    have, want = desired((3,)), desired((2,))
    world = Cluster.running(have)
    owned, seen = world.ownership(want), world.observed(want)

    lost = cleared(have, want, ownership=_lost(seen, owned, "dc1"))
    foreign = cleared(have, want, ownership=_lost(seen, owned, "dc9"))

    assert reason(lost) == "MemberWithoutPod"
    assert "nodetool removenode" in lost.why
    assert isinstance(foreign, Cleared)


def test_the_node_itself_need_not_be_well() -> None:
    """One whose first try failed calls itself DECOMMISSION_FAILED, and is no member by its own word."""
    have, want = desired((3,)), desired((2,))
    seen = Cluster.running(have).observed(want)
    answers = dict(seen.ring.views())
    name = "demo-dc1-rack0-2"
    answers[name] = attrs.evolve(answers[name], mode=Mode.DECOMMISSION_FAILED)

    assert isinstance(cleared(have, want, ring=Ring(answers=answers)), Cleared)


def leaving(want: Desired, rack: int) -> Desired:
    """Return *want* with one of its racks taken out of the spec."""
    racks = list(want.racks)
    racks[rack] = attrs.evolve(racks[rack], replicas=0, leaves=True, path="spec.topology.dc[0].rack")
    return attrs.evolve(want, racks=tuple(racks))


@pytest.mark.parametrize(
    ("sizes", "copies", "expected"),
    [
        ((1, 1, 1), 3, "TooFewNodes"),
        ((2, 2, 2), 3, "TooFewRacks"),
        ((2, 2), 2, "TooFewRacks"),
        ((2, 2, 2), 2, None),
        ((3, 3), 3, None),
        ((2, 2, 2, 2), 3, None),
    ],
)
def test_a_rack_goes_if_the_others_can_hold_every_copy(
    sizes: tuple[int, ...], copies: int, expected: str | None
) -> None:
    """There have to be nodes for them; and racks, if each had its own. Keyspace and copies are told."""
    have = desired(sizes)

    answer = cleared(have, leaving(have, 1), keyspace(network(dc1=copies)), rack=1)

    if expected is None:
        assert isinstance(answer, Cleared)
    else:
        assert reason(answer) == expected
        assert isinstance(answer, Hold)
        assert answer.path == "spec.topology.dc[0].rack"
        assert f"keyspace app keeps {copies} copies" in answer.why
        assert "put rack rack1 back" in answer.why


def test_copies_may_share_a_rack_by_hand() -> None:
    """With `unlockNextOperation` the user answers for it; too few nodes are not overruled."""
    have = desired((2, 2, 2))
    want = attrs.evolve(leaving(have, 1), rollout=Rollout(unlocked=True))

    assert isinstance(cleared(have, want, keyspace(network(dc1=3)), rack=1), Cleared)
    assert reason(cleared(have, want, keyspace(network(dc1=5)), rack=1)) == "TooFewNodes"


@pytest.mark.parametrize(
    ("seeds", "follow", "kept"),
    [
        ({"demo-dc1-rack1-0"}, False, False),
        ({"demo-dc1-rack1-0"}, True, True),
        ({"demo-dc1-rack1-0", "demo-dc1-rack0-0"}, False, True),
        ({"demo-dc1-rack1-0", "seed.example.org"}, False, True),
        (set(), False, True),
    ],
)
def test_some_seed_stays(seeds: set[str], follow: bool, kept: bool) -> None:  # noqa: FBT001 -- a table
    """Else no node could start again; with `autoUpdateSeedList` others are chosen once it has left."""
    have = desired((2, 2))
    want = attrs.evolve(leaving(have, 1), seeds=frozenset(seeds), seeds_follow=follow)

    answer = cleared(have, want, rack=1)

    assert isinstance(answer, Cleared) if kept else reason(answer) == "NoSeedLeft"
