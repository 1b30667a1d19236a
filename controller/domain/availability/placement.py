"""
Who holds which token range: Cassandra's placement of replicas, over whole rings at once.

A set of nodes is an integer with one bit a node, so that rings of thousands of tokens are walked in
milliseconds. Placement is that of SimpleStrategy and NetworkTopologyStrategy in Cassandra 4.0 to 5.0.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import attrs

_T = TypeVar("_T")

# A set of nodes, one bit each.
Nodes = int


@attrs.frozen(kw_only=True)
class Place:
    """Where a node stands, as the ring's snitch has it."""

    dc: str
    rack: str


@attrs.frozen(kw_only=True)
class Group:
    """The nodes that hold one range, (*start*, *end*], as bits."""

    nodes: Nodes
    start: int
    end: int


@attrs.frozen(kw_only=True)
class Layout:
    """The ring: token to its owner, and where the owners stand. Every owner has a place."""

    owners: Mapping[int, str]
    places: Mapping[str, Place]
    _order: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    _bits: Mapping[str, int] = attrs.field(init=False, eq=False, repr=False)

    @_order.default
    def _in_order(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.owners.values())))

    @_bits.default
    def _numbered(self) -> Mapping[str, int]:
        return {node: 1 << i for i, node in enumerate(self._order)}

    def nodes(self) -> tuple[str, ...]:
        """Return the members of the ring, sorted."""
        return self._order

    def bits(self, nodes: Iterable[str]) -> Nodes:
        """Return the set of those *nodes* that are members."""
        found = 0
        for node in nodes:
            found |= self._bits.get(node, 0)
        return found

    def named(self, nodes: Nodes) -> tuple[str, ...]:
        """Return the names in a set, sorted."""
        return tuple(node for node, bit in self._bits.items() if nodes & bit)

    def dcs(self) -> tuple[str, ...]:
        """Return the data centres that have members, sorted."""
        return tuple(sorted({self.places[node].dc for node in self._order}))

    def in_dc(self, dc: str) -> Nodes:
        """Return the members in *dc*."""
        return self.bits(node for node in self._order if self.places[node].dc == dc)

    def simple(self, factor: int) -> list[Group]:
        """Return one group for each range of a keyspace with SimpleStrategy."""
        ring = self._ring(None)
        wanted = min(factor, len(self._order))
        return [
            Group(nodes=_next(ring, i, wanted), start=ring[i - 1][0], end=ring[i][0])
            for i in range(len(ring))
        ]

    def network(self, dc: str, factor: int) -> list[Group]:
        """Return one group for each range of *dc*'s own part of a NetworkTopologyStrategy."""
        ring = self._ring(dc)
        racks = sorted({self.places[owner].rack for _, owner, _ in ring})
        numbers = {rack: 1 << i for i, rack in enumerate(racks)}
        walk = [(bit, numbers[self.places[owner].rack]) for _, owner, bit in ring]
        members = len({owner for _, owner, _ in ring})
        wanted, repeats = min(factor, members), factor - len(racks)
        return [
            Group(nodes=_spread(walk, i, wanted, repeats), start=ring[i - 1][0], end=ring[i][0])
            for i in range(len(ring))
        ]

    def joint(self, parts: Iterable[list[Group]]) -> list[Group]:
        """Return the groups of all data centres together, range by range of the whole ring."""
        known = [(groups, [group.end for group in groups]) for groups in parts if groups]
        tokens = sorted(self.owners)
        return [
            Group(nodes=_union(known, token), start=tokens[i - 1], end=token)
            for i, token in enumerate(tokens)
        ]

    def _ring(self, dc: str | None) -> list[tuple[int, str, Nodes]]:
        """Return token, owner and its bit in the order of tokens, of all or of one data centre."""
        return [
            (token, owner, self._bits[owner])
            for token, owner in sorted(self.owners.items())
            if dc is None or self.places[owner].dc == dc
        ]


def _next(ring: list[tuple[int, str, Nodes]], start: int, wanted: int) -> Nodes:
    """Return the *wanted* next different owners from *start* on."""
    found = 0
    for _, _, bit in _around(ring, start):
        if found.bit_count() == wanted:
            break
        found |= bit
    return found


def _spread(walk: list[tuple[Nodes, int]], start: int, wanted: int, repeats: int) -> Nodes:
    """Return *wanted* owners from *start* on, each rack once before *repeats* may be used up."""
    found, racks = 0, 0
    for bit, rack in _around(walk, start):
        if wanted <= 0:
            break
        if found & bit:
            continue
        if racks & rack:
            if repeats <= 0:
                continue
            repeats -= 1
        racks |= rack
        found |= bit
        wanted -= 1
    return found


def _around(items: Sequence[_T], start: int) -> Iterator[_T]:
    """Yield all *items*, from *start* on, once around."""
    for i in range(start, len(items)):
        yield items[i]
    for i in range(start):
        yield items[i]


def _union(parts: list[tuple[list[Group], list[int]]], token: int) -> Nodes:
    """Return who holds *token* in any of *parts*; a part's last range ends where its first begins."""
    found = 0
    for groups, ends in parts:
        found |= groups[bisect.bisect_left(ends, token) % len(groups)].nodes
    return found
