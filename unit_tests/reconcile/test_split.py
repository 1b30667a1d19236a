"""Rings whose parts have lost sight of each other, in a simulated Kubernetes and a simulated ring."""

from __future__ import annotations

from typing import Any

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.modes import Mode
from e2e.simcontrollers.images import Images
from unit_tests.reconcile.simulated import ready, small, there
from unit_tests.reconcile.test_rolling import events, racks

SEED, YOUNG = "cc-dc1-rack1-0", "cc-dc1-rack1-1"


def knows(world: SimCluster) -> dict[str, Any]:
    """Return by pod how many members its node knows."""
    return {n.config.pod: len(n.view.members) for n in world.controllers.ring.nodes()}


def test_a_seed_that_moved_meets_the_node_that_joined_meanwhile() -> None:
    """The machine of the only seed loses its power as a node joins; the seed returns elsewhere.

    It never heard of the node, and the node looks for it where it was: until they are told to look again.
    """
    world = SimCluster(images=Images())
    world.apply(small(topology=racks(1), hardAntiAffinity=True))
    ready(world)
    world.edit("cc", {"nodesPerRacks": 2})

    def joined() -> bool:
        return [n.mode for n in world.controllers.ring.nodes()] == [Mode.NORMAL, Mode.NORMAL]

    world.run_until(joined, seconds=200, what="the second node has joined")
    assert knows(world) == {SEED: 1, YOUNG: 2}
    host = str(there(world, kinds.POD, SEED)["spec"]["nodeName"])

    world.controllers.nodes.power_off(host)
    world.run(60)
    world.controllers.nodes.bring_back(host)
    world.run(30)
    assert knows(world) == {SEED: 1, YOUNG: 2}
    assert all(n.mode is Mode.NORMAL for n in world.controllers.ring.nodes())

    ready(world, seconds=60)

    assert knows(world) == {SEED: 2, YOUNG: 2}
    notes = events(world, "ReloadSeeds")
    assert any(note.startswith(f"{YOUNG} has served beside {SEED} for a while") for note in notes)
