"""Racks of a simulated cluster get smaller, and lose no data by it, whatever happens meanwhile."""

from __future__ import annotations

import functools
import json
from typing import Any

import attrs
import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from e2e.simkube.faults import LoseAnswer, Match, Refuse, Rule
from unit_tests.executors.stage import NAMESPACE, OPERATOR, Json
from unit_tests.reconcile.simulated import RACK, began, lasting_writes, pods, ready, small, there, wait

SET = f"cc-{RACK}"
# Bytes that take the network a few seconds.
DATA = 200_000_000


def grown(size: int = 2, **spec: Any) -> SimCluster:
    """Return a world with one rack of *size* nodes, all members, and data of which there is one copy."""
    world = began(small(nodesPerRacks=size, **spec))
    ready(world, seconds=600)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=DATA)
    world.run(5)
    return world


def operation(world: SimCluster) -> Json:
    """Return what status says of the last operation on a node of the rack."""
    return dict(world.cluster("cc")["status"]["cassandraRackStatus"][RACK].get("podLastOperation") or {})


def size(world: SimCluster) -> int:
    """Return the size of the rack's StatefulSet."""
    return int(there(world, kinds.STATEFULSET, SET)["spec"]["replicas"])


def claims(world: SimCluster) -> list[str]:
    """Return the names of all volume claims."""
    items = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
    return [claim["metadata"]["name"] for claim in items]


def members(world: SimCluster) -> dict[str, frozenset[str]]:
    """Return by address which members each process that serves knows."""
    return {
        node.address: frozenset(node.view.members)
        for node in world.controllers.ring.nodes()
        if node.native_transport
    }


def recorded(world: SimCluster) -> list[str]:
    """Return the pods that the ring's ConfigMap knows."""
    return list(json.loads(there(world, kinds.CONFIG_MAP, "cc-ring")["data"]["joined"]))


def labels(world: SimCluster, pod: str) -> dict[str, str]:
    """Return the labels of a pod."""
    found: dict[str, str] = there(world, kinds.POD, pod)["metadata"]["labels"]
    return found


def kill(world: SimCluster, pod: str) -> None:
    """Kill Cassandra in *pod*; its kubelet starts it again."""
    world.controllers.ring.kill(there(world, kinds.POD, pod)["status"]["podIP"])


def converged(world: SimCluster, nodes: int, *, seconds: float = 300) -> None:
    """Let time pass until nothing is left to do, and check that *nodes* and nothing else are left."""

    def probe() -> bool:
        return world.condition("cc", "Progressing").get("reason") == "Converged" and size(world) == nodes

    world.run_until(probe, seconds=seconds, what=f"{nodes} nodes: {world.condition('cc', 'Progressing')}")
    world.run(5)
    names = [f"{SET}-{i}" for i in range(nodes)]
    assert list(pods(world)) == names
    assert claims(world) == [f"data-{name}" for name in names]
    assert recorded(world) == names
    assert sorted(world.cluster("cc")["status"]["cassandraNodeStatus"]) == names
    views = members(world)
    assert len(views) == nodes
    assert all(view == frozenset(views) for view in views.values())
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert min(world.controllers.ring.copies("app")) >= 1


def test_a_node_of_an_old_cassandra_leaves_by_the_ranges_of_the_ring() -> None:
    """3.11 does not tell the replication of keyspaces: what is enough is told from who holds what."""
    world = grown(3)
    world.controllers.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 2}))
    for node in world.controllers.ring.nodes():
        node.config = attrs.evolve(node.config, lacks=frozenset({"getKeyspaceReplicationInfo"}))
    world.run(5)

    world.edit("cc", {"nodesPerRacks": 1})
    world.run_until(
        lambda: world.condition("cc", "Progressing").get("reason") == "TooFewNodes",
        seconds=60,
        what="it is refused",
    )
    told = world.condition("cc", "Progressing")["message"]
    assert "keyspace app keeps 2 copies there, and 1 nodes would stay" in told
    world.edit("cc", {"nodesPerRacks": 2})
    converged(world, 2)


def test_a_node_leaves_and_takes_its_volume_along() -> None:
    """Decommissioned, then gone from the StatefulSet, from disk and from all records; the user is told."""
    world = grown(3)
    host_id = world.cluster("cc")["status"]["cassandraNodeStatus"][f"{SET}-2"]["hostId"]

    world.edit("cc", {"nodesPerRacks": 2})
    world.run_until(
        lambda: operation(world).get("status") == "Ongoing" and "operation-name" in labels(world, f"{SET}-2"),
        seconds=60,
        what="its pod says that it leaves",
    )
    told_by = labels(world, f"{SET}-2")
    began = operation(world)["startTime"]
    converged(world, 2)

    assert (told_by["operation-name"], told_by["operation-status"]) == ("decommission", "Ongoing")
    assert told_by["operation-start"] == began.translate({ord("-"): None, ord(":"): None}).rstrip("Z")
    status = world.cluster("cc")["status"]
    assert (status["phase"], status["lastClusterAction"], status["lastClusterActionStatus"]) == (
        "Running",
        "ScaleDown",
        "Done",
    )
    found = operation(world)
    assert (found["name"], found["status"], found["podsOK"]) == ("decommission", "Done", [f"{SET}-2"])
    assert "pods" not in found
    assert found["startTime"] <= found["endTime"]
    told = [e["note"] for e in world.client.list_page(kinds.EVENT, NAMESPACE).items]
    for words in ("is asked to hand its data over", "shrinks to 2 nodes", "is of no use to any node"):
        assert len([note for note in told if words in note]) == 1, words
    assert host_id not in json.dumps(status["cassandraNodeStatus"])


def test_several_nodes_leave_one_after_the_other_and_the_place_can_be_taken_again() -> None:
    """4 to 1, then to 2: at no time do two nodes leave, and what comes again is a new node."""
    world = grown(4)
    before = world.cluster("cc")["status"]["cassandraNodeStatus"][f"{SET}-1"]["hostId"]
    leaving: list[int] = []

    def look() -> bool:
        leaving.append(sum(node.mode.value == "LEAVING" for node in world.controllers.ring.nodes()))
        return world.condition("cc", "Progressing").get("reason") == "Converged" and size(world) == 1

    world.edit("cc", {"nodesPerRacks": 1})
    world.run_until(look, seconds=400, what="one node is left")
    converged(world, 1)
    world.edit("cc", {"nodesPerRacks": 2})
    converged(world, 2)

    assert max(leaving) == 1
    assert world.cluster("cc")["status"]["cassandraNodeStatus"][f"{SET}-1"]["hostId"] != before


@functools.cache
def _clean_run() -> list[int]:
    """Return the numbers of the writes of an undisturbed scale-down."""
    world = grown()
    first = world.writes
    world.edit("cc", {"nodesPerRacks": 1})
    converged(world, 1)
    return lasting_writes(world, first)


def test_the_operator_may_die_after_each_of_its_writes() -> None:
    """Whichever it is, its successor finds its way: one node leaves, once, and nothing of it remains."""
    numbers = _clean_run()

    assert len(numbers) > 6
    for number in numbers:
        world = grown()
        world.kill_at_write = number
        world.edit("cc", {"nodesPerRacks": 1})

        converged(world, 1)

        assert world.writes >= number


@pytest.mark.parametrize("fault", [LoseAnswer(), Refuse(status=409), Refuse(status=500)], ids=str)
def test_each_write_may_fail(fault: Any) -> None:
    """A lost answer, a conflict, an error of the server: the scale-down ends as if there had been none."""
    # An error is tried again after a while, which costs time here as well.
    for number in range(0, 10, 3 if isinstance(fault, Refuse) and fault.status == 500 else 1):
        world = grown()
        match = Match(
            client=OPERATOR,
            verbs=("create", "patch", "delete"),
            kinds=("statefulsets", "configmaps", "persistentvolumeclaims", "cassandraclusters/status"),
        )
        rule = world.server.faults.add(Rule(match, fault, skip=number))
        world.edit("cc", {"nodesPerRacks": 1})

        converged(world, 1)

        if not rule.struck:
            assert number >= 6
            return


@pytest.mark.parametrize("seconds", [0.3, 2, 4.5, 6, 7, 8, 9, 10])
def test_the_leaving_node_may_die_at_any_time(seconds: float) -> None:
    """Its container is killed: it comes back and leaves again, or is out already; its data is not lost."""
    world = grown(3)
    world.edit("cc", {"nodesPerRacks": 2})
    world.run(seconds)
    kill(world, f"{SET}-2")

    converged(world, 2, seconds=900)


def test_a_size_below_what_a_keyspace_keeps_is_refused_with_the_reason() -> None:
    """Nothing leaves, nothing is degraded; the condition names keyspace and way out, and a fix is enough."""
    world = grown(3)
    world.controllers.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 2}))

    world.edit("cc", {"nodesPerRacks": 1})
    world.run(60)

    found = world.condition("cc", "Progressing")
    assert (found["status"], found["reason"]) == ("False", "TooFewNodes")
    assert "keyspace app keeps 2 copies" in found["message"]
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert size(world) == 3
    assert len(members(world)) == 3

    world.edit("cc", {"nodesPerRacks": 2})
    converged(world, 2)


def test_a_size_that_is_put_back_before_the_node_leaves_is_undone() -> None:
    """The decision was noted, and nothing was asked of the node yet: it stays, and serves all the time."""
    world = grown(3)
    before = world.cluster("cc")["status"]["cassandraNodeStatus"]
    # The first write keeps the accepted spec, the second is the note: after it the operator is away.
    world.kill_at_write = world.writes + 2
    world.edit("cc", {"nodesPerRacks": 2})
    world.run_until(lambda: operation(world).get("status") == "Ongoing", seconds=20, what="it is noted")
    assert world.operator is None
    world.edit("cc", {"nodesPerRacks": 3})

    converged(world, 3)

    assert operation(world)["status"] == "Done"
    assert not operation(world).get("podsOK")
    assert world.cluster("cc")["status"]["cassandraNodeStatus"] == before
    assert world.cluster("cc")["status"]["lastClusterActionStatus"] == "Done"


def test_a_size_that_is_put_back_too_late_brings_a_new_node() -> None:
    """Once it leaves there is no way back: it is seen out first, and another node takes its place."""
    world = grown(3)
    before = world.cluster("cc")["status"]["cassandraNodeStatus"]
    world.edit("cc", {"nodesPerRacks": 2})
    world.run(3)
    world.edit("cc", {"nodesPerRacks": 3})

    converged(world, 3, seconds=400)

    after = world.cluster("cc")["status"]["cassandraNodeStatus"]
    same = [pod for pod in before if before[pod]["hostId"] == after[pod]["hostId"]]
    assert same == [f"{SET}-0", f"{SET}-1"]


@pytest.mark.parametrize("seconds", [0.5, 3, 8, 10, 12, 14, 16])
def test_growth_that_is_taken_back_is_undone(seconds: float) -> None:
    """Wherever the new node is on its way in, it goes; if it had joined, it leaves in good order."""
    world = grown(1)
    world.edit("cc", {"nodesPerRacks": 2})
    world.run(seconds)
    world.edit("cc", {"nodesPerRacks": 1})

    converged(world, 1)


def test_a_pod_that_finds_no_machine_is_taken_back() -> None:
    """It never joined, so nothing is asked of anybody: its place and its volume go."""
    world = grown(3, hardAntiAffinity=True)
    world.edit("cc", {"nodesPerRacks": 4})
    wait(world, "cc", "Degraded", "True", seconds=120)

    world.edit("cc", {"nodesPerRacks": 3})

    converged(world, 3)


def test_a_size_that_changes_in_the_middle_is_followed() -> None:
    """From 4 to 3, to 1 while the first one leaves, and back to 2: it ends at 2."""
    world = grown(4)
    world.edit("cc", {"nodesPerRacks": 3})
    world.run(4)
    world.edit("cc", {"nodesPerRacks": 1})
    world.run(14)
    world.edit("cc", {"nodesPerRacks": 2})

    converged(world, 2, seconds=600)


def test_nothing_leaves_while_another_node_is_down() -> None:
    """The others have to take what it hands over; the reason is told, and it goes on by itself."""
    world = grown(3)
    kill(world, f"{SET}-0")
    world.edit("cc", {"nodesPerRacks": 2})
    world.run(1)

    assert size(world) == 3
    assert operation(world).get("status") != "Ongoing"

    converged(world, 2, seconds=600)
