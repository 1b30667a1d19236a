"""How pods end: in good order, by force, and before they ever ran."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from unit_tests.simcontrollers.world import PODS, World, container, pod_spec


def started(world: World, **spec: Any) -> None:
    """Create the pod `p`."""
    world.create(PODS, "p", spec=pod_spec(**spec))


def test_a_pod_ends_in_good_order() -> None:
    """The preStop hook runs before TERM, and the object is gone when all containers have ended."""
    world = World()
    script = world.programs.script("c")
    script.pre_stop, script.stops_in = 5.0, 3.0
    hook = {"preStop": {"exec": {"command": ["drain"]}}}
    started(world, containers=[container(lifecycle=hook), container("beside")])
    world.wait(lambda: world.ready() == ["p"])
    world.delete(PODS, "p")
    world.run(2)
    assert objects.terminating(world.get(PODS, "p"))
    assert script.log == ["preStop"]

    assert 2 + world.wait(lambda: not world.get(PODS, "p")) == pytest.approx(8, abs=0.5)
    assert script.log == ["preStop", "TERM"]


def test_what_does_not_stop_is_killed() -> None:
    """After the grace period, the hook's time included."""
    world = World()
    script = world.programs.script("c")
    script.pre_stop, script.stops_in = 100.0, None
    hook = {"preStop": {"exec": {"command": ["drain"]}}}
    started(world, containers=[container(lifecycle=hook)], terminationGracePeriodSeconds=20)
    world.wait(lambda: world.ready() == ["p"])
    world.delete(PODS, "p")

    assert world.wait(lambda: not world.get(PODS, "p")) == pytest.approx(20, abs=0.5)
    assert script.log == ["preStop", "KILL"]


def test_a_deletion_may_shorten_the_grace_period() -> None:
    """And with 0 the object is gone at once, before its containers are."""
    world = World()
    script = world.programs.script("c")
    script.stops_in = None
    started(world)
    world.wait(lambda: world.ready() == ["p"])
    world.delete(PODS, "p", gracePeriodSeconds=3)
    assert world.wait(lambda: not world.get(PODS, "p")) == pytest.approx(3, abs=0.5)

    started(world)
    world.wait(lambda: world.ready() == ["p"])
    script.log.clear()
    world.delete(PODS, "p", gracePeriodSeconds=0)
    assert not world.get(PODS, "p")
    world.run(1)
    assert script.log == ["KILL"]


def test_a_pod_that_never_ran_is_deleted_at_once() -> None:
    """It waits for a node, or its kubelet has not seen it: there is nothing to stop."""
    world = World()
    started(world, nodeSelector={"no": "where"})
    world.run(5)
    world.delete(PODS, "p")
    world.run(1)

    assert not world.get(PODS, "p")


def test_a_stopping_pod_starts_nothing_any_more() -> None:
    """A container in back-off stays down, and the pod is soon gone."""
    world = World()
    world.programs.script("c").lasts = 1.0
    started(world)
    world.wait(lambda: world.waiting("p")[0] == "CrashLoopBackOff")
    before = len(world.programs.starts)
    world.delete(PODS, "p")
    world.wait(lambda: not world.get(PODS, "p"))
    world.run(600)

    assert len(world.programs.starts) == before
