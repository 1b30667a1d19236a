"""What status tells of a roll: how far it is, and when it will be over."""

from __future__ import annotations

import datetime as dt

import attrs
from hypothesis import given
from hypothesis import strategies as st

from controller.api.v2.cluster import RollStatus
from controller.domain.desired import Desired, Rollout
from controller.domain.plan import plan
from controller.domain.progress import progress
from unit_tests.domain.obedient import NOW, World, desired
from unit_tests.domain.test_roll import look, ring

RESTART = 50.0


def rolled(want: Desired, world: World) -> list[tuple[float, RollStatus | None]]:
    """Roll to the end, each restart in RESTART seconds; return what status had, and when it changed."""
    seen: list[tuple[float, RollStatus | None]] = []
    told: RollStatus | None = None
    at, generation = 0.0, 0
    uids: dict[str, str] = {}
    for _ in range(60):
        observed = attrs.evolve(look(want, world), now=NOW + dt.timedelta(seconds=at))
        racks = {
            name: attrs.evolve(
                rack, pods=tuple(attrs.evolve(pod, uid=uids.get(pod.name, pod.uid)) for pod in rack.pods)
            )
            for name, rack in observed.racks.items()
        }
        observed = attrs.evolve(observed, racks=racks)
        actions = plan(want, observed)
        now = progress(told, want, observed, actions, observed.members())
        if now != told:
            seen.append((at, now))
        told = now
        if not actions:
            return seen
        before = world.restarts
        for action in actions:
            world = world.after(action, want)
        gone = world.restarts[len(before) :]
        for pod in gone:
            generation += 1
            uids[pod] = f"uid-{generation}"
        while world.unfinished():
            for name, ordinal in world.unfinished():
                world = world.advance(name, ordinal)
        at += RESTART if gone else 1.0
    raise AssertionError("it does not end")


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple), st.sampled_from([None, 100]))
def test_it_counts_up_and_knows_the_end(sizes: tuple[int, ...], share: int | None) -> None:
    """It begins and ends with the roll, never goes back, and node by node it is right once two are timed."""
    want = desired(sizes, template="t2", rollout=Rollout(share=share))

    seen = rolled(want, ring(*sizes))

    assert seen[-1][1] is None
    states = [(at, state) for at, state in seen if state is not None]
    done = [state.updated_nodes for _, state in states]
    assert done == sorted(done)
    assert all(state.nodes == sum(sizes) for _, state in states)
    end = NOW + dt.timedelta(seconds=seen[-1][0])
    for _, state in states:
        if state.restarts > 1:
            assert state.seconds_per_restart in range(50, 53)
            assert state.estimated_end is not None
            # A second for each template that is stored; how many may go together is learnt on the way.
            slack = 3 * len(sizes) if share is None else RESTART * sum(sizes)
            assert abs((state.estimated_end - end).total_seconds()) <= slack
            assert "a restart takes 5" in (state.message or "")


def test_it_changes_only_when_a_node_goes_or_is_back() -> None:
    """At most twice a node, however often it is looked at meanwhile."""
    want = desired((2, 2), template="t2")

    assert len(rolled(want, ring(2, 2))) <= 2 * 4 + 1


def test_there_is_none_without_a_roll() -> None:
    """Neither at rest nor while a rack grows."""
    for want in (desired((1, 1)), desired((2, 2))):
        seen = look(want, ring(1, 1))

        assert progress(None, want, seen, plan(want, seen), seen.members()) is None
