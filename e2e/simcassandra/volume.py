"""
A node's disk: what outlives the process.

A volume remembers who the node was, its tokens, and which slices of which keyspace it holds. Two
processes may run on one volume: Cassandra does not prevent it either.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from e2e.simcassandra.gossip import EndpointState
from e2e.simcassandra.keyspaces import Data, Schema
from e2e.simcassandra.tokens import Place


class Bootstrap(enum.Enum):
    """How far the volume's node got with joining, as Cassandra notes it in `system.local`."""

    NEEDS_BOOTSTRAP = "NEEDS_BOOTSTRAP"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    DECOMMISSIONED = "DECOMMISSIONED"


@attrs.define(kw_only=True, eq=False)
class Volume:
    """What is on the disk; a new one is empty. *capacity* is in bytes, None for no limit."""

    name: str
    capacity: int | None = None
    host_id: str | None = None
    cluster_name: str | None = None
    place: Place | None = None
    tokens: tuple[int, ...] = ()
    bootstrap: Bootstrap = Bootstrap.NEEDS_BOOTSTRAP
    schema: Schema | None = None
    # The last generation that a process on this volume gossiped with.
    generation: int = 0
    # Slices by keyspace; a slice stays after its range moved away, until a cleanup.
    held: dict[str, int] = attrs.field(factory=dict)
    # Keyspaces whose data is not in the format that their node writes now.
    formats: dict[str, str] = attrs.field(factory=dict)
    # Peers that the node knew, by address: asked at the next start.
    peers: dict[str, EndpointState] = attrs.field(factory=dict)
    # Keyspaces that a rebuild has fetched: 5.0 refuses another one.
    rebuilt: set[str] = attrs.field(factory=set)
    snapshots: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    @property
    def empty(self) -> bool:
        """Whether no node ever wrote to it."""
        return self.host_id is None

    def bytes_of(self, data: Data, keyspace: str) -> int:
        """Return the bytes of *keyspace* on this volume."""
        return data.of(keyspace, self.held.get(keyspace, 0))

    def used(self, data: Data) -> int:
        """Return the bytes of all keyspaces on this volume."""
        return sum(self.bytes_of(data, keyspace) for keyspace in self.held)

    def hold(self, keyspace: str, mask: int, fmt: str) -> None:
        """Add the slices *mask* of *keyspace*, written in format *fmt*."""
        if not self.held.get(keyspace):
            self.formats[keyspace] = fmt
        self.held[keyspace] = self.held.get(keyspace, 0) | mask

    def wipe(self) -> None:
        """Make it empty, as a new disk is."""
        fresh = Volume(name=self.name)
        for field in attrs.fields(Volume):
            if field.name not in {"name", "capacity"}:
                setattr(self, field.name, getattr(fresh, field.name))
