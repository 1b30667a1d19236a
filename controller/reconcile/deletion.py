"""
The finalizer, the marks on claims, and the deletion of a cluster with its volumes.

While a cluster lives with `deletePVC: true` it has our finalizer, and the claims of its pods are marked.
When it is deleted, everything is read live before anything is deleted: a store may show a cluster that
is gone and whose name another has. What is deleted is named by uid, claims by version, too.

Other people's finalizers, and their places in the list, are not touched. If somebody takes ours away, the
cluster goes at once, and its volumes stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
import datetime as dt
from typing import Any, assert_never

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.domain import conditions
from controller.domain.conditions import Finding
from controller.domain.errors import ConflictError, NotFoundError
from controller.domain.plan import deletion
from controller.domain.plan.deletion import DeleteClaim, DeleteStatefulSet, Mark, Release, Step, Wait
from controller.executors.base import Written
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.kinds import Kind
from controller.reconcile.finish import Finisher
from controller.reconcile.stores import BY_CLUSTER, Object, Stores
from controller.runtime.store import Key
from controller.runtime.workers import After, Done, Result

# Events tell of all that a deletion waits for; this is for one that got lost.
LOOK_AGAIN_SECONDS = 15.0
_ORPHAN = "orphan"


@attrs.frozen(kw_only=True)
class Deletion:
    """Keeps clusters ready to be deleted, and deletes them; without a state of its own."""

    client: KubeClient
    stores: Stores
    finisher: Finisher
    now: Callable[[], dt.datetime]

    def prepare(self, cluster: CassandraCluster, obj: Object) -> Iterator[Written]:
        """Bring finalizer and marks to what the spec of *cluster* asks for, and yield each write.

        *obj* is the cluster as it is stored. Raises the client's errors.
        """
        has = names.PVC_FINALIZER in (obj["metadata"].get("finalizers") or ())
        if has and not cluster.spec.delete_pvc:
            yield self._release(obj)
        if not cluster.spec.delete_pvc:
            return
        if not has:
            yield self._hold(obj)
        key = Key(cluster.namespace, cluster.name)
        left = _left(
            cluster.metadata.uid,
            self.stores.statefulsets.find(BY_CLUSTER, key),
            self.stores.pods.find(BY_CLUSTER, key),
            self.stores.claims.find(BY_CLUSTER, key),
        )
        for step in deletion.unmarked(left):
            yield self._mark(key.namespace, left.uid, step)

    def step(self, key: Key, obj: Object) -> Result:
        """Take the next steps for a cluster that is being deleted; *obj* is what a store has of it."""
        if names.PVC_FINALIZER not in (obj["metadata"].get("finalizers") or ()):
            return Done(why="the cluster is being deleted: its objects go with it, its volumes stay")
        try:
            live = self.client.get(kinds.CASSANDRA_CLUSTER, key.namespace, key.name)
        except NotFoundError:
            return Done(why="the cluster is gone")
        metadata = live["metadata"]
        finalizers = metadata.get("finalizers") or ()
        if metadata["uid"] != obj["metadata"]["uid"] or not metadata.get("deletionTimestamp"):
            raise ConflictError(f"{key.name} is another cluster than the one that was deleted")
        if names.PVC_FINALIZER not in finalizers:
            return Done(why="somebody took the finalizer away: the volumes stay")
        steps = deletion.steps(
            self._look(key, metadata["uid"]),
            # As it is written, readable or not: whoever changes it now still has a say.
            delete_pvc=(live.get("spec") or {}).get("deletePVC") is True,
            orphan=_ORPHAN in finalizers,
        )
        return self._take(key, live, steps)

    def _take(self, key: Key, live: Object, steps: Iterable[Step]) -> Result:
        """Carry *steps* out, in order."""
        cluster = decode_cluster({"metadata": live["metadata"], "status": live.get("status")})
        done: list[str] = []
        why = ""
        for step in steps:
            why = step.why
            match step:
                case Release():
                    self._release(live)
                    return Done(actions=(*done, "ReleaseCluster"), why=why)
                case Wait():
                    continue
                case Mark():
                    self._mark(key.namespace, cluster.metadata.uid, step)
                    done.append("MarkClaim")
                case DeleteStatefulSet(statefulset=one):
                    self._delete(kinds.STATEFULSET, key.namespace, one.name, uid=one.uid)
                    done.append("DeleteStatefulSet")
                    self.finisher.did(cluster, action="DeleteStatefulSet", why=why)
                case DeleteClaim(claim=claim):
                    self._delete(
                        kinds.PERSISTENT_VOLUME_CLAIM,
                        key.namespace,
                        claim.name,
                        uid=claim.uid,
                        version=claim.version,
                    )
                    done.append("DeleteClaim")
                    self.finisher.did(cluster, action="DeleteClaim", why=why)
                case _:
                    assert_never(step)
        self._tell(cluster, why)
        # After marks there is no event that has not come already; after deletions there will be one.
        return After(seconds=0.1 if "MarkClaim" in done else LOOK_AGAIN_SECONDS, actions=tuple(done), why=why)

    def _look(self, key: Key, uid: str) -> deletion.Left:
        """Return what is left of a cluster, read live."""
        labels = f"{names.APP}={names.APP_VALUE},{names.CLUSTER}={key.name}"

        def everything(kind: Kind) -> list[Object]:
            return list(
                self.client.list_page(
                    kind, key.namespace, label_selector=labels, limit=None, timeout=30.0
                ).items
            )

        # Pods last: one that is not there by now, with no StatefulSet to make it, will not come.
        claims, statefulsets = everything(kinds.PERSISTENT_VOLUME_CLAIM), everything(kinds.STATEFULSET)
        return _left(uid, statefulsets, everything(kinds.POD), claims)

    def _tell(self, cluster: CassandraCluster, why: str) -> None:
        """Say in status what the deletion waits for."""
        found = [
            Finding(type="Progressing", status=True, reason="Deleting", message=why),
            Finding(type="Ready", status=False, reason="Deleting", message="the cluster is being deleted"),
        ]
        merged = conditions.merge(
            cluster.status.conditions, found, generation=cluster.metadata.generation, now=self.now()
        )
        self.finisher.finish(cluster, attrs.evolve(cluster.status, conditions=merged))

    def _delete(self, kind: Kind, namespace: str, name: str, *, uid: str, version: str | None = None) -> None:
        try:
            self.client.delete(
                kind, namespace, name, uid=uid, resource_version=version, propagation="Background"
            )
        except NotFoundError:
            # That is what was wanted.
            return

    def _mark(self, namespace: str, uid: str, step: Mark) -> Written:
        """Write on a claim whose it is, if it is still the very one that was looked at."""
        claim = step.claim
        try:
            stored = self.client.merge_patch(
                kinds.PERSISTENT_VOLUME_CLAIM,
                namespace,
                claim.name,
                {"metadata": {"annotations": {names.CLUSTER_UID: uid}}},
                uid=claim.uid,
                resource_version=claim.version,
            )
        except NotFoundError:
            raise ConflictError(f"claim {claim.name} is gone") from None
        return Written.of(kinds.PERSISTENT_VOLUME_CLAIM, stored)

    def _hold(self, obj: Object) -> Written:
        """Add our finalizer, after those that are there."""
        metadata = obj["metadata"]
        if metadata.get("finalizers"):
            add: dict[str, Any] = {
                "op": "add",
                "path": "/metadata/finalizers/-",
                "value": names.PVC_FINALIZER,
            }
        else:
            add = {"op": "add", "path": "/metadata/finalizers", "value": [names.PVC_FINALIZER]}
        # The exact version: at any other, somebody else's finalizer could be in the place of ours.
        same = [
            {"op": "test", "path": f"/metadata/{name}", "value": metadata[name]}
            for name in ("uid", "resourceVersion")
        ]
        return self._patch(obj, [*same, add])

    def _release(self, obj: Object) -> Written:
        """Take our finalizer out of the list, and nothing else."""
        index = list(obj["metadata"]["finalizers"]).index(names.PVC_FINALIZER)
        path = f"/metadata/finalizers/{index}"
        return self._patch(
            obj,
            [
                {"op": "test", "path": "/metadata/uid", "value": obj["metadata"]["uid"]},
                {"op": "test", "path": path, "value": names.PVC_FINALIZER},
                {"op": "remove", "path": path},
            ],
        )

    def _patch(self, obj: Object, operations: list[dict[str, Any]]) -> Written:
        metadata = obj["metadata"]
        stored = self.client.json_patch(
            kinds.CASSANDRA_CLUSTER, metadata["namespace"], metadata["name"], operations
        )
        return Written.of(kinds.CASSANDRA_CLUSTER, stored)


def _left(
    uid: str, statefulsets: Collection[Object], pods: Iterable[Object], claims: Iterable[Object]
) -> deletion.Left:
    """Return what these objects are to the cluster with *uid*; others' StatefulSets are left out."""
    return deletion.Left(
        uid=uid,
        statefulsets=tuple(
            deletion.StatefulSet(
                name=obj["metadata"]["name"], uid=obj["metadata"]["uid"], terminating=_terminating(obj)
            )
            for obj in statefulsets
            if uid in _owners(obj)
        ),
        orphans=frozenset(obj["metadata"]["name"] for obj in statefulsets if not _owners(obj)),
        pods=tuple(
            deletion.Pod(name=obj["metadata"]["name"], owners=_owners(obj), claims=_claims(obj))
            for obj in pods
        ),
        claims=tuple(
            deletion.Claim(
                name=obj["metadata"]["name"],
                uid=obj["metadata"]["uid"],
                version=obj["metadata"]["resourceVersion"],
                mark=(obj["metadata"].get("annotations") or {}).get(names.CLUSTER_UID),
                terminating=_terminating(obj),
            )
            for obj in claims
        ),
    )


def _owners(obj: Object) -> frozenset[str]:
    return frozenset(owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ())


def _claims(pod: Object) -> frozenset[str]:
    """Return the names of the claims that *pod* mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return frozenset(
        v["persistentVolumeClaim"]["claimName"] for v in volumes if v.get("persistentVolumeClaim")
    )


def _terminating(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))
