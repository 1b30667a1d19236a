"""Cleanup, upgradesstables, rebuild and repair: work on data, at a rate, with an end."""

from __future__ import annotations

import json

import pytest

from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

CLEANUP = "forceKeyspaceCleanup(int,java.lang.String,[Ljava.lang.String;)"
UPGRADE = "upgradeSSTables(java.lang.String,boolean,int,[Ljava.lang.String;)"
REBUILD = "rebuild(java.lang.String)"
COMPACTIONS = "org.apache.cassandra.db:type=CompactionManager"
MEGABYTE = 1024 * 1024


def write(lab: Lab, number: int, attribute: str, value: object) -> None:
    """Write an attribute of StorageService."""
    body = {"type": "write", "mbean": STORAGE_SERVICE, "attribute": attribute, "value": value}
    assert lab.post(number, body).status == 200


def loaded(size: int = 100 * MEGABYTE, release: str = "5.0.9") -> Lab:
    """Return two members, one of which holds all of a keyspace and owns half of it."""
    lab = Lab(release=release)
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=size)
    node = lab.start(2)
    lab.wait(lambda: node.native_transport)
    lab.pass_time(5)
    return lab


def test_cleanup_drops_what_moved_away() -> None:
    """A node keeps data that is not its own any more until it is told to clean up."""
    lab = loaded()
    node = lab.node(1)
    full = node.volume.bytes_of(lab.ring.data, "app")
    assert full == 100 * MEGABYTE

    assert lab.execute(1, CLEANUP, [2, "app", []])["value"] == 0

    assert node.volume.held["app"] == node.owned("app")
    assert 0 < node.volume.bytes_of(lab.ring.data, "app") < full
    assert set(lab.ring.copies("app")) == {1}


def test_a_cleanup_shows_in_compactions_while_it_runs() -> None:
    """With numbers as strings, at the throughput that was set, which may change under way."""
    lab = loaded()
    write(lab, 1, "CompactionThroughputMbPerSec", 5)
    began = lab.simulation.now
    lab.begin(1, CLEANUP, [2, "app", []])
    lab.pass_time(10)
    (shown,) = lab.read(1, "Compactions", mbean=COMPACTIONS)

    assert shown["taskType"] == "Cleanup"
    assert shown["total"] == str(100 * MEGABYTE)
    assert int(shown["completed"]) == pytest.approx(50 * MEGABYTE, rel=0.01)

    write(lab, 1, "CompactionThroughputMbPerSec", 50)
    lab.wait(lambda: not lab.node(1).compactions)
    assert lab.simulation.now - began == pytest.approx(11, abs=0.1)


def test_cleanup_is_refused_while_ranges_move() -> None:
    """A member that is about to lose or get ranges does not know what is its own."""
    lab = loaded()
    lab.start(3)
    lab.wait(lambda: lab.read(1, "JoiningNodes") == ["10.0.0.3"])

    answer = lab.execute(1, CLEANUP, [2, "app", []])

    assert "Not safe to run cleanup" in answer["error"]


def test_upgradesstables_rewrites_only_what_is_old() -> None:
    """5.0 writes the old format until its compatibility mode is NONE; then there is work once."""
    lab = loaded()
    before = lab.simulation.now
    lab.execute(1, UPGRADE, ["app", True, 2, []])
    assert lab.simulation.now - before < 0.1

    lab.ring.kill(lab.address(1))
    node = lab.start(1, storage_compatibility="NONE")
    lab.wait(lambda: node.mode is Mode.NORMAL)
    before = lab.simulation.now
    lab.execute(1, UPGRADE, ["app", True, 2, []])
    assert lab.simulation.now - before == pytest.approx(100 / 64, abs=0.1)
    before = lab.simulation.now
    lab.execute(1, UPGRADE, ["app", True, 2, []])
    assert lab.simulation.now - before < 0.1


def test_a_stopped_compaction_fails_its_call() -> None:
    """The call that waits for it hears of the interruption some seconds later."""
    lab = loaded()
    write(lab, 1, "CompactionThroughputMbPerSec", 1)
    body = {
        "type": "exec",
        "mbean": STORAGE_SERVICE,
        "operation": UPGRADE,
        "arguments": ["app", False, 2, []],
    }
    exchange = lab.agent(1).answer(json.dumps(body))
    lab.pass_time(5)
    lab.execute(1, "stopCompaction", ["UPGRADE_SSTABLES"], mbean=COMPACTIONS)

    assert lab.wait(lambda: exchange.over) == pytest.approx(8, abs=0.1)
    assert exchange.answer is not None
    assert "CompactionInterruptedException" in exchange.answer.body
    assert lab.node(1).compactions == []


def test_what_is_unknown_is_refused() -> None:
    """Keyspaces and tables that do not exist, and the system's own."""
    lab = loaded()

    assert lab.execute(1, CLEANUP, [2, "nosuch", []])["status"] == 400
    assert lab.execute(1, CLEANUP, [2, "app", ["nosuch"]])["status"] == 400
    assert lab.execute(1, CLEANUP, [2, "system", []])["status"] == 500


def second_datacenter(release: str) -> Lab:
    """Return one node in each of two datacenters, the data only in the first."""
    lab = Lab(release=release)
    lab.grow(1)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=40_000_000)
    node = lab.start(2, datacenter="dc2", auto_bootstrap=False)
    lab.wait(lambda: node.native_transport)
    lab.pass_time(5)
    return lab


@pytest.mark.parametrize("release", ["4.1.10", "5.0.9"])
def test_rebuild_fills_a_new_datacenter(release: str) -> None:
    """After the keyspace got replicas there, a rebuild fetches them."""
    lab = second_datacenter(release)
    lab.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
    lab.pass_time(5)
    assert set(lab.ring.copies("app")) == {1}

    assert lab.execute(2, REBUILD, ["dc1"])["value"] is None

    assert set(lab.ring.copies("app")) == {2}


def test_rebuild_before_its_time_blocks_the_real_one_in_5_0() -> None:
    """It succeeds with nothing to do, and is noted as done."""
    lab = second_datacenter("5.0.9")
    assert lab.execute(2, REBUILD, ["dc1"])["status"] == 200
    lab.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
    lab.pass_time(5)

    answer = lab.execute(2, REBUILD, ["dc1"])

    assert answer["status"] == 500
    assert "Discovered existing bootstrap data" in answer["error"]


def test_rebuild_again_is_possible_in_4_1_and_by_a_flag_in_5_0() -> None:
    """With `reset_bootstrap_progress` false it is a quick nothing, with true everything again."""
    old = second_datacenter("4.1.10")
    assert [old.execute(2, REBUILD, ["dc1"])["status"] for _ in range(2)] == [200, 200]

    for flag in (False, True):
        lab = second_datacenter("5.0.9")
        lab.ring.kill(lab.address(2))
        node = lab.start(2, datacenter="dc2", reset_bootstrap_progress=flag)
        lab.wait(lambda node=node: node.mode is Mode.NORMAL)  # type: ignore[misc]  # mypy cannot infer defaults
        lab.pass_time(5)
        lab.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
        lab.pass_time(5)
        assert lab.execute(2, REBUILD, ["dc1"])["status"] == 200
        before = lab.simulation.now
        assert lab.execute(2, REBUILD, ["dc1"])["status"] == 200
        assert (lab.simulation.now - before > 1) is flag


def test_rebuild_names_the_datacenters_there_are() -> None:
    """A wrong source is an illegal argument."""
    lab = second_datacenter("5.0.9")

    answer = lab.execute(2, REBUILD, ["dc3"])

    assert answer["status"] == 400
    assert "available datacenters are: dc1,dc2" in answer["error"]


def test_repair_brings_missing_copies() -> None:
    """The command answers with its number at once; its status tells the end."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=50_000_000)
    lab.ring.alter_keyspace("app", SimpleStrategy(factor=2))
    lab.pass_time(5)
    for number in (1, 2):
        command = lab.execute(number, "repairAsync", ["app", {"primaryRange": "true"}])["value"]
        assert command == 1
        lab.pass_time(30)
        status = lab.execute(number, "getParentRepairStatus", [command])["value"]
        assert status == ["COMPLETED", "Repair completed successfully"]

    assert set(lab.ring.copies("app")) == {2}


def test_streams_show_their_progress() -> None:
    """Both ends list the same plan; the rate may change under way."""
    manager = "org.apache.cassandra.net:type=StreamManager"
    lab = loaded(size=2_000_000_000)
    lab.begin(2, "decommission", [True])
    lab.wait(lambda: bool(lab.node(2).sending))
    lab.pass_time(10)
    (sent,) = lab.read(2, "CurrentStreams", mbean=manager)
    (received,) = lab.read(1, "CurrentStreams", mbean=manager)

    assert sent["description"] == received["description"] == "Unbootstrap"
    assert sent["planId"] == received["planId"]
    assert sent["currentTxBytes"] == received["currentRxBytes"] == pytest.approx(251e6, rel=0.01)
    assert sent["sessions"][0]["state"] == "STREAMING"
    assert sent["sessions"][0]["peer"] == "10.0.0.1"

    write(lab, 2, "StreamThroughputMbitPerSec", 2)
    lab.pass_time(10)
    (slower,) = lab.read(2, "CurrentStreams", mbean=manager)
    assert slower["currentTxBytes"] - sent["currentTxBytes"] == pytest.approx(2.5e6, rel=0.01)
