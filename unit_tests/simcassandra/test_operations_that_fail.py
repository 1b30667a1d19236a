"""Operations that are refused, break half-way, or have nothing to do; and what they leave behind."""

from __future__ import annotations

import json

import pytest

from e2e.simcassandra.exchange import Exchange
from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

CLEANUP = "forceKeyspaceCleanup(int,java.lang.String,[Ljava.lang.String;)"
UPGRADE = "upgradeSSTables(java.lang.String,boolean,int,[Ljava.lang.String;)"
REBUILD = "rebuild(java.lang.String)"
STRING = "java.lang.String"
REBUILD_KEYSPACE = f"rebuild({STRING},{STRING},{STRING},{STRING})"
REBUILD_EXCLUDING = f"rebuild({STRING},{STRING},{STRING},{STRING},boolean)"
RELEASES = ("4.1.10", "5.0.9")


def two_datacenters(release: str, *, size: int = 4_000_000_000) -> Lab:
    """Return node 1 in dc1 with the data, node 2 in dc2 that is to get a copy and has none."""
    lab = Lab(release=release)
    lab.grow(1)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=size)
    node = lab.start(2, datacenter="dc2", auto_bootstrap=False)
    lab.wait(lambda: node.native_transport)
    lab.pass_time(5)
    lab.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
    lab.pass_time(5)
    return lab


def asked(lab: Lab, number: int, operation: str, *arguments: object) -> Exchange:
    """Execute *operation* without waiting for its answer."""
    body = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": operation, "arguments": list(arguments)}
    return lab.agent(number).answer(json.dumps(body))


@pytest.mark.parametrize("release", RELEASES)
def test_a_rebuild_that_breaks_can_be_asked_for_again(release: str) -> None:
    """Its caller gets an error, nothing is held for whole, and a second one fetches everything."""
    lab = two_datacenters(release)
    exchange = asked(lab, 2, REBUILD, "dc1")
    lab.pass_time(20)
    lab.ring.network.cut([lab.address(1)], [lab.address(2)])
    assert exchange.answer is not None
    assert json.loads(exchange.answer.body)["error"].startswith(
        "java.lang.RuntimeException : Error while rebuilding node: "
    )
    assert set(lab.ring.copies("app")) == {1}

    lab.ring.network.heal()
    lab.pass_time(5)
    assert lab.execute(2, REBUILD, ["dc1"])["status"] == 200
    assert set(lab.ring.copies("app")) == {2}


def test_one_rebuild_at_a_time() -> None:
    """A second call while the first streams is an illegal state, and leaves the first alone."""
    lab = two_datacenters("5.0.9")
    first = asked(lab, 2, REBUILD, "dc1")
    lab.pass_time(5)

    answer = lab.execute(2, REBUILD, ["dc1"])

    assert answer["error"] == (
        "java.lang.IllegalStateException : Node is still rebuilding. Check nodetool netstats."
    )
    lab.wait(lambda: first.over)
    assert set(lab.ring.copies("app")) == {2}


def test_a_rebuild_shows_as_a_stream() -> None:
    """Under that name, on both ends, with all bytes that are to come."""
    manager = "org.apache.cassandra.net:type=StreamManager"
    lab = two_datacenters("5.0.9")
    asked(lab, 2, REBUILD, "dc1")
    lab.pass_time(5)

    (sent,) = [p for p in lab.read(1, "CurrentStreams", mbean=manager) if p["sessions"]]
    (got,) = [p for p in lab.read(2, "CurrentStreams", mbean=manager) if p["sessions"]]

    assert sent["description"] == got["description"] == "Rebuild"
    assert got["totalRxBytes"] == sent["totalTxBytes"] == 4_000_000_000


def test_a_rebuild_may_be_of_one_keyspace() -> None:
    """The others stay empty there."""
    lab = two_datacenters("4.1.10", size=1_000_000)
    lab.ring.create_keyspace("other", NetworkTopology(factors={"dc1": 1}), size=1_000_000)
    lab.ring.alter_keyspace("other", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
    lab.pass_time(5)

    assert lab.execute(2, REBUILD_KEYSPACE, ["dc1", "app", None, None])["status"] == 200
    assert set(lab.ring.copies("app")) == {2}
    assert set(lab.ring.copies("other")) == {1}


def test_a_rebuild_needs_a_living_source() -> None:
    """With the only other replica down it is refused at once."""
    lab = two_datacenters("5.0.9")
    lab.ring.kill(lab.address(1))
    lab.wait(lambda: lab.read(2, "UnreachableNodes") == ["10.0.0.1"])

    answer = lab.execute(2, REBUILD, ["dc1"])

    assert answer["status"] == 500
    assert "Unable to find sufficient sources for streaming range in keyspace " in answer["error"]


def test_a_rebuild_of_everything_needs_a_source_for_every_keyspace() -> None:
    """Where both copies of a range are here, nobody there has it: not even other keyspaces are fetched.

    Seen with 5.0.9 and `system_traces`, which has two copies wherever the ring puts them.
    """
    lab = two_datacenters("5.0.9")
    node = lab.start(3, datacenter="dc2", auto_bootstrap=False)
    lab.wait(lambda: node.native_transport)
    lab.ring.create_keyspace("anywhere", SimpleStrategy(factor=2))
    lab.pass_time(5)

    everything = lab.execute(2, REBUILD, ["dc1"])
    one = lab.execute(2, REBUILD_KEYSPACE, ["dc1", "app", None, None])

    assert everything["status"] == 500
    assert "Unable to find sufficient sources for streaming range in keyspace " in everything["error"]
    assert one["status"] == 200


def test_excluding_the_own_datacenter_as_the_source_is_a_contradiction() -> None:
    """5.0's fifth argument."""
    lab = two_datacenters("5.0.9")

    answer = lab.execute(2, REBUILD_EXCLUDING, ["dc2", None, None, None, True])

    assert answer["status"] == 400
    assert "Cannot set source data center to be local data center" in answer["error"]


def test_a_repair_whose_peer_dies_fails() -> None:
    """The command has answered long ago: only its status tells."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=4_000_000_000)
    lab.ring.alter_keyspace("app", SimpleStrategy(factor=2))
    lab.pass_time(5)
    command = lab.execute(1, "repairAsync", ["app", {}])["value"]
    assert lab.execute(1, "getParentRepairStatus", [command])["value"] == ["IN_PROGRESS"]
    lab.ring.kill(lab.address(2))

    state, why = lab.execute(1, "getParentRepairStatus", [command])["value"]
    assert state == "FAILED"
    assert why.startswith("Repair command #1 failed with error")


def test_repairs_that_are_none() -> None:
    """Alone there is nothing to compare with: command 0. What never was has no status."""
    lab = Lab()
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))

    assert lab.execute(1, "repairAsync", ["app", {}])["value"] == 0
    assert lab.execute(1, "getParentRepairStatus", [77])["value"] is None
    refused = lab.execute(1, "repairAsync", ["nosuch", {}])
    assert (refused["status"], refused["error"]) == (
        500,
        "javax.management.RuntimeErrorException : java.lang.AssertionError: Unknown keyspace nosuch",
    )


def test_repairs_are_numbered() -> None:
    """By the node that was asked, from 1."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=2))
    lab.pass_time(5)

    assert [lab.execute(1, "repairAsync", ["app", {}])["value"] for _ in range(3)] == [1, 2, 3]
    assert lab.execute(2, "repairAsync", ["app", {}])["value"] == 1


def test_after_an_upgrade_old_data_is_rewritten_once() -> None:
    """5.0 keeps writing the old format until its compatibility mode is NONE; then there is work, once."""
    lab = Lab(release="4.1.10")
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=64 * 1024 * 1024)
    for compatibility in ("CASSANDRA_4", "NONE"):
        lab.ring.kill(lab.address(1))
        node = lab.start(1, release="5.0.9", storage_compatibility=compatibility)
        lab.wait(lambda node=node: node.native_transport)  # type: ignore[misc]  # mypy cannot infer defaults
        before = lab.simulation.now
        assert lab.execute(1, UPGRADE, ["app", True, 2, []])["value"] == 0
        worked = lab.simulation.now - before > 0.5
        assert worked is (compatibility == "NONE")
    assert lab.node(1).volume.formats["app"] == "oa"


def test_cleanup_on_a_leaving_node_is_allowed() -> None:
    """It gets nothing, so it knows what is its own."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=4_000_000_000)
    lab.pass_time(5)
    lab.begin(2, "decommission", [True])
    lab.pass_time(1)

    assert lab.execute(2, CLEANUP, [2, "app", []])["status"] == 200
    lab.pass_time(2)
    assert "Not safe to run cleanup" in lab.execute(1, CLEANUP, [2, "app", []])["error"]


def test_a_flush_of_what_there_is() -> None:
    """Null for a keyspace, 400 for none."""
    lab = Lab()
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1))

    assert lab.execute(1, "forceKeyspaceFlush", ["app", []])["value"] is None
    assert lab.execute(1, "forceKeyspaceFlush", ["nosuch", []])["status"] == 400


def test_a_drained_node_comes_back_by_a_restart_only() -> None:
    """It stays DRAINED for as long as its process lives; the next one is NORMAL, with all its data."""
    lab = Lab()
    lab.grow(3)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 3}), size=1_000_000)
    lab.pass_time(5)
    lab.execute(3, "drain")
    lab.pass_time(3600)
    assert lab.read(3, "OperationMode") == "DRAINED"
    assert lab.read(3, "GossipRunning") is False

    lab.ring.terminate(lab.address(3))
    lab.wait(lambda: lab.ring.at(lab.address(3)) is None)
    node = lab.start(3)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    lab.pass_time(5)
    assert set(lab.ring.copies("app")) == {3}
    assert lab.read(1, "UnreachableNodes") == []


def test_a_node_is_draining_before_it_is_drained() -> None:
    """Its CQL port closes at the beginning, not at the end."""
    lab = Lab()
    lab.grow(2)
    exchange = asked(lab, 2, "drain")
    lab.pass_time(1)

    assert lab.read(2, "OperationMode") == "DRAINING"
    assert lab.read(2, "Draining") is True
    assert lab.read(2, "NativeTransportRunning") is False
    lab.wait(lambda: exchange.over)
    assert lab.read(2, "Draining") is False


def test_a_drained_node_cannot_leave() -> None:
    """It takes no part in gossip: whom could it tell?"""
    lab = Lab()
    lab.grow(2)
    lab.execute(2, "drain")

    answer = lab.execute(2, "decommission", [True])

    assert answer["status"] == 500
    assert "Node in DRAINED state; wait for status to become normal or restart" in answer["error"]
    assert lab.node(2).mode is Mode.DRAINED
