"""Which objects a cluster believes in and writes: its own, and not those of another of the same name."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from controller.api.v2 import names
from controller.domain.errors import TerminalError, TransientError
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.reconcile.ours import joined
from controller.runtime.workers import After, Done
from unit_tests.executors.stage import NAMESPACE, Json
from unit_tests.reconcile.bench import KEY, Bench

STATEFULSET = "cc-dc1-rack1"
NAMESAKE = {
    "apiVersion": "db.orange.com/v2",
    "kind": "CassandraCluster",
    "name": "cc",
    "uid": "of-a-cluster-that-is-gone",
    "controller": True,
}


def leave(bench: Bench, kind: Kind, body: Json) -> Json:
    """Create an object as a cluster of the same name has left it, not yet collected."""
    metadata = {**body["metadata"], "ownerReferences": [NAMESAKE]}
    return bench.stage.make(kind, {**body, "metadata": metadata})


def remains(bench: Bench) -> dict[str, Json]:
    """Leave everything that an earlier cluster of the same name had, a ring with three members."""
    bodies = bench.stage.bodies()
    ring = bodies.shared["ConfigMap/cc-ring"]
    members = '["cc-dc1-rack1-0","cc-dc1-rack1-1","cc-dc1-rack1-2"]'
    statefulset = leave(bench, kinds.STATEFULSET, dict(bodies.statefulset("dc1-rack1", 3)))
    left = {
        "statefulset": statefulset,
        "ring": leave(bench, kinds.CONFIG_MAP, {**ring, "data": {"joined": members}}),
        "service": leave(bench, kinds.SERVICE, dict(bodies.shared["Service/cc"])),
    }
    for ordinal in range(3):
        labels = statefulset["metadata"]["labels"]
        left[f"pod {ordinal}"] = bench.stage.pod(f"{STATEFULSET}-{ordinal}", labels=labels, owner=statefulset)
    return left


def test_what_an_earlier_cluster_left_is_waited_out(bench: Bench) -> None:
    """Nothing of it is written or deleted; the status says what is waited for."""
    left = remains(bench)

    with pytest.raises(TransientError, match="deleted cluster of the same name"):
        bench.reconcile()

    assert bench.stage.there(kinds.STATEFULSET, STATEFULSET) == left["statefulset"]
    assert bench.stage.there(kinds.CONFIG_MAP, "cc-ring") == left["ring"]
    assert bench.stage.there(kinds.SERVICE, "cc") == left["service"]
    assert "deleted cluster of the same name" in bench.condition("Progressing")["message"]


def test_nothing_is_believed_of_an_earlier_cluster(bench: Bench) -> None:
    """Its pods are no members, and those who joined its ring have not joined ours.

    A new cluster that believed otherwise would never begin a ring.
    """
    remains(bench)
    bench.see()

    _, observed = bench.core.reconciler.observer.observe(bench.stage.cluster)

    assert observed.racks == {}
    assert observed.joined == frozenset()
    assert observed.shared == {}


def test_once_the_remains_are_gone_the_cluster_is_made(bench: Bench) -> None:
    """It begins with its first node, as any new cluster."""
    remains(bench)
    with pytest.raises(TransientError):
        bench.reconcile()
    for kind, name in (
        (kinds.STATEFULSET, STATEFULSET),
        (kinds.CONFIG_MAP, "cc-ring"),
        (kinds.SERVICE, "cc"),
    ):
        bench.stage.remove(kind, name)

    bench.reconcile()

    made = bench.stage.there(kinds.STATEFULSET, STATEFULSET)
    assert made["spec"]["replicas"] == 1
    assert made["metadata"]["ownerReferences"][0]["uid"] == bench.stage.cluster.metadata.uid
    assert bench.stage.there(kinds.CONFIG_MAP, "cc-ring")["data"]["joined"] == "[]"


def test_a_users_own_service_of_the_name_is_not_taken(bench: Bench) -> None:
    """The user is told which object is in the way; it keeps serving whoever uses it."""
    body = {"metadata": {"name": "cc"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
    mine = bench.stage.make(kinds.SERVICE, body)

    with pytest.raises(TerminalError):
        bench.reconcile()

    assert bench.stage.there(kinds.SERVICE, "cc") == mine
    message = bench.condition("Degraded")["message"]
    assert "there is a Service cc that is not this cluster's" in message
    assert "give the cluster another name" in message


def test_pods_that_lost_their_statefulset_are_still_the_clusters(bench: Bench) -> None:
    """They get one back at their size, in one step, and none is deleted or joins."""
    bench.reconcile()
    bench.reconcile()
    made = bench.stage.edit(kinds.STATEFULSET, STATEFULSET, {"spec": {"replicas": 3}})
    labels = made["spec"]["template"]["metadata"]["labels"]
    uids = [bench.stage.pod(f"{STATEFULSET}-{n}", labels=labels)["metadata"]["uid"] for n in range(3)]
    bench.stage.remove(kinds.STATEFULSET, STATEFULSET)

    done = bench.reconcile()

    assert isinstance(done, Done | After)
    assert done.actions == ("ApplyStatefulSet",)
    assert bench.stage.there(kinds.STATEFULSET, STATEFULSET)["spec"]["replicas"] == 3
    pods = [bench.stage.there(kinds.POD, f"{STATEFULSET}-{n}") for n in range(3)]
    assert [pod["metadata"]["uid"] for pod in pods] == uids


def test_a_statefulset_of_a_newer_operator_is_left_alone(bench: Bench) -> None:
    """A revision that this version cannot build is told, and nothing of the cluster changes."""
    bench.reconcile()
    patch = {"metadata": {"annotations": {names.TEMPLATE_REVISION: "7"}}}
    before = bench.stage.edit(kinds.STATEFULSET, STATEFULSET, patch)

    with pytest.raises(TerminalError):
        bench.reconcile()

    assert bench.stage.there(kinds.STATEFULSET, STATEFULSET) == before
    assert "template revision" in bench.condition("Degraded")["message"]


def test_a_lost_revision_makes_no_template_of_casskop(bench: Bench) -> None:
    """An annotation that somebody took is asked for: its absence is no reason to restart a rack."""
    bench.reconcile()
    patch = {"metadata": {"annotations": {names.TEMPLATE_REVISION: None}}}
    before = bench.stage.edit(kinds.STATEFULSET, STATEFULSET, patch)

    with pytest.raises(TerminalError):
        bench.reconcile()

    assert bench.stage.there(kinds.STATEFULSET, STATEFULSET) == before
    assert names.TEMPLATE_REVISION in bench.condition("Degraded")["message"]


def test_a_cluster_on_its_way_out_is_left_to_kubernetes(bench: Bench) -> None:
    """What was edited meanwhile is not put back; nothing is written at all."""
    bench.stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"metadata": {"finalizers": ["example.com/other"]}})
    bench.reconcile()
    bench.stage.remove(kinds.SERVICE, "cc")
    uid = bench.stage.cluster.metadata.uid
    bench.stage.user.delete(kinds.CASSANDRA_CLUSTER, NAMESPACE, "cc", uid=uid)
    sent = bench.stage.writes

    assert isinstance(bench.reconcile(), Done)

    assert bench.stage.writes == sent
    assert bench.cluster()["metadata"]["finalizers"] == ["example.com/other"]


def test_a_cluster_that_is_gone_is_forgotten(bench: Bench) -> None:
    """Its key does nothing, and one of the same name begins anew without waiting for old writes."""
    bench.see()
    bench.core.reconciler.reconcile(KEY)
    bench.stage.remove(kinds.CASSANDRA_CLUSTER, "cc")

    assert bench.reconcile() == Done(why="the cluster is gone")
    assert bench.core.reconciler.caught_up.behind(KEY) is None


def _ring(uid: str, joined: str) -> dict[str, Any]:
    return {"metadata": {"ownerReferences": [{"uid": uid}]}, "data": {"joined": joined}}


@pytest.mark.parametrize(
    ("config_map", "expected"),
    [
        (None, {"in-status"}),
        (_ring("mine", '["a"]'), {"in-status", "a"}),
        (_ring("mine", "no list"), {"in-status"}),
        (_ring("another", '["a"]'), {"in-status"}),
        ({"metadata": {}, "data": {"joined": '["a"]'}}, {"in-status"}),
    ],
)
def test_who_has_joined_is_read_from_what_is_ours(
    bench: Bench, config_map: dict[str, Any] | None, expected: set[str]
) -> None:
    """Status and ConfigMap together; a ConfigMap that is broken or another's says nothing."""
    bench.stage.edit(
        kinds.CASSANDRA_CLUSTER,
        "cc",
        {"status": {"cassandraNodeStatus": {"in-status": {"hostId": "h", "nodeIp": "10.0.0.1"}}}},
        "status",
    )
    cluster = bench.stage.read()
    metadata = attrs.evolve(cluster.metadata, uid="mine")

    assert joined(attrs.evolve(cluster, metadata=metadata), config_map) == expected
