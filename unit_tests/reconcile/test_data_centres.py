"""Data centres of a simulated cluster come and go, and nobody else notices."""

from __future__ import annotations

import functools
from typing import Any

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.executors.stage import NAMESPACE, Json
from unit_tests.reconcile.simulated import began, lasting_writes, pods, ready, small, stored, there


def topology(*dcs: tuple[str, int | None]) -> Json:
    """Return a topology of data centres with one rack each, of a size or of the cluster's."""
    listed: list[Json] = []
    for name, size in dcs:
        own = {} if size is None else {"nodesPerRacks": size}
        listed.append({"name": name, "rack": [{"name": "rack1"}], **own})
    return {"topology": {"dc": listed}}


def two(size: int = 1) -> SimCluster:
    """Return a world with dc1 of one node and dc2 of *size* nodes, and data of which each has a copy."""
    world = began(small(**topology(("dc1", None), ("dc2", size))))
    ready(world, seconds=900)
    world.controllers.ring.create_keyspace(
        "app", NetworkTopology(factors={"dc1": 1, "dc2": 1}), size=50_000_000
    )
    world.run(5)
    return world


def converged(world: SimCluster, *, seconds: float = 300) -> None:
    """Let time pass until nothing is left to do for the newest spec."""

    def probe() -> bool:
        found = world.condition("cc", "Progressing")
        current = found.get("observedGeneration") == world.cluster("cc")["metadata"]["generation"]
        return bool(current and found.get("reason") == "Converged")

    world.run_until(probe, seconds=seconds, what=f"{world.condition('cc', 'Progressing')}")
    world.run(5)


def told(world: SimCluster, words: str) -> list[str]:
    """Return the notes of events that contain *words*."""
    notes = [event["note"] for event in world.client.list_page(kinds.EVENT, NAMESPACE).items]
    return [note for note in notes if words in note]


def claims(world: SimCluster) -> list[str]:
    """Return the names of all volume claims."""
    items = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
    return [claim["metadata"]["name"] for claim in items]


def test_a_data_centre_comes_beside_one_that_runs() -> None:
    """No running pod is touched, and the user is told what to do for the data."""
    world = began(small(nodesPerRacks=2))
    ready(world, seconds=600)
    before = pods(world)

    world.edit("cc", topology(("dc1", None), ("dc2", 1)))
    converged(world)

    assert before.items() <= pods(world).items()
    assert set(pods(world)) - set(before) == {"cc-dc2-rack1-0"}
    (advice,) = told(world, "ALTER KEYSPACE")
    assert "'dc1': <copies>, 'dc2': <copies>" in advice
    assert "nodetool rebuild -- dc1" in advice
    assert world.cluster("cc")["status"]["phase"] == "Running"


def test_a_data_centre_with_data_is_not_emptied() -> None:
    """The keyspaces that are kept there are named; once they are altered it is emptied by itself."""
    world = two()

    world.edit("cc", topology(("dc1", None), ("dc2", 0)))
    world.run(60)

    found = world.condition("cc", "Progressing")
    assert (found["status"], found["reason"]) == ("False", "StillReplicated")
    assert "keyspaces keep copies there: app." in found["message"]
    refused = world.condition("cc", "SpecAccepted")
    assert (refused["status"], refused["reason"]) == ("False", "StillReplicated")
    assert refused["message"].startswith("spec.topology.dc[1].nodesPerRacks: dc2 is not emptied")
    status = world.cluster("cc")["status"]
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("CorrectCRDConfig", "Done")
    assert len(pods(world)) == 2

    world.controllers.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1}))
    converged(world)

    assert world.condition("cc", "SpecAccepted")["status"] == "True"
    assert list(pods(world)) == ["cc-dc1-rack1-0"]
    assert claims(world) == ["data-cc-dc1-rack1-0"]
    assert min(world.controllers.ring.copies("app")) == 1


def emptied(size: int = 2) -> SimCluster:
    """Return a world of two data centres, whose second one no keyspace is kept in."""
    world = two(size)
    world.controllers.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1}))
    world.run(5)
    return world


def remove(world: SimCluster) -> None:
    """Empty dc2, and take it out of the list then."""
    world.edit("cc", topology(("dc1", None), ("dc2", 0)))
    world.run_until(
        lambda: there(world, kinds.STATEFULSET, "cc-dc2-rack1")["spec"]["replicas"] == 0,
        seconds=300,
        what="dc2 is empty",
    )
    converged(world)
    world.edit("cc", topology(("dc1", None)))
    converged(world)


def nothing_left(world: SimCluster) -> None:
    """Check that only dc1 is left of everything."""
    assert stored(world, kinds.STATEFULSET, "cc-dc2-rack1") is None
    assert list(pods(world)) == ["cc-dc1-rack1-0"]
    assert claims(world) == ["data-cc-dc1-rack1-0"]
    status = world.cluster("cc")["status"]
    assert set(status["cassandraRackStatus"]) == {"dc1-rack1"}
    assert set(status["cassandraNodeStatus"]) == {"cc-dc1-rack1-0"}
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("ActionDeleteDC", "Done")
    assert min(world.controllers.ring.copies("app")) == 1
    assert world.condition("cc", "Ready")["status"] == "True"


def test_a_data_centre_that_is_empty_goes_with_its_objects() -> None:
    """Status and StatefulSets know nothing of it any more; it may come again later as a new one."""
    world = emptied()

    remove(world)
    nothing_left(world)

    world.edit("cc", topology(("dc1", None), ("dc2", 1)))
    converged(world)
    assert len(pods(world)) == 2


@functools.cache
def _writes() -> list[int]:
    """Return the numbers of the writes of an undisturbed removal."""
    world = emptied(1)
    first = world.writes
    remove(world)
    return lasting_writes(world, first)


def test_a_removal_survives_the_operators_death_after_each_write() -> None:
    """Of the beginning, and of all that comes after the node has left; scale-downs cover the rest."""
    numbers = _writes()

    for number in numbers[:2] + numbers[-5:]:
        world = emptied(1)
        world.kill_at_write = number
        remove(world)

        nothing_left(world)


def test_the_only_data_centre_cannot_be_emptied() -> None:
    """The reason says what to do instead, and the node stays."""
    world = began(small())
    ready(world)

    world.edit("cc", topology(("dc1", 0)))
    world.run(60)

    found: Any = world.condition("cc", "Progressing")
    assert (found["status"], found["reason"]) == ("False", "EmptyCluster")
    assert "keep at least one, or delete the cluster" in found["message"]
    refused = world.condition("cc", "SpecAccepted")
    assert (refused["status"], refused["reason"]) == ("False", "EmptyCluster")
    assert refused["message"].startswith("spec.topology.dc[0].nodesPerRacks: the cluster would have no node")
    assert len(pods(world)) == 1

    world.edit("cc", topology(("dc1", None)))
    world.run(60)
    assert world.condition("cc", "SpecAccepted")["status"] == "True"
