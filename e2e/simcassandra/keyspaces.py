"""
Keyspaces, the schema that lists them, and how much data there is in each.

A schema is a value with a revision; nodes hold one each and take over a newer one from their peers.
How much data exists is known to the simulation as a whole, not to a node.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import assert_never
import uuid

import attrs

from e2e.simcassandra.tokens import (
    SLICES,
    LocalStrategy,
    NetworkTopology,
    Replication,
    SimpleStrategy,
)

# Versions of schemas are made from their content in this name space, so that they repeat.
_NAMESPACE = uuid.UUID("6d1f5c1e-6f0c-4f2e-9d58-3c8c7b1b0a01")

LOCAL_KEYSPACES = ("system", "system_schema")


@attrs.frozen(kw_only=True)
class Keyspace:
    """A keyspace's definition."""

    name: str
    replication: Replication
    tables: tuple[str, ...] = ()


SYSTEM_KEYSPACES = (
    Keyspace(
        name="system_traces",
        replication=SimpleStrategy(factor=2),
        tables=("events", "sessions"),
    ),
    Keyspace(
        name="system_distributed",
        replication=SimpleStrategy(factor=3),
        tables=("parent_repair_history", "repair_history", "view_build_status"),
    ),
    Keyspace(
        name="system_auth",
        replication=SimpleStrategy(factor=1),
        tables=("role_members", "role_permissions", "roles"),
    ),
)


@attrs.frozen(kw_only=True)
class Schema:
    """All replicated keyspaces; a higher *revision* is newer."""

    revision: int
    keyspaces: Mapping[str, Keyspace]

    @classmethod
    def first(cls) -> Schema:
        """Return the schema of a ring's first node."""
        return cls(revision=1, keyspaces={k.name: k for k in SYSTEM_KEYSPACES})

    def having(self, keyspace: Keyspace) -> Schema:
        """Return the next revision, with *keyspace* created or altered."""
        return Schema(
            revision=self.revision + 1,
            keyspaces={**self.keyspaces, keyspace.name: keyspace},
        )

    def without(self, name: str) -> Schema:
        """Return the next revision, with the keyspace *name* dropped."""
        kept = {key: value for key, value in self.keyspaces.items() if key != name}
        return Schema(revision=self.revision + 1, keyspaces=kept)

    def version(self, major: int) -> str:
        """Return the version that nodes of the *major* release show.

        Different major releases never agree: their own system tables differ.
        """
        content = [[k.name, _described(k.replication), list(k.tables)] for k in self.keyspaces.values()]
        text = json.dumps([major, sorted(content, key=lambda item: str(item[0]))])
        return str(uuid.uuid3(_NAMESPACE, text))

    def names(self) -> list[str]:
        """The replicated keyspaces, in the order in which a node lists them."""
        return list(self.keyspaces)


def _described(replication: Replication) -> object:
    match replication:
        case SimpleStrategy(factor=factor):
            return ["simple", factor]
        case NetworkTopology(factors=factors):
            return ["topology", sorted(factors.items())]
        case LocalStrategy():
            return ["local"]
        case _:
            assert_never(replication)


class Data:
    """How many bytes there are, each byte counted once, in each keyspace of the simulation."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def size(self, keyspace: str) -> int:
        """Return the bytes of *keyspace*; the system's own keyspaces count as empty."""
        return self._sizes.get(keyspace, 0)

    def set(self, keyspace: str, size: int) -> None:
        """Say that *keyspace* has *size* bytes from now on."""
        self._sizes[keyspace] = size

    def of(self, keyspace: str, mask: int) -> int:
        """Return the bytes in the slices *mask* of *keyspace*."""
        return self.size(keyspace) * mask.bit_count() // SLICES
