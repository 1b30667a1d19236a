"""How a status is written, and which of it becomes an event."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest

from controller.api.v2.cluster import CassandraCluster, ClusterStatus, Condition
from controller.domain.errors import ConflictError, NotLeadingError, OperatorError
from controller.kube import kinds
from controller.reconcile.finish import Finisher
from e2e.simkube.faults import Refuse
from unit_tests.executors.stage import Stage
from unit_tests.reconcile.bench import Notes

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def notes() -> Notes:
    """Return a recorder of events."""
    return Notes()


@pytest.fixture
def finisher(stage: Stage, notes: Notes) -> Finisher:
    """Return what writes statuses to that server."""
    return Finisher(client=stage.client, recorder=notes)


def condition(kind: str, status: str, reason: str = "Why", message: str = "because") -> Condition:
    """Return a condition."""
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        observed_generation=1,
        last_transition_time=NOW,
    )


def with_conditions(cluster: CassandraCluster, *conditions: Condition) -> ClusterStatus:
    """Return the cluster's status with these conditions in place of its own."""
    return attrs.evolve(cluster.status, conditions=conditions)


def written(stage: Stage, finisher: Finisher, *conditions: Condition) -> CassandraCluster:
    """Write these conditions over those that are stored, and return the cluster as it is then."""
    cluster = stage.read()
    finisher.finish(cluster, with_conditions(cluster, *conditions))
    return stage.read()


def test_a_status_is_stored_and_reported_at_its_version(stage: Stage, finisher: Finisher) -> None:
    """What is reported is what a store has to show before the next plan."""
    cluster = stage.read()

    reported = finisher.finish(cluster, attrs.evolve(cluster.status, phase="Running"))

    stored = stage.there(kinds.CASSANDRA_CLUSTER, "cc")
    assert stored["status"] == {"phase": "Running"}
    assert reported is not None
    assert (reported.uid, reported.resource_version) == (
        stored["metadata"]["uid"],
        stored["metadata"]["resourceVersion"],
    )


def test_a_status_that_did_not_change_is_not_written(stage: Stage, finisher: Finisher, notes: Notes) -> None:
    """Nothing is sent, and nobody is told."""
    cluster = written(stage, finisher, condition("Degraded", "True"))
    sent, events = stage.writes, list(notes.events)

    assert finisher.finish(cluster, cluster.status) is None
    assert stage.writes == sent
    assert notes.events == events


def test_fields_of_others_stay(stage: Stage, finisher: Finisher) -> None:
    """A field that we do not know, or did not change, is not in what is sent."""
    stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"status": {"phase": "Pending", "readyNodes": 1}}, "status")
    cluster = stage.read()

    finisher.finish(cluster, attrs.evolve(cluster.status, phase="Running"))

    assert stage.there(kinds.CASSANDRA_CLUSTER, "cc")["status"] == {"phase": "Running", "readyNodes": 1}


def test_a_turn_for_the_worse_is_a_warning_once(stage: Stage, finisher: Finisher, notes: Notes) -> None:
    """At the turn, not while it lasts; another reason is another turn, and so is coming back to it."""
    bad, worse = condition("Degraded", "True"), condition("Degraded", "True", "Other", "something else")
    good = condition("Degraded", "False")
    for each in (bad, bad, worse, good, good, bad):
        written(stage, finisher, each)

    assert notes.of("Warning") == [("Why", "because"), ("Other", "something else"), ("Why", "because")]
    assert notes.of("Normal") == []


def test_a_refused_spec_is_a_warning(stage: Stage, finisher: Finisher, notes: Notes) -> None:
    """Its acceptance is none."""
    written(stage, finisher, condition("SpecAccepted", "False", "InvalidSpec", "spec.x: no"))
    written(stage, finisher, condition("SpecAccepted", "True", "Accepted"))

    assert notes.of("Warning") == [("InvalidSpec", "spec.x: no")]


def test_ready_is_told_when_it_comes(stage: Stage, finisher: Finisher, notes: Notes) -> None:
    """Each time that it does; its message may change meanwhile, and progress is no event at all."""
    for status, message in (("False", "0 of 1"), ("True", "1 of 1"), ("True", "2 of 2"), ("False", "1 of 2")):
        written(stage, finisher, condition("Ready", status, "R", message), condition("Progressing", "True"))
    written(stage, finisher, condition("Ready", "True", "R", "2 of 2"))

    assert notes.of("Normal") == [("Ready", "1 of 1"), ("Ready", "2 of 2")]
    assert notes.of("Warning") == []


@pytest.mark.parametrize("status", [403, 409, 500])
def test_what_was_not_written_is_not_told(
    stage: Stage, finisher: Finisher, notes: Notes, status: int
) -> None:
    """The next try tells it: one turn is one event, however many tries it takes."""
    stage.fault(Refuse(status=status), verbs=("patch",))
    bad = condition("Degraded", "True")

    with pytest.raises(OperatorError):
        written(stage, finisher, bad)
    assert notes.events == []
    written(stage, finisher, bad)

    assert len(notes.events) == 1


def test_another_cluster_of_the_name_gets_no_status_of_the_old(stage: Stage, finisher: Finisher) -> None:
    """The uid is what the status was made for."""
    old = stage.read()
    stage.remove(kinds.CASSANDRA_CLUSTER, "cc")
    stage.make_cluster()

    with pytest.raises(ConflictError):
        finisher.finish(old, attrs.evolve(old.status, phase="Running"))

    assert "status" not in stage.there(kinds.CASSANDRA_CLUSTER, "cc")


def test_a_status_of_the_past_is_not_written(stage: Stage, finisher: Finisher) -> None:
    """One that was made from an older status or spec would undo what somebody knows by now."""
    old = stage.read()
    stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"status": {"phase": "Running"}}, "status")

    with pytest.raises(ConflictError):
        finisher.finish(old, attrs.evolve(old.status, phase="Pending"))

    assert stage.there(kinds.CASSANDRA_CLUSTER, "cc")["status"] == {"phase": "Running"}


def test_without_the_lease_nothing_is_written_or_told(stage: Stage, finisher: Finisher, notes: Notes) -> None:
    """The other operator tells it."""
    stage.leading = False

    with pytest.raises(NotLeadingError):
        written(stage, finisher, condition("Degraded", "True"))

    assert stage.writes == 0
    assert notes.events == []
