"""Who owns what, as the operator reads it from simulated nodes."""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any

import attrs
import httpx
import pytest

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.cassandra.node import Nodes
from controller.domain.availability import NetworkTopology, Place, Simple, Unprovable
from controller.domain.errors import TransientError
from controller.domain.ownership import Ownership, Stream, Unread
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.tokens import NetworkTopology as Topology
from e2e.simcassandra.transport import RingTransport, stepping
from unit_tests.cassandra.recordings import RECORDINGS, described


def nodes_of(lab: Lab, *, threads: int = 0) -> Nodes:
    """Return a way to the nodes of *lab*."""
    jolokia = Jolokia.over(RingTransport(lab.agents.at, stepping(lab.simulation)))
    return Nodes(attrs.evolve(jolokia, sleep=lambda _: None), threads=threads)


def endpoints(lab: Lab, number: int) -> dict[str, Endpoint]:
    """Return where to ask pods `pod1` to `pod<number>`."""
    return {f"pod{i}": Endpoint(host=lab.address(i)) for i in range(1, number + 1)}


@pytest.mark.parametrize("threads", [0, 4])
def test_tokens_places_keyspaces_and_schema_are_read(threads: int) -> None:
    """One node tells who owns which token, where all stand, and how each keyspace is replicated."""
    lab = Lab()
    lab.grow(3)
    lab.ring.create_keyspace("app", Topology(factors={"dc1": 3}))
    lab.pass_time(5)

    found = nodes_of(lab, threads=threads).ownership(endpoints(lab, 3))

    assert isinstance(found, Ownership)
    assert found.members() == {lab.address(i) for i in (1, 2, 3)}
    assert found.places[lab.address(2)] == Place(dc="dc1", rack="rack2")
    replications = {k.name: k.replication for k in found.keyspaces}
    assert replications["system_auth"] == Simple(factor=1)
    assert replications["app"] == NetworkTopology(factors={"dc1": 3})
    assert list(found.schemas.values()) == [found.members()]
    assert found.streams == ()


def test_a_dead_node_still_owns_its_tokens() -> None:
    """A member that is down is in the map, and says nothing about the schema."""
    lab = Lab()
    lab.grow(3)
    lab.ring.kill(lab.address(3))
    lab.pass_time(30)

    found = nodes_of(lab).ownership(endpoints(lab, 2))

    assert isinstance(found, Ownership)
    assert lab.address(3) in found.members()
    assert list(found.schemas.values()) == [{lab.address(1), lab.address(2)}]


def test_another_node_is_asked_when_one_does_not_answer() -> None:
    """A single silent node does not hide the ring; nobody at all is a value with the reason."""
    lab = Lab()
    lab.grow(2)
    gone = Endpoint(host="10.9.9.9")

    found = nodes_of(lab).ownership({"pod0": gone, "pod1": Endpoint(host=lab.address(1))})
    nothing = nodes_of(lab).ownership({"pod0": gone})

    assert isinstance(found, Ownership)
    assert isinstance(nothing, Unread)
    assert "10.9.9.9" in nothing.why
    assert isinstance(nodes_of(lab).ownership({}), Unread)


def answering(replies: Mapping[str, Any]) -> Jolokia:
    """Return a client of an agent that knows *replies*, by attribute or operation."""

    def one(request: Mapping[str, Any]) -> dict[str, Any]:
        name = request.get("attribute") or str(request.get("operation")).partition("(")[0]
        if name in replies:
            return {"request": request, "value": replies[name], "status": 200}
        return {"request": request, "error": f"No operation {name}", "error_type": "x", "status": 400}

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[one(r) for r in json.loads(request.read())])

    made = Jolokia.over(httpx.MockTransport(handle))
    return attrs.evolve(made, sleep=lambda _: None)


ANSWERS: dict[str, Any] = {
    "TokenToEndpointMap": {"-5": "10.0.0.1", "7": "10.0.0.2"},
    "NonLocalStrategyKeyspaces": ["app"],
    "SchemaVersions": {"a": ["10.0.0.1"], "UNREACHABLE": ["10.0.0.2"]},
    "getDatacenter": "dc1",
    "getRack": "r1",
    "getKeyspaceReplicationInfo": "NetworkTopologyStrategy {dc1=3}",
}


OLD = {k: v for k, v in ANSWERS.items() if k != "getKeyspaceReplicationInfo"}


@pytest.mark.parametrize("described", [None, [], ["TokenRange(start_token:7, end_token:-5, endpoints:[])"]])
def test_what_nobody_tells_is_not_known(described: Any) -> None:
    """Without replication and ranges, a keyspace can only be named as one that nothing is known of."""
    told = {} if described is None else {"describeRingJMX": described}
    found = Nodes(answering({**OLD, **told}), threads=0).ownership({"pod": Endpoint(host="10.0.0.1")})

    assert isinstance(found, Ownership)
    assert found.tokens == {-5: "10.0.0.1", 7: "10.0.0.2"}
    (keyspace,) = found.keyspaces
    assert isinstance(keyspace.replication, Unprovable)


def test_an_old_cassandra_tells_who_holds_what() -> None:
    """3.11 has no operation that tells the replication: its ranges do, as far as there are nodes for it."""
    lab = Lab(lacks=frozenset({"getKeyspaceReplicationInfo"}))
    lab.grow(3)
    lab.ring.create_keyspace("app", Topology(factors={"dc1": 2}))
    lab.ring.create_keyspace("wide", Topology(factors={"dc1": 5}))
    lab.pass_time(5)

    found = nodes_of(lab).ownership(endpoints(lab, 3))

    assert isinstance(found, Ownership)
    replications = {k.name: k.replication for k in found.keyspaces}
    assert replications["app"] == NetworkTopology(factors={"dc1": 2})
    assert replications["wide"] == NetworkTopology(factors={"dc1": 3})
    # With one data centre, and one copy, it is all the same.
    assert replications["system_auth"] == NetworkTopology(factors={"dc1": 1})


def test_ranges_that_cannot_be_read_are_half_an_answer() -> None:
    """As any other answer of another shape."""
    for odd in ("none", ["TokenRange()"], ["end_token:7, endpoints:[a]"] * 2):
        answers = {**OLD, "describeRingJMX": odd}
        found = Nodes(answering(answers), threads=0).ownership({"pod": Endpoint(host="10.0.0.1")})
        assert isinstance(found, Unread)


@pytest.mark.parametrize("recording", RECORDINGS)
def test_ranges_are_read_as_nodes_were_recorded_to_tell_them(recording: str) -> None:
    """Two holders each, as the recorded keyspace has copies."""
    texts = [text for text in described(recording) if not text.startswith("...")]

    found = mbeans.holders(texts)

    assert len(found) == len(texts)
    for text, (end, nodes) in zip(texts, found.items(), strict=True):
        assert f"end_token:{end}," in text
        assert len(nodes) == 2
        assert all(f"EndpointDetails(host:{node}, " in text for node in nodes)


def test_ranges_are_read_without_commas() -> None:
    """Some releases left them out between the parts."""
    text = (
        "TokenRange(start_token:1, end_token:-2endpoints:[10.0.0.1, 10.0.0.2]rpc_endpoints:[10.9.0.1]"
        "endpoint_details:[EndpointDetails(host:10.0.0.1, datacenter:dc1, rack:r1)])"
    )

    assert mbeans.holders([text]) == {-2: {"10.0.0.1", "10.0.0.2"}}


@pytest.mark.parametrize("name", ["TokenToEndpointMap", "NonLocalStrategyKeyspaces", "getRack"])
def test_half_an_answer_is_none(name: str) -> None:
    """Without tokens, keyspaces or places nothing is claimed to be known."""
    missing = {k: v for k, v in ANSWERS.items() if k != name}
    odd = {**ANSWERS, name: None} if name != "getRack" else missing

    for answers in (missing, odd):
        found = Nodes(answering(answers), threads=0).ownership({"pod": Endpoint(host="10.0.0.1")})
        assert isinstance(found, Unread)


def test_only_streams_that_still_run_count() -> None:
    """Cassandra keeps finished plans in its list, with sessions that are over or with none."""
    plans = [
        {"description": "Rebuild", "sessions": [{"state": "COMPLETE"}, {"state": "STREAMING"}]},
        {"description": "Bootstrap", "sessions": []},
        {"description": "Restore replica count", "sessions": [{"state": "FAILED"}]},
    ]
    replies = {**ANSWERS, "CurrentStreams": plans}
    found = Nodes(answering(replies), threads=0).ownership({"pod": Endpoint(host="10.0.0.1")})

    assert isinstance(found, Ownership)
    assert found.streams == (Stream(pod="pod", what="Rebuild"),)


def test_a_bulk_request_has_an_answer_for_each_part() -> None:
    """Values and refusals come in the order of the questions; fewer answers than questions are none."""
    jolokia, endpoint = answering({"A": 1}), Endpoint(host="10.0.0.1")
    one, other = jolokia.bulk(endpoint, [{"attribute": "B"}, {"attribute": "A"}])

    assert isinstance(one, JolokiaError)
    assert other == 1
    short = attrs.evolve(
        jolokia, http=httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=[])))
    )
    with pytest.raises(TransientError, match="0 of 1"):
        short.bulk(endpoint, [{"attribute": "A"}])
