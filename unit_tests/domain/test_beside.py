"""What ails beside Cassandra: who is told of, what a roll waits for, and what it does not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest

from controller.domain.actions import Action, ApplyStatefulSet, Hold, RestartPod, Wait
from controller.domain.beside import unwell
from controller.domain.desired import Desired, Rollout
from controller.domain.observed import Container, Observed, Pod
from controller.domain.origins import Origins
from controller.domain.plan import plan
from unit_tests.domain.obedient import NOW, World, desired
from unit_tests.domain.test_roll import act, look, restarts, ring

LONG, JUST = NOW - dt.timedelta(days=7), NOW - dt.timedelta(seconds=3)


def side(name: str = "side", **state: Any) -> Container:
    """Return a container that is well, but for *state*."""
    return Container(name=name, **{"running": True, "ready": True, "since": LONG, **state})


WELL = side()
CRASHED = side(running=False, ready=False, since=None, reason="CrashLoopBackOff", restarts=4, exit_code=1)
BETWEEN = side(since=JUST, restarts=4, exit_code=1, last_words="no such option")
UNREADY = side(ready=False)


def wanted(template: str = "t2", **rollout: Any) -> Desired:
    """Return three racks of two nodes that get *template*."""
    return named(desired((2, 2, 2), template=template, rollout=Rollout(**rollout)))


def named(want: Desired) -> Desired:
    """Return *want* with a place in the spec for the container."""
    origins = Origins(sidecars={"side": "spec.sidecarConfigs[1]"})
    return attrs.evolve(want, racks=tuple(attrs.evolve(rack, origins=origins) for rack in want.racks))


def with_sides(seen: Observed, new: Container, old: Container = WELL, *, template: str = "t2") -> Observed:
    """Return *seen* with *new* in the pods that have *template*, and *old* in all others."""

    def joined(pod: Pod) -> Pod:
        beside = new if pod.revision == template else old
        return attrs.evolve(pod, containers=(*pod.containers, beside))

    racks = {
        name: attrs.evolve(rack, pods=tuple(map(joined, rack.pods))) for name, rack in seen.racks.items()
    }
    return attrs.evolve(seen, racks=racks)


def begun(want: Desired) -> World:
    """Return a world in which the first node has *want*'s template and is back, and no other has it."""
    world = act(want, ring(2, 2, 2), times=2)
    assert world.restarts == ("demo-dc1-rack0-1",)
    return world


def planned(want: Desired, new: Container, old: Container = WELL) -> tuple[Action, ...]:
    """Return the plan after the first node took its template, with these containers beside Cassandra."""
    return plan(want, with_sides(look(want, begun(want)), new, old))


@pytest.mark.parametrize("share", [None, 100])
@pytest.mark.parametrize("new", [CRASHED, BETWEEN])
def test_one_that_ends_again_and_again_costs_one_node(new: Container, share: int | None) -> None:
    """The roll stops after its first pod, be the container down or running between two of its ends."""
    actions = planned(wanted(share=share), new)

    assert not restarts(actions)
    (hold,) = [a for a in actions if isinstance(a, Hold)]
    assert (hold.reason, hold.path) == ("ContainerCrashes", "spec.sidecarConfigs[1]")
    assert "container side of demo-dc1-rack0-1 ends again and again" in hold.why
    assert (new.last_words or "its log") in hold.why


def test_one_that_is_not_ready_is_waited_for() -> None:
    """It is named, and what goes on without it."""
    actions = planned(wanted(), UNREADY)

    assert not restarts(actions)
    assert not [a for a in actions if isinstance(a, Hold)]
    (why, *_) = [a.why for a in actions if isinstance(a, Wait)]
    assert "side beside Cassandra in it is not ready yet" in why
    assert "spec.unlockNextOperation" in why


def test_one_that_is_not_ready_may_cost_the_first_rack_where_whole_racks_go() -> None:
    """A rack is not slowed down by probes that have yet to begin; the next one waits."""
    want = wanted(share=100)
    world = begun(want)
    seen = with_sides(look(want, world), UNREADY)
    assert restarts(plan(want, seen)) == ["demo-dc1-rack0-0"]

    world = act(want, world, times=2)
    actions = plan(want, with_sides(look(want, world), UNREADY))

    assert world.racks["dc1-rack1"].template == "t2"
    assert not restarts(actions)
    assert any("side beside Cassandra in it is not ready yet" in a.why for a in actions)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (WELL, WELL),
        # It has just begun, and never ended.
        (side(since=JUST), WELL),
        (side(since=JUST, restarts=1), WELL),
        # It ended long ago.
        (side(restarts=9, exit_code=1), WELL),
        # It was no better before.
        (UNREADY, UNREADY),
        (CRASHED, CRASHED),
        (BETWEEN, UNREADY),
    ],
)
def test_what_is_well_or_was_no_better_before_holds_nothing_up(new: Container, old: Container) -> None:
    """A template that is not at fault is rolled."""
    assert restarts(planned(wanted(), new, old)) == ["demo-dc1-rack0-0"]


@pytest.mark.parametrize("new", [CRASHED, UNREADY])
def test_unlocking_goes_on_without_it(new: Container) -> None:
    """Its user has looked."""
    assert restarts(planned(wanted(unlocked=True), new)) == ["demo-dc1-rack0-0"]


@pytest.mark.parametrize("template", ["t1", "t3"])
@pytest.mark.parametrize("new", [CRASHED, UNREADY])
def test_any_correction_goes_on_at_once(new: Container, template: str) -> None:
    """The old template and a third one are stored, and taken by the node that has the bad one first."""
    world, want = begun(wanted()), wanted(template)

    first = plan(want, with_sides(look(want, world), new))
    (store,) = [a for a in first if isinstance(a, ApplyStatefulSet)]
    then = plan(want, with_sides(look(want, world.after(store, want)), new))

    assert restarts(then) == ["demo-dc1-rack0-1"]


def test_a_later_pod_is_no_trial() -> None:
    """Once a pod with the template has been whole for a while, others may ail: each for its own reason."""
    want = wanted()
    seen = with_sides(look(want, act(want, ring(2, 2, 2), times=3)), WELL)
    rack = seen.racks["dc1-rack0"]
    pods = [attrs.evolve(pod, containers=(pod.containers[0], CRASHED)) for pod in rack.pods[:1]]
    racks = {**seen.racks, "dc1-rack0": attrs.evolve(rack, pods=(*pods, *rack.pods[1:]))}

    actions = plan(want, attrs.evolve(seen, racks=racks))

    assert [a.rack for a in actions if isinstance(a, ApplyStatefulSet)] == ["dc1-rack1"]
    assert [a.reason for a in actions if isinstance(a, Hold)] == ["ContainerCrashes"]


def test_it_is_told_of_while_nothing_else_is_to_do() -> None:
    """One sentence for all of them, which keeps nothing from being done."""
    want = wanted("t1")
    (hold,) = plan(want, with_sides(look(want, ring(2, 2, 2)), CRASHED, template="t1"))

    assert isinstance(hold, Hold)
    assert hold.why.endswith("(and 5 more like it)")
    grown = named(desired((3, 2, 2)))
    actions = plan(grown, with_sides(look(grown, ring(2, 2, 2)), CRASHED, template="t1"))
    assert [a.replicas for a in actions if isinstance(a, ApplyStatefulSet)] == [3]
    assert not [a for a in actions if isinstance(a, RestartPod)]


@pytest.mark.parametrize("reason", ["ErrImagePull", "CreateContainerError"])
def test_one_that_never_ran_is_told_of_in_the_words_of_the_kubelet(reason: str) -> None:
    """It needs no second end to be known."""
    want = wanted("t1")
    never = side(running=False, ready=False, since=None, reason=reason, message="there is no such thing")
    pod = with_sides(look(want, ring(2, 2, 2)), never, template="t1").pods()[0]

    (found,) = unwell(pod, want.racks[0], NOW)

    assert found.hold is not None
    assert found.hold.path == "spec.sidecarConfigs[1]"
    assert "there is no such thing" in found.hold.why
