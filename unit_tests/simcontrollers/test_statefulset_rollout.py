"""
StatefulSets: templates, their revisions, and how pods go from one to the next.

What is stated here was checked on Kubernetes 1.34.
"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from e2e.simcontrollers.images import Images
from unit_tests.simcontrollers.world import PODS, REVISIONS, SETS, World, container, probe, stateful_set

ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}


def settled(world: World, image: str | None = None) -> None:
    """Wait until all three pods are ready, and have *image* if one is given."""

    def there() -> bool:
        pods = world.all(PODS)
        fits = all(image in (None, world.image(objects.name(pod))) for pod in pods)
        return len(world.ready()) == len(pods) == 3 and fits

    world.wait(there)
    world.run(2)


def made(**spec: Any) -> World:
    """Return a world with the settled set `s` of three pods; `bad:1` is an image that nobody has."""
    world = World(images=Images(unknown=["bad:1"]))
    world.create(SETS, "s", spec=stateful_set(3, **spec))
    settled(world)
    return world


def change(world: World, image: str, **spec: Any) -> None:
    """Give the set's template another image."""
    made = container(image=image, readinessProbe=probe())
    world.patch(SETS, "s", spec={"template": {"spec": {"containers": [made]}}, **spec})


def partition(number: int) -> dict[str, Any]:
    """Return an update strategy."""
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}


def status(world: World) -> dict[str, Any]:
    """Return the set's status."""
    return objects.status(world.get(SETS, "s"))


def test_a_new_template_replaces_pods_from_the_last_to_the_first() -> None:
    """One at a time, each ready before the next is stopped."""
    world = made()
    change(world, "app:2")
    order: list[str] = []

    def look() -> bool:
        down = [objects.name(pod) for pod in world.all(PODS) if objects.terminating(pod)]
        assert len(down) <= 1
        if down:
            assert len(world.ready()) >= 2
            order.extend(name for name in down if name not in order)
        return {world.image(name) for name in world.names(PODS)} == {"app:2"}

    world.wait(look)
    assert order == ["s-2", "s-1", "s-0"]


def test_figures_and_revisions_during_a_rollout() -> None:
    """Current and updated pods add up; at the end the new revision becomes the current one."""
    world = made()
    before = status(world)
    assert before["currentRevision"] == before["updateRevision"]
    change(world, "app:2")
    world.wait(lambda: status(world).get("updatedReplicas") == 1 and len(world.ready()) == 3)
    during = status(world)

    assert during["currentRevision"] == before["currentRevision"]
    assert during["updateRevision"] != before["currentRevision"]
    assert (during["currentReplicas"], during["updatedReplicas"]) == (2, 1)

    settled(world, "app:2")
    after = status(world)
    assert after["currentRevision"] == after["updateRevision"] == during["updateRevision"]
    assert after["currentReplicas"] == after["updatedReplicas"] == 3


def test_pods_below_the_partition_stay() -> None:
    """They keep their revision also when they are made anew; the rest has the new one."""
    world = made()
    old = world.revision("s-0")
    change(world, "app:2", updateStrategy=partition(2))
    world.wait(lambda: world.image("s-2") == "app:2" if world.get(PODS, "s-2") else False)
    world.wait(lambda: len(world.ready()) == 3)
    world.delete(PODS, "s-1")
    world.wait(lambda: "s-1" not in world.ready())
    world.wait(lambda: len(world.ready()) == 3)
    world.run(60)

    assert [world.image(f"s-{n}") for n in range(3)] == ["app:1", "app:1", "app:2"]
    assert world.revision("s-1") == old
    assert (status(world)["currentReplicas"], status(world)["updatedReplicas"]) == (2, 1)

    world.patch(SETS, "s", spec={"updateStrategy": partition(0)})
    settled(world, "app:2")


def test_a_partition_beyond_the_last_pod_stops_everything() -> None:
    """Nothing is replaced, and the status tells that there is a newer revision."""
    world = made()
    change(world, "app:2", updateStrategy=partition(5))
    world.run(60)

    assert {world.image(f"s-{n}") for n in range(3)} == {"app:1"}
    assert status(world)["updateRevision"] != status(world)["currentRevision"]


def test_on_delete_replaces_nothing_by_itself() -> None:
    """A pod that somebody deletes comes back with the new template; the others stay."""
    world = made(**ON_DELETE)
    change(world, "app:2")
    world.run(60)
    assert {world.image(f"s-{n}") for n in range(3)} == {"app:1"}
    world.delete(PODS, "s-1")
    world.wait(lambda: "s-1" not in world.ready())
    world.wait(lambda: len(world.ready()) == 3)

    assert [world.image(f"s-{n}") for n in range(3)] == ["app:1", "app:2", "app:1"]


def test_on_delete_never_makes_a_revision_current() -> None:
    """Not even when all pods have it: only rolling updates end."""
    world = made(**ON_DELETE)
    old = status(world)["currentRevision"]
    change(world, "app:2")
    for number in range(3):
        world.delete(PODS, f"s-{number}")
        world.wait(lambda name=f"s-{number}": name not in world.ready())  # type: ignore[misc]  # mypy cannot infer defaults
        world.wait(lambda: len(world.ready()) == 3)
    world.run(10)

    assert status(world)["currentRevision"] == old != status(world)["updateRevision"]
    assert (status(world).get("currentReplicas") or 0, status(world)["updatedReplicas"]) == (0, 3)


def test_equal_templates_are_one_revision() -> None:
    """Going back finds the old one and makes it the newest: no third is made."""
    world = made(**ON_DELETE)
    first = status(world)["updateRevision"]
    change(world, "app:2")
    world.run(5)
    second = status(world)["updateRevision"]
    change(world, "app:1")
    world.run(5)

    assert status(world)["updateRevision"] == first
    numbers = {objects.name(r): r["revision"] for r in world.all(REVISIONS)}
    assert numbers == {first: 3, second: 2}
    assert status(world)["updatedReplicas"] == 3


def test_a_revision_holds_the_template_and_carries_its_hash() -> None:
    """Owned by the set, named after it."""
    world = made()
    (revision,) = world.all(REVISIONS)
    template = world.get(SETS, "s")["spec"]["template"]

    assert objects.name(revision) == f"s-{objects.labels(revision)['controller.kubernetes.io/hash']}"
    assert revision["data"] == {"spec": {"template": {**template, "$patch": "replace"}}}
    assert objects.controller_uid(revision) == objects.uid(world.get(SETS, "s"))


def test_old_revisions_are_forgotten() -> None:
    """All but `revisionHistoryLimit` of those that no pod has, the oldest first."""
    world = made(revisionHistoryLimit=2, **ON_DELETE)
    first = status(world)["currentRevision"]
    seen = [first]
    for number in range(2, 8):
        change(world, f"app:{number}")
        world.run(5)
        seen.append(status(world)["updateRevision"])

    # The pods have the first one still, the set wants the last.
    assert set(world.names(REVISIONS)) == {first, *seen[-3:]}


def test_scaling_is_no_new_revision() -> None:
    """Only the template is part of one."""
    world = made()
    world.patch(SETS, "s", spec={"replicas": 2, "updateStrategy": partition(1)})
    world.wait(lambda: len(world.all(PODS)) == 2)

    assert len(world.all(REVISIONS)) == 1


@pytest.mark.parametrize(("policy", "recovers"), [("OrderedReady", False), ("Parallel", True)])
def test_a_rollout_that_is_stuck_stays_stuck_in_an_ordered_set(policy: str, *, recovers: bool) -> None:
    """Taking the bad template back helps a parallel set; an ordered one waits for the broken pod."""
    world = made(podManagementPolicy=policy)
    change(world, "bad:1")
    world.wait(lambda: world.waiting("s-2")[0] == "ImagePullBackOff")
    assert world.ready() == ["s-0", "s-1"]

    change(world, "app:1")
    world.run(600)
    assert (world.image("s-2") == "app:1") is recovers

    if not recovers:
        world.delete(PODS, "s-2")
    settled(world, "app:1")


def test_a_pod_that_is_down_stops_a_rollout() -> None:
    """A pod of the new revision has to be ready before the next is touched."""
    world = made()
    world.programs.script("s-2/c").ready = False
    change(world, "app:2")
    world.run(600)

    assert [world.image(f"s-{n}") for n in range(3)] == ["app:1", "app:1", "app:2"]
    world.programs.script("s-2/c").ready = True
    world.programs.poke()
    settled(world, "app:2")


def test_a_controller_that_is_late_leaves_the_old_status() -> None:
    """Until it looks, `observedGeneration` says that the figures are of before the change."""
    world = made()
    world.controllers.loop.slow("statefulset", 30)
    change(world, "app:2")
    world.run(20)

    found = world.get(SETS, "s")
    assert objects.status(found)["observedGeneration"] == objects.meta(found)["generation"] - 1
    assert objects.status(found)["updatedReplicas"] == 3
