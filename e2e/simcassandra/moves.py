"""
Which slices go from whom to whom when the ring changes: the arithmetic behind every stream.

Each function looks through the eyes of one node, at what that node believes; the data that a source
sends is what it really holds. `NoSourceError` carries Cassandra's own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from e2e.simcassandra.streaming import Moves
from e2e.simcassandra.tokens import (
    SLICE_TOKENS,
    Layout,
    LocalStrategy,
    NetworkTopology,
    Replication,
    SimpleStrategy,
    replicas,
)

if TYPE_CHECKING:
    from e2e.simcassandra.node import Node


class NoSourceError(Exception):
    """The streams that are needed cannot be had."""


class _Collected:
    """Moves as they are found."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._moves: dict[tuple[str, str], dict[str, int]] = {}

    def add(self, source: str, target: str, keyspace: str, index: int) -> None:
        """Note that *source* is to send slice *index* of *keyspace*, if it has it and it has data."""
        sender = self._node.network.at(source)
        bit = 1 << index
        if sender is not None and not sender.volume.held.get(keyspace, 0) & bit:
            return
        if self._node.data.size(keyspace) == 0:
            return
        slices = self._moves.setdefault((source, target), {})
        slices[keyspace] = slices.get(keyspace, 0) | bit

    def meet(self, source: str, target: str) -> None:
        """Note that *source* has to reach *target*, be there anything to send or not."""
        self._moves.setdefault((source, target), {})

    def moves(self) -> Moves:
        """Return all that was found."""
        return self._moves


def _keyspaces(node: Node) -> list[tuple[str, Replication]]:
    schema = node.schema
    return [(k.name, k.replication) for k in schema.keyspaces.values()] if schema else []


def for_bootstrap(node: Node) -> Moves:
    """Return what *node*, which is joining, needs.

    With consistent range movement the source of a range is the replica that loses it; if that one is
    down, or nobody has the only replica of a range, raises `NoSourceError`.
    """
    now, future = node.view.layout(), node.view.future()
    found = _Collected(node)
    for keyspace, replication in _keyspaces(node):
        for index, token in enumerate(SLICE_TOKENS):
            after = replicas(future, replication, token)
            if node.address not in after:
                continue
            before = replicas(now, replication, token)
            if not before:
                continue
            source = _bootstrap_source(node, keyspace, replication, before, after)
            if source is not None:
                found.add(source, node.address, keyspace, index)
    return found.moves()


def _bootstrap_source(
    node: Node,
    keyspace: str,
    replication: Replication,
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> str | None:
    alive = [address for address in before if _alive(node, address)]
    displaced = [address for address in before if address not in after]
    if node.config.consistent_rangemovement and displaced:
        if displaced[0] in alive:
            return displaced[0]
        if factor(replication) == 1:
            raise NoSourceError(_no_sources(keyspace, replication))
        raise NoSourceError(
            "Necessary replicas for strict consistency were removed by source filters: "
            f"[Full(/{displaced[0]}:7000)]"
        )
    if alive:
        return alive[0]
    raise NoSourceError(_no_sources(keyspace, replication))


def for_replacement(node: Node, dead: str) -> Moves:
    """Return what *node* needs to take the place of *dead*; ranges without a source stay empty."""
    now = node.view.layout()
    found = _Collected(node)
    for keyspace, replication in _keyspaces(node):
        for index, token in enumerate(SLICE_TOKENS):
            owners = replicas(now, replication, token)
            if dead not in owners:
                continue
            source = _first_alive(node, (a for a in owners if a != dead))
            if source is not None:
                found.add(source, node.address, keyspace, index)
    return found.moves()


def for_decommission(node: Node) -> Moves:
    """Return what *node*, which is leaving, has to hand to those who get its ranges."""
    now, future = node.view.layout(), node.view.future()
    found = _Collected(node)
    for keyspace, replication in _keyspaces(node):
        for index, token in enumerate(SLICE_TOKENS):
            before = replicas(now, replication, token)
            if node.address not in before:
                continue
            for target in replicas(future, replication, token):
                if target not in before:
                    found.meet(node.address, target)
                    found.add(node.address, target, keyspace, index)
    return found.moves()


def gaining(layout: Layout, future: Layout, replication: Replication, dead: str) -> dict[int, str]:
    """Return for each slice of which *dead* is a replica the node that gets it instead, if any."""
    targets = {}
    for index, token in enumerate(SLICE_TOKENS):
        before = replicas(layout, replication, token)
        if dead in before:
            for target in replicas(future, replication, token):
                if target not in before:
                    targets[index] = target
    return targets


def for_restore(node: Node, dead: str) -> Moves:
    """Return what *node* fetches because *dead* is being removed."""
    now, future = node.view.layout(), node.view.future()
    found = _Collected(node)
    for keyspace, replication in _keyspaces(node):
        for index, target in gaining(now, future, replication, dead).items():
            if target != node.address:
                continue
            owners = replicas(now, replication, SLICE_TOKENS[index])
            source = _first_alive(node, (a for a in owners if a != dead))
            if source is not None:
                found.add(source, node.address, keyspace, index)
    return found.moves()


def for_rebuild(node: Node, *, datacenter: str | None, only: str | None) -> Moves:
    """Return what *node* fetches to fill its ranges from *datacenter* (None: from anywhere).

    Raises `NoSourceError` if a range has no living replica there.
    """
    layout = node.view.layout()
    found = _Collected(node)
    for keyspace, replication in _keyspaces(node):
        if only is not None and keyspace != only:
            continue
        for index, token in enumerate(SLICE_TOKENS):
            owners = replicas(layout, replication, token)
            others = [a for a in owners if a != node.address]
            if node.address not in owners or not others:
                continue
            sources = [a for a in others if datacenter in (None, layout.places[a].datacenter)]
            source = _first_alive(node, sources)
            if source is None:
                if factor(replication) == 1:
                    continue
                # Also where all copies are in other data centres than the one that is named: that is how a
                # rebuild of everything ends over `system_traces`, whose copies are anywhere.
                raise NoSourceError(_no_sources(keyspace, replication))
            found.add(source, node.address, keyspace, index)
    return found.moves()


def for_repair(node: Node, keyspace: str) -> Moves:
    """Return what the replicas of *node*'s slices of *keyspace* lack and another one has."""
    layout = node.view.layout()
    found = _Collected(node)
    assert node.schema is not None
    replication = node.schema.keyspaces[keyspace].replication
    for index, token in enumerate(SLICE_TOKENS):
        owners = [a for a in replicas(layout, replication, token) if _alive(node, a)]
        if node.address not in owners:
            continue
        holders = [a for a in owners if _holds(node, a, keyspace, index)]
        for target in owners:
            if holders and target not in holders:
                found.add(holders[0], target, keyspace, index)
    return found.moves()


def _holds(node: Node, address: str, keyspace: str, index: int) -> bool:
    other = node.network.at(address)
    return other is not None and bool(other.volume.held.get(keyspace, 0) & (1 << index))


def _first_alive(node: Node, addresses: Iterable[str]) -> str | None:
    return next((address for address in addresses if _alive(node, address)), None)


def _alive(node: Node, address: str) -> bool:
    """Return whether *node* believes that *address* is up, itself included."""
    return address == node.address or address in node.view.live


def factor(replication: Replication) -> int:
    """Return the number of replicas that *replication* asks for, over all datacenters."""
    match replication:
        case SimpleStrategy(factor=number):
            return number
        case NetworkTopology(factors=factors):
            return sum(factors.values())
        case LocalStrategy():
            return 1
        case _:
            assert_never(replication)


def _no_sources(keyspace: str, replication: Replication) -> str:
    text = f"Unable to find sufficient sources for streaming range in keyspace {keyspace}"
    if factor(replication) == 1:
        text += " with RF=1. Ensure this keyspace contains replicas in the source datacenter."
    return text
