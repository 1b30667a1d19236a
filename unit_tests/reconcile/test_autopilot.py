"""What follows from growth and from new data centres, on a simulated cluster with data."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.executors.stage import NAMESPACE, Json
from unit_tests.reconcile.simulated import patch, ready, small, stored, there

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


def offers(world: SimCluster) -> int:
    """How often users were told of an operation that is due on many nodes."""
    events = [dict(each) for each in world.client.list_page(kinds.EVENT, NAMESPACE).items]
    asks = [each for each in events if each["reason"] == "OperationAsked"]
    return sum((each.get("series") or {}).get("count", each.get("count") or 1) for each in asks)


def test_growth_that_is_taken_back_has_nothing_cleaned() -> None:
    """The new node never joined, so that no other one lost a range."""
    world = world_of(autoPilot=False, hardAntiAffinity=False, autoUpdateSeedList=False)

    world.edit("cc", {"nodesPerRacks": 2})
    new = "cc-dc1-rack1-1"
    world.run_until(lambda: stored(world, kinds.POD, new) is not None, seconds=60, what="a node starts")
    world.edit("cc", {"nodesPerRacks": 1})
    world.run_until(lambda: stored(world, kinds.POD, new) is None, seconds=300, what="it is taken away")
    ready(world)
    world.run(60)

    assert new not in world.cluster("cc")["status"]["cassandraNodeStatus"]
    assert labels(world, "cc-dc1-rack1-0") == ("", "")
    assert not world.cluster("cc")["status"].get("dueOperations")
    assert offers(world) == 0


@pytest.mark.parametrize(
    "change",
    [{"restartedAt": "2024-01-01T00:00:00Z"}, {"config": {"cassandra-yaml": {"key_cache_size": "7MiB"}}}],
)
def test_an_edit_that_grows_and_rolls_has_cleanup_offered_once(change: Json) -> None:
    """Not before the new node has joined; and pods that a later roll makes anew have it as they had."""
    world = world_of(nodesPerRacks=2, autoPilot=False)
    everyone = [f"cc-dc1-rack1-{i}" for i in range(3)]

    def joined() -> bool:
        found = any(
            labels(world, pod["metadata"]["name"])[0]
            for pod in world.client.list_page(kinds.POD, NAMESPACE).items
        )
        status = world.cluster("cc")["status"]
        is_member = everyone[2] in status["cassandraNodeStatus"]
        assert is_member or not (found or status.get("dueOperations")), "due before anybody joined"
        return is_member

    world.edit("cc", {"nodesPerRacks": 3, **change})
    world.run_until(joined, seconds=900, what="the new node has joined")
    until(world, everyone, ("cleanup", "Manual"), seconds=600)
    world.run(60)
    assert offers(world) == 1

    before = {pod: there(world, kinds.POD, pod)["metadata"]["uid"] for pod in everyone}
    world.edit("cc", {"restartedAt": "2025-01-02T00:00:00Z"})

    def anew() -> bool:
        found = [stored(world, kinds.POD, pod) for pod in everyone]
        return all(pod is not None and pod["metadata"]["uid"] not in before.values() for pod in found)

    world.run_until(anew, seconds=900, what="every pod is made anew")
    until(world, everyone, ("cleanup", "Manual"))
    world.run(60)
    assert offers(world) == 1

    patch(world, kinds.POD, everyone[0], {"metadata": {"labels": {"operation-status": "ToDo"}}})
    until(world, everyone[:1], ("cleanup", "Done"))
    for pod in everyone[1:]:
        gone = {"operation-name": None, "operation-status": None}
        patch(world, kinds.POD, pod, {"metadata": {"labels": gone}})
    world.run_until(
        lambda: not world.cluster("cc")["status"].get("dueOperations"), seconds=60, what="nothing is due"
    )
    assert labels(world, everyone[1]) == ("", "")


def test_growth_by_several_nodes_has_cleanup_offered_once() -> None:
    """After the last of them, in whatever rack."""
    dc = {"name": "dc1", "nodesPerRacks": 1, "rack": [{"name": "rack1"}, {"name": "rack2"}]}
    world = world_of(topology={"dc": [dc]}, autoPilot=False)

    world.edit("cc", {"topology": {"dc": [{**dc, "nodesPerRacks": 3}]}})
    everyone = [f"cc-dc1-rack{rack}-{i}" for rack in (1, 2) for i in range(3)]
    world.run_until(
        lambda: all(stored(world, kinds.POD, pod) for pod in everyone), seconds=900, what="all are made"
    )
    until(world, everyone, ("cleanup", "Manual"))
    world.run(60)

    assert offers(world) == 1


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
