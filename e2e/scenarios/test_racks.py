"""A rack comes to a data centre that has nodes, and goes again with its own."""

from __future__ import annotations

from e2e.conftest import READY_SECONDS
from e2e.providers.cluster import CLUSTERS, Cluster, condition, wait_ready
from e2e.samples import jolokia_secret, single
from e2e.scenarios.test_topology import names, rests


def test_a_rack_comes_and_goes(cluster: Cluster) -> None:
    """Beside a node that runs on untouched, although the operator dies on the way; nothing of it stays.

    Another name is no other rack, and the rack with the only seed is not let go.
    """
    name = "wide"
    here, there = f"{name}-dc1-rack1-0", f"{name}-dc1-rack2-0"
    cluster.apply(jolokia_secret(), single(name, autoUpdateSeedList=False, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    (before,) = cluster.of(name, "pods")

    def ask(*racks: str) -> None:
        dc = {"name": "dc1", "nodesPerRacks": 1, "rack": [{"name": rack} for rack in racks]}
        cluster.patch(CLUSTERS, name, {"spec": {"topology": {"dc": [dc]}}})

    def refused(kind: str, reason: str, words: str) -> bool:
        found = condition(cluster.get(CLUSTERS, name), kind)
        return bool(found["reason"] == reason and words in found["message"])

    ask("rack1", "rack2")
    rests(cluster, name, [here, there])

    ask("rack1", "other")
    cluster.eventually(
        lambda: refused("SpecAccepted", "ChangeRefused", "rack rack2 of dc1 cannot be renamed to other"),
        seconds=60,
        what="a new name is refused",
    )
    ask("rack2")
    cluster.eventually(
        lambda: refused("Progressing", "NoSeedLeft", "no node could start again"),
        seconds=60,
        what="the only seed stays",
    )
    ask("rack1", "rack2")
    rests(cluster, name, [here, there])

    def leaving() -> bool:
        rack = cluster.get(CLUSTERS, name)["status"]["cassandraRackStatus"]["dc1-rack2"]
        return bool((rack.get("podLastOperation") or {}).get("status") == "Ongoing")

    ask("rack1")
    cluster.eventually(leaving, seconds=60, what="the decommission is noted")
    cluster.kill_operator()

    def gone() -> bool:
        return names(cluster, name, "statefulsets") == [f"{name}-dc1-rack1"]

    cluster.eventually(gone, seconds=READY_SECONDS, what="the StatefulSet of rack2 is gone")
    status = rests(cluster, name, [here])["status"]
    assert set(status["cassandraRackStatus"]) == {"dc1-rack1"}
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("ActionDeleteRack", "Done")
    (after,) = cluster.of(name, "pods")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    told = [str(event.get("message") or event.get("note")) for event in cluster.events(name)]
    assert any("leaves, since dc1-rack2 was taken out of the spec" in text for text in told)
    cluster.delete(CLUSTERS, name, seconds=240)
