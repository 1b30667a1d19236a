"""
Tokens, token ranges and which nodes hold a range: Cassandra's replica placement as pure functions.

The token space is also cut into `SLICES` equal slices. A slice is the unit in which data is counted,
held and streamed; its replicas are those of its last token.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
import random
from typing import assert_never

import attrs

MIN_TOKEN = -(2**63)
MAX_TOKEN = 2**63 - 1
RING_SIZE = 2**64
SLICES = 64
ALL_SLICES = (1 << SLICES) - 1
# The last token of each slice.
SLICE_TOKENS = tuple(MIN_TOKEN + (index + 1) * (RING_SIZE // SLICES) - 1 for index in range(SLICES))


@attrs.frozen(kw_only=True)
class SimpleStrategy:
    """*factor* replicas on the next nodes of the ring, wherever they are."""

    factor: int


@attrs.frozen(kw_only=True)
class NetworkTopology:
    """A number of replicas for each datacenter, spread over its racks."""

    factors: Mapping[str, int]


@attrs.frozen
class LocalStrategy:
    """Every node has its own data, and nobody else's."""


Replication = SimpleStrategy | NetworkTopology | LocalStrategy


@attrs.frozen(kw_only=True)
class Place:
    """Where a node stands."""

    datacenter: str
    rack: str


@attrs.frozen(kw_only=True)
class Layout:
    """Who owns which token, and where the owners stand: all that placement needs."""

    # Sorted by token; each token has one owner.
    tokens: tuple[int, ...]
    owners: tuple[str, ...]
    places: Mapping[str, Place]

    @classmethod
    def of(cls, members: Mapping[str, Iterable[int]], places: Mapping[str, Place]) -> Layout:
        """Return the layout of *members* (address to tokens)."""
        pairs = sorted((token, address) for address, tokens in members.items() for token in tokens)
        return cls(
            tokens=tuple(token for token, _ in pairs),
            owners=tuple(address for _, address in pairs),
            places={address: places[address] for address in sorted(members)},
        )

    def datacenters(self) -> tuple[str, ...]:
        """The datacenters that have nodes, sorted."""
        return tuple(sorted({place.datacenter for place in self.places.values()}))

    def nodes_in(self, datacenter: str) -> tuple[str, ...]:
        """The nodes of *datacenter*, sorted."""
        return tuple(a for a, place in self.places.items() if place.datacenter == datacenter)

    def walk(self, token: int) -> list[str]:
        """Return the owners from the range that holds *token* on, once around the ring."""
        start = bisect.bisect_left(self.tokens, token)
        return [*self.owners[start:], *self.owners[:start]]

    def ranges(self) -> list[tuple[int, int]]:
        """The token ranges (start, end], sorted by their end; the first one wraps around."""
        return [(self.tokens[i - 1], token) for i, token in enumerate(self.tokens)]


def replicas(layout: Layout, replication: Replication, token: int) -> tuple[str, ...]:
    """Return the nodes that hold *token*, in the order of the ring."""
    match replication:
        case SimpleStrategy(factor=factor):
            return tuple(dict.fromkeys(layout.walk(token)))[:factor]
        case NetworkTopology(factors=factors):
            return _spread(layout, factors, token)
        case LocalStrategy():
            return ()
        case _:
            assert_never(replication)


@attrs.define(kw_only=True)
class _Wanted:
    """What one datacenter still lacks while the ring is walked."""

    left: int
    # How often a rack may be used again; at most 0 means: each rack once.
    repeats: int
    racks: list[str] = attrs.field(factory=list)


def _spread(layout: Layout, factors: Mapping[str, int], token: int) -> tuple[str, ...]:
    wanted = {}
    for datacenter, factor in factors.items():
        nodes = layout.nodes_in(datacenter)
        racks = {layout.places[node].rack for node in nodes}
        wanted[datacenter] = _Wanted(left=min(factor, len(nodes)), repeats=factor - len(racks))
    chosen: list[str] = []
    for address in layout.walk(token):
        if not any(want.left > 0 for want in wanted.values()):
            break
        place = layout.places[address]
        want = wanted.get(place.datacenter)
        if want is None or want.left <= 0 or address in chosen:
            continue
        if place.rack in want.racks:
            if want.repeats <= 0:
                continue
            want.repeats -= 1
        else:
            want.racks.append(place.rack)
        chosen.append(address)
        want.left -= 1
    return tuple(chosen)


def held_slices(layout: Layout, replication: Replication) -> dict[str, int]:
    """Return for each node the slices it is a replica of, as a bit mask."""
    masks = dict.fromkeys(layout.places, 0)
    for index, token in enumerate(SLICE_TOKENS):
        for address in replicas(layout, replication, token):
            masks[address] |= 1 << index
    return masks


def ownership(layout: Layout, replication: Replication) -> dict[str, float]:
    """Return for each node the share of the token space it is a replica of."""
    shares = dict.fromkeys(layout.places, 0.0)
    for start, end in layout.ranges():
        # A ring of one token is one range of the whole space.
        share = ((end - start) % RING_SIZE or RING_SIZE) / RING_SIZE
        for address in replicas(layout, replication, end):
            shares[address] += share
    return shares


def count(mask: int) -> int:
    """Return the number of slices in *mask*."""
    return mask.bit_count()


def random_tokens(rng: random.Random, number: int) -> tuple[int, ...]:
    """Return *number* tokens as a node without a token allocator draws them, sorted."""
    return tuple(sorted(rng.randrange(MIN_TOKEN, MAX_TOKEN) for _ in range(number)))
