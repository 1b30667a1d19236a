"""What the planner promises, whatever interrupts it."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.actions import (
    Action,
    ApplyObject,
    ApplyStatefulSet,
    CreateSecret,
    DeletePod,
    Hold,
    RestartPod,
    Wait,
)
from controller.domain.desired import Desired
from controller.domain.observed import Obstacle
from controller.domain.plan import plan
from controller.domain.ring import Ring, Silent
from unit_tests.domain.obedient import NOW, RackModel, World, desired

SIZES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple)


def writes(actions: tuple[Action, ...]) -> list[Action]:
    """Return the actions that change something."""
    return [a for a in actions if isinstance(a, ApplyObject | ApplyStatefulSet | DeletePod | RestartPod)]


def members(size: int, template: str = "t1") -> RackModel:
    """Return a rack whose nodes are all members of the ring."""
    return RackModel(
        replicas=size, template=template, stages=("member",) * size, templates=(template,) * size
    )


def converge(want: Desired, world: World, data: st.DataObject) -> World:
    """Carry out the first write of each new plan, letting the world move by chance in between.

    Every step is thus a restart of the operator. The promises of every step are checked here.
    """
    for _ in range(400):
        actions = plan(want, world.observed(want))
        todo = writes(actions)
        unfinished = world.unfinished()
        if not todo and not unfinished:
            return world

        assert len(unfinished) <= 1

        if todo and (not unfinished or data.draw(st.booleans())):
            before = {name: rack.replicas for name, rack in world.racks.items()}
            world = world.after(todo[0], want)

            assert all(world.racks[name].replicas >= size for name, size in before.items())
        elif unfinished:
            world = world.advance(*data.draw(st.sampled_from(unfinished)))
    raise AssertionError(f"no end in sight: {plan(want, world.observed(want))}")


@given(SIZES, st.booleans(), st.data())
def test_every_rack_reaches_its_size_one_join_at_a_time(
    sizes: tuple[int, ...],
    first_pods_first: bool,  # noqa: FBT001 -- drawn, not called
    data: st.DataObject,
) -> None:
    """However often creation is interrupted, it ends at the wanted sizes; two nodes never join at once."""
    want = desired(sizes, first_pods_first=first_pods_first)

    world = converge(want, World(), data)

    assert plan(want, world.observed(want)) == ()
    assert tuple(world.racks[r.name].replicas if r.replicas else 0 for r in want.racks) == sizes


@given(SIZES.filter(any), st.data())
def test_a_bad_template_is_corrected_by_an_edit(sizes: tuple[int, ...], data: st.DataObject) -> None:
    """A cluster whose pods crash waits with a reason, and comes up once the spec is corrected."""
    bad = desired(sizes, template="bad")
    world = converge(bad, World(broken=frozenset({"bad"})), data)
    stuck = plan(bad, world.observed(bad))

    assert [a.reason for a in stuck if isinstance(a, Hold)] == ["ContainerCrashes"]

    good = desired(sizes, template="good")
    world = converge(good, world, data)

    assert plan(good, world.observed(good)) == ()


def test_a_first_pod_in_every_rack_comes_before_any_second() -> None:
    """Replicas can be spread over racks from the first keyspace on."""
    want = desired((2, 2))
    world = World(racks={"dc1-rack0": members(1)}, shared=want.shared)

    (action,) = plan(want, world.observed(want))

    assert isinstance(action, ApplyStatefulSet)
    assert (action.rack, action.replicas, action.uid) == ("dc1-rack1", 1, None)


def test_a_new_rack_never_touches_the_others() -> None:
    """A rack added beside running racks of any size leaves these as they are."""
    want = desired((3, 3, 3))
    world = World(racks={"dc1-rack0": members(3), "dc1-rack1": members(3)}, shared=want.shared)

    (action,) = plan(want, world.observed(want))

    assert isinstance(action, ApplyStatefulSet)
    assert (action.rack, action.replicas) == ("dc1-rack2", 1)


def test_nothing_leaves_before_it_is_known_who_owns_what() -> None:
    """A rack that is larger than the spec asks for stays so while nobody has said who owns what."""
    want = desired((1,))
    world = World(racks={"dc1-rack0": members(3)}, shared=want.shared)

    (action,) = plan(want, world.observed(want))

    assert isinstance(action, Wait)
    assert "who owns what" in action.why


@pytest.mark.parametrize("stage", ["absent", "pending", "starting", "joining", "seen-late"])
def test_nothing_grows_before_every_node_is_a_member(stage: str) -> None:
    """While one node is on its way, whatever its stage, the plan only waits and says for what."""
    want = desired((1, 1, 1))
    rack = RackModel(replicas=1, template="t1", stages=(stage,), templates=("t1",))
    world = World(racks={"dc1-rack0": members(1), "dc1-rack1": rack}, shared=want.shared)

    actions = plan(want, world.observed(want))

    assert actions
    assert all(isinstance(a, Wait) for a in actions)


def test_silence_is_not_agreement() -> None:
    """A ready pod that does not answer the operator is not counted as a member."""
    want = desired((1, 1))
    observed = World(racks={"dc1-rack0": members(1)}, shared=want.shared).observed(want)
    observed = attrs.evolve(observed, ring=Ring(answers={"demo-dc1-rack0-0": Silent(why="timed out")}))

    (action,) = plan(want, observed)

    assert isinstance(action, Wait)
    assert "timed out" in action.why


def test_an_obstacle_stops_racks_but_not_services() -> None:
    """What a person has to put right is said, and what does not depend on it is done meanwhile."""
    want = desired((1,))
    obstacle = Obstacle(
        reason="SecretMissing", path="spec.imageJolokiaSecret.name", why="no Secret jolokia: create it"
    )
    observed = attrs.evolve(World().observed(want), obstacles=(obstacle,))

    actions = plan(want, observed)

    assert [type(a) for a in actions] == [ApplyObject, ApplyObject, Hold]


def test_a_login_is_made_before_anything_that_needs_it() -> None:
    """Neither can a pod start without it, nor may a node be asked; Services do not depend on it."""
    want = desired((1,))
    new = attrs.evolve(World().observed(want), missing_login="demo-jolokia")
    rack = World(racks={"dc1-rack0": members(1)}, shared=want.shared).observed(want)
    lost = attrs.evolve(rack, missing_login="demo-jolokia")

    made, again = plan(want, new), plan(want, lost)

    assert [type(a) for a in made] == [ApplyObject, ApplyObject, CreateSecret]
    assert "does not exist yet" in made[-1].why
    assert [type(a) for a in again] == [CreateSecret]
    assert "restarted one by one" in again[0].why


def test_only_pods_without_a_running_cassandra_are_deleted() -> None:
    """A node that runs is left alone even if its template is out of date."""
    want = desired((2,), template="new")
    rack = RackModel(replicas=2, template="new", stages=("member", "pending"), templates=("old", "broken"))
    world = World(racks={"dc1-rack0": rack}, shared=want.shared, broken=frozenset({"broken"}))

    actions = plan(want, world.observed(want))

    assert [(type(a), a.pod) for a in actions if isinstance(a, DeletePod)] == [
        (DeletePod, "demo-dc1-rack0-1")
    ]


def test_the_same_snapshot_gives_the_same_plan() -> None:
    """A plan depends on nothing but its arguments."""
    want = desired((2, 1))
    observed = World(racks={"dc1-rack0": members(1)}).observed(want)

    assert observed.now == NOW
    assert plan(want, observed) == plan(want, observed)
