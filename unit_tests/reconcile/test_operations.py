"""Operations on simulated nodes with data: what happens to them, and to the operator, meanwhile."""

from __future__ import annotations

import base64

import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.node import Node
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import address, patch, ready, small, stored, there

POD = "cc-dc1-rack1-0"
# What takes a throttled node half a minute.
DATA = 60_000_000


def throttled(size: int = 1) -> SimCluster:
    """Return a world with a cluster whose nodes have data, and compact slowly."""
    world = SimCluster(0, holds=True)
    world.apply(small(nodesPerRacks=size))
    ready(world, seconds=900)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=DATA)
    for node in world.controllers.ring.nodes():
        node.compaction_megabytes = 2
    world.run(5)
    return world


def node(world: SimCluster, pod: str = POD) -> Node:
    """Return the process in a pod."""
    ip = address(world, pod)
    return next(each for each in world.controllers.ring.nodes() if each.address == ip)


def label(world: SimCluster, status: str, name: str = "compact", pod: str = POD) -> None:
    """Label a pod, as a user does."""
    labels = {"operation-name": name, "operation-status": status}
    patch(world, kinds.POD, pod, {"metadata": {"labels": labels}})


def status(world: SimCluster, pod: str = POD) -> str:
    """Return how far the operation on a pod is."""
    return str(there(world, kinds.POD, pod)["metadata"]["labels"].get("operation-status", ""))


def until(world: SimCluster, expected: str, *, seconds: float = 200) -> None:
    """Let time pass until the operation is as *expected*."""
    world.run_until(lambda: status(world) == expected, seconds=seconds, what=f"{POD} is {expected}")


def at_work(world: SimCluster, pod: str = POD) -> list[str]:
    """Return what the node's agent has threads for, each once for each call."""
    return [name for name, call in node(world, pod).executing if not call.done]


def last(world: SimCluster) -> Json:
    """Return what status says of the last operation."""
    rack = world.cluster("cc")["status"]["cassandraRackStatus"]["dc1-rack1"]
    return dict(rack.get("podLastOperation") or {})


def test_a_label_is_acted_upon_at_once() -> None:
    """Not at the next look: what is asked for has begun within a second."""
    world = throttled()
    label(world, "ToDo")
    world.run(1)

    assert at_work(world) == ["forceKeyspaceCompaction"]
    assert status(world) == "Ongoing"


@pytest.mark.parametrize("deaths", [1, 3])
def test_what_runs_is_never_started_beside_itself(deaths: int) -> None:
    """However many operators die over it; its end is seen by the one that is there."""
    world = throttled()
    label(world, "ToDo")
    world.run(3)
    for _ in range(deaths):
        world.kill_operator()
        for _ in range(8):
            world.run(0.5)
            assert at_work(world) == ["forceKeyspaceCompaction"]
        assert status(world) == "Ongoing"
        assert last(world)["pods"] == [POD]

    until(world, "Done")
    world.run(5)
    assert (last(world)["status"], last(world)["podsOK"]) == ("Done", [POD])
    assert last(world)["operatorName"] == f"casskop-{deaths}"


@pytest.mark.parametrize("write", range(1, 5))
def test_an_operator_may_die_at_each_of_its_writes(write: int) -> None:
    """The operation is carried out all the same, once at a time."""
    world = throttled()
    world.kill_at_write = world.writes + write
    label(world, "ToDo")
    for _ in range(200):
        world.run(0.5)
        assert len(at_work(world)) <= 1
        if status(world) == "Done":
            break

    assert status(world) == "Done"
    world.run(5)
    assert last(world)["status"] == "Done"


def test_what_somebody_else_runs_is_waited_for() -> None:
    """Two cleanups of one node at a time are one too many, whoever asked for the first."""
    world = throttled()
    world.kill_operator(away=1)
    world.run(2)
    agent = world.controllers.agents.at(address(world, POD))
    assert agent is not None
    login = f"{agent.node.config.jolokia_user}:{agent.node.config.jolokia_password}"
    body = (
        '{"type": "exec", "mbean": "org.apache.cassandra.db:type=StorageService", "operation":'
        ' "forceKeyspaceCompaction(boolean,java.lang.String,[Ljava.lang.String;)",'
        ' "arguments": [false, "app", []]}'
    )
    agent.answer(body, "Basic " + base64.b64encode(login.encode()).decode())
    assert at_work(world) == ["forceKeyspaceCompaction"]

    label(world, "ToDo")
    for _ in range(20):
        world.run(1)
        assert len(at_work(world)) <= 1
    until(world, "Done")


def test_a_node_that_restarts_has_lost_its_operation() -> None:
    """It is an error that says so, and is not begun anew."""
    world = throttled()
    label(world, "ToDo")
    world.run(3)
    node(world).end(137)
    until(world, "Error", seconds=300)

    result = there(world, kinds.POD, POD)["metadata"]["annotations"]
    assert "Cassandra was restarted" in result["cassandraclusters.db.orange.com/operation-result"]
    world.run_until(lambda: last(world)["status"] == "Done", seconds=60, what="status tells of it")
    assert last(world)["podsKO"] == [POD]


def test_a_pause_stops_the_work_and_it_can_be_taken_up() -> None:
    """The label stays as the user set it until the user sets it again."""
    world = throttled()
    label(world, "ToDo", "scrub")
    world.run(3)
    assert at_work(world) == ["scrub"]

    label(world, "Paused", "scrub")
    world.run(60)
    assert at_work(world) == []
    assert status(world) == "Paused"
    assert not last(world).get("pods")
    assert not last(world).get("podsKO")

    label(world, "ToDo", "scrub")
    until(world, "Done")


def test_a_roll_waits_for_the_operation_on_its_node() -> None:
    """And says so; it goes on when that is over."""
    world = throttled()
    uid = there(world, kinds.POD, POD)["metadata"]["uid"]
    label(world, "ToDo")
    world.run(3)
    world.edit("cc", {"restartedAt": "2025-06-01T00:00:00Z"})
    world.run(5)

    assert "once compact on" in world.condition("cc", "Progressing")["message"]
    assert there(world, kinds.POD, POD)["metadata"]["uid"] == uid

    def restarted() -> bool:
        pod = stored(world, kinds.POD, POD)
        return pod is not None and pod["metadata"]["uid"] != uid

    world.run_until(restarted, seconds=300, what="it is restarted")


@pytest.mark.parametrize("image", ["cassandra:4.1.10", "cassandra:5.0.9"])
def test_a_rebuild_goes_on_without_the_operator(image: str) -> None:
    """It is waited for. Cassandra does not tell how it ended: 4.1 makes sure, and 5.0 has to be repaired."""
    dcs = [{"name": f"dc{i}", "nodesPerRacks": 1, "rack": [{"name": "rack1"}]} for i in (1, 2)]
    world = SimCluster(0, holds=True)
    world.apply(small(topology={"dc": dcs}, cassandraImage=image))
    ready(world, seconds=900)
    ring = world.controllers.ring
    ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=DATA)
    world.run(5)
    ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 1, "dc2": 1}))
    for each in ring.nodes():
        each.stream_megabits = 20
    world.run(5)
    pod = "cc-dc2-rack1-0"
    labels = {"operation-name": "rebuild", "operation-status": "ToDo", "operation-argument": "dc1"}
    patch(world, kinds.POD, pod, {"metadata": {"labels": labels}})
    world.run(3)
    assert at_work(world, pod) == ["rebuild"]

    world.kill_operator()
    for _ in range(10):
        world.run(1)
        assert at_work(world, pod) == ["rebuild"]
    world.run_until(lambda: status(world, pod) == "Done", seconds=300, what="it is Done")

    result = there(world, kinds.POD, pod)["metadata"]["annotations"]
    assert "is done" in result["cassandraclusters.db.orange.com/operation-result"]
    to = node(world, pod)
    assert to.owned("app")
    assert to.volume.held["app"] == to.owned("app")
