"""Operations on nodes: which may begin, and what becomes of those that were begun."""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2.cluster import ClusterStatus, PodLastOperation, RackStatus
from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    LeaveStep,
    MarkOperation,
    NoteLeaving,
    OperationStep,
    RestartPod,
    RunOperation,
    StopOperation,
    Wait,
)
from controller.domain.desired import Desired
from controller.domain.leaving import Call, Ended, Held, Leaving, NotCalled
from controller.domain.observed import Observed
from controller.domain.operations import pods
from controller.domain.operations.kinds import (
    NAMES,
    Cleanup,
    Repair,
    Snapshot,
    Unusable,
    name_of,
    parse,
    text_of,
)
from controller.domain.operations.limits import limit_of
from controller.domain.operations.pods import PodOperation, Running
from controller.domain.operations.seen import METHODS, Busy, Operations
from controller.domain.plan import plan
from controller.domain.plan.operate import beside
from controller.domain.ring import Silent
from controller.domain.status import status
from unit_tests.domain.obedient import NOW, World, desired
from unit_tests.domain.test_status import rack

BEGAN = "2026-01-01T00:00:00+00:00"
FIRST, SECOND = "demo-dc1-rack0-0", "demo-dc1-rack0-1"
ARGUMENTS = {"rebuild": "dc2", "remove": "pod_10.0.0.9"}
# A removal asks for more than a ring at rest: test_remove.
CARRIED_OUT = sorted(set(NAMES.values()) - {"remove"})


def ring(
    *sizes: int, operations: Mapping[str, PodOperation] | None = None, seen: Operations | None = None
) -> tuple[Desired, Observed]:
    """Return a ring at rest in which pods have *operations*; all its nodes are members."""
    want = desired(sizes)
    racks = {f"dc1-rack{i}": rack(*["member"] * size) for i, size in enumerate(sizes)}
    found = World(racks=racks, shared=want.shared).observed(want)
    marked = {
        name: attrs.evolve(
            each,
            pods=tuple(
                attrs.evolve(pod, operation=(operations or {}).get(pod.name, pod.operation))
                for pod in each.pods
            ),
        )
        for name, each in found.racks.items()
    }
    return want, attrs.evolve(found, racks=marked, operations=seen or Operations())


def asked(name: str, argument: str | None = None) -> PodOperation:
    """Return the labels of a pod whose user asks for an operation."""
    return PodOperation(
        name=name,
        status="ToDo",
        argument=ARGUMENTS.get(name, "") if argument is None else argument,
    )


def runs(name: str, *, restarts: int | None = 0) -> PodOperation:
    """Return what stands on a pod whose operation was begun."""
    argument = ARGUMENTS.get(name, "")
    return PodOperation(
        name=name,
        status="Ongoing",
        argument=argument,
        running=Running(name=name, argument=argument, began=BEGAN, restarts=restarts),
    )


def marks(actions: tuple[Action, ...]) -> list[tuple[str, str]]:
    """Return the step and pod of each note in a plan."""
    return [(a.step.name, a.pod) for a in actions if isinstance(a, MarkOperation)]


def what(pod: str, call: Call | None = None, busy: Busy | Silent | None = None) -> Operations:
    """Return what is known of the operation on *pod*."""
    return Operations(
        calls={} if call is None else {pod: call}, busy={} if busy is None else {pod: busy}, operator="me"
    )


@pytest.mark.parametrize("name", CARRIED_OUT)
def test_what_is_begun_is_noted_before_anybody_is_asked(name: str) -> None:
    """The note has all that an operator needs who knows nothing else; then Cassandra is asked, once."""
    want, before = ring(2, operations={FIRST: asked(name)})
    (begin,) = plan(want, before)
    assert isinstance(begin, MarkOperation)
    assert (begin.step, begin.pod) == (OperationStep.BEGIN, FIRST)
    assert begin.labels["operation-status"] == "Ongoing"
    assert begin.labels["operation-start"] == "20260101T000000"
    assert begin.expected == {"operation-name": name, "operation-status": "ToDo"}

    annotations = {key: value for key, value in begin.annotations.items() if value is not None}
    labels = {"operation-name": name, "operation-status": "Ongoing"}
    stored = pods.read(labels, annotations)
    assert stored.running is not None
    want, after = ring(2, operations={FIRST: stored}, seen=what(FIRST, busy=Busy()))
    (run,) = plan(want, after)
    assert isinstance(run, RunOperation)
    assert name_of(run.operation) == name
    assert run.call_id.startswith(f"{name} ")


@pytest.mark.parametrize("name", CARRIED_OUT)
def test_a_node_that_is_at_it_is_not_asked_again(name: str) -> None:
    """Whoever asked it: an operator that has died since, or somebody with nodetool."""
    kind = type(parse(name, ARGUMENTS.get(name, "")))
    busy = Busy(methods=frozenset({METHODS[kind]}))  # type: ignore[index] # it is no Unusable
    want, observed = ring(2, operations={FIRST: runs(name)}, seen=what(FIRST, NotCalled(), busy))

    (action,) = plan(want, observed)

    assert isinstance(action, Wait)
    assert "runs, as the node says" in action.why
    assert action.seconds is not None


def test_a_rebuild_may_be_at_a_repair() -> None:
    """Which it ends in where Cassandra fetches nothing twice; a repair is never at a rebuild."""
    for name, method, waits in (("rebuild", "repair", True), ("repair", "rebuild", False)):
        busy = Busy(methods=frozenset({method}))
        want, observed = ring(2, operations={FIRST: runs(name)}, seen=what(FIRST, NotCalled(), busy))
        (action,) = plan(want, observed)
        assert isinstance(action, Wait) == waits


@pytest.mark.parametrize("busy", [None, Silent(why="no answer")])
def test_silence_is_no_end(busy: Silent | None) -> None:
    """Nothing is begun and nothing is over while a node does not say what it is at."""
    want, observed = ring(2, operations={FIRST: runs("cleanup")}, seen=what(FIRST, NotCalled(), busy))

    (action,) = plan(want, observed)

    assert isinstance(action, Wait)
    assert action.seconds is not None


@pytest.mark.parametrize(
    ("call", "busy", "expected", "words"),
    [
        (Ended(), None, "DONE", "cleanup on demo-dc1-rack0-0 is done"),
        (Ended(remark="nothing was there"), None, "DONE", "demo-dc1-rack0-0 is done: nothing was there"),
        (Ended(failure="disk full"), None, "FAILED", "failed: disk full"),
        (Ended(failure="cut", lost=True), Busy(), "FAILED", "the answer was lost (cut)"),
    ],
)
def test_the_end_is_told_in_words(call: Ended, busy: Busy | None, expected: str, words: str) -> None:
    """In the label, CassKop's words; beside it, Cassandra's. A lost answer is waited for while it runs."""
    want, observed = ring(2, operations={FIRST: runs("cleanup")}, seen=what(FIRST, call, busy))

    (action,) = plan(want, observed)

    assert isinstance(action, MarkOperation)
    assert action.step.name == expected
    assert words in action.why
    assert action.labels["operation-status"] == ("Done" if expected == "DONE" else "Error")
    assert action.annotations == {
        "cassandraclusters.db.orange.com/operation": None,
        "cassandraclusters.db.orange.com/operation-result": action.why,
    }


def test_long_words_are_cut() -> None:
    """Cassandra may list every range that it knows; a pod has a limit."""
    failure = Ended(failure="x" * 100_000)
    want, observed = ring(2, operations={FIRST: runs("rebuild")}, seen=what(FIRST, failure))
    (action,) = plan(want, observed)

    assert isinstance(action, MarkOperation)
    assert len(action.why) == 1000
    assert len(str(action.annotations)) < 2000


def test_a_call_that_is_held_is_waited_for() -> None:
    """Its end wakes the cluster."""
    want, observed = ring(2, operations={FIRST: runs("cleanup")}, seen=what(FIRST, Held()))

    assert plan(want, observed) == (Wait(seconds=None, why=f"cleanup on {FIRST} runs"),)


def test_cassandra_that_was_restarted_has_forgotten() -> None:
    """The operation ended with the process; nobody knows how far it came."""
    lost = Ended(failure="cut", lost=True)
    for call in (NotCalled(), lost):
        operations = {FIRST: runs("compact", restarts=3)}
        want, observed = ring(2, operations=operations, seen=what(FIRST, call, Busy()))
        (action,) = plan(want, observed)
        assert isinstance(action, MarkOperation)
        assert action.step is OperationStep.FAILED
        assert "Cassandra was restarted" in action.why


def test_what_casskop_began_is_taken_over() -> None:
    """It left a label and nothing else: the node is asked what it does, then asked to do it."""
    left = pods.read({"operation-name": "cleanup", "operation-status": "Ongoing"}, {})
    assert left.running is not None
    at_it = Busy(methods=frozenset({"forceKeyspaceCleanup"}))

    want, observed = ring(2, operations={FIRST: left}, seen=what(FIRST, NotCalled(), at_it))
    assert isinstance(plan(want, observed)[0], Wait)
    want, observed = ring(2, operations={FIRST: left}, seen=what(FIRST, NotCalled(), Busy()))
    assert isinstance(plan(want, observed)[0], RunOperation)


def test_the_second_operation_on_a_pod_waits_for_the_first() -> None:
    """Its labels stand where the first one's stood, and are not touched when that ends."""
    both = attrs.evolve(runs("cleanup"), name="flush", status="ToDo")
    want, observed = ring(2, operations={FIRST: both}, seen=what(FIRST, Held()))
    assert marks(plan(want, observed)) == []

    want, observed = ring(2, operations={FIRST: both}, seen=what(FIRST, Ended()))
    (action,) = plan(want, observed)
    assert isinstance(action, MarkOperation)
    assert (action.step, action.labels, action.expected) == (OperationStep.DONE, {}, {})


@given(st.lists(st.sampled_from(CARRIED_OUT), min_size=6, max_size=6))
def test_no_more_run_at_a_time_than_the_limits_allow(names: list[str]) -> None:
    """Whatever is asked for, and however often the plan is interrupted, all of it gets its turn."""
    nodes = [f"demo-dc1-rack{r}-{i}" for r in range(3) for i in range(2)]
    left = dict(zip(nodes, map(asked, names), strict=True))
    for _ in range(20):
        want, observed = ring(2, 2, 2, operations=left, seen=_held(left))
        for action in plan(want, observed):
            if isinstance(action, MarkOperation):
                left[action.pod] = runs(action.name)
        at_work = [
            (node, parse(each.name, each.argument)) for node, each in left.items() if each.running is not None
        ]
        counted = [
            (node, limit_of(op))
            for node, op in at_work
            if not isinstance(op, Unusable) and limit_of(op).counts
        ]
        assert all(limit.ring is not None and len(counted) <= limit.ring for _, limit in counted)
        racks = [node.rpartition("-")[0] for node, _ in counted]
        assert len(racks) == len(set(racks))
        if not at_work:
            break
        # One of them ends.
        del left[at_work[0][0]]
    assert not any(each.waits or each.running for each in left.values())


def _held(left: Mapping[str, PodOperation]) -> Operations:
    return Operations(calls={pod: Held() for pod, each in left.items() if each.running is not None})


@pytest.mark.parametrize(
    ("name", "argument", "words"),
    [
        ("defrag", "", "there is no operation 'defrag'"),
        ("", "", "operation-name is one of cleanup"),
        ("rebuild", "", "needs operation-argument"),
        ("repair", "app", "full or incremental"),
        ("repair", "full.", "full or incremental"),
        ("scrub", "a-b", "is a keyspace"),
        ("snapshot", "a.b.c", "is its name"),
        ("remove", "pod_10.0.0.999", "<pod>_<address>"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, argument: str, words: str) -> None:
    """With what to write, or to do, instead; nobody is asked for anything."""
    want, observed = ring(2, operations={FIRST: asked(name, argument)})

    (action,) = plan(want, observed)

    assert isinstance(action, MarkOperation)
    assert action.step is OperationStep.FAILED
    assert words in action.why
    assert action.labels["operation-status"] == "Error"


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("cleanup", "left-from-a-rebuild", Cleanup()),
        ("repair", "", Repair()),
        ("repair", "incremental", Repair(incremental=True)),
        ("repair", "full.app", Repair(keyspace="app")),
        ("snapshot", "monday.app", Snapshot(tag="monday", keyspace="app")),
        ("snapshot", "", Snapshot()),
    ],
)
def test_arguments_are_read(name: str, argument: str, expected: object) -> None:
    """CassKop's operations without an argument take no notice of one."""
    assert parse(name, argument) == expected


def test_every_operation_has_a_text_of_its_own() -> None:
    """So that two of them can be told apart in an event."""
    found = [parse(name, ARGUMENTS.get(name, "")) for name in NAMES.values()]
    texts = [text_of(each) for each in found if not isinstance(each, Unusable)]
    assert len(set(texts)) == len(texts) == len(NAMES)


def test_what_costs_much_waits_for_the_ring_to_rest() -> None:
    """It says for what; what is done within a moment does not wait, but for its own node."""
    want = desired((3,))
    world = World(racks={"dc1-rack0": rack("member", "member", "joining")}, shared=want.shared)
    observed = world.observed(want)
    labels = {FIRST: asked("cleanup"), SECOND: asked("snapshot"), "demo-dc1-rack0-2": asked("flush")}
    pods_ = tuple(
        attrs.evolve(p, operation=labels[p.name], created=NOW) for p in observed.racks["dc1-rack0"].pods
    )
    racks = {"dc1-rack0": attrs.evolve(observed.racks["dc1-rack0"], pods=pods_)}

    actions = plan(want, attrs.evolve(observed, racks=racks))

    assert marks(actions) == [("BEGIN", SECOND)]
    wait = actions[-1]
    assert isinstance(wait, Wait)
    assert wait.why.startswith(f"cleanup on {FIRST} waits: ")
    assert "flush on demo-dc1-rack0-2" in wait.why


def test_a_node_that_is_down_for_long_holds_nobody_up() -> None:
    """A ring of which a node is lost can be cleaned and repaired all the same."""
    want = desired((3,))
    world = World(
        racks={"dc1-rack0": rack("member", "member", "pending")},
        shared=want.shared,
        joined=frozenset(("dc1-rack0", i) for i in range(3)),
    )
    observed = world.observed(want)
    old = NOW - dt.timedelta(hours=1)
    pods_ = tuple(
        attrs.evolve(p, operation=asked("cleanup") if p.name == FIRST else p.operation, created=old)
        for p in observed.racks["dc1-rack0"].pods
    )
    racks = {"dc1-rack0": attrs.evolve(observed.racks["dc1-rack0"], pods=pods_)}

    assert marks(plan(want, attrs.evolve(observed, racks=racks))) == [("BEGIN", FIRST)]


def test_a_drain_takes_nobody_down_beside_one_that_is_down() -> None:
    """It is the one operation after which a node does not serve."""
    want = desired((3,))
    world = World(
        racks={"dc1-rack0": rack("member", "member", "pending")},
        shared=want.shared,
        joined=frozenset(("dc1-rack0", i) for i in range(3)),
    )
    observed = world.observed(want)
    old = NOW - dt.timedelta(hours=1)
    pods_ = tuple(
        attrs.evolve(p, operation=asked("drain") if p.name == FIRST else p.operation, created=old)
        for p in observed.racks["dc1-rack0"].pods
    )
    racks = {"dc1-rack0": attrs.evolve(observed.racks["dc1-rack0"], pods=pods_)}

    actions = plan(want, attrs.evolve(observed, racks=racks))

    assert marks(actions) == []
    assert "demo-dc1-rack0-2 serves again" in actions[-1].why


def test_what_would_harm_an_operation_waits_for_its_end() -> None:
    """A restart of its node, a node that leaves, a rack that grows; a snapshot delays only its own node."""
    restart = RestartPod(pod=FIRST, uid="u", why="new template")
    other = RestartPod(pod=SECOND, uid="u", why="new template")
    leave = NoteLeaving(rack="dc1-rack0", pod=SECOND, step=LeaveStep.BEGIN, why="smaller")
    proven = NoteLeaving(rack="dc1-rack0", pod=SECOND, step=LeaveStep.PROVEN, why="gone")
    grow = ApplyStatefulSet(rack="dc1-rack0", replicas=3, uid="u", why="grows")
    change = ApplyStatefulSet(rack="dc1-rack0", replicas=2, uid="u", why="template")

    def held(name: str) -> list[str]:
        want, observed = ring(2, operations={FIRST: runs(name)}, seen=what(FIRST, Held()))
        planned = (restart, other, leave, proven, grow, change)
        return [type(a).__name__ for a in beside(want, observed, planned)[: len(planned)]]

    assert held("cleanup") == ["Wait", "RestartPod", "Wait", "NoteLeaving", "Wait", "ApplyStatefulSet"]
    assert held("flush")[:3] == ["Wait", "RestartPod", "NoteLeaving"]


def test_a_restart_tells_which_labels_go_with_it() -> None:
    """What waits on a pod goes with it, and would else be missed; what we asked for, we ask for again."""
    restart = RestartPod(pod=FIRST, uid="u", why="new template")

    def told(operation: PodOperation) -> str:
        want, observed = ring(2, operations={FIRST: operation})
        return beside(want, observed, (restart,))[0].why

    assert told(asked("flush", "app")) == (
        "new template; its labels go with it, so ask again for flush of app, which has not begun"
    )
    assert told(attrs.evolve(asked("cleanup"), request="r")) == "new template"
    assert told(PodOperation(name="cleanup", status="Done")) == "new template"


def walk(
    operations: Mapping[str, PodOperation], seen: Operations, last: PodLastOperation
) -> PodLastOperation:
    """Return what one reconcile makes of a rack's `podLastOperation`."""
    want, observed = ring(2, operations=operations, seen=seen)
    previous = ClusterStatus(
        cassandra_rack_status={"dc1-rack0": RackStatus(phase="Running", pod_last_operation=last)}
    )
    new = status(previous, want, observed, plan(want, observed))
    return new.cassandra_rack_status["dc1-rack0"].pod_last_operation


def test_status_tells_it_in_casskops_words() -> None:
    """From Ongoing with the pods, to Done with those on which it succeeded, and those on which it did not."""
    begun = walk({FIRST: asked("cleanup"), SECOND: asked("cleanup")}, what(FIRST), PodLastOperation())
    assert (begun.name, begun.status, begun.pods) == ("cleanup", "Ongoing", (FIRST,))
    assert (begun.start_time, begun.end_time, begun.operator_name) == (NOW, None, "me")

    ends = walk({FIRST: runs("cleanup"), SECOND: asked("cleanup")}, what(FIRST, Ended()), begun)
    assert (ends.status, ends.pods, ends.pods_ok) == ("Ongoing", (), (FIRST,))

    done = attrs.evolve(asked("cleanup"), status="Done")
    fails = walk({FIRST: done, SECOND: runs("cleanup")}, what(SECOND, Ended(failure="no")), ends)
    assert (fails.status, fails.pods, fails.pods_ok, fails.pods_ko) == ("Done", (), (FIRST,), (SECOND,))
    assert fails.end_time == NOW

    assert walk({FIRST: done}, Operations(), fails) == fails


def test_status_makes_up_for_what_was_not_written() -> None:
    """A pod that is gone took its operation with it; one whose label says how it ended is believed."""
    last = PodLastOperation(
        name="cleanup", status="Ongoing", start_time=NOW, pods=(FIRST, "demo-dc1-rack0-9")
    )
    done = attrs.evolve(asked("cleanup"), status="Done")

    found = walk({FIRST: done}, Operations(), last)

    assert (found.status, found.pods_ok, found.pods_ko) == ("Done", (FIRST,), ("demo-dc1-rack0-9",))


def test_a_decommission_in_status_is_not_written_over() -> None:
    """It is what an operator goes by that starts anew."""
    last = PodLastOperation(name="decommission", status="Finalizing", pods=(SECOND,))
    want, observed = ring(2, operations={FIRST: asked("snapshot")})
    previous = ClusterStatus(cassandra_rack_status={"dc1-rack0": RackStatus(pod_last_operation=last)})
    actions = beside(want, observed, ())
    assert marks(actions) == [("BEGIN", FIRST)]

    new = status(previous, want, observed, actions)

    assert new.cassandra_rack_status["dc1-rack0"].pod_last_operation == last


def decommission(status: str = "Ongoing") -> PodOperation:
    """Return what CassKop's labels say on a pod whose node is asked to leave."""
    return pods.read({"operation-name": "decommission", "operation-status": status}, {})


def test_labels_of_a_decommission_are_left_to_the_node_that_leaves() -> None:
    """While it leaves they stay as they are; afterwards they are taken away, as no operation of a user's."""
    want, observed = ring(2, operations={SECOND: decommission()})
    leaving = attrs.evolve(observed, leaving=Leaving(rack="dc1-rack0", pod=SECOND))

    assert not [action for action in beside(want, leaving, ()) if isinstance(action, MarkOperation)]
    (mark,) = [action for action in beside(want, observed, ()) if isinstance(action, MarkOperation)]
    assert (mark.pod, mark.step) == (SECOND, OperationStep.STOPPED)
    assert mark.labels == dict.fromkeys(
        ("operation-name", "operation-status", "operation-start", "operation-end")
    )


@pytest.mark.parametrize("label", ["ToDo", "Ongoing"])
def test_a_label_lets_no_node_leave(label: str) -> None:
    """Who writes `decommission` on a pod has not made its rack smaller: status says nothing of it."""
    want, observed = ring(2, operations={SECOND: decommission(label)})
    actions = beside(want, observed, ())
    previous = ClusterStatus(cassandra_rack_status={"dc1-rack0": RackStatus(phase="Running")})

    new = status(previous, want, observed, actions)

    last = new.cassandra_rack_status["dc1-rack0"].pod_last_operation
    assert not last.pods
    assert last.status != "Ongoing"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": 1}', "null", '{"name":"a","restarts":"x"}'])
def test_a_note_that_somebody_spoilt_is_no_note(text: str) -> None:
    """The labels say what they say."""
    found = pods.read(
        {"operation-name": "cleanup", "operation-status": "Done"},
        {"cassandraclusters.db.orange.com/operation": text},
    )

    assert found.running is None


def paused(name: str) -> PodOperation:
    """Return what stands on a pod whose user has paused what was begun."""
    return attrs.evolve(runs(name), status="Paused")


def test_a_pause_stops_what_can_be_stopped() -> None:
    """Whoever holds the call; it is over when Cassandra says so, and the label stays as the user set it."""
    at_it = Busy(methods=frozenset({"forceKeyspaceCleanup"}))
    for seen in (what(FIRST, Held()), what(FIRST, NotCalled(), at_it)):
        want, observed = ring(2, operations={FIRST: paused("cleanup")}, seen=seen)
        stop, wait = plan(want, observed)
        assert isinstance(stop, StopOperation)
        assert isinstance(wait, Wait)

    interrupted = Ended(failure="Compaction interrupted")
    for seen in (what(FIRST, interrupted), what(FIRST, NotCalled(), Busy())):
        want, observed = ring(2, operations={FIRST: paused("cleanup")}, seen=seen)
        (end,) = plan(want, observed)
        assert isinstance(end, MarkOperation)
        assert (end.step, end.labels["operation-status"]) == (OperationStep.STOPPED, "Paused")


def test_what_came_to_its_end_is_done_though_paused() -> None:
    """The pause came too late."""
    want, observed = ring(2, operations={FIRST: paused("cleanup")}, seen=what(FIRST, Ended()))
    (end,) = plan(want, observed)

    assert isinstance(end, MarkOperation)
    assert end.labels["operation-status"] == "Done"


def test_what_cannot_be_stopped_says_so() -> None:
    """Cassandra has no way to take a rebuild back."""
    want, observed = ring(2, operations={FIRST: paused("rebuild")}, seen=what(FIRST, Held()))
    (wait,) = plan(want, observed)

    assert isinstance(wait, Wait)
    assert "cannot be stopped" in wait.why


def test_a_paused_pod_is_in_neither_list_of_status() -> None:
    """It neither succeeded nor failed."""
    last = PodLastOperation(name="cleanup", status="Ongoing", start_time=NOW, pods=(FIRST,))
    found = walk({FIRST: paused("cleanup")}, what(FIRST, NotCalled(), Busy()), last)

    assert (found.status, found.pods, found.pods_ok, found.pods_ko) == ("Done", (), (), ())
