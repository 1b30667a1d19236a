"""
An httpx transport that ends at simulated agents: the operator's own client talks to them, no sockets.

What a client sees of a broken network it sees here: connections refused, connections cut, and timeouts.
A timeout says nothing about the request: it may have been carried out, or still be.
"""

from __future__ import annotations

from collections.abc import Callable
import threading

import httpx

from e2e.simcassandra.exchange import Exchange
from e2e.simcassandra.jolokia import Agent
from e2e.simtime import Simulation

PORT = 8778
# For a client that sets no limit: a simulation must not wait for ever.
_NO_LIMIT = 24 * 3600.0

# Lets simulated time pass until the exchange is over, or for so many seconds.
Waiter = Callable[[Exchange, float], None]


def stepping(simulation: Simulation) -> Waiter:
    """Return a waiter that runs *simulation* while a client waits for its answer."""

    def wait(exchange: Exchange, seconds: float) -> None:
        deadline = simulation.now + seconds
        while not exchange.over:
            due = simulation.next_due()
            if due is None or due > deadline:
                simulation.run_until(deadline)
                return
            simulation.step()

    return wait


def hanging_up(_exchange: Exchange, _seconds: float) -> None:
    """Wait for nothing: what is not answered at once times out at the same instant."""


class RingTransport(httpx.BaseTransport):
    """Requests to `http://<host>:8778/jolokia/` reach the agent that *lookup* finds for the host.

    *lookup* returns None where no process runs: the connection is refused. One request is carried out
    at a time, whichever threads they come from.
    """

    def __init__(self, lookup: Callable[[str], Agent | None], wait: Waiter) -> None:
        self._lookup = lookup
        self._wait = wait
        self._lock = threading.RLock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry *request* out; raises the errors that httpx raises on a real network."""
        with self._lock:
            return self._handle(request)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        agent = self._lookup(request.url.host)
        if agent is None or not agent.listening or request.url.port != PORT:
            raise httpx.ConnectError("[Errno 111] Connection refused", request=request)
        exchange = _send(agent, request)
        if not exchange.over:
            timeouts = request.extensions.get("timeout") or {}
            limit = timeouts.get("read")
            self._wait(exchange, _NO_LIMIT if limit is None else float(limit))
        if exchange.broken:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            )
        answer = exchange.answer
        if answer is None:
            raise httpx.ReadTimeout("The read operation timed out", request=request)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return httpx.Response(answer.status, headers=headers, content=answer.body.encode(), request=request)


def _send(agent: Agent, request: httpx.Request) -> Exchange:
    authorization = request.headers.get("Authorization")
    return agent.take(request.method, request.url.path, request.read().decode(), authorization)
