"""
Whether a cluster has a NetworkPolicy, decided by what exists.

New clusters have one. Those that CassKop made have clients that nobody knows of, and get none unless
their user asks for it (`spec.access.networkPolicy`).
"""

from __future__ import annotations

from collections.abc import Collection

from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.revision import Revision
from controller.reconcile.snapshot import template_revision
from controller.reconcile.stores import Object


def fenced(
    cluster: CassandraCluster, *, statefulsets: Collection[Object], pods: bool, policy: Object | None
) -> bool:
    """
    Tell whether *cluster* is to have a NetworkPolicy.

    *statefulsets* are those of the cluster, *pods* tells whether it has any, *policy* is its own if there
    is one.
    """
    asked = cluster.spec.access.network_policy if cluster.spec.access else None
    if asked is not None:
        return asked
    if statefulsets:
        return all(template_revision(obj) != Revision.CASSKOP for obj in statefulsets)
    return policy is not None or not pods
