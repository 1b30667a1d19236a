"""Facts about operations that work on a node's data and leave the ring as it was."""

from __future__ import annotations

from collections.abc import Iterator
import secrets

import pytest

from controller.cassandra.mbeans import busy
from e2e.contract_jolokia.agents import STORAGE, THREADING, Json, Ring

STRING, STRINGS = "java.lang.String", "[Ljava.lang.String;"
CLEANUP = f"forceKeyspaceCleanup(int,{STRING},{STRINGS})"
UPGRADE = f"upgradeSSTables({STRING},boolean,int,{STRINGS})"
TAKE = f"takeSnapshot({STRING},java.util.Map,{STRINGS})"
CLEAR = f"clearSnapshot({STRING},{STRINGS})"
KEYSPACE = "system_distributed"
# What the operator leaves out of a dump of threads, and how it scrubs.
WITHOUT: Json = (False, False)
SCRUB: Json = (False, False, True, False, 0)


@pytest.mark.parametrize(
    ("operation", "arguments", "value"),
    [
        (CLEANUP, [2, KEYSPACE, []], 0),
        (CLEANUP, [2, KEYSPACE, ["repair_history"]], 0),
        (f"forceKeyspaceCleanup({STRING},{STRINGS})", [KEYSPACE, []], 0),
        (UPGRADE, [KEYSPACE, True, 2, []], 0),
        (UPGRADE, [KEYSPACE, False, 2, []], 0),
        ("garbageCollect", ["ROW", 1, KEYSPACE, []], 0),
        (f"forceKeyspaceCompaction(boolean,{STRING},{STRINGS})", [False, KEYSPACE, []], None),
        ("forceKeyspaceFlush", [KEYSPACE, []], None),
    ],
)
def test_work_on_sstables_answers_at_its_end(
    ring: Ring, operation: str, arguments: list[Json], value: Json
) -> None:
    """With 0, or with null where the Java method returns nothing."""
    if operation.startswith("forceKeyspaceFlush"):
        # Overloaded in no release that the operator knows.
        assert ring.first.execute(operation, *arguments) is None
        return
    assert ring.first.execute(operation, *arguments) == value


def test_a_repair_answers_with_its_number_at_once(ring: Ring) -> None:
    """Its status is asked for by that number; one that never was has none."""
    options = {"primaryRange": "true", "parallelism": "parallel", "incremental": "false", "jobThreads": "1"}
    number = ring.first.execute("repairAsync", "system_traces", options)
    assert type(number) is int
    assert number > 0

    for _ in range(60):
        status = ring.first.execute("getParentRepairStatus", number)
        if status and status[0] != "IN_PROGRESS":
            break
        ring.pause(1)
    assert status[0] == "COMPLETED"
    assert status[1].startswith("Repair completed successfully")
    assert ring.first.execute("getParentRepairStatus", 77_777) is None


def test_threads_tell_of_a_repair(ring: Ring) -> None:
    """One is named after it while it lasts, and after its end there is none."""

    def running() -> bool:
        return "repair" in busy(
            ring.first.execute("dumpAllThreads(boolean,boolean)", *WITHOUT, mbean=THREADING)
        )

    assert not running()
    options = {
        "primaryRange": "false",
        "parallelism": "sequential",
        "incremental": "false",
        "jobThreads": "1",
    }
    number = ring.first.execute("repairAsync", "system_distributed", options)
    seen = False

    def over() -> bool:
        nonlocal seen
        seen = seen or running()
        return bool(ring.first.execute("getParentRepairStatus", number)[0] == "COMPLETED")

    ring.until(over)
    assert seen
    ring.until(lambda: not running(), seconds=5)


@pytest.mark.parametrize(
    ("operation", "arguments", "value"),
    [
        (f"scrub(boolean,boolean,boolean,boolean,int,{STRING},{STRINGS})", [*SCRUB, KEYSPACE, []], 0),
        (f"forceKeyspaceCleanup(int,{STRING},{STRINGS})", [0, KEYSPACE, []], 0),
    ],
)
def test_the_operators_own_calls(ring: Ring, operation: str, arguments: list[Json], value: Json) -> None:
    """As it makes them: 0 threads are as many as there are compactors, and scrub takes a snapshot first."""
    assert ring.first.execute(operation, *arguments) == value


@pytest.fixture
def tag(ring: Ring) -> Iterator[str]:
    """The name of a snapshot, which is cleared afterwards."""
    name = f"fact-{secrets.token_hex(4)}"
    yield name
    assert ring.first.execute(CLEAR, name, []) is None


def test_snapshots_are_taken_once_and_listed(ring: Ring, tag: str) -> None:
    """Under their name; the rows lie as deep as there are columns."""
    assert ring.first.execute(TAKE, tag, {"skipFlush": "false"}, ["system_traces"]) is None
    status, kind, message = ring.first.refusal(TAKE, tag, {}, ["system_traces"])
    assert (status, kind) == (500, "java.io.IOException")
    assert message.startswith(f"Snapshot {tag} already exists")

    rows = list(_rows(ring.first.read("SnapshotDetails")[tag]))
    assert {row["Column family name"] for row in rows} == {"events", "sessions"}
    assert {(row["Snapshot name"], row["Keyspace name"]) for row in rows} == {(tag, "system_traces")}


def test_snapshots_may_be_of_one_table(ring: Ring, tag: str) -> None:
    """Named as keyspace.table."""
    assert ring.first.execute(TAKE, tag, {}, ["system_traces.events"]) is None

    rows = list(_rows(ring.first.read("SnapshotDetails")[tag]))
    assert [row["Column family name"] for row in rows] == ["events"]


def _rows(level: Json) -> Iterator[Json]:
    """Walk down a table that Jolokia nests by its columns."""
    if "Snapshot name" in level:
        yield level
        return
    for below in level.values():
        yield from _rows(below)


def test_log_levels_are_set_by_name(ring: Ring) -> None:
    """And taken back with an empty level."""
    name = "org.example.nosuch"
    assert ring.first.execute("setLoggingLevel", name, "DEBUG") is None
    try:
        assert ring.first.read("LoggingLevels")[name] == "DEBUG"
    finally:
        assert ring.first.execute("setLoggingLevel", name, "") is None
    assert ring.first.read("LoggingLevels").get(name) != "DEBUG"


def test_throughputs_are_megabits_and_megabytes(ring: Ring) -> None:
    """Whole numbers; the old name of the first is in every release, the one that says megabits is not."""
    names = ["StreamThroughputMbPerSec", "CompactionThroughputMbPerSec"]
    found = ring.first.ask({"type": "read", "mbean": STORAGE, "attribute": names})["value"]
    assert found.keys() == set(names)
    assert all(type(value) is int for value in found.values())

    new = ring.first.ask({"type": "read", "mbean": STORAGE, "attribute": "StreamThroughputMbitPerSec"})
    if ring.line > (4, 0):
        assert new["value"] == found["StreamThroughputMbPerSec"]
    else:
        assert new["status"] == 404
