"""
Nodes that fall silent, lose their power, come back or never do.

Times are those of Kubernetes' defaults: 40 s until a node counts as lost, 5 minutes until its pods do.
"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from unit_tests.simcontrollers.world import (
    CLAIMS,
    NODES,
    PODS,
    SETS,
    Programs,
    World,
    pod_spec,
    stateful_set,
)

ZONE = "topology.kubernetes.io/zone"


def made(**spec: Any) -> tuple[World, str]:
    """Return a world with the settled set `s` of three pods with disks, and the node of s-1."""
    world = World()
    world.programs.script("c")
    world.create(SETS, "s", spec=stateful_set(3, claims=True, **spec))
    world.wait(lambda: len(world.ready()) == 3)
    return world, world.node("s-1")


def runs(programs: Programs, name: str) -> int:
    """Return how often a container was started."""
    return sum(name == one for one, _ in programs.running)


def lose(world: World, node: str, how: str) -> None:
    """Cut a node off, or take its power."""
    {"cut": world.controllers.nodes.cut_off, "power": world.controllers.nodes.power_off}[how](node)


@pytest.mark.parametrize("how", ["cut", "power"])
def test_a_silent_node_is_lost_after_a_while(how: str) -> None:
    """Its condition becomes Unknown, it is tainted, and its pods are not ready any more."""
    world, node = made()
    lose(world, node, how)
    world.run(30)
    assert world.condition(node, "Ready", of=NODES)["status"] == "True"
    assert "s-1" in world.ready()
    world.run(15)

    assert world.condition(node, "Ready", of=NODES)["status"] == "Unknown"
    taints = [(t["key"], t["effect"]) for t in world.get(NODES, node)["spec"]["taints"]]
    key = "node.kubernetes.io/unreachable"
    assert taints == [(key, "NoExecute"), (key, "NoSchedule")]
    assert world.ready() == ["s-0", "s-2"]
    # Nobody knows whether it runs: that is what its phase still says.
    assert world.pod_status("s-1")["phase"] == "Running"


def test_pods_of_a_lost_node_are_deleted_and_stay() -> None:
    """After five minutes they are marked; nobody confirms, so the set makes no other."""
    world, node = made()
    before = objects.uid(world.get(PODS, "s-1"))
    world.controllers.nodes.power_off(node)
    world.run(330)
    assert not objects.terminating(world.get(PODS, "s-1"))
    world.run(20)
    assert objects.terminating(world.get(PODS, "s-1"))

    world.run(24 * 3600)
    assert objects.uid(world.get(PODS, "s-1")) == before
    assert objects.status(world.get(SETS, "s"))["replicas"] == 3


@pytest.mark.parametrize(
    ("toleration", "deleted"),
    [({"tolerationSeconds": 20}, True), ({}, False)],
)
def test_pods_may_tolerate_a_lost_node(toleration: dict[str, int], *, deleted: bool) -> None:
    """For as long as they say, or for ever if they do not say how long."""
    unreachable = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    spec = stateful_set(3)
    spec["template"]["spec"]["tolerations"] = [{**unreachable, **toleration}]
    world = World()
    world.create(SETS, "s", spec=spec)
    world.wait(lambda: len(world.ready()) == 3)
    world.controllers.nodes.power_off(world.node("s-1"))
    world.run(70 if deleted else 24 * 3600)

    assert objects.terminating(world.get(PODS, "s-1")) is deleted


def test_nothing_starts_on_a_node_that_is_silent() -> None:
    """A pod that is bound to it before anybody knows waits until the node is back."""
    world, node = made()
    world.controllers.nodes.cut_off(node)
    world.create(PODS, "p", spec=pod_spec(nodeSelector={"kubernetes.io/hostname": node}))
    world.run(120)
    assert world.node("p") == node
    assert not world.pod_status("p").get("containerStatuses")

    world.controllers.nodes.bring_back(node)
    world.wait(lambda: "p" in world.ready())


def test_a_node_that_comes_back_soon_goes_on() -> None:
    """Containers of a node that was cut off never stopped; its pods are ready again as they were."""
    world, node = made()
    world.controllers.nodes.cut_off(node)
    world.run(120)
    world.controllers.nodes.bring_back(node)
    world.wait(lambda: len(world.ready()) == 3)

    assert world.container("s-1", "c")["restartCount"] == 0
    assert runs(world.programs, "s-1/c") == 1
    assert world.condition(node, "Ready", of=NODES)["status"] == "True"
    assert not world.get(NODES, node)["spec"].get("taints")


def test_after_a_power_cut_containers_start_anew() -> None:
    """In the same pod, with the same disk, perhaps at another address."""
    world, node = made()
    uid, claim = objects.uid(world.get(PODS, "s-1")), objects.uid(world.get(CLAIMS, "data-s-1"))
    world.controllers.nodes.power_off(node)
    world.run(120)
    world.controllers.nodes.bring_back(node)
    world.wait(lambda: len(world.ready()) == 3)

    assert objects.uid(world.get(PODS, "s-1")) == uid
    assert runs(world.programs, "s-1/c") == 2
    assert world.programs.starts[-1].claims == {"data": claim}


def test_a_pod_that_was_deleted_meanwhile_stops_when_the_node_is_back() -> None:
    """And only then the set makes another."""
    world, node = made()
    before = objects.uid(world.get(PODS, "s-1"))
    world.controllers.nodes.cut_off(node)
    world.delete(PODS, "s-1")
    world.run(600)
    assert objects.uid(world.get(PODS, "s-1")) == before

    world.controllers.nodes.bring_back(node)
    world.wait(lambda: objects.uid(world.get(PODS, "s-1")) not in ("", before))
    world.wait(lambda: len(world.ready()) == 3)


def test_a_deletion_by_force_risks_two_of_a_kind() -> None:
    """The name is free at once; what runs behind the cut runs on until its node is back."""
    world, node = made()
    script = world.programs.script("c")
    world.controllers.nodes.cut_off(node)
    world.run(60)
    world.delete(PODS, "s-1", gracePeriodSeconds=0)
    world.run(60)
    assert "KILL" not in script.log
    # Its disk is on the lost node: the new one waits there for it.
    assert world.node("s-1") == ""

    world.controllers.nodes.bring_back(node)
    world.run(1)
    assert "KILL" in script.log
    world.wait(lambda: len(world.ready()) == 3)


def test_a_node_that_is_removed_takes_its_pods_with_it() -> None:
    """Those with a disk there wait for ever, the others come up elsewhere."""
    world, node = made()
    world.create(SETS, "t", spec=stateful_set(3, app="t"))
    world.wait(lambda: len(world.ready()) == 6)
    world.controllers.nodes.remove(node)
    world.run(120)

    assert [name for name in world.ready() if name.startswith("t-")] == ["t-0", "t-1", "t-2"]
    assert "s-1" not in world.ready()
    message = world.condition("s-1", "PodScheduled")["message"]
    assert message.startswith(
        "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity."
    )

    world.delete(CLAIMS, "data-s-1")
    world.delete(PODS, "s-1")
    world.wait(lambda: len(world.ready()) == 6)


def test_a_new_node_is_used() -> None:
    """Pods that waited for one go there."""
    world = World()
    spec = stateful_set(1)
    spec["template"]["spec"]["nodeSelector"] = {ZONE: "zone-d"}
    world.create(SETS, "s", spec=spec)
    world.run(60)
    assert world.ready() == []

    world.controllers.nodes.add("node-d", labels={ZONE: "zone-d"})
    world.wait(lambda: world.ready() == ["s-0"])
    assert world.node("s-0") == "node-d"
