"""A scenario with everything in it that is random, and all that the nodes say meanwhile, as bytes."""

from __future__ import annotations

import json
import sys

from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

_STREAMS = "org.apache.cassandra.net:type=StreamManager"
_DETECTOR = "org.apache.cassandra.net:type=FailureDetector"
_PROXY = "org.apache.cassandra.db:type=StorageProxy"
_ATTRIBUTES = [
    "OperationMode",
    "LiveNodes",
    "UnreachableNodes",
    "JoiningNodes",
    "LeavingNodes",
    "EndpointToHostId",
    "TokenToEndpointMap",
    "SchemaVersion",
    "LoadMap",
    "NativeTransportRunning",
]
_QUESTIONS = [
    {"type": "read", "mbean": STORAGE_SERVICE, "attribute": _ATTRIBUTES},
    {"type": "read", "mbean": _STREAMS, "attribute": "CurrentStreams"},
    {"type": "read", "mbean": _DETECTOR, "attribute": ["SimpleStates", "AllEndpointStates"]},
    {"type": "read", "mbean": _PROXY, "attribute": "SchemaVersions"},
]


class Recorder:
    """Writes down what all nodes of *lab* answer."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._lines: list[str] = []

    def look(self) -> None:
        """Ask every node that answers at once."""
        for node in self._lab.ring.nodes():
            agent = self._lab.agents.at(node.address)
            if agent is None or not agent.listening:
                continue
            exchange = agent.answer(json.dumps(_QUESTIONS))
            body = exchange.answer.body if exchange.answer is not None else "no answer"
            self._lines.append(f"{self._lab.simulation.now!r} {node.address} {body}\n")

    def text(self) -> bytes:
        """Return all that was written down."""
        return "".join(self._lines).encode()


def history(seed: int) -> bytes:
    """Return what the nodes say after each step while nodes come, go, die, leave and are replaced."""
    lab = Lab(seed=seed)
    recorder = Recorder(lab)

    def go(seconds: float) -> None:
        end = lab.simulation.now + seconds
        while (due := lab.simulation.next_due()) is not None and due <= end:
            lab.simulation.step()
            recorder.look()
        lab.pass_time(max(0.0, end - lab.simulation.now))

    for number in range(1, 5):
        lab.start(number)
        go(15)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=100_000_000)
    lab.ring.create_keyspace("other", SimpleStrategy(factor=3), size=10_000_000)
    go(5)
    # Two at once, a death, a cut, a removal, a decommission and a replacement.
    lab.start(5)
    lab.start(6)
    go(20)
    lab.ring.kill(lab.address(4))
    lab.ring.network.cut([lab.address(1)], [lab.address(2)])
    go(20)
    lab.ring.network.heal()
    go(5)
    lab.begin(1, "removeNode", [lab.volumes["4"].host_id])
    go(20)
    lab.begin(3, "decommission", [True])
    go(30)
    lab.ring.kill(lab.address(2))
    lab.volumes["2"].wipe()
    node = lab.start(2, replace_address=lab.address(2))
    go(40)
    assert lab.node(3).mode is Mode.DECOMMISSIONED
    assert node.mode is Mode.NORMAL
    return recorder.text()


if __name__ == "__main__":
    sys.stdout.buffer.write(history(int(sys.argv[1])))
