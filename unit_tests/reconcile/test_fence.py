"""The NetworkPolicy of a cluster: who has one, who keeps it, and how it goes."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.v2.codec import decode_cluster
from controller.kube import kinds
from controller.reconcile.fence import fenced
from e2e.providers.sim import SimCluster
from unit_tests.executors.stage import NAMESPACE, OPERATOR, Json, cluster_json
from unit_tests.reconcile.casskops import running
from unit_tests.reconcile.simulated import began, patch, pods, ready, remove, small, stored, there, wait
from unit_tests.reconcile.test_login import rack
from unit_tests.reconcile.test_rolling import events

POLICY = "cc-nodes"


def written(world: SimCluster) -> list[str]:
    """Return the verbs of all that the operator wrote to NetworkPolicies."""
    calls = (record.call for record in world.server.faults.log)
    mine = [c for c in calls if c.client == OPERATOR and c.kind == "networkpolicies"]
    return [c.verb for c in mine if c.verb not in {"get", "list", "watch"}]


@pytest.mark.parametrize(
    ("access", "sets", "has_pods", "has_policy", "wanted"),
    [
        ({}, [], False, False, True),
        ({"networkPolicy": False}, [], False, True, False),
        ({}, [rack(1, None)], True, False, True),
        ({}, [rack(None, None)], True, False, False),
        ({}, [rack(1, None), rack(None, None)], True, False, False),
        ({"networkPolicy": True}, [rack(None, None)], True, False, True),
        # Pods without a StatefulSet say nothing of who made them: it stays as it is.
        ({}, [], True, False, False),
        ({}, [], True, True, True),
    ],
)
def test_who_has_one(
    access: Json, sets: list[Json], *, has_pods: bool, has_policy: bool, wanted: bool
) -> None:
    """It is told from what exists."""
    cluster = decode_cluster(cluster_json(access=access))
    policy: Json | None = {"metadata": {"name": POLICY}} if has_policy else None

    assert fenced(cluster, statefulsets=sets, pods=has_pods, policy=policy) is wanted


def test_a_new_cluster_is_fenced_before_its_first_node_starts() -> None:
    """The policy lets the operator of the namespace in, and is its cluster's."""
    world = began(small())
    ready(world)

    policy = there(world, kinds.NETWORK_POLICY, POLICY)
    first = there(world, kinds.POD, "cc-dc1-rack1-0")["metadata"]["creationTimestamp"]
    assert policy["metadata"]["creationTimestamp"] <= first
    assert policy["metadata"]["ownerReferences"][0]["name"] == "cc"
    (operator,) = policy["spec"]["ingress"][1]["from"]
    assert operator["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": NAMESPACE}


def test_an_edit_is_put_back_and_a_loss_is_mended() -> None:
    """As with every other object of the cluster; nothing restarts for it."""
    world = began(small())
    ready(world)
    before, nodes = there(world, kinds.NETWORK_POLICY, POLICY)["spec"], pods(world)

    patch(world, kinds.NETWORK_POLICY, POLICY, {"spec": {"ingress": [{}]}})
    world.run(5)
    assert there(world, kinds.NETWORK_POLICY, POLICY)["spec"] == before

    remove(world, kinds.NETWORK_POLICY, POLICY)
    world.run(5)
    assert there(world, kinds.NETWORK_POLICY, POLICY)["spec"] == before
    assert pods(world) == nodes


def test_a_user_may_open_narrow_and_close_again() -> None:
    """Each is carried out at once, told as an event, and restarts nobody."""
    world = began(small())
    ready(world)
    nodes = pods(world)

    world.edit("cc", {"access": {"networkPolicy": False}})
    wait(world, "cc", "Progressing", "False")
    world.run(5)
    assert stored(world, kinds.NETWORK_POLICY, POLICY) is None
    assert events(world, "DeleteObject") == ["NetworkPolicy cc-nodes is no longer asked for"]

    clients: list[dict[str, Any]] = [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]
    world.edit("cc", {"access": {"networkPolicy": None, "clients": clients}})
    world.run(5)
    assert there(world, kinds.NETWORK_POLICY, POLICY)["spec"]["ingress"][3]["from"] == clients
    assert pods(world) == nodes
    assert wait(world, "cc", "Progressing", "False")["reason"] == "Converged"


def test_a_policy_of_somebody_else_is_left_alone() -> None:
    """It adds up with ours, whatever it is called; under the very name it is told."""
    world = began()
    path = kinds.NETWORK_POLICY.path(NAMESPACE)
    for name in ("mine", POLICY):
        world.post(path, {"metadata": {"name": name}, "spec": {"podSelector": {}}})
    before = [there(world, kinds.NETWORK_POLICY, name) for name in ("mine", POLICY)]
    world.apply(small())

    found = wait(world, "cc", "Degraded", "True")
    assert "NetworkPolicy cc-nodes that is not this cluster's" in found["message"]
    assert [there(world, kinds.NETWORK_POLICY, name) for name in ("mine", POLICY)] == before

    world.edit("cc", {"access": {"networkPolicy": False}})
    ready(world)
    assert [there(world, kinds.NETWORK_POLICY, name) for name in ("mine", POLICY)] == before


def test_a_cluster_of_casskops_is_left_open() -> None:
    """Nobody knows who talks to it; its user may ask for one."""
    adopted = running("twodc")
    adopted.start()
    assert written(adopted.sim) == []

    adopted.sim.edit("twodc", {"access": {"networkPolicy": True}})
    adopted.sim.run(30)

    assert stored(adopted.sim, kinds.NETWORK_POLICY, "twodc-nodes") is not None
    assert adopted.writes.seen == []
