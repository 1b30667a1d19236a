"""Maintenance of Kubernetes nodes: they are drained one by one, and Cassandra comes back each time."""

from __future__ import annotations

import pytest

from controller.kube import kinds
from e2e.providers.cluster import host_ids
from e2e.providers.sim import SimCluster
from unit_tests.reconcile.simulated import began, pods, ready, small, there

RACKS = [{"name": f"rack{n}"} for n in (1, 2, 3)]


def three() -> SimCluster:
    """Return a world of three nodes that serve, each on a machine of its own."""
    world = began(small(topology={"dc": [{"name": "dc1", "rack": RACKS}]}, hardAntiAffinity=True))
    ready(world, seconds=600)
    world.run(10)
    return world


def machines(world: SimCluster) -> dict[str, str]:
    """Return the pod on each machine."""
    return {str(there(world, kinds.POD, pod)["spec"].get("nodeName")): pod for pod in pods(world)}


def serving(world: SimCluster) -> int:
    """Return how many nodes are members that serve."""
    return len([node for node in world.controllers.ring.normal() if node.native_transport])


def test_one_machine_after_the_other_is_drained() -> None:
    """Each node stops and comes back as the member that it was; never are two of them away."""
    world = three()
    before = host_ids(world.cluster("cc"))

    for machine, pod in sorted(machines(world).items()):
        uid = pods(world)[pod]
        world.controllers.nodes.drain(machine)
        world.run_until(
            lambda p=pod, u=uid: pods(world).get(p) not in (None, u),  # type: ignore[misc]
            seconds=300,
            what=f"{pod} is made anew",
        )
        world.run(60)
        assert serving(world) == 2
        assert world.condition("cc", "Ready")["status"] == "False"

        world.controllers.nodes.cordon(machine, on=False)
        ready(world)
        world.run(10)

    assert host_ids(world.cluster("cc")) == before


@pytest.mark.parametrize("seconds", [120.0])
def test_machines_that_are_drained_together_go_one_by_one(seconds: float) -> None:
    """The budget keeps the second node up for as long as the first is away, however long that takes."""
    world = three()
    first, second, _ = sorted(machines(world))

    world.controllers.nodes.drain(first)
    world.controllers.nodes.drain(second)
    world.run(seconds)

    assert serving(world) == 2
    assert len([pod for machine, pod in machines(world).items() if machine in (first, second)]) == 1

    world.controllers.nodes.cordon(first, on=False)
    world.controllers.nodes.cordon(second, on=False)
    world.run(seconds)
    ready(world, seconds=600)
    assert serving(world) == 3
