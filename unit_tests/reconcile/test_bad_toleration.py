"""Kubernetes nodes with a taint, and an edit that takes the toleration away."""

from __future__ import annotations

from controller.kube import kinds
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import wait
from unit_tests.reconcile.test_rolling import Watch, world_of

TAINT = {"key": "kept", "value": "for-db", "effect": "NoSchedule"}
GOOD: Json = {"tolerations": [{"key": "kept", "operator": "Equal", "value": "for-db"}]}
BAD: Json = {"tolerations": [{"key": "kept", "operator": "Equal", "value": "for-others"}]}


def test_a_toleration_that_does_not_fit_costs_one_pod() -> None:
    """The scheduler's words and the field are told, and the old toleration heals it."""
    world = world_of(2, nodesPerRacks=2, hardAntiAffinity=False, pod=GOOD)
    for node in world.client.list_page(kinds.NODE, "").items:
        world.client.merge_patch(kinds.NODE, "", node["metadata"]["name"], {"spec": {"taints": [TAINT]}})
    roll = Watch(world)

    world.edit("cc", {"pod": BAD, "rollout": {"strategy": "RackAtOnce"}})
    found = wait(world, "cc", "Degraded", "True", seconds=120)
    world.run(60)

    assert found["reason"] == "PodUnschedulable"
    assert "spec.pod.tolerations" in found["message"]
    assert "untolerated taint" in found["message"]
    assert len(roll.restarted()) == 1

    world.edit("cc", {"pod": GOOD})
    roll.done(seconds=200)

    assert len(roll.restarted()) == 1
