"""A cluster grows and shrinks, and nothing of a node that left stays behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.conftest import READY_SECONDS
from e2e.providers.cluster import (
    CLUSTERS,
    Cluster,
    Object,
    at_rest,
    condition,
    host_ids,
    know_each_other,
    wait_ready,
)
from e2e.samples import jolokia_secret, single

RACK = "dc1-rack1"


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[str]:
    """Return the name of a cluster of one rack with two nodes, both members; it goes afterwards."""
    name = "pair"
    cluster.apply(jolokia_secret(), single(name, nodesPerRacks=2, autoUpdateSeedList=False, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    yield name
    cluster.delete(CLUSTERS, name, seconds=240)


def names(cluster: Cluster, name: str, kind: str) -> list[str]:
    """Return the names of what belongs to a cluster."""
    return [str(obj["metadata"]["name"]) for obj in cluster.of(name, kind)]


def converged(cluster: Cluster, name: str, nodes: int) -> Object:
    """Wait until the cluster has *nodes* nodes in its one rack and nothing is left to do, and return it."""
    return rests(cluster, name, [f"{name}-{RACK}-{i}" for i in range(nodes)])


def rests(cluster: Cluster, name: str, pods: list[str]) -> Object:
    """Wait until *pods* are the nodes of the cluster and nothing is left to do, and return it."""

    def probe() -> Object | None:
        obj = cluster.get(CLUSTERS, name)
        return obj if at_rest(obj) and sorted(host_ids(obj)) == pods else None

    found = cluster.eventually(probe, seconds=READY_SECONDS, what=f"{name} has {len(pods)} nodes")
    assert found["status"]["readyNodes"] == len(pods)
    assert names(cluster, name, "pods") == pods
    assert names(cluster, name, "persistentvolumeclaims") == [f"data-{pod}" for pod in pods]
    assert know_each_other(cluster, name, host_ids(found))
    return found


def test_a_node_leaves_and_a_new_one_takes_its_place(cluster: Cluster, pair: str) -> None:
    """It is decommissioned although the operator dies; what comes later is another node, on a new disk."""
    before = host_ids(cluster.get(CLUSTERS, pair))

    def under_way() -> bool:
        rack = cluster.get(CLUSTERS, pair)["status"]["cassandraRackStatus"][RACK]
        return bool((rack.get("podLastOperation") or {}).get("status") == "Ongoing")

    cluster.patch(CLUSTERS, pair, {"spec": {"nodesPerRacks": 1}})
    cluster.eventually(under_way, seconds=60, what="the decommission is noted")
    cluster.kill_operator()
    smaller = converged(cluster, pair, 1)

    assert host_ids(smaller) == {pod: before[pod] for pod in before if pod.endswith("-0")}
    status = smaller["status"]
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("ScaleDown", "Done")
    operation = status["cassandraRackStatus"][RACK]["podLastOperation"]
    assert (operation["name"], operation["status"]) == ("decommission", "Done")
    assert operation["podsOK"] == [f"{pair}-{RACK}-1"]
    told = [str(event.get("message") or event.get("note")) for event in cluster.events(pair)]
    assert any("is asked to hand its data over" in text for text in told)
    assert any("shrinks to 1 nodes" in text for text in told)

    cluster.patch(CLUSTERS, pair, {"spec": {"nodesPerRacks": 2}})
    after = host_ids(converged(cluster, pair, 2))

    assert after[f"{pair}-{RACK}-0"] == before[f"{pair}-{RACK}-0"]
    assert after[f"{pair}-{RACK}-1"] != before[f"{pair}-{RACK}-1"]


def test_growth_is_taken_back(cluster: Cluster) -> None:
    """A node that has not joined yet goes at once, with its volume, and the other never notices."""
    name = "back"
    cluster.apply(jolokia_secret(), single(name, deletePVC=True))
    before = host_ids(wait_ready(cluster, name, seconds=READY_SECONDS))

    cluster.patch(CLUSTERS, name, {"spec": {"nodesPerRacks": 2}})
    cluster.eventually(lambda: len(cluster.of(name, "pods")) == 2, seconds=60, what="a second pod")
    cluster.patch(CLUSTERS, name, {"spec": {"nodesPerRacks": 1}})

    assert host_ids(converged(cluster, name, 1)) == before

    nobody = {"name": "dc1", "nodesPerRacks": 0, "rack": [{"name": "rack1"}]}
    cluster.patch(CLUSTERS, name, {"spec": {"topology": {"dc": [nobody]}}})

    def refused() -> bool:
        return bool(condition(cluster.get(CLUSTERS, name), "Progressing")["reason"] == "EmptyCluster")

    cluster.eventually(refused, seconds=60, what="the last node stays, with the reason")
    assert len(cluster.of(name, "pods")) == 1
    cluster.delete(CLUSTERS, name, seconds=240)


def test_a_data_centre_comes_and_goes(cluster: Cluster) -> None:
    """Beside a node that runs on untouched; when it is empty and out of the list, nothing is left of it."""
    name = "far"
    here, there = f"{name}-dc1-rack1-0", f"{name}-dc2-rack1-0"
    cluster.apply(jolokia_secret(), single(name, autoUpdateSeedList=False, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    (before,) = cluster.of(name, "pods")

    def topology(*sizes: int) -> None:
        dcs = [
            {"name": f"dc{i}", "nodesPerRacks": size, "rack": [{"name": "rack1"}]}
            for i, size in enumerate(sizes, start=1)
        ]
        cluster.patch(CLUSTERS, name, {"spec": {"topology": {"dc": dcs}}})

    topology(1, 1)
    rests(cluster, name, [here, there])
    told = [str(event.get("message") or event.get("note")) for event in cluster.events(name)]
    assert any("ALTER KEYSPACE" in text and "nodetool rebuild -- dc1" in text for text in told)

    topology(1, 0)
    rests(cluster, name, [here])
    assert names(cluster, name, "statefulsets") == [f"{name}-dc1-rack1", f"{name}-dc2-rack1"]

    topology(1)

    def gone() -> bool:
        return names(cluster, name, "statefulsets") == [f"{name}-dc1-rack1"]

    cluster.eventually(gone, seconds=60, what="the StatefulSet of dc2 is gone")
    status = rests(cluster, name, [here])["status"]
    assert set(status["cassandraRackStatus"]) == {"dc1-rack1"}
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("ActionDeleteDC", "Done")
    (after,) = cluster.of(name, "pods")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    cluster.delete(CLUSTERS, name, seconds=240)
