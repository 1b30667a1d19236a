"""
Whatever is wrong with a CassandraCluster, it says which field, why and what to do.

Correcting the field is enough, and another cluster in the namespace goes on meanwhile. Each case has a
cluster of its own with one node.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from typing import Any

import pytest

from e2e import watching
from e2e.kubectl import Kubectl, KubectlError, Object
from e2e.scenarios.samples import jolokia_secret, single, with_dc
from e2e.watching import condition, eventually

# Far more than the operator needs to see an edit, and the scheduler or kubelet to give up on a pod.
SEEN_SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def _secret(kubectl: Kubectl) -> None:
    kubectl.apply(jolokia_secret())


@pytest.fixture
def name(request: pytest.FixtureRequest, kubectl: Kubectl) -> Iterator[str]:
    """A name for one cluster, which is deleted afterwards, volumes too."""
    made = f"bad-{abs(hash(request.node.name)) % 10**6}"
    yield made
    kubectl.run("delete", "cassandracluster", made, "--ignore-not-found", "--timeout=60s", seconds=70)
    kubectl.run("delete", "pvc", "-l", f"cassandracluster={made}", "--wait=false")


def complaint(kubectl: Kubectl, name: str, kind: str, status: str) -> Object:
    """Wait until the condition *kind* has *status* for the newest spec, and return it."""

    def probe() -> Object | None:
        obj = watching.cluster(kubectl, name)
        found = condition(obj, kind)
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        return found if found["status"] == status and current else None

    return eventually(probe, seconds=SEEN_SECONDS, what=f"{kind}={status} of {name}")


def warned(kubectl: Kubectl, name: str, reason: str) -> bool:
    """Wait for a Warning event with *reason* about the cluster."""
    return eventually(
        lambda: any(e["type"] == "Warning" and e["reason"] == reason for e in watching.events(kubectl, name)),
        seconds=SEEN_SECONDS,
        what=f"an event {reason} about {name}",
    )


def started(kubectl: Kubectl, name: str) -> Object:
    """Wait until the cluster's first pod was given to a node: everything before Cassandra is right."""

    def probe() -> Object | None:
        found = [p for p in watching.pods(kubectl, name) if p["spec"].get("nodeName")]
        return found[0] if found else None

    return eventually(probe, seconds=SEEN_SECONDS, what=f"a pod of {name} on a node")


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
def test_a_wrong_value_is_refused_by_its_path(case: str, name: str, kubectl: Kubectl) -> None:
    """Nothing is made of such a spec; SpecAccepted and an event name the field, and an edit is enough."""
    spec, path = STATIC[case]
    kubectl.apply(single(name, **spec))

    refused = complaint(kubectl, name, "SpecAccepted", "False")

    assert path in refused["message"]
    assert warned(kubectl, name, "InvalidSpec")
    assert not kubectl.get("statefulsets", "-l", f"cassandracluster={name}")["items"]

    kubectl.run("replace", "-f", "-", given=json.dumps(single(name)))
    complaint(kubectl, name, "SpecAccepted", "True")
    assert started(kubectl, name)


def test_a_dash_is_refused_by_the_api_server(name: str, kubectl: Kubectl) -> None:
    """What the CRD's schema can tell, `kubectl apply` says at once, with the path."""
    dashed = with_dc(single(name), name="dc-1")

    with pytest.raises(KubectlError, match=r"spec\.topology\.dc\[0\]\.name"):
        kubectl.apply(dashed)


def test_an_unknown_storage_class(name: str, kubectl: Kubectl) -> None:
    """No StatefulSet is made with a class that it could never change; a correction goes through."""
    kubectl.apply(single(name, dataStorageClass="no-such-class"))

    found = complaint(kubectl, name, "Degraded", "True")

    assert found["reason"] == "StorageClassMissing"
    assert "spec.dataStorageClass" in found["message"]
    assert "no-such-class" in found["message"]
    assert warned(kubectl, name, "StorageClassMissing")
    assert not kubectl.get("statefulsets", "-l", f"cassandracluster={name}")["items"]

    kubectl.patch("cassandracluster", name, {"spec": {"dataStorageClass": "standard"}})
    assert started(kubectl, name)


def test_a_missing_then_incomplete_secret(name: str, kubectl: Kubectl) -> None:
    """The Secret is named with what it lacks; making it whole is noticed by itself."""
    secret = f"{name}-login"
    kubectl.apply(single(name, imageJolokiaSecret={"name": secret}))
    missing = complaint(kubectl, name, "Degraded", "True")
    assert missing["reason"] == "SecretMissing"
    assert "spec.imageJolokiaSecret.name" in missing["message"]
    assert secret in missing["message"]

    kubectl.apply(jolokia_secret(secret, username="someone"))
    eventually(
        lambda: condition(watching.cluster(kubectl, name), "Degraded")["reason"] == "SecretIncomplete",
        seconds=SEEN_SECONDS,
        what="SecretIncomplete",
    )
    assert "password" in condition(watching.cluster(kubectl, name), "Degraded")["message"]

    kubectl.apply(jolokia_secret(secret, username="someone", password="a-password"))
    assert started(kubectl, name)


def test_a_wrong_image_then_the_right_one(name: str, kubectl: Kubectl) -> None:
    """A pod that cannot be pulled is named, and is made again as soon as the image is corrected."""
    kubectl.apply(single(name, cassandraImage="cassandra:no-such-tag"))

    found = complaint(kubectl, name, "Degraded", "True")

    assert found["reason"] == "ImageCannotBePulled"
    assert "spec.cassandraImage" in found["message"]
    assert warned(kubectl, name, "ImageCannotBePulled")

    kubectl.patch("cassandracluster", name, {"spec": {"cassandraImage": "cassandra:5.0"}})
    eventually(lambda: watching.is_true(kubectl, name, "Ready"), seconds=180, what=f"{name} is Ready")


def test_a_zone_that_no_node_has_beside_a_cluster_that_goes_on(name: str, kubectl: Kubectl) -> None:
    """The rack's labels are named; the pod is made again when they are corrected.

    Meanwhile another cluster in the namespace is created as if nothing were wrong.
    """
    nowhere = [{"name": "rack1", "labels": {"topology.kubernetes.io/zone": "zone-nowhere"}}]
    kubectl.apply(with_dc(single(name), rack=nowhere))
    found = complaint(kubectl, name, "Degraded", "True")
    assert found["reason"] == "PodUnschedulable"
    assert "spec.topology.dc[0].rack[0].labels" in found["message"]

    other = f"{name}-other"
    kubectl.apply(single(other))
    try:
        eventually(lambda: watching.is_true(kubectl, other, "Ready"), seconds=180, what=f"{other} is Ready")
    finally:
        kubectl.run("delete", "cassandracluster", other, "--timeout=60s", seconds=70)

    kubectl.apply(with_dc(single(name), rack=[{"name": "rack1"}]))
    assert started(kubectl, name)
