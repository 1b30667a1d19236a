"""Running nodes take a change one after the other; a bad change costs one node, and is undone by an edit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.providers.cluster import (
    CLUSTERS,
    Cluster,
    MissingError,
    Object,
    at_rest,
    condition,
    host_ids,
    is_ready,
    wait_ready,
)
from e2e.samples import NO_SUCH_IMAGE, jolokia_secret, sample

NAME = "rolled"
GOOD_IMAGE = "cassandra:5.0"


@pytest.fixture(scope="module")
def ring(cluster: Cluster) -> Iterator[Object]:
    """The sample's three nodes, Ready; the cluster and its volumes are deleted afterwards."""
    cluster.apply(jolokia_secret(), sample(NAME))
    yield wait_ready(cluster, NAME, seconds=420)
    cluster.patch(CLUSTERS, NAME, {"spec": {"deletePVC": True}})
    cluster.delete(CLUSTERS, NAME, seconds=180)


def uids(cluster: Cluster) -> dict[str, str]:
    """Return the uid of each pod by its name."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.of(NAME, "pods")}


def restarts(cluster: Cluster) -> int:
    """Return how many restarts the events tell of."""
    return len([event for event in cluster.events(NAME) if event["reason"] == "RestartPod"])


def converged(cluster: Cluster) -> bool:
    """Tell whether the newest spec is carried out, and all nodes serve."""
    return at_rest(cluster.get(CLUSTERS, NAME))


def test_a_restart_goes_node_by_node(ring: Object, cluster: Cluster) -> None:
    """Each pod is made anew, never two at a time, and each node is the same member as before.

    One that has just come back counts on all others, and they on it.
    """
    before, members, told = uids(cluster), host_ids(cluster.get(CLUSTERS, NAME)), restarts(cluster)
    most_down = down = 0

    def restarted() -> bool:
        nonlocal most_down, down
        up = [pod for pod in cluster.of(NAME, "pods") if is_ready(pod)]
        most_down = max(most_down, len(before) - len(up))
        if down and len(up) == len(before):
            for view in cluster.views(NAME).values():
                assert set(view.get("hostIds", members).values()) == set(members.values())
        down = len(before) - len(up)
        now = uids(cluster)
        return len(now) == 3 and not set(now.values()) & set(before.values()) and converged(cluster)

    cluster.patch(CLUSTERS, NAME, {"spec": {"restartedAt": "2025-12-31T12:00:00Z"}})
    cluster.eventually(
        lambda: not set(uids(cluster).values()) <= set(before.values()), seconds=90, what="a first new pod"
    )
    cluster.kill_operator()
    cluster.eventually(restarted, seconds=400, what="all three nodes restarted")

    assert most_down == 1
    assert host_ids(cluster.get(CLUSTERS, NAME)) == members
    assert restarts(cluster) == told + 3


def test_a_pod_that_is_deleted_during_a_roll(ring: Object, cluster: Cluster) -> None:
    """Somebody else takes a node down while the first one restarts: the roll waits for both, and goes on."""
    before, members = uids(cluster), host_ids(cluster.get(CLUSTERS, NAME))
    cluster.patch(CLUSTERS, NAME, {"spec": {"restartedAt": "2025-12-31T13:00:00Z"}})

    def first() -> str | None:
        return next((name for name, uid in uids(cluster).items() if uid not in before.values()), None)

    new = cluster.eventually(first, seconds=90, what="a first new pod")
    victim, last = sorted(before.keys() - {new}, reverse=True)
    cluster.delete("pods", victim, seconds=0)
    cluster.kill_operator()

    def restarted() -> bool:
        pods = {pod["metadata"]["name"]: pod for pod in cluster.of(NAME, "pods")}
        metadata = pods[last]["metadata"] if last in pods else {}
        if metadata.get("uid") != before[last] or metadata.get("deletionTimestamp"):
            assert is_ready(pods[new])
            assert is_ready(pods[victim])
        now = uids(cluster)
        return len(now) == 3 and not set(now.values()) & set(before.values()) and converged(cluster)

    cluster.eventually(restarted, seconds=400, what="all three nodes restarted")
    assert host_ids(cluster.get(CLUSTERS, NAME)) == members


def test_a_bad_image_costs_one_node_and_is_taken_back(ring: Object, cluster: Cluster) -> None:
    """The roll stops at the first pod and says why; the old image is all that it takes to go on."""
    before = uids(cluster)
    cluster.patch(CLUSTERS, NAME, {"spec": {"cassandraImage": NO_SUCH_IMAGE}})

    def complaint() -> Object | None:
        found = condition(cluster.get(CLUSTERS, NAME), "Degraded")
        return found if found["reason"] == "ImageCannotBePulled" else None

    found = cluster.eventually(complaint, seconds=150, what="ImageCannotBePulled")
    assert "spec.cassandraImage" in found["message"]
    assert len([name for name, uid in uids(cluster).items() if before[name] == uid]) == 2

    cluster.patch(CLUSTERS, NAME, {"spec": {"cassandraImage": GOOD_IMAGE}})
    cluster.eventually(lambda: converged(cluster), seconds=180, what="the old image on all nodes")
    assert len([name for name, uid in uids(cluster).items() if before[name] == uid]) == 2


def test_volumes_go_with_the_cluster_when_asked(cluster: Cluster, ring: Object) -> None:
    """`spec.deletePVC` removes a cluster's own volumes with it, and its finalizer is gone afterwards."""
    name = "purged"
    obj = sample(name)
    obj["spec"]["topology"] = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}
    obj["spec"]["deletePVC"] = True
    cluster.apply(obj)
    cluster.eventually(lambda: cluster.of(name, "persistentvolumeclaims"), seconds=60, what="a volume")
    wait_ready(cluster, name, seconds=180)

    cluster.delete(CLUSTERS, name, seconds=180)

    cluster.eventually(
        lambda: not cluster.of(name, "persistentvolumeclaims"), seconds=60, what="the volumes are gone"
    )
    with pytest.raises(MissingError):
        cluster.get("services", name)
    assert len(cluster.of(NAME, "persistentvolumeclaims")) == 3
