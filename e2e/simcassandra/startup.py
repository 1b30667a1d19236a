"""
How a Cassandra process starts: from the open agent port to NORMAL, or to its last words.

A node with data goes on with its tokens; one without bootstraps, unless it is among its own seeds. A
node that reaches nobody fails, again unless it is a seed: then it is the first node of a ring.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from e2e.simcassandra import moves
from e2e.simcassandra.gossip import DEAD, EndpointState, Status
from e2e.simcassandra.keyspaces import Schema
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node
from e2e.simcassandra.streaming import Plan
from e2e.simcassandra.tokens import random_tokens
from e2e.simcassandra.volume import Bootstrap

# What the JVM exits with when an exception ends the start.
STARTUP_FAILED = 3

_EXISTS = (
    "A node with address /{address}:7000 already exists, cancelling join. "
    "Use cassandra.replace_address if you want to replace this node."
)
_MOVING = (
    "Other bootstrapping/leaving/moving nodes detected, cannot bootstrap while "
    "cassandra.consistent.rangemovement is true. Nodes detected, bootstrapping: {bootstrapping}; "
    "leaving: {leaving}; moving: {moving};"
)
_DECOMMISSIONED = (
    "This node was decommissioned and will not rejoin the ring unless "
    "-Dcassandra.override_decommission=true has been set, or all existing data is removed and the "
    "node is bootstrapped again"
)


def begin(node: Node) -> None:
    """Set *node*'s start going."""
    pace = node.pace
    mbean = pace.storage_service_5 if node.release.is_five else pace.storage_service_4

    def open_agent() -> None:
        node.agent_open = True
        node.changed()

    def register() -> None:
        node.registered = True
        node.changed()

    node.after(pace.agent_opens, open_agent)
    node.after(mbean, register)
    node.after(pace.shadow_round, lambda: _enter(node))


def _enter(node: Node) -> None:
    why = _refused_by_configuration(node) or _refused_by_disk(node)
    if why is not None:
        node.end(STARTUP_FAILED, why)
        return
    node.in_shadow_round = True
    _shadow_round(node, began=node.simulation.now)


def _refused_by_configuration(node: Node) -> str | None:
    """Return why the configuration forbids this start; unknown is what says so by its name."""
    unknown = sorted(name for name in node.config.tunables if name.startswith("no_such_"))
    if not unknown:
        return None
    return f"Invalid yaml. Please remove properties [{', '.join(unknown)}] from your cassandra.yaml"


def _refused_by_disk(node: Node) -> str | None:
    """Return why the data on disk forbids this start."""
    volume, config = node.volume, node.config
    if volume.bootstrap is Bootstrap.DECOMMISSIONED and not config.override_decommission:
        return _DECOMMISSIONED
    if volume.cluster_name not in (None, config.cluster_name):
        return f"Saved cluster name {volume.cluster_name} != configured name {config.cluster_name}"
    if volume.place is None or volume.place == config.place:
        return None
    if volume.place.datacenter != config.datacenter:
        what, now, before = "data center", config.datacenter, volume.place.datacenter
    else:
        what, now, before = "rack", config.rack, volume.place.rack
    return (
        f"Cannot start node if snitch's {what} ({now}) differs from previous {what} ({before}). "
        "Please fix the snitch configuration, decommission and rebootstrap this node"
    )


def _shadow_round(node: Node, *, began: float) -> None:
    """Look for somebody to ask; try again each second while patience lasts."""
    contact = _contact(node)
    if contact is not None:
        _met(node, contact)
        return
    others = [a for a in _askable(node) if a != node.address]
    seed = node.address in node.config.seeds
    waited = node.simulation.now - began
    if seed and (not others or waited >= node.pace.ring_delay or _others_ask_too(node, others)):
        _met(node, None)
    elif not seed and waited >= node.pace.shadow_patience:
        with_data = node.volume.bootstrap is Bootstrap.COMPLETED
        why = "Unable to gossip with any peers" if with_data else "Unable to contact any seeds!"
        node.end(STARTUP_FAILED, why)
    else:
        node.after(1.0, lambda: _shadow_round(node, began=began))


def _askable(node: Node) -> list[str]:
    peers = node.volume.peers if node.volume.bootstrap is Bootstrap.COMPLETED else {}
    return list(dict.fromkeys([*node.config.seeds, *sorted(peers)]))


def _contact(node: Node) -> Node | None:
    for address in _askable(node):
        peer = node.network.at(address)
        if (
            peer is not None
            and peer is not node
            and peer.gossiping
            and peer.config.cluster_name == node.config.cluster_name
            and node.network.reachable(node.address, address)
        ):
            return peer
    return None


def _others_ask_too(node: Node, others: list[str]) -> bool:
    peers = [node.network.at(address) for address in others]
    return any(peer is not None and peer.in_shadow_round for peer in peers)


def _met(node: Node, contact: Node | None) -> None:
    """Decide by what *contact* knows whether and how to join; None: there is nobody."""
    states = dict(contact.view.states) if contact is not None else {}
    node.in_shadow_round = False
    if _replacing(node):
        _begin_replacement(node, contact, states)
        return
    volume = node.volume
    if volume.empty:
        volume.host_id = node.new_id()
    bootstrapping = _should_bootstrap(node)
    if not _safe(node, states.get(node.address), bootstrapping=bootstrapping):
        node.end(STARTUP_FAILED, _EXISTS.format(address=node.address))
        return
    if bootstrapping and node.config.consistent_rangemovement:
        busy = _under_way(states, node.address)
        if busy:
            node.end(STARTUP_FAILED, busy)
            return
    _remember_peers(node)
    _claim_disk(node)
    _take_schema(node, contact)
    node.begin_gossip()
    if bootstrapping:
        node.set_mode(Mode.JOINING)
        node.after(node.pace.schema_wait, lambda: _bootstrap(node))
        return
    if not volume.tokens:
        volume.tokens = random_tokens(node.simulation.random, node.config.num_tokens)
    node.after(node.pace.settle, lambda: _join(node))


def _remember_peers(node: Node) -> None:
    """Count on the members that its disk tells of, as down until they are heard of."""
    if node.volume.bootstrap is Bootstrap.COMPLETED:
        for state in node.volume.peers.values():
            if state.address == node.address:
                continue
            # Whatever is heard of them is newer.
            saved = attrs.evolve(state, generation=0, version=0, status=Status.NORMAL)
            node.view.learn(saved, alive=False, now=node.simulation.now)


def _replacing(node: Node) -> bool:
    return node.config.replace_address is not None and node.volume.bootstrap is not Bootstrap.COMPLETED


def _should_bootstrap(node: Node) -> bool:
    return (
        node.volume.bootstrap is not Bootstrap.COMPLETED
        and node.config.auto_bootstrap
        and node.address not in node.config.seeds
    )


def _safe(node: Node, known: EndpointState | None, *, bootstrapping: bool) -> bool:
    """Return whether what is *known* of this address allows this node to use it."""
    if known is None or known.status in DEAD:
        return True
    if bootstrapping:
        return known.status not in {Status.NONE, Status.NORMAL, Status.SHUTDOWN}
    return known.host_id == node.volume.host_id


def _under_way(states: Mapping[str, EndpointState], own: str) -> str | None:
    """Return why a bootstrap is refused while others join, leave or move; None if none does."""
    groups: dict[str, list[str]] = {"bootstrapping": [], "leaving": [], "moving": []}
    for address, state in sorted(states.items()):
        if address == own:
            continue
        match state.status:
            case Status.BOOT | Status.BOOT_REPLACE:
                groups["bootstrapping"].append(address)
            case Status.LEAVING:
                groups["leaving"].append(address)
            case Status.MOVING:
                groups["moving"].append(address)
            case _:
                pass
    return _moving(groups)


def _moving(groups: Mapping[str, list[str]]) -> str | None:
    if not any(groups.values()):
        return None
    lists = {k: ",".join(f"/{a}:7000" for a in v) for k, v in groups.items()}
    return _MOVING.format(**lists)


def _claim_disk(node: Node) -> None:
    node.volume.cluster_name = node.config.cluster_name
    node.volume.place = node.place


def _take_schema(node: Node, contact: Node | None) -> None:
    """Begin with the schema of *contact*, if it is of the same major release and newer."""
    theirs = contact.schema if contact is not None else None
    if contact is not None and contact.release.major != node.release.major and node.schema:
        return
    if theirs is not None and (node.schema is None or theirs.revision > node.schema.revision):
        node.schema = node.volume.schema = theirs
    elif node.schema is None:
        node.schema = node.volume.schema = Schema.first()


def _join(node: Node) -> None:
    """Become a member with the tokens on disk, without streaming anything."""
    node.volume.bootstrap = Bootstrap.COMPLETED
    node.announce(status=Status.NORMAL, tokens=node.volume.tokens)
    node.set_mode(Mode.NORMAL)
    node.after(node.pace.native_transport, lambda: _serve(node))


def _serve(node: Node) -> None:
    if node.mode in {Mode.NORMAL, Mode.LEAVING, Mode.MOVING}:
        node.native_transport = True
        node.announce(rpc_ready=True)


def _bootstrap(node: Node) -> None:
    """Say which tokens will be ours, unless another range movement is seen."""
    view = node.view
    if node.config.consistent_rangemovement:
        busy = _moving(
            {
                "bootstrapping": sorted(view.joining),
                "leaving": sorted(view.leaving),
                "moving": sorted(view.moving),
            }
        )
        if busy:
            node.end(STARTUP_FAILED, busy)
            return
    if not node.volume.tokens:
        node.volume.tokens = random_tokens(node.simulation.random, node.config.num_tokens)
    node.volume.bootstrap = Bootstrap.IN_PROGRESS
    node.announce(status=Status.BOOT, tokens=node.volume.tokens)
    node.after(node.pace.ring_delay, lambda: stream_bootstrap(node))


def stream_bootstrap(node: Node) -> None:
    """Fetch the data of the ranges that will be *node*'s; also how a failed bootstrap is resumed."""
    try:
        needed = moves.for_bootstrap(node)
    except moves.NoSourceError as error:
        node.end(STARTUP_FAILED, str(error))
        return
    Plan(node, "Bootstrap", needed, lingers=True, done=lambda why: _bootstrapped(node, why))


def _bootstrapped(node: Node, why: str | None) -> None:
    if why is None:
        node.bootstrap_failed = False
        _join(node)
        return
    node.bootstrap_failed = True
    # 4.x stays in JOINING, and only its log knows; 5.0 has a mode for it.
    node.set_mode(Mode.JOINING_FAILED if node.release.is_five else Mode.JOINING)
    node.changed()


def _begin_replacement(node: Node, contact: Node | None, states: Mapping[str, EndpointState]) -> None:
    """Take the place of the dead node at `replace_address`, which *states* must know."""
    dead = node.config.replace_address
    assert dead is not None
    known = states.get(dead)
    if contact is None:
        node.end(STARTUP_FAILED, "Unable to gossip with any peers")
        return
    if known is None:
        node.end(
            STARTUP_FAILED,
            f"Cannot replace_address /{dead}:7000 because it doesn't exist in gossip",
        )
        return
    if not known.tokens or known.status in {Status.LEFT, Status.REMOVED}:
        node.end(STARTUP_FAILED, f"Could not find tokens for /{dead}:7000 to replace")
        return
    same = dead == node.address
    node.volume.host_id = known.host_id if same else node.volume.host_id or node.new_id()
    node.volume.tokens = known.tokens
    _claim_disk(node)
    _take_schema(node, contact)
    if same:
        # The ranges of this address are what is to be fetched.
        node.view.learn(known, alive=False, now=node.simulation.now)
    node.begin_gossip()
    if same:
        # Silent about its tokens until it is done, so that nobody takes it for the dead one.
        node.announce(status=Status.HIBERNATE)
    node.set_mode(Mode.JOINING)
    wait = node.pace.ring_delay + node.pace.replace_extra
    node.after(wait, lambda: _replace(node, dead))


def _replace(node: Node, dead: str) -> None:
    if dead != node.address:
        rival = node.network.at(dead)
        if rival is not None and rival.gossiping:
            node.end(STARTUP_FAILED, "Cannot replace a live node... ")
            return
        node.announce(status=Status.BOOT_REPLACE, tokens=node.volume.tokens, replaces=dead)
    node.volume.bootstrap = Bootstrap.IN_PROGRESS
    node.after(node.pace.ring_delay, lambda: _stream_replacement(node, dead))


def _stream_replacement(node: Node, dead: str) -> None:
    needed = moves.for_replacement(node, dead)
    Plan(node, "Bootstrap", needed, lingers=True, done=lambda why: _bootstrapped(node, why))
