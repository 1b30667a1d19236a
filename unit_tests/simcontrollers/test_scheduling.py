"""
Which node a pod goes to, and what its condition says if there is none.

The words are those of Kubernetes 1.34, where each of these messages was seen.
"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from unit_tests.simcontrollers.world import CLAIMS, NODES, PODS, World, claim_spec, container, pod_spec

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
NO_HELP = "no new claims to deallocate, preemption: 0/3 nodes are available: "


def apart(app: str, *, key: str = HOSTNAME, wish: bool = False) -> dict[str, Any]:
    """Return an affinity that keeps a pod away from those of *app*; as a *wish* it may be overruled."""
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    if wish:
        preferred = [{"weight": 100, "podAffinityTerm": term}]
        return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def node_affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    """Return an affinity to nodes that one of *terms* fits."""
    required = {"nodeSelectorTerms": [{"matchExpressions": [term]} for term in terms]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def pod(world: World, name: str, *, app: str = "x", **spec: Any) -> None:
    """Create a pod of *app*."""
    world.create(PODS, name, metadata={"labels": {"app": app}}, spec=pod_spec(**spec))


def message(world: World, name: str) -> str:
    """Return why a pod has no node, which its only condition says."""
    (only,) = world.pod_status(name)["conditions"]
    assert (only["type"], only["status"], only["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert world.pod_status(name)["phase"] == "Pending"
    return str(only["message"])


def test_pods_spread_over_nodes() -> None:
    """The emptier node is taken first."""
    world = World()
    for name in ("p", "q", "r"):
        pod(world, name)
        world.run(2)

    assert {world.node(name) for name in ("p", "q", "r")} == {"node-a", "node-b", "node-c"}


def test_a_selector_names_the_node_by_its_labels() -> None:
    """All labels have to fit."""
    world = World()
    pod(world, "p", nodeSelector={ZONE: "zone-b"})
    pod(world, "q", nodeSelector={ZONE: "zone-b", "disk": "fast"})
    world.run(5)

    assert world.node("p") == "node-b"
    assert message(world, "q") == (
        f"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. {NO_HELP}"
        "3 Preemption is not helpful for scheduling."
    )


@pytest.mark.parametrize(
    ("term", "nodes"),
    [
        ({"key": ZONE, "operator": "In", "values": ["zone-c"]}, {"node-c"}),
        ({"key": ZONE, "operator": "NotIn", "values": ["zone-a", "zone-b"]}, {"node-c"}),
        ({"key": "disk", "operator": "Exists"}, {"node-c"}),
        ({"key": "disk", "operator": "DoesNotExist"}, {"node-a", "node-b"}),
        ({"key": "disk", "operator": "Gt", "values": ["6"]}, {"node-c"}),
        ({"key": "disk", "operator": "Lt", "values": ["7"]}, {""}),
    ],
)
def test_affinity_to_nodes_is_by_expressions(term: dict[str, Any], nodes: set[str]) -> None:
    """With the six operators that there are."""
    world = World()
    world.patch(NODES, "node-c", metadata={"labels": {"disk": "7"}})
    for number in range(4):
        pod(world, f"p{number}", affinity=node_affinity(term))
    world.run(5)

    assert {world.node(f"p{number}") for number in range(4)} == nodes


def test_one_of_several_terms_is_enough() -> None:
    """Terms are alternatives."""
    world = World()
    never = {"key": "disk", "operator": "Exists"}
    zone = {"key": ZONE, "operator": "In", "values": ["zone-a"]}
    pod(world, "p", affinity=node_affinity(never, zone))
    world.run(5)

    assert world.node("p") == "node-a"


def test_pods_that_must_be_apart_are_on_different_nodes() -> None:
    """The fourth of three nodes waits, and its message counts the nodes that others have taken."""
    world = World()
    for number in range(4):
        pod(world, f"p{number}", affinity=apart("x"))
    world.run(5)

    assert {world.node(f"p{number}") for number in range(3)} == {"node-a", "node-b", "node-c"}
    assert message(world, "p3") == (
        f"0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules. {NO_HELP}"
        "3 No preemption victims found for incoming pod."
    )

    world.delete(PODS, "p1")
    world.wait(lambda: world.node("p3") != "")


def test_a_pod_that_wants_nobody_near_is_heeded_by_others() -> None:
    """The rule works both ways, though only one of the two has it."""
    world = World()
    for number in range(3):
        pod(world, f"p{number}", affinity=apart("x"))
    world.run(5)
    pod(world, "late")
    pod(world, "other", app="y")
    world.run(5)

    assert message(world, "late") == (
        f"0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules. {NO_HELP}"
        "3 No preemption victims found for incoming pod."
    )
    assert world.node("other")


def test_apart_may_mean_in_different_zones() -> None:
    """The topology key says what is near."""
    world = World()
    world.controllers.nodes.add("node-d", labels={ZONE: "zone-a"})
    for number in range(4):
        pod(world, f"p{number}", affinity=apart("x", key=ZONE))
    world.run(5)

    placed = {world.node(f"p{number}") for number in range(4)}
    assert len({node for node in placed if node}) == 3
    assert "4 node(s) didn't match pod anti-affinity rules" in message(world, "p3")


def test_a_wish_to_be_apart_is_no_condition() -> None:
    """It is followed while there is room, and overruled after that."""
    world = World()
    for number in range(4):
        pod(world, f"p{number}", affinity=apart("x", wish=True))
        world.run(2)

    assert len({world.node(f"p{number}") for number in range(3)}) == 3
    assert world.node("p3")


def test_reasons_are_counted_by_node() -> None:
    """Each node gives its first one; those where a pod could make room are counted apart."""
    world = World()
    pod(world, "p", nodeSelector={HOSTNAME: "node-a"})
    world.run(5)
    pod(world, "q", nodeSelector={HOSTNAME: "node-a"}, affinity=apart("x"))
    world.run(5)

    assert message(world, "q") == (
        "0/3 nodes are available: 1 node(s) didn't match pod anti-affinity rules, "
        f"2 node(s) didn't match Pod's node affinity/selector. {NO_HELP}"
        "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."
    )


def test_a_taint_keeps_pods_away_that_do_not_tolerate_it() -> None:
    """By key, value and effect; `Exists` without a key tolerates everything."""
    world = World()
    taint = {"key": "kept", "value": "for-db", "effect": "NoSchedule"}
    for letter in "abc":
        world.patch(NODES, f"node-{letter}", spec={"taints": [taint]})
    pod(world, "p")
    pod(world, "q", tolerations=[{"key": "kept", "operator": "Equal", "value": "for-db"}])
    pod(world, "r", tolerations=[{"operator": "Exists"}])
    pod(world, "s", tolerations=[{"key": "kept", "operator": "Equal", "value": "else"}])
    world.run(5)

    assert "3 node(s) had untolerated taint {kept: for-db}" in message(world, "p")
    assert world.node("q")
    assert world.node("r")
    assert "untolerated taint" in message(world, "s")


def test_a_cordoned_node_takes_nobody_new() -> None:
    """What runs there runs on."""
    world = World()
    pod(world, "p", nodeSelector={HOSTNAME: "node-a"})
    world.run(10)
    world.controllers.nodes.cordon("node-a")
    pod(world, "q", nodeSelector={HOSTNAME: "node-a"})
    world.run(10)

    assert world.ready() == ["p"]
    assert "1 node(s) were unschedulable" in message(world, "q")
    world.controllers.nodes.cordon("node-a", on=False)
    world.wait(lambda: world.ready() == ["p", "q"])


def using(claim: str, **spec: Any) -> dict[str, Any]:
    """Return the spec of a pod that uses *claim*."""
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
    return pod_spec(volumes=volumes, **spec)


def test_a_claim_that_is_missing_keeps_its_pod_waiting() -> None:
    """The message names it, and ends as the real one does."""
    world = World()
    world.create(PODS, "p", spec=using("nothere"))
    world.run(5)

    assert message(world, "p") == (
        '0/3 nodes are available: persistentvolumeclaim "nothere" not found. not found'
    )
    world.create(CLAIMS, "nothere", spec=claim_spec())
    world.wait(lambda: world.ready() == ["p"])


@pytest.mark.parametrize("storage_class", ["nosuch", ""])
def test_a_claim_that_cannot_be_bound_keeps_its_pod_waiting(storage_class: str) -> None:
    """An unknown class and none at all look alike to the scheduler."""
    world = World()
    world.create(CLAIMS, "v", spec=claim_spec(storageClassName=storage_class))
    world.create(PODS, "p", spec=using("v"))
    world.run(5)

    assert message(world, "p") == (
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    )


def test_a_volume_keeps_its_pod_on_its_node() -> None:
    """Where that node is not allowed, no other will do."""
    world = World()
    world.create(CLAIMS, "v", spec=claim_spec())
    world.create(PODS, "p", spec=using("v", nodeSelector={HOSTNAME: "node-b"}))
    world.wait(lambda: world.ready() == ["p"])
    world.create(PODS, "q", spec=using("v"))
    world.create(PODS, "r", spec=using("v", nodeSelector={HOSTNAME: "node-a"}))
    world.run(10)

    assert world.node("q") == "node-b"
    assert message(world, "r") == (
        "0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, "
        f"2 node(s) didn't match Pod's node affinity/selector. {NO_HELP}"
        "3 Preemption is not helpful for scheduling."
    )


def test_scheduling_is_told_in_events() -> None:
    """Where to, or why not; the same complaint is not repeated at every look."""
    world = World()
    pod(world, "p")
    pod(world, "q", nodeSelector={"no": "where"})
    world.run(100)

    assert ("Scheduled", f"Successfully assigned test/p to {world.node('p')}") in world.events("p")
    assert [reason for reason, _ in world.events("q")] == ["FailedScheduling"]


def test_without_nodes_nothing_can_be_scheduled() -> None:
    """The message has no numbers then."""
    world = World()
    for letter in "abc":
        world.controllers.nodes.remove(f"node-{letter}")
    pod(world, "p")
    world.run(5)

    assert message(world, "p") == "no nodes available to schedule pods"


def test_finished_pods_are_nobodys_neighbours() -> None:
    """A node where such a pod ended is free for the next."""
    world = World()
    pod(world, "p", nodeSelector={HOSTNAME: "node-a"}, affinity=apart("x"))
    world.wait(lambda: world.ready() == ["p"])
    world.patch_status("p", {"phase": "Failed"})
    pod(world, "q", nodeSelector={HOSTNAME: "node-a"}, affinity=apart("x"))
    world.run(5)

    assert world.node("q") == "node-a"
    assert objects.status(world.get(PODS, "q"))["containerStatuses"][0]["name"] == container()["name"]
