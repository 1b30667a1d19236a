"""A node on a lost machine is removed from the ring by labels on its peer, and a new one comes elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.conftest import READY_SECONDS
from e2e.providers.cluster import (
    CLUSTERS,
    Cluster,
    MissingError,
    at_rest,
    host_ids,
    know_each_other,
    wait_ready,
)
from e2e.samples import jolokia_secret, single
from e2e.scenarios.test_operations import ask, begun, ends, pod_of, result


@pytest.fixture
def widowed(cluster: Cluster) -> Iterator[str]:
    """Return the name of a cluster of two, one of which has lost its machine for good."""
    name = "widow"
    cluster.apply(jolokia_secret(), single(name, nodesPerRacks=2, autoUpdateSeedList=False, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    victim = cluster.get("pods", pod_of(name, 1))
    machine = victim["spec"]["nodeName"]
    # Its volume is there and nowhere else, so that the pod finds no place.
    cluster.patch("nodes", machine, {"spec": {"unschedulable": True}})
    try:
        cluster.delete("pods", pod_of(name, 1), seconds=0)

        def down() -> bool:
            seen = cluster.views(name).get(pod_of(name), {})
            return bool(seen.get("unreachable") == [victim["status"]["podIP"]])

        cluster.eventually(down, seconds=120, what="its peer believes it to be down")
        yield name
    finally:
        cluster.patch("nodes", machine, {"spec": {"unschedulable": None}})
    cluster.delete(CLUSTERS, name, seconds=240)


def test_a_lost_node_is_removed_and_made_anew(cluster: Cluster, widowed: str) -> None:
    """It survives the operator; the new node has another volume and host id, and nobody knows the old one."""
    worker, victim = pod_of(widowed), pod_of(widowed, 1)
    before = host_ids(cluster.get(CLUSTERS, widowed))
    claim = cluster.get("persistentvolumeclaims", f"data-{victim}")["metadata"]["uid"]

    ask(cluster, worker, "remove", f"{victim}_{address(cluster, widowed, before[victim])}")
    begun(cluster, worker)
    cluster.kill_operator()
    ends(cluster, worker, "Done")
    assert "knows" in result(cluster, worker)

    def anew() -> bool:
        try:
            return bool(cluster.get("persistentvolumeclaims", f"data-{victim}")["metadata"]["uid"] != claim)
        except MissingError:
            return False

    cluster.eventually(anew, seconds=120, what="another volume")

    def back() -> bool:
        obj = cluster.get(CLUSTERS, widowed)
        return at_rest(obj) and host_ids(obj).get(victim) not in {None, before[victim]}

    cluster.eventually(back, seconds=READY_SECONDS, what="a new node")
    after = host_ids(cluster.get(CLUSTERS, widowed))
    assert after[worker] == before[worker]

    cluster.eventually(
        lambda: know_each_other(cluster, widowed, after), seconds=120, what="nobody knows the dead one"
    )

    # A node that lives is not removed.
    ask(cluster, worker, "remove", victim)
    ends(cluster, worker, "Error")
    assert "serves" in result(cluster, worker)


def address(cluster: Cluster, name: str, host_id: str) -> str:
    """Return where the peer knows a node."""
    known = cluster.views(name)[pod_of(name)]["hostIds"]
    return next(str(ip) for ip, each in known.items() if each == host_id)
