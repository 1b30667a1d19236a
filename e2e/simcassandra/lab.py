"""
A small simulated ring at hand: nodes one after the other, and their agents to talk to.

For tests, and for looking around; what it does can all be done with `Ring` and `Agents` as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
from typing import Any

import attrs

from e2e.simcassandra.exchange import HttpAnswer
from e2e.simcassandra.jolokia import STORAGE_SERVICE, Agent, Agents
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node, NodeConfig
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.ring import Ring
from e2e.simcassandra.volume import Volume
from e2e.simtime import Simulation


class Lab:
    """A ring that is grown node by node at <network>.1, <network>.2 and so on; the first is the seed."""

    def __init__(
        self,
        *,
        seed: int = 0,
        pace: RingPace | None = None,
        network: str = "10.0.0",
        **settings: Any,  # noqa: ANN401 -- fields of NodeConfig
    ) -> None:
        self.simulation = Simulation(seed)
        self.ring = Ring(self.simulation, pace)
        self.agents = Agents(self.ring.at, self.ring.faults)
        self._network = network
        self._settings = settings
        self.volumes: dict[str, Volume] = {}

    def address(self, number: int) -> str:
        """Return the address of node *number*, the first being 1."""
        return f"{self._network}.{number}"

    def config(self, number: int, **changes: Any) -> NodeConfig:  # noqa: ANN401 -- fields of NodeConfig
        """Return the configuration of node *number*: in dc1, in a rack of its own."""
        given: dict[str, Any] = {
            "cluster_name": "e2e",
            "datacenter": "dc1",
            "rack": f"rack{number}",
            "seeds": (self.address(1),),
        }
        return attrs.evolve(NodeConfig(**given), **{**self._settings, **changes})

    def start(self, number: int, *, at: int | None = None, **changes: Any) -> Node:  # noqa: ANN401 -- as config
        """Start node *number* on its own volume, at its own address or at that of *at*."""
        address = self.address(at or number)
        volume = self.volumes.setdefault(str(number), Volume(name=f"volume-{number}"))
        return self.ring.start(address, volume, self.config(number, **changes))

    def grow(self, number: int, **changes: Any) -> list[Node]:  # noqa: ANN401 -- as config
        """Start nodes 1 to *number* one after the other, and wait until all agree."""
        nodes = []
        for each in range(1, number + 1):
            node = self.start(each, **changes)
            self.wait(lambda node=node: node.native_transport)  # type: ignore[misc]  # mypy cannot infer defaults
            nodes.append(node)
        self.pass_time(5)
        return nodes

    def node(self, number: int) -> Node:
        """Return the running node *number*."""
        found = self.ring.at(self.address(number))
        if found is None:
            raise ValueError(f"node {number} does not run")
        return found

    def agent(self, number: int) -> Agent:
        """Return the agent of the running node *number*."""
        found = self.agents.at(self.address(number))
        if found is None:
            raise ValueError(f"node {number} does not run")
        return found

    def pass_time(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.simulation.run_until(self.simulation.now + seconds)

    def wait(self, condition: Callable[[], bool], *, seconds: float = 600.0) -> float:
        """Let time pass until *condition* holds, and return how long that took.

        Raises `TimeoutError` if it does not hold within *seconds*.
        """
        began = self.simulation.now
        while not condition():
            due = self.simulation.next_due()
            if due is None or due > began + seconds:
                raise TimeoutError(f"the condition did not come true within {seconds:g} s")
            self.simulation.step()
        return self.simulation.now - began

    def post(self, number: int, body: Any, *, authorization: str | None = None) -> HttpAnswer:  # noqa: ANN401 -- JSON
        """Post *body* to node *number*'s agent and wait for the answer."""
        exchange = self.agent(number).answer(json.dumps(body), authorization)
        self.wait(lambda: exchange.over)
        if exchange.answer is None:
            raise ConnectionError("the connection broke before there was an answer")
        return exchange.answer

    def read(self, number: int, attribute: str, *, mbean: str = STORAGE_SERVICE) -> Any:  # noqa: ANN401 -- JSON
        """Return the value of *attribute* as node *number*'s agent gives it."""
        body = {"type": "read", "mbean": mbean, "attribute": attribute}
        return json.loads(self.post(number, body).body)["value"]

    def execute(
        self,
        number: int,
        operation: str,
        arguments: Sequence[Any] = (),
        *,
        mbean: str = STORAGE_SERVICE,
    ) -> Any:  # noqa: ANN401 -- JSON
        """Execute *operation* through node *number*'s agent, and return the whole answer at its end."""
        body = {
            "type": "exec",
            "mbean": mbean,
            "operation": operation,
            "arguments": list(arguments),
        }
        return json.loads(self.post(number, body).body)

    def begin(self, number: int, operation: str, arguments: Sequence[Any] = ()) -> None:
        """Execute *operation* as a client that hangs up at once."""
        body = {
            "type": "exec",
            "mbean": STORAGE_SERVICE,
            "operation": operation,
            "arguments": list(arguments),
        }
        self.agent(number).answer(json.dumps(body))

    def all_normal(self) -> bool:
        """Return whether every process is NORMAL."""
        return all(node.mode is Mode.NORMAL for node in self.ring.nodes())
