"""
Members as they are found: nodes that serve already, without having been started here.

For a simulation that begins in the middle: what of a running ring is known is put in, and the ring goes on
from there. Nothing is streamed for it, and no time passes.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from e2e.simcassandra.gossip import EndpointState, Status
from e2e.simcassandra.keyspaces import Schema
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node, NodeConfig
from e2e.simcassandra.ring import Ring
from e2e.simcassandra.tokens import Place
from e2e.simcassandra.volume import Bootstrap, Volume


@attrs.frozen(kw_only=True)
class Member:
    """A member of the ring: its identity, its place, where it was last seen, and its disk."""

    host_id: str
    tokens: tuple[int, ...]
    cluster: str
    place: Place
    address: str
    release: str


def remember(volume: Volume, member: Member, schema: Schema) -> None:
    """Let *volume* be the disk of *member*, which holds *schema*."""
    volume.host_id = member.host_id
    volume.tokens = member.tokens
    volume.cluster_name = member.cluster
    volume.place = member.place
    volume.bootstrap = Bootstrap.COMPLETED
    volume.schema = schema


def serving(ring: Ring, address: str, volume: Volume, config: NodeConfig) -> Node:
    """Return a node that serves at *address*, as the member whose disk *volume* is."""
    node = ring.adopt(address, volume, config)
    node.agent_open = node.registered = node.native_transport = node.gossiping = True
    node.mode = Mode.NORMAL
    volume.generation = int(ring.simulation.now)
    assert volume.host_id is not None
    node.state = EndpointState(
        address=address,
        host_id=volume.host_id,
        generation=volume.generation,
        version=1,
        status=Status.NORMAL,
        tokens=volume.tokens,
        place=node.place,
        release=node.release.text,
        schema=node.schema_version(),
        rpc_ready=True,
    )
    return node


def acquaint(nodes: Iterable[Node], away: Iterable[Member] = ()) -> None:
    """Let *nodes* know each other, and the members that are *away* as members that are down."""
    there = list(nodes)
    gone = [(_state(member, there), False) for member in away]
    told = [(node.state, True) for node in there if node.state is not None] + gone
    for node in there:
        for state, alive in told:
            node.view.learn(state, alive=alive, now=node.simulation.now)
    for node in there:
        for name in () if node.schema is None else node.schema.keyspaces:
            node.volume.hold(name, node.owned(name), node.sstable_format)


def _state(member: Member, nodes: list[Node]) -> EndpointState:
    return EndpointState(
        address=member.address,
        host_id=member.host_id,
        generation=1,
        version=1,
        status=Status.NORMAL,
        tokens=member.tokens,
        place=member.place,
        release=member.release,
        schema=nodes[0].schema_version() if nodes else "",
    )
