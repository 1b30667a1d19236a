"""
Facts about nodes that leave, on a ring that is taken apart by them; nobody else looks after it.

On a real cluster it is a ring of its own, made by an operator that is then stopped: some minutes.
"""

from __future__ import annotations

import httpx
import pytest

from controller.cassandra.mbeans import busy
from e2e.contract_jolokia.agents import PROXY, THREADING, UNSUPPORTED, Agent, Json, Ring, call

# The argument of decommission.
FORCED: Json = True
UNFORCED: Json = False
# Locks and monitors are of no interest.
WITHOUT: Json = False
TOO_FEW = (
    "Not enough live nodes to maintain replication factor in keyspace system_distributed (RF = 3, N = 3). "
    "Perform a forceful decommission to ignore."
)


def mode(agent: Agent) -> str:
    """Return a node's OperationMode."""
    return str(agent.read("OperationMode"))


def methods(agent: Agent) -> frozenset[str]:
    """Return the methods that a node's threads carry out, as the operator reads them."""
    return busy(agent.execute("dumpAllThreads(boolean,boolean)", WITHOUT, WITHOUT, mbean=THREADING))


def hang_up(agent: Agent, operation: str, *arguments: object) -> None:
    """Ask for what takes long, and wait for its answer for a second only."""
    with pytest.raises(httpx.ReadTimeout):
        agent.http.post(
            f"{agent.base}/jolokia/",
            json=call(operation, *arguments),
            auth=agent.login or httpx.USE_CLIENT_DEFAULT,
            timeout=1,
        )


def test_a_ring_that_is_taken_apart(own_ring: Ring) -> None:
    """
    What a decommission and a drain look like from both sides.

    In order: a decommission that is refused, one whose client hangs up, what the peers and the node say
    meanwhile and afterwards, a second one, and then a drain of another node.
    """
    staying, draining, leaving = own_ring.agents
    _refused(own_ring, leaving)
    _leaves(own_ring, leaving, peers=(staying, draining))
    _left(own_ring, leaving, peers=(staying, draining))
    _drains(own_ring, draining, peer=staying)


def _refused(ring: Ring, leaving: Agent) -> None:
    """Three replicas on three nodes: without force it is refused, and 5.0 keeps that as its mode."""
    assert leaving.refusal("decommission", UNFORCED) == (500, UNSUPPORTED, TOO_FEW)
    assert mode(leaving) == ("DECOMMISSION_FAILED" if ring.is_five else "NORMAL")
    # It serves on, and its peers have noticed nothing.
    assert leaving.read("NativeTransportRunning") is True
    assert ring.first.read("LeavingNodes") == []
    if ring.is_five:
        assert (leaving.read("DecommissionFailed"), leaving.read("Decommissioning")) == (True, False)


def _leaves(ring: Ring, leaving: Agent, *, peers: tuple[Agent, ...]) -> None:
    """It goes on though its client has hung up; the peers drop it before it says so itself."""
    hang_up(leaving, "decommission", FORCED)
    assert mode(leaving) == "LEAVING"
    # A thread of its agent is at it as long as it lasts, and the methods of other operations are on none.
    assert "decommission" in methods(leaving)
    assert not methods(leaving) & {"forceKeyspaceCleanup", "upgradeSSTables", "rebuild", "scrub", "drain"}
    ring.until(lambda: all(peer.read("LeavingNodes") == [leaving.host] for peer in peers))
    if ring.is_five:
        assert leaving.read("Decommissioning") is True
    ring.until(lambda: all(leaving.host not in peer.read("EndpointToHostId") for peer in peers))
    assert mode(leaving) == "LEAVING"
    assert all(peer.read("LeavingNodes") == [] for peer in peers)


def _left(ring: Ring, leaving: Agent, *, peers: tuple[Agent, ...]) -> None:
    """It lives on and answers; nobody counts it any more, though it is unreachable rather than unknown."""
    ring.until(lambda: mode(leaving) == "DECOMMISSIONED")
    ring.until(lambda: "decommission" not in methods(leaving), seconds=5)
    assert leaving.read("NativeTransportRunning") is False
    assert leaving.host in leaving.read("LiveNodes")
    for peer in peers:
        assert sorted(peer.read("LiveNodes")) == sorted(one.host for one in peers)
        assert sorted(set(peer.read("TokenToEndpointMap").values())) == sorted(one.host for one in peers)
    if ring.is_five:
        assert leaving.execute("decommission", FORCED) is None
    else:
        assert leaving.refusal("decommission", FORCED) == (
            500,
            UNSUPPORTED,
            "local node is not a member of the token ring yet",
        )
    ring.until(lambda: peers[0].read("UnreachableNodes") == [leaving.host])
    assert peers[0].read("SchemaVersions", PROXY)["UNREACHABLE"] == [leaving.host]
    assert leaving.host not in peers[0].read("EndpointToHostId")


def _drains(ring: Ring, draining: Agent, *, peer: Agent) -> None:
    """It answers when it is done; its peers see it down, and a member still."""
    assert draining.execute("drain") is None
    assert mode(draining) == "DRAINED"
    assert (draining.read("Drained"), draining.read("NativeTransportRunning")) == (True, False)
    ring.until(lambda: draining.host in peer.read("UnreachableNodes"))
    assert draining.host in peer.read("EndpointToHostId")
    assert draining.execute("drain") is None
    status, kind, message = draining.refusal("decommission", FORCED)
    assert (status, kind) == (500, UNSUPPORTED)
    assert message == "Node in DRAINED state; wait for status to become normal or restart"
