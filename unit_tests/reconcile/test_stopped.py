"""A whole cluster is stopped and started again, against the simulated Cassandra and Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube import kinds
from e2e.providers.cluster import host_ids
from e2e.providers.sim import NAMESPACE, SimCluster
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import began, lasting_writes, pods, ready, small, there, wait, writes

RACKS = [{"name": "rack1"}, {"name": "rack2"}]
TOPOLOGY = {"dc": [{"name": "dc1", "rack": RACKS}]}
SETS = ("cc-dc1-rack1", "cc-dc1-rack2")


def four(**spec: Any) -> SimCluster:
    """Return a world with two racks of two nodes that serve."""
    world = began(small(topology=TOPOLOGY, **{"nodesPerRacks": 2, "hardAntiAffinity": False, **spec}))
    ready(world, seconds=600)
    world.run(10)
    return world


def stopped(world: SimCluster) -> Json:
    """Stop the cluster, let time pass until it is, and return the condition that says so."""
    world.edit("cc", {"stopped": True})
    world.run_until(
        lambda: world.condition("cc", "Progressing").get("reason") == "Stopped", seconds=300, what="stopped"
    )
    return world.condition("cc", "Progressing")


def claims(world: SimCluster) -> dict[str, str]:
    """Return the uid of each claim."""
    items = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
    return {claim["metadata"]["name"]: claim["metadata"]["uid"] for claim in items}


def summary(world: SimCluster) -> tuple[str, str, str]:
    """Return what status says in CassKop's fields."""
    status = world.cluster("cc")["status"]
    return status["phase"], status["lastClusterAction"], status["lastClusterActionStatus"]


def test_a_cluster_stops_and_comes_back_as_it_was() -> None:
    """No pod stays, all volumes do; then the same nodes serve again, with the ids that they had."""
    world = four()
    nodes, volumes = host_ids(world.cluster("cc")), claims(world)

    found = stopped(world)

    assert "spec.stopped" in found["message"]
    assert pods(world) == {}
    assert claims(world) == volumes
    assert summary(world) == ("Stopped", "Stop", "Done")
    assert world.condition("cc", "Ready")["reason"] == "Stopped"
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert host_ids(world.cluster("cc")) == nodes

    world.edit("cc", {"stopped": False})
    world.run(2)
    ready(world)
    world.run(30)

    assert host_ids(world.cluster("cc")) == nodes
    assert claims(world) == volumes
    assert summary(world) == ("Running", "Start", "Done")
    assert world.condition("cc", "Progressing")["reason"] == "Converged"
    assert {node.volume.host_id for node in world.controllers.ring.nodes()} == set(nodes.values())
    for name in SETS:
        found = there(world, kinds.STATEFULSET, name)
        assert found["spec"]["replicas"] == 2
        assert "cassandraclusters.db.orange.com/stopped-size" not in found["metadata"]["annotations"]


def test_seeds_start_first() -> None:
    """One of them serves before anybody else begins to."""
    world = four()
    seeds = {str(seed).partition(".")[0] for seed in world.cluster("cc")["status"]["seedlist"]}
    assert 0 < len(seeds) < 4
    stopped(world)

    world.edit("cc", {"stopped": False})
    world.run_until(lambda: bool(pods(world)), seconds=60, what="a first pod")
    world.run(5)
    first = set(pods(world))
    world.run_until(lambda: len(pods(world)) == 4, seconds=300, what="all pods")

    assert seeds <= first < {f"{name}-{i}" for name in SETS for i in (0, 1)}
    assert any(
        status["ready"]
        for seed in seeds
        for status in there(world, kinds.POD, seed)["status"]["containerStatuses"]
    )


def test_edits_wait_until_it_is_started() -> None:
    """A size and an image are told to wait; the image is taken up by the start, without a second one."""
    world = four()
    stopped(world)

    world.edit("cc", {"nodesPerRacks": 3, "cassandraImage": "cassandra:5.0.7"})
    world.run(20)
    found = world.condition("cc", "Progressing")

    assert found["reason"] == "Stopped"
    assert "rack dc1-rack1 is to have 3 nodes instead of 2 waits until then" in found["message"]
    assert "its new template" in found["message"]
    assert pods(world) == {}

    world.edit("cc", {"stopped": False})
    world.run_until(lambda: len(pods(world)) >= 4, seconds=300, what="four nodes")
    started = pods(world)
    world.run(2)
    ready(world, seconds=900)

    after = pods(world)
    assert len(after) == 6
    assert {name: after[name] for name in started} == started
    images = {c["image"] for pod in after for c in there(world, kinds.POD, pod)["spec"]["containers"]}
    assert "cassandra:5.0.7" in images
    assert "cassandra:5.0" not in images


def test_a_data_centre_of_a_stopped_cluster_is_not_empty() -> None:
    """What has no pods now has nodes all the same: it cannot be removed, and loses no volume."""
    world = began(
        small(
            topology={
                "dc": [
                    {"name": "dc1", "rack": [{"name": "rack1"}]},
                    {"name": "dc2", "rack": [{"name": "rack1"}]},
                ]
            }
        )
    )
    ready(world, seconds=600)
    stopped(world)
    volumes = claims(world)

    world.edit("cc", {"topology": {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}})
    found = wait(world, "cc", "SpecAccepted", "False")

    assert "dc2 has nodes" in found["message"]
    world.edit("cc", {"topology": {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}, "stopped": False})
    world.run(30)
    assert claims(world) == volumes
    assert there(world, kinds.STATEFULSET, "cc-dc2-rack1")["spec"]["replicas"] == 1


@pytest.mark.parametrize("stop", [True, False])
def test_the_operator_may_die_after_any_write(stop: bool) -> None:  # noqa: FBT001 -- a parameter
    """Stopping or starting: it ends the same, with the same volumes and nodes."""

    def act(world: SimCluster) -> None:
        if not stop:
            stopped(world)
        world.edit("cc", {"stopped": stop})

    def ends(world: SimCluster) -> None:
        wanted = "Stopped" if stop else "Converged"
        world.run(2)
        world.run_until(
            lambda: world.condition("cc", "Progressing").get("reason") == wanted, seconds=400, what=wanted
        )

    dry = four(nodesPerRacks=1)
    nodes = len(host_ids(dry.cluster("cc")))
    if not stop:
        stopped(dry)
    first = writes(dry)
    dry.edit("cc", {"stopped": stop})
    ends(dry)
    numbers = [number - first for number in lasting_writes(dry, first)]
    assert len(numbers) >= 3

    for number in numbers:
        world = four(nodesPerRacks=1)
        before, volumes = host_ids(world.cluster("cc")), claims(world)
        if not stop:
            stopped(world)
        world.kill_at_write = world.writes + number
        world.edit("cc", {"stopped": stop})
        ends(world)

        assert len(pods(world)) == (0 if stop else nodes), number
        assert host_ids(world.cluster("cc")) == before, number
        assert claims(world) == volumes, number


def test_a_cluster_that_is_made_stopped_makes_nothing() -> None:
    """Nor does it begin a ring; it is made when it is started."""
    world = began(small(stopped=True))
    world.run(30)

    assert pods(world) == {}
    assert not world.client.list_page(kinds.STATEFULSET, NAMESPACE).items
    assert world.condition("cc", "Progressing")["reason"] == "Stopped"

    world.edit("cc", {"stopped": False})
    ready(world)
