"""How nodes come into a ring, stay there and move; and what keeps them out."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcassandra.deferred import JavaError
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy


def gone(lab: Lab, number: int, **changes: Any) -> str:
    """Start a node that is to fail, and return its last words."""
    node = lab.start(number, **changes)
    lab.wait(lambda: not node.running)
    assert node.exit is not None
    assert node.exit.code == 3
    return node.exit.message


def test_nodes_join_one_after_the_other() -> None:
    """Three nodes make one ring, everybody knows everybody, and each slice has its replicas."""
    lab = Lab()
    lab.grow(1)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=100_000_000)
    for number in (2, 3):
        node = lab.start(number)
        lab.wait(lambda node=node: node.native_transport)  # type: ignore[misc]  # mypy cannot infer defaults
        lab.pass_time(3)

    assert lab.ring.rings() == [("10.0.0.1", "10.0.0.2", "10.0.0.3")]
    assert set(lab.ring.copies("app")) == {2}
    assert {node.schema_version() for node in lab.ring.nodes()} == {lab.node(1).schema_version()}


def test_a_node_calls_itself_normal_before_its_peers_do() -> None:
    """News takes a while: right after NORMAL a peer still lists the node as joining."""
    lab = Lab()
    lab.grow(1)
    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.NORMAL)

    assert lab.read(1, "JoiningNodes") == ["10.0.0.2"]

    lab.pass_time(3)
    assert lab.read(1, "JoiningNodes") == []


def test_host_ids_include_joining_nodes() -> None:
    """EndpointToHostId is no list of members."""
    lab = Lab()
    lab.grow(1)
    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.JOINING)
    lab.wait(lambda: lab.read(1, "JoiningNodes") == ["10.0.0.2"])

    assert set(lab.read(1, "EndpointToHostId")) == {"10.0.0.1", "10.0.0.2"}
    assert lab.ring.rings() == [("10.0.0.1",)]


def test_a_node_lists_itself_as_live_from_the_start() -> None:
    """LiveNodes holds the node itself while it is STARTING: that says nothing about its health."""
    lab = Lab()
    lab.start(1)
    lab.wait(lambda: lab.node(1).registered)

    assert lab.read(1, "OperationMode") == "STARTING"
    assert lab.read(1, "LiveNodes") == ["10.0.0.1"]
    assert lab.read(1, "NativeTransportRunning") is False


def test_without_seeds_a_new_node_fails() -> None:
    """A node without data that reaches no seed gives up."""
    lab = Lab()

    assert gone(lab, 2) == "Unable to contact any seeds!"


def test_without_peers_a_member_fails_unless_it_is_a_seed() -> None:
    """After a full stop only a seed comes up alone; the others need it."""
    lab = Lab()
    lab.grow(2)
    for number in (1, 2):
        lab.ring.kill(lab.address(number))

    assert gone(lab, 2) == "Unable to gossip with any peers"

    seed = lab.start(1)
    lab.wait(lambda: seed.mode is Mode.NORMAL)
    other = lab.start(2)
    lab.wait(lambda: other.mode is Mode.NORMAL)
    lab.pass_time(3)
    assert lab.ring.rings() == [("10.0.0.1", "10.0.0.2")]


def test_two_bootstraps_in_a_row_collide() -> None:
    """The second of two nodes that start 2 s apart is refused."""
    lab = Lab()
    lab.grow(1)
    lab.start(2)
    lab.pass_time(2)

    why = gone(lab, 3)

    assert "cassandra.consistent.rangemovement is true" in why
    assert "Nodes detected, bootstrapping: /10.0.0.2:7000" in why


def test_two_bootstraps_in_the_same_instant_both_join() -> None:
    """Cassandra's guard is a race: nodes that start together do not see each other in time."""
    lab = Lab()
    lab.grow(1)
    first, second = lab.start(2), lab.start(3)
    lab.wait(lambda: first.mode is Mode.NORMAL and second.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert lab.ring.rings() == [("10.0.0.1", "10.0.0.2", "10.0.0.3")]


def test_a_node_on_its_own_seed_list_joins_without_data() -> None:
    """It skips the bootstrap: a member at once, and what it should hold is missing there."""
    lab = Lab()
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=10_000_000)
    node = lab.start(2, seeds=("10.0.0.1", "10.0.0.2"))
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert node.volume.held.get("app", 0) == 0
    assert 0 in lab.ring.copies("app")


def test_a_node_that_knows_only_itself_begins_a_second_ring() -> None:
    """A wiped member that is its own only seed is a ring of its own: visible as a split."""
    lab = Lab()
    lab.grow(2)
    lab.ring.kill(lab.address(2))
    lab.ring.lose(lab.volumes.pop("2"))
    node = lab.start(2, at=7, seeds=("10.0.0.7",))
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(20)

    assert lab.ring.rings() == [("10.0.0.1",), ("10.0.0.7",)]


def test_clusters_of_different_names_do_not_mix() -> None:
    """A node of another cluster finds no seed, even where one listens."""
    lab = Lab()
    lab.grow(1)

    assert gone(lab, 2, cluster_name="other") == "Unable to contact any seeds!"


def test_a_restart_keeps_the_host_id() -> None:
    """The same data at the same address is the same member."""
    lab = Lab()
    lab.grow(2)
    before = lab.read(1, "EndpointToHostId")
    lab.ring.terminate(lab.address(2))
    lab.wait(lambda: lab.ring.at(lab.address(2)) is None)
    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert lab.read(1, "EndpointToHostId") == before
    assert lab.read(1, "UnreachableNodes") == []


def test_the_same_data_at_a_new_address_moves_the_host_id() -> None:
    """The old address is gone from all lists at once, as when a pod comes back elsewhere."""
    lab = Lab()
    lab.grow(2)
    host_id = lab.read(1, "EndpointToHostId")["10.0.0.2"]
    lab.ring.kill(lab.address(2))
    node = lab.start(2, at=9)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert lab.read(1, "EndpointToHostId")["10.0.0.9"] == host_id
    assert "10.0.0.2" not in lab.read(1, "EndpointToHostId")
    assert lab.read(1, "UnreachableNodes") == []
    assert lab.read(1, "LiveNodes") == ["10.0.0.1", "10.0.0.9"]


def test_two_processes_on_one_disk_the_last_one_owns_the_id() -> None:
    """There is no error at all: the ring takes the process that started last."""
    lab = Lab()
    lab.grow(2)
    host_id = lab.read(1, "EndpointToHostId")["10.0.0.2"]
    second = lab.start(2, at=8)
    lab.wait(lambda: second.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert lab.read(1, "HostIdToEndpoint")[host_id] == "10.0.0.8"


def test_a_wiped_node_is_refused_at_its_old_address() -> None:
    """The ring still counts on the one that was there."""
    lab = Lab()
    lab.grow(2)
    lab.ring.kill(lab.address(2))
    lab.volumes["2"].wipe()

    assert gone(lab, 2).startswith("A node with address /10.0.0.2:7000 already exists, cancelling join.")


def test_a_killed_node_becomes_unreachable() -> None:
    """Peers notice after a while, and sooner with a lower threshold."""
    lab = Lab()
    lab.grow(2)
    lab.ring.kill(lab.address(2))

    assert 8 <= lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.2"]) <= 13

    node = lab.start(2)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)
    phi = {
        "type": "write",
        "mbean": "org.apache.cassandra.net:type=FailureDetector",
        "attribute": "PhiConvictThreshold",
        "value": 1.0,
    }
    lab.post(1, phi)
    lab.ring.kill(lab.address(2))
    assert lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.2"]) <= 4


def test_a_node_that_says_goodbye_is_unreachable_soon() -> None:
    """A stop in good order is announced: nobody has to wait for suspicion."""
    lab = Lab()
    lab.grow(2)
    lab.ring.terminate(lab.address(2))

    assert lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.2"]) <= 2


def test_a_joining_node_that_dies_is_forgotten() -> None:
    """It never was a member, so there is nothing to remove."""
    lab = Lab()
    lab.grow(1)
    node = lab.start(2)
    lab.wait(lambda: lab.read(1, "JoiningNodes") == ["10.0.0.2"])
    lab.ring.kill(node.address)
    lab.pass_time(20)

    assert lab.read(1, "JoiningNodes") == []
    assert lab.read(1, "UnreachableNodes") == []
    assert set(lab.read(1, "EndpointToHostId")) == {"10.0.0.1"}


def test_a_dead_replica_stops_a_bootstrap() -> None:
    """With consistent range movement the replica that loses a range has to be there to give it."""
    lab = Lab()
    lab.grow(3)
    lab.ring.kill(lab.address(3))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.3"])

    why = gone(lab, 4)

    assert "sufficient sources" in why or "strict consistency" in why


@pytest.mark.parametrize(("release", "mode"), [("5.0.9", Mode.JOINING_FAILED), ("4.1.10", Mode.JOINING)])
def test_a_bootstrap_that_breaks_can_be_resumed(release: str, mode: Mode) -> None:
    """The node stays up: 5.0 has a mode for it, 4.x goes on calling itself JOINING."""
    lab = Lab(release=release)
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=400_000_000)
    node = lab.start(2)
    lab.wait(lambda: bool(node.streams))
    lab.ring.network.cut([lab.address(1)], [lab.address(2)])
    lab.wait(lambda: node.bootstrap_failed)

    assert node.mode is mode

    lab.ring.network.heal()
    lab.pass_time(5)
    assert lab.execute(2, "resumeBootstrap")["value"] is True
    lab.wait(lambda: node.mode is Mode.NORMAL)
    assert node.volume.held["app"] == node.owned("app")


def test_replacing_a_dead_node_at_its_address_keeps_its_host_id() -> None:
    """The disk is new, the member is the old one, and the flag does no harm later."""
    lab = Lab()
    lab.grow(3)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 3}), size=10_000_000)
    host_id = lab.read(1, "EndpointToHostId")["10.0.0.3"]
    lab.ring.kill(lab.address(3))
    lab.volumes["3"].wipe()
    node = lab.start(3, replace_address="10.0.0.3")
    took = lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert 12 < took < 20
    assert node.volume.host_id == host_id
    assert set(lab.ring.copies("app")) == {3}

    lab.ring.kill(lab.address(3))
    again = lab.start(3, replace_address="10.0.0.3")
    assert lab.wait(lambda: again.mode is Mode.NORMAL) < 8


def test_replacing_a_dead_node_from_a_new_address_takes_a_new_host_id() -> None:
    """The old address lingers in the host ids of the peers for a while."""
    lab = Lab()
    lab.grow(3)
    old = lab.read(1, "EndpointToHostId")["10.0.0.3"]
    lab.ring.kill(lab.address(3))
    lab.ring.lose(lab.volumes.pop("3"))
    node = lab.start(4, replace_address="10.0.0.3", rack="rack3")
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)

    assert node.volume.host_id != old
    assert "10.0.0.3" in lab.read(1, "EndpointToHostId")
    assert lab.read(1, "UnreachableNodes") == []
    lab.pass_time(12)
    assert set(lab.read(1, "EndpointToHostId")) == {"10.0.0.1", "10.0.0.2", "10.0.0.4"}


def test_a_node_that_lives_cannot_be_replaced() -> None:
    """Nor one that nobody has heard of."""
    lab = Lab()
    lab.grow(2)

    assert gone(lab, 4, replace_address="10.0.0.2").startswith("Cannot replace a live node")
    assert "doesn't exist in gossip" in gone(lab, 5, replace_address="10.0.0.77")


def test_data_of_another_place_is_refused() -> None:
    """A disk belongs to one cluster, one datacenter and one rack."""
    lab = Lab()
    lab.grow(2)
    lab.ring.kill(lab.address(2))

    assert "snitch's rack (other) differs from previous rack (rack2)" in gone(lab, 2, rack="other")
    assert "snitch's data center (dc9)" in gone(lab, 2, datacenter="dc9")
    assert "Saved cluster name e2e != configured name x" in gone(lab, 2, cluster_name="x")


def test_replication_is_not_altered_while_a_node_joins() -> None:
    """5.0 refuses; and no release knows a datacenter that has no nodes."""
    lab = Lab()
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))
    node = lab.start(2)
    lab.wait(lambda: lab.read(1, "JoiningNodes") == ["10.0.0.2"])

    with pytest.raises(JavaError, match="Cannot alter RF while some endpoints"):
        lab.ring.alter_keyspace("app", SimpleStrategy(factor=2))
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(3)
    with pytest.raises(JavaError, match=r"Unrecognized strategy option \{dc2\}"):
        lab.ring.alter_keyspace("app", NetworkTopology(factors={"dc2": 1}))
