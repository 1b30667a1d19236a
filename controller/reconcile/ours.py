"""
Which of the objects that bear a cluster's name are this very cluster's, and what they tell of its nodes.

Names and labels outlive clusters: of a cluster that was here before under the same name, nothing may be
believed. What belongs to us is told by the uid of its owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.builders.ring import read_ring_configmap
from controller.domain.observed import Pod
from controller.reconcile import snapshot
from controller.reconcile.stores import Object


def by_rack(statefulsets: Iterable[Object], cluster: CassandraCluster) -> dict[str, Object]:
    """Return the StatefulSets of this very cluster by rack; another's of the same name is not ours."""
    found: dict[str, Object] = {}
    for obj in statefulsets:
        rack = (obj["metadata"].get("labels") or {}).get(names.DC_RACK)
        if rack and cluster.metadata.uid in owners(obj):
            found[rack] = obj
    return found


def by_rack_pods(pods: Iterable[Object], live: Mapping[str, Object]) -> dict[str, list[Pod]]:
    """Return the pods by rack, in the order of their ordinals.

    They are those of our StatefulSets, and those of nobody, which a StatefulSet will take over. Others
    of the same names are of a cluster that was here before: nothing may be believed of them.
    """
    uids = {obj["metadata"]["uid"] for obj in live.values()}
    found: dict[str, list[Pod]] = {}
    for obj in pods:
        rack, theirs = obj["metadata"]["labels"].get(names.DC_RACK), owners(obj)
        if rack and (not theirs or theirs & uids):
            found.setdefault(rack, []).append(snapshot.pod(obj))
    return {rack: sorted(each, key=lambda pod: pod.ordinal) for rack, each in found.items()}


def owners(obj: Object) -> frozenset[str]:
    """Return the uids of the owners of *obj*."""
    return frozenset(owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ())


def joined(cluster: CassandraCluster, config_map: Object | None) -> frozenset[str]:
    """Return the pods that are recorded to have ever joined, in the ring's ConfigMap and in status."""
    return recorded(cluster, config_map) | frozenset(cluster.status.cassandra_node_status)


def recorded(cluster: CassandraCluster, config_map: Object | None) -> frozenset[str]:
    """Return the pods that the ring's ConfigMap says have ever joined; none if it is not this cluster's."""
    # A broken ConfigMap is mended by the next write; status knows what it said. One of a deleted cluster
    # of the same name tells of nodes that are not ours: ours would never begin a ring.
    mine = config_map is not None and cluster.metadata.uid in owners(config_map)
    found = read_ring_configmap(config_map) if config_map is not None and mine else None
    return found or frozenset()
