"""What other people's hands do to a cluster, and what the operator makes of it, in a simulated cluster."""

from __future__ import annotations

from controller.kube import kinds
from e2e.simcassandra.faults import Kind as AgentFault
from unit_tests.executors.stage import NAMESPACE
from unit_tests.reconcile.simulated import (
    address,
    began,
    patch,
    pods,
    ready,
    remove,
    small,
    stored,
    there,
    wait,
    writes,
)

STATEFULSET = "cc-dc1-rack1"


def test_a_strategy_that_was_edited_is_put_back_and_nothing_restarts() -> None:
    """Kubernetes never gets to replace pods by itself."""
    world = began(small())
    ready(world)
    before = pods(world)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}

    patch(world, kinds.STATEFULSET, STATEFULSET, {"spec": {"updateStrategy": rolling}})

    def put_back() -> bool:
        strategy = there(world, kinds.STATEFULSET, STATEFULSET)["spec"]["updateStrategy"]
        return bool(strategy == {"type": "OnDelete"})

    world.run_until(put_back, seconds=10, what="the strategy is put back")
    world.run(60)
    assert pods(world) == before
    assert world.condition("cc", "Ready")["status"] == "True"


def test_a_statefulset_that_was_deleted_without_its_pods_comes_back_at_their_size() -> None:
    """Every node keeps running: none is deleted for being beyond the size of a new rack."""
    world = began(small(nodesPerRacks=3))
    ready(world)
    before = pods(world)
    assert len(before) == 3

    remove(world, kinds.STATEFULSET, STATEFULSET, propagation="Orphan")
    world.run_until(
        lambda: stored(world, kinds.STATEFULSET, STATEFULSET) is not None,
        seconds=30,
        what="the StatefulSet is back",
    )

    assert there(world, kinds.STATEFULSET, STATEFULSET)["spec"]["replicas"] == 3
    world.run(60)
    assert pods(world) == before
    ready(world)


def test_deleting_the_cluster_leaves_its_volumes_and_nothing_else() -> None:
    """What it owned goes with it; data stays. Nobody writes any more."""
    world = began(small())
    ready(world)
    remove(world, kinds.CASSANDRA_CLUSTER, "cc")
    world.run(120)
    before = writes(world)

    for kind, name in (
        (kinds.STATEFULSET, STATEFULSET),
        (kinds.SERVICE, "cc"),
        (kinds.POD_DISRUPTION_BUDGET, "cc"),
        (kinds.CONFIG_MAP, "cc-ring"),
        (kinds.POD, f"{STATEFULSET}-0"),
    ):
        assert stored(world, kind, name) is None
    claims = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
    assert [claim["metadata"]["name"] for claim in claims] == [f"data-{STATEFULSET}-0"]
    world.run(600)
    assert writes(world) == before


def test_a_cluster_that_is_deleted_and_made_again_at_once_begins_anew() -> None:
    """Nothing that the first one left misleads the second: it becomes Ready, with objects of its own."""
    world = began(small())
    ready(world)
    old = world.cluster("cc")["metadata"]["uid"]
    remove(world, kinds.CASSANDRA_CLUSTER, "cc")
    world.apply(small())

    ready(world)

    new = world.cluster("cc")["metadata"]["uid"]
    assert new != old
    for kind, name in (
        (kinds.STATEFULSET, STATEFULSET),
        (kinds.SERVICE, "cc"),
        (kinds.CONFIG_MAP, "cc-ring"),
    ):
        assert [o["uid"] for o in there(world, kind, name)["metadata"]["ownerReferences"]] == [new]


def test_a_cluster_whose_nodes_hang_keeps_no_other_waiting() -> None:
    """The other becomes Ready in the same simulated time as it does alone."""
    alone = ready(began(small("other")), "other")
    world = began(small("hung", nodesPerRacks=2))
    ready(world, "hung")
    for pod in pods(world):
        world.controllers.ring.faults.add(address(world, pod), AgentFault.HANG)
    wait(world, "hung", "Ready", "False")

    world.apply(small("other"))
    beside = ready(world, "other")

    assert abs(beside - alone) <= 0.5
    assert world.condition("hung", "Ready")["status"] == "False"


def test_a_cluster_that_the_server_refuses_keeps_no_other_waiting() -> None:
    """Nor does one whose objects cannot be made."""
    alone = ready(began(small("other")), "other")
    world = began()
    service = {"metadata": {"name": "taken"}, "spec": {"ports": [{"port": 80}]}}
    world.post(kinds.SERVICE.path(NAMESPACE), service)
    world.apply(small("taken"))
    world.apply(small("other"))

    beside = ready(world, "other")

    assert abs(beside - alone) <= 0.5
    assert world.condition("taken", "Degraded")["reason"] == "StepRefused"
