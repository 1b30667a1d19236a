"""Facts about executing operations: how one is named, and how it fails."""

from __future__ import annotations

import pytest

from e2e.contract_jolokia.agents import (
    COMPACTIONS,
    DETECTOR,
    GOSSIPER,
    ILLEGAL,
    SNITCH,
    STORAGE,
    UNSUPPORTED,
    Json,
    Ring,
    call,
    error,
)

CLEANUP = "forceKeyspaceCleanup(int,java.lang.String,[Ljava.lang.String;)"
UPGRADE = "upgradeSSTables(java.lang.String,boolean,int,[Ljava.lang.String;)"
REBUILD = "rebuild(java.lang.String)"
NO_NAME = (500, "java.io.IOException", "You must supply a snapshot name.")
NOBODY = "00000000-0000-0000-0000-000000000001"


def test_an_operation_that_does_not_exist(ring: Ring) -> None:
    """Is an illegal argument, and so is none at all."""
    unknown = (400, ILLEGAL, f"No operation nosuch found on MBean {STORAGE}")
    assert ring.first.refusal("nosuch") == unknown

    found = error(ring.first.ask({"type": "exec", "mbean": STORAGE}))
    assert found == (400, ILLEGAL, f"No operation given for exec Request on MBean {STORAGE}")


def test_overloads_need_their_signature(ring: Ring) -> None:
    """The refusal lists those that there are, in no order to rely on."""
    status, kind, message = ring.first.refusal("forceKeyspaceCleanup", 2, "x", [])

    assert (status, kind) == (400, ILLEGAL)
    assert message.startswith(f"Operation forceKeyspaceCleanup on MBean {STORAGE} is overloaded. ")
    for signature in ("(java.lang.String,[Ljava.lang.String;)", CLEANUP.removeprefix("forceKeyspaceCleanup")):
        assert signature in message


def test_a_signature_that_does_not_exist(ring: Ring) -> None:
    """`decommission` takes one boolean, in every release."""
    assert ring.first.refusal("decommission()") == (
        400,
        ILLEGAL,
        f"No operation decommission() on MBean {STORAGE} exists. Known signatures: (boolean)",
    )


def test_the_number_of_arguments_has_to_fit(ring: Ring) -> None:
    """Nothing is filled in."""
    assert ring.first.refusal("decommission") == (
        400,
        ILLEGAL,
        (
            f"Invalid number of operation arguments. Operation decommission on {STORAGE} "
            "requires 1 parameters, not 0 as given"
        ),
    )


@pytest.mark.parametrize(
    ("operation", "arguments", "expected"),
    [
        (CLEANUP, [2, "nosuch", []], (400, ILLEGAL, "Keyspace nosuch does not exist")),
        (
            CLEANUP,
            [2, "system_auth", ["nosuch"]],
            (400, ILLEGAL, "Unknown keyspace/cf pair (system_auth.nosuch)"),
        ),
        (
            CLEANUP,
            [2, "system", []],
            (
                500,
                "java.lang.RuntimeException",
                "Cleanup of the system keyspace is neither necessary nor wise",
            ),
        ),
        ("removeNode", [NOBODY], (500, UNSUPPORTED, "Host ID not found.")),
        ("removeNode", ["x"], (400, ILLEGAL, "Invalid UUID string: x")),
        ("takeSnapshot(java.lang.String,java.util.Map,[Ljava.lang.String;)", ["", {}, []], NO_NAME),
        (
            "describeRingJMX",
            ["nosuch"],
            (500, "java.io.IOException", "No such keyspace: nosuch"),
        ),
        (
            "describeRingJMX",
            ["system"],
            (500, "java.io.IOException", "There is no ring for the keyspace: system"),
        ),
        ("effectiveOwnership", ["nosuch"], (400, ILLEGAL, "The keyspace nosuch, does not exist")),
        ("getKeyspaceReplicationInfo", ["nosuch"], (400, ILLEGAL, "")),
    ],
)
def test_errors_of_cassandra_come_with_its_words(
    ring: Ring, operation: str, arguments: list[Json], expected: tuple[int, str, str]
) -> None:
    """An illegal argument is 400, every other exception 500, whoever threw it."""
    assert ring.first.refusal(operation, *arguments) == expected


@pytest.mark.parametrize(
    ("operation", "arguments", "words"),
    [
        ("repairAsync", ["nosuch", {}], "Unknown keyspace nosuch"),
        ("getRangeToEndpointMap", ["nosuch"], "Unknown keyspace nosuch"),
    ],
)
def test_a_failed_assertion_forgets_the_request(
    ring: Ring, operation: str, arguments: list[Json], words: str
) -> None:
    """An Error of Java's is no exception: it comes wrapped, and the answer does not say to what."""
    found = ring.first.ask(call(operation, *arguments))

    assert error(found) == (
        500,
        "javax.management.RuntimeErrorException",
        f"java.lang.AssertionError: {words}",
    )
    assert "request" not in found


def test_tokens_of_a_stranger_are_a_failed_assertion(ring: Ring) -> None:
    """4.0 does not say why."""
    why = "java.lang.AssertionError"
    if ring.line > (4, 0):
        why += ": Unable to get tokens for /10.9.9.9:7000; it is not a member"

    assert ring.first.refusal("getTokens(java.lang.String)", "10.9.9.9") == (
        500,
        "javax.management.RuntimeErrorException",
        why,
    )


def test_overloads_came_with_4_1_and_5_0(ring: Ring) -> None:
    """The forms that all releases have are the ones to use."""
    strings = "[Ljava.lang.String;"
    _, _, upgrade = ring.first.refusal("upgradeSSTables")
    assert (f"(java.lang.String,boolean,long,int,{strings})" in upgrade) is (ring.line > (4, 0))
    assert f"(java.lang.String,boolean,int,{strings})" in upgrade
    _, _, compact = ring.first.refusal("forceKeyspaceCompaction")
    assert "requires 3 parameters" in compact


@pytest.mark.parametrize(
    ("operation", "mbean"), [("getEndpointState", DETECTOR), ("getCurrentGenerationNumber", GOSSIPER)]
)
def test_nobody_asks_after_a_stranger(ring: Ring, operation: str, mbean: str) -> None:
    """Java falls over what is not there; other questions have an answer even so."""
    status, kind, _ = ring.first.refusal(operation, "10.9.9.9", mbean=mbean)
    assert (status, kind) == (500, "java.lang.NullPointerException")

    assert ring.first.execute("getEndpointDowntime", "10.9.9.9", mbean=GOSSIPER) == 0
    assert ring.first.execute("getDatacenter", "10.9.9.9", mbean=SNITCH) == "UNKNOWN_DC"
    assert ring.first.execute("getPendingRangeToEndpointMap", "nosuch") == {}


def test_a_forced_removal_of_nobody_is_no_error(ring: Ring) -> None:
    """Only the log tells that there was none."""
    assert ring.first.execute("forceRemoveCompletion") is None


def test_arguments_may_be_texts(ring: Ring) -> None:
    """They are turned into what the signature asks for."""
    assert ring.first.execute(UPGRADE, "system_traces", "true", "2", []) == 0


def test_the_living_cannot_be_removed(ring: Ring) -> None:
    """Nor can oneself."""
    one, other = ring.agents[0], ring.agents[1]

    assert one.refusal("removeNode", one.read("LocalHostId")) == (500, UNSUPPORTED, "Cannot remove self")
    assert one.refusal("removeNode", other.read("LocalHostId")) == (
        500,
        UNSUPPORTED,
        (
            f"Node /{other.host}:7000 is alive and owns this ID. "
            "Use decommission command to remove it from the ring"
        ),
    )


def test_a_rebuild_names_the_datacenters_there_are(ring: Ring) -> None:
    """A wrong one is an illegal argument, and changes nothing."""
    own = ring.first.read("Datacenter", SNITCH)

    assert ring.first.refusal(REBUILD, "nowhere") == (
        400,
        ILLEGAL,
        f"Provided datacenter 'nowhere' is not a valid datacenter, available datacenters are: {own}",
    )


def test_the_fifth_argument_of_rebuild_is_5_0s(ring: Ring) -> None:
    """4.x has the forms with one and with four."""
    string = "java.lang.String"
    five = f"rebuild({string},{string},{string},{string},boolean)"
    status, _, message = ring.first.refusal(five, "nowhere", None, None, None, False)  # noqa: FBT003 -- JSON

    assert status == 400
    assert ("is not a valid datacenter" in message) is ring.is_five
    assert ("Known signatures:" in message) is not ring.is_five


def test_only_kinds_of_compactions_can_be_stopped(ring: Ring) -> None:
    """One that exists gives null, whether or not any runs."""
    prefix = "No enum constant org.apache.cassandra.db.compaction.OperationType"

    assert ring.first.execute("stopCompaction", "CLEANUP", mbean=COMPACTIONS) is None
    unknown = ring.first.refusal("stopCompaction", "NOSUCH", mbean=COMPACTIONS)
    assert unknown == (400, ILLEGAL, f"{prefix}.NOSUCH")
