"""
What must be true of nodes that leave: each a small pure function, as in `invariants`.

Whether a node is out of the ring is the word of those that are in it. A node that never got in, or one
that was removed by hand, is out as well; one of which nobody can tell is not.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from typing import Final

from controller.builders.places import places as places_of
from e2e.sweep import world as places
from e2e.sweep.world import Object, RingNode, World, Write, label, size

_LEAVING: Final = "LEAVING"


def racks_shrink_by_a_node_that_left(write: Write, world: World) -> str | None:
    """I1: a StatefulSet gets smaller by one, whose node is a member to nobody and has no data of its own.

    A cluster that is to be stopped loses its pods, and no place.

    One that has left, and one that never joined, has none; one that does not run is only looked for among
    the members: then nobody may count anybody of whom no process is seen.
    """
    if write.place != places.STATEFULSETS or write.before is None:
        return None
    old, new = places_of(write.before), places_of(write.after)
    if size(write.after) < size(write.before) and new == old:
        spec = world.clusters.get(label(write.after), {}).get("spec") or {}
        return None if spec.get("stopped") is True else f"the pods of {write.name} were taken away"
    if new >= old:
        return None
    if new != old - 1:
        return f"{write.name} went from {old} to {new} nodes"
    pod = f"{write.name}-{new}"
    nodes = world.nodes_of(label(write.after))
    last = next((node for node in nodes if node.pod == pod), None)
    if last is None:
        still = next(counted_on(pod, label(write.after), world), None)
        return None if still is None else f"{pod} was removed, does not run, and {still}"
    if not last.fresh:
        return f"{write.name} went from {old} to {new} nodes, and the last one was {last.mode}"
    knowing = [node.pod for node in nodes if node is not last and last.address in node.knows]
    return f"{pod} was removed, and {knowing[0]} still counts it a member" if knowing else None


def members_are_never_forgotten(write: Write, world: World) -> str | None:
    """I4: the record of who ever joined loses no node but one that has left, with its place and volumes.

    Or one of which status says that it is removed, and that nobody counts on any more.

    By the record a node knows that it must not begin a ring.
    """
    if write.place != places.CONFIG_MAPS or write.before is None:
        return None
    cluster = label(write.after)
    removed = _removed(world, cluster)
    places_of_pods = {
        f"{rack['metadata']['name']}-{i}" for rack in world.racks_of(cluster) for i in range(places_of(rack))
    }
    for pod in sorted(_recorded(write.before) - _recorded(write.after)):
        still = next(counted_on(pod, cluster, world), None)
        if pod in removed and still is None:
            continue
        if pod in places_of_pods or pod in world.pods:
            return f"the record forgot {pod}, which has a place"
        if any(name.endswith(f"-{pod}") for name in world.claims):
            return f"the record forgot {pod}, whose volume is there"
        if still is not None:
            return f"the record forgot {pod}, and {still}"
    return None


def leaving_is_noted_before(before: World, after: World) -> str | None:
    """I3: that a node leaves stands in status before it begins: an operator that starts anew goes by that."""
    was = {node.address: node.mode for node in before.nodes}
    for node in after.nodes:
        if node.mode != _LEAVING or was.get(node.address) in (None, _LEAVING):
            continue
        cluster = before.clusters.get(node.cluster)
        if cluster is None or node.pod not in _noted(cluster):
            return f"{node.pod} leaves, and status does not say so"
    return None


def _noted(cluster: Object) -> set[str]:
    """Return the pods that status names as being decommissioned."""
    racks = ((cluster.get("status") or {}).get("cassandraRackStatus") or {}).values()
    operations = [rack.get("podLastOperation") or {} for rack in racks]
    return {
        pod
        for operation in operations
        if operation.get("name") == "decommission" and operation.get("status") == "Ongoing"
        for pod in operation.get("pods") or ()
    }


def _removed(world: World, cluster: str) -> set[str]:
    """Return the pods whose node status says is removed from the ring, or whose place is emptied for that."""
    status = (world.clusters.get(cluster) or {}).get("status") or {}
    removal = status.get("nodeRemoval") or {}
    nodes = (status.get("cassandraNodeStatus") or {}).items()
    named = {pod for pod, node in nodes if removal and node.get("hostId") == removal.get("hostId")}
    return named | set(removal.get("place") or ())


def _recorded(config_map: Object) -> set[str]:
    """Return who has ever joined, by the ring's ConfigMap."""
    return set(json.loads((config_map.get("data") or {}).get("joined") or "[]"))


def counted_on(pod: str, cluster: str, world: World) -> Iterator[str]:
    """Yield who counts a member that no process is seen of: it may be that of *pod*.

    Not one whose disk another pod has: it runs at another address by now, or will.
    """
    seen = {node.address for node in world.nodes} | {
        str((other.get("status") or {}).get("podIP")) for name, other in world.pods.items() if name != pod
    }
    others = {host_id for claim, host_id in world.disks.items() if not claim.endswith(f"-{pod}")}
    for node in _members(world.nodes_of(cluster)):
        moved = {address for address, host_id in node.host_ids.items() if host_id in others}
        unseen = sorted(node.knows - seen - moved)
        if unseen:
            yield f"{node.pod} counts on {unseen[0]}"


def _members(nodes: tuple[RingNode, ...]) -> tuple[RingNode, ...]:
    return tuple(node for node in nodes if node.mode == "NORMAL")
