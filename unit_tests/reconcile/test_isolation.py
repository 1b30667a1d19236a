"""What a reader may rely on: nobody waits for nodes but their own cluster."""

from __future__ import annotations

from e2e.providers.sim import SimCluster
from unit_tests.executors.stage import OPERATOR
from unit_tests.reconcile.simulated import ONE_RACK, ready, small, wait

# A round of questions to nodes that hang.
HANGS = 12.0


def history(world: SimCluster) -> list[str]:
    """Return what the operator has sent to the API server, in order."""
    calls = [record.call for record in world.server.faults.log if record.call.client == OPERATOR]
    return [f"{call.verb} {call.kind} {call.name}" for call in calls]


def ring(seed: int) -> SimCluster:
    """Return a world in which three nodes have become a ring, though each round of questions lasts."""
    world = SimCluster(seed, lasts=lambda _: 0.3)
    world.apply(small(nodesPerRacks=3, topology=ONE_RACK, hardAntiAffinity=False))
    ready(world)
    return world


def test_a_ring_comes_up_though_answers_take_their_time() -> None:
    """And it is done as fast as without: who waits for an answer is woken by it."""
    slow = ring(0)
    quick = SimCluster(0)
    quick.apply(small(nodesPerRacks=3, topology=ONE_RACK, hardAntiAffinity=False))

    took = ready(quick)

    assert slow.simulation.now - quick.simulation.now < took * 0.2


def test_the_same_seed_gives_the_same_history() -> None:
    """Also when answers come later than they are asked for."""
    assert history(ring(7)) == history(ring(7))


def test_an_operator_that_dies_while_it_asks_leaves_nothing_to_mend() -> None:
    """The next one asks for itself."""
    world = SimCluster(3, lasts=lambda _: 0.3)
    world.apply(small(nodesPerRacks=2, topology=ONE_RACK, hardAntiAffinity=False))
    for _ in range(4):
        world.run(7.0)
        world.kill_operator()

    ready(world)


def test_clusters_that_hang_hold_up_no_other() -> None:
    """Twenty begin to hang, and are asked all the time; an edit elsewhere is carried out in half a second."""
    hang = False
    world = SimCluster(1, lasts=lambda name: HANGS if hang and "hangs" in name else 0.02)
    hanging = [f"hangs{n}" for n in range(20)]
    for name in ["well", *hanging]:
        world.apply(small(name, topology=ONE_RACK, hardAntiAffinity=False))
    for name in ["well", *hanging]:
        ready(world, name, seconds=600)
    hang = True
    for name in hanging:
        world.edit(name, {"maxPodUnavailable": 2})
    # Those that hang for the first time leave the places of the others after a second each.
    world.run(5.0)
    for wanted in (2, 1, 2):
        for name in hanging:
            world.edit(name, {"maxPodUnavailable": wanted % 2 + 1})
        before = world.simulation.now
        world.edit("well", {"maxPodUnavailable": wanted})
        wait(world, "well", "SpecAccepted", "True", seconds=10)
        assert world.simulation.now - before < 0.5
        world.run(3.0)

    hang = False
    for name in hanging:
        wait(world, name, "SpecAccepted", "True", seconds=60)
