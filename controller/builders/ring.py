"""
The ConfigMap that remembers which pods have ever been part of the ring.

`bootstrap` reads it before the first start of a node: a pod that has joined once must never begin a ring
of its own, even when it reaches no seed and its volume is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from typing import Any

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.jsonvalues import JsonMap
from controller.builders.hashing import stamped

KEY = "joined"
# By pod, the address of the dead node whose place it takes, if its disk is empty; absent if nobody's.
REPLACES = "replaces"


def build_ring_configmap(
    cluster: CassandraCluster, joined: Iterable[str], replaces: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the ConfigMap; its key `joined` holds the names of *joined* pods as a JSON list, sorted.

    *replaces* are the addresses of dead nodes by the pods that are to take their places.
    """
    configmap = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names.ring_configmap(cluster.name),
            "namespace": cluster.namespace,
            "labels": names.cluster_labels(cluster.name, cluster.metadata.labels),
            "ownerReferences": [names.owner_reference(cluster)],
        },
        "data": {
            KEY: json.dumps(sorted(set(joined))),
            **({REPLACES: json.dumps(dict(replaces), sort_keys=True)} if replaces else {}),
        },
    }
    return stamped(configmap)


def read_ring_configmap(configmap: JsonMap) -> frozenset[str] | None:
    """Return the pods that have joined; None if the content is not what `build_ring_configmap` writes.

    None must be taken for "not known", never for "none".
    """
    try:
        joined = json.loads(configmap["data"][KEY])
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(joined, list) or not all(isinstance(pod, str) for pod in joined):
        return None
    return frozenset(joined)
