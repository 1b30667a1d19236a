"""Settings that nodes are told while they run, in a simulated Kubernetes and a simulated ring."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.v2 import names
from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.faults import Kind
from e2e.simkube.faults import Match, Refuse, Rule
from unit_tests.executors.stage import OPERATOR
from unit_tests.reconcile.simulated import address, remove, there
from unit_tests.reconcile.test_rolling import Watch, converged, events, last_action, racks, world_of


def config(**settings: Any) -> dict[str, Any]:
    """Return a spec's configuration with these parameters of cassandra.yaml, beside one of its own."""
    return {"config": {"cassandra-yaml": {"num_tokens": 8, **settings}}}


def told(world: SimCluster, attribute: str) -> set[Any]:
    """Return what the nodes were told for *attribute* since they started."""
    return {node.told.get(attribute) for node in world.controllers.ring.nodes()}


def rates(world: SimCluster) -> set[int]:
    """Return the compaction throughput of the nodes."""
    return {int(node.compaction_megabytes) for node in world.controllers.ring.nodes()}


def test_what_can_be_told_restarts_nothing() -> None:
    """Every node has the new value, no pod is made anew, and the cluster is as the spec asks for."""
    world = world_of(2, nodesPerRacks=2, **config())
    roll = Watch(world)

    world.edit("cc", config(compaction_throughput="32MiB/s", read_request_timeout="7s"))
    roll.done(seconds=60)

    assert roll.restarted() == set()
    assert roll.most_down == 0
    assert rates(world) == {32}
    assert told(world, "ReadRpcTimeout") == {7000}
    assert last_action(world) == ("Running", "UpdateStatefulSet", "Done")
    notes = events(world, "Tune")
    assert len(notes) == 4
    assert "is told while it runs that compaction_throughput is 32" in notes[0]
    world.run(600)
    assert len(events(world, "Tune")) == 4


def test_a_new_pod_has_it_from_its_configuration() -> None:
    """A pod that is made anew needs to be told nothing, and neither restarts another."""
    world = world_of(2, **config())
    world.edit("cc", config(compaction_throughput="32MiB/s"))
    Watch(world).done(seconds=60)
    roll = Watch(world)

    remove(world, kinds.POD, "cc-dc1-rack1-0")
    roll.until(lambda: not converged(world), seconds=30, what="it is missed")
    roll.done(seconds=200)

    assert roll.restarted() == {"cc-dc1-rack1-0"}
    assert rates(world) == {32}
    assert len(events(world, "Tune")) == 2


@pytest.mark.parametrize("back", [{}, {"compaction_throughput": "64MiB/s"}])
def test_what_was_told_is_taken_back(back: dict[str, str]) -> None:
    """The old configuration brings the old value back without a restart, even if it never named it."""
    world = world_of(2, **config(**back))
    (before,) = rates(world)
    roll = Watch(world)
    world.edit("cc", config(compaction_throughput="32MiB/s"))
    roll.done(seconds=60)
    world.edit("cc", config(compaction_throughput="48MiB/s"))
    roll.done(seconds=60)
    assert rates(world) == {48}
    world.kill_operator()

    world.edit("cc", config(**{"compaction_throughput": None, **back}))
    roll.done(seconds=60)

    assert rates(world) == {before}
    assert roll.restarted() == set()


def test_one_setting_that_takes_a_restart_makes_it_one() -> None:
    """Then nobody is told anything: the restart does it all."""
    world = world_of(2, **config())
    roll = Watch(world)

    world.edit("cc", config(compaction_throughput="32MiB/s", concurrent_reads=64))
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert rates(world) == {32}
    assert not events(world, "Tune")


def test_a_restart_after_a_telling_is_a_whole_one() -> None:
    """Pods that were told are outdated by whatever else comes, and start with all of it."""
    world = world_of(2, **config())
    world.edit("cc", config(compaction_throughput="32MiB/s"))
    Watch(world).done(seconds=60)
    roll = Watch(world)

    world.edit("cc", config(compaction_throughput="32MiB/s", concurrent_reads=64))
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1
    pod = there(world, kinds.POD, "cc-dc1-rack1-0")
    assert names.BEFORE_TOLD not in pod["metadata"].get("annotations", {})


def test_a_node_that_ends_takes_the_new_configuration() -> None:
    """What was told is lost with the process: its pod is made anew, and no other is."""
    world = world_of(2, **config())
    world.edit("cc", config(compaction_throughput="32MiB/s"))
    Watch(world).done(seconds=60)
    roll = Watch(world)

    world.controllers.ring.kill(address(world, "cc-dc1-rack2-0"))
    roll.until(lambda: not converged(world), seconds=30, what="it is missed")
    roll.done(seconds=300)

    assert rates(world) == {32}
    assert roll.restarted() == {"cc-dc1-rack2-0"}
    assert len(events(world, "Tune")) == 2


def test_a_node_that_does_not_answer_is_not_restarted_for_it() -> None:
    """It is waited for by name, and told when it answers."""
    world = world_of(2, **config())
    hung, faults = address(world, "cc-dc1-rack1-0"), world.controllers.ring.faults
    roll = Watch(world)

    world.edit("cc", config(compaction_throughput="32MiB/s"))
    faults.add(hung, Kind.HANG)
    world.run(12)
    faults.clear(hung)
    roll.done(seconds=200)

    assert roll.restarted() == set()
    assert rates(world) == {32}


def test_pods_below_the_partition_are_not_told() -> None:
    """A canary is one for settings too."""
    topology = racks(1, rollingPartition=1)
    world = world_of(1, nodesPerRacks=2, topology=topology, **config())
    world.edit("cc", config(compaction_throughput="32MiB/s"))
    world.run(60)

    assert sorted(rates(world)) == [32, 64]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_operator_that_dies_on_the_way_tells_them_in_the_end(stride: int) -> None:
    """Each life does so many writes: what was before is noted before anybody is told."""
    world = world_of(2, **config())
    (before,) = rates(world)
    roll = Watch(world)

    def rearm() -> None:
        if world.kill_at_write is None or world.writes >= world.kill_at_write:
            world.kill_at_write = world.writes + stride

    roll.checks.append(rearm)
    world.edit("cc", config(compaction_throughput="32MiB/s"))
    roll.until(lambda: rates(world) == {32} and converged(world), seconds=200)
    world.edit("cc", config(compaction_throughput=None))
    roll.until(lambda: rates(world) == {before} and converged(world), seconds=200)

    assert roll.restarted() == set()


def test_without_the_right_to_read_revisions_a_change_takes_a_restart() -> None:
    """As with the role of an older installation; each look asks once for what it may not see."""
    world = world_of(1, nodesPerRacks=3, **config())
    faults = world.server.faults
    faults.add(Rule(Match(client=OPERATOR, kinds=["controllerrevisions"]), Refuse(status=403), times=None))
    before, roll = len(faults.log), Watch(world)

    world.edit("cc", config(compaction_throughput="32MiB/s"))
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert rates(world) == {32}
    assert not events(world, "Tune")
    asked = [record.call.kind for record in list(faults.log)[before:]].count("controllerrevisions")
    assert 0 < asked < 120
