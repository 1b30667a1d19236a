"""What becomes of nodes that have to go: proven steps, one node at a time, whatever interrupts them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    Decommission,
    DeleteClaim,
    DeleteStatefulSet,
    Hold,
    LeaveStep,
    NoteLeaving,
    ShrinkStatefulSet,
    Wait,
)
from controller.domain.availability import Keyspace, NetworkTopology
from controller.domain.desired import Desired
from controller.domain.leaving import (
    Ended,
    Fate,
    Gone,
    Held,
    Joins,
    Leaves,
    Leaving,
    Member,
    NotCalled,
    Unknown,
    fate,
    forgotten,
)
from controller.domain.observed import Claim, Container, Observed
from controller.domain.plan import needs_ownership, plan
from controller.domain.ring import Answer, Mode, Ring, Silent
from controller.domain.status import status
from unit_tests.domain.obedient import desired
from unit_tests.domain.shrinking import Cluster

SIZES = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple).filter(any)
APP = Keyspace(name="app", replication=NetworkTopology(factors={"dc1": 1}))
LAST = "demo-dc1-rack0-1"


def follow(world: Cluster, wishes: list[Desired], data: st.DataObject) -> Cluster:
    """Let *world* follow each wish in turn, for a while or to the end; the model checks every step."""
    want, later = wishes[0], list(wishes[1:])
    crashes, patience = 2, 5
    for _ in range(600):
        before = world
        world, actions = world.step(want)

        assert len(world.moving()) <= 1
        assert sum(s in ("member", "leaving") for s in world.places.values()) >= 1

        movable = world.ready_to_move()
        leaving = [s for s, stage in world.places.items() if stage == "leaving"]
        if leaving and crashes and data.draw(st.integers(0, 9)) == 0:
            crashes -= 1
            world = world.crashed(leaving[0])
        elif movable and (not patience or data.draw(st.booleans())):
            world, patience = world.advance(movable[0], want), 5
        elif later and data.draw(st.integers(0, 4)) == 0:
            want = later.pop(0)
        elif movable:
            patience -= 1
        elif not movable and not actions and world.status == before.status:
            if not later:
                return world
            want = later.pop(0)
    raise AssertionError(f"no end in sight: {actions}, {world.places}, {world.sizes}")


@given(st.data())
def test_every_sequence_of_sizes_ends_at_the_last_one(data: st.DataObject) -> None:
    """Racks follow any edits at any moment; nodes move one at a time, and nothing of those that left stays.

    Each step is a restart of the operator, and leaving nodes crash on the way.
    """
    start = data.draw(SIZES)
    sizes = data.draw(st.lists(st.tuples(*[st.integers(0, 3)] * len(start)).filter(any), max_size=3))
    wishes = [desired(start), *(desired(each) for each in sizes)]

    world = follow(Cluster.running(wishes[0], keyspaces=(APP,)), wishes, data)

    last = wishes[-1]
    names = {f"{r.statefulset}-{i}" for r in last.racks for i in range(r.replicas)}
    assert {name: size for name, size in world.sizes.items() if size} == {
        r.name: r.replicas for r in last.racks if r.replicas
    }
    assert world.claims == names
    assert world.recorded == names
    assert set(world.status.cassandra_node_status) == names
    assert all(stage == "member" for stage in world.places.values())
    assert world.status.last_cluster_action_status == "Done"


def until(world: Cluster, want: Desired, kind: type[Action]) -> tuple[Cluster, Action]:
    """Take steps until the next plan begins with an action of *kind*, and return it."""
    for _ in range(20):
        after, actions = world.step(want)
        if actions and isinstance(actions[0], kind):
            return world, actions[0]
        world = after
        if world.ready_to_move():
            world = world.advance(world.ready_to_move()[0], want)
    raise AssertionError(f"no {kind}")


def shrunk(size: int = 1) -> tuple[Cluster, Desired]:
    """Return a rack of two, of which the spec now asks for *size*."""
    return Cluster.running(desired((2,)), keyspaces=(APP,)), desired((size,))


def test_the_intent_is_noted_before_anything_is_done() -> None:
    """First status, then the call; first status, then the smaller size: in this order, and each once."""
    world, want = shrunk()
    seen: list[str] = []
    for _ in range(30):
        world, actions = world.step(want)
        seen += [
            a.step.value if isinstance(a, NoteLeaving) else type(a).__name__
            for a in actions
            if not isinstance(a, Wait)
        ]
        if world.ready_to_move():
            world = world.advance(world.ready_to_move()[0], want)

    assert seen == [
        "LeaveBegins",
        "Decommission",
        "LeaveProven",
        "ShrinkStatefulSet",
        "DeleteClaim",
        "LeaveEnds",
    ]
    assert world.asked == 1


def test_racks_shrink_in_balance() -> None:
    """The largest rack of a data centre goes first; of equal ones the last, as the first grows first."""
    world, want = Cluster.running(desired((2, 3, 3)), keyspaces=(APP,)), desired((1, 1, 1))

    order = []
    for _ in range(200):
        world, actions = world.step(want)
        order += [a.pod for a in actions if isinstance(a, Decommission)]
        if world.ready_to_move():
            world = world.advance(world.ready_to_move()[0], want)

    assert order == [
        "demo-dc1-rack2-2",
        "demo-dc1-rack1-2",
        "demo-dc1-rack2-1",
        "demo-dc1-rack1-1",
        "demo-dc1-rack0-1",
    ]


def test_a_member_is_never_taken_away() -> None:
    """Whatever status says of it: a node that a peer knows keeps its place and its volume."""
    world, want = shrunk()
    world, _ = until(world, want, Decommission)
    seen = world.observed(want)
    assert seen.leaving is not None
    claims_proof = attrs.evolve(seen, leaving=attrs.evolve(seen.leaving, proven=True))

    actions = plan(want, claims_proof)

    assert not [a for a in actions if isinstance(a, ShrinkStatefulSet | DeleteClaim)]


@pytest.mark.parametrize("silent", [1, 2])
def test_silence_is_no_proof(silent: int) -> None:
    """With half of the peers silent, a node that the others do not know is not gone."""
    want = desired((3,))
    world = Cluster.running(want)
    seen = world.observed(want)
    answers = dict(seen.ring.answers)
    for pod in list(answers)[:silent]:
        answers[pod] = Silent(why="timed out")
    unheard = attrs.evolve(seen, ring=Ring(answers=answers), hosts={**seen.hosts, "demo-dc1-rack0-2": "x"})
    without_pod = attrs.evolve(
        unheard,
        racks={n: attrs.evolve(r, pods=r.pods[:-1]) for n, r in unheard.racks.items()},
    )

    assert isinstance(fate("demo-dc1-rack0-2", without_pod), Unknown)


@pytest.mark.parametrize("known", [0, 1])
def test_who_does_not_know_the_others_cannot_tell_of_anybody(known: int) -> None:
    """A peer that knows nobody, or not one of those that answer, has not heard of the ring: no witness."""
    want = desired((3,))
    seen = Cluster.running(want).observed(want)
    whole = seen.ring.views()["demo-dc1-rack0-0"].host_ids
    answers = dict(seen.ring.views())
    for pod in ("demo-dc1-rack0-0", "demo-dc1-rack0-1"):
        answers[pod] = attrs.evolve(answers[pod], host_ids=dict(list(whole.items())[:known]))

    found = fate("demo-dc1-rack0-2", attrs.evolve(seen, ring=Ring(answers=answers)))

    assert isinstance(found, Unknown)
    assert "no majority" in found.why


def test_members_whose_pods_are_yet_to_come_are_no_part_of_a_majority() -> None:
    """Of five peers two have pods, and do not know the sixth: three may, who have a place and no pod yet."""
    want = desired((6,))
    seen = Cluster.running(want).observed(want)
    few = {n: attrs.evolve(r, pods=(*r.pods[:2], r.pods[-1])) for n, r in seen.racks.items()}
    started = tuple(pod.name for pod in seen.pods())[:2]
    views = {name: view for name, view in seen.ring.views().items() if name in started}
    own = next(pod.ip for pod in seen.pods() if pod.name == "demo-dc1-rack0-5")
    heard = {
        name: attrs.evolve(view, host_ids={a: h for a, h in view.host_ids.items() if a != own})
        for name, view in views.items()
    }

    found = fate("demo-dc1-rack0-5", attrs.evolve(seen, racks=few, ring=Ring(answers=heard)))

    assert isinstance(found, Unknown)
    assert "2 of 5 peers" in found.why


def test_a_node_that_peers_do_not_know_is_gone_or_was_never_there() -> None:
    """The proof says which of the two, since only one that was a member may still run."""
    want = desired((2,))
    seen = Cluster.running(want).observed(want)
    left = attrs.evolve(
        seen,
        hosts={**seen.hosts, LAST: "another"},
        ring=_with(seen, LAST, unreachable=frozenset({"dc1-rack0.1.1"})),
        racks={n: attrs.evolve(r, pods=r.pods[:-1]) for n, r in seen.racks.items()},
    )

    assert fate(LAST, seen) == Member(why="demo-dc1-rack0-0 knows demo-dc1-rack0-1 as a member of the ring")
    assert isinstance(fate(LAST, left), Unknown), "a node that is down and has no pod may be it"
    nobody = attrs.evolve(left, ring=_with(seen, LAST, host_ids={"dc1-rack0.0.1": "host-dc1-rack0.0.1"}))
    assert fate(LAST, nobody) == Gone(
        why="demo-dc1-rack0-1 has left the ring: none of the 1 nodes that answer knows it", member=True
    )


def test_a_node_that_serves_is_not_gone_whoever_does_not_know_it() -> None:
    """Two members that lost sight of each other: from one side, the other seems gone."""
    want = desired((2,))
    seen = Cluster.running(want).observed(want)
    split = attrs.evolve(seen, ring=_with(seen, LAST, host_ids={"dc1-rack0.0.1": "host-dc1-rack0.0.1"}))
    own = split.ring.views()["demo-dc1-rack0-0"]

    def said(answer: Answer | None) -> Observed:
        answers = dict(split.ring.answers) | ({LAST: answer} if answer is not None else {})
        return attrs.evolve(split, ring=Ring(answers=answers))

    assert fate(LAST, said(own)) == Unknown(
        why="demo-dc1-rack0-1 serves as a member, and none of the 1 peers that answer knows it"
    )
    asked = attrs.evolve(said(None), leaving=Leaving(rack="dc1-rack0", pod=LAST, begun=seen.now), leaver=own)
    assert isinstance(fate(LAST, asked), Unknown)
    assert isinstance(fate(LAST, said(attrs.evolve(own, mode=Mode.DECOMMISSIONED))), Gone)
    assert isinstance(fate(LAST, said(Silent(why="it is off"))), Gone)


@pytest.mark.parametrize(
    ("disk_age", "restarts", "up", "word", "waits"),
    [
        pytest.param(90, 0, 5, Mode.STARTING, True, id="reads-its-disk"),
        pytest.param(90, 0, 5, None, True, id="its-agent-is-not-up-yet"),
        pytest.param(0, 1, 5, None, True, id="its-process-was-started-again"),
        pytest.param(0, 0, 5, Mode.STARTING, False, id="its-disk-is-new"),
        pytest.param(90, 0, 5, Mode.JOINING, False, id="it-has-yet-to-join"),
        pytest.param(90, 0, 5, Mode.JOINING_FAILED, False, id="it-could-not-join"),
        pytest.param(90, 0, 61, None, False, id="it-hangs"),
        pytest.param(90, 5, None, None, False, id="it-loops"),
    ],
)
def test_a_node_that_starts_from_a_used_disk_may_yet_say_that_it_had_joined(
    *, disk_age: int, restarts: int, up: int | None, word: Mode | None, waits: bool
) -> None:
    """All stopped as it had just joined, and nobody heard of it; who hangs or loops is not waited for."""
    seen = Cluster.running(desired((2,))).observed(desired((2,)))
    rack = seen.racks["dc1-rack0"]
    born = seen.now - dt.timedelta(minutes=2)
    cassandra = Container(
        name="cassandra",
        running=up is not None,
        restarts=restarts,
        since=seen.now - dt.timedelta(seconds=up) if up is not None else None,
    )
    pod = attrs.evolve(rack.pods[1], created=born, ready=False, containers=(cassandra,))
    made = born - dt.timedelta(seconds=disk_age)
    disk = Claim(name=f"data-{LAST}", uid="u", phase="Bound", storage_class=None, created=made)
    others = _with(seen, LAST, host_ids={"dc1-rack0.0.1": "host-dc1-rack0.0.1"}).answers
    view = next(iter(seen.ring.views().values()))
    own = attrs.evolve(view, mode=word, native_transport=False) if word is not None else None
    found = fate(
        LAST,
        attrs.evolve(
            seen,
            joined=seen.joined - {LAST},
            hosts={name: host for name, host in seen.hosts.items() if name != LAST},
            ring=Ring(answers={**others, LAST: own if own is not None else Silent(why="refused")}),
            racks={"dc1-rack0": attrs.evolve(rack, pods=(rack.pods[0], pod), claims=(disk,))},
        ),
    )

    assert isinstance(found, Unknown if waits else Gone)
    assert not waits or "has not said yet if it had joined" in found.why


@pytest.mark.parametrize("recorded", [True, False])
def test_a_node_of_unknown_host_id_may_be_one_at_an_address_that_no_pod_has(*, recorded: bool) -> None:
    """It joined while nobody looked, and came back elsewhere: its peers know it where it was before."""
    seen = Cluster.running(desired((2,))).observed(desired((2,)))
    rack = seen.racks["dc1-rack0"]
    moved = attrs.evolve(
        seen,
        hosts={pod: host for pod, host in seen.hosts.items() if pod != LAST},
        joined=seen.joined if recorded else seen.joined - {LAST},
        ring=_with(seen, LAST),
        racks={
            "dc1-rack0": attrs.evolve(rack, pods=(rack.pods[0], attrs.evolve(rack.pods[1], ip="elsewhere")))
        },
    )

    found = fate(LAST, moved)

    assert isinstance(found, Unknown)
    assert "dc1-rack0.1.1" in found.why
    unused = Claim(name=f"data-{LAST}", uid="u", phase="Pending", storage_class=None)
    racks = {"dc1-rack0": attrs.evolve(moved.racks["dc1-rack0"], claims=(unused,))}
    never_ran = fate(LAST, attrs.evolve(moved, racks=racks))
    assert isinstance(never_ran, Unknown if recorded else Gone), "a volume that was never used had no node"


@pytest.mark.parametrize("word", [Mode.NORMAL, None])
def test_a_node_that_has_joined_by_its_own_word_keeps_its_place(word: Mode | None) -> None:
    """Its peers hear of it a moment later, and it leaves properly; one that cannot be asked may be so."""
    world = Cluster.running(desired((1,)))
    world, _ = until(world, desired((2,)), ApplyStatefulSet)
    world, _ = world.step(desired((2,)))
    for _ in range(3):
        world = world.advance(("dc1-rack0", 1), desired((2,)))
    want = desired((1,))
    seen = world.observed(want)
    assert isinstance(fate(LAST, seen), Joins)
    view = attrs.evolve(next(iter(seen.ring.views().values())), mode=Mode.JOINING)
    joining = attrs.evolve(
        seen, leaving=Leaving(rack="dc1-rack0", pod=LAST, begun=seen.now, proven=True), leaver=view
    )
    own = attrs.evolve(view, mode=word) if word is not None else Silent(why="it hangs")

    assert [type(action) for action in plan(want, joining)] == [ShrinkStatefulSet]
    assert [type(action) for action in plan(want, attrs.evolve(joining, leaver=own))] == [Wait]


def test_a_member_that_was_taken_for_a_stranger_leaves_properly() -> None:
    """What was noted of a node that had not joined does not hold for one that has: it is noted anew."""
    world, want = shrunk()
    seen = world.observed(want)
    view = next(iter(seen.ring.views().values()))
    proven = attrs.evolve(
        seen, leaving=Leaving(rack="dc1-rack0", pod=LAST, begun=seen.now, proven=True), leaver=view
    )

    (action,) = plan(want, proven)

    assert isinstance(action, NoteLeaving)
    assert action.step is LeaveStep.BEGIN


def _with(seen: Observed, pod: str, **changes: Any) -> Ring:
    """Return the ring as all but *pod* see it, with *changes*."""
    return Ring(
        answers={
            name: attrs.evolve(view, **changes) for name, view in seen.ring.views().items() if name != pod
        }
    )


def leaving(seen: Observed, mode: Mode, call: object, age: dt.timedelta) -> Observed:
    """Return *seen* with a node that is on its way out since *age*, and says that it is in *mode*."""
    view = next(iter(seen.ring.views().values()))
    return attrs.evolve(
        seen,
        leaving=Leaving(rack="dc1-rack0", pod=LAST, begun=seen.now - age, call=call),  # type: ignore[arg-type] # drawn
        leaver=attrs.evolve(view, mode=mode),
    )


def test_a_call_that_failed_is_told_and_made_again_after_a_while() -> None:
    """Cassandra's own words stand in the condition; the next try is noted before it is made."""
    world, want = shrunk()
    seen = attrs.evolve(world.observed(want), ownership=world.ownership(want))
    failed = Ended(failure="Not enough live nodes")

    (soon,) = plan(want, leaving(seen, Mode.NORMAL, failed, dt.timedelta(seconds=5)))
    (later,) = plan(want, leaving(seen, Mode.DECOMMISSION_FAILED, failed, dt.timedelta(seconds=61)))

    assert isinstance(soon, Hold)
    assert soon.reason == "DecommissionFailed"
    assert "Not enough live nodes" in soon.why
    assert isinstance(later, NoteLeaving)
    assert later.step is LeaveStep.BEGIN


def test_a_decision_that_no_longer_holds_is_given_up() -> None:
    """A keyspace came to need the node after it was noted, and before it was asked: it stays, and serves."""
    world, want = shrunk()
    world = attrs.evolve(
        world, keyspaces=(Keyspace(name="app", replication=NetworkTopology(factors={"dc1": 2})),)
    )
    seen = attrs.evolve(world.observed(want), ownership=world.ownership(want))

    (action,) = plan(want, leaving(seen, Mode.NORMAL, NotCalled(), dt.timedelta(0)))

    assert isinstance(action, NoteLeaving)
    assert action.step is LeaveStep.UNDO
    assert "keyspace app keeps 2 copies" in action.why


def test_a_call_under_way_is_not_repeated() -> None:
    """While this process holds the call, the node may take its time to begin."""
    world, want = shrunk()
    seen = attrs.evolve(world.observed(want), ownership=world.ownership(want))

    (action,) = plan(want, leaving(seen, Mode.NORMAL, Held(), dt.timedelta(seconds=5)))

    assert isinstance(action, Wait)


def test_a_node_that_cannot_be_asked_is_waited_for_and_the_way_out_is_told() -> None:
    """Its return ends the wait, or its removal from the ring by a person, whose command is given."""
    world, want = shrunk()
    seen = leaving(world.observed(want), Mode.LEAVING, Held(), dt.timedelta(seconds=5))

    (action,) = plan(want, attrs.evolve(seen, leaver=Silent(why="it did not answer in time")))

    assert isinstance(action, Wait)
    assert "nodetool removenode host-dc1-rack0.1.1" in action.why


def test_a_node_that_seems_stuck_is_asked_again() -> None:
    """After ten minutes that nobody holds the call, since a node that is at it takes no notice."""
    world, want = shrunk()
    seen = world.observed(want)
    seen = attrs.evolve(seen, ring=_with(seen, LAST, leaving=frozenset({"dc1-rack0.1.1"})))

    def then(call: object, minutes: int) -> Action:
        (action,) = plan(want, leaving(seen, Mode.LEAVING, call, dt.timedelta(minutes=minutes)))
        return action

    assert isinstance(then(NotCalled(), 9), Wait)
    assert isinstance(then(NotCalled(), 10), Decommission)
    assert isinstance(then(Held(), 60), Wait)
    again = then(Ended(), 10)
    assert isinstance(again, NoteLeaving)
    assert again.step is LeaveStep.BEGIN


def test_a_node_that_left_unheard_is_waited_for_and_the_way_out_is_told() -> None:
    """Its peers were down as it said that it left: after a while the sentence names what ends the wait."""
    world, want = shrunk()
    seen = world.observed(want)

    (soon,) = plan(want, leaving(seen, Mode.DECOMMISSIONED, Ended(), dt.timedelta(minutes=1)))
    (late,) = plan(want, leaving(seen, Mode.DECOMMISSIONED, Ended(), dt.timedelta(minutes=10)))

    assert isinstance(soon, Wait)
    assert (
        soon.why
        == f"{LAST} calls itself DECOMMISSIONED, and demo-dc1-rack0-0 knows {LAST} as a member of the ring"
    )
    assert isinstance(late, Wait)
    assert (
        late.why
        == f"{soon.why}: remove it from the ring (operation remove of {seen.hosts[LAST]} on another pod)"
    )


def test_a_place_that_was_taken_from_a_member_is_given_back() -> None:
    """Somebody made the StatefulSet smaller by hand: the node comes back with its volume, and leaves then."""
    world, want = shrunk()
    world, _ = until(world, want, Decommission)
    by_hand = attrs.evolve(world, sizes={"dc1-rack0": 1})
    seen = by_hand.observed(want)
    racks = {n: attrs.evolve(r, pods=r.pods[:1]) for n, r in seen.racks.items()}

    (action,) = plan(want, attrs.evolve(seen, racks=racks))

    assert isinstance(action, ApplyStatefulSet)
    assert action.replicas == 2


def test_a_rack_that_is_empty_and_not_asked_for_loses_its_statefulset() -> None:
    """One with nodes is left alone, with the reason."""
    both, one = desired((1, 0)), desired((1,))
    empty = attrs.evolve(Cluster.running(both), sizes={"dc1-rack0": 1, "dc1-rack1": 0})
    full = Cluster.running(desired((1, 1)))

    (delete,) = plan(one, empty.observed(one))
    (hold,) = plan(one, full.observed(one))

    assert isinstance(delete, DeleteStatefulSet)
    assert (delete.rack, delete.uid) == ("dc1-rack1", "uid-dc1-rack1")
    assert isinstance(hold, Hold)
    assert hold.reason == "RackNotInSpec"


def test_a_rack_that_is_gone_is_gone_from_status() -> None:
    """And the last action is CassKop's for it, which has a word for a rack that goes alone."""
    both, one = desired((1, 0)), desired((1,))
    world = attrs.evolve(Cluster.running(both), sizes={"dc1-rack0": 1, "dc1-rack1": 0})

    world, _ = world.step(one)
    assert "dc1-rack1" in world.status.cassandra_rack_status
    world, _ = world.step(one)

    assert set(world.status.cassandra_rack_status) == {"dc1-rack0"}
    assert (world.status.last_cluster_action, world.status.last_cluster_action_status) == (
        "ActionDeleteRack",
        "Done",
    )


def ended(seen: Observed, *, pod: bool = False, knows: bool = False) -> Observed:
    """Return *seen* once the place of the last node is gone, with its volume still there."""
    ring = seen.ring if knows else _with(seen, LAST, host_ids={"dc1-rack0.0.1": "host-dc1-rack0.0.1"})
    rack = seen.racks["dc1-rack0"]
    assert rack.statefulset is not None
    rack = attrs.evolve(
        rack,
        statefulset=attrs.evolve(rack.statefulset, replicas=1),
        pods=rack.pods if pod else rack.pods[:1],
    )
    on_its_way = Leaving(rack="dc1-rack0", pod=LAST, begun=seen.now, proven=True)
    return attrs.evolve(seen, racks={"dc1-rack0": rack}, ring=ring, leaving=on_its_way)


def test_a_volume_stays_until_its_node_is_proven_to_be_out() -> None:
    """Its pod may be gone, and its place: while too few peers answer, or one of them knows it, it stays."""
    world, want = shrunk()
    seen = world.observed(want)
    silent = attrs.evolve(ended(seen), ring=Ring(answers={"demo-dc1-rack0-0": Silent(why="timed out")}))

    (delete,) = plan(want, ended(seen))
    (wait,) = plan(want, silent)
    (stops,) = plan(want, ended(seen, pod=True))

    assert isinstance(delete, DeleteClaim)
    assert (delete.claim, delete.uid) == (f"data-{LAST}", f"uid-{LAST}")
    assert isinstance(wait, Wait)
    assert "stay until it is out" in wait.why
    assert isinstance(stops, Wait)
    assert "stops" in stops.why


def test_a_name_is_forgotten_when_nothing_of_its_node_is_left() -> None:
    """Not while it is on its way out, has pod, place or a peer that knows it, or a volume and no host id."""
    world, want = shrunk()
    seen = attrs.evolve(ended(world.observed(want)), leaving=None)
    rack = seen.racks["dc1-rack0"]
    assert rack.statefulset is not None
    place = attrs.evolve(rack, statefulset=attrs.evolve(rack.statefulset, replicas=2))
    busy = ended(world.observed(want))

    assert forgotten(seen) == {LAST}
    assert not forgotten(busy)
    assert not forgotten(attrs.evolve(seen, racks={"dc1-rack0": place}))
    assert not forgotten(attrs.evolve(seen, ring=world.observed(want).ring))
    assert not forgotten(attrs.evolve(seen, hosts={}))
    assert not forgotten(attrs.evolve(ended(world.observed(want), pod=True), leaving=None))


def test_a_record_of_the_past_is_brought_to_the_truth() -> None:
    """A name that came back after its host id was dropped goes again, unless it may be an unknown node."""
    world, want = shrunk()
    seen = attrs.evolve(ended(world.observed(want)), leaving=None)
    racks = {"dc1-rack0": attrs.evolve(seen.racks["dc1-rack0"], claims=())}
    bare = attrs.evolve(seen, racks=racks, hosts={pod: h for pod, h in seen.hosts.items() if pod != LAST})
    stranger = _with(seen, LAST, host_ids={"dc1-rack0.0.1": "host-dc1-rack0.0.1", "elsewhere": "unknown"})

    assert forgotten(bare) == {LAST}
    assert not forgotten(attrs.evolve(bare, ring=stranger))
    assert not forgotten(attrs.evolve(bare, ring=Ring(answers={"demo-dc1-rack0-0": Silent(why="timed out")})))


def test_a_place_is_filled_again_once_its_node_is_forgotten() -> None:
    """A size that is put back while the node leaves brings a new node: no record takes it for the old one."""
    world, want = shrunk()
    world, _ = until(world, want, ShrinkStatefulSet)
    back = desired((2,))

    world, _ = until(world, back, ApplyStatefulSet)

    assert world.sizes == {"dc1-rack0": 1}
    assert LAST not in world.recorded
    assert LAST not in world.status.cassandra_node_status


def test_status_forgets_a_node_after_the_ring_has() -> None:
    """Its host id is the proof, and is needed until the ring's ConfigMap has lost the name."""
    world, want = shrunk()
    seen = attrs.evolve(ended(world.observed(want)), gone=frozenset({LAST}))

    both = status(world.status, want, attrs.evolve(seen, recorded=frozenset({LAST})), ())
    one = status(world.status, want, attrs.evolve(seen, recorded=frozenset()), ())

    assert LAST in both.cassandra_node_status
    assert LAST not in one.cassandra_node_status


def test_the_start_of_an_operation_stays_to_its_end() -> None:
    """What a user reads in `startTime` is when the node was told to leave."""
    world, want = shrunk()
    times = []
    for _ in range(30):
        world, _ = world.step(want)
        times.append(world.status.cassandra_rack_status["dc1-rack0"].pod_last_operation.start_time)
        if world.ready_to_move():
            world = world.advance(world.ready_to_move()[0], want)

    assert len(set(times)) == 1
    operation = world.status.cassandra_rack_status["dc1-rack0"].pod_last_operation
    assert operation.end_time is not None
    assert operation.start_time is not None
    assert operation.start_time < operation.end_time


@pytest.mark.parametrize(
    ("view", "kind"),
    [("leaving", Leaves), ("joining", Joins), ("moving", Member), (None, Member)],
)
def test_what_a_peer_says_is_what_becomes_of_a_node(view: str | None, kind: type[Fate]) -> None:
    """One that leaves is told from a member, and from one that joins, on whom nobody counts yet."""
    seen = Cluster.running(desired((2,))).observed(desired((2,)))
    news = {} if view is None else {view: frozenset({"dc1-rack0.1.1"})}

    assert isinstance(fate(LAST, attrs.evolve(seen, ring=_with(seen, LAST, **news))), kind)


def test_a_node_that_was_told_to_leave_by_hand_is_taken_over() -> None:
    """Only if the spec wants it to go; it is noted, and then seen out as any other."""
    world, want = shrunk()
    seen = world.observed(want)
    seen = attrs.evolve(seen, ring=_with(seen, LAST, leaving=frozenset({"dc1-rack0.1.1"})))

    (note,) = plan(want, seen)
    kept = plan(desired((2,)), seen)

    assert isinstance(note, NoteLeaving)
    assert note.step is LeaveStep.BEGIN
    assert not [action for action in kept if not isinstance(action, Wait | Hold)]


def test_a_size_that_is_put_back_undoes_what_has_not_begun() -> None:
    """A member that was not asked stays; so does a pod that is about to join, whatever was noted of it."""
    world, _ = shrunk()
    back = desired((2,))
    seen = world.observed(back)
    joining = attrs.evolve(world, places={**world.places, ("dc1-rack0", 1): "joining"})

    (member,) = plan(back, leaving(seen, Mode.NORMAL, NotCalled(), dt.timedelta(0)))
    fresh = joining.observed(back)
    fresh = attrs.evolve(fresh, joined=fresh.joined - {LAST}, hosts={})
    (newcomer,) = plan(back, leaving(fresh, Mode.JOINING, NotCalled(), dt.timedelta(0)))

    for action in (member, newcomer):
        assert isinstance(action, NoteLeaving)
        assert action.step is LeaveStep.UNDO


def test_who_owns_what_is_only_read_when_a_node_may_leave() -> None:
    """Not for a ring that is at its size, nor while something else has to come first."""
    world, want = shrunk()
    seen = world.observed(want)
    moving = attrs.evolve(seen, ring=_with(seen, "", moving=frozenset({"dc1-rack0.0.1"})))

    assert needs_ownership(want, seen)
    assert not needs_ownership(desired((2,)), seen)
    assert not needs_ownership(want, moving)
    assert needs_ownership(want, leaving(seen, Mode.NORMAL, NotCalled(), dt.timedelta(0)))
    assert not needs_ownership(want, leaving(seen, Mode.NORMAL, Held(), dt.timedelta(0)))


def test_a_statefulset_that_is_lost_meanwhile_is_given_back_first() -> None:
    """Somebody deleted it and left its pods: whichever rack it is, it comes back at its size."""
    want = desired((2, 1))
    world = attrs.evolve(Cluster.running(desired((2, 2))), keyspaces=(APP,))
    seen = leaving(world.observed(want), Mode.LEAVING, Held(), dt.timedelta(0))
    assert seen.leaving is not None
    seen = attrs.evolve(
        seen,
        leaving=attrs.evolve(seen.leaving, rack="dc1-rack1", pod="demo-dc1-rack1-1"),
    )

    for rack in ("dc1-rack0", "dc1-rack1"):
        lost = {**seen.racks, rack: attrs.evolve(seen.racks[rack], statefulset=None)}
        actions = plan(want, attrs.evolve(seen, racks=lost))

        (back,) = [action for action in actions if isinstance(action, ApplyStatefulSet)]
        assert (back.rack, back.replicas, back.uid) == (rack, 2, None)


def test_a_failure_that_its_peers_do_not_know_of_leads_on() -> None:
    """Its streams failed half-way: peers see it leaving still, so it is neither kept nor given up."""
    world, want = shrunk()
    seen = attrs.evolve(world.observed(want), ownership=world.ownership(want))
    seen = attrs.evolve(seen, ring=_with(seen, LAST, leaving=frozenset({"dc1-rack0.1.1"})))
    failed = leaving(seen, Mode.DECOMMISSION_FAILED, NotCalled(), dt.timedelta(0))
    app = Keyspace(name="app", replication=NetworkTopology(factors={"dc1": 2}))
    needed = attrs.evolve(failed, ownership=attrs.evolve(world.ownership(want), keyspaces=(app,)))

    (again,) = plan(want, failed)
    (hold,) = plan(want, needed)
    (wanted,) = plan(desired((2,)), failed)

    assert isinstance(again, Decommission)
    assert isinstance(hold, Hold)
    assert hold.reason == "TooFewNodes"
    assert isinstance(wanted, Decommission)
