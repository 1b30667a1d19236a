"""A spec that is refused, and what is carried out meanwhile, with the operator in a simulated cluster."""

from __future__ import annotations

import pytest

from controller.api.v2 import names
from controller.kube import kinds
from e2e.providers.sim import SimCluster
from unit_tests.reconcile.simulated import (
    began,
    passes,
    ready,
    remove,
    small,
    stored,
    there,
    wait,
    warnings,
    writes,
)


@pytest.fixture
def running() -> SimCluster:
    """Return a world with one cluster of one node, Ready."""
    world = began(small())
    ready(world)
    return world


def test_nothing_is_made_of_a_spec_that_was_never_good() -> None:
    """The condition names the field, Ready and Progressing say why, and a correction is enough."""
    world = began(small(nodesPerRacks=-1))

    refused = wait(world, "cc", "SpecAccepted", "False")

    assert refused["reason"] == "InvalidSpec"
    assert "spec.nodesPerRacks" in refused["message"]
    assert "nothing is done" in refused["message"]
    assert world.condition("cc", "Ready")["reason"] == "InvalidSpec"
    assert "spec.nodesPerRacks" in world.condition("cc", "Progressing")["message"]
    assert stored(world, kinds.SERVICE, "cc") is None
    assert names.LAST_APPLIED not in world.cluster("cc")["metadata"].get("annotations", {})

    world.edit("cc", {"nodesPerRacks": 1})
    wait(world, "cc", "SpecAccepted", "True")
    ready(world)


def test_a_field_that_nobody_knows_is_named(running: SimCluster) -> None:
    """A slip of the pen is told as condition and event, with what may be meant; it stops nothing."""
    running.edit("cc", {"nodesPerRack": 3})
    running.run_until(
        lambda: running.condition("cc", "SpecAccepted")["reason"] == "FieldsIgnored",
        seconds=10,
        what="it is told",
    )
    told = running.condition("cc", "SpecAccepted")

    assert told["status"] == "True"
    assert told["message"].endswith("ignored: spec.nodesPerRack (is spec.nodesPerRacks meant?)")
    assert [event["note"] for event in warnings(running, "FieldsIgnored")] == [told["message"]]
    assert running.condition("cc", "Progressing")["reason"] == "Converged"
    running.edit("cc", {"nodesPerRack": None})
    running.run(10)
    assert running.condition("cc", "SpecAccepted")["reason"] == "Accepted"


def test_a_bad_edit_leaves_the_last_accepted_spec_at_work(running: SimCluster) -> None:
    """The cluster is kept as it was, every field of it, and the status says so for the new generation."""
    before = there(running, kinds.STATEFULSET, "cc-dc1-rack1")["spec"]
    running.edit("cc", {"nodesPerRacks": -1, "maxPodUnavailable": 7})

    refused = wait(running, "cc", "SpecAccepted", "False")
    assert "as the last accepted spec asks for" in running.condition("cc", "Progressing")["message"]
    remove(running, kinds.SERVICE, "cc")
    running.run_until(
        lambda: stored(running, kinds.SERVICE, "cc") is not None, seconds=10, what="the Service is back"
    )

    assert "the last accepted spec is carried out" in refused["message"]
    assert wait(running, "cc", "Ready", "True")["reason"] == "AllNodesServe"
    assert there(running, kinds.STATEFULSET, "cc-dc1-rack1")["spec"] == before
    assert there(running, kinds.POD_DISRUPTION_BUDGET, "cc")["spec"]["maxUnavailable"] == 1
    assert running.cluster("cc")["spec"]["nodesPerRacks"] == -1


def test_the_last_accepted_spec_outlives_the_operator(running: SimCluster) -> None:
    """It is on the object, so that a new operator carries out the same."""
    running.edit("cc", {"nodesPerRacks": -1})
    wait(running, "cc", "SpecAccepted", "False")
    running.kill_operator()
    remove(running, kinds.SERVICE, "cc")

    running.run_until(
        lambda: stored(running, kinds.SERVICE, "cc") is not None, seconds=10, what="the Service is back"
    )
    assert running.condition("cc", "SpecAccepted")["status"] == "False"


def test_a_correction_ends_it(running: SimCluster) -> None:
    """The new spec is accepted, kept, and carried out."""
    running.edit("cc", {"nodesPerRacks": -1})
    wait(running, "cc", "SpecAccepted", "False")
    running.edit("cc", {"nodesPerRacks": 1, "maxPodUnavailable": 2})

    wait(running, "cc", "SpecAccepted", "True")

    assert there(running, kinds.POD_DISRUPTION_BUDGET, "cc")["spec"]["maxUnavailable"] == 2
    kept = running.cluster("cc")["metadata"]["annotations"][names.LAST_APPLIED]
    assert '"maxPodUnavailable":2' in kept


def test_a_refusal_is_an_event_once(running: SimCluster) -> None:
    """Not at each look at it, nor at the operator's next life."""
    running.edit("cc", {"nodesPerRacks": -1})
    running.run(120)
    running.kill_operator()
    running.run(120)

    (event,) = warnings(running, "InvalidSpec")
    assert "series" not in event or event["series"] is None
    assert "spec.nodesPerRacks" in event["note"]


def test_an_edit_is_not_followed_by_a_storm(running: SimCluster) -> None:
    """The operator's own writes to the cluster, annotation and status, cost one more look, not many."""
    running.run(30)
    before = writes(running)
    running.edit("cc", {"maxPodUnavailable": 2})

    looks = list(passes(running, 60))

    assert [look["actions"] for look in looks if look["actions"]] == [["ApplyObject"]]
    # For the edit, for the writes that it led to, for our status, and for what Kubernetes makes of it.
    assert len(looks) <= 4
    # The annotation, the budget and its event, and the status before and after.
    assert writes(running) - before == 5


@pytest.mark.parametrize(
    "spec",
    [{}, {"nodesPerRacks": -1}, {"imageJolokiaSecret": {"name": "none"}}, {"dataStorageClass": "none"}],
)
def test_nothing_is_written_in_idleness(running: SimCluster, spec: dict[str, object]) -> None:
    """Ten minutes without a change: no write, whether all is well or something is held up."""
    running.edit("cc", spec)
    running.run(30)
    before = writes(running)

    running.run(600)

    assert writes(running) == before


def test_a_new_operator_writes_nothing_to_a_cluster_that_is_as_it_should_be(running: SimCluster) -> None:
    """What it would build is what is there: its start is no reason to write."""
    running.run(30)
    before = writes(running)
    running.kill_operator()

    running.run(60)

    assert writes(running) == before
