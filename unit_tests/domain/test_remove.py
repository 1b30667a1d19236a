"""Removals of dead nodes from the ring, by value: which may begin, and what becomes of those that did."""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
from typing import Any

import attrs
import pytest

from controller.api.v2 import names
from controller.api.v2.cluster import NodeRemoval
from controller.domain.actions import (
    Action,
    MarkOperation,
    OperationStep,
    ReleasePlace,
    RunOperation,
    StopOperation,
    Wait,
)
from controller.domain.availability import Keyspace
from controller.domain.availability.replication import NetworkTopology
from controller.domain.desired import Desired, Rollout
from controller.domain.leaving import Call, Ended, Held, NotCalled
from controller.domain.observed import Container, Observed, Pod, Rack, StatefulSet
from controller.domain.operations import pods
from controller.domain.operations.kinds import Remove, Unusable, parse
from controller.domain.operations.pods import PodOperation, Running
from controller.domain.operations.seen import Busy, Operations
from controller.domain.ownership import Ownership, Stream, Unread
from controller.domain.plan import operate, remove
from controller.domain.plan import orphaned as plan_orphaned
from controller.domain.removal_status import with_removal
from controller.domain.removing import forgotten
from controller.domain.ring import Silent
from unit_tests.domain.obedient import NOW
from unit_tests.domain.test_replace import PLACES, wanted
from unit_tests.domain.test_replacing import HOSTS, OLD, PEERS, VICTIM, answers, fresh, pod, seen, view

WORKER = PEERS[0]
HOST = "h0"
UUID = "0a4c8a52-0000-4000-8000-000000000001"
CLAIM = f"data-{VICTIM}"
PLACE = {VICTIM: "old", CLAIM: "c"}
APP = Keyspace(name="app", replication=NetworkTopology(factors={"dc1": 3}))
LEFT = {address: host for address, host in HOSTS.items() if host != HOST}


def owned(*keyspaces: Keyspace, **more: Any) -> Ownership:
    """Return who owns what in a ring of three."""
    tokens = dict(zip((0, 100, 200), sorted(HOSTS), strict=True))
    return Ownership(tokens=tokens, places=PLACES, keyspaces=keyspaces or (APP,), **more)


def asked(argument: str = VICTIM) -> PodOperation:
    """Return the labels of a pod through which a node is to be removed."""
    return PodOperation(name="remove", status="ToDo", argument=argument)


def begun(place: Mapping[str, str] = PLACE, *, restarts: int = 0) -> PodOperation:
    """Return what stands on a pod through which a node is being removed."""
    running = Running(name="remove", argument=VICTIM, began="t", restarts=restarts, host_id=HOST, place=place)
    return PodOperation(name="remove", status="Ongoing", argument=VICTIM, running=running)


def ring(operation: PodOperation, victim: Pod | None = None, *, on: str = WORKER, **more: Any) -> Observed:
    """Return a ring of three whose victim is down for both others, with an *operation* on one of those."""
    dead = victim or attrs.evolve(pod(VICTIM, ready=False), uid="old")
    found = seen(dead, fresh(created=None), **{"ownership": owned(), **more})

    def of(name: str, rack: Rack) -> Rack:
        marked = (attrs.evolve(e, operation=operation) if e.name == on else e for e in rack.pods)
        return attrs.evolve(rack, statefulset=_STATEFULSETS[name], pods=tuple(marked))

    return attrs.evolve(found, racks={name: of(name, rack) for name, rack in found.racks.items()})


_STATEFULSETS = {
    f"dc1-rack{n}": StatefulSet(
        name=f"demo-dc1-rack{n}",
        uid=f"uid-{n}",
        resource_version="1",
        generation=1,
        observed_generation=1,
        replicas=1,
        template_hash="t",
        template_revision=1,
        update_revision=None,
        on_delete=True,
    )
    for n in range(3)
}


def gone(observed: Observed) -> Observed:
    """Return *observed* once nobody knows the victim any more."""
    left = view(host_ids=LEFT, unreachable=frozenset())
    return attrs.evolve(observed, ring=answers(left, left))


def steps(observed: Observed, want: Desired | None = None) -> tuple[Action, ...]:
    """Return what is done about operations while nothing else is planned."""
    return operate.beside(want or wanted(automatic=False), observed, ())


def noted(through: str = WORKER, place: Mapping[str, str] = PLACE) -> NodeRemoval:
    """Return what status says of the removal of the victim."""
    return NodeRemoval(
        host_id=HOST, argument=VICTIM, place=place, through=through, through_uid=through, since=NOW
    )


def known(
    call: Call | None = None,
    *methods: str,
    removal: NodeRemoval | None = noted(),  # noqa: B008 -- a value
) -> Operations:
    """Return what is known of the call on the worker, what the worker says that it does, and status."""
    busy = Busy(methods=frozenset(methods))
    return Operations(calls={} if call is None else {WORKER: call}, busy={WORKER: busy}, removal=removal)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("demo-dc1-rack0-0_10.0.0.9", Remove(pod="demo-dc1-rack0-0", node="10.0.0.9")),
        ("demo-dc1-rack0-0_", Remove(pod="demo-dc1-rack0-0")),
        ("demo-dc1-rack0-0", Remove(pod="demo-dc1-rack0-0")),
        ("_10.0.0.9", Remove(node="10.0.0.9")),
        ("10.0.0.9", Remove(node="10.0.0.9")),
        (UUID, Remove(node=UUID)),
        (f"cc-0_{UUID}", Remove(pod="cc-0", node=UUID)),
    ],
)
def test_casskops_arguments_are_read(argument: str, expected: Remove) -> None:
    """Either part may be missing; what no label can hold with its `_` is written without."""
    assert parse("remove", argument) == expected


@pytest.mark.parametrize("argument", ["", "_", "_10.0.0.999", "cc-0_rack", "cc_0_10.0.0.9", "Pod_10.0.0.9"])
def test_what_is_no_argument_is_refused(argument: str) -> None:
    """With what to write."""
    found = parse("remove", argument)
    assert isinstance(found, Unusable)
    assert "<pod>_<address>" in found.why


@pytest.mark.parametrize("argument", [VICTIM, f"{VICTIM}_{OLD}"])
def test_whom_it_is_about_is_noted_before_anybody_is_asked(argument: str) -> None:
    """Host id, and uids of pod and volume: all that a later operator needs; and the proof."""
    (begin,) = steps(ring(asked(argument)))
    assert isinstance(begin, MarkOperation)
    assert begin.step is OperationStep.BEGIN
    assert f"{HOST} at {OLD} is down for all 2 nodes that answer" in begin.why

    annotations = {key: value for key, value in begin.annotations.items() if value is not None}
    noted = pods.read({}, annotations).running
    assert noted is not None
    assert (noted.host_id, noted.place) == (HOST, PLACE)


def test_an_address_alone_names_no_place() -> None:
    """Nothing is taken away then, whoever had that address."""
    app = attrs.evolve(APP, replication=NetworkTopology(factors={"dc1": 2}))
    (begin,) = steps(ring(asked(OLD), ownership=owned(app)))
    assert isinstance(begin, MarkOperation)
    noted = pods.read({}, {k: v for k, v in begin.annotations.items() if v is not None}).running
    assert noted is not None
    assert (noted.host_id, noted.place) == (HOST, {})


@pytest.mark.parametrize(
    ("argument", "more", "why"),
    [
        (WORKER, {}, "cannot remove itself"),
        ("10.9.9.9", {}, "knows a member of the ring at 10.9.9.9"),
        (UUID, {}, f"knows {UUID} as a member"),
        (PEERS[1], {}, "only a dead node is removed"),
        ("10.0.0.2", {}, "demo-dc1-rack2-0 at 10.0.0.2 serves"),
        (f"{VICTIM}_10.0.0.2", {}, "its volumes are left alone"),
        (f"{PEERS[1]}_{OLD}", {}, "give its address or host id alone"),
        ("demo-dc1-rack7-0", {}, "give its address or host id, as demo-dc1-rack7-0_<address>"),
        (
            VICTIM,
            {"ownership": owned(attrs.evolve(APP, replication=NetworkTopology(factors={"dc1": 1})))},
            "nowhere",
        ),
        (OLD, {}, "keyspace app keeps 3 copies there, and 2 nodes would stay in dc1"),
    ],
)
def test_what_would_do_harm_is_refused(argument: str, more: dict[str, Any], why: str) -> None:
    """At once, as an Error, and with what to do instead; nobody is asked for anything."""
    (mark,) = steps(ring(asked(argument), **more))
    assert isinstance(mark, MarkOperation)
    assert mark.step is OperationStep.FAILED
    assert why in mark.why


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ring": answers(view(), view(unreachable=frozenset()))}, "does not believe"),
        ({"ring": answers(view(), view(joining=frozenset({"10.0.0.7"})))}, "10.0.0.7 joining"),
        ({"ownership": None}, "nobody was asked"),
        ({"ownership": Unread(why="nobody answers")}, "nobody answers"),
        ({"ownership": owned(streams=(Stream(pod=PEERS[1], what="Rebuild"),))}, "streams data (Rebuild)"),
        ({"ownership": owned(schemas={"a": frozenset({"x"}), "b": frozenset({"y"})})}, "agree on the schema"),
        ({"ring": answers(view(), Silent(why="it hangs"))}, "no majority"),
    ],
)
def test_what_may_pass_is_waited_for(more: dict[str, Any], why: str) -> None:
    """Doubts of a single peer, another change of the ring, silence."""
    (wait,) = steps(ring(asked(), **more))
    assert isinstance(wait, Wait)
    assert why in wait.why


def test_cassandra_that_was_just_started_may_come_back() -> None:
    """It is waited for; one that has run for long and is down for all is not."""
    for age, action in ((dt.timedelta(minutes=1), Wait), (dt.timedelta(minutes=30), MarkOperation)):
        runs = Container(name="cassandra", running=True, since=NOW - age)
        started = pod(VICTIM, ready=False, created=NOW - age, containers=(runs,))
        (found,) = steps(ring(asked(), started))
        assert isinstance(found, action)


@pytest.mark.parametrize(
    "more",
    [
        {"ownership": owned(attrs.evolve(APP, replication=NetworkTopology(factors={"dc1": 1})))},
        {"ownership": owned(attrs.evolve(APP, replication=NetworkTopology(factors={"dc1": 9})))},
    ],
)
def test_a_user_may_know_better(more: dict[str, Any]) -> None:
    """`spec.unlockNextOperation` overrules what is said of copies, and nothing else."""
    want = attrs.evolve(wanted(automatic=False), rollout=Rollout(unlocked=True))
    (begin,) = steps(ring(asked(), **more), want)
    assert isinstance(begin, MarkOperation)
    assert begin.step is OperationStep.BEGIN

    (wait,) = steps(ring(asked(), ring=answers(view(), view(joining=frozenset({"10.0.0.7"}))), **more), want)
    assert isinstance(wait, Wait)


def test_who_owns_what_is_only_asked_where_it_counts() -> None:
    """While the node is not down for all, nobody is asked more."""
    assert remove.asks(ring(asked()))
    assert not remove.asks(ring(asked(), ring=answers(view(), view(unreachable=frozenset()))))
    assert not remove.asks(ring(begun()))


def test_cassandra_is_asked_once() -> None:
    """With the host id that was noted; one that is at it is not asked again, whoever asked it."""
    (run,) = steps(ring(begun(), operations=known(NotCalled())))
    assert isinstance(run, RunOperation)
    assert run.operation == Remove(pod=VICTIM, host_id=HOST)

    for seen_of in (known(Held()), known(NotCalled(), "removeNode"), known(Ended(lost=True), "removeNode")):
        (wait,) = steps(ring(begun(), operations=seen_of))
        assert isinstance(wait, Wait)


def test_status_tells_of_it_before_cassandra_is_asked() -> None:
    """So that it is not lost with the pod; also one that was noted for another pod of that name."""
    for removal in (None, attrs.evolve(noted(), through_uid="an older one")):
        observed = ring(begun(), operations=known(NotCalled(), removal=removal))
        (wait,) = steps(observed)
        assert isinstance(wait, Wait)
        assert "noted in status" in wait.why
        assert with_removal(observed, NOW) == noted()


def test_status_has_it_as_long_as_the_pod() -> None:
    """Not before: the note on the pod may fail; nor afterwards, as long as there is that pod."""
    assert with_removal(ring(asked(), operations=known(removal=None)), NOW) is None
    assert with_removal(ring(begun(), operations=known(removal=None)), NOW) == noted()
    later = NOW + dt.timedelta(minutes=1)
    assert with_removal(ring(begun(), operations=known()), later) == noted()
    assert with_removal(gone(ring(PodOperation(), operations=known())), NOW) is None


@pytest.mark.parametrize(("call", "restarts"), [(NotCalled(), 3), (Ended(lost=True), 0)])
def test_one_that_runs_no_more_is_begun_once_more(call: Call, restarts: int) -> None:
    """Cassandra was restarted, or the answer was lost: the note is for a new call, and the labels stay."""
    (mark,) = steps(ring(begun(restarts=restarts), operations=known(call)))
    assert isinstance(mark, MarkOperation)
    assert (mark.step, mark.labels) == (OperationStep.BEGIN, {})
    again = pods.read({}, {names.OPERATION: mark.annotations[names.OPERATION] or ""}).running
    assert again is not None
    assert (again.began, again.restarts, again.host_id, again.place) == (NOW.isoformat(), 0, HOST, PLACE)

    soon = attrs.evolve(begun(restarts=restarts), running=again)
    (wait,) = steps(ring(soon, operations=known(Ended(lost=True))))
    assert isinstance(wait, Wait)


@pytest.mark.parametrize("call", [NotCalled(), Ended(lost=True), Ended(failure="Host ID not found.")])
def test_what_the_worker_knows_no_more_is_not_asked_for_again(call: Call) -> None:
    """Its peers hear of it within seconds: that is no failure."""
    (wait,) = steps(ring(begun(), ring=answers(view(host_ids=LEFT), view()), operations=known(call)))
    assert isinstance(wait, Wait)
    assert "knows it no more" in wait.why


def orphaned(**more: Any) -> Observed:
    """Return a ring in which the pod is lost through which the victim was removed: it was made anew."""
    return ring(PodOperation(), operations=known(removal=noted("lost")), **more)


def test_another_member_goes_on_where_one_is_lost() -> None:
    """With the proof, and with what was noted first: the place is that of the dead node, not of the next."""
    half = view(leaving=frozenset({OLD}))
    observed = orphaned(ring=answers(half, half))
    assert remove.asks(observed) is False
    assert plan_orphaned.asks(observed)
    (begin,) = steps(observed)
    assert isinstance(begin, MarkOperation)
    assert (begin.step, begin.pod) == (OperationStep.BEGIN, WORKER)
    assert "begun on lost, which is lost, goes on through" in begin.why
    assert with_removal(observed, NOW) == noted("lost")


def test_one_that_only_status_tells_of_is_kept_there() -> None:
    """Until somebody goes on with it; nobody is replaced meanwhile."""
    observed = orphaned(ring=answers(view(), Silent(why="it hangs")))
    release = ReleasePlace(pod=VICTIM, uid="old", claims={}, why="lost")
    found = operate.beside(wanted(), observed, (release,))
    assert all(isinstance(action, Wait) for action in found)
    assert any("begun on lost, which is lost, waits: " in action.why for action in found)
    assert with_removal(observed, NOW) == noted("lost")


def test_a_lost_one_whose_node_is_out_has_its_place_emptied() -> None:
    """By what status noted; then it is over, and status says nothing more of it."""
    left = gone(orphaned())
    assert forgotten(left) == {VICTIM}
    (release,) = steps(left)
    assert isinstance(release, ReleasePlace)
    assert (release.pod, dict(release.claims)) == (VICTIM, {CLAIM: "c"})
    assert with_removal(left, NOW) == noted("lost")

    empty = gone(orphaned(victim=pod(VICTIM, ready=False), hosts={}))
    racks = {name: attrs.evolve(rack, claims=()) for name, rack in empty.racks.items()}
    empty = attrs.evolve(empty, racks=racks)
    assert steps(empty) == ()
    assert with_removal(empty, NOW) is None


def test_a_lost_one_that_would_do_harm_now_is_given_up() -> None:
    """Its user hears of it as of any that failed, on the member that was to go on with it."""
    app = attrs.evolve(APP, replication=NetworkTopology(factors={"dc1": 1}))
    observed = orphaned(ownership=owned(app))
    (mark,) = steps(observed)
    assert isinstance(mark, MarkOperation)
    assert mark.step is OperationStep.FAILED
    assert mark.labels[names.OPERATION_STATUS] == "Error"
    assert "is given up: data of app may be nowhere else" in mark.why
    assert with_removal(observed, NOW) == noted("lost")

    told = attrs.evolve(asked(), status="Error", request=mark.annotations[names.OPERATION_REQUEST])
    said = ring(told, operations=known(removal=noted("lost")), ownership=owned(app))
    assert steps(said) == ()
    assert with_removal(said, NOW) is None


def test_what_is_refused_on_another_pod_says_nothing_of_it() -> None:
    """It stays in status until it is over, or given up itself."""
    refused = attrs.evolve(asked(), status="Error", request="remove h9 ")
    observed = ring(refused, operations=known(removal=noted("lost")))
    assert with_removal(observed, NOW) == noted("lost")


def test_a_node_that_is_removed_alone_is_no_member_of_old_either() -> None:
    """Its pod may come with another disk: it joins at once. It is done when status has forgotten the node."""
    left = gone(ring(begun({}), operations=known(Ended(), removal=noted(place={}))))
    assert forgotten(left) == {VICTIM}
    (wait,) = steps(left)
    assert isinstance(wait, Wait)
    assert "record of members" in wait.why


def test_a_call_that_returned_is_no_proof() -> None:
    """As long as a peer knows the node it is waited for; what Cassandra refuses is an Error in its words."""
    (wait,) = steps(ring(begun(), operations=known(Ended())))
    assert isinstance(wait, Wait)
    assert "knows it as a member" in wait.why

    (mark,) = steps(ring(begun(), operations=known(Ended(failure="it is alive"))))
    assert isinstance(mark, MarkOperation)
    assert mark.step is OperationStep.FAILED
    assert "it is alive" in mark.why


@pytest.mark.parametrize(
    "call", [NotCalled(), Held(), Ended(), Ended(lost=True), Ended(failure="Host ID not found.")]
)
def test_its_place_is_emptied_once_nobody_knows_it(call: Call) -> None:
    """By the uids that were noted, whatever has become of the call or of the one who made it."""
    (release,) = steps(gone(ring(begun(restarts=3), operations=known(call))))
    assert isinstance(release, ReleasePlace)
    assert (release.pod, release.uid, dict(release.claims)) == (VICTIM, "old", {CLAIM: "c"})
    assert release.removed
    assert "none of the 2 nodes that answer knows h0 any more" in release.why


def test_nothing_that_came_afterwards_is_touched() -> None:
    """A new pod with a new volume is the next node: then the removal is done."""
    left = gone(ring(begun({VICTIM: "older", CLAIM: "older"}), hosts={}))
    (done,) = steps(left)
    assert isinstance(done, MarkOperation)
    assert done.step is OperationStep.DONE

    (wait,) = steps(attrs.evolve(left, recorded=frozenset({VICTIM})))
    assert isinstance(wait, Wait)
    assert "record of members" in wait.why


def test_a_pod_that_was_made_anew_with_the_old_volume_goes_as_well() -> None:
    """It has another uid, and is no new node all the same."""
    (release,) = steps(gone(ring(begun({VICTIM: "older", CLAIM: "c"}))))
    assert isinstance(release, ReleasePlace)
    assert release.uid == "old"


def test_without_a_pod_nothing_is_emptied() -> None:
    """It is done once nobody knows the node."""
    (done,) = steps(gone(ring(begun({}), hosts={})))
    assert isinstance(done, MarkOperation)
    assert done.step is OperationStep.DONE


def test_who_was_removed_is_no_member_of_old() -> None:
    """So that the node that comes in its place joins at once, and waits for no word on whom it replaces."""
    assert forgotten(gone(ring(begun()))) == {VICTIM}
    assert forgotten(ring(begun())) == frozenset()
    assert forgotten(gone(ring(asked()))) == frozenset()


def test_one_that_waits_for_a_node_that_is_down_is_ended_by_its_user() -> None:
    """Who is waited for is named; `spec.unlockNextOperation` ends it without that one."""
    stuck = view(unreachable=frozenset({OLD, "10.0.0.2"}), leaving=frozenset({OLD}))
    observed = ring(begun(), ring=answers(stuck, stuck), operations=known(Held()))
    (wait,) = steps(observed)
    assert isinstance(wait, Wait)
    assert "10.0.0.2, which is down" in wait.why
    assert "spec.unlockNextOperation" in wait.why

    stop, _ = steps(observed, attrs.evolve(wanted(automatic=False), rollout=Rollout(unlocked=True)))
    assert isinstance(stop, StopOperation)
    assert isinstance(stop.operation, Remove)


def test_what_casskop_began_is_not_guessed() -> None:
    """Nobody noted which node it is: its user asks again."""
    running = Running(name="remove", argument=VICTIM)
    theirs = PodOperation(name="remove", status="Ongoing", argument=VICTIM, running=running)
    (mark,) = steps(ring(theirs))
    assert isinstance(mark, MarkOperation)
    assert mark.step is OperationStep.FAILED
    assert "ask again" in mark.why


def test_nobody_is_restarted_or_replaced_meanwhile() -> None:
    """Whoever streams may not be taken away; one topology change at a time."""
    release = ReleasePlace(pod=VICTIM, uid="old", claims={}, why="lost")
    observed = ring(begun(), operations=known(Held()))
    found = operate.beside(wanted(), observed, (release,))
    assert not any(isinstance(action, ReleasePlace) for action in found)
    assert any(isinstance(a, Wait) and "left alone until removal of" in a.why for a in found)


def test_one_that_nobody_saw_out_is_removed_once_more() -> None:
    """The peer through which it was removed was restarted: the ring still says that the node leaves."""
    half = view(leaving=frozenset({OLD}))
    (begin,) = steps(ring(asked(), ring=answers(half, half)))
    assert isinstance(begin, MarkOperation)
    assert begin.step is OperationStep.BEGIN
