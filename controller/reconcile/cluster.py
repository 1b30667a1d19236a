"""
One reconcile of a CassandraCluster: observe, plan, act, finish.

It decides nothing and waits for nothing. It may be killed anywhere: the next one begins from what the
API server and the ring show. Status is written whatever happened before, on errors too.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.api.v2.problems import InvalidClusterError, Problem
from controller.domain import conditions
from controller.domain.actions import Action, ApplyObject, ApplyStatefulSet, DeletePod, Hold, Wait
from controller.domain.admission import validate
from controller.domain.errors import NotLeadingError, OperatorError
from controller.domain.later import not_carried_out
from controller.domain.observed import Observed
from controller.domain.plan import plan
from controller.domain.status import status
from controller.executors.base import Bodies, Executor, Written
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.caught_up import CaughtUp
from controller.reconcile.finish import Finisher
from controller.reconcile.observe import Observer
from controller.reconcile.stores import Object, Stores
from controller.reconcile.wish import Wish
from controller.runtime.store import Key
from controller.runtime.workers import After, Done, Result


@attrs.frozen(kw_only=True)
class ClusterReconciler:
    """Reconciles one key at a time; one object serves all workers, and holds nothing about any cluster."""

    client: KubeClient
    stores: Stores
    observer: Observer
    executor: Executor
    finisher: Finisher
    caught_up: CaughtUp

    def reconcile(self, key: Key) -> Result:
        """Take the next step for the cluster called *key*."""
        obj = self.stores.clusters.get(key)
        if obj is None:
            self.caught_up.forget(key)
            return Done(why="the cluster is gone")
        if obj["metadata"].get("deletionTimestamp"):
            return Done(why="the cluster is being deleted: its objects go with it, its volumes stay")
        behind = self.caught_up.behind(key)
        if behind is not None:
            return After(seconds=behind, why="the stores do not show our last writes yet")
        return self._step(key, obj)

    def _step(self, key: Key, obj: Object) -> Result:
        cluster, problems = read(obj)
        if problems:
            before = last_accepted(obj)
            if before is None:
                self._refuse(key, cluster, problems)
                return Done(why="the spec is refused")
            cluster = attrs.evolve(cluster, spec=before.spec)
        wish, observed = self.observer.observe(cluster)
        actions = plan(wish.desired, observed)
        done: list[str] = []
        failure: OperatorError | None = None
        try:
            self._act(key, cluster, actions, wish.bodies, done)
        except NotLeadingError:
            raise
        except OperatorError as error:
            failure = error
        self._finish(key, cluster, wish, observed, actions, problems, failure)
        if failure is not None:
            raise failure
        if not problems:
            self._remember(key, obj)
        return _result(actions, tuple(done))

    def _act(
        self,
        key: Key,
        cluster: CassandraCluster,
        actions: tuple[Action, ...],
        bodies: Bodies,
        done: list[str],
    ) -> None:
        """Carry out the writes in *actions*, in order, and note each in *done*; stop at the first failure."""
        for action in actions:
            if isinstance(action, ApplyObject | ApplyStatefulSet | DeletePod):
                self._wrote(key, self.executor.run(action, bodies))
                done.append(type(action).__name__)
                self.finisher.did(cluster, action=type(action).__name__, why=action.why)

    def _finish(  # noqa: PLR0913, PLR0917 -- everything that a reconcile has come to
        self,
        key: Key,
        cluster: CassandraCluster,
        wish: Wish,
        observed: Observed,
        actions: tuple[Action, ...],
        problems: tuple[Problem, ...],
        failure: OperatorError | None,
    ) -> None:
        """Write status and conditions."""
        found = conditions.findings(wish.desired, observed, actions)
        if failure is not None:
            found.append(conditions.failed(str(failure)))
        if problems:
            found += conditions.refused([str(p) for p in problems], fallback=True)
        else:
            found.append(conditions.accepted(not_carried_out(cluster.spec)))
        generation = cluster.metadata.generation
        new = attrs.evolve(
            status(cluster.status, wish.desired, observed, actions),
            seed_list=wish.seeds,
            conditions=conditions.merge(
                cluster.status.conditions, found, generation=generation, now=observed.now
            ),
        )
        if failure is None:
            new = attrs.evolve(new, observed_generation=generation)
        written = self.finisher.finish(cluster, new)
        if written is not None:
            self._wrote(key, written)

    def _refuse(self, key: Key, cluster: CassandraCluster, problems: tuple[Problem, ...]) -> None:
        """Say in status what is wrong with a spec that nothing can be made of."""
        found = conditions.refused([str(p) for p in problems], fallback=False)
        generation = cluster.metadata.generation
        new = attrs.evolve(
            cluster.status,
            observed_generation=generation,
            conditions=conditions.merge(
                cluster.status.conditions, found, generation=generation, now=self.observer.now()
            ),
        )
        written = self.finisher.finish(cluster, new)
        if written is not None:
            self._wrote(key, written)

    def _remember(self, key: Key, obj: Object) -> None:
        """Keep the accepted spec in CassKop's annotation, for the day when an edit is refused."""
        wanted = accepted_text(obj)
        if (obj["metadata"].get("annotations") or {}).get(names.LAST_APPLIED) == wanted:
            return
        patch = {"metadata": {"annotations": {names.LAST_APPLIED: wanted}}}
        stored = self.client.merge_patch(
            kinds.CASSANDRA_CLUSTER, key.namespace, key.name, patch, uid=obj["metadata"]["uid"]
        )
        self._wrote(
            key,
            Written(
                kind=kinds.CASSANDRA_CLUSTER,
                namespace=key.namespace,
                name=key.name,
                uid=obj["metadata"]["uid"],
                resource_version=stored["metadata"]["resourceVersion"],
            ),
        )

    def _wrote(self, key: Key, written: Written) -> None:
        self.caught_up.expect(key, written)


def read(obj: Object) -> tuple[CassandraCluster, tuple[Problem, ...]]:
    """Return the cluster and all that is wrong with its spec; a spec that cannot be read is left out."""
    try:
        cluster = decode_cluster(obj)
    except InvalidClusterError as error:
        bare = {"metadata": obj["metadata"], "status": obj.get("status")}
        return decode_cluster(bare), error.problems
    return cluster, validate(cluster)


def last_accepted(obj: Object) -> CassandraCluster | None:
    """Return the cluster as it was when its spec was last accepted; None if it never was."""
    text = (obj["metadata"].get("annotations") or {}).get(names.LAST_APPLIED)
    if not text:
        return None
    try:
        spec: Any = json.loads(text).get("spec")
        cluster = decode_cluster({"metadata": obj["metadata"], "spec": spec})
    except (ValueError, AttributeError):
        return None
    return None if validate(cluster) else cluster


def accepted_text(obj: Object) -> str:
    """Return what the annotation holds for *obj*: its spec, and nothing of its metadata that moves."""
    return json.dumps(
        {
            "apiVersion": obj.get("apiVersion"),
            "kind": obj.get("kind"),
            "metadata": {k: obj["metadata"].get(k) for k in ("name", "namespace")},
            "spec": obj.get("spec") or {},
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _result(actions: tuple[Action, ...], done: tuple[str, ...]) -> Result:
    """Return when to look again if no event comes first."""
    seconds = [a.seconds for a in actions if isinstance(a, Wait | Hold) and a.seconds is not None]
    why = actions[0].why if actions else "everything is as the spec asks for"
    if seconds:
        return After(seconds=min(seconds), actions=done, why=why)
    return Done(actions=done, why=why)
