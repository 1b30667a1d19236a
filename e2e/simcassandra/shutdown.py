"""How a Cassandra process stops: drain, TERM and KILL."""

from __future__ import annotations

from typing import Any

from e2e.simcassandra.deferred import Deferred
from e2e.simcassandra.gossip import SILENT_SHUTDOWN, Status
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node

KILLED = 137
TERMINATED = 143


def drain(node: Node) -> Deferred[Any]:
    """Flush, and take no part in the ring any more; a second drain does nothing."""
    call = node.call()
    if node.mode in {Mode.DRAINING, Mode.DRAINED}:
        call.resolve(None)
        return call
    node.set_mode(Mode.DRAINING)
    _leave_gossip(node)

    def drained() -> None:
        node.drained = True
        node.set_mode(Mode.DRAINED)
        call.resolve(None)

    node.after(node.pace.drain, drained)
    return call


def terminate(node: Node) -> None:
    """Stop as on TERM: say goodbye, then end."""
    if node.mode is Mode.DRAINED or not node.gossiping:
        node.after(node.pace.terminate_drained, lambda: node.end(TERMINATED))
        return
    if node.mode is Mode.NORMAL:
        node.set_mode(Mode.DRAINING)
    _leave_gossip(node)
    node.after(node.pace.terminate, lambda: node.end(TERMINATED))


def kill(node: Node) -> None:
    """End at once, without a word."""
    node.end(KILLED)


def _leave_gossip(node: Node) -> None:
    """Close CQL, and tell the peers unless the node's status already said more."""
    node.native_transport = False
    if node.state is not None and node.gossiping and node.state.status not in SILENT_SHUTDOWN:
        node.announce(status=Status.SHUTDOWN, rpc_ready=False)
    was_gossiping, node.gossiping = node.gossiping, False
    if was_gossiping:
        node.network.fell_silent(node.address)
    node.changed()
