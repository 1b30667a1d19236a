"""What a rolling change promises, whatever interrupts it, on a world that does as it is told."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.actions import Action, ApplyStatefulSet, DeletePod, Hold, RestartPod, Wait
from controller.domain.availability import Consistency, Keyspace, NetworkTopology, Simple, Unprovable
from controller.domain.desired import Desired, Rollout
from controller.domain.observed import Observed
from controller.domain.ownership import Ownership, Stream, Unread
from controller.domain.plan import needs_ownership, plan
from controller.domain.ring import Mode, Ring, Silent, View
from e2e.simcassandra import tokens as second
from unit_tests.domain.obedient import RackModel, World, desired, find
from unit_tests.domain.test_plan import writes

APP = Keyspace(name="app", replication=NetworkTopology(factors={"dc1": 3}))
LONE = Keyspace(name="lone", replication=NetworkTopology(factors={"dc1": 1}))
SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
KEYSPACES = st.lists(
    st.sampled_from(
        [
            APP,
            LONE,
            Keyspace(name="five", replication=NetworkTopology(factors={"dc1": 5})),
            Keyspace(name="simple", replication=Simple(factor=3)),
            Keyspace(name="odd", replication=Unprovable(why="it is odd")),
        ]
    ),
    unique_by=lambda k: k.name,
    max_size=3,
).map(tuple)
ROLLOUTS = st.builds(
    Rollout,
    most=st.integers(1, 3),
    share=st.sampled_from([None, None, 50, 100]),
    consistency=st.sampled_from([Consistency.LOCAL_QUORUM, Consistency.QUORUM, Consistency.ONE]),
)


def members(size: int, template: str = "t1") -> RackModel:
    """Return a rack whose nodes are all members of the ring."""
    return RackModel(
        replicas=size, template=template, stages=("member",) * size, templates=(template,) * size
    )


def ring(*sizes: int, keyspaces: Iterable[Keyspace] = (APP,), broken: Iterable[str] = ()) -> World:
    """Return racks of these sizes whose nodes all serve with template `t1`."""
    shared = desired(sizes).shared
    racks = {f"dc1-rack{i}": members(size) for i, size in enumerate(sizes)}
    return World(racks=racks, shared=shared, keyspaces=tuple(keyspaces), broken=frozenset(broken))


def look(want: Desired, world: World) -> Observed:
    """Return what an observer sees, who owns what only if that is asked for."""
    seen = world.observed(want)
    return world.observed(want, ownership=True) if needs_ownership(want, seen) else seen


def down(want: Desired, world: World) -> set[str]:
    """Return the addresses of members that do not serve now."""
    owners = world.ownership(want).members()
    up = {pod.ip for pod in world.observed(want).pods() if pod.ready}
    return {address for address in owners if address not in up}


def kept(want: Desired, world: World) -> None:
    """Check by another placement that every range that can be kept has enough replicas up."""
    owned, gone = world.ownership(want), down(want, world)
    layout = second.Layout(
        tokens=tuple(sorted(owned.tokens)),
        owners=tuple(owned.tokens[t] for t in sorted(owned.tokens)),
        places={a: second.Place(datacenter=p.dc, rack=p.rack) for a, p in owned.places.items()},
    )
    hopeless = False
    for keyspace in world.keyspaces:
        match keyspace.replication:
            case NetworkTopology(factors=factors):
                total = sum(factors.values())
                there: second.Replication = second.NetworkTopology(factors=factors)
            case Simple(factor=total):
                there = second.SimpleStrategy(factor=total)
            case _:
                hopeless = True
                continue
        needed = want.rollout.consistency.needed(total)
        ranges = [second.replicas(layout, there, end) for _, end in layout.ranges()]
        if min(map(len, ranges)) <= needed:
            hopeless = True
            continue
        assert all(len(set(nodes) - gone) >= needed for nodes in ranges), keyspace.name
    # What cannot be kept anyway is not made worse: one node at a time.
    assert not hopeless or len(gone) <= 1
    if want.rollout.share is None:
        assert len(gone) <= want.rollout.most
    assert len({address.rpartition(".")[0] for address in gone}) <= 1, "more than one rack"


def finish(want: Desired, world: World, data: st.DataObject) -> World:
    """Carry out the first write of each new plan, or all of it, while the world moves by chance."""
    for _ in range(600):
        todo = writes(plan(want, look(want, world)))
        unfinished = world.unfinished()
        if not todo and not unfinished:
            return world
        if todo and (not unfinished or data.draw(st.booleans())):
            for action in todo[: data.draw(st.integers(1, len(todo)))]:
                world = world.after(action, want)
            kept(want, world)
        elif unfinished:
            world = world.advance(*data.draw(st.sampled_from(unfinished)))
    raise AssertionError(f"no end in sight: {plan(want, look(want, world))}")


@given(SIZES, KEYSPACES, ROLLOUTS, st.data())
def test_every_node_takes_a_change_once_and_no_range_is_lost(
    sizes: tuple[int, ...], keyspaces: tuple[Keyspace, ...], rollout: Rollout, data: st.DataObject
) -> None:
    """However often it is interrupted, a roll ends, restarts each node once, and keeps what can be kept."""
    want = desired(sizes, template="t2", rollout=rollout)

    world = finish(want, ring(*sizes, keyspaces=keyspaces), data)

    assert plan(want, look(want, world)) == ()
    assert sorted(world.restarts) == sorted(
        f"{r.statefulset}-{i}" for r in want.racks for i in range(r.replicas)
    )
    assert all(set(rack.templates) == {"t2"} for rack in world.racks.values())


@given(SIZES, ROLLOUTS, st.data())
def test_a_bad_template_costs_one_node_and_the_old_one_heals_it(
    sizes: tuple[int, ...], rollout: Rollout, data: st.DataObject
) -> None:
    """A template whose pods crash stops at its first pod; the old value is carried out at once."""
    bad = desired(sizes, template="bad", rollout=rollout)
    stuck = finish(bad, ring(*sizes, broken={"bad"}), data)

    assert len(stuck.restarts) == 1
    (hold,) = [a for a in plan(bad, look(bad, stuck)) if isinstance(a, Hold)]
    assert hold.reason == "ContainerCrashes"

    old = desired(sizes, rollout=rollout)
    healed = finish(old, stuck, data)

    assert plan(old, look(old, healed)) == ()
    assert healed.restarts == stuck.restarts
    assert all(set(rack.templates) == {"t1"} for rack in healed.racks.values())


@given(SIZES, ROLLOUTS, st.data())
def test_an_edit_in_the_middle_is_followed(
    sizes: tuple[int, ...], rollout: Rollout, data: st.DataObject
) -> None:
    """A second change, at any moment of the first, ends with the second on every node."""
    first = desired(sizes, template="t2", rollout=rollout)
    world = ring(*sizes)
    for _ in range(data.draw(st.integers(0, 40))):
        todo, unfinished = writes(plan(first, look(first, world))), world.unfinished()
        if todo:
            world = world.after(todo[0], first)
        elif unfinished:
            world = world.advance(*data.draw(st.sampled_from(unfinished)))

    second_edit = desired(sizes, template="t3", rollout=rollout)
    world = finish(second_edit, world, data)

    assert all(set(rack.templates) == {"t3"} for rack in world.racks.values())


@given(SIZES, st.data())
def test_a_change_and_growth_in_one_edit_are_done_one_after_the_other(
    sizes: tuple[int, ...], data: st.DataObject
) -> None:
    """No node joins while the nodes run different templates, and every old node restarts once."""
    larger = tuple(size + 1 for size in sizes)
    want = desired(larger, template="t2")

    world = finish(want, ring(*sizes), data)

    assert tuple(world.racks[r.name].replicas for r in want.racks) == larger
    assert len(world.restarts) == sum(sizes)
    assert plan(want, look(want, world)) == ()


def settle(want: Desired, world: World) -> World:
    """Let everything that is on its way arrive."""
    while world.unfinished():
        world = world.advance(*world.unfinished()[0])
    return world


def act(want: Desired, world: World, times: int = 1) -> World:
    """Carry out whole plans, each after the world has come to rest."""
    for _ in range(times):
        for action in writes(plan(want, look(want, world))):
            world = world.after(action, want)
        world = settle(want, world)
    return world


def restarts(actions: Iterable[Action]) -> list[str]:
    """Return the pods that a plan restarts."""
    return [action.pod for action in actions if isinstance(action, RestartPod)]


def test_a_rack_goes_at_once_after_its_first_node_has_started() -> None:
    """With RackAtOnce, three replicas on three racks: one node tells, then the rest, then whole racks."""
    want = desired((3, 3, 3), template="t2", rollout=Rollout(share=100))
    world = act(want, ring(3, 3, 3))

    assert restarts(plan(want, look(want, world))) == ["demo-dc1-rack0-2"]
    world = world.after(plan(want, look(want, world))[0], want)
    # It has started, but has not joined its peers again: that is enough to trust its template.
    for _ in range(3):
        world = world.advance("dc1-rack0", 2)
    assert restarts(plan(want, look(want, world))) == ["demo-dc1-rack0-1", "demo-dc1-rack0-0"]

    world = act(want, world, times=2)
    assert restarts(plan(want, look(want, world))) == [f"demo-dc1-rack1-{i}" for i in (2, 1, 0)]


def test_a_restart_alone_needs_no_trial() -> None:
    """Where pods serve that were made from the same template, a whole rack goes in the first step."""
    want = desired((3, 3, 3), template="t2", rollout=Rollout(share=100))
    world = ring(3, 3, 3)
    for action in writes(plan(want, look(want, world))):
        world = world.after(action, want)
    seen = look(want, world)
    racks = {
        name: attrs.evolve(rack, statefulset=attrs.evolve(rack.statefulset, tried=True))
        for name, rack in seen.racks.items()
        if rack.statefulset is not None
    }

    def together(observed: Observed) -> int:
        return len([action for action in plan(want, observed) if isinstance(action, RestartPod)])

    assert together(seen) == 1
    assert together(attrs.evolve(seen, racks=racks)) == 3


def test_the_next_node_waits_until_the_last_is_seen_up_by_all_its_peers() -> None:
    """A node that is ready, and that one peer still believes to be down, is not back yet."""
    want = desired((1, 1, 1), template="t2")
    world = act(want, ring(1, 1, 1, keyspaces=()), times=2)
    late = World(
        racks={**world.racks, "dc1-rack0": attrs.evolve(world.racks["dc1-rack0"], stages=("seen-late",))},
        shared=world.shared,
        joined=world.joined,
    )

    actions = plan(want, look(want, late))

    assert not writes(actions)
    assert "demo-dc1-rack1-0 still sees demo-dc1-rack0-0 down" in [a.why for a in actions]


def test_a_share_bounds_what_goes_at_once() -> None:
    """Half of a rack of four is two nodes."""
    want = desired((4, 4, 4), template="t2", rollout=Rollout(share=50))
    world = act(want, ring(4, 4, 4), times=2)

    assert restarts(plan(want, look(want, world))) == ["demo-dc1-rack0-2", "demo-dc1-rack0-1"]


def test_the_proof_is_in_the_reason() -> None:
    """Each restart says what it is for, what it was checked against, and what was not covered."""
    want = desired((1, 1, 1), template="t2")
    world = act(want, ring(1, 1, 1, keyspaces=(APP, LONE)))

    (action,) = [a for a in plan(want, look(want, world)) if isinstance(a, RestartPod)]

    assert "LOCAL_QUORUM holds without demo-dc1-rack0-0" in action.why
    assert "of app" in action.why
    assert "not covered: lone (1 replica in dc1)" in action.why


def test_a_node_that_is_down_blocks_what_would_lose_a_range() -> None:
    """Who is down, what it would take away, and what has to stay up are named; nothing is restarted."""
    want = desired((2, 2, 2), template="t2", rollout=Rollout(unlocked=False))
    world = act(want, ring(2, 2, 2))
    seen = look(want, world)
    assert isinstance(seen.ownership, Ownership)
    # A node of another operator's making, whose pod is nowhere to be found.
    lost = attrs.evolve(
        seen.ownership,
        tokens={**seen.ownership.tokens, 5: "10.9.9.9"},
        places={**seen.ownership.places, "10.9.9.9": seen.ownership.places["10.0.1.0"]},
    )

    actions = plan(want, attrs.evolve(seen, ownership=lost))

    assert not restarts(actions)
    why = next(a.why for a in actions if isinstance(a, Wait))
    assert "10.9.9.9 is down" in why
    assert "keyspace app" in why
    unlocked = attrs.evolve(want, rollout=Rollout(unlocked=True))
    assert restarts(plan(unlocked, attrs.evolve(seen, ownership=lost))) == ["demo-dc1-rack0-1"]


@pytest.mark.parametrize("strict", [False, True])
def test_without_a_proof_one_goes_at_a_time_or_none(*, strict: bool) -> None:
    """A cluster does not get stuck when nobody tells who owns what, unless its user wants it so."""
    want = desired((2, 2, 2), template="t2", rollout=Rollout(most=3, share=100, strict=strict))
    world = act(want, ring(2, 2, 2))
    seen = attrs.evolve(look(want, world), ownership=Unread(why="no answer"))

    actions = plan(want, seen)

    if strict:
        assert [a.reason for a in actions if isinstance(a, Hold)] == ["NotProven"]
    else:
        (action,) = [a for a in actions if isinstance(a, RestartPod)]
        assert "unproven since no answer" in action.why


def test_a_keyspace_without_room_lets_one_go_at_a_time() -> None:
    """One replica cannot be kept; it does not get worse than one node at a time."""
    want = desired((2, 2, 2), template="t2", rollout=Rollout(share=100))
    world = act(want, ring(2, 2, 2, keyspaces=(APP, LONE)), times=2)

    assert len(restarts(plan(want, look(want, world)))) == 1


def test_a_node_that_just_fell_silent_is_waited_for() -> None:
    """The kubelet learns late of a node that hangs: its silence stops the roll, and is named."""
    want = desired((1, 1, 1), template="t2")
    seen = look(want, act(want, ring(1, 1, 1)))
    quiet = {**seen.ring.answers, "demo-dc1-rack2-0": Silent(why="timed out")}
    refused = {**seen.ring.answers, "demo-dc1-rack2-0": Silent(why="login refused", refused=True)}
    nobody = dict.fromkeys(seen.ring.answers, Silent(why="no route"))

    def ask(answers: dict[str, View | Silent]) -> tuple[Action, ...]:
        return plan(want, attrs.evolve(seen, ring=Ring(answers=answers)))

    assert not restarts(ask(dict(quiet)))
    # One that refuses the operator's login lives, and an operator that is cut off proves nothing.
    assert len(restarts(ask(dict(refused)))) == 1
    assert len(restarts(ask(dict(nobody)))) == 1


def quiet(seen: Observed, pod: str, *, youngest: bool = True) -> Observed:
    """Return *seen* with a *pod* that is ready and does not answer, made after all others if *youngest*."""
    racks = {
        name: attrs.evolve(
            rack,
            pods=tuple(
                attrs.evolve(p, created=seen.now) if youngest and p.name == pod else p for p in rack.pods
            ),
        )
        for name, rack in seen.racks.items()
    }
    answers = {**seen.ring.answers, pod: Silent(why="timed out")}
    return attrs.evolve(seen, racks=racks, ring=Ring(answers=answers))


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 2, 2), (3,)])
@pytest.mark.parametrize("template", ["t1", "t3"])
def test_the_pod_on_trial_is_corrected_although_it_does_not_answer(
    template: str, sizes: tuple[int, ...]
) -> None:
    """A template that cuts a node off from the operator is taken back by the next edit, from that node on."""
    tried = desired(sizes, template="t2")
    world = act(tried, ring(*sizes), times=2)
    (victim,) = world.restarts
    assert not restarts(plan(tried, quiet(look(tried, world), victim)))

    want = desired(sizes, template=template)
    (store,) = [a for a in plan(want, quiet(look(want, world), victim)) if isinstance(a, ApplyStatefulSet)]
    then = look(want, world.after(store, want))

    assert restarts(plan(want, quiet(then, victim))) == [victim]
    # Another one that is silent, or a pod that has long been there, is waited for.
    other = next(pod.name for pod in then.pods() if pod.name != victim)
    both = quiet(quiet(then, victim), other, youngest=False)
    for seen in (quiet(then, victim, youngest=False), quiet(then, other, youngest=False), both):
        assert not restarts(plan(want, seen))


def test_what_to_do_about_silence_is_said() -> None:
    """The wait names the pod, how to restart it, and what goes on without its answer."""
    want = desired((1, 1, 1), template="t2")
    seen = look(want, act(want, ring(1, 1, 1)))

    (why, *_) = [a.why for a in plan(want, quiet(seen, "demo-dc1-rack2-0")) if isinstance(a, Wait)]

    assert "kubectl delete pod demo-dc1-rack2-0" in why
    assert "spec.unlockNextOperation" in why
    unlocked = desired((1, 1, 1), template="t2", rollout=Rollout(unlocked=True))
    assert restarts(plan(unlocked, quiet(seen, "demo-dc1-rack2-0"))) == ["demo-dc1-rack0-0"]


@pytest.mark.parametrize(
    ("schemas", "release", "waits"),
    [
        ({"a": frozenset({"10.0.0.0", "10.0.1.0", "10.0.2.0"})}, "5.0.9", False),
        ({"a": frozenset({"10.0.0.0"}), "b": frozenset({"10.0.1.0", "10.0.2.0"})}, "5.0.9", True),
        ({"a": frozenset({"10.0.0.0"}), "b": frozenset({"10.0.1.0", "10.0.2.0"})}, "4.1.10", False),
    ],
)
def test_nodes_of_a_release_agree_on_the_schema_first(
    schemas: dict[str, frozenset[str]], release: str, *, waits: bool
) -> None:
    """Nodes of different releases never agree, and an upgrade is not held up by that."""
    want = desired((1, 1, 1), template="t2")
    seen = look(want, act(want, ring(1, 1, 1)))
    assert isinstance(seen.ownership, Ownership)
    answers = dict(seen.ring.views())
    answers["demo-dc1-rack0-0"] = attrs.evolve(answers["demo-dc1-rack0-0"], release_version=release)
    seen = attrs.evolve(
        seen, ring=Ring(answers=answers), ownership=attrs.evolve(seen.ownership, schemas=schemas)
    )

    assert bool(restarts(plan(want, seen))) is not waits


@pytest.mark.parametrize(("what", "waits"), [("Rebuild", True), ("Repair", False)])
def test_streams_that_cannot_be_repeated_are_waited_for(what: str, *, waits: bool) -> None:
    """A rebuild is let finish; a repair is repeated by who runs it."""
    want = desired((1, 1, 1), template="t2")
    seen = look(want, act(want, ring(1, 1, 1)))
    assert isinstance(seen.ownership, Ownership)
    streams = (Stream(pod="demo-dc1-rack1-0", what=what),)
    seen = attrs.evolve(seen, ownership=attrs.evolve(seen.ownership, streams=streams))

    assert bool(restarts(plan(want, seen))) is not waits


def test_ordinals_below_the_partition_are_left_alone() -> None:
    """A canary is one rack's last pods; nothing else moves until the partition is lowered."""
    want = desired((3, 1), template="t2", partitions={0: 2})
    world = act(want, ring(3, 1), times=4)

    assert world.restarts == ("demo-dc1-rack0-2",)
    (hold,) = plan(want, look(want, world))
    assert isinstance(hold, Hold)
    assert (hold.reason, hold.path) == ("RollingPartition", "spec.topology.dc[0].rack[0].rollingPartition")
    lowered = desired((3, 1), template="t2")
    assert len(act(lowered, world, times=8).restarts) == 4


def test_a_paused_roll_goes_on_where_it_stopped() -> None:
    """While it is paused nothing restarts, and the plan says by which field."""
    paused = desired((2, 2), template="t2", rollout=Rollout(paused=True))
    world = act(desired((2, 2), template="t2"), ring(2, 2), times=2)

    (hold,) = plan(paused, look(paused, world))

    assert isinstance(hold, Hold)
    assert hold.reason == "RolloutPaused"
    assert len(act(desired((2, 2), template="t2"), world, times=8).restarts) == 4


def test_no_disruption_is_allowed_with_a_ceiling_of_zero() -> None:
    """`maxPodUnavailable: 0` is said to be in the way, of the first node too, whose template nobody knows."""
    want = desired((1, 1), template="t2", rollout=Rollout(most=0))
    fresh = act(want, ring(1, 1), times=8)
    begun = act(desired((1, 1), template="t2"), ring(1, 1), times=3)

    assert not fresh.restarts
    assert len(begun.restarts) == 1
    for world in (fresh, act(want, begun, times=8)):
        actions = plan(want, look(want, world))
        assert [a.reason for a in actions if isinstance(a, Hold)] == ["NoDisruptionAllowed"]
    assert len(act(desired((1, 1), template="t2"), fresh, times=8).restarts) == 2


@pytest.mark.parametrize("sizes", [(1,), (2, 2)])
def test_a_node_that_runs_and_does_not_serve_is_corrected_at_once(sizes: tuple[int, ...]) -> None:
    """An edit reaches a node that never gets ready without asking anybody, and before all others."""
    world = ring(*sizes)
    last = f"dc1-rack{len(sizes) - 1}"
    racks = {**world.racks, last: attrs.evolve(world.racks[last], stages=("starting",) * sizes[-1])}
    world = attrs.evolve(world, racks=racks)
    want = desired(sizes, template="t2")

    first = plan(want, world.observed(want))
    (store,) = [a for a in first if isinstance(a, ApplyStatefulSet)]
    assert store.rack == last
    then = plan(want, world.after(store, want).observed(want))

    # One of them tells whether the correction is any good.
    assert restarts(then) == [f"demo-{last}-0"]
    assert "does not serve" in next(a.why for a in then if isinstance(a, RestartPod))


def test_nodes_that_seem_down_to_a_kubelet_that_is_cut_off_do_not_all_go() -> None:
    """When nothing is ready and nobody answers, one goes after the other: they may all serve."""
    want = desired((2, 2, 2), template="t2")
    world = act(want, ring(2, 2, 2), times=3)
    seen = world.observed(want)
    assert len(world.restarts) == 2
    unready = {
        name: attrs.evolve(rack, pods=tuple(attrs.evolve(pod, ready=False) for pod in rack.pods))
        for name, rack in seen.racks.items()
    }
    for _ in range(3):
        cut_off = attrs.evolve(seen, racks=unready, ring=Ring())
        actions = plan(want, cut_off)
        assert len(restarts(actions)) <= 1
        stored = [a for a in actions if isinstance(a, ApplyStatefulSet)]
        unready = {
            name: attrs.evolve(
                rack, statefulset=attrs.evolve(rack.statefulset, template_hash="t2", update_revision="t2")
            )
            if rack.statefulset is not None and name in {a.rack for a in stored}
            else rack
            for name, rack in unready.items()
        }


def test_a_node_that_joins_is_let_finish() -> None:
    """A change waits for a node that streams its first data."""
    world = ring(1, 1)
    joining = RackModel(replicas=1, template="t1", stages=("joining",), templates=("t1",))
    world = attrs.evolve(
        world, racks={**world.racks, "dc1-rack1": joining}, joined=frozenset({("dc1-rack0", 0)})
    )
    want = desired((1, 1), template="t2")
    seen = world.observed(want)
    ip = next(pod.ip for pod in seen.pods() if pod.name == "demo-dc1-rack1-0")
    answers = {
        name: attrs.evolve(view, joining=frozenset({str(ip)})) for name, view in seen.ring.views().items()
    }

    actions = plan(want, attrs.evolve(seen, ring=Ring(answers=answers)))

    assert not writes(actions)
    assert any(isinstance(a, Wait) for a in actions)


def test_a_statefulset_that_was_edited_is_put_right_before_a_pod_is_made_of_it() -> None:
    """Nothing restarts with somebody's manual edit of the template."""
    want = desired((1, 1), template="t2")
    world = act(want, ring(1, 1))
    seen = look(want, world)
    rack = seen.racks["dc1-rack1"]
    assert rack.statefulset is not None
    edited = attrs.evolve(rack.statefulset, template_hash="t2", drift=("spec.template.spec.x",))
    seen = attrs.evolve(seen, racks={**seen.racks, "dc1-rack1": attrs.evolve(rack, statefulset=edited)})

    (action,) = plan(want, seen)

    assert isinstance(action, ApplyStatefulSet)
    assert "spec.template.spec.x" in action.why


def test_ownership_is_read_only_before_a_node_goes_down() -> None:
    """A cluster at rest, and one whose node is on its way, is not asked who owns what."""
    want = desired((1, 1), template="t2")
    world = ring(1, 1)
    stored = act(want, world)
    going = stored.after(plan(want, look(want, stored))[0], want)

    assert not needs_ownership(desired((1, 1)), world.observed(desired((1, 1))))
    assert not needs_ownership(want, world.observed(want))
    assert needs_ownership(want, stored.observed(want))
    assert not needs_ownership(want, going.observed(want))


def test_progress_is_told() -> None:
    """What is waited for comes with how many nodes are done."""
    want = desired((2, 1), template="t2")
    world = act(want, ring(2, 1), times=2)

    assert "1 of 3 nodes run with the wanted template" in [a.why for a in plan(want, look(want, world))]


def test_a_pod_that_never_started_is_replaced_and_no_node_is_restarted() -> None:
    """Repair comes first, and is no restart of a node."""
    want = desired((2,), template="new")
    rack = RackModel(replicas=2, template="new", stages=("member", "pending"), templates=("old", "bad"))
    world = World(racks={"dc1-rack0": rack}, shared=want.shared, broken=frozenset({"bad"}))

    actions = plan(want, look(want, world))

    assert [type(a) for a in actions] == [DeletePod]
    assert find("demo-dc1-rack0-1", want) == ("dc1-rack0", 1)
    assert Mode.NORMAL in {view.mode for view in world.observed(want).ring.views().values()}
