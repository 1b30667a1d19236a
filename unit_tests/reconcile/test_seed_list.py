"""The seed list: chosen once, or following the topology, with the operator in a simulated cluster."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube import kinds
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, single


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
