"""Nodes that cannot leave as they should, and people who lend a hand: each has its way on."""

from __future__ import annotations

import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra import removal
from e2e.simcassandra.decommission import decommission
from e2e.simcassandra.node import Node
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.reconcile.simulated import patch, there
from unit_tests.reconcile.test_scale_down import DATA, SET, converged, grown, operation, size

LAST = f"{SET}-2"


def node(world: SimCluster, pod: str) -> Node:
    """Return the Cassandra process in *pod*."""
    found = world.controllers.ring.at(there(world, kinds.POD, pod)["status"]["podIP"])
    assert found is not None
    return found


def under_way(**spec: object) -> SimCluster:
    """Return a world of three nodes with two copies of the data, whose last one hands its own over."""
    world = grown(3, **spec)
    world.controllers.ring.alter_keyspace("app", NetworkTopology(factors={"dc1": 2}))
    world.controllers.ring.write("app", DATA)
    world.run(5)
    world.edit("cc", {"nodesPerRacks": 2})
    world.run_until(
        lambda: node(world, LAST).mode.value == "LEAVING", seconds=20, what="the last node leaves"
    )
    world.run(3)
    return world


def test_a_leaving_node_that_is_lost_for_good_is_removed_by_hand() -> None:
    """The condition has the command; once it is given, place and volume go, and all is well."""
    world = under_way()
    host_id = world.cluster("cc")["status"]["cassandraNodeStatus"][LAST]["hostId"]
    machine = there(world, kinds.POD, LAST)["spec"]["nodeName"]
    world.controllers.nodes.power_off(machine)
    world.run(120)

    message = world.condition("cc", "Progressing")["message"]
    assert f"nodetool removenode {host_id}" in message
    assert size(world) == 3

    removal.remove_node(node(world, f"{SET}-0"), host_id)
    world.run_until(lambda: size(world) == 2, seconds=120, what="its place goes")
    world.controllers.nodes.remove(machine)
    converged(world, 2)


@pytest.mark.parametrize("image", ["cassandra:5.0", "cassandra:4.1"])
def test_a_peer_that_dies_meanwhile_does_not_keep_it_for_ever(image: str) -> None:
    """Its streams fail: 5.0 says so and is asked again, 4.1 says LEAVING for ever and is asked after a while.

    Both take up where they were, once the peer is back.
    """
    world = under_way(cassandraImage=image)
    world.controllers.ring.kill(there(world, kinds.POD, f"{SET}-1")["status"]["podIP"])
    world.run(10)
    assert size(world) == 3

    converged(world, 2, seconds=1800)


def test_a_node_that_was_decommissioned_by_hand_is_seen_out() -> None:
    """The size is lowered afterwards: nothing is asked of it any more, and what it leaves goes."""
    world = grown(3)
    decommission(node(world, LAST), force=True)
    world.run(60)
    assert size(world) == 3

    world.edit("cc", {"nodesPerRacks": 2})
    converged(world, 2)

    assert operation(world)["podsOK"] == [LAST]


def test_a_place_that_is_taken_by_hand_in_the_middle_is_given_back() -> None:
    """The StatefulSet was scaled by kubectl while the node streamed: it comes back, and leaves properly."""
    world = under_way()

    patch(world, kinds.STATEFULSET, SET, {"spec": {"replicas": 2}})

    converged(world, 2, seconds=900)


def test_a_pod_that_is_deleted_while_it_leaves_leaves_again() -> None:
    """A new pod on the same volume is the member that it was."""
    world = under_way()
    pod = there(world, kinds.POD, LAST)

    world.client.delete(kinds.POD, "cassandra", LAST, uid=pod["metadata"]["uid"])

    converged(world, 2, seconds=900)


def test_a_cluster_keeps_its_volumes_when_it_shrinks_but_those_of_nodes_that_left() -> None:
    """Whatever `deletePVC` says; further volumes of a node go as well."""
    further = {
        "name": "more",
        "mountPath": "/more",
        "pvcSpec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "standard",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    world = under_way(storageConfigs=[further], deletePVC=False)
    world.run_until(lambda: operation(world).get("status") == "Done", seconds=300, what="it has left")
    world.run(10)

    items = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, "cassandra").items
    assert [claim["metadata"]["name"] for claim in items] == [
        f"{volume}-{SET}-{i}" for volume in ("data", "more") for i in (0, 1)
    ]
