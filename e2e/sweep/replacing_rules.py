"""
When a node that is dead for good may lose its volume: pure functions, as in `invariants`.

Its user has to ask for that, the machine that the volume is on has to be gone, and somebody else who is up
has to have each piece of the users' data. Or it was removed from the ring for its user.
"""

from __future__ import annotations

from typing import Final

from e2e.sweep.removing_rules import not_removed
from e2e.sweep.world import Object, World, label

# The Kubernetes node that a volume was made for.
_MACHINE: Final = "volume.kubernetes.io/selected-node"


def machine_is_gone(claim: Object, world: World) -> bool:
    """Whether the volume of *claim* is on a Kubernetes node that is no more."""
    machine = (claim["metadata"].get("annotations") or {}).get(_MACHINE)
    return bool(machine) and machine not in world.machines


def not_given_up(claim: Object, world: World) -> str | None:
    """Return why the volume of a node that has a place in its cluster may not be deleted, None if it may."""
    pod = _pod_of(claim, world)
    if pod is not None and not_removed(pod, label(claim), world) is None:
        return None
    cluster = world.clusters.get(label(claim))
    asked = cluster is not None and (cluster.get("spec") or {}).get("nodeReplacement") == "Automatic"
    if not asked:
        return "its node has a place in the cluster"
    if not machine_is_gone(claim, world):
        return "its Kubernetes node is there"
    up = {node.address for node in world.nodes if node.serves and node.mode == "NORMAL"}
    for copies in world.copies:
        if not all(holders & up for holders in copies.holders):
            return f"some data of {copies.keyspace} is nowhere else"
    return None


def _pod_of(claim: Object, world: World) -> str | None:
    """Return the pod of a StatefulSet that *claim* is of."""
    name, _, ordinal = str(claim["metadata"]["name"]).rpartition("-")
    racks = [rack["metadata"]["name"] for rack in world.racks_of(label(claim))]
    return next((f"{rack}-{ordinal}" for rack in racks if name.endswith(f"-{rack}")), None)
