"""A node whose disk is lost takes the place of the member that it was: nothing dead is left in the ring."""

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

RACK = "dc1-rack1"


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[str]:
    """Return the name of a cluster of one rack with two nodes, both members; it goes afterwards."""
    name = "phoenix"
    cluster.apply(jolokia_secret(), single(name, nodesPerRacks=2, autoUpdateSeedList=False, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    yield name
    cluster.delete(CLUSTERS, name, seconds=240)


def test_a_lost_disk_takes_its_own_place(cluster: Cluster, pair: str) -> None:
    """It is another node, in the same place; its peer knows two members, as before, and both are up.

    The operator dies on the way.
    """
    pod, peer = f"{pair}-{RACK}-1", f"{pair}-{RACK}-0"
    before = host_ids(cluster.get(CLUSTERS, pair))
    claim = cluster.get("persistentvolumeclaims", f"data-{pod}")["metadata"]["uid"]

    # The claim waits for its pod, and is gone before the next one can use it.
    cluster.delete("persistentvolumeclaims", f"data-{pod}", seconds=0)
    cluster.delete("pods", pod)

    def anew() -> bool:
        try:
            return bool(cluster.get("persistentvolumeclaims", f"data-{pod}")["metadata"]["uid"] != claim)
        except MissingError:
            return False

    cluster.eventually(anew, seconds=120, what="another volume")
    cluster.kill_operator()

    def back() -> bool:
        obj = cluster.get(CLUSTERS, pair)
        return at_rest(obj) and host_ids(obj)[pod] != before[pod]

    cluster.eventually(back, seconds=READY_SECONDS, what="a new node in the old place")
    after = host_ids(cluster.get(CLUSTERS, pair))
    assert after[peer] == before[peer]

    cluster.eventually(
        lambda: know_each_other(cluster, pair, after), seconds=120, what="nobody knows the dead one"
    )
