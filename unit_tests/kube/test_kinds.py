"""What a reader may rely on: where objects are, and what of them is remembered."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.kube import kinds
from controller.kube.kinds import Kind, owner_key
from controller.reconcile import snapshot
from controller.runtime.store import Key

ALL = [value for value in vars(kinds).values() if isinstance(value, Kind)]

METADATA = {
    "name": "cc-dc1-rack1-0",
    "namespace": "prod",
    "uid": "u-1",
    "resourceVersion": "7",
    "generation": 3,
    "labels": {"app": "cassandracluster", "cassandracluster": "cc", "dc-rack": "dc1-rack1"},
    "annotations": {
        "mine": "kept",
        "kubectl.kubernetes.io/last-applied-configuration": "{...}",
        "banzaicloud.com/last-applied": "UEsDB...",
    },
    "ownerReferences": [{"kind": "StatefulSet", "name": "cc-dc1-rack1", "uid": "u-0"}],
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "managedFields": [{"manager": "kubectl"}],
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": METADATA,
    "spec": {
        "nodeName": "node-1",
        "hostname": "cc-dc1-rack1-0",
        "subdomain": "cc",
        "serviceAccountName": "x",
        "initContainers": [{"name": "bootstrap", "image": "boot:1", "env": [{"name": "A", "value": "B"}]}],
        "containers": [
            {"name": "cassandra", "image": "cassandra:5.0", "env": [{"name": "PASSWORD", "value": "hunter2"}]}
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-cc-dc1-rack1-0"}},
            {"name": "tmp", "emptyDir": {}},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "startTime": "2026-01-01T00:00:00Z",
        "hostIP": "10.1.0.1",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes",
                "lastProbeTime": None,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
        "containerStatuses": [
            {
                "name": "cassandra",
                "ready": True,
                "started": True,
                "restartCount": 2,
                "containerID": "containerd://x",
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                "lastState": {
                    "terminated": {"exitCode": 137, "containerID": "containerd://y", "message": "oom"}
                },
            }
        ],
        "initContainerStatuses": [
            {"name": "bootstrap", "ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
        ],
    },
}


@pytest.mark.parametrize(
    ("kind", "place", "path"),
    [
        (kinds.POD, ("prod", "a"), "/api/v1/namespaces/prod/pods/a"),
        (kinds.POD, ("prod", "a", "eviction"), "/api/v1/namespaces/prod/pods/a/eviction"),
        (kinds.POD, ("prod",), "/api/v1/namespaces/prod/pods"),
        (kinds.POD, (), "/api/v1/pods"),
        (kinds.STATEFULSET, ("prod", "a"), "/apis/apps/v1/namespaces/prod/statefulsets/a"),
        (kinds.CASSANDRA_CLUSTER, (None,), "/apis/db.orange.com/v2/cassandraclusters"),
        (
            kinds.CASSANDRA_CLUSTER,
            ("prod", "a", "status"),
            "/apis/db.orange.com/v2/namespaces/prod/cassandraclusters/a/status",
        ),
        (kinds.NODE, ("", "a"), "/api/v1/nodes/a"),
        (kinds.STORAGE_CLASS, ("", "a"), "/apis/storage.k8s.io/v1/storageclasses/a"),
        (kinds.NAMESPACE, ("", "a"), "/api/v1/namespaces/a"),
        (kinds.SECRET, ("a/../b", "c?d#e%"), "/api/v1/namespaces/a%2F..%2Fb/secrets/c%3Fd%23e%25"),
    ],
)
def test_where_objects_are(kind: Kind, place: tuple[Any, ...], path: str) -> None:
    """The path of an object, a collection or a subresource; a name cannot lead out of its place."""
    assert kind.path(*place) == path


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: f"{kind.api_version} {kind.kind}")
def test_every_kind_keeps_what_a_store_and_an_owner_need(kind: Kind) -> None:
    """Name, uid and version are there in every kind, and so is what the object is."""
    kept = kind.transform({"metadata": METADATA})

    assert (kept["apiVersion"], kept["kind"]) == (kind.api_version, kind.kind)
    for key in ("name", "namespace", "uid", "resourceVersion"):
        assert kept["metadata"][key] == METADATA[key]
    assert "managedFields" not in kept["metadata"]


def test_what_is_kept_of_a_pod() -> None:
    """Who it is, where it runs, how its containers are; not its variables, and nothing of the kubelet's."""
    kept = kinds.POD.transform(POD)

    assert kept["metadata"] == {
        key: value
        for key, value in METADATA.items()
        if key not in ("annotations", "managedFields", "generation")
    }
    assert kept["spec"] == {
        "nodeName": "node-1",
        "hostname": "cc-dc1-rack1-0",
        "subdomain": "cc",
        "containers": [{"name": "cassandra", "image": "cassandra:5.0"}],
        "initContainers": [{"name": "bootstrap", "image": "boot:1"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-cc-dc1-rack1-0"}}],
    }
    assert kept["status"] == {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "startTime": "2026-01-01T00:00:00Z",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
        "containerStatuses": [
            {
                "name": "cassandra",
                "ready": True,
                "started": True,
                "restartCount": 2,
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                "lastState": {"terminated": {"exitCode": 137, "message": "oom"}},
            }
        ],
        "initContainerStatuses": [
            {
                "name": "bootstrap",
                "ready": True,
                "restartCount": 0,
                "state": {"terminated": {"exitCode": 0}},
                "lastState": {},
            }
        ],
    }
    assert "hunter2" not in json.dumps(kept)


def test_a_plan_reads_the_same_from_a_pod_that_was_trimmed() -> None:
    """What is left out of a pod is in no decision."""
    assert snapshot.pod(kinds.POD.transform(POD)) == snapshot.pod(POD)


@pytest.mark.parametrize(
    ("status", "spec"), [({}, {}), (None, None), ({"containerStatuses": None}, {"volumes": None})]
)
def test_a_pod_that_is_new_has_little(status: Any, spec: Any) -> None:
    """What a pod does not have yet is empty, and no error."""
    kept = kinds.POD.transform({"metadata": METADATA, "spec": spec, "status": status})

    assert kept["spec"]["containers"] == kept["spec"]["volumes"] == []
    assert kept["status"]["containerStatuses"] == []


def test_a_statefulset_is_kept_whole() -> None:
    """Spec and status are there to be compared; copies of the object in annotations are not."""
    spec = {"replicas": 3, "template": {"spec": {"containers": [{"name": "cassandra"}]}}}
    kept = kinds.STATEFULSET.transform({"metadata": METADATA, "spec": spec, "status": {"replicas": 3}})

    assert kept["spec"] == spec
    assert kept["status"] == {"replicas": 3}
    assert kept["metadata"]["annotations"] == {"mine": "kept"}
    assert kept["metadata"]["generation"] == 3


def test_a_service_is_kept_without_status() -> None:
    """Nobody asks for it."""
    kept = kinds.SERVICE.transform({"metadata": METADATA, "spec": {"a": 1}, "status": {"b": 1}})

    assert kept["spec"] == {"a": 1}
    assert "status" not in kept


def test_no_content_of_a_secret_is_kept() -> None:
    """Only that it is there, and at which version; of one of ours, whose it is."""
    foreign = {**METADATA, "labels": {"app": "other"}}
    for metadata, more in ((foreign, set()), (METADATA, {"labels", "ownerReferences"})):
        kept = kinds.SECRET.transform({"metadata": metadata, "data": {"password": "aHVudGVyMg=="}})

        assert set(kept) == {"apiVersion", "kind", "metadata"}
        assert set(kept["metadata"]) == {"name", "namespace", "uid", "resourceVersion"} | more


def test_content_of_config_maps_is_kept_of_ours_only() -> None:
    """What users put into theirs may be large."""
    foreign = {key: value for key, value in METADATA.items() if key != "labels"}

    assert kinds.CONFIG_MAP.transform({"metadata": METADATA, "data": {"a": "b"}})["data"] == {"a": "b"}
    assert "data" not in kinds.CONFIG_MAP.transform({"metadata": foreign, "data": {"a": "b"}})


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: f"{kind.api_version} {kind.kind}")
def test_what_it_is_made_from_is_left_as_it_was(kind: Kind) -> None:
    """A caller may go on with the object that the server sent."""
    given = copy.deepcopy(POD)

    kind.transform(given)

    assert given == POD


@given(st.dictionaries(st.sampled_from(["app", "cassandracluster", "x"]), st.sampled_from(["", "a", "b"])))
def test_the_label_leads_to_the_owner(labels: dict[str, str]) -> None:
    """The label names the cluster, which is in the object's own namespace; without it there is none."""
    key = owner_key({"metadata": {"name": "x", "namespace": "prod", "labels": labels}})

    name = labels.get("cassandracluster")
    assert key == (Key("prod", name) if name else None)


def test_an_object_without_labels_has_no_owner() -> None:
    """Nobody's object is nobody's."""
    assert owner_key({"metadata": {"name": "x", "namespace": "prod"}}) is None
    assert kinds.OWNED_SELECTOR == "app=cassandracluster"
