"""A cluster is stopped with its data and started again; one that is paused is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.conftest import READY_SECONDS
from e2e.providers.cluster import (
    CLUSTERS,
    Cluster,
    Object,
    condition,
    host_ids,
    is_true,
    know_each_other,
    wait_ready,
)
from e2e.samples import jolokia_secret, single

PAUSED = "cassandraclusters.db.orange.com/paused"


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[str]:
    """Return the name of a cluster of one rack with two nodes, both members; it goes afterwards."""
    name = "sleeper"
    cluster.apply(jolokia_secret(), single(name, nodesPerRacks=2, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    yield name
    cluster.delete(CLUSTERS, name, seconds=240)


def claims(cluster: Cluster, name: str) -> dict[str, str]:
    """Return the uid of each volume of a cluster."""
    found = cluster.of(name, "persistentvolumeclaims")
    return {str(obj["metadata"]["name"]): str(obj["metadata"]["uid"]) for obj in found}


def reason(cluster: Cluster, name: str) -> str:
    """Return the reason of `Progressing`, if it is about the newest spec."""
    obj = cluster.get(CLUSTERS, name)
    found = condition(obj, "Progressing")
    return str(found["reason"]) if found.get("observedGeneration") == obj["metadata"]["generation"] else ""


def test_a_cluster_sleeps_and_wakes(cluster: Cluster, pair: str) -> None:
    """No pod is left, every volume is; the nodes that wake are the ones that went to sleep."""
    volumes, nodes = claims(cluster, pair), host_ids(cluster.get(CLUSTERS, pair))

    cluster.patch(CLUSTERS, pair, {"spec": {"stopped": True}})
    cluster.eventually(lambda: reason(cluster, pair) == "Stopped", seconds=180, what="it is stopped")

    status = cluster.get(CLUSTERS, pair)["status"]
    assert (status["phase"], status["lastClusterAction"]) == ("Stopped", "Stop")
    assert cluster.of(pair, "pods") == []
    assert claims(cluster, pair) == volumes

    cluster.patch(CLUSTERS, pair, {"spec": {"stopped": False}})
    cluster.eventually(lambda: bool(cluster.of(pair, "pods")), seconds=60, what="a first pod")
    cluster.kill_operator()

    def awake() -> bool:
        return reason(cluster, pair) == "Converged" and is_true(cluster.get(CLUSTERS, pair), "Ready")

    cluster.eventually(awake, seconds=READY_SECONDS, what="it serves again")
    assert host_ids(cluster.get(CLUSTERS, pair)) == nodes
    assert claims(cluster, pair) == volumes
    assert know_each_other(cluster, pair, nodes)


def test_a_paused_cluster_is_left_alone(cluster: Cluster, pair: str) -> None:
    """An edit waits, and status says why and since when, until the annotation goes."""
    cluster.patch(CLUSTERS, pair, {"metadata": {"annotations": {PAUSED: "true"}}})

    def paused() -> Object | None:
        obj = cluster.get(CLUSTERS, pair)
        return condition(obj, "Paused") if condition(obj, "Paused")["status"] == "True" else None

    found = cluster.eventually(paused, seconds=60, what="it is paused")
    cluster.patch(CLUSTERS, pair, {"spec": {"maxPodUnavailable": 2}})
    cluster.eventually(lambda: reason(cluster, pair) == "Paused", seconds=60, what="the edit was seen")

    assert cluster.get("poddisruptionbudgets", pair)["spec"]["maxUnavailable"] == 1
    assert paused() == {**found, "observedGeneration": found["observedGeneration"] + 1}

    cluster.patch(CLUSTERS, pair, {"metadata": {"annotations": {PAUSED: None}}})

    def caught_up() -> bool:
        return bool(cluster.get("poddisruptionbudgets", pair)["spec"]["maxUnavailable"] == 2)

    cluster.eventually(caught_up, seconds=60, what="the edit is carried out")
