"""A cluster that its user has paused: looked at, told of, and left alone."""

from __future__ import annotations

from typing import Any

from controller.kube import kinds
from e2e.providers.sim import NAMESPACE, SimCluster
from unit_tests.executors.stage import OPERATOR
from unit_tests.reconcile.simulated import began, patch, pods, ready, remove, small, there

PAUSED = "cassandraclusters.db.orange.com/paused"


def pause(world: SimCluster, value: str | None) -> None:
    """Set the annotation, or take it away."""
    patch(world, kinds.CASSANDRA_CLUSTER, "cc", {"metadata": {"annotations": {PAUSED: value}}})


def written(world: SimCluster, first: int) -> set[str]:
    """Return which kinds the operator wrote after its *first* writes."""
    calls = [record.call for record in world.server.faults.log if record.call.client == OPERATOR]
    return {call.kind for call in calls[first:]}


def calls(world: SimCluster) -> int:
    """Return how many writes there were."""
    return len([record for record in world.server.faults.log if record.call.client == OPERATOR])


def conditions(world: SimCluster) -> dict[str, Any]:
    """Return the conditions by type."""
    return {c["type"]: c for c in world.cluster("cc")["status"]["conditions"]}


def test_nothing_is_changed_and_status_tells_since_when() -> None:
    """Edits wait, lost objects stay lost, no event is sent; then all is caught up with."""
    world = began(small(hardAntiAffinity=False))
    ready(world)
    world.run(10)
    assert "Paused" not in conditions(world)
    pause(world, "true")
    world.run(5)
    since, first = conditions(world)["Paused"]["lastTransitionTime"], calls(world)

    world.edit("cc", {"nodesPerRacks": 2, "maxPodUnavailable": 2})
    remove(world, kinds.POD_DISRUPTION_BUDGET, "cc")
    world.run(120)

    found = conditions(world)
    assert (found["Paused"]["status"], found["Paused"]["lastTransitionTime"]) == ("True", since)
    assert (found["Progressing"]["status"], found["Progressing"]["reason"]) == ("False", "Paused")
    assert PAUSED in found["Progressing"]["message"]
    assert found["Ready"]["status"] == "False"
    assert found["Degraded"]["status"] == "False"
    assert written(world, first) <= {"cassandraclusters/status"}
    assert len(pods(world)) == 1

    pause(world, None)
    ready(world)
    world.run(30)

    assert len(pods(world)) == 2
    assert there(world, kinds.POD_DISRUPTION_BUDGET, "cc")["spec"]["maxUnavailable"] == 2
    assert conditions(world)["Paused"]["status"] == "False"


def test_status_goes_on_to_tell_the_truth() -> None:
    """A node that dies meanwhile is not called ready."""
    world = began(small())
    ready(world)
    pause(world, "true")
    world.run(5)
    assert conditions(world)["Ready"]["status"] == "True"

    patch(world, kinds.STATEFULSET, "cc-dc1-rack1", {"spec": {"replicas": 0}})
    world.run(60)

    assert conditions(world)["Ready"]["status"] == "False"
    assert world.cluster("cc")["status"]["readyNodes"] == 0
    assert there(world, kinds.STATEFULSET, "cc-dc1-rack1")["spec"]["replicas"] == 0


def test_a_deletion_waits() -> None:
    """The volumes of a paused cluster stay, whatever `deletePVC` says, until it is paused no more."""
    world = began(small(deletePVC=True))
    ready(world)
    pause(world, "true")
    world.run(5)

    remove(world, kinds.CASSANDRA_CLUSTER, "cc")
    world.run(60)
    assert there(world, kinds.PERSISTENT_VOLUME_CLAIM, "data-cc-dc1-rack1-0")

    pause(world, "false")
    world.run(120)
    assert not world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
