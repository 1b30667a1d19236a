"""How much data nodes hold and stream, as the operator reads it from simulated nodes."""

from __future__ import annotations

import httpx
import pytest

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Endpoint, Jolokia
from controller.cassandra.node import ask_load, ask_transfer
from controller.domain.streaming import Transfer
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.tokens import NetworkTopology as Topology
from unit_tests.cassandra.test_ownership import endpoints, nodes_of

DATA = 900_000_000


def test_loads_are_those_of_nodes_that_answer() -> None:
    """By pod, in bytes; one that is down is left out."""
    lab = Lab()
    lab.grow(3)
    lab.ring.create_keyspace("app", Topology(factors={"dc1": 3}), size=DATA)
    lab.pass_time(5)
    lab.ring.kill(lab.address(3))

    found = nodes_of(lab).loads(endpoints(lab, 3))

    assert set(found) == {"pod1", "pod2"}
    assert all(load >= DATA for load in found.values())


def _answering(body: object) -> tuple[Jolokia, Endpoint]:
    """Return a way to an agent that gives this answer to everything."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    return Jolokia(http=httpx.Client(transport=transport), sleep=lambda _: None), Endpoint(host="10.0.0.1")


@pytest.mark.parametrize(
    "value",
    ["nonsense", None, [{"sessions": [{"state": "STREAMING"}]}], [{"sessions": [{}], "currentRxBytes": "1"}]],
)
def test_another_shape_is_no_news(value: object) -> None:
    """No decision turns on how far a node is, so that an answer that is not understood is none."""
    answer = {"status": 200, "value": {mbeans.STREAMS: value}}

    assert ask_transfer(*_answering(answer)) is None


@pytest.mark.parametrize("value", ["1", None, 1.5])
def test_a_load_that_is_no_number_is_none(value: object) -> None:
    """Nothing is proven by it."""
    assert ask_load(*_answering({"status": 200, "value": {mbeans.LOAD: value}})) is None


def test_plans_that_still_stream_are_summed() -> None:
    """Both ways; those that are over, or have nothing to stream, do not count."""
    plan = {"currentRxBytes": 1, "totalRxBytes": 10, "currentTxBytes": 2, "totalTxBytes": 20}
    runs = {**plan, "sessions": [{"state": "COMPLETE"}, {"state": "STREAMING"}]}
    over = {**plan, "sessions": [{"state": "COMPLETE"}]}

    assert mbeans.transfer([runs, over, runs, {**plan, "sessions": []}]) == Transfer(done=6, total=60)
    assert mbeans.transfer([over]) is None
    assert ask_transfer(*_answering({"status": 200, "value": {mbeans.STREAMS: [runs]}})) == Transfer(
        done=3, total=30
    )
    assert ask_load(*_answering({"status": 200, "value": {mbeans.LOAD: 5}})) == 5
