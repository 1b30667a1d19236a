"""What follows from growth and from new data centres, on a simulated cluster with data."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import patch, ready, small, there

DATA = 50_000_000


def world_of(**spec: Any) -> SimCluster:
    """Return a world with a cluster that is ready, and an operator that hears how its calls end."""
    world = SimCluster(0, holds=True)
    world.apply(small(**spec))
    ready(world, seconds=900)
    return world


def topology(*sizes: int) -> Json:
    """Return a topology of data centres of one rack each."""
    dcs = [
        {"name": f"dc{i}", "nodesPerRacks": size, "rack": [{"name": "rack1"}]}
        for i, size in enumerate(sizes, start=1)
    ]
    return {"topology": {"dc": dcs}}


def labels(world: SimCluster, pod: str) -> tuple[str, str]:
    """Return name and status of a pod's operation."""
    found = there(world, kinds.POD, pod)["metadata"]["labels"]
    return found.get("operation-name", ""), found.get("operation-status", "")


def until(world: SimCluster, pods: list[str], expected: tuple[str, str], *, seconds: float = 300) -> None:
    """Let time pass until the operations on *pods* are as *expected*."""
    world.run_until(
        lambda: all(labels(world, pod) == expected for pod in pods),
        seconds=seconds,
        what=f"{expected} on {pods}",
    )


def superfluous(world: SimCluster) -> dict[str, int]:
    """Return by address the slices that nodes hold of ranges that are not theirs."""
    return {
        node.address: node.volume.held.get("app", 0) & ~node.owned("app")
        for node in world.controllers.ring.nodes()
    }


@pytest.mark.parametrize("kill", [False, True])
def test_nodes_are_cleaned_after_growth(*, kill: bool) -> None:
    """All of them, a few at a time, although the operator dies in the middle of it."""
    world = world_of(nodesPerRacks=2, autoPilot=True)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=DATA)
    world.run(5)
    everyone = [f"cc-dc1-rack1-{i}" for i in range(3)]

    world.edit("cc", {"nodesPerRacks": 3})
    if kill:
        until(world, everyone[:1], ("cleanup", "Ongoing"))
        world.kill_operator()
    until(world, everyone, ("cleanup", "Done"))

    assert not any(superfluous(world).values())
    world.run_until(
        lambda: not world.cluster("cc")["status"].get("dueOperations"), seconds=60, what="nothing is due"
    )


def test_without_autopilot_cleanup_is_offered() -> None:
    """As CassKop does it: the user starts it by a label."""
    world = world_of(autoPilot=False)
    everyone = [f"cc-dc1-rack1-{i}" for i in range(2)]

    world.edit("cc", {"nodesPerRacks": 2})
    until(world, everyone, ("cleanup", "Manual"))
    world.run(30)
    until(world, everyone, ("cleanup", "Manual"), seconds=1)

    patch(world, kinds.POD, everyone[0], {"metadata": {"labels": {"operation-status": "ToDo"}}})
    until(world, everyone[:1], ("cleanup", "Done"))
    assert labels(world, everyone[1]) == ("cleanup", "Manual")


@pytest.mark.parametrize("pilot", [True, False])
def test_a_new_data_centre_is_filled_once_keyspaces_name_it(*, pilot: bool) -> None:
    """Not before: there would be nothing to fetch, and Cassandra 5.0 rebuilds a node only once."""
    world = world_of(**topology(2), autoPilot=pilot)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=DATA)
    world.run(5)

    world.edit("cc", topology(2, 2))
    ready(world, seconds=900)
    world.run(60)
    there_ = [f"cc-dc2-rack1-{i}" for i in range(2)]
    assert [labels(world, pod)[0] for pod in there_] == ["", ""]
    reason = world.condition("cc", "Progressing")["reason"]
    assert reason == ("RebuildOffered" if pilot else "Converged")
    if pilot:
        assert "ALTER KEYSPACE" in world.condition("cc", "Progressing")["message"]
        assert world.condition("cc", "Degraded")["status"] == "False"

    world.controllers.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
    if not pilot:
        world.run(120)
        assert [labels(world, pod)[0] for pod in there_] == ["", ""]
        return
    until(world, there_, ("rebuild", "Done"), seconds=300)
    held = [n for n in world.controllers.ring.nodes() if n.place.datacenter == "dc2"]
    assert all(node.owned("app") and node.volume.held["app"] == node.owned("app") for node in held)


def test_a_new_cluster_of_two_data_centres_has_nothing_to_fetch() -> None:
    """Nor to clean: no node was there before another."""
    world = world_of(**topology(1, 1), autoPilot=True)
    world.run(60)

    assert labels(world, "cc-dc1-rack1-0") == labels(world, "cc-dc2-rack1-0") == ("", "")
    assert not world.cluster("cc")["status"].get("dueOperations")
