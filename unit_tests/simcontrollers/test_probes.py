"""Startup, readiness and liveness probes: what they decide, and when."""

from __future__ import annotations

from typing import Any

import pytest

from unit_tests.simcontrollers.world import PODS, World, container, pod_spec, probe


def started(world: World, **spec: Any) -> None:
    """Create the pod `p`."""
    world.create(PODS, "p", spec=pod_spec(**spec))


def restarts(world: World, name: str = "c") -> int:
    """Return how often a container of `p` was started again."""
    return int(world.container("p", name).get("restartCount") or 0)


def test_a_readiness_probe_decides_when_a_pod_is_ready() -> None:
    """After the delay, at the probe's own instants; failures count in a row."""
    world = World()
    script = world.programs.script("c")
    script.ready = False
    checked = probe(initialDelaySeconds=10, periodSeconds=5, failureThreshold=3)
    started(world, containers=[container(readinessProbe=checked)])
    world.wait(lambda: "running" in world.container("p", "c").get("state", {}))
    begun = world.simulation.now
    script.ready = True
    world.programs.poke()
    world.wait(lambda: world.ready() == ["p"])
    assert world.simulation.now - begun == pytest.approx(10, abs=0.01)

    script.ready = False
    world.programs.poke()
    took = world.wait(lambda: world.ready() == [])
    assert 10 <= took <= 15
    assert restarts(world) == 0
    assert world.condition("p", "Ready")["reason"] == "ContainersNotReady"


def test_a_glitch_shorter_than_the_threshold_is_not_seen() -> None:
    """Two failures of three in a row are forgotten by a success."""
    world = World()
    script = world.programs.script("c")
    started(world, containers=[container(readinessProbe=probe(failureThreshold=3))])
    world.wait(lambda: world.ready() == ["p"])
    for _ in range(5):
        for ready in (False, True):
            script.ready = ready
            world.programs.poke()
            world.run(1.9)
            assert world.ready() == ["p"]


def test_a_success_threshold_counts_as_well() -> None:
    """So many successes in a row make a container ready."""
    world = World()
    started(world, containers=[container(readinessProbe=probe(periodSeconds=10, successThreshold=3))])
    world.programs.script("c")
    world.wait(lambda: "running" in world.container("p", "c").get("state", {}))

    assert world.wait(lambda: world.ready() == ["p"]) == pytest.approx(20, abs=0.1)


def test_a_failed_liveness_probe_restarts_the_container() -> None:
    """It is stopped as a pod is: TERM first, KILL after the grace period."""
    world = World()
    script = world.programs.script("c")
    script.stops_in = None
    started(
        world,
        containers=[container(livenessProbe=probe(periodSeconds=10, failureThreshold=3))],
        terminationGracePeriodSeconds=7,
    )
    world.wait(lambda: world.ready() == ["p"])
    script.live = False
    world.programs.poke()
    took = world.wait(lambda: script.log == ["TERM"])
    assert 20 <= took <= 30
    assert ("Killing", "Container c failed liveness probe, will be restarted") in world.events("p")

    script.live = True
    assert world.wait(lambda: script.log == ["TERM", "KILL"]) == pytest.approx(7, abs=0.01)
    world.wait(lambda: restarts(world) == 1 and world.ready() == ["p"])
    assert world.container("p", "c")["lastState"]["terminated"]["exitCode"] == 137


def test_a_startup_probe_holds_the_others_back() -> None:
    """Neither readiness nor liveness are looked at before it has succeeded."""
    world = World()
    script = world.programs.script("c")
    script.started = script.live = False
    probes: dict[str, Any] = {
        "startupProbe": probe(periodSeconds=10, failureThreshold=30),
        "livenessProbe": probe(failureThreshold=1),
        "readinessProbe": probe(),
    }
    started(world, containers=[container(**probes)])
    world.run(120)
    status = world.container("p", "c")
    assert (status["started"], status["ready"], status["restartCount"]) == (False, False, 0)

    script.started = script.live = True
    world.programs.poke()
    world.wait(lambda: world.ready() == ["p"], seconds=12)
    assert world.container("p", "c")["started"] is True


def test_a_startup_probe_gives_a_container_up() -> None:
    """After its last attempt the container is started again."""
    world = World()
    world.programs.script("c").started = False
    started(world, containers=[container(startupProbe=probe(periodSeconds=10, failureThreshold=6))])
    world.wait(lambda: restarts(world) == 1)

    assert ("Killing", "Container c failed startup probe, will be restarted") in world.events("p")
