"""What the releases answer to the same question: attributes, overloads and errors of 4.0, 4.1 and 5.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

Json = Any
ILLEGAL = "java.lang.IllegalArgumentException"
RELEASES = ("4.0.19", "4.1.10", "5.0.9")


def one(**config: Any) -> Lab:
    """Return a single node."""
    lab = Lab(**config)
    lab.grow(1)
    return lab


def status(lab: Lab, attribute: str) -> int:
    """Return the status in the answer to a read of an attribute of StorageService."""
    body = {"type": "read", "mbean": STORAGE_SERVICE, "attribute": attribute}
    return int(json.loads(lab.post(1, body).body)["status"])


@pytest.mark.parametrize("release", RELEASES)
def test_attributes_that_came_and_went(release: str) -> None:
    """`HostIdMap` is gone in 5.0, and the words for failed range movements are new in it."""
    lab = one(release=release)
    five = release.startswith("5")
    new = ("BootstrapFailed", "BootstrapState", "Decommissioning", "DecommissionFailed")

    assert status(lab, "HostIdMap") == (404 if five else 200)
    for name in new:
        assert status(lab, name) == (200 if five else 404)
    assert lab.read(1, "ReleaseVersion") == release


@pytest.mark.parametrize("release", RELEASES)
def test_errors_have_the_words_of_the_release(release: str) -> None:
    """Status, class and text of what goes wrong, for what the releases agree on."""
    lab = Lab(release=release)
    lab.grow(2)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}))
    lab.pass_time(5)
    unsupported = "java.lang.UnsupportedOperationException"
    cleanup = "forceKeyspaceCleanup(int,java.lang.String,[Ljava.lang.String;)"
    cases: list[tuple[str, list[Json], int, str, str]] = [
        ("removeNode", ["00000000-0000-0000-0000-000000000001"], 500, unsupported, "Host ID not found."),
        ("removeNode", ["x"], 400, ILLEGAL, "Invalid UUID string: x"),
        (cleanup, [2, "nosuch", []], 400, ILLEGAL, "Keyspace nosuch does not exist"),
        (cleanup, [2, "app", ["t"]], 400, ILLEGAL, "Unknown keyspace/cf pair (app.t)"),
        (cleanup, [2, "system", []], 500, "java.lang.RuntimeException", "neither necessary nor wise"),
        ("forceKeyspaceCleanup", [2, "app", []], 400, ILLEGAL, "is overloaded. Signatures found:"),
        ("decommission", [], 400, ILLEGAL, "Invalid number of operation arguments."),
        ("describeRingJMX", ["nosuch"], 500, "java.io.IOException", "No such keyspace: nosuch"),
        ("effectiveOwnership", ["nosuch"], 400, ILLEGAL, "The keyspace nosuch, does not exist"),
    ]
    for operation, arguments, status, kind, words in cases:
        answer = lab.execute(1, operation, arguments)
        assert (answer["status"], answer["error_type"]) == (status, kind), operation
        assert answer["error"].startswith(f"{kind} : ")
        assert words in answer["error"]
    local = lab.read(1, "LocalHostId")
    assert "Cannot remove self" in lab.execute(1, "removeNode", [local])["error"]


@pytest.mark.parametrize("release", RELEASES)
def test_overloads_differ_between_releases(release: str) -> None:
    """The fifth argument of rebuild is 5.0's; `decommission` takes its boolean in all of them."""
    lab = one(release=release)
    five = release.startswith("5")
    string = "java.lang.String"
    signature = f"rebuild({string},{string},{string},{string},boolean)"

    answer = lab.execute(1, signature, [None, None, None, None, False])

    assert answer["status"] == (200 if five else 400)
    assert "is overloaded. Signatures found:" in lab.execute(1, "rebuild", ["dc1"])["error"]


@pytest.mark.parametrize("release", RELEASES)
def test_the_name_of_the_streaming_rate_changed_in_4_1(release: str) -> None:
    """The old one is still there; both mean megabits."""
    lab = one(release=release)

    assert status(lab, "StreamThroughputMbPerSec") == 200
    assert status(lab, "StreamThroughputMbitPerSec") == (404 if release.startswith("4.0") else 200)


@pytest.mark.parametrize("release", RELEASES)
def test_a_node_knows_its_tokens_from_joining_to_the_end(release: str) -> None:
    """Asked before, it stumbles over its own assertion; after it left it still tells them."""
    lab = one(release=release)
    lab.start(2)
    lab.wait(lambda: lab.node(2).registered)
    body = {"type": "read", "mbean": STORAGE_SERVICE, "attribute": "Tokens"}
    assert json.loads(lab.post(2, body).body)["error"] == (
        "javax.management.RuntimeErrorException : java.lang.AssertionError"
    )
    lab.wait(lambda: lab.node(2).mode is Mode.NORMAL)
    tokens = lab.read(2, "Tokens")
    assert len(tokens) == 8
    lab.pass_time(5)

    lab.execute(2, "decommission", [True])
    assert lab.read(2, "Tokens") == tokens


@pytest.mark.parametrize("release", RELEASES)
def test_arguments_may_be_texts(release: str) -> None:
    """They become what the signature asks for: "false" is false, and so a refusal."""
    lab = Lab(release=release)
    lab.grow(3)

    refused = lab.execute(3, "decommission", ["false"])
    assert "Not enough live nodes" in refused["error"]
    assert lab.execute(3, "decommission", ["true"])["status"] == 200


@pytest.mark.parametrize("release", RELEASES)
def test_resetting_the_log_levels_works_in_5_0_only(release: str) -> None:
    """4.x throws for a logging configuration that was made by hand."""
    lab = one(release=release)
    assert lab.execute(1, "setLoggingLevel", ["org.apache.cassandra.gms", "DEBUG"])["value"] is None
    assert lab.read(1, "LoggingLevels")["org.apache.cassandra.gms"] == "DEBUG"

    answer = lab.execute(1, "setLoggingLevel", ["", ""])

    assert answer["status"] == (200 if release.startswith("5") else 500)
    if release.startswith("5"):
        assert lab.read(1, "LoggingLevels") == {"ROOT": "INFO"}


def test_a_release_that_is_not_simulated_is_refused() -> None:
    """Rather than played by guesswork."""
    with pytest.raises(ValueError, match=r"Cassandra 3\.11\.19 is not simulated"):
        Lab(release="3.11.19").start(1)


def test_snapshots_are_kept_until_they_are_cleared() -> None:
    """By name and keyspace; they outlive the process, since they are on the disk."""
    lab = one()
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), tables=("kv", "blobs"))
    take = "takeSnapshot(java.lang.String,java.util.Map,[Ljava.lang.String;)"
    clear = "clearSnapshot(java.lang.String,[Ljava.lang.String;)"
    assert lab.execute(1, take, ["s1", {}, ["app.kv"]])["value"] is None
    assert lab.execute(1, take, ["s2", {"ttl": "1h"}, ["app"]])["value"] is None
    again = lab.execute(1, take, ["s1", {}, ["app"]])
    assert again["error"] == "java.io.IOException : Snapshot s1 already exists."

    lab.ring.kill(lab.address(1))
    node = lab.start(1)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    assert lab.read(1, "SnapshotDetails").keys() == {"s1", "s2"}
    assert lab.execute(1, clear, ["s1", ["app"]])["value"] is None
    assert lab.read(1, "SnapshotDetails").keys() == {"s2"}
    assert lab.execute(1, clear, ["", []])["value"] is None
    assert lab.read(1, "SnapshotDetails") == {}
