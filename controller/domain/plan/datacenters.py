"""
Data centres and racks that come and go, as far as sizes alone do not tell.

A new one is made of new racks, which `create` sees to: nothing that exists is touched. One that was taken
out of the spec loses its empty StatefulSets. A rack that leaves is emptied before, by `leave`; one with
nodes that nobody has told to leave stays as it is, whatever became of the spec.
Its volumes went with its nodes, or belong to nobody that this operator knows, and stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.actions import DeleteStatefulSet, Hold, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed


def removed(desired: Desired, observed: Observed) -> Iterator[DeleteStatefulSet | Hold | Wait]:
    """Yield what becomes of racks that exist and are not asked for."""
    asked = {rack.name for rack in desired.racks if not rack.leaves}
    leaving = {rack.name for rack in desired.racks if rack.leaves}
    for name, rack in observed.racks.items():
        have = rack.statefulset
        if name in asked or have is None:
            continue
        if have.terminating:
            yield Wait(seconds=None, why=f"the StatefulSet of rack {name} is being deleted")
        elif have.replicas or rack.pods:
            if name in leaving:
                continue
            yield Hold(
                reason="RackNotInSpec",
                path="spec.topology.dc",
                why=f"rack {name} has {max(have.replicas, len(rack.pods))} nodes, is not in the spec,"
                " and is left alone: put it back, and if it is to go take it out again, or its whole data"
                " centre with nodesPerRacks 0 first",
            )
        else:
            yield DeleteStatefulSet(
                rack=name,
                statefulset=have.name,
                uid=have.uid,
                why=f"rack {name} has no nodes any more and was taken out of the spec",
            )


def advice(name: str, observed: Observed) -> str:
    """Return what a user has to do if *name* is the first rack of a data centre beside others."""
    dc = name.partition("-")[0]
    others = sorted({rack.partition("-")[0] for rack in observed.racks} - {dc})
    if not others or any(rack.partition("-")[0] == dc for rack in observed.racks):
        return ""
    factors = ", ".join(f"'{each}': <copies>" for each in (*others, dc))
    return (
        f". Once {dc} has all its nodes, let keyspaces keep copies there:"
        f" ALTER KEYSPACE <name> WITH replication = {{'class': 'NetworkTopologyStrategy', {factors}}},"
        f" and then run `nodetool rebuild -- {others[0]}` on each of its nodes"
    )
