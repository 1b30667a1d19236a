"""
The status of PodDisruptionBudgets: how many pods there should be, are, and may go.

What is stated here was checked on Kubernetes 1.34.
"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from unit_tests.simcontrollers.world import BUDGETS, PODS, SETS, World, stateful_set


def made(replicas: int = 3, **budget: Any) -> World:
    """Return a world with a settled set and a budget for its pods."""
    world = World()
    world.create(BUDGETS, "b", spec={"selector": {"matchLabels": {"app": "s"}}, **budget})
    world.create(SETS, "s", spec=stateful_set(replicas, podManagementPolicy="Parallel"))
    world.wait(lambda: len(world.ready()) == replicas)
    world.run(2)
    return world


def figures(world: World) -> tuple[int, int, int, int]:
    """Return expected, healthy, wanted and allowed."""
    status = objects.status(world.get(BUDGETS, "b"))
    names = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    expected, healthy, wanted, allowed = (int(status[name]) for name in names)
    return expected, healthy, wanted, allowed


def evict(world: World, pod: str) -> int:
    """Ask for an eviction and return the HTTP status."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": "test"},
    }
    return world.ask("POST", PODS.path("test", pod, "eviction"), body).status


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"maxUnavailable": 1}, (3, 3, 2, 1)),
        ({"maxUnavailable": 0}, (3, 3, 3, 0)),
        ({"maxUnavailable": "34%"}, (3, 3, 1, 2)),
        ({"maxUnavailable": 5}, (3, 3, 0, 3)),
        ({"minAvailable": 2}, (3, 3, 2, 1)),
        ({"minAvailable": "50%"}, (3, 3, 2, 1)),
        ({"minAvailable": 3}, (3, 3, 3, 0)),
    ],
)
def test_the_figures_of_a_healthy_set(budget: dict[str, Any], expected: tuple[int, ...]) -> None:
    """Percentages are of the expected pods, and round up."""
    assert figures(made(**budget)) == expected


def test_the_condition_says_whether_anything_may_go() -> None:
    """With a reason; and the status belongs to the generation that it names."""
    for number, status, reason in ((1, "True", "SufficientPods"), (0, "False", "InsufficientPods")):
        world = made(maxUnavailable=number)
        found = world.condition("b", "DisruptionAllowed", of=BUDGETS)
        assert (found["status"], found["reason"]) == (status, reason)
        assert objects.status(world.get(BUDGETS, "b"))["observedGeneration"] == 1


def test_an_unready_pod_is_not_healthy() -> None:
    """One that is down already uses up what may be down."""
    world = made(maxUnavailable=1)
    world.programs.script("s-1/c").ready = False
    world.delete(PODS, "s-1")
    world.run(30)

    assert figures(world) == (3, 2, 2, 0)


def test_a_stopping_pod_is_not_healthy() -> None:
    """From the moment of its deletion, though it may be ready to its end."""
    world = made(maxUnavailable=1)
    world.programs.script("s-1/c").stops_in = 60.0
    world.delete(PODS, "s-1")
    world.wait(lambda: "s-1" not in world.ready())
    world.wait(lambda: len(world.ready()) == 3)
    world.run(2)
    assert figures(world) == (3, 3, 2, 1)
    world.delete(PODS, "s-1")
    world.run(20)

    assert len(world.ready()) == 3
    assert figures(world) == (3, 2, 2, 0)


def test_a_missing_pod_counts_as_down() -> None:
    """With `maxUnavailable` by what the set wants, with `minAvailable` by what there is."""
    for budget, expected in (({"maxUnavailable": 1}, (3, 2, 2, 0)), ({"minAvailable": 2}, (2, 2, 2, 0))):
        world = made(**budget)
        world.controllers.loop.slow("statefulset", 3600)
        world.delete(PODS, "s-1")
        world.wait(lambda world=world: not world.get(PODS, "s-1"))  # type: ignore[misc]  # mypy cannot infer defaults
        world.run(2)
        assert figures(world) == expected


def test_a_budget_without_pods_allows_nothing() -> None:
    """There is nothing to go."""
    world = World()
    spec = {"selector": {"matchLabels": {"app": "none"}}, "maxUnavailable": 1}
    world.create(BUDGETS, "b", spec=spec)
    world.run(5)

    assert figures(world) == (0, 0, 0, 0)


def test_evictions_go_as_far_as_the_budget() -> None:
    """The second is refused with 429 until the first pod is back."""
    world = made(maxUnavailable=1)
    assert evict(world, "s-0") == 201
    assert evict(world, "s-1") == 429
    assert figures(world)[3] == 0
    world.run(1)
    assert evict(world, "s-1") == 429

    world.wait(lambda: figures(world) == (3, 3, 2, 1))
    assert not objects.status(world.get(BUDGETS, "b")).get("disruptedPods")
    assert evict(world, "s-1") == 201


def test_a_mark_of_an_eviction_does_not_last() -> None:
    """A pod that was to be evicted and is not deleted counts again after two minutes."""
    world = made(maxUnavailable=1)
    marked = {"disruptedPods": {"s-1": objects.timestamp(world.simulation.now)}}
    world.send("PATCH", BUDGETS.path("test", "b", "status"), {"status": marked})
    world.run(110)
    assert figures(world) == (3, 2, 2, 0)

    world.run(20)
    assert figures(world) == (3, 3, 2, 1)
    assert not objects.status(world.get(BUDGETS, "b")).get("disruptedPods")


def test_a_changed_budget_is_seen() -> None:
    """The figures follow, with the new generation."""
    world = made(maxUnavailable=1)
    world.patch(BUDGETS, "b", spec={"maxUnavailable": 2})
    world.run(2)

    assert figures(world) == (3, 3, 1, 2)
    assert objects.status(world.get(BUDGETS, "b"))["observedGeneration"] == 2


def test_a_drain_waits_for_the_budget() -> None:
    """Pods leave the node one after the other; what comes back goes elsewhere."""
    world = World()
    world.create(BUDGETS, "b", spec={"selector": {"matchLabels": {"app": "s"}}, "maxUnavailable": 1})
    world.create(SETS, "s", spec=stateful_set(6, podManagementPolicy="Parallel"))
    world.wait(lambda: len(world.ready()) == 6)
    there = [name for name in world.names(PODS) if world.node(name) == "node-a"]
    assert len(there) == 2
    least = 6
    world.controllers.nodes.drain("node-a")

    def empty() -> bool:
        nonlocal least
        least = min(least, len(world.ready()))
        return all(world.node(name) != "node-a" for name in world.names(PODS)) and len(world.ready()) == 6

    world.wait(empty)
    assert least == 5
