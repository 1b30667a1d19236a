"""A small cluster is created whatever becomes of the operator's writes, one by one."""

from __future__ import annotations

import functools

import pytest

from controller.api.v2 import names
from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simkube.faults import LoseAnswer, Match, Refuse, RequestFault, Rule
from unit_tests.executors.stage import NAMESPACE, OPERATOR, Json
from unit_tests.reconcile.simulated import began, pods, ready, small, stored, there

FAULTS: dict[str, RequestFault] = {
    "lost answer": LoseAnswer(),
    "conflict": Refuse(status=409),
}


# What the operator writes, but for events: those are sent apart, and may be lost.
WRITTEN = ("services", "poddisruptionbudgets", "configmaps", "secrets", "statefulsets")
CLUSTERS = ("cassandraclusters", "cassandraclusters/status")
MAKING = ("create", "patch")


def written(world: SimCluster, *kinds_: str) -> int:
    """Return how many writes of these kinds the operator has tried."""
    calls = (record.call for record in world.server.faults.log)
    return len([call for call in calls if call.client == OPERATOR and call.kind in kinds_])


def refused_for_good(status: int) -> SimCluster:
    """Return a world in which the server does not take the StatefulSet of a cluster."""
    world = began()
    match = Match(client=OPERATOR, kinds=("statefulsets",), verbs=MAKING)
    world.server.faults.add(Rule(match, Refuse(status=status), times=None))
    world.apply(small())
    return world


@functools.cache
def undisturbed() -> tuple[float, int, Json]:
    """Return how long the creation takes, how many writes it needs, and the rack that it leaves."""
    world = began(small())
    seconds = ready(world)
    world.run(10)
    count = written(world, *WRITTEN, *CLUSTERS)
    return seconds, count, rack_of(world)


def rack_of(world: SimCluster) -> Json:
    """Return the rack as it is stored, but for the identity of the Secret that was made for it."""
    spec: Json = there(world, kinds.STATEFULSET, "cc-dc1-rack1")["spec"]
    assert (
        spec["template"]["metadata"]["annotations"].pop(names.LOGIN)
        == (there(world, kinds.SECRET, "cc-jolokia")["metadata"]["uid"])
    )
    return spec


@pytest.mark.parametrize("fault", FAULTS)
def test_each_write_of_a_creation_may_fail(fault: str) -> None:
    """Whichever write it is: the same cluster comes of it, a little later, without a second pod or claim."""
    seconds, count, rack = undisturbed()

    for number in range(count):
        world = began()
        match = Match(client=OPERATOR, verbs=MAKING, kinds=(*WRITTEN, *CLUSTERS))
        rule = world.server.faults.add(Rule(match, FAULTS[fault], skip=number))
        world.apply(small())
        took = ready(world)
        world.run(10)

        where = f"{fault} at write {number + 1}"
        assert rule.struck == 1, where
        assert took <= seconds + 10, where
        assert rack_of(world) == rack, where
        assert list(pods(world)) == ["cc-dc1-rack1-0"], where
        claims = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
        assert [claim["metadata"]["name"] for claim in claims] == ["data-cc-dc1-rack1-0"], where
        assert stored(world, kinds.CONFIG_MAP, "cc-ring") is not None
        assert world.condition("cc", "Progressing")["reason"] == "Converged", where


def test_a_write_that_is_refused_for_good_is_not_repeated_for_ever() -> None:
    """Ten minutes of a refusal cost a handful of tries, and one of status."""
    world = refused_for_good(403)

    world.run(600)

    assert 1 <= written(world, "statefulsets") <= 10
    assert 1 <= written(world, "cassandraclusters/status") <= 3
    degraded = world.condition("cc", "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "StepRefused")
    assert "refused on purpose" in degraded["message"]


def test_a_refusal_that_ends_is_overcome_by_an_edit() -> None:
    """Somebody who corrects the spec need do nothing else."""
    world = refused_for_good(422)
    world.run(60)
    assert world.condition("cc", "Degraded")["reason"] == "StepRefused"
    world.server.faults.clear()

    world.edit("cc", {"debug": False})

    ready(world)
    assert world.condition("cc", "Degraded")["status"] == "False"
