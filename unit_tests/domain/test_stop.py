"""What is planned for a cluster that is to be stopped or started, by value."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.actions import ApplyStatefulSet, Hold, StartRack, StopRack, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed
from controller.domain.plan import needs_ownership, plan
from unit_tests.domain.obedient import RackModel, World, desired


def wanted(*, stopped: bool, seeds: tuple[int, ...] = (1, 0), **rack: Any) -> Desired:
    """Return two racks of two; *seeds* are by rack."""
    plain = desired((2, 2))
    racks = tuple(attrs.evolve(r, seed_places=s, **rack) for r, s in zip(plain.racks, seeds, strict=True))
    return attrs.evolve(plain, racks=racks, stopped=stopped)


def seen(running: tuple[int, int], *, ready: bool = True) -> Observed:
    """Return the racks with so many of their pods, each a member that serves if *ready*."""
    racks = {
        f"dc1-rack{i}": RackModel(
            replicas=2, template="t1", stages=("member" if ready else "starting",) * 2, templates=("t1",) * 2
        )
        for i in (0, 1)
    }
    world = World(racks=racks, shared={"Service/demo": "h1", "PodDisruptionBudget/demo": "h2"})
    observed = world.observed(desired((2, 2)))
    found = {}
    for (name, rack), size in zip(observed.racks.items(), running, strict=True):
        assert rack.statefulset is not None
        statefulset = attrs.evolve(rack.statefulset, running=size)
        found[name] = attrs.evolve(rack, pods=rack.pods[:size], statefulset=statefulset)
    return attrs.evolve(observed, racks=found)


def test_all_racks_stop_at_once() -> None:
    """Each at the size that it has, whatever the spec says of sizes."""
    target = wanted(stopped=True, replicas=5)

    actions = plan(target, seen((2, 2)))

    assert [(a.rack, a.size) for a in actions if isinstance(a, StopRack)] == [
        ("dc1-rack0", 2),
        ("dc1-rack1", 2),
    ]
    assert len(actions) == 2


def test_pods_that_end_are_waited_for() -> None:
    """Only then is it said that the cluster is stopped, and what waits."""
    target = wanted(stopped=True, replicas=5)
    stopped = seen((0, 0))
    ending = attrs.evolve(
        stopped,
        racks={
            name: attrs.evolve(rack, pods=tuple(attrs.evolve(p, terminating=True) for p in full.pods))
            for (name, rack), full in zip(stopped.racks.items(), seen((2, 2)).racks.values(), strict=True)
        },
    )

    (wait,) = plan(target, ending)
    (hold,) = plan(target, stopped)

    assert isinstance(wait, Wait)
    assert isinstance(hold, Hold)
    assert (hold.reason, hold.path) == ("Stopped", "spec.stopped")
    assert "5 nodes instead of 2" in hold.why


def test_seeds_start_then_all_others() -> None:
    """The others wait for one seed that is ready."""
    target = wanted(stopped=False)

    first = plan(target, seen((0, 0)))
    waiting = plan(target, seen((1, 0), ready=False))
    rest = plan(target, seen((1, 0)))

    assert [(a.rack, a.replicas) for a in first if isinstance(a, StartRack)] == [("dc1-rack0", 1)]
    assert [type(a) for a in waiting] == [Wait]
    assert [(a.rack, a.replicas) for a in rest if isinstance(a, StartRack)] == [
        ("dc1-rack0", 2),
        ("dc1-rack1", 2),
    ]


def test_a_new_template_comes_before_the_start() -> None:
    """It is stored while there is no pod, at no size."""
    actions = plan(wanted(stopped=False, template_hash="t2"), seen((0, 0)))

    assert [(type(a), a.replicas) for a in actions if isinstance(a, ApplyStatefulSet)] == [
        (ApplyStatefulSet, 0)
    ] * 2


@given(
    running=st.tuples(st.integers(0, 2), st.integers(0, 2)), stopped=st.booleans(), seeds=st.integers(0, 2)
)
def test_it_always_ends(running: tuple[int, int], stopped: bool, seeds: int) -> None:  # noqa: FBT001 -- drawn
    """One action at a time, from wherever it was interrupted: all stopped, or all running."""
    target, sizes = wanted(stopped=stopped, seeds=(seeds, 0)), list(running)

    for _ in range(10):
        observed = seen((sizes[0], sizes[1]))
        assert not needs_ownership(target, observed) or not (stopped or sum(sizes) < 4)
        action = next((a for a in plan(target, observed) if isinstance(a, StopRack | StartRack)), None)
        if action is None:
            break
        sizes[int(action.rack[-1])] = 0 if isinstance(action, StopRack) else action.replicas

    assert sizes == ([0, 0] if stopped else [2, 2])
