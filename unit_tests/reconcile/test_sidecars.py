"""Containers beside Cassandra that crash, or never get ready, in a simulated Kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcontrollers.programs import End
from unit_tests.reconcile.simulated import wait
from unit_tests.reconcile.test_rolling import NEW, Watch, converged, images, world_of

SIDE: Final[dict[str, Any]] = {
    "name": "side",
    "image": "busybox:1",
    "terminationMessagePolicy": "FallbackToLogsOnError",
    "readinessProbe": {"exec": {"command": ["true"]}},
}
# No program of theirs works.
BAD_SIDE: Final[dict[str, Any]] = {**SIDE, "image": "busybox:bad"}


@attrs.define(kw_only=True)
class Sick:
    """A program that is never ready, and ends after so many seconds if it *dies*."""

    world: SimCluster
    dies: bool
    started: bool = True
    live: bool = True
    ready: bool = False
    ended: Callable[[End], None] = attrs.field(default=lambda _: None)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Nothing ever changes."""

    def on_end(self, listener: Callable[[End], None]) -> None:
        """End, in a moment, if it is to."""
        self.ended = listener
        if self.dies:
            end = End(code=1, message="side: no such option --foo")
            self.world.simulation.after(3, lambda: listener(end))

    def pre_stop(self, done: Callable[[], None]) -> None:
        """Have no hook."""
        done()

    def terminate(self) -> None:
        """End as asked."""
        self.ended(End(code=0))

    def kill(self) -> None:
        """End at once."""
        self.ended(End(code=137))


def with_bad_sides(world: SimCluster, *, dies: bool) -> None:
    """Let the sidecars with the bad image be sick."""
    world.controllers.pods.beside[BAD_SIDE["image"]] = lambda: Sick(world=world, dies=dies)


def test_a_sidecar_that_crashes_costs_one_restart_and_is_corrected_at_once() -> None:
    """The roll stops with the container's last words while all nodes serve; the corrected one goes on."""
    world = world_of(3)
    with_bad_sides(world, dies=True)
    roll = Watch(world)

    world.edit("cc", {"sidecarConfigs": [BAD_SIDE]})
    wait(world, "cc", "Degraded", "True", seconds=120)
    for _ in range(60):
        world.run(5)
        assert world.condition("cc", "Degraded")["status"] == "True"

    assert len(roll.restarted()) == 1
    found = world.condition("cc", "Degraded")
    assert found["reason"] == "ContainerCrashes"
    assert "no such option --foo" in found["message"]
    assert "spec.sidecarConfigs[0]" in found["message"]
    assert world.condition("cc", "Ready")["status"] == "True"

    world.edit("cc", {"sidecarConfigs": [SIDE]})
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert world.condition("cc", "Degraded")["status"] == "False"


def test_a_sidecar_that_never_gets_ready_is_waited_for_and_unlocked() -> None:
    """`Progressing` names it after the first node; `unlockNextOperation` rolls the others all the same."""
    world = world_of(3)
    with_bad_sides(world, dies=False)
    roll = Watch(world)

    world.edit("cc", {"sidecarConfigs": [BAD_SIDE]})
    world.run(300)

    assert len(roll.restarted()) == 1
    assert "side beside Cassandra in it is not ready yet" in world.condition("cc", "Progressing")["message"]
    world.edit("cc", {"unlockNextOperation": True})
    roll.done()
    assert roll.restarted() == set(roll.before)

    # It was no better before: no other change waits for it.
    world.edit("cc", {"unlockNextOperation": False, "cassandraImage": NEW})
    Watch(world).done()
    assert images(world) == {NEW}


@pytest.mark.parametrize("dies", [True, False])
def test_the_old_value_heals_the_one_pod(*, dies: bool) -> None:
    """Taking the sidecar out again restarts the node that has it, and no other."""
    world = world_of(3)
    with_bad_sides(world, dies=dies)
    roll = Watch(world)
    world.edit("cc", {"sidecarConfigs": [BAD_SIDE]})
    world.run(200)
    (victim,) = roll.restarted()

    world.edit("cc", {"sidecarConfigs": []})
    roll.done(seconds=120)

    assert roll.restarted() == {victim}
    assert converged(world)
    (pod,) = [
        p for p in world.client.list_page(kinds.POD, "cassandra").items if p["metadata"]["name"] == victim
    ]
    assert "side" not in {c["name"] for c in pod["spec"]["containers"]}
