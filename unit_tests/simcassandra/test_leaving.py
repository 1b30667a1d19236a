"""How nodes leave a ring: by decommission, by removal after death, by assassination; and by drain."""

from __future__ import annotations

import pytest

from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

GOSSIPER = "org.apache.cassandra.net:type=Gossiper"
DETECTOR = "org.apache.cassandra.net:type=FailureDetector"
REMOVE = "removeNode(java.lang.String)"


def ring_of_three(*, size: int = 40_000_000, release: str = "5.0.9") -> Lab:
    """Return three members with a keyspace of two replicas."""
    lab = Lab(release=release)
    lab.grow(3)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=size)
    lab.pass_time(5)
    return lab


@pytest.mark.parametrize("release", ["4.1.10", "5.0.9"])
def test_decommission_moves_the_data_away(release: str) -> None:
    """The call answers when it is over; no copy is lost, and the peers do not know the node any more."""
    lab = ring_of_three(release=release)
    before = lab.simulation.now
    answer = lab.execute(3, "decommission", [True])

    assert answer["value"] is None
    assert 7 < lab.simulation.now - before < 14
    assert lab.read(3, "OperationMode") == "DECOMMISSIONED"
    assert set(lab.ring.copies("app")) == {2}
    assert set(lab.read(1, "EndpointToHostId")) == {"10.0.0.1", "10.0.0.2"}
    assert lab.read(1, "LeavingNodes") == []


def test_peers_drop_a_leaving_node_before_it_says_so() -> None:
    """Their word is what counts: the node itself goes on saying LEAVING for a ring delay and more."""
    lab = ring_of_three()
    lab.begin(3, "decommission", [True])
    lab.wait(lambda: lab.read(1, "LeavingNodes") == ["10.0.0.3"])
    lab.wait(lambda: "10.0.0.3" not in lab.read(1, "EndpointToHostId"))

    assert lab.read(3, "OperationMode") == "LEAVING"
    assert lab.read(1, "LiveNodes") == ["10.0.0.1", "10.0.0.2"]


def test_a_client_that_hangs_up_does_not_stop_a_decommission() -> None:
    """What was asked for goes on."""
    lab = ring_of_three()
    lab.begin(3, "decommission", [True])

    lab.wait(lambda: lab.node(3).mode is Mode.DECOMMISSIONED)


def test_a_node_that_left_is_unreachable_later() -> None:
    """It stays in UnreachableNodes, and as UNREACHABLE in SchemaVersions; it has no host id there."""
    lab = ring_of_three()
    lab.execute(3, "decommission", [True])
    lab.pass_time(20)

    assert lab.read(1, "UnreachableNodes") == ["10.0.0.3"]
    assert "10.0.0.3" not in lab.read(1, "EndpointToHostId")
    versions = lab.read(1, "SchemaVersions", mbean="org.apache.cassandra.db:type=StorageProxy")
    assert versions["UNREACHABLE"] == ["10.0.0.3"]

    lab.pass_time(4 * 24 * 3600)
    assert lab.read(1, "UnreachableNodes") == []


@pytest.mark.parametrize(("release", "mode"), [("5.0.9", Mode.DECOMMISSION_FAILED), ("4.1.10", Mode.NORMAL)])
def test_an_unforced_decommission_is_refused_on_three_nodes(release: str, mode: Mode) -> None:
    """system_distributed has three replicas; 5.0 keeps the refusal as its mode, and serves on."""
    lab = ring_of_three(release=release)
    answer = lab.execute(3, "decommission", [False])

    assert answer["status"] == 500
    assert answer["error"] == (
        "java.lang.UnsupportedOperationException : Not enough live nodes to maintain replication "
        "factor in keyspace system_distributed (RF = 3, N = 3). "
        "Perform a forceful decommission to ignore."
    )
    assert lab.node(3).mode is mode
    assert lab.read(3, "NativeTransportRunning") is True
    assert lab.execute(3, "decommission", [True])["status"] == 200


def test_calling_decommission_again() -> None:
    """5.0 takes it for done; 4.1 says that it is still at it, and later that it is no member."""
    for release, during, after in (("5.0.9", 200, 200), ("4.1.10", 500, 500)):
        lab = ring_of_three(release=release)
        lab.begin(3, "decommission", [True])
        lab.pass_time(2)
        assert lab.execute(3, "decommission", [True])["status"] == during
        lab.wait(lambda lab=lab: lab.node(3).mode is Mode.DECOMMISSIONED)  # type: ignore[misc]  # mypy cannot infer defaults
        assert lab.execute(3, "decommission", [True])["status"] == after


def test_the_last_node_cannot_leave() -> None:
    """There is nobody to leave anything to."""
    lab = Lab()
    lab.grow(1)

    assert "decommission would be pointless" in lab.execute(1, "decommission", [True])["error"]


@pytest.mark.parametrize(("release", "mode"), [("5.0.9", Mode.DECOMMISSION_FAILED), ("4.1.10", Mode.LEAVING)])
def test_a_target_that_dies_breaks_a_decommission(release: str, mode: Mode) -> None:
    """The call fails, the node is a member still, and a second call can finish the work."""
    lab = ring_of_three(size=4_000_000_000, release=release)
    lab.begin(3, "decommission", [True])
    # Not its list of streams: the empty plan of its own bootstrap lingers there.
    lab.wait(lambda: bool(lab.node(3).sending))
    target = lab.node(3).sending[0].target.address
    lab.ring.kill(target)
    lab.wait(lambda: not lab.node(3).decommissioning)

    assert lab.node(3).mode is mode
    assert lab.node(3).view.is_member("10.0.0.3")
    lab.start(int(target[-1]))
    lab.pass_time(15)
    assert lab.execute(3, "decommission", [True])["status"] == 200
    assert set(lab.ring.copies("app", at="10.0.0.1")) == {2}


def test_a_disk_that_is_full_breaks_a_decommission() -> None:
    """The words of the disk come through."""
    lab = ring_of_three(size=400_000_000)
    for number in ("1", "2"):
        lab.volumes[number].capacity = 1
    answer = lab.execute(3, "decommission", [True])

    assert answer["status"] == 500
    assert "No space left on device" in answer["error"]


def test_decommissioned_data_does_not_start_again() -> None:
    """Unless it is told to, or wiped; then it is a new member."""
    lab = ring_of_three()
    lab.execute(3, "decommission", [True])
    lab.ring.kill(lab.address(3))
    refused = lab.start(3)
    lab.wait(lambda: not refused.running)
    assert refused.exit is not None
    assert refused.exit.message.startswith("This node was decommissioned and will not rejoin the ring")

    forced = lab.start(3, override_decommission=True)
    lab.wait(lambda: not forced.running or forced.mode is Mode.NORMAL)
    assert forced.running


def test_a_node_killed_right_after_it_left_would_bootstrap_anew() -> None:
    """Between LEFT and DECOMMISSIONED its disk asks for a bootstrap: a restart brings it back."""
    lab = ring_of_three()
    lab.begin(3, "decommission", [True])
    lab.wait(lambda: "10.0.0.3" not in lab.read(1, "EndpointToHostId"))
    lab.ring.kill(lab.address(3))
    again = lab.start(3)
    lab.wait(lambda: again.mode is Mode.NORMAL)
    lab.pass_time(5)

    assert "10.0.0.3" in lab.read(1, "EndpointToHostId")


def test_removing_a_dead_node_restores_its_copies() -> None:
    """The rest of the ring fetches what it gets; the dead node is in LeavingNodes meanwhile."""
    lab = ring_of_three(size=400_000_000)
    host_id = lab.node(3).volume.host_id
    lab.ring.kill(lab.address(3))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.3"])
    lab.begin(1, REMOVE, [host_id])
    lab.pass_time(4)

    assert lab.read(1, "LeavingNodes") == ["10.0.0.3"]
    assert "Waiting for replication confirmation from [" in lab.read(1, "RemovalStatus")

    lab.wait(lambda: lab.node(1).removal is None)
    lab.pass_time(3)
    assert lab.read(1, "RemovalStatus") == "No token removals in process."
    assert lab.read(2, "UnreachableNodes") == []
    assert set(lab.read(2, "EndpointToHostId")) == {"10.0.0.1", "10.0.0.2"}
    assert set(lab.ring.copies("app")) == {2}


@pytest.mark.parametrize(("release", "lingering"), [("4.1.10", 0), ("5.0.9", 1)])
def test_removals_without_data_leave_plans_in_5_0(release: str, lingering: int) -> None:
    """A finished plan without sessions stays in its CurrentStreams: counting plans is not enough."""
    lab = ring_of_three(size=0, release=release)
    host_id = lab.node(3).volume.host_id
    lab.ring.kill(lab.address(3))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.3"])
    lab.execute(1, REMOVE, [host_id])
    lab.pass_time(600)

    plans = lab.read(2, "CurrentStreams", mbean="org.apache.cassandra.net:type=StreamManager")
    assert [p["sessions"] for p in plans if p["description"] == "Restore replica count"] == [[]] * lingering


def test_removal_status_throws_while_a_removal_ends() -> None:
    """For a moment the attribute spoils every request that it is part of, unless errors are ignored."""
    lab = ring_of_three()
    host_id = lab.node(3).volume.host_id
    lab.ring.kill(lab.address(3))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.3"])
    lab.begin(1, REMOVE, [host_id])
    removal = lab.node(1).removal
    assert removal is not None
    lab.wait(lambda: removal.announced)
    body = {
        "type": "read",
        "mbean": "org.apache.cassandra.db:type=StorageService",
        "attribute": ["OperationMode", "RemovalStatus"],
    }

    assert '"error_type": "java.util.NoSuchElementException"' in lab.post(1, body).body
    lenient = lab.post(1, {**body, "config": {"ignoreErrors": True}}).body
    assert "(class java.util.NoSuchElementException)" in lenient


def test_what_cannot_be_removed() -> None:
    """The living, oneself, the unknown, and what is no id at all."""
    lab = ring_of_three()
    own, live = lab.node(1).volume.host_id, lab.node(2).volume.host_id

    assert "Cannot remove self" in lab.execute(1, REMOVE, [own])["error"]
    assert "is alive and owns this ID" in lab.execute(1, REMOVE, [live])["error"]
    unknown = "00000000-0000-0000-0000-000000000001"
    assert "Host ID not found." in lab.execute(1, REMOVE, [unknown])["error"]
    assert lab.execute(1, REMOVE, ["nonsense"])["status"] == 400


def test_a_removal_waits_for_a_node_that_never_confirms() -> None:
    """It can be forced to its end, and then copies are missing."""
    lab = Lab()
    lab.grow(4)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=4_000_000_000)
    lab.pass_time(5)
    host_id = lab.node(4).volume.host_id
    lab.ring.kill(lab.address(4))
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.4"])
    lab.begin(1, REMOVE, [host_id])
    removal = lab.node(1).removal
    assert removal is not None
    assert set(removal.waiting) >= {"10.0.0.2"}
    lab.ring.kill(lab.address(2))
    lab.pass_time(3600)

    assert lab.read(1, "LeavingNodes") == ["10.0.0.4"]
    assert "10.0.0.2" in lab.read(1, "RemovalStatus")
    assert lab.execute(1, "forceRemoveCompletion")["status"] == 200
    lab.pass_time(5)
    assert "10.0.0.4" not in lab.read(1, "EndpointToHostId")
    assert min(lab.ring.copies("app")) < 2


def test_a_forced_removal_takes_whoever_leaves() -> None:
    """Asked of any node, and of those too that are only leaving: their ranges are gone unstreamed."""
    lab = ring_of_three(size=4_000_000_000)
    lab.begin(3, "decommission", [True])
    lab.wait(lambda: lab.read(1, "LeavingNodes") == ["10.0.0.3"])
    assert lab.execute(1, "forceRemoveCompletion")["value"] is None
    lab.pass_time(3)

    assert "10.0.0.3" not in lab.read(2, "EndpointToHostId")
    assert min(lab.ring.copies("app")) < 2


def test_a_forced_removal_of_nobody_is_nothing() -> None:
    """It answers as if it had done something."""
    lab = ring_of_three()

    assert lab.execute(1, "forceRemoveCompletion")["status"] == 200
    assert lab.ring.rings() == [("10.0.0.1", "10.0.0.2", "10.0.0.3")]


def test_assassination_leaves_a_ghost_of_what_never_was() -> None:
    """It answers 200 for any address; only the failure detector shows the ghost afterwards."""
    lab = ring_of_three()
    before = lab.simulation.now
    answer = lab.execute(1, "assassinateEndpoint", ["10.0.0.77"], mbean=GOSSIPER)

    assert answer["status"] == 200
    assert lab.simulation.now - before == pytest.approx(4.0)
    assert lab.read(1, "SimpleStates", mbean=DETECTOR)["/10.0.0.77"] == "DOWN"
    assert lab.read(1, "UnreachableNodes") == []
    assert "10.0.0.77" not in lab.read(1, "EndpointToHostId")


def test_assassination_of_the_living_fails() -> None:
    """A heartbeat gives it away."""
    lab = ring_of_three()

    answer = lab.execute(1, "assassinateEndpoint", ["10.0.0.3"], mbean=GOSSIPER)

    assert answer["status"] == 500
    assert "heartbeat changed while trying to assassinate it" in answer["error"]


def test_drain_takes_a_node_out_of_service() -> None:
    """Its agent still answers; its peers see it down; a second drain does nothing."""
    lab = ring_of_three()
    before = lab.simulation.now
    assert lab.execute(3, "drain")["value"] is None

    assert lab.simulation.now - before == pytest.approx(2.6)
    assert lab.read(3, "OperationMode") == "DRAINED"
    assert lab.read(3, "Drained") is True
    assert lab.read(3, "NativeTransportRunning") is False
    assert lab.read(3, "DrainProgress") == "Drained 0/14 ColumnFamilies"
    lab.pass_time(2)
    assert lab.read(1, "UnreachableNodes") == ["10.0.0.3"]
    assert lab.execute(3, "drain")["value"] is None

    lab.ring.terminate(lab.address(3))
    assert lab.wait(lambda: lab.ring.at(lab.address(3)) is None) < 1


def test_plans_without_streams_linger() -> None:
    """A finished plan that had nothing to stream stays in CurrentStreams until the process ends."""
    manager = "org.apache.cassandra.net:type=StreamManager"
    lab = Lab()
    lab.grow(2)

    streams = lab.read(2, "CurrentStreams", mbean=manager)
    assert [(s["description"], s["sessions"]) for s in streams] == [("Bootstrap", [])]

    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=1_000_000)
    lab.pass_time(5)
    lab.start(3)
    lab.wait(lambda: lab.node(3).mode is Mode.NORMAL)
    assert lab.read(3, "CurrentStreams", mbean=manager) == []
