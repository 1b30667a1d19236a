"""Compactions: one table after the other, at a throughput that is shared, visible while they run."""

from __future__ import annotations

import json

import pytest

from e2e.simcassandra.exchange import Exchange
from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.tokens import SimpleStrategy

MANAGER = "org.apache.cassandra.db:type=CompactionManager"
PENDING = "org.apache.cassandra.metrics:type=Compaction,name=PendingTasks"
CLEANUP = "forceKeyspaceCleanup(int,java.lang.String,[Ljava.lang.String;)"
UPGRADE = "upgradeSSTables(java.lang.String,boolean,int,[Ljava.lang.String;)"
SCRUB = "scrub(boolean,boolean,boolean,boolean,int,java.lang.String,[Ljava.lang.String;)"
COMPACT = "forceKeyspaceCompaction(boolean,java.lang.String,[Ljava.lang.String;)"
MEGABYTE = 1024 * 1024


def one(size: int = 128 * MEGABYTE, tables: tuple[str, ...] = ("a", "b"), release: str = "5.0.9") -> Lab:
    """Return a single node with a keyspace of *size* bytes."""
    lab = Lab(release=release)
    lab.grow(1)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=size, tables=tables)
    return lab


def asked(lab: Lab, operation: str, arguments: list[object]) -> Exchange:
    """Execute *operation* without waiting for its answer."""
    body = {
        "type": "exec",
        "mbean": STORAGE_SERVICE,
        "operation": operation,
        "arguments": arguments,
    }
    return lab.agent(1).answer(json.dumps(body))


def shown(lab: Lab) -> list[tuple[str, str]]:
    """Return (task, table) of what runs now."""
    return [(c["taskType"], c["columnfamily"]) for c in lab.read(1, "Compactions", mbean=MANAGER)]


def test_tables_are_done_one_after_the_other() -> None:
    """Each has its share of the bytes; the call answers after the last."""
    lab = one()
    exchange = asked(lab, CLEANUP, [2, "app", []])
    lab.pass_time(0.5)
    assert shown(lab) == [("Cleanup", "a")]
    lab.pass_time(1.0)
    assert shown(lab) == [("Cleanup", "b")]

    # 64 MB/s is what nodes compact unless told otherwise.
    assert 1.5 + lab.wait(lambda: exchange.over) == pytest.approx(2.0, abs=0.05)
    assert shown(lab) == []


def test_tables_may_be_named() -> None:
    """Then only those are worked on, and the others take no time."""
    lab = one()
    exchange = asked(lab, CLEANUP, [2, "app", ["b"]])
    lab.pass_time(0.5)

    assert shown(lab) == [("Cleanup", "b")]
    lab.wait(lambda: exchange.over)


def test_compactions_share_the_throughput() -> None:
    """Two at a time take twice as long each."""
    lab = one(size=64 * MEGABYTE, tables=("a",))
    first = asked(lab, CLEANUP, [2, "app", []])
    second = asked(lab, UPGRADE, ["app", False, 2, []])
    lab.pass_time(0.5)

    assert sorted(shown(lab)) == [("Cleanup", "a"), ("Upgrade sstables", "a")]
    assert lab.read(1, "Value", mbean=PENDING) == 2
    assert 0.5 + lab.wait(lambda: first.over and second.over) == pytest.approx(2.0, abs=0.05)
    assert lab.read(1, "Value", mbean=PENDING) == 0


def test_every_kind_of_work_has_its_word() -> None:
    """The words are Cassandra's, and so is what the calls answer: 0, but null for a compaction."""
    words: dict[str, tuple[str, list[object], int | None]] = {
        CLEANUP: ("Cleanup", [2, "app", []], 0),
        UPGRADE: ("Upgrade sstables", ["app", False, 2, []], 0),
        SCRUB: ("Scrub", [True, False, True, False, 1, "app", []], 0),
        "garbageCollect": ("Remove deleted data", ["ROW", 1, "app", []], 0),
        COMPACT: ("Compaction", [False, "app", []], None),
    }
    for operation, (word, arguments, value) in words.items():
        lab = one(tables=("a",))
        exchange = asked(lab, operation, arguments)
        lab.pass_time(0.5)
        assert shown(lab) == [(word, "a")]
        lab.wait(lambda exchange=exchange: exchange.over)  # type: ignore[misc]  # mypy cannot infer defaults
        assert exchange.answer is not None
        assert json.loads(exchange.answer.body)["value"] == value


def test_throughput_changes_under_way() -> None:
    """What is done is done; the rest goes at the new rate, 0 being no limit but the disk's."""
    lab = one(size=128 * MEGABYTE, tables=("a",))
    exchange = asked(lab, CLEANUP, [2, "app", []])
    lab.pass_time(1.005)
    body = {
        "type": "write",
        "mbean": STORAGE_SERVICE,
        "attribute": "CompactionThroughputMbPerSec",
        "value": 0,
    }
    assert json.loads(lab.post(1, body).body)["value"] == 64

    assert lab.wait(lambda: exchange.over) == pytest.approx(64 / 200, abs=0.01)


def test_only_the_kind_that_is_named_is_stopped() -> None:
    """Another goes on, and gets the whole throughput."""
    lab = one(size=64 * MEGABYTE, tables=("a",))
    cleanup = asked(lab, CLEANUP, [2, "app", []])
    upgrade = asked(lab, UPGRADE, ["app", False, 2, []])
    lab.pass_time(0.5)
    lab.execute(1, "stopCompaction", ["UPGRADE_SSTABLES"], mbean=MANAGER)

    assert shown(lab) == [("Cleanup", "a")]
    assert lab.wait(lambda: cleanup.over) == pytest.approx(0.75, abs=0.05)
    lab.wait(lambda: upgrade.over)
    assert upgrade.answer is not None
    assert "CompactionInterruptedException" in upgrade.answer.body


def test_an_unknown_kind_cannot_be_stopped() -> None:
    """Java has no such constant, and says so as an illegal argument."""
    lab = one()

    answer = lab.execute(1, "stopCompaction", ["NOSUCH"], mbean=MANAGER)

    assert answer["status"] == 400
    assert answer["error"] == (
        "java.lang.IllegalArgumentException : "
        "No enum constant org.apache.cassandra.db.compaction.OperationType.NOSUCH"
    )


def test_a_stopped_cleanup_has_cleaned_nothing() -> None:
    """Data of ranges that moved away is still there, and a later cleanup drops it."""
    lab = one(size=128 * MEGABYTE, tables=("a",))
    lab.start(2)
    lab.wait(lambda: lab.node(2).native_transport)
    lab.pass_time(5)
    held = lab.node(1).volume.held["app"]
    asked(lab, CLEANUP, [2, "app", []])
    lab.pass_time(0.5)
    lab.execute(1, "stopCompaction", ["CLEANUP"], mbean=MANAGER)
    lab.pass_time(10)
    assert lab.node(1).volume.held["app"] == held

    lab.execute(1, CLEANUP, [2, "app", []])
    assert lab.node(1).volume.held["app"] == lab.node(1).owned("app") != held


def test_a_process_that_ends_takes_its_compactions_with_it() -> None:
    """The caller's connection breaks, and after a restart nothing runs: nobody says how far it came."""
    lab = one()
    exchange = asked(lab, CLEANUP, [2, "app", []])
    lab.pass_time(0.5)
    lab.ring.kill(lab.address(1))
    assert exchange.broken

    node = lab.start(1)
    lab.wait(lambda: node.native_transport)
    assert shown(lab) == []


def test_no_data_takes_no_time() -> None:
    """Nothing to do is done at once, and still answers 0."""
    lab = one(size=0)
    before = lab.simulation.now

    assert lab.execute(1, CLEANUP, [2, "app", []])["value"] == 0
    assert lab.simulation.now - before < 0.1
