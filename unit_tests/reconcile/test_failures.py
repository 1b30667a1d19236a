"""What a reconcile that fails leaves behind: a status that says why, and the failure for the queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.api.v2 import names
from controller.domain.errors import (
    ConflictError,
    NotLeadingError,
    OperatorError,
    TerminalError,
    TransientError,
)
from controller.kube import kinds
from controller.runtime.workers import After
from e2e.simkube.faults import Match, Refuse, RequestFault, Rule
from unit_tests.executors.stage import OPERATOR
from unit_tests.reconcile.bench import KEY, Bench


def refuse(
    bench: Bench, fault: RequestFault, kind: str, *, verb: str = "patch", times: int | None = None
) -> None:
    """Let *fault* strike the operator's requests of one kind."""
    match = Match(client=OPERATOR, verbs=(verb,), kinds=(kind,))
    bench.stage.server.faults.add(Rule(match, fault, times=times))


def told(bench: Bench) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition."""
    conditions = bench.cluster()["status"]["conditions"]
    return {c["type"]: (c["status"], c["reason"]) for c in conditions}


def test_what_the_server_refuses_becomes_a_condition_with_its_words(bench: Bench) -> None:
    """A quota, a webhook, a field that cannot change: Degraded says what was refused, and an event does."""
    refuse(bench, Refuse(status=403), "services")

    with pytest.raises(TerminalError):
        bench.reconcile()

    assert told(bench) == {
        "Ready": ("False", "NodesMissing"),
        "Progressing": ("False", "StepRefused"),
        "Degraded": ("True", "StepRefused"),
        "SpecAccepted": ("True", "Accepted"),
    }
    message = bench.condition("Degraded")["message"]
    assert message.startswith("apply Service cassandra/cc: ")
    assert "refused on purpose" in message
    assert bench.notes.of("Warning") == [("StepRefused", message)]


def test_nothing_is_claimed_of_a_spec_that_failed(bench: Bench) -> None:
    """`observedGeneration` moves only when a reconcile of that generation went through."""
    refuse(bench, Refuse(status=403), "services")
    with pytest.raises(TerminalError):
        bench.reconcile()
    assert "observedGeneration" not in bench.cluster()["status"]

    bench.stage.server.faults.clear()
    bench.reconcile()
    assert bench.cluster()["status"]["observedGeneration"] == 1


def test_the_same_failure_is_told_once(bench: Bench) -> None:
    """Status is not written again, nor an event sent, however often the step is tried; nor is time moved."""
    refuse(bench, Refuse(status=422), "services")
    with pytest.raises(TerminalError):
        bench.reconcile()
    before, events = bench.cluster(), list(bench.notes.events)

    for _ in range(3):
        bench.clock.advance(60)
        with pytest.raises(TerminalError):
            bench.reconcile()

    assert bench.cluster() == before
    assert bench.notes.events == events


def test_a_failure_that_may_pass_is_progress(bench: Bench) -> None:
    """A busy server makes nothing Degraded: it is being tried again, and then it is over."""
    refuse(bench, Refuse(status=503), "services", times=1)

    with pytest.raises(TransientError):
        bench.reconcile()
    assert told(bench)["Progressing"] == ("True", "Retrying")
    assert told(bench)["Degraded"][0] == "False"
    bench.reconcile()

    assert told(bench)["Progressing"] == ("True", "ApplyObject")
    assert bench.notes.of("Warning") == []


def test_steps_after_a_failure_are_not_taken(bench: Bench) -> None:
    """Without its Service no node can be found: the rack is not made."""
    refuse(bench, Refuse(status=403), "services")

    with pytest.raises(TerminalError):
        bench.reconcile()

    assert bench.stage.stored(kinds.STATEFULSET, "cc-dc1-rack1") is None


@pytest.mark.parametrize("status", [403, 409, 500])
def test_a_status_that_cannot_be_written_does_not_hide_the_failure(bench: Bench, status: int) -> None:
    """The queue gets the first failure, which says how to go on, not that of telling about it."""
    refuse(bench, Refuse(status=422), "services")
    refuse(bench, Refuse(status=status), "cassandraclusters/status")

    with pytest.raises(TerminalError, match="apply Service"):
        bench.reconcile()

    assert bench.notes.of("Warning") == []


@pytest.mark.parametrize(
    ("status", "error"), [(403, TerminalError), (409, ConflictError), (500, TransientError)]
)
def test_a_status_that_cannot_be_written_is_a_failure(
    bench: Bench, status: int, error: type[OperatorError]
) -> None:
    """Whatever else went well: it has to be tried again. What was done was told as it was done."""
    refuse(bench, Refuse(status=status), "cassandraclusters/status")

    with pytest.raises(error):
        bench.reconcile()

    assert [reason for reason, _ in bench.notes.of("Normal")] == ["ApplyObject"] * 5 + ["ApplyStatefulSet"]


def test_what_cannot_be_observed_is_told(bench: Bench) -> None:
    """A read that fails before anything is decided leaves its words, and what is known of the spec."""
    refuse(bench, Refuse(status=500), "storageclasses", verb="get")

    with pytest.raises(TransientError):
        bench.reconcile()

    assert told(bench) == {"Progressing": ("True", "Retrying"), "SpecAccepted": ("True", "Accepted")}
    assert "get StorageClass standard" in bench.condition("Progressing")["message"]


def test_a_bug_is_told_without_its_text_and_raised_as_it_is(bench: Bench) -> None:
    """The user learns that it is the operator's fault; what it quotes may be secret, and is for the log."""
    bench.reconcile()
    odd = bench.stage.there(kinds.STATEFULSET, "cc-dc1-rack1")
    del odd["spec"]["selector"]
    odd["metadata"]["resourceVersion"] = "99999"
    bench.see()
    bench.show(bench.core.stores.statefulsets, odd)

    with pytest.raises(KeyError):
        bench.core.reconciler.reconcile(KEY)

    assert told(bench)["Progressing"] == ("True", "Retrying")
    message = bench.condition("Progressing")["message"]
    assert "a bug of the operator (KeyError)" in message
    assert "selector" not in message


def test_the_accepted_spec_is_kept_before_anything_is_made_of_it(bench: Bench) -> None:
    """What is half done must not be undone by falling back on an older spec."""
    refuse(bench, Refuse(status=403), "services")

    with pytest.raises(TerminalError):
        bench.reconcile()

    assert bench.written()[:2] == ["patch cassandraclusters cc", "patch services cc"]
    assert names.LAST_APPLIED in bench.cluster()["metadata"]["annotations"]


def _a_secret(bench: Bench) -> None:
    bench.stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"imageJolokiaSecret": {"name": "none"}}})


STATES: dict[str, Callable[[Bench], object]] = {
    "nothing made": lambda _: None,
    "all made": lambda bench: bench.reconcile(),
    "an obstacle": _a_secret,
    "a spec that is refused": lambda bench: bench.stage.edit(
        kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"nodesPerRacks": -1}}
    ),
    "a refusal of the server": lambda bench: refuse(bench, Refuse(status=403), "services"),
    "an object that was edited": lambda bench: (
        bench.reconcile(),
        bench.stage.edit(kinds.POD_DISRUPTION_BUDGET, "cc", {"spec": {"maxUnavailable": 9}}),
    ),
}


@pytest.mark.parametrize("state", STATES)
def test_without_the_lease_nothing_at_all_is_written(bench: Bench, state: str) -> None:
    """No object, no status, no annotation, no event: the other operator may be at work already."""
    STATES[state](bench)
    bench.see()
    sent, events = bench.stage.writes, list(bench.notes.events)
    bench.stage.leading = False

    with pytest.raises(NotLeadingError):
        bench.core.reconciler.reconcile(KEY)

    assert bench.stage.writes == sent
    assert bench.notes.events == events


def test_it_does_not_plan_on_what_is_older_than_its_own_writes(bench: Bench) -> None:
    """Until the stores show them it waits, and reads and writes nothing."""
    bench.see()
    bench.core.reconciler.reconcile(KEY)
    sent = bench.written()
    refuse(bench, Refuse(status=500), "", verb="get")

    again = bench.core.reconciler.reconcile(KEY)

    assert isinstance(again, After)
    assert again.why == "the stores do not show our last writes yet"
    assert bench.written() == sent
