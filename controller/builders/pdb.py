"""The PodDisruptionBudget: how many Cassandra nodes may be down by choice at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.defaults import with_defaults
from controller.builders.hashing import stamped
from controller.builders.service import pod_selector


def build_pdb(
    cluster: CassandraCluster, *, revision: int, carried: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the budget for all racks together. It is changed in place, never deleted to be made anew.

    *carried* is as in `pod_selector`.
    Raises ValueError for an unknown revision.
    """
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": names.disruption_budget(cluster.name),
            "namespace": cluster.namespace,
            "labels": names.cluster_labels(cluster.name, cluster.metadata.labels),
            "ownerReferences": [names.owner_reference(cluster)],
        },
        "spec": {
            "maxUnavailable": with_defaults(cluster, revision=revision).spec.max_pod_unavailable,
            "selector": {"matchLabels": pod_selector(cluster, revision=revision, carried=carried)},
        },
    }
    return stamped(budget)
