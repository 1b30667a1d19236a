"""Nodes that are dead for good: their places in the ring are taken, not left behind."""

from __future__ import annotations

from typing import Any

from controller.kube import kinds
from e2e.providers.cluster import host_ids
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.reconcile.simulated import began, pods, ready, remove, small, stored, there, wait

TOPOLOGY = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}, {"name": "rack2"}, {"name": "rack3"}]}]}
VICTIM = "cc-dc1-rack2-0"
CLAIM = f"data-{VICTIM}"


def three(*, copies: int = 3, **spec: Any) -> SimCluster:
    """Return a world of three nodes that serve, on three machines, with so many *copies* of all data."""
    world = began(small(topology=TOPOLOGY, hardAntiAffinity=True, **spec))
    ready(world, seconds=600)
    for name in ("system_auth", "system_distributed", "system_traces"):
        world.controllers.ring.alter_keyspace(name, NetworkTopology(factors={"dc1": copies}))
    world.run(10)
    return world


def known(world: SimCluster) -> set[int]:
    """Return how many members each node that runs counts."""
    return {len(node.view.members) for node in world.controllers.ring.normal()}


def lose_machine(world: SimCluster) -> str:
    """Take away the machine of the victim, and return its name; another one is there for a new node."""
    machine = str(there(world, kinds.POD, VICTIM)["spec"]["nodeName"])
    world.controllers.nodes.add("node-spare", labels={"topology.kubernetes.io/zone": "zone-d"})
    world.controllers.nodes.power_off(machine)
    world.run(5)
    world.controllers.nodes.remove(machine)
    return machine


def test_a_node_that_lost_its_disk_takes_its_own_place() -> None:
    """It is another node with the dead one's tokens; nobody counts the dead one any more."""
    world = three()
    before = host_ids(world.cluster("cc"))
    remove(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    remove(world, kinds.POD, VICTIM)
    world.run(5)

    ready(world, seconds=900)
    world.run(120)

    after = host_ids(world.cluster("cc"))
    assert after[VICTIM] != before[VICTIM]
    assert {pod: host for pod, host in after.items() if pod != VICTIM} == {
        pod: host for pod, host in before.items() if pod != VICTIM
    }
    assert known(world) == {3}
    assert "replaces" not in there(world, kinds.CONFIG_MAP, "cc-ring")["data"]


def test_a_node_that_lost_its_disk_and_fell_silent_takes_its_own_place() -> None:
    """Its peers take some seconds to believe that it is down, and nothing else happens meanwhile."""
    world = three()
    victim = next(node for node in world.controllers.ring.normal() if node.config.pod == VICTIM)
    remove(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    # Nothing is said to anybody.
    victim.end(137)
    remove(world, kinds.POD, VICTIM)
    world.run(3)
    assert "waits to be told whose place it takes" in world.condition("cc", "Progressing")["message"]

    ready(world, seconds=100)
    world.run(30)
    assert known(world) == {3}


def test_a_lost_machine_is_told_of_and_nothing_is_destroyed() -> None:
    """The condition names machine, volume and pod, and the commands; the volume stays."""
    world = three()
    uid = there(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]["uid"]
    machine = lose_machine(world)

    found = wait(world, "cc", "Degraded", "True", seconds=300)
    world.run(300)
    found = world.condition("cc", "Degraded")

    assert found["reason"] == "NodeLost"
    for word in (machine, CLAIM, VICTIM, "spec.nodeReplacement"):
        assert word in found["message"]
    assert there(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]["uid"] == uid


def test_with_leave_it_is_replaced() -> None:
    """Volume and pod go by uid, and another node takes the place, on another machine."""
    world = three(nodeReplacement="Automatic")
    before = host_ids(world.cluster("cc"))
    uid = there(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]["uid"]
    lose_machine(world)
    world.run(5)

    def another() -> bool:
        claim = stored(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
        return claim is not None and claim["metadata"]["uid"] != uid

    world.run_until(another, seconds=600, what="another volume")
    ready(world, seconds=900)
    world.run(120)

    after = host_ids(world.cluster("cc"))
    assert set(pods(world)) == set(before)
    assert after[VICTIM] != before[VICTIM]
    assert known(world) == {3}
    events = world.client.list_page(kinds.EVENT, NAMESPACE).items
    assert len([event for event in events if event["reason"] == "ReleasePlace"]) == 1
    assert world.condition("cc", "Degraded")["status"] == "False"


def test_the_only_copy_of_data_is_not_given_up() -> None:
    """Without another copy it is said whose data it is, and nothing is taken away."""
    world = three(copies=1, nodeReplacement="Automatic")
    uid = there(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]["uid"]
    lose_machine(world)

    world.run(400)

    found = world.condition("cc", "Degraded")
    assert found["reason"] == "NodeLost"
    assert "system_auth" in found["message"]
    assert there(world, kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]["uid"] == uid
