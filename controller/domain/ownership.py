"""
Who owns what in the ring, as one node tells it: what an availability proof is made from.

It is read only when a node is about to be taken down. Nodes are addresses here; `layout` renames them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from controller.domain.availability import Keyspace, Layout, Place


@attrs.frozen(kw_only=True)
class Stream:
    """What *pod* is at now, such as data being streamed; *what* is Cassandra's word for the occasion."""

    pod: str
    what: str


@attrs.frozen(kw_only=True)
class Ownership:
    """Tokens and places of the members by address, and the keyspaces.

    *schemas* is version to addresses, without those that are down; one version means agreement.
    """

    tokens: Mapping[int, str]
    places: Mapping[str, Place]
    keyspaces: tuple[Keyspace, ...]
    schemas: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    streams: tuple[Stream, ...] = ()
    # What nodes do with their own data, in Cassandra's words.
    tasks: tuple[Stream, ...] = ()

    def members(self) -> frozenset[str]:
        """Return the addresses that own tokens."""
        return frozenset(self.tokens.values())

    def layout(self, name: Callable[[str], str]) -> Layout:
        """Return the ring with each address as *name* has it."""
        return Layout(
            owners={token: name(address) for token, address in self.tokens.items()},
            places={name(address): place for address, place in self.places.items()},
        )


@attrs.frozen(kw_only=True)
class Unread:
    """Nobody could be asked, or nobody answered; *why* says what happened."""

    why: str
