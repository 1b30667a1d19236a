"""
What a spec asks for, rack by rack, in the terms of a plan.

It carries no objects: only names, sizes, and the hashes of what the builders made, so that a plan can be
computed and compared without building anything.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Refusal:
    """A change of the spec that existing objects cannot follow: *path* to look at, *why* to read."""

    path: str
    why: str


@attrs.frozen(kw_only=True)
class DesiredRack:
    """One rack. *path* is where the spec speaks of it, `spec.topology.dc[0].rack[1]`.

    *refusals* are parts of the spec that this rack, as it exists, cannot follow.
    """

    name: str
    path: str
    replicas: int
    template_hash: str
    statefulset: str
    refusals: tuple[Refusal, ...] = ()


@attrs.frozen(kw_only=True)
class Desired:
    """A whole cluster: *shared* maps `Kind/name` to the hash of the object that should be there.

    *first_pods_first* is CassKop's flow: one pod in every rack before any rack gets its second.
    """

    name: str
    racks: tuple[DesiredRack, ...]
    shared: Mapping[str, str] = attrs.field(factory=dict)
    first_pods_first: bool = True

    def wanted_nodes(self) -> int:
        """Return the number of Cassandra nodes that the spec asks for."""
        return sum(rack.replicas for rack in self.racks)
