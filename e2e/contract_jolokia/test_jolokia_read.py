"""Facts about reading and writing attributes, one or many, and about the JSON they come as."""

from __future__ import annotations

import re

import pytest

from e2e.contract_jolokia.agents import (
    COMPACTIONS,
    ILLEGAL,
    NO_ATTRIBUTE,
    NO_MBEAN,
    SNITCH,
    STORAGE,
    STREAMS,
    Json,
    Ring,
    error,
)

RATE = "CompactionThroughputMbPerSec"


def read(attribute: Json, mbean: str = STORAGE, **more: Json) -> Json:
    """Return a request."""
    return {"type": "read", "mbean": mbean, "attribute": attribute, **more}


def write(attribute: str, value: Json) -> Json:
    """Return a request."""
    return {"type": "write", "mbean": STORAGE, "attribute": attribute, "value": value}


def test_one_name_gives_the_value_a_list_gives_a_map(ring: Ring) -> None:
    """Also a list with one name in it."""
    names = ["OperationMode", "Joined"]

    assert ring.first.ask(read("OperationMode"))["value"] == "NORMAL"
    assert ring.first.ask(read(["OperationMode"]))["value"] == {"OperationMode": "NORMAL"}
    assert ring.first.ask(read(names))["value"] == {"OperationMode": "NORMAL", "Joined": True}


def test_no_name_gives_all_attributes(ring: Ring) -> None:
    """As a map."""
    found = ring.first.ask({"type": "read", "mbean": SNITCH})["value"]

    assert found.keys() == {"Datacenter", "Rack", "SnitchName"}


def test_a_missing_attribute_is_404_in_the_body(ring: Ring) -> None:
    """With the name of the attribute."""
    expected = (404, NO_ATTRIBUTE, "No such attribute: NoSuch")

    assert error(ring.first.ask(read("NoSuch"))) == expected


def test_a_missing_mbean_is_404_in_the_body(ring: Ring) -> None:
    """With the name of the MBean."""
    assert error(ring.first.ask(read("X", "no:such=bean"))) == (404, NO_MBEAN, "no:such=bean")


def test_an_error_has_class_text_status_and_a_stack_trace(ring: Ring) -> None:
    """The text begins with the class; there is no value, and no time."""
    found = ring.first.ask(read("NoSuch"))

    assert found["error"] == f"{NO_ATTRIBUTE} : No such attribute: NoSuch"
    assert found.keys() == {"request", "error_type", "error", "status", "stacktrace"}


def test_one_missing_attribute_spoils_the_others(ring: Ring) -> None:
    """Unless errors are ignored: then its place has a text that says ERROR."""
    names = ["OperationMode", "NoSuch"]
    ignoring = {"ignoreErrors": True}

    assert error(ring.first.ask(read(names)))[0] == 404
    assert ring.first.ask(read(names, config=ignoring))["value"] == {
        "OperationMode": "NORMAL",
        "NoSuch": f"ERROR: No such attribute: NoSuch (class {NO_ATTRIBUTE})",
    }
    # For a single name it changes nothing.
    assert error(ring.first.ask(read("NoSuch", config=ignoring)))[0] == 404


def test_values_have_the_types_of_json(ring: Ring) -> None:
    """Booleans, numbers and texts are what they look like; empty lists are lists."""
    found = ring.first.ask(
        read(["Joined", "Starting", RATE, "OperationMode", "JoiningNodes", "EndpointToHostId", "Tokens"])
    )["value"]

    assert (found["Joined"], found["Starting"]) == (True, False)
    assert type(found[RATE]) is int
    assert found["JoiningNodes"] == []
    assert isinstance(found["EndpointToHostId"], dict)
    # Tokens are beyond what JSON's readers keep exact: they come as texts.
    assert all(re.fullmatch(r"-?\d+", token) for token in found["Tokens"])


def test_idle_lists_are_empty(ring: Ring) -> None:
    """Of a node at rest, where nothing has streamed or only plans without sessions linger."""
    assert ring.first.read("Compactions", COMPACTIONS) == []
    assert [plan["sessions"] for plan in ring.first.read("CurrentStreams", STREAMS) if plan["sessions"]] == []


def test_metrics_are_numbers(ring: Ring) -> None:
    """Counters have a `Count`, gauges a `Value`."""
    metrics = "org.apache.cassandra.metrics"
    table = f"{metrics}:type=Table,keyspace=system_auth,scope=roles,name="

    assert type(ring.first.read("Count", f"{metrics}:type=Storage,name=Load")) is int
    assert type(ring.first.read("Value", f"{metrics}:type=Compaction,name=PendingTasks")) is int
    assert type(ring.first.read("Count", f"{table}LiveDiskSpaceUsed")) is int
    assert type(ring.first.read("Value", f"{table}EstimatedPartitionCount")) is int
    # The order of the keys does not matter.
    other = f"{metrics}:name=LiveDiskSpaceUsed,scope=roles,keyspace=system_auth,type=Table"
    assert type(ring.first.read("Count", other)) is int


def test_a_pattern_reads_many_mbeans(ring: Ring) -> None:
    """By their names, with sorted keys; no match is 404."""
    pattern = "org.apache.cassandra.metrics:type=Table,keyspace=system_auth,scope=*,name=LiveDiskSpaceUsed"

    found = ring.first.ask(read("Count", pattern))["value"]

    prefix = "org.apache.cassandra.metrics:keyspace=system_auth,name=LiveDiskSpaceUsed,scope="
    assert f"{prefix}roles,type=Table" in found
    assert all(value.keys() == {"Count"} for value in found.values())
    nothing = "org.apache.cassandra.metrics:type=Table,keyspace=nosuch,scope=*,name=LiveDiskSpaceUsed"
    assert error(ring.first.ask(read("Count", nothing)))[:2] == (404, NO_MBEAN)


def test_the_host_ids_have_a_new_name(ring: Ring) -> None:
    """`HostIdMap` is gone in 5.0, `EndpointToHostId` is everywhere."""
    old = ring.first.ask(read("HostIdMap"))

    assert old["status"] == (404 if ring.is_five else 200)
    if not ring.is_five:
        assert old["value"] == ring.first.read("EndpointToHostId")


@pytest.mark.parametrize(
    "name", ["BootstrapState", "BootstrapFailed", "Decommissioning", "DecommissionFailed"]
)
def test_5_0_has_words_for_what_failed(ring: Ring, name: str) -> None:
    """4.x does not know these attributes."""
    assert ring.first.ask(read(name))["status"] == (200 if ring.is_five else 404)


def test_writing_gives_the_old_value(ring: Ring) -> None:
    """The new one is in force at once."""
    before = ring.first.read(RATE)
    try:
        assert ring.first.ask(write(RATE, before + 1))["value"] == before
        assert ring.first.read(RATE) == before + 1
    finally:
        assert ring.first.ask(write(RATE, before))["status"] == 200
    assert ring.first.read(RATE) == before


def test_what_cannot_be_written(ring: Ring) -> None:
    """What is read only, what does not exist, and what is no number."""
    fixed = error(ring.first.ask(write("OperationMode", "X")))
    unknown = error(ring.first.ask(write("NoSuch", 1)))
    wrong = error(ring.first.ask(write(RATE, "abc")))

    assert fixed == (404, NO_ATTRIBUTE, "Read-only attribute: OperationMode")
    assert unknown == (404, NO_ATTRIBUTE, "No such attribute: NoSuch")
    assert wrong == (400, "java.lang.NumberFormatException", 'For input string: "abc"')


@pytest.mark.parametrize("name", [f"set{RATE}", "getOperationMode"])
def test_getters_and_setters_are_no_operations(ring: Ring, name: str) -> None:
    """What is an attribute is nothing else."""
    assert ring.first.refusal(name, 7) == (400, ILLEGAL, f"No operation {name} found on MBean {STORAGE}")
