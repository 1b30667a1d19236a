"""The two headless Services: one gives pods their host names, one leads Prometheus to the exporters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.revision import Revision
from controller.builders.hashing import stamped

_CQL = 9042
_METRICS = 9500


def build_services(
    cluster: CassandraCluster, *, revision: int, carried: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the headless Service and the metrics Service; *carried* as in `pod_selector`.

    Raises ValueError for an unknown revision.
    """
    selector = pod_selector(cluster, revision=revision, carried=carried)
    policy = cluster.spec.service
    headless = _service(
        cluster, names.headless_service(cluster.name), ("cql", _CQL), selector=selector, labels={}
    )
    # Nodes must find each other before they are ready.
    headless["spec"]["publishNotReadyAddresses"] = True
    if policy and policy.annotations:
        headless["metadata"]["annotations"] = dict(policy.annotations)
    metrics = _service(
        cluster,
        names.metrics_service(cluster.name),
        ("promjmx", _METRICS),
        selector=selector,
        labels={names.K8S_APP: names.K8S_APP_METRICS},
    )
    return stamped(headless), stamped(metrics)


def _service(
    cluster: CassandraCluster,
    name: str,
    port: tuple[str, int],
    *,
    selector: Mapping[str, str],
    labels: Mapping[str, str],
) -> dict[str, Any]:
    port_name, number = port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": cluster.namespace,
            "labels": {**names.cluster_labels(cluster.name, cluster.metadata.labels), **labels},
            "ownerReferences": [names.owner_reference(cluster)],
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "ports": [{"name": port_name, "port": number, "protocol": "TCP"}],
            "selector": dict(selector),
        },
    }


def pod_selector(
    cluster: CassandraCluster, *, revision: int, carried: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the labels by which shared objects select the cluster's pods.

    CassKop's selectors hold the CassandraCluster's own labels too, so that a new label there makes them
    select nothing. Ours do not, and those of its clusters hold what its pods *carried* from the start; None
    if that is what the CassandraCluster has.
    """
    if Revision(revision) is not Revision.CASSKOP:
        return names.cluster_labels(cluster.name)
    return names.cluster_labels(cluster.name, cluster.metadata.labels if carried is None else carried)
