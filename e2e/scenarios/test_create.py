"""A CassandraCluster becomes a ring, whatever happens to the operator meanwhile."""

from __future__ import annotations

import itertools
import json

import pytest

from e2e.conftest import STORY
from e2e.providers.cluster import (
    CLUSTERS,
    Cluster,
    MissingError,
    Object,
    condition,
    host_ids,
    is_true,
    know_each_other,
    wait_ready,
)
from e2e.samples import jolokia_secret, single

ZONE = "topology.kubernetes.io/zone"


def test_every_node_sees_one_ring(story: Object, cluster: Cluster) -> None:
    """Three nodes, one per zone, each NORMAL and each knowing the same three members."""
    found = cluster.views(STORY)

    assert len(found) == 3
    assert know_each_other(cluster, STORY, host_ids(story))
    for view in found.values():
        assert view["mode"] == "NORMAL"
        assert not view["joining"]
        assert not view["unreachable"]
    nodes = [cluster.get("nodes", pod["spec"]["nodeName"]) for pod in cluster.of(STORY, "pods")]
    assert len({node["metadata"]["labels"][ZONE] for node in nodes}) == 3


def test_nodes_joined_one_after_the_other(story: Object, cluster: Cluster) -> None:
    """No pod was made before the one before it was ready, and none was restarted, killed operator or not."""
    pods = sorted(cluster.of(STORY, "pods"), key=lambda p: str(p["metadata"]["creationTimestamp"]))

    for before, after in itertools.pairwise(pods):
        ready = next(c for c in before["status"]["conditions"] if c["type"] == "Ready")
        assert ready["lastTransitionTime"] <= after["metadata"]["creationTimestamp"]
    assert all(s["restartCount"] == 0 for pod in pods for s in pod["status"]["containerStatuses"])


def test_status_is_casskops_and_says_more(story: Object) -> None:
    """Fields that CassKop's users read are as they know them; conditions say the rest."""
    status = story["status"]

    assert (status["phase"], status["lastClusterAction"], status["lastClusterActionStatus"]) == (
        "Running",
        "Initializing",
        "Done",
    )
    assert set(status["cassandraRackStatus"]) == {"dc1-rack1", "dc1-rack2", "dc1-rack3"}
    for rack in status["cassandraRackStatus"].values():
        assert rack["phase"] == "Running"
        action = rack["cassandraLastAction"]
        assert (action["name"], action["status"]) == ("Initializing", "Done")
        assert action["startTime"] <= action["endTime"]
    assert [seed.split(".")[0] for seed in status["seedlist"]] == [
        f"{STORY}-dc1-rack{i}-0" for i in (1, 2, 3)
    ]
    wanted = {"Ready": "True", "Progressing": "False", "Degraded": "False", "SpecAccepted": "True"}
    assert {kind: condition(story, kind)["status"] for kind in wanted} == wanted
    assert status["observedGeneration"] == story["metadata"]["generation"]


def test_the_spec_was_not_written(story: Object) -> None:
    """The operator owns status and its annotation, and nothing of the spec."""
    assert story["metadata"]["generation"] == 1
    owners = {
        entry["manager"]: entry["fieldsV1"]
        for entry in story["metadata"]["managedFields"]
        if entry["manager"].startswith("casskop")
    }
    assert owners
    assert all("f:spec" not in fields for fields in owners.values())


def test_each_action_is_an_event_with_its_reason(story: Object, cluster: Cluster) -> None:
    """The events tell the story in words; none of them tells the same thing twice."""
    told = [str(event.get("message") or event.get("note")) for event in cluster.events(STORY)]

    for rack in ("dc1-rack1", "dc1-rack2", "dc1-rack3"):
        assert len([text for text in told if f"rack {rack} gets its first node" in text]) == 1
    assert any("3 of 3 nodes are members of the ring and serve" in text for text in told)


def test_objects_around_the_racks(story: Object, cluster: Cluster) -> None:
    """Services, disruption budget, volumes and the ring's ConfigMap exist under CassKop's names."""
    headless = cluster.get("services", STORY)["spec"]
    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"]
    assert cluster.get("services", f"{STORY}-exporter-jmx")["spec"]["ports"][0]["port"] == 9500
    budget = cluster.get("poddisruptionbudgets", STORY)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["status"]["disruptionsAllowed"] == 1
    claims = cluster.of(STORY, "persistentvolumeclaims")
    assert {c["metadata"]["name"] for c in claims} == {f"data-{STORY}-dc1-rack{i}-0" for i in (1, 2, 3)}
    assert all(c["status"]["phase"] == "Bound" for c in claims)
    joined = json.loads(cluster.get("configmaps", f"{STORY}-ring")["data"]["joined"])
    assert joined == [f"{STORY}-dc1-rack{i}-0" for i in (1, 2, 3)]


def test_a_pod_that_is_deleted_comes_back_as_the_same_node(cluster: Cluster) -> None:
    """A restarted node keeps its host id, and the cluster is Ready again by itself."""
    cluster.apply(jolokia_secret(), single("restarted"))
    before = wait_ready(cluster, "restarted", seconds=180)["status"]["cassandraNodeStatus"]
    (pod,) = cluster.of("restarted", "pods")
    cluster.delete("pods", pod["metadata"]["name"])

    def again() -> Object | None:
        pods = cluster.of("restarted", "pods")
        new = pods and pods[0]["metadata"]["uid"] != pod["metadata"]["uid"]
        obj = cluster.get(CLUSTERS, "restarted")
        return obj if new and is_true(obj, "Ready") and obj["status"]["readyNodes"] == 1 else None

    after = cluster.eventually(again, seconds=180, what="Ready again")["status"]["cassandraNodeStatus"]
    assert {p: n["hostId"] for p, n in after.items()} == {p: n["hostId"] for p, n in before.items()}
    cluster.delete(CLUSTERS, "restarted")


def test_deleting_the_cluster_leaves_its_volumes(cluster: Cluster) -> None:
    """Its objects go with it; data stays unless somebody asks otherwise."""
    cluster.apply(jolokia_secret(), single("deleted"))
    cluster.eventually(lambda: cluster.of("deleted", "pods"), seconds=60, what="a pod")
    cluster.delete(CLUSTERS, "deleted")
    cluster.eventually(lambda: not cluster.of("deleted", "pods"), seconds=120, what="the pods are gone")

    with pytest.raises(MissingError):
        cluster.get("services", "deleted")
    (claim,) = cluster.of("deleted", "persistentvolumeclaims")
    cluster.delete("persistentvolumeclaims", claim["metadata"]["name"])
