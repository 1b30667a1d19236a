"""Facts about what the operator's own client makes of a ring at rest."""

from __future__ import annotations

import pytest

from controller.cassandra import node
from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia
from controller.domain.ownership import Ownership
from controller.domain.ring import Mode, Silent, View
from e2e.contract_jolokia.agents import SNITCH, Agent, Ring


def client(ring: Ring) -> Jolokia:
    """Return the operator's client."""
    return Jolokia(http=ring.first.http, sleep=lambda _: None)


def endpoint(agent: Agent, *, password: str | None = None) -> Endpoint:
    """Return where the client finds an agent, with its login or another password."""
    assert agent.login is not None
    user, own = agent.login
    login = Credentials(username=user, password=own if password is None else password)
    return Endpoint(host=agent.host, credentials=login)


def test_every_node_gives_a_view(ring: Ring) -> None:
    """A whole one: all attributes of it are there, in the shape that the operator expects."""
    for agent in ring.agents:
        view = node.ask(client(ring), endpoint(agent))
        assert isinstance(view, View), view
        assert view.mode is Mode.NORMAL
        assert view.native_transport
        assert sorted(view.host_ids) == ring.hosts
        assert not view.joining | view.leaving | view.moving | view.unreachable


def test_every_node_knows_who_owns_what(ring: Ring) -> None:
    """Tokens, places, replications and schemas: what an availability proof is made of."""
    for agent in ring.agents:
        found = node.ask_ownership(client(ring), endpoint(agent))
        assert isinstance(found, Ownership), found
        assert sorted(set(found.tokens.values())) == ring.hosts
        places = {one.host: (one.read("Datacenter", SNITCH), one.read("Rack", SNITCH)) for one in ring.agents}
        assert {host: (place.dc, place.rack) for host, place in found.places.items()} == places
        names = {keyspace.name for keyspace in found.keyspaces}
        assert names >= {"system_auth", "system_distributed", "system_traces"}
        ((_, hosts),) = found.schemas.items()
        assert sorted(hosts) == ring.hosts


def test_a_ring_at_rest_does_nothing(ring: Ring) -> None:
    """It streams nothing, whatever plans linger, and does at most what it does all the time with its data."""
    for agent in ring.agents:
        streams, tasks = node.ask_work(client(ring), endpoint(agent))

        assert streams == ()
        assert set(tasks) <= {"Compaction"}


def test_a_node_says_how_much_it_holds_and_what_it_streams(ring: Ring) -> None:
    """Its data files in bytes; and nothing of streams that are over."""
    for agent in ring.agents:
        load = node.ask_load(client(ring), endpoint(agent))
        assert load is not None
        assert load >= 0
        assert node.ask_transfer(client(ring), endpoint(agent)) is None
        assert node.ask_load(client(ring), endpoint(agent, password="wrong")) is None


@pytest.mark.parametrize("question", ["ask", "ask_ownership"])
def test_a_wrong_login_is_a_reason(ring: Ring, question: str) -> None:
    """No view, and the words for a user to read."""
    wrong = endpoint(ring.first, password="wrong")
    if question == "ask":
        answer = node.ask(client(ring), wrong)
        assert isinstance(answer, Silent)
        assert answer.refused
        assert "refuses the login" in answer.why
    else:
        unread = node.ask_ownership(client(ring), wrong)
        assert not isinstance(unread, Ownership)
        assert "refuses the login" in unread.why
