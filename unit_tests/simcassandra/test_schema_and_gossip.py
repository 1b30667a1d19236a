"""What nodes believe: schema versions, and news that is late, stale or wrong."""

from __future__ import annotations

import pytest

from e2e.simcassandra.gossip import Status
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

PROXY = "org.apache.cassandra.db:type=StorageProxy"
GOSSIPER = "org.apache.cassandra.net:type=Gossiper"
DETECTOR = "org.apache.cassandra.net:type=FailureDetector"


def versions(lab: Lab, number: int) -> dict[str, list[str]]:
    """Return node *number*'s SchemaVersions."""
    found: dict[str, list[str]] = lab.read(number, "SchemaVersions", mbean=PROXY)
    return found


def test_a_schema_change_is_agreed_on_after_a_while() -> None:
    """For a moment there are two versions; each node learns of the change at its own time."""
    lab = Lab()
    lab.grow(3)
    assert len(versions(lab, 2)) == 1
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))
    changed = lab.read(1, "SchemaVersion")

    assert len(versions(lab, 1)) == 2
    assert lab.read(2, "SchemaVersion") != changed
    assert lab.read(1, "OutstandingSchemaVersions") != {}

    took = lab.wait(lambda: all(set(versions(lab, n)) == {changed} for n in (1, 2, 3)))
    pace = RingPace()
    assert pace.gossip_min + pace.schema_pull_min < took < 2 * pace.gossip_max + pace.schema_pull_max
    assert lab.read(1, "OutstandingSchemaVersions") == {}


def test_the_same_schema_has_the_same_version() -> None:
    """A version is made from the content: dropping what was created brings the old one back."""
    lab = Lab()
    lab.grow(1)
    before = lab.read(1, "SchemaVersion")
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))
    assert lab.read(1, "SchemaVersion") != before

    lab.ring.drop_keyspace("app")
    assert lab.read(1, "SchemaVersion") == before


def test_minor_releases_agree_and_major_ones_do_not() -> None:
    """4.0 and 4.1 come to one version here, 4.1 and 5.0 never do."""
    minor = Lab(release="4.0.19")
    minor.grow(1)
    node = minor.start(2, release="4.1.10")
    minor.wait(lambda: node.native_transport)
    minor.pass_time(5)
    assert len(versions(minor, 1)) == 1

    major = Lab(release="4.1.10")
    major.grow(2)
    major.ring.kill(major.address(2))
    newer = major.start(2, release="5.0.9")
    major.wait(lambda: newer.mode is Mode.NORMAL)
    major.pass_time(60)
    assert len(versions(major, 1)) == 2
    assert major.read(1, "ReleaseVersionsWithPort", mbean=GOSSIPER) == {
        "4.1.10": ["10.0.0.1:7000"],
        "5.0.9": ["10.0.0.2:7000"],
    }


def test_a_node_that_is_down_is_an_unreachable_schema() -> None:
    """It is listed under UNREACHABLE and under no version."""
    lab = Lab()
    lab.grow(3)
    lab.ring.kill(lab.address(3))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.3"])
    found = versions(lab, 1)

    assert found["UNREACHABLE"] == ["10.0.0.3"]
    assert sorted(a for v, who in found.items() if v != "UNREACHABLE" for a in who) == [
        "10.0.0.1",
        "10.0.0.2",
    ]


def test_a_returning_node_takes_the_schema_it_missed() -> None:
    """What was created while it was away is there when it is NORMAL."""
    lab = Lab()
    lab.grow(3)
    lab.ring.kill(lab.address(3))
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))
    lab.pass_time(5)
    node = lab.start(3)
    lab.wait(lambda: node.mode is Mode.NORMAL)

    assert "app" in lab.read(3, "Keyspaces")
    lab.pass_time(5)
    assert len(versions(lab, 1)) == 1


def test_keyspaces_exist_once() -> None:
    """A second creation is refused with Cassandra's words, whoever is asked."""
    lab = Lab()
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))

    with pytest.raises(Exception, match="Keyspace 'app' already exists"):
        lab.ring.create_keyspace("app", SimpleStrategy(factor=1))


def test_peers_learn_of_a_change_at_different_times() -> None:
    """Between the first and the last of them views differ, for no longer than gossip may take."""
    lab = Lab()
    lab.grow(3)
    lab.begin(3, "decommission", [True])
    views = [lab.node(number).view for number in (1, 2)]
    first = lab.wait(lambda: any("10.0.0.3" in view.leaving for view in views))
    assert not all("10.0.0.3" in view.leaving for view in views)
    last = first + lab.wait(lambda: all("10.0.0.3" in view.leaving for view in views))

    assert RingPace().gossip_min <= first < last <= RingPace().gossip_max


def test_gossip_can_be_slow() -> None:
    """A pace with slow gossip widens the gap between what a node says and what its peers know."""
    lab = Lab(pace=RingPace(gossip_min=20.0, gossip_max=30.0))
    lab.start(1)
    lab.wait(lambda: lab.node(1).native_transport)
    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    assert lab.read(1, "EndpointToHostId").keys() == {"10.0.0.1"}

    # News of the tokens needs the news that there is such a node.
    assert lab.wait(lambda: "10.0.0.2" in lab.read(1, "EndpointToHostId")) > 10


def test_a_member_that_dies_before_its_peers_know_it_is_forgotten() -> None:
    """NORMAL on the node itself is not enough: killed at once it was never a member for anybody."""
    lab = Lab()
    lab.grow(1)
    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    assert lab.read(1, "JoiningNodes") == ["10.0.0.2"]
    # Cut off in the same instant, so that its last word reaches nobody.
    lab.ring.network.freeze(lab.address(1), 3)
    lab.ring.kill(lab.address(2))
    lab.pass_time(30)

    assert lab.read(1, "UnreachableNodes") == []
    assert "10.0.0.2" not in lab.read(1, "EndpointToHostId")


def test_a_stale_view_goes_on_listing_who_left() -> None:
    """One peer of three may still count a node that the others have dropped long ago."""
    lab = Lab()
    lab.grow(4)
    lab.ring.network.freeze(lab.address(1), 60)
    lab.execute(4, "decommission", [True])
    lab.pass_time(5)

    assert "10.0.0.4" in lab.read(1, "EndpointToHostId")
    assert "10.0.0.4" not in lab.read(2, "EndpointToHostId")
    assert "10.0.0.4" not in lab.read(3, "EndpointToHostId")

    lab.pass_time(60)
    assert "10.0.0.4" not in lab.read(1, "EndpointToHostId")


def test_pending_ranges_tell_that_something_moves() -> None:
    """They are empty in a quiet ring, name who gets what while a node leaves, and are empty again."""
    lab = Lab()
    lab.grow(3)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=4_000_000_000)
    lab.pass_time(5)
    operation = "getPendingRangeToEndpointMap"
    assert lab.execute(1, operation, ["app"])["value"] == {}

    lab.begin(3, "decommission", [True])
    lab.pass_time(3)
    pending = lab.execute(1, operation, ["app"])["value"]
    assert {a for who in pending.values() for a in who} <= {"10.0.0.1", "10.0.0.2"}
    assert pending

    lab.wait(lambda: lab.node(3).mode is Mode.DECOMMISSIONED)
    lab.pass_time(3)
    assert lab.execute(1, operation, ["app"])["value"] == {}


def test_downtime_counts_from_the_conviction() -> None:
    """Milliseconds since the node became unreachable for the one that is asked; 0 for the living."""
    lab = Lab()
    lab.grow(2)
    assert lab.execute(1, "getEndpointDowntime", ["10.0.0.2"], mbean=GOSSIPER)["value"] == 0
    lab.ring.kill(lab.address(2))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.2"])
    lab.pass_time(7)

    assert lab.execute(1, "getEndpointDowntime", ["10.0.0.2"], mbean=GOSSIPER)["value"] == 7000


def test_a_restart_has_a_later_generation() -> None:
    """That is how peers know the new process from the old one."""
    lab = Lab()
    lab.grow(2)
    before = lab.execute(1, "getCurrentGenerationNumber", ["10.0.0.2"], mbean=GOSSIPER)["value"]
    lab.ring.kill(lab.address(2))
    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert lab.execute(1, "getCurrentGenerationNumber", ["10.0.0.2"], mbean=GOSSIPER)["value"] > before


def test_a_lower_threshold_convicts_a_suspect_at_once() -> None:
    """The failure detector goes by the threshold it has now, not by the one of when silence began."""
    lab = Lab(pace=RingPace(phi=12.0))
    lab.grow(2)
    lab.ring.kill(lab.address(2))
    lab.pass_time(10)
    assert lab.read(1, "SimpleStates", mbean=DETECTOR)["/10.0.0.2"] == "UP"
    assert lab.read(1, "PhiConvictThreshold", mbean=DETECTOR) == 12.0

    body = {"type": "write", "mbean": DETECTOR, "attribute": "PhiConvictThreshold", "value": 1.0}
    lab.post(1, body)
    lab.pass_time(0.1)
    assert lab.read(1, "SimpleStates", mbean=DETECTOR)["/10.0.0.2"] == "DOWN"


def test_what_a_node_says_of_its_peers_is_its_own_view() -> None:
    """On the two sides of a cut the same question has different answers, and both are right."""
    lab = Lab()
    lab.grow(4)
    left, right = [lab.address(1), lab.address(2)], [lab.address(3), lab.address(4)]
    lab.ring.network.cut(left, right)
    lab.pass_time(20)

    assert lab.read(1, "UnreachableNodes") == right
    assert lab.read(4, "UnreachableNodes") == left
    # Nobody left: membership is not a matter of reachability.
    assert set(lab.read(1, "EndpointToHostId")) == {*left, *right}


def test_a_frozen_view_stands_still() -> None:
    """A node may go on believing in what is long over, while the others see it alive."""
    lab = Lab()
    lab.grow(3)
    lab.ring.network.freeze(lab.address(1), 60)
    lab.ring.kill(lab.address(3))
    lab.pass_time(30)

    assert lab.read(1, "UnreachableNodes") == []
    assert lab.read(2, "UnreachableNodes") == ["10.0.0.3"]
    assert lab.read(2, "LiveNodes") == ["10.0.0.1", "10.0.0.2"]

    lab.pass_time(31)
    assert lab.read(1, "UnreachableNodes") == ["10.0.0.3"]


def test_both_sides_of_a_cut_see_the_other_down() -> None:
    """And up again once it is healed."""
    lab = Lab()
    lab.grow(3)
    lab.ring.network.cut([lab.address(1)], [lab.address(2), lab.address(3)])
    lab.pass_time(20)

    assert lab.read(1, "UnreachableNodes") == ["10.0.0.2", "10.0.0.3"]
    assert lab.read(3, "UnreachableNodes") == ["10.0.0.1"]

    lab.ring.network.heal()
    lab.pass_time(3)
    assert lab.read(1, "UnreachableNodes") == []
    assert lab.read(3, "UnreachableNodes") == []


def test_schemas_agree_only_within_a_major_release() -> None:
    """During an upgrade from 4.1 to 5.0 there are two schema versions, until the last node is done."""
    lab = Lab(release="4.1.10")
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=2))
    lab.pass_time(5)
    proxy = "org.apache.cassandra.db:type=StorageProxy"
    assert len(lab.read(1, "SchemaVersions", mbean=proxy)) == 1

    for number in (1, 2):
        lab.ring.kill(lab.address(number))
        node = lab.start(number, release="5.0.9")
        lab.wait(lambda node=node: node.mode is Mode.NORMAL)  # type: ignore[misc]  # mypy cannot infer defaults
        lab.pass_time(15)
        assert len(lab.read(number, "SchemaVersions", mbean=proxy)) == 3 - number


def test_a_stopped_node_keeps_its_status_in_gossip() -> None:
    """`shutdown` is what gossip shows of a node that was stopped; its tokens stay its own."""
    lab = Lab()
    lab.grow(2)
    lab.ring.terminate(lab.address(2))
    lab.pass_time(5)
    view = lab.node(1).view

    assert view.states["10.0.0.2"].status is Status.SHUTDOWN
    assert view.is_member("10.0.0.2")


def test_seeds_that_moved_are_found_when_read_again() -> None:
    """A seed that comes back elsewhere, and knows nobody, is met as soon as its name is resolved again."""
    lab = Lab()
    at = {"seed": lab.address(1)}
    lab.grow(1)
    lab.start(2, resolve=lambda: (at["seed"],))
    lab.wait(lambda: lab.node(2).native_transport)
    lab.ring.kill(lab.address(1))
    lab.volumes["1"].peers.clear()
    lab.pass_time(60)
    moved = lab.start(1, at=7, seeds=(lab.address(7),))
    lab.wait(lambda: moved.native_transport)
    lab.pass_time(60)
    assert (len(moved.view.members), lab.address(7) in lab.node(2).view.members) == (1, False)

    at["seed"] = lab.address(7)
    answer = lab.execute(2, "reloadSeeds()", mbean=GOSSIPER)
    assert answer["value"] == [f"/{lab.address(7)}:7000"]
    lab.pass_time(5)

    assert lab.address(2) in moved.view.members
    assert lab.address(7) in lab.node(2).view.members
