"""
What must be true of dead nodes that are removed from the ring by their peers: pure functions, as in
`invariants`.

Status has to tell of it before a node is asked, and nothing of the dead node's goes before nobody counts on
it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e2e.sweep.leaving_rules import counted_on
from e2e.sweep.world import World


def not_removed(pod: str, cluster: str, world: World) -> str | None:
    """Return why the node that *pod* was is not known to be removed from the ring; None if it is."""
    if pod not in (_noted(cluster, world).get("place") or {}):
        return f"status does not say that {pod} is removed"
    return next(counted_on(pod, cluster, world), None)


def removal_is_noted_before(before: World, after: World) -> str | None:
    """I3: that a node is removed, and which one, stands in status before a peer is asked for it."""
    was = {node.address: node.removes for node in before.nodes}
    for node in after.nodes:
        if node.removes is None or was.get(node.address) == node.removes:
            continue
        if node.removes != _noted(node.cluster, before).get("hostId"):
            return f"{node.pod} removes {node.removes}, and status does not say so"
    return None


def _noted(cluster: str, world: World) -> Mapping[str, Any]:
    status = (world.clusters.get(cluster) or {}).get("status") or {}
    return status.get("nodeRemoval") or {}
