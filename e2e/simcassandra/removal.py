"""
Removing a dead node: `removeNode`, its forced end, and `assassinateEndpoint`.

The coordinator tells the ring that the node is being removed; those who get its ranges fetch the data
from the remaining replicas and confirm; when all have, the ring is told that it is removed. Whoever
does not confirm keeps the call, and the dead node in LeavingNodes, waiting for ever.
"""

from __future__ import annotations

from typing import Any
import uuid

import attrs

from e2e.simcassandra import moves
from e2e.simcassandra.deferred import Deferred, JavaError, illegal_argument, unsupported
from e2e.simcassandra.gossip import EndpointState, Status
from e2e.simcassandra.node import Node
from e2e.simcassandra.streaming import Plan
from e2e.simcassandra.tokens import Place

IDLE = "No token removals in process."


@attrs.define(kw_only=True)
class Removal:
    """A removal that this node coordinates. *waiting* are those who have not confirmed yet."""

    dead: str
    token: int
    waiting: dict[str, None]
    call: Deferred[Any]
    # Set once the tokens are gone but the call has not ended: RemovalStatus throws meanwhile.
    announced: bool = False


def remove_node(node: Node, host_id: str) -> Deferred[Any]:
    """Remove the dead member with *host_id* from the ring, coordinated by *node*."""
    call = node.call()
    dead, error = _find(node, host_id)
    if error is not None:
        call.fail(error)
        return call
    assert dead is not None
    targets: dict[str, None] = {}
    now = node.view.layout()
    future = attrs.evolve(now)
    members = {a: t for a, t in node.view.members.items() if a != dead}
    future = type(now).of(members, node.view.places())
    for keyspace in node.schema.keyspaces.values() if node.schema is not None else []:
        for target in moves.gaining(now, future, keyspace.replication, dead).values():
            if target in node.view.live or target == node.address:
                targets[target] = None
    token = min(node.view.members[dead])
    node.removal = Removal(dead=dead, token=token, waiting=dict(sorted(targets.items())), call=call)
    _tell(node, dead, Status.REMOVING)
    restore(node, node.view.states[dead])
    if not targets:
        node.after(node.pace.ring_delay, lambda: _complete(node))
    return call


def _find(node: Node, host_id: str) -> tuple[str | None, JavaError | None]:
    """Return the address with *host_id*, or why it cannot be removed."""
    try:
        uuid.UUID(host_id)
    except ValueError:
        return None, illegal_argument(f"Invalid UUID string: {host_id}")
    address = node.view.at_host_id(host_id)
    if address is None:
        return None, unsupported("Host ID not found.")
    if not node.view.is_member(address):
        return None, unsupported("Node to be removed is not a member of the token ring")
    if address == node.address:
        return None, unsupported("Cannot remove self")
    if address in node.view.live:
        return None, unsupported(
            f"Node /{address}:7000 is alive and owns this ID. "
            "Use decommission command to remove it from the ring"
        )
    if node.removal is not None:
        return None, unsupported(
            "This node is already processing a removal. "
            "Wait for it to complete, or use 'removenode force' if this has failed."
        )
    return address, None


def restore(node: Node, state: EndpointState) -> None:
    """Fetch what *node* gets of the node in *state*, which is being removed, and confirm."""
    if not node.view.is_member(state.address) or state.removed_by is None:
        return
    coordinator = state.removed_by
    node.after(
        node.pace.ring_delay,
        lambda: _restore(node, state.address, coordinator),
    )


def _restore(node: Node, dead: str, coordinator: str) -> None:
    if not node.view.is_member(dead):
        return

    def done(why: str | None) -> None:
        if why is None:
            delay = node.simulation.random.uniform(node.pace.gossip_min, node.pace.gossip_max)
            node.simulation.after(delay, lambda: _confirm(node, coordinator))

    needed = moves.for_restore(node, dead)
    # 5.0 keeps such a plan in its list if there was nothing to fetch.
    Plan(node, "Restore replica count", needed, lingers=node.release.is_five, done=done)


def _confirm(node: Node, coordinator: str) -> None:
    there = node.network.at(coordinator)
    if there is None or there.removal is None:
        return
    if not node.network.reachable(node.address, coordinator):
        return
    there.removal.waiting.pop(node.address, None)
    if not there.removal.waiting:
        _complete(there)


def _complete(node: Node) -> None:
    removal = node.removal
    if removal is None or removal.announced:
        return
    removal.announced = True
    _tell(node, removal.dead, Status.REMOVED)

    def ended() -> None:
        node.removal = None
        removal.call.resolve(None)

    node.after(node.pace.removal_announce, ended)


def force_completion(node: Node) -> Deferred[Any]:
    """Take all that leave or are being removed out of the ring, without waiting for anybody.

    Whichever node is asked, and also those that leave by themselves; if there are none, only the log of
    the real one tells.
    """
    call = node.call()
    for address in list(node.view.leaving):
        if node.removal is None or node.removal.dead != address:
            _tell(node, address, Status.REMOVED)
    if node.removal is not None:
        node.removal.waiting.clear()
        _complete(node)
    node.after(node.pace.removal_announce, lambda: call.resolve(None))
    return call


def removal_status(node: Node, *, with_port: bool) -> str:
    """Return the text of RemovalStatus; throws while a removal ends, as Cassandra does."""
    removal = node.removal
    if removal is None:
        return IDLE
    if removal.announced:
        raise JavaError("java.util.NoSuchElementException", "")
    port = ":7000" if with_port else ""
    waiting = ",".join(f"/{address}{port}" for address in removal.waiting)
    return f"Removing token ({removal.token}). Waiting for replication confirmation from [{waiting}]."


def assassinate(node: Node, address: str) -> Deferred[Any]:
    """Have *address* forgotten without streaming anything, whether or not it ever existed."""
    call = node.call()

    def carry_out() -> None:
        target = node.network.at(address)
        if target is not None and target.gossiping and address in node.view.states:
            error = f"Endpoint still alive: /{address}:7000 heartbeat changed while trying to assassinate it"
            call.fail(JavaError("java.lang.RuntimeException", error))
            return
        _tell(node, address, Status.LEFT)
        node.after(node.pace.removal_announce, lambda: call.resolve(None))

    node.after(node.pace.ring_delay, carry_out)
    return call


def _tell(node: Node, address: str, status: Status) -> None:
    """Speak for the node at *address*, with a generation that nobody there will use."""
    known = node.view.states.get(address)
    if known is None:
        known = EndpointState(
            address=address,
            host_id=node.new_id(),
            generation=int(node.simulation.now),
            version=0,
            status=status,
            tokens=(),
            place=Place(datacenter=node.place.datacenter, rack=node.place.rack),
            release=node.release.text,
            schema="",
        )
    state = attrs.evolve(
        known,
        generation=known.generation + 1,
        version=1,
        status=status,
        removed_by=node.address if status is Status.REMOVING else None,
    )
    ghost = address not in node.view.states
    node.view.learn(state, alive=False, now=node.simulation.now)
    if ghost:
        # Nobody ever heard of it: it is down in the failure detector, and in no list.
        node.view.unreachable.pop(address, None)
    node.network.spread(node, state)
    node.changed()
