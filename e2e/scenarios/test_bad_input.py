"""
Whatever is wrong with a CassandraCluster, it says which field, why and what to do.

Correcting the field is enough, and another cluster in the namespace goes on meanwhile. Each case has a
cluster of its own with one node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
import zlib

import pytest

from e2e.providers.cluster import CLUSTERS, Cluster, Object, RefusedError, condition, wait_ready
from e2e.samples import NO_SUCH_IMAGE, jolokia_secret, single, with_dc

# Far more than the operator needs to see an edit, and the scheduler or kubelet to give up on a pod.
SEEN_SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def _secret(cluster: Cluster) -> None:
    cluster.apply(jolokia_secret())


@pytest.fixture
def name(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """A name for one cluster, which is deleted afterwards, volumes too."""
    made = f"bad-{zlib.crc32(request.node.name.encode())}"
    yield made
    cluster.delete(CLUSTERS, made)
    cluster.eventually(lambda: not cluster.of(made, "pods"), seconds=60, what="the pods are gone")
    for claim in cluster.of(made, "persistentvolumeclaims"):
        cluster.delete("persistentvolumeclaims", claim["metadata"]["name"])


def complaint(cluster: Cluster, name: str, kind: str, status: str) -> Object:
    """Wait until the condition *kind* has *status* for the newest spec, and return it."""

    def probe() -> Object | None:
        obj = cluster.get(CLUSTERS, name)
        found = condition(obj, kind)
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        return found if found["status"] == status and current else None

    return cluster.eventually(probe, seconds=SEEN_SECONDS, what=f"{kind}={status} of {name}")


def warned(cluster: Cluster, name: str, reason: str) -> bool:
    """Wait for a Warning event with *reason* about the cluster."""
    return cluster.eventually(
        lambda: any(e["type"] == "Warning" and e["reason"] == reason for e in cluster.events(name)),
        seconds=SEEN_SECONDS,
        what=f"an event {reason} about {name}",
    )


def started(cluster: Cluster, name: str) -> Object:
    """Wait until the cluster's first pod was given to a node: everything before Cassandra is right."""

    def probe() -> Object | None:
        found = [p for p in cluster.of(name, "pods") if p["spec"].get("nodeName")]
        return found[0] if found else None

    return cluster.eventually(probe, seconds=SEEN_SECONDS, what=f"a pod of {name} on a node")


STATIC: dict[str, tuple[dict[str, Any], str]] = {
    "capital": ({"topology": {"dc": [{"name": "DC1", "rack": [{"name": "rack1"}]}]}}, "dc[0].name"),
    "twice": (
        {"topology": {"dc": [{"name": "dc1", "rack": [{"name": "r"}, {"name": "r"}]}]}},
        "spec.topology.dc[0].rack[1].name",
    ),
    "negative": ({"nodesPerRacks": -1}, "spec.nodesPerRacks"),
    "capacity": ({"dataCapacity": "1.2.3Gi"}, "spec.dataCapacity"),
}


@pytest.mark.parametrize("case", sorted(STATIC))
def test_a_wrong_value_is_refused_by_its_path(case: str, name: str, cluster: Cluster) -> None:
    """Nothing is made of such a spec; SpecAccepted and an event name the field, and an edit is enough."""
    spec, path = STATIC[case]
    cluster.apply(single(name, **spec))

    refused = complaint(cluster, name, "SpecAccepted", "False")

    assert path in refused["message"]
    assert warned(cluster, name, "InvalidSpec")
    assert not cluster.of(name, "statefulsets")

    cluster.apply(single(name))
    complaint(cluster, name, "SpecAccepted", "True")
    assert started(cluster, name)


def test_a_dash_is_refused_by_the_api_server(name: str, cluster: Cluster) -> None:
    """What the CRD's schema can tell, `kubectl apply` says at once, with the path."""
    dashed = with_dc(single(name), name="dc-1")

    with pytest.raises(RefusedError, match=r"spec\.topology\.dc\[0\]\.name"):
        cluster.apply(dashed)


def test_an_unknown_storage_class(name: str, cluster: Cluster) -> None:
    """No StatefulSet is made with a class that it could never change; a correction goes through."""
    cluster.apply(single(name, dataStorageClass="no-such-class"))

    found = complaint(cluster, name, "Degraded", "True")

    assert found["reason"] == "StorageClassMissing"
    assert "spec.dataStorageClass" in found["message"]
    assert "no-such-class" in found["message"]
    assert warned(cluster, name, "StorageClassMissing")
    assert not cluster.of(name, "statefulsets")

    cluster.patch(CLUSTERS, name, {"spec": {"dataStorageClass": "standard"}})
    assert started(cluster, name)


def test_a_missing_then_incomplete_secret(name: str, cluster: Cluster) -> None:
    """The Secret is named with what it lacks; making it whole is noticed by itself."""
    secret = f"{name}-login"
    cluster.apply(single(name, imageJolokiaSecret={"name": secret}))
    missing = complaint(cluster, name, "Degraded", "True")
    assert missing["reason"] == "SecretMissing"
    assert "spec.imageJolokiaSecret.name" in missing["message"]
    assert secret in missing["message"]

    cluster.apply(jolokia_secret(secret, username="someone"))
    cluster.eventually(
        lambda: condition(cluster.get(CLUSTERS, name), "Degraded")["reason"] == "SecretIncomplete",
        seconds=SEEN_SECONDS,
        what="SecretIncomplete",
    )
    assert "password" in condition(cluster.get(CLUSTERS, name), "Degraded")["message"]

    cluster.apply(jolokia_secret(secret, username="someone", password="a-password"))
    assert started(cluster, name)


def test_a_wrong_image_then_the_right_one(name: str, cluster: Cluster) -> None:
    """A pod that cannot be pulled is named, and is made again as soon as the image is corrected."""
    cluster.apply(single(name, cassandraImage=NO_SUCH_IMAGE))

    found = complaint(cluster, name, "Degraded", "True")

    assert found["reason"] == "ImageCannotBePulled"
    assert "spec.cassandraImage" in found["message"]
    assert warned(cluster, name, "ImageCannotBePulled")

    cluster.patch(CLUSTERS, name, {"spec": {"cassandraImage": "cassandra:5.0"}})
    wait_ready(cluster, name, seconds=180)


def test_a_zone_that_no_node_has_beside_a_cluster_that_goes_on(name: str, cluster: Cluster) -> None:
    """The rack's labels are named; the pod is made again when they are corrected.

    Meanwhile another cluster in the namespace is created as if nothing were wrong.
    """
    nowhere = [{"name": "rack1", "labels": {"topology.kubernetes.io/zone": "zone-nowhere"}}]
    cluster.apply(with_dc(single(name), rack=nowhere))
    found = complaint(cluster, name, "Degraded", "True")
    assert found["reason"] == "PodUnschedulable"
    assert "spec.topology.dc[0].rack[0].labels" in found["message"]

    other = f"{name}-other"
    cluster.apply(single(other))
    wait_ready(cluster, other, seconds=180)
    cluster.delete(CLUSTERS, other)

    cluster.apply(with_dc(single(name), rack=[{"name": "rack1"}]))
    assert started(cluster, name)
