"""Operations on nodes: notes on pods, and calls that are made once."""

from __future__ import annotations

from collections.abc import Callable
import json
from typing import Any

import attrs
import httpx
import pytest

from controller.cassandra.jolokia import Credentials, Jolokia
from controller.domain.actions import MarkOperation, OperationStep, RunOperation, StopOperation
from controller.domain.errors import ConflictError, NotLeadingError, OperatorError, TransientError
from controller.domain.leaving import Ended, Held, NotCalled
from controller.domain.operations.kinds import (
    Cleanup,
    Compact,
    Drain,
    Flush,
    NodeOperation,
    Rebuild,
    Remove,
    Repair,
    Scrub,
    Snapshot,
    UpgradeSSTables,
)
from controller.executors.base import Bodies
from controller.executors.operations import RESULTS, Operations, call_state
from controller.kube import kinds
from controller.runtime.clock import SteppedClock
from controller.runtime.held_calls import HeldCalls
from controller.runtime.inquiries import Asking
from controller.runtime.store import Key
from controller.telemetry.metrics import Metrics
from unit_tests.executors.stage import NAMESPACE, Stage

POD = "cc-dc1-rack1-1"
ADDRESS = "10.0.0.7"
NOTE = "cassandraclusters.db.orange.com/operation"
REPLICATED = ["system_auth", "app"]
NTS = "org.apache.cassandra.locator.NetworkTopologyStrategy {dc1=3, dc2=1}"


_STARTING = httpx.Response(
    200,
    json={
        "status": 404,
        "error_type": "javax.management.InstanceNotFoundException",
        "error": "javax.management.InstanceNotFoundException : StorageService",
    },
)


class Line:
    """A node at the other end that knows its keyspaces; *answers* are what it says to calls."""

    def __init__(self, stage: Stage, *, limit: int = 64) -> None:
        self.stage = stage
        self.calls: list[tuple[str, list[Any]]] = []
        self.answers: Callable[[str, list[Any]], Any] = lambda _operation, _arguments: None
        # Who has copies of all keyspaces; the members of the ring stand in dc1 and dc2.
        self.replication = NTS
        # Whether questions that come before an operation are left without an answer.
        self.silent = False
        self.slept: list[float] = []
        self.waiting: list[Callable[[], None]] = []
        over = Jolokia.over(httpx.MockTransport(self._asked))
        jolokia = attrs.evolve(over, sleep=self.slept.append)
        self.held: HeldCalls[Key, str | None] = HeldCalls(
            wake=lambda _: None,
            clock=SteppedClock(),
            limit=limit,
            spawn=lambda _name, run: self.waiting.append(run),
        )
        self.run = Operations(stage.client, jolokia, jolokia, self.held)
        labels = {"operation-name": "cleanup", "operation-status": "Ongoing"}
        pod = stage.pod(POD, labels={"app": "cassandracluster", **labels})
        stage.edit(kinds.POD, POD, {"status": {"podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}}, "status")
        self.uid = str(pod["metadata"]["uid"])
        login = Credentials(username="u", password="secret")
        self.bodies: Bodies = attrs.evolve(stage.bodies(), login=login)

    def _asked(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == ADDRESS
        body = json.loads(request.content)
        if isinstance(body, list):
            places = {"10.0.0.7": "dc2", "10.0.0.8": "dc1"}
            said = [places.get(each["arguments"][0], self.replication) for each in body]
            return httpx.Response(200, json=[{"status": 200, "value": value} for value in said])
        if body["type"] == "read":
            if self.silent:
                raise httpx.ReadTimeout("nothing came")
            names = body["attribute"]
            known = {
                "Keyspaces": ["system", *REPLICATED],
                "NonLocalStrategyKeyspaces": REPLICATED,
                "LiveNodes": ["10.0.0.7"],
                "UnreachableNodes": ["10.0.0.8"],
            }
            return httpx.Response(200, json={"status": 200, "value": {n: known.get(n, "dc2") for n in names}})
        self.calls.append((body["operation"].partition("(")[0], body["arguments"]))
        answer = self.answers(*self.calls[-1])
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json={"status": 200, "value": answer})

    def action(self, operation: NodeOperation | None = None, **changes: Any) -> RunOperation:
        """Return the action for the pod."""
        action = RunOperation(
            pod=POD,
            uid=self.uid,
            ip=ADDRESS,
            operation=operation or Cleanup(),
            call_id="one",
            threads=2,
            tag="snapshot-1",
            why="a test",
        )
        return attrs.evolve(action, **changes)

    def mark(self, **changes: Any) -> MarkOperation:
        """Return a note on the pod."""
        action = MarkOperation(
            rack="dc1-rack1",
            pod=POD,
            uid=self.uid,
            step=OperationStep.DONE,
            name="cleanup",
            labels={"operation-status": "Done", "operation-end": "20260101T000000"},
            annotations={NOTE: None},
            expected={"operation-status": "Ongoing"},
            why="a test",
        )
        return attrs.evolve(action, **changes)

    def make_calls(self) -> None:
        """Make the calls that were begun."""
        for run in self.waiting:
            run()
        self.waiting.clear()

    def carry_out(self, operation: NodeOperation) -> Ended:
        """Have the node asked for *operation*, and return how that ended."""
        self.run(self.action(operation), self.bodies)
        self.make_calls()
        state = call_state(self.held, "one")
        assert isinstance(state, Ended)
        return state


@pytest.fixture
def line(stage: Stage) -> Line:
    """Return a node that says yes."""
    return Line(stage)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Cleanup(), [("forceKeyspaceCleanup", [2, name, []]) for name in REPLICATED]),
        (
            UpgradeSSTables(),
            [("upgradeSSTables", [name, True, 0, []]) for name in ("system", *REPLICATED)],
        ),
        (Compact(), [("forceKeyspaceCompaction", [False, name, []]) for name in REPLICATED]),
        (Scrub(keyspace="app"), [("scrub", [False, False, True, False, 0, "app", []])]),
        (Flush(keyspace="app"), [("forceKeyspaceFlush", ["app", []])]),
        (
            Rebuild(source="dc1"),
            [("rebuild", ["dc1", "system_auth", None, None]), ("rebuild", ["dc1", "app", None, None])],
        ),
        (Drain(), [("drain", [])]),
        (Remove(pod="cc-dc1-rack2-0", host_id="h"), [("removeNode", ["h"])]),
        (Snapshot(), [("takeSnapshot", ["snapshot-1", {}, []])]),
        (Snapshot(tag="monday", keyspace="app"), [("takeSnapshot", ["monday", {}, ["app"]])]),
    ],
)
def test_each_operation_is_asked_for_in_cassandras_words(
    line: Line, operation: NodeOperation, expected: list[tuple[str, list[Any]]]
) -> None:
    """One keyspace after the other, where an operation is one call for each."""
    assert line.carry_out(operation) == Ended()
    assert line.calls == expected


def test_a_call_is_made_once_and_known_while_it_lasts(line: Line) -> None:
    """And by nobody who has not made it."""
    line.run(line.action(), line.bodies)
    line.run(line.action(), line.bodies)

    assert call_state(line.held, "one") == Held()
    assert call_state(line.held, "two") == NotCalled()
    assert len(line.waiting) == 1


def test_the_first_refusal_ends_it_in_cassandras_words(line: Line) -> None:
    """With the keyspace that it is about; nothing is asked for a second time."""
    line.answers = lambda _o, _a: httpx.Response(200, json={"status": 500, "error": "disk full"})

    assert line.carry_out(Cleanup()) == Ended(failure="system_auth: disk full")
    assert len(line.calls) == 1


@pytest.mark.parametrize(
    ("answer", "words"), [(1, "was aborted"), (2, "could not be stopped"), (9, "say why")]
)
def test_half_done_is_not_done(line: Line, answer: int, words: str) -> None:
    """Cassandra tells it by a number, and no error."""
    line.answers = lambda _o, _a: answer

    assert words in str(line.carry_out(Scrub(keyspace="app")).failure)


def test_a_rebuild_that_is_not_repeated_ends_in_a_repair(line: Line) -> None:
    """Cassandra 5.0 refuses a keyspace once data of it was fetched, whether or not that came to its end."""

    def answer(operation: str, arguments: list[Any]) -> Any:
        if operation == "rebuild" and arguments[1] == "system_auth":
            error = "Discovered existing bootstrap data and so on"
            return httpx.Response(200, json={"status": 500, "error": error})
        return {"repairAsync": 7, "getParentRepairStatus": ["COMPLETED", "done"]}.get(operation)

    line.answers = answer
    assert line.carry_out(Rebuild(source="dc1")) == Ended()

    assert [name for name, _ in line.calls] == ["rebuild"] * 2 + ["repairAsync", "getParentRepairStatus"]
    keyspace, options = line.calls[2][1]
    assert keyspace == "system_auth"
    assert (options["primaryRange"], options["incremental"]) == ("false", "false")
    assert options["dataCenters"] == "dc2,dc1"


def test_a_lost_answer_is_told_from_a_refusal(line: Line) -> None:
    """It says nothing about the operation."""

    def broken(_operation: str, _arguments: list[Any]) -> Any:
        raise httpx.ReadTimeout("nothing came")

    line.answers = broken
    found = line.carry_out(Cleanup())

    assert found.lost
    assert len(line.calls) == 1


def test_a_node_that_is_silent_beforehand_was_not_asked(line: Line) -> None:
    """That is told once, as a failure that passes; then the operation is asked for as if never before."""
    line.silent = True
    line.run(line.action(), line.bodies)
    line.make_calls()
    assert call_state(line.held, "one") == NotCalled()

    with pytest.raises(TransientError, match="did not answer in time"):
        line.run(line.action(), line.bodies)
    assert not line.waiting

    line.silent = False
    assert line.carry_out(Cleanup()) == Ended()


def test_a_process_that_has_only_just_started_was_not_asked(line: Line) -> None:
    """Its agent is there before Cassandra is."""
    line.answers = lambda _o, _a: _STARTING
    line.run(line.action(Flush(keyspace="app")), line.bodies)
    line.make_calls()

    assert call_state(line.held, "one") == NotCalled()


@pytest.mark.parametrize("operation", [Cleanup(), Repair(keyspace="app")])
def test_a_node_that_restarts_in_the_middle_has_lost_the_answer(line: Line, operation: NodeOperation) -> None:
    """It is no word of Cassandra's that there is no StorageService."""
    # A repair has a number.
    said = iter([7 if isinstance(operation, Repair) else 0])
    line.answers = lambda _o, _a: next(said, _STARTING)

    found = line.carry_out(operation)

    assert found.lost
    assert "is starting" in str(found.failure)


def test_who_does_not_lead_any_more_goes_no_further(line: Line) -> None:
    """The call under way ends; the next keyspace is the next leader's."""

    def lose(_operation: str, _arguments: list[Any]) -> None:
        line.stage.leading = False

    line.answers = lose

    assert line.carry_out(Cleanup()).lost
    assert len(line.calls) == 1


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Flush(keyspace="nosuch"), "there is no keyspace nosuch"),
        (Rebuild(source="dc9"), "the ring has no data centre dc9 to fetch from: there are dc1, dc2"),
        (Remove(node="10.0.0.9"), "it is not known which node"),
        (Repair(keyspace="system"), "there is no keyspace system"),
    ],
)
def test_what_would_do_nothing_or_harm_is_not_asked_for(
    line: Line, operation: NodeOperation, words: str
) -> None:
    """A word that names nothing is refused before Cassandra hears of it."""
    found = line.carry_out(operation)

    assert words in str(found.failure)
    assert not found.lost
    assert not line.calls


@pytest.mark.parametrize(
    ("replication", "words"),
    [
        ("NetworkTopologyStrategy {dc1=3}", "no keyspace of yours keeps copies in dc2"),
        ("NetworkTopologyStrategy {dc2=1}", "no keyspace of yours keeps copies in dc1"),
        ("SimpleStrategy {replication_factor=2}", "of app, with SimpleStrategy"),
    ],
)
def test_a_rebuild_without_anything_to_fetch_is_done_and_says_so(
    line: Line, replication: str, words: str
) -> None:
    """As with CassKop, if the ring has that data centre; Cassandra 5.0 would refuse the real one ever after.

    What has SimpleStrategy is left out, as a node got its share of that when it joined.
    """
    line.replication = replication

    found = line.carry_out(Rebuild(source="dc1"))

    assert found.failure is None
    assert words in str(found.remark)
    assert "ALTER KEYSPACE" in str(found.remark)
    assert not line.calls


def test_a_repair_is_asked_about_until_it_is_over(line: Line) -> None:
    """Cassandra answers with a number; 0 means that there is nothing to compare."""
    said = iter([0, 7, None, ["IN_PROGRESS"], ["COMPLETED", "Repair completed successfully"]])

    def answer(operation: str, _arguments: list[Any]) -> Any:
        found = next(said)
        return ["IN_PROGRESS"] if operation == "getParentRepairStatus" and found is None else found

    line.answers = answer

    assert line.carry_out(Repair(incremental=True)) == Ended()
    assert [name for name, _ in line.calls] == ["repairAsync"] * 2 + ["getParentRepairStatus"] * 3
    assert line.calls[0][1][1]["incremental"] == "true"
    assert line.calls[2][1] == [7]
    assert len(line.slept) == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [(["FAILED", "did not get replies"], "app: did not get replies"), (None, "does not know its repair 7")],
)
def test_a_repair_that_fails_or_is_forgotten_says_so(line: Line, status: Any, words: str) -> None:
    """In Cassandra's words where it has any."""
    line.answers = lambda operation, _: status if operation == "getParentRepairStatus" else 7

    assert words in str(line.carry_out(Repair(keyspace="app")).failure)


def test_a_snapshot_of_our_own_naming_is_not_missed(line: Line) -> None:
    """It exists since an earlier call for the same operation made it; a name of the user's is the user's.

    Unless an operator that is no more began the operation: it may have made it, and not heard the answer.
    """
    there = {"status": 500, "error": "java.io.IOException : Snapshot x already exists."}
    line.answers = lambda _o, _a: httpx.Response(200, json=there)
    begins = line.mark(step=OperationStep.BEGIN, annotations={NOTE: "it began"}, expected={})

    assert line.carry_out(Snapshot()) == Ended()
    line.held.forget("one")
    line.run(begins, line.bodies)
    assert "already exists" in str(line.carry_out(Snapshot(tag="x")).failure)

    line.run = attrs.evolve(line.run)
    line.held.forget("one")
    assert line.carry_out(Snapshot(tag="x")) == Ended()


@pytest.mark.parametrize("changes", [{"uid": "another"}, {"ip": "10.0.0.8"}, {"pod": "cc-dc1-rack1-2"}])
def test_another_pod_is_not_asked(line: Line, changes: dict[str, Any]) -> None:
    """It is not the one that the operation was begun on."""
    with pytest.raises(ConflictError):
        line.run(line.action(**changes), line.bodies)
    assert not line.waiting


def test_what_is_over_is_not_asked_for(line: Line) -> None:
    """Somebody noted its end since the plan was made."""
    line.run(line.mark(), line.bodies)
    with pytest.raises(ConflictError):
        line.run(line.action(), line.bodies)


def test_where_there_is_no_room_it_is_tried_again(stage: Stage) -> None:
    """Nothing was begun."""
    line = Line(stage, limit=1)
    line.run(line.action(), line.bodies)
    with pytest.raises(TransientError, match="calls are held already"):
        line.run(line.action(call_id="two"), line.bodies)


def test_a_note_is_written_while_all_is_as_it_was(line: Line) -> None:
    """Labels are set, what is None is taken away, and the version is reported."""
    line.stage.edit(kinds.POD, POD, {"metadata": {"annotations": {NOTE: "{}"}}})
    written = line.run(line.mark(), line.bodies)

    pod = line.stage.there(kinds.POD, POD)
    assert pod["metadata"]["labels"]["operation-status"] == "Done"
    assert NOTE not in (pod["metadata"].get("annotations") or {})
    assert written is not None
    assert (written.kind, written.namespace) == (kinds.POD, NAMESPACE)
    assert written.resource_version == pod["metadata"]["resourceVersion"]


@pytest.mark.parametrize("changes", [{"expected": {"operation-status": "ToDo"}}, {"uid": "another"}])
def test_a_note_is_not_written_over_somebody_elses(line: Line, changes: dict[str, Any]) -> None:
    """The user was quicker, or the pod is another one."""
    with pytest.raises(ConflictError):
        line.run(line.mark(**changes), line.bodies)
    assert line.stage.there(kinds.POD, POD)["metadata"]["labels"]["operation-status"] == "Ongoing"


def test_a_user_who_writes_in_between_wins(line: Line) -> None:
    """The note has the version that was looked at as its precondition."""
    line.stage.transport.happens = lambda: line.stage.edit(
        kinds.POD, POD, {"metadata": {"labels": {"operation-name": "flush", "operation-status": "ToDo"}}}
    )
    with pytest.raises(ConflictError):
        line.run(line.mark(), line.bodies)


def test_beginnings_and_ends_are_counted(line: Line) -> None:
    """By operation and result; what is no operation is not, since users could make any number of them."""
    metrics = Metrics()
    metrics.expect_operations(["cleanup"], RESULTS)
    counting = attrs.evolve(line.run, metrics=metrics)
    labels = {"operation-status": "Ongoing"}
    for step in OperationStep:
        counting(line.mark(step=step, labels=labels), line.bodies)
    counting(line.mark(step=OperationStep.FAILED, name="defrag", labels=labels), line.bodies)

    text = metrics.render().decode()
    assert 'casskop_operation_started_total{operation="cleanup"} 1.0' in text
    for result in RESULTS:
        assert f'casskop_operation_finished_total{{operation="cleanup",result="{result}"}} 1.0' in text
    assert "defrag" not in text


def test_nobody_is_asked_without_the_lease(line: Line) -> None:
    """The next leader asks."""
    line.stage.leading = False
    with pytest.raises(NotLeadingError):
        line.run(line.action(), line.bodies)
    assert not line.waiting


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Cleanup(), [("stopCompaction", ["CLEANUP"])]),
        (UpgradeSSTables(), [("stopCompaction", ["UPGRADE_SSTABLES"])]),
        (Scrub(), [("stopCompaction", ["SCRUB"])]),
        (Drain(), []),
        (Remove(), [("forceRemoveCompletion", [])]),
    ],
)
def test_a_node_is_told_to_stop(
    line: Line, operation: NodeOperation, expected: list[tuple[str, list[Any]]]
) -> None:
    """In Cassandra's word for the work, where it has one."""
    stop = StopOperation(pod=POD, uid=line.uid, ip=ADDRESS, operation=operation, why="a test")
    assert line.run(stop, line.bodies) is None
    line.make_calls()
    assert line.calls == expected
    with pytest.raises(ConflictError):
        line.run(attrs.evolve(stop, ip="10.0.0.8"), line.bodies)


def test_nobody_waits_for_a_node_that_is_told_to_stop(line: Line) -> None:
    """It is told once at a time; what that failed with is told once, and then it is told again."""
    stop = StopOperation(pod=POD, uid=line.uid, ip=ADDRESS, operation=Cleanup(), why="a test")
    line.answers = lambda *_: httpx.Response(500, text="no")
    line.run(stop, line.bodies)
    with pytest.raises(Asking):
        line.run(stop, line.bodies)
    line.make_calls()
    with pytest.raises(OperatorError, match="HTTP 500 no"):
        line.run(stop, line.bodies)
    assert not line.waiting

    line.run(stop, line.bodies)

    assert len(line.waiting) == 1
