"""Pods that came back with each other's addresses, in a whole simulated cluster."""

from __future__ import annotations

from controller.kube import kinds
from e2e.providers.cluster import host_ids
from e2e.providers.sim import NAMESPACE, SimCluster
from unit_tests.reconcile.simulated import address, pods, ready, remove, small, stored, there, wait

TOPOLOGY = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}, {"name": "rack2"}, {"name": "rack3"}]}]}
FIRST, SECOND = "cc-dc1-rack1-0", "cc-dc1-rack2-0"


def crossed(allowed: int) -> SimCluster:
    """Return a world in which two of three nodes have just come back with each other's addresses.

    Both are on one machine, which had no power for a moment. Its pods are the ones that they were, and get
    the lowest addresses that are free, in the order in which they were made; when they were made they got
    them the other way round.
    """
    world = SimCluster()
    nodes, addresses = world.controllers.nodes, world.controllers.addresses
    for name in ("node-b", "node-c"):
        nodes.cordon(name)
    addresses.reuse = True
    held = addresses.take("node-a")
    world.apply(small(topology=TOPOLOGY, dataCapacity="1Gi", restartCountBeforePodDeletion=allowed))
    world.run_until(lambda: placed(world, FIRST), seconds=100, what="an address of the first")
    addresses.release(held)
    world.run_until(lambda: placed(world, SECOND), seconds=300, what="an address of the second")
    nodes.cordon("node-a")
    nodes.cordon("node-b", on=False)
    ready(world, seconds=600)
    world.run(10)
    before = {name: address(world, name) for name in (FIRST, SECOND)}
    nodes.power_off("node-a")
    world.run(5)
    nodes.bring_back("node-a")
    nodes.cordon("node-a", on=False)
    world.run(5)
    addresses.reuse = False
    assert (address(world, FIRST), address(world, SECOND)) == (before[SECOND], before[FIRST])
    return world


def placed(world: SimCluster, name: str) -> bool:
    """Tell whether a pod has an address."""
    pod = stored(world, kinds.POD, name)
    return pod is not None and bool((pod.get("status") or {}).get("podIP"))


def claims(world: SimCluster) -> dict[str, str]:
    """Return the uid of each volume's claim."""
    found = (stored(world, kinds.PERSISTENT_VOLUME_CLAIM, f"data-{name}") for name in pods(world))
    return {claim["metadata"]["name"]: claim["metadata"]["uid"] for claim in found if claim is not None}


def restarts(world: SimCluster, pod: str) -> int:
    """Return how often Cassandra was restarted in a pod."""
    statuses = there(world, kinds.POD, pod)["status"].get("containerStatuses") or ()
    return sum(int(s["restartCount"]) for s in statuses if s["name"] == "cassandra")


def deleted(world: SimCluster) -> list[str]:
    """Return what events say of pods that the operator deleted."""
    events = world.client.list_page(kinds.EVENT, NAMESPACE).items
    return [str(event["note"]) for event in events if event["reason"] == "DeletePod"]


def test_nodes_get_out_of_each_others_way() -> None:
    """A pod is deleted after so many restarts, not before; all are the members that they were."""
    world = crossed(2)
    identities, volumes, before = host_ids(world.cluster("cc")), claims(world), pods(world)
    world.run_until(lambda: restarts(world, FIRST) == 2, seconds=300, what="two restarts")
    world.run(5)
    assert pods(world) == before
    assert world.condition("cc", "Degraded")["reason"] == "AddressOfAnotherNode"

    ready(world, seconds=900)

    assert (host_ids(world.cluster("cc")), claims(world)) == (identities, volumes)
    said = deleted(world)
    assert 1 <= len(said) <= 2
    assert all("the address of" in note for note in said)
    assert pods(world)[FIRST] != before[FIRST]


def test_without_leave_it_is_told() -> None:
    """The condition says what to do, which helps, and nothing is deleted meanwhile."""
    world = crossed(0)
    before = pods(world)

    wait(world, "cc", "Degraded", "True", seconds=300)
    world.run(600)

    found = world.condition("cc", "Degraded")
    assert found["reason"] == "AddressOfAnotherNode"
    assert f"kubectl delete pod {FIRST}" in found["message"]
    assert pods(world) == before
    assert deleted(world) == []
    remove(world, kinds.POD, FIRST)
    world.run(5)
    ready(world, seconds=900)


def test_leave_may_be_given_afterwards() -> None:
    """Pods that have restarted too often by then are made again, whoever ends the operator meanwhile."""
    world = crossed(0)
    identities, volumes = host_ids(world.cluster("cc")), claims(world)
    world.run(300)

    world.edit("cc", {"restartCountBeforePodDeletion": 1})
    world.run_until(lambda: bool(deleted(world)), seconds=120, what="a deletion")
    world.kill_operator()
    world.run(5)
    ready(world, seconds=900)

    assert (host_ids(world.cluster("cc")), claims(world)) == (identities, volumes)
