"""The agents over real HTTP, in real time: for clients in other processes."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from typing import Any

import httpx
import pytest

from controller.cassandra.jolokia import Endpoint, Jolokia
from controller.domain.errors import TransientError
from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.server import AgentServer, RealPace

# Simulated seconds in one real second: a decommission in some milliseconds.
SPEED = 2000.0


@contextlib.contextmanager
def served(lab: Lab, number: int = 1) -> Iterator[httpx.URL]:
    """Serve node *number* of *lab* at a port of this machine."""
    address = lab.address(number)
    with (
        RealPace(lab.simulation, speed=SPEED) as pace,
        AgentServer(lambda: lab.agents.at(address), pace) as server,
    ):
        yield httpx.URL(server.url)


def grown(number: int = 2, **config: Any) -> Lab:
    """Return a ring of *number* nodes."""
    lab = Lab(**config)
    lab.grow(number)
    return lab


def test_the_operators_client_reads_it() -> None:
    """Through sockets, as on a cluster."""
    with served(grown()) as url, contextlib.closing(Jolokia.over()) as jolokia:
        endpoint = Endpoint(host=url.host, port=url.port or 0)
        found = jolokia.read(endpoint, STORAGE_SERVICE, ["OperationMode", "LiveNodes"])

    assert found == {"OperationMode": "NORMAL", "LiveNodes": ["10.0.0.1", "10.0.0.2"]}


def test_a_blocking_call_answers_at_its_end() -> None:
    """Simulated time goes on while the client waits."""
    body = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": [True]}
    lab = grown()
    with served(lab, 2) as url, httpx.Client(timeout=30, trust_env=False) as http:
        answer = http.post(url, json=body)
        mode = http.get(f"{url}read/{STORAGE_SERVICE}/OperationMode")

    assert answer.json()["status"] == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert mode.json()["value"] == "DECOMMISSIONED"


def test_a_login_is_asked_for_in_the_header() -> None:
    """401 with the realm; the same connection serves the next request."""
    lab = grown(1, jolokia_user="u", jolokia_password="p")
    with served(lab) as url, httpx.Client(trust_env=False) as http:
        refused = http.get(url)
        let_in = http.get(url, auth=("u", "p"))

    assert (refused.status_code, refused.text) == (401, "")
    assert refused.headers["www-authenticate"] == 'Basic realm="jolokia"'
    assert let_in.json()["value"]["agent"] == "1.7.1"


def test_where_no_process_runs_the_connection_breaks() -> None:
    """The client hears nothing, and knows nothing."""
    lab = grown(1)
    lab.ring.kill(lab.address(1))
    with served(lab) as url, contextlib.closing(Jolokia.over()) as jolokia:
        endpoint = Endpoint(host=url.host, port=url.port or 0)
        with pytest.raises(TransientError, match="cannot be reached"):
            jolokia.read(endpoint, STORAGE_SERVICE, ["OperationMode"])
