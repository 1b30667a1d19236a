"""The seed list: chosen once, or following the topology, with the operator in a simulated cluster."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.v2.codec import decode_cluster
from controller.kube import kinds
from controller.reconcile.wish import wish
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, single
from unit_tests.executors.stage import IMAGES, cluster_json

# The first data centre has no nodes.
EMPTIED = {
    "dc": [
        {"name": "dc1", "nodesPerRacks": 0, "rack": [{"name": "rack1"}]},
        {"name": "dc2", "rack": [{"name": "rack1"}]},
    ]
}


def seeds(sim: SimCluster) -> list[str]:
    """Return the pods that status names as seeds."""
    return [seed.partition(".")[0] for seed in sim.cluster("cc")["status"]["seedlist"]]


def told(pod: dict[str, Any]) -> list[str]:
    """Return the seeds that a pod's init container `bootstrap` is told."""
    (bootstrap,) = (c for c in pod["spec"]["initContainers"] if c["name"] == "bootstrap")
    (value,) = (v["value"] for v in bootstrap["env"] if v["name"] == "CASSANDRA_SEEDS")
    return [seed.partition(".")[0] for seed in value.split(",")]


def grown(**spec: Any) -> SimCluster:
    """Return a cluster of one node that has grown to two and come to rest."""
    sim = SimCluster(seed=2)
    SimulatedCluster(sim).apply(jolokia_secret())
    sim.apply(single("cc", nodesPerRacks=1, **spec))
    sim.run_until(lambda: sim.condition("cc", "Ready")["status"] == "True", seconds=300, what="Ready")
    sim.edit("cc", {"nodesPerRacks": 2})

    def rests() -> bool:
        status = sim.cluster("cc")["status"]
        at_rest = sim.condition("cc", "Progressing")["reason"] == "Converged"
        return bool(at_rest) and status.get("readyNodes") == 2

    sim.run_until(rests, seconds=1800, what="it has grown and rests")
    return sim


def test_seeds_are_chosen_once() -> None:
    """Growth alone changes no seed, and restarts nobody."""
    sim = grown(autoUpdateSeedList=False)

    assert seeds(sim) == ["cc-dc1-rack1-0"]
    assert sim.cluster("cc")["status"]["lastClusterAction"] == "ScaleUp"


def test_they_follow_the_topology_if_asked_to() -> None:
    """When the new seed has joined, it is appended, and every node is restarted with the new list."""
    sim = grown(autoUpdateSeedList=True)

    assert seeds(sim) == ["cc-dc1-rack1-0", "cc-dc1-rack1-1"]
    pods = SimulatedCluster(sim).of("cc", "pods")
    assert [told(pod) for pod in pods] == [seeds(sim)] * 2
    status = sim.cluster("cc")["status"]
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("UpdateSeedList", "Done")


@pytest.mark.parametrize("automatic", [True, False])
def test_an_edit_of_the_list_is_rolled_out(automatic: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    """`status.seedlist` is the user's, unless the topology is to have the last word."""
    sim = grown(autoUpdateSeedList=automatic)
    other = "elsewhere-0.elsewhere.cassandra"
    mine = [*sim.cluster("cc")["status"]["seedlist"], other]
    sim.client.patch_status(kinds.CASSANDRA_CLUSTER, NAMESPACE, "cc", {"seedlist": mine})
    sim.run(600)

    assert ("elsewhere-0" in seeds(sim)) is not automatic


def test_a_ring_begins_although_its_first_seed_was_taken_back() -> None:
    """Until somebody has joined, the first seed is a node that comes: it alone may begin a ring."""
    sim = SimCluster(seed=2)
    racks = [{"name": "rack1"}]
    dcs = [{"name": f"dc{i}", "nodesPerRacks": 1, "rack": racks} for i in (1, 2)]
    # The storage class comes last, so that nothing is made before the first data centre is emptied.
    sim.apply(single("cc", topology={"dc": dcs}, dataStorageClass="later"))
    sim.run(5)
    assert seeds(sim) == ["cc-dc1-rack1-0", "cc-dc2-rack1-0"]

    sim.edit("cc", {"topology": {"dc": [{**dcs[0], "nodesPerRacks": 0}, dcs[1]]}})
    SimulatedCluster(sim).apply(jolokia_secret())
    sim.controllers.add_class("later")
    sim.run_until(lambda: sim.condition("cc", "Ready")["status"] == "True", seconds=600, what="Ready")

    assert seeds(sim) == ["cc-dc2-rack1-0"]
    (pod,) = SimulatedCluster(sim).of("cc", "pods")
    assert told(pod) == ["cc-dc2-rack1-0"]


@pytest.mark.parametrize("first", ["cc-dc1-rack1-0.cc.cassandra", "cc-dc1-rack1-0.example.org"])
def test_seeds_outside_of_the_cluster_stay(first: str) -> None:
    """A list that begins elsewhere is its user's; of one that is given up, what is elsewhere is kept."""
    obj: dict[str, Any] = cluster_json(nodesPerRacks=1, topology=EMPTIED)
    away = "other-dc1-rack1-0.other.cassandra"
    obj["status"] = {"seedlist": [first, away]}

    wanted = wish(decode_cluster(obj), {}, frozenset(), IMAGES).seeds

    inside = first.endswith("cc.cassandra")
    assert wanted == (("cc-dc2-rack1-0.cc.cassandra", away) if inside else (first, away))


def test_seeds_of_a_ring_that_lives_are_kept() -> None:
    """Whoever has joined goes by the list as it is: a change of it restarts nodes, and is asked for."""
    obj: dict[str, Any] = cluster_json(nodesPerRacks=1, topology=EMPTIED)
    obj["status"] = {"seedlist": ["cc-dc1-rack1-0.cc.cassandra"]}
    cluster = decode_cluster(obj)

    made = wish(cluster, {}, frozenset(), IMAGES).bodies.statefulset("dc1-rack1", 1)
    for live, joined in (({}, frozenset({"cc-dc2-rack1-0"})), ({"dc1-rack1": made}, frozenset[str]())):
        assert wish(cluster, live, joined, IMAGES).seeds == ("cc-dc1-rack1-0.cc.cassandra",)
