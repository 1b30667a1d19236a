"""Volumes grow under nodes that run on; what storage cannot do is refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.conftest import READY_SECONDS
from e2e.providers.cluster import CLUSTERS, Cluster, Object, at_rest, condition, wait_ready
from e2e.samples import jolokia_secret, single

RACK = "dc1-rack1"


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[str]:
    """Return the name of a cluster of one rack with two nodes on volumes of 1Gi; it goes afterwards."""
    name = "roomy"
    cluster.apply(jolokia_secret(), single(name, nodesPerRacks=2, dataCapacity="1Gi", deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    yield name
    cluster.delete(CLUSTERS, name, seconds=240)


def uids(cluster: Cluster, name: str, kind: str) -> dict[str, str]:
    """Return the uid of each object of a cluster by its name."""
    return {str(obj["metadata"]["name"]): str(obj["metadata"]["uid"]) for obj in cluster.of(name, kind)}


def restarts(cluster: Cluster, name: str) -> list[int]:
    """Return how often each node's Cassandra was restarted in its pod."""
    statuses = [pod["status"]["containerStatuses"] for pod in cluster.of(name, "pods")]
    return [int(s["restartCount"]) for each in statuses for s in each if s["name"] == "cassandra"]


def sizes(cluster: Cluster, name: str) -> set[str]:
    """Return which sizes the volumes of a cluster have."""
    return {str(c["status"]["capacity"]["storage"]) for c in cluster.of(name, "persistentvolumeclaims")}


def template(statefulset: Object) -> str:
    """Return the size that new pods' volumes get."""
    (claim,) = statefulset["spec"]["volumeClaimTemplates"]
    return str(claim["spec"]["resources"]["requests"]["storage"])


def converged(cluster: Cluster, name: str) -> bool:
    """Tell whether the newest spec is carried out, and all nodes serve."""
    return at_rest(cluster.get(CLUSTERS, name))


def test_volumes_grow_while_their_nodes_run(cluster: Cluster, pair: str) -> None:
    """No pod is restarted, although the StatefulSet becomes another one and the operator dies meanwhile."""
    pods, sets = uids(cluster, pair, "pods"), uids(cluster, pair, "statefulsets")
    had = restarts(cluster, pair)

    def asked() -> bool:
        claims = cluster.of(pair, "persistentvolumeclaims")
        return "2Gi" in {c["spec"]["resources"]["requests"]["storage"] for c in claims}

    def another() -> Object | None:
        found = cluster.of(pair, "statefulsets")
        return found[0] if found and uids(cluster, pair, "statefulsets") != sets else None

    cluster.patch(CLUSTERS, pair, {"spec": {"dataCapacity": "2Gi"}})
    cluster.eventually(asked, seconds=60, what="a first volume is asked to grow")
    cluster.kill_operator()
    cluster.eventually(another, seconds=180, what="another StatefulSet")
    cluster.kill_operator()
    cluster.eventually(lambda: converged(cluster, pair), seconds=180, what="the cluster has grown")

    assert sizes(cluster, pair) == {"2Gi"}
    assert uids(cluster, pair, "pods") == pods
    assert restarts(cluster, pair) == had
    (after,) = cluster.of(pair, "statefulsets")
    assert template(after) == "2Gi"
    for pod in cluster.of(pair, "pods"):
        assert [owner["uid"] for owner in pod["metadata"]["ownerReferences"]] == [after["metadata"]["uid"]]
        assert pod["metadata"]["labels"]["controller-revision-hash"] == after["status"]["updateRevision"]
    status = cluster.get(CLUSTERS, pair)["status"]
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("StorageUpsize", "Done")
    assert "statefulSetSnapshotBeforeStorageResize" not in status["cassandraRackStatus"][RACK]

    cluster.patch(CLUSTERS, pair, {"spec": {"dataCapacity": "1Gi"}})

    def refused() -> Object | None:
        found = condition(cluster.get(CLUSTERS, pair), "SpecAccepted")
        return found if found["status"] == "False" else None

    found = cluster.eventually(refused, seconds=60, what="shrinking is refused")
    assert "volumes cannot shrink" in found["message"]
    assert sizes(cluster, pair) == {"2Gi"}


def test_a_class_whose_volumes_never_grow(cluster: Cluster) -> None:
    """Its name and the field stand in the condition; nothing is taken apart, the old size is a way back."""
    name = "rigid"
    cluster.apply(
        jolokia_secret(), single(name, dataCapacity="1Gi", dataStorageClass="fixed", deletePVC=True)
    )
    wait_ready(cluster, name, seconds=READY_SECONDS)
    before = uids(cluster, name, "statefulsets"), uids(cluster, name, "pods")

    cluster.patch(CLUSTERS, name, {"spec": {"dataCapacity": "2Gi"}})

    def refused() -> Object | None:
        found = condition(cluster.get(CLUSTERS, name), "Progressing")
        return found if found["reason"] == "StorageCannotGrow" else None

    found = cluster.eventually(refused, seconds=60, what="growth is refused")
    assert "spec.dataCapacity" in found["message"]
    assert "storage class fixed does not allow it" in found["message"]

    cluster.patch(CLUSTERS, name, {"spec": {"dataCapacity": "1Gi"}})
    cluster.eventually(lambda: converged(cluster, name), seconds=60, what="all is well again")
    assert (uids(cluster, name, "statefulsets"), uids(cluster, name, "pods")) == before
    cluster.delete(CLUSTERS, name, seconds=240)
