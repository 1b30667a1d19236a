"""Deleting a cluster: which volumes go with it, when, and whatever interrupts it. On the simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controller.api.v2 import names
from controller.domain.errors import ConflictError
from controller.domain.plan import deletion
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Response
from controller.reconcile.deletion import Deletion
from controller.reconcile.finish import Finisher
from controller.reconcile.stores import Stores
from controller.runtime.store import Key
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.sim_tap import NoTap
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, single
from e2e.simkube.inprocess import InProcess

CLAIM = kinds.PERSISTENT_VOLUME_CLAIM
CC = "cassandraclusters"
FOREIGN = "example.org/audit"


def ready(name: str = "cc", tap: NoTap | None = None, **spec: Any) -> SimCluster:
    """Return a simulation in which the cluster *name* of one node is Ready."""
    sim = SimCluster(seed=3, tap=tap)
    SimulatedCluster(sim).apply(jolokia_secret())
    sim.apply(single(name, **spec))
    sim.run_until(lambda: sim.condition(name, "Ready")["status"] == "True", seconds=300, what="Ready")
    sim.run(2)
    return sim


def listed(sim: SimCluster, kind: Kind) -> dict[str, dict[str, Any]]:
    """Return the objects of *kind* by name."""
    return {obj["metadata"]["name"]: dict(obj) for obj in sim.client.list_page(kind, NAMESPACE).items}


def finalizers(sim: SimCluster, name: str = "cc") -> list[str]:
    """Return the finalizers of a cluster."""
    return list(sim.cluster(name)["metadata"].get("finalizers") or ())


def ask(sim: SimCluster, name: str = "cc", propagation: str = "Background") -> None:
    """Delete a cluster as `kubectl delete` does."""
    uid = sim.cluster(name)["metadata"]["uid"]
    sim.client.delete(kinds.CASSANDRA_CLUSTER, NAMESPACE, name, uid=uid, propagation=propagation)


def gone(sim: SimCluster, name: str = "cc") -> bool:
    """Tell whether the cluster is gone."""
    return name not in listed(sim, kinds.CASSANDRA_CLUSTER)


def patch(sim: SimCluster, metadata: dict[str, Any], name: str = "cc") -> None:
    """Merge *metadata* into a cluster's."""
    sim.client.merge_patch(kinds.CASSANDRA_CLUSTER, NAMESPACE, name, {"metadata": metadata})


def leftover(sim: SimCluster, name: str) -> None:
    """Put a claim there that carries the labels of `cc`, and that no pod uses."""
    sim.client.create(
        CLAIM,
        NAMESPACE,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "labels": names.rack_labels("cc", "dc1", "rack9")},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "standard",
            },
        },
    )


def test_exactly_the_clusters_own_claims_go_with_it() -> None:
    """Claims that no pod of this cluster has used stay, whatever their labels; so do a neighbour's."""
    sim = ready(deletePVC=True)
    sim.apply(single("other", deletePVC=True))
    sim.run_until(lambda: sim.condition("other", "Ready")["status"] == "True", seconds=300, what="Ready")
    leftover(sim, "data-cc-dc1-rack9-0")

    ask(sim)
    sim.run_until(lambda: gone(sim), seconds=2400, what="the cluster is gone")

    assert set(listed(sim, CLAIM)) == {"data-cc-dc1-rack9-0", "data-other-dc1-rack1-0"}
    assert set(listed(sim, kinds.STATEFULSET)) == {"other-dc1-rack1"}


def test_claims_go_after_the_pods() -> None:
    """While a pod is there, no claim is even asked to go, and status says what it waits for."""
    sim = ready(deletePVC=True)
    ask(sim)
    told: list[str] = []

    while not gone(sim):
        pods, claims = listed(sim, kinds.POD), listed(sim, CLAIM)
        assert not pods or not any(c["metadata"].get("deletionTimestamp") for c in claims.values())
        assert not pods or claims
        told.append(sim.condition("cc", "Progressing")["message"])
        sim.run(0.25)

    assert not listed(sim, CLAIM)
    assert any("still there: cc-dc1-rack1-0" in text for text in told)


def test_without_it_nothing_is_held_or_deleted() -> None:
    """A cluster without `deletePVC` has no finalizer, and leaves its claims behind."""
    sim = ready()
    assert finalizers(sim) == []

    ask(sim)
    sim.run_until(lambda: not listed(sim, kinds.POD), seconds=2400, what="the pods are gone")
    sim.run(60)

    assert gone(sim)
    assert set(listed(sim, CLAIM)) == {"data-cc-dc1-rack1-0"}


def test_the_finalizer_follows_the_field_and_leaves_others_alone() -> None:
    """Ours is added behind and taken from between the finalizers of others."""
    sim = ready()
    patch(sim, {"finalizers": [FOREIGN]})
    sim.edit("cc", {"deletePVC": True})
    sim.run(5)
    assert finalizers(sim) == [FOREIGN, names.PVC_FINALIZER]

    patch(sim, {"finalizers": [FOREIGN, names.PVC_FINALIZER, "example.org/last"]})
    sim.edit("cc", {"deletePVC": False})
    sim.run(5)

    assert finalizers(sim) == [FOREIGN, "example.org/last"]
    assert sim.condition("cc", "SpecAccepted")["status"] == "True"


def test_a_change_of_mind_after_the_deletion_saves_the_volumes() -> None:
    """`deletePVC: false` on a cluster that is being deleted lets it go, and keeps what is there."""
    sim = ready(deletePVC=True)
    ask(sim)
    sim.edit("cc", {"deletePVC": False})
    sim.run_until(lambda: gone(sim), seconds=2400, what="the cluster is gone")
    sim.run(60)

    assert set(listed(sim, CLAIM)) == {"data-cc-dc1-rack1-0"}


def test_a_finalizer_taken_away_by_hand_never_hurts() -> None:
    """On a living cluster it comes back; on one that is being deleted, the volumes stay."""
    sim = ready(deletePVC=True)
    patch(sim, {"finalizers": None})
    sim.run(5)
    assert finalizers(sim) == [names.PVC_FINALIZER]

    ask(sim)
    sim.run(1)
    patch(sim, {"finalizers": None})
    sim.run(2400)

    assert gone(sim)
    assert not listed(sim, kinds.POD)
    assert set(listed(sim, CLAIM)) == {"data-cc-dc1-rack1-0"}


def test_cascade_orphan_leaves_pods_and_volumes() -> None:
    """Who deletes with `--cascade=orphan` keeps everything but the CassandraCluster."""
    sim = ready(deletePVC=True)
    ask(sim, propagation="Orphan")
    sim.run_until(lambda: gone(sim), seconds=600, what="the cluster is gone")
    sim.run(60)

    assert set(listed(sim, kinds.STATEFULSET)) == {"cc-dc1-rack1"}
    assert set(listed(sim, kinds.POD)) == {"cc-dc1-rack1-0"}
    assert set(listed(sim, CLAIM)) == {"data-cc-dc1-rack1-0"}


def _deleted(kill_at: int | None = None) -> tuple[SimCluster, int]:
    """Delete a cluster with its volumes, and kill the operator at the write *kill_at* of the deletion."""
    sim = ready(deletePVC=True)
    before = sim.writes
    ask(sim)
    sim.kill_at_write = None if kill_at is None else before + kill_at
    sim.run_until(lambda: gone(sim), seconds=2400, what="the cluster is gone")
    sim.run(60)
    return sim, sim.writes - before


def test_a_deletion_that_is_interrupted_anywhere_ends_the_same() -> None:
    """The operator is killed right after each write of a deletion, one run for each."""
    clean, writes = _deleted()
    assert not listed(clean, CLAIM)
    assert writes >= 4

    for write in range(1, writes + 1):
        sim, _ = _deleted(kill_at=write)
        assert not listed(sim, CLAIM), write
        assert not listed(sim, kinds.STATEFULSET), write


def test_a_mark_that_is_interrupted_is_made_up_for() -> None:
    """An operator that never saw the cluster alive with the field set still knows whose the claims are."""
    sim = ready()
    assert sim.operator is not None
    sim.operator.kill()
    sim.edit("cc", {"deletePVC": True})
    patch(sim, {"finalizers": [names.PVC_FINALIZER]})
    ask(sim)

    sim.start_operator()
    sim.run_until(lambda: gone(sim), seconds=2400, what="the cluster is gone")

    assert not listed(sim, CLAIM)


class _Nobody:
    """Hears events and forgets them."""

    def record(self, event: object) -> None:
        """Do nothing."""


def test_a_store_of_the_past_deletes_nothing() -> None:
    """An operator that still sees the deleted namesake leaves the living cluster's volumes alone."""
    sim = ready(deletePVC=True)
    patch(sim, {"finalizers": [names.PVC_FINALIZER, FOREIGN]})
    ask(sim)
    sim.run(0.5)
    stale = sim.cluster("cc")
    assert stale["metadata"]["deletionTimestamp"]
    patch(sim, {"finalizers": None})
    sim.run_until(lambda: not listed(sim, kinds.POD), seconds=2400, what="the first one is gone")
    sim.apply(single("cc", deletePVC=True))
    sim.run_until(lambda: sim.condition("cc", "Ready")["status"] == "True", seconds=300, what="Ready")
    before = {name: obj["metadata"]["uid"] for name, obj in listed(sim, CLAIM).items()}

    client = KubeClient(InProcess(sim.server, agent="late"), fence=lambda: None)
    late = Deletion(
        client=client,
        stores=Stores(),
        finisher=Finisher(client=client, recorder=_Nobody()),
        now=lambda: pytest.fail("it has nothing to say"),
    )
    with pytest.raises(ConflictError, match="another cluster"):
        late.step(Key(NAMESPACE, "cc"), stale)

    assert {name: obj["metadata"]["uid"] for name, obj in listed(sim, CLAIM).items()} == before
    assert set(listed(sim, kinds.STATEFULSET)) == {"cc-dc1-rack1"}


class _Swap(NoTap):
    """Puts another claim in the place of the one that is about to be deleted."""

    def __init__(self) -> None:
        self.swap: Callable[[], None] | None = None

    def sending(self, life: int, request: Request) -> None:
        """Swap before the first deletion of a claim."""
        if request.method == "DELETE" and "/persistentvolumeclaims/" in request.path and self.swap:
            swap, self.swap = self.swap, None
            swap()

    def answered(self, life: int, request: Request, answer: Response) -> None:
        """Let it pass."""


def test_a_claim_that_took_the_name_is_safe() -> None:
    """The claim that is deleted is the very one that was looked at, by uid and version."""
    tap = _Swap()
    sim = ready(tap=tap, deletePVC=True)
    name = "data-cc-dc1-rack1-0"
    swapped: list[str] = []

    def swap() -> None:
        swapped.append(name)
        uid = listed(sim, CLAIM)[name]["metadata"]["uid"]
        sim.client.merge_patch(CLAIM, NAMESPACE, name, {"metadata": {"finalizers": None}})
        sim.client.delete(CLAIM, NAMESPACE, name, uid=uid)
        leftover(sim, name)

    tap.swap = swap
    ask(sim)
    sim.run_until(lambda: gone(sim), seconds=2400, what="the cluster is gone")
    sim.run(60)

    assert swapped == [name]
    assert set(listed(sim, CLAIM)) == {name}


def test_an_unreadable_spec_does_not_keep_the_cluster() -> None:
    """What else is wrong with the spec, the deletion goes by `deletePVC` as it is written."""
    sim = ready(deletePVC=True)
    sim.edit("cc", {"nodesPerRacks": -4})
    sim.run(5)
    ask(sim)
    sim.run_until(lambda: gone(sim), seconds=2400, what="the cluster is gone")

    assert not listed(sim, CLAIM)


def test_pods_of_nobody_are_waited_for_and_named() -> None:
    """A pod that no StatefulSet will take away keeps its claim, and the wait says which pod it is."""
    claim = deletion.Claim(name="data-cc-0", uid="c", version="1", mark="me")
    pod = deletion.Pod(name="cc-0", claims=frozenset({"data-cc-0"}))
    left = deletion.Left(uid="me", pods=(pod,), claims=(claim,))

    (step,) = deletion.steps(left, delete_pvc=True, orphan=False)

    assert isinstance(step, deletion.Wait)
    assert "cc-0" in step.why


def test_a_claim_of_another_cluster_is_not_marked_by_name() -> None:
    """A pod that another StatefulSet owns says nothing about whose a claim is."""
    claim = deletion.Claim(name="data-cc-0", uid="c", version="1", mark="them")
    pod = deletion.Pod(name="cc-0", owners=frozenset({"theirs"}), claims=frozenset({"data-cc-0"}))
    mine = deletion.StatefulSet(name="cc-dc1-rack1", uid="mine")
    left = deletion.Left(uid="me", statefulsets=(mine,), pods=(pod,), claims=(claim,))

    assert deletion.unmarked(left) == ()
