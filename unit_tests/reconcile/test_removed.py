"""Dead nodes that are removed from the ring by labels on a peer, whoever dies meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.v2 import names
from controller.kube import kinds
from e2e.providers.cluster import host_ids
from e2e.providers.sim import SimCluster
from unit_tests.reconcile.simulated import patch, ready, stored, there
from unit_tests.reconcile.test_replaced import CLAIM, VICTIM, known, three

WORKER = "cc-dc1-rack1-0"


def silent() -> tuple[SimCluster, str]:
    """Return a world of three, one of whose machines is off, and that machine: Kubernetes still has both."""
    world = three()
    machine = str(there(world, kinds.POD, VICTIM)["spec"]["nodeName"])
    world.controllers.nodes.add("node-spare", labels={"topology.kubernetes.io/zone": "zone-d"})
    world.controllers.nodes.power_off(machine)
    return world, machine


def label(world: SimCluster, pod: str, **labels: str) -> None:
    """Write labels of operations on a pod."""
    given = {f"operation-{key}": value for key, value in labels.items()}
    patch(world, kinds.POD, pod, {"metadata": {"labels": given}})


def status(world: SimCluster, pod: str = WORKER) -> str:
    """Return how far the operation on a pod is."""
    return str(there(world, kinds.POD, pod)["metadata"]["labels"].get(names.OPERATION_STATUS, ""))


def result(world: SimCluster, pod: str = WORKER) -> str:
    """Return how it ended, in words."""
    return str(
        (there(world, kinds.POD, pod)["metadata"].get("annotations") or {}).get(names.OPERATION_RESULT)
    )


def over(world: SimCluster) -> bool:
    """Tell whether the operation on the worker has ended."""
    return status(world) in {"Done", "Error"}


@pytest.mark.parametrize("write", [None, 1, 2, 3, 4, 5, 6])
def test_a_node_on_a_silent_machine_is_removed_and_made_anew(write: int | None) -> None:
    """The operator may die at any of its writes: the node is removed once, and its pod comes elsewhere.

    Asked right after the machine went off, it waits until all peers believe the node to be down.
    """
    world, machine = silent()
    before = host_ids(world.cluster("cc"))
    uid = there(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]["uid"]
    label(world, WORKER, name="remove", status="ToDo", argument=VICTIM)
    if write is not None:
        world.kill_at_write = world.writes + write

    world.run_until(lambda: over(world), seconds=900, what="the removal is over")

    assert status(world) == "Done", result(world)
    claim: Any = stored(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    assert claim is None or claim["metadata"]["uid"] != uid
    ready(world, seconds=900)
    world.run(120)
    after = host_ids(world.cluster("cc"))
    assert after[VICTIM] != before[VICTIM]
    assert {pod: host for pod, host in after.items() if pod != VICTIM} == {
        pod: host for pod, host in before.items() if pod != VICTIM
    }
    assert there(world, kinds.POD, VICTIM)["spec"]["nodeName"] != machine
    assert known(world) == {3}


def test_the_worker_is_lost_meanwhile() -> None:
    """The dead node is seen out all the same, by what status says; nobody has to ask again."""
    world, _ = silent()
    before = host_ids(world.cluster("cc"))
    label(world, WORKER, name="remove", status="ToDo", argument=VICTIM)
    world.run_until(lambda: status(world) == "Ongoing", seconds=300, what="it has begun")
    world.run(1)
    assert world.cluster("cc")["status"]["nodeRemoval"]["hostId"] == before[VICTIM]
    pod = there(world, kinds.POD, WORKER)
    world.client.delete(
        kinds.POD, pod["metadata"]["namespace"], WORKER, uid=pod["metadata"]["uid"], grace_seconds=0
    )
    world.run(1)

    def anew() -> bool:
        state = world.cluster("cc")["status"]
        return "nodeRemoval" not in state and host_ids({"status": state}).get(VICTIM, "") not in {
            "",
            before[VICTIM],
        }

    world.run_until(anew, seconds=900, what="a new node has its place")
    ready(world, seconds=900)
    world.run(120)
    assert known(world) == {3}
