"""Where a rack's pods may run: on nodes with the rack's labels, away from each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.api.v2 import effective, names
from controller.builders.context import Context

_HOST = "kubernetes.io/hostname"
_WEIGHT = 100


def pod_affinity(context: Context) -> dict[str, Any]:
    """Return the affinity of a rack's pods.

    The pods to keep away from are all of the cluster, whatever rack. In revision 1 they are found by our
    own labels alone, so that racks made at different times still see each other.
    """
    cluster = context.cluster
    user = None if context.hardened else names.user_labels(context.selector_labels)
    others = {
        "labelSelector": {"matchLabels": names.cluster_labels(cluster.name, user)},
        "topologyKey": _HOST,
    }
    if cluster.spec.hard_anti_affinity:
        apart: dict[str, Any] = {"requiredDuringSchedulingIgnoredDuringExecution": [others]}
    else:
        preferred = {"podAffinityTerm": others, "weight": _WEIGHT}
        apart = {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}
    labels = effective.node_labels(context.dc, context.rack)
    return {"nodeAffinity": _node_affinity(labels), "podAntiAffinity": apart}


def _node_affinity(labels: Mapping[str, str]) -> dict[str, Any]:
    if not labels:
        return {}
    terms = [{"key": key, "operator": "In", "values": [value]} for key, value in sorted(labels.items())]
    return {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": terms}]}
    }
