"""Upgrades of Cassandra, with the operator in a simulated Kubernetes and a simulated ring."""

from __future__ import annotations

import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.compaction import Kind, rewrite
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.reconcile.simulated import wait
from unit_tests.reconcile.test_rolling import Watch, converged, events, images, world_of

STEPS = ("cassandra:4.0.19", "cassandra:4.1.10", "cassandra:5.0.9")


def said(world: SimCluster) -> set[str]:
    """Return the versions that status has of the nodes."""
    return {n["releaseVersion"] for n in world.cluster("cc")["status"]["cassandraNodeStatus"].values()}


def test_from_4_0_by_way_of_4_1_to_5_0() -> None:
    """Each step is a roll, one node down at most; status has the version of each node, events the step."""
    world = world_of(3, cassandraImage=STEPS[0])
    assert said(world) == {"4.0.19"}

    for image in STEPS[1:]:
        roll = Watch(world)
        world.edit("cc", {"cassandraImage": image})
        roll.done()
        assert roll.restarted() == set(roll.before)
        assert roll.most_down == 1
        assert said(world) == {image.partition(":")[2]}

    notes = events(world, "RestartPod")
    assert "Cassandra is upgraded from 4.0 to 4.1" in notes[0]
    assert "Cassandra is upgraded from 4.1 to 5.0" in notes[-1]


def operations(world: SimCluster) -> set[tuple[str | None, str | None]]:
    """Return name and status of the operation that each pod's labels ask for."""
    pods = world.client.list_page(kinds.POD, "cassandra").items
    labels = [pod["metadata"]["labels"] for pod in pods]
    return {(each.get("operation-name"), each.get("operation-status")) for each in labels}


@pytest.mark.parametrize(("pilot", "status"), [(True, "Done"), (False, "Manual")])
def test_sstables_are_upgraded_after_the_last_node(status: str, *, pilot: bool) -> None:
    """By itself with `autoPilot`, else it is offered; not before all nodes run the new version."""
    world = world_of(2, holds=True, cassandraImage=STEPS[1], autoPilot=pilot)
    roll = Watch(world)
    before: set[tuple[str | None, str | None]] = set()

    def look() -> None:
        if len(said(world)) > 1:
            before.update(operations(world))

    roll.checks.append(look)
    world.edit("cc", {"cassandraImage": STEPS[2]})
    roll.done()
    roll.until(
        lambda: operations(world) == {("upgradesstables", status)}, seconds=120, what="it is asked for"
    )

    assert before == {(None, None)}


def test_a_step_that_is_too_long_is_held_back_and_taken_back() -> None:
    """No node is touched, the field is named, and the old image is all that it takes to be accepted again."""
    world = world_of(1, cassandraImage=STEPS[1])
    roll = Watch(world)

    world.edit("cc", {"cassandraImage": "cassandra:3.11.16", "maxPodUnavailable": 2})
    found = wait(world, "cc", "SpecAccepted", "False")
    world.run(60)

    assert found["reason"] == "ChangeRefused"
    assert found["message"].startswith("spec.cassandraImage: nodes run Cassandra 4.1")
    assert roll.restarted() == set()
    world.edit("cc", {"cassandraImage": STEPS[1]})
    roll.done()
    assert wait(world, "cc", "SpecAccepted", "True")
    assert roll.restarted() == set()


def test_an_upgrade_is_taken_back_in_the_middle() -> None:
    """The nodes that have begun to take the new version go back, the others are not touched."""
    world = world_of(3, cassandraImage=STEPS[1])
    roll = Watch(world)
    world.edit("cc", {"cassandraImage": STEPS[2]})
    roll.until(lambda: len(said(world)) == 2, seconds=200, what="a first node runs 5.0")

    world.edit("cc", {"cassandraImage": STEPS[1]})
    roll.done()

    assert said(world) == {"4.1.10"}
    assert operations(world) == {(None, None)}
    assert images(world) == {STEPS[1]}
    assert len(roll.restarted()) < 3
    assert roll.most_down == 1


def test_an_upgrade_begins_when_nothing_else_is_under_way() -> None:
    """A cleanup is waited for, and named; then it goes on by itself."""
    world = world_of(2, cassandraImage=STEPS[1])
    ring = world.controllers.ring
    ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}))
    ring.write("app", 600 * 1024 * 1024)
    world.run(10)
    roll = Watch(world)
    node = ring.nodes()[0]
    node.compaction_megabytes = 5
    rewrite(node, Kind.CLEANUP, "app", [])

    world.edit("cc", {"cassandraImage": STEPS[2]})
    world.run(20)

    message = world.condition("cc", "Progressing")["message"]
    assert "before Cassandra is upgraded from 4.1 to 5.0: " in message
    assert "(Cleanup)" in message
    assert roll.restarted() == set()
    roll.until(lambda: converged(world), seconds=900, what="it is upgraded")
    assert said(world) == {"5.0.9"}
