"""
Decommission: a member hands its ranges to the others, and leaves.

The peers know first: they drop the node when it announces LEFT, and it calls itself DECOMMISSIONED a
ring delay later. 4.x and 5.0 differ in what a second call answers and in what a refusal leaves behind.
"""

from __future__ import annotations

from typing import Any

from e2e.simcassandra import moves
from e2e.simcassandra.deferred import Deferred, JavaError, illegal_state, runtime_error, unsupported
from e2e.simcassandra.gossip import Status
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node
from e2e.simcassandra.streaming import Plan
from e2e.simcassandra.tokens import LocalStrategy, NetworkTopology, SimpleStrategy
from e2e.simcassandra.volume import Bootstrap


def decommission(node: Node, *, force: bool) -> Deferred[Any]:
    """Let *node* leave the ring; without *force* only if every keyspace keeps enough nodes."""
    call = node.call()
    if node.release.is_five and (node.mode is Mode.DECOMMISSIONED or node.decommissioning):
        # 5.0 only logs that there is nothing to do.
        call.resolve(None)
        return call
    error = _refusal(node, force=force)
    if error is not None:
        if node.release.is_five and node.mode is Mode.NORMAL:
            node.set_mode(Mode.DECOMMISSION_FAILED)
        call.fail(error)
        return call
    node.decommissioning = True
    node.set_mode(Mode.LEAVING)
    node.announce(status=Status.LEAVING)
    node.after(max(node.pace.ring_delay, node.pace.batchlog), lambda: _stream(node, call))
    return call


def _refusal(node: Node, *, force: bool) -> JavaError | None:
    if node.mode is not Mode.LEAVING:
        if not node.view.is_member(node.address) or node.mode is Mode.DECOMMISSIONED:
            return unsupported("local node is not a member of the token ring yet")
        stay = node.view.members.keys() - node.view.leaving.keys()
        # One that failed to leave counts as leaving, and may try again.
        if len(stay) < 2 and (node.address in stay or not node.release.is_five):
            return unsupported("no other normal nodes in the ring; decommission would be pointless")
        if node.mode not in {Mode.NORMAL, Mode.DECOMMISSION_FAILED}:
            return unsupported(
                f"Node in {node.mode.value} state; wait for status to become normal or restart"
            )
    if node.decommissioning:
        return illegal_state("Node is still decommissioning. Check nodetool netstats.")
    return None if force or node.mode is Mode.LEAVING else _too_few(node)


def _too_few(node: Node) -> JavaError | None:
    """Return Cassandra's refusal if a keyspace has no more nodes than replicas."""
    layout = node.view.layout()
    stay = [address for address in layout.places if address not in node.view.leaving]
    for keyspace in node.schema.keyspaces.values() if node.schema is not None else []:
        match keyspace.replication:
            case NetworkTopology(factors=factors):
                factor = factors.get(node.place.datacenter, 0)
                nodes = sum(layout.places[a].datacenter == node.place.datacenter for a in stay)
            case SimpleStrategy(factor=factor):
                nodes = len(stay)
            case LocalStrategy():
                continue
        if nodes <= factor:
            return unsupported(
                "Not enough live nodes to maintain replication factor in keyspace "
                f"{keyspace.name} (RF = {factor}, N = {nodes}). "
                "Perform a forceful decommission to ignore."
            )
    return None


def _stream(node: Node, call: Deferred[Any]) -> None:
    needed = moves.for_decommission(node)
    Plan(node, "Unbootstrap", needed, lingers=False, done=lambda why: _streamed(node, call, why))


def _streamed(node: Node, call: Deferred[Any], why: str | None) -> None:
    if why is not None:
        node.decommissioning = False
        if node.release.is_five:
            node.set_mode(Mode.DECOMMISSION_FAILED)
        node.changed()
        call.fail(runtime_error(f"Error while decommissioning node: {why}"))
        return
    # From here on a restart would bootstrap anew.
    node.volume.bootstrap = Bootstrap.NEEDS_BOOTSTRAP
    node.announce(status=Status.LEFT)
    node.after(node.pace.ring_delay, lambda: _left(node, call))


def _left(node: Node, call: Deferred[Any]) -> None:
    node.native_transport = False
    node.gossiping = False
    node.network.fell_silent(node.address)

    def decommissioned() -> None:
        node.volume.bootstrap = Bootstrap.DECOMMISSIONED
        node.decommissioning = False
        node.set_mode(Mode.DECOMMISSIONED)
        call.resolve(None)

    node.changed()
    node.after(node.pace.terminate / 2, decommissioned)
