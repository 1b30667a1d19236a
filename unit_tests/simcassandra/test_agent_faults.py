"""
Agents that hang, refuse, lie or fall silent, as the operator's own client sees them.

An agent's fault says nothing about the node: that goes on, and so may what was asked of it.
"""

from __future__ import annotations

import json
from typing import Any

import attrs
import httpx
import pytest

from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia, JolokiaError
from controller.domain.errors import TransientError
from e2e.simcassandra.faults import Kind
from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.transport import RingTransport, hanging_up, stepping

FIRST = Endpoint(host="10.0.0.1")


def client(lab: Lab, *, patient: bool = True) -> Jolokia:
    """Return the operator's client for *lab*; a patient one lets simulated time pass while it waits."""
    wait = stepping(lab.simulation) if patient else hanging_up
    return attrs.evolve(Jolokia.over(RingTransport(lab.agents.at, wait)), sleep=lambda _: None)


def mode(jolokia: Jolokia, endpoint: Endpoint = FIRST) -> object:
    """Return the node's mode as the client reads it."""
    return jolokia.read(endpoint, STORAGE_SERVICE, ["OperationMode"])["OperationMode"]


def grown(number: int = 1, **config: Any) -> Lab:
    """Return a ring of *number* nodes."""
    lab = Lab(**config)
    lab.grow(number)
    return lab


def test_a_sound_agent_answers_at_once() -> None:
    """A read takes no simulated time, whether or not the client would wait."""
    lab = grown()
    before = lab.simulation.now

    assert mode(client(lab)) == mode(client(lab, patient=False)) == "NORMAL"
    assert lab.simulation.now == before


def test_a_hanging_agent_times_out() -> None:
    """The client waits for as long as it said, twice, since it repeats a read; then it gives up."""
    lab = grown()
    lab.ring.faults.add("10.0.0.1", Kind.HANG)
    before = lab.simulation.now

    with pytest.raises(TransientError, match="did not answer in time"):
        mode(client(lab))

    assert lab.simulation.now - before == pytest.approx(10.0)


def test_a_hanging_agent_carries_nothing_out() -> None:
    """Nothing happens to the node, now or when the fault is over."""
    lab = grown(2)
    lab.ring.faults.add("10.0.0.2", Kind.HANG, seconds=10)
    lab.begin(2, "decommission", [True])
    lab.pass_time(30)

    assert lab.node(2).mode is Mode.NORMAL
    assert lab.read(2, "OperationMode") == "NORMAL"


def test_a_lost_answer_does_not_undo_what_was_asked() -> None:
    """The client times out, the operation goes on: a timeout never means that nothing happened."""
    lab = grown(2)
    lab.ring.faults.add("10.0.0.2", Kind.LOSE_ANSWER, seconds=3)
    transport = RingTransport(lab.agents.at, stepping(lab.simulation))
    body = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": [True]}
    with httpx.Client(transport=transport, timeout=2.0) as http, pytest.raises(httpx.ReadTimeout):
        http.post("http://10.0.0.2:8778/jolokia/", json=body)

    assert lab.node(2).mode is Mode.LEAVING
    lab.wait(lambda: lab.node(2).mode is Mode.DECOMMISSIONED)


def test_a_refusing_agent_cannot_be_connected_to() -> None:
    """Neither can an address where no process runs, nor another port."""
    lab = grown(2)
    lab.ring.faults.add("10.0.0.1", Kind.REFUSE)

    for endpoint in (FIRST, Endpoint(host="10.0.0.77"), Endpoint(host="10.0.0.2", port=8779)):
        with pytest.raises(TransientError, match="Connection refused"):
            mode(client(lab), endpoint)
    assert lab.node(1).mode is Mode.NORMAL


def test_nonsense_is_no_value() -> None:
    """HTTP 200 with a page of text: the client says that it is no JSON."""
    lab = grown()
    lab.ring.faults.add("10.0.0.1", Kind.GARBAGE)

    with pytest.raises(TransientError, match="answered no JSON: <html>It works!</html>"):
        mode(client(lab))


def test_a_server_error_is_an_error() -> None:
    """HTTP 500, whatever the page says."""
    lab = grown()
    lab.ring.faults.add("10.0.0.1", Kind.SERVER_ERROR)

    with pytest.raises(JolokiaError, match="HTTP 500") as caught:
        mode(client(lab))
    assert caught.value.status == 500


def test_an_agent_can_lie_about_attributes() -> None:
    """A value that is put over the node's own is what everybody reads; the rest is true."""
    lab = grown(2)
    lab.ring.faults.add("10.0.0.1", Kind.OVERRIDE, values={"LiveNodes": [], "OperationMode": "UNKNOWN"})

    found = client(lab).read(FIRST, STORAGE_SERVICE, ["LiveNodes", "OperationMode", "UnreachableNodes"])

    assert found == {"LiveNodes": [], "OperationMode": "UNKNOWN", "UnreachableNodes": []}


def test_a_fault_ends_by_itself_or_when_it_is_cleared() -> None:
    """It is of the address: a new process there has it too, another address has it not."""
    lab = grown(2)
    faults = lab.ring.faults
    faults.add("10.0.0.1", Kind.HANG, seconds=60)
    lab.ring.kill(lab.address(1))
    node = lab.start(1)
    lab.wait(lambda: node.mode is Mode.NORMAL)
    assert faults.has("10.0.0.1", Kind.HANG)
    assert mode(client(lab), Endpoint(host="10.0.0.2")) == "NORMAL"

    lab.pass_time(60)
    assert mode(client(lab)) == "NORMAL"
    faults.add("10.0.0.1", Kind.REFUSE)
    faults.clear("10.0.0.1")
    assert mode(client(lab)) == "NORMAL"


def test_whoever_listens_hears_of_faults_coming_and_going() -> None:
    """So that a probe is looked at again: at the beginning, at the end, and when cleared."""
    lab = grown()
    heard: list[float] = []
    began = lab.simulation.now
    lab.ring.faults.on_change(lambda address: heard.append(lab.simulation.now - began))
    lab.ring.faults.add("10.0.0.1", Kind.HANG, seconds=5)
    lab.pass_time(10)
    lab.ring.faults.clear("10.0.0.1")

    assert heard == pytest.approx([0, 5, 10])


def test_a_wrong_login_is_told_apart_from_silence() -> None:
    """401 is an answer: the client reports it and does not try again."""
    lab = grown(jolokia_user="casskop", jolokia_password="right")
    wrong = Endpoint(host="10.0.0.1", credentials=Credentials(username="casskop", password="wrong"))
    right = Endpoint(host="10.0.0.1", credentials=Credentials(username="casskop", password="right"))

    with pytest.raises(JolokiaError) as caught:
        mode(client(lab), wrong)

    assert caught.value.status == 401
    assert mode(client(lab), right) == "NORMAL"


def test_a_process_that_dies_under_a_call_drops_the_connection() -> None:
    """The client hears nothing but the end of the connection, in the instant of the death."""
    lab = grown(2)
    lab.simulation.after(3, lambda: lab.ring.kill(lab.address(2)))
    body = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": [True]}
    transport = RingTransport(lab.agents.at, stepping(lab.simulation))
    with httpx.Client(transport=transport, timeout=60.0) as http, pytest.raises(httpx.RemoteProtocolError):
        http.post("http://10.0.0.2:8778/jolokia/", json=body)

    assert lab.ring.at("10.0.0.2") is None


def test_an_impatient_client_still_starts_what_it_asks_for() -> None:
    """One that waits for nothing times out at the same instant, and the node is at work."""
    lab = grown(2)
    before = lab.simulation.now
    body = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": [True]}
    transport = RingTransport(lab.agents.at, hanging_up)
    with httpx.Client(transport=transport) as http, pytest.raises(httpx.ReadTimeout):
        http.post("http://10.0.0.2:8778/jolokia/", content=json.dumps(body))

    assert lab.simulation.now == before
    assert lab.node(2).mode is Mode.LEAVING
