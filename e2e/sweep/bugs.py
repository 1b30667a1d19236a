"""
The planted bugs themselves: each function breaks the operator in this process, and for good.

Each is a mistake that somebody has made, or could; `mutants` says where it must show.
"""
# ruff: noqa: ANN401 -- a planted bug takes whatever the code takes that it breaks

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from controller.cassandra import node as nodes
from controller.domain import conditions
from controller.domain.actions import Action, ApplyObject, ApplyStatefulSet, RestartPod
from controller.domain.desired import Desired
from controller.domain.errors import NotLeadingError, OperatorError
from controller.domain.observed import Observed
from controller.domain.plan import create, repair, roll, shared
from controller.domain.plan.safe import Turn
from controller.domain.ring import Mode, Silent, View
from controller.executors.base import Bodies, Executor, Written
from controller.executors.objects import Objects
from controller.kube import client as kube_client
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile import observe
from controller.reconcile.cluster import ClusterReconciler
from controller.reconcile.credentials import Logins
from controller.reconcile.deletion import Deletion
from controller.reconcile.finish import Finisher
from controller.reconcile.stores import BY_CLUSTER
from controller.runtime import reflector
from controller.runtime.list_watch import Failed
from controller.runtime.queue import WorkQueue
from controller.runtime.store import Key
from controller.runtime.workers import Result


def replace(owner: object, name: str, make: Callable[[Any], Any]) -> None:
    """Put what *make* makes of it in the place of an attribute, which must be there."""
    setattr(owner, name, make(getattr(owner, name)))


# -- Sieve's four


def s1_deletes_volumes_by_name() -> None:
    """Believe a store of the past that a cluster is being deleted, and delete what has its volumes' names."""
    kind = kinds.PERSISTENT_VOLUME_CLAIM

    def make(real: Callable[..., Result]) -> Callable[..., Result]:
        def step(self: Deletion, key: Key, obj: Any) -> Result:
            now = self.client.get(kinds.CASSANDRA_CLUSTER, key.namespace, key.name)["metadata"]["uid"]
            if now != obj["metadata"]["uid"]:
                for claim in self.stores.claims.find(BY_CLUSTER, key):
                    live = self.client.get(kind, key.namespace, claim["metadata"]["name"])["metadata"]
                    exact = {"uid": live["uid"], "resource_version": live["resourceVersion"]}
                    self.client.delete(kind, key.namespace, live["name"], **exact)
            return real(self, key, obj)

        return step

    replace(Deletion, "step", make)


def s2_makes_the_budget_anew() -> None:
    """Delete a disruption budget that is out of date, and make it again."""

    def make(real: Callable[..., Written]) -> Callable[..., Written]:
        def call(self: Objects, action: ApplyObject, bodies: Bodies) -> Written:
            if action.kind == "PodDisruptionBudget":
                kind = kinds.POD_DISRUPTION_BUDGET
                try:
                    live = self.client.get(kind, bodies.namespace, action.name)
                    self.client.delete(kind, bodies.namespace, action.name, uid=live["metadata"]["uid"])
                except NotLeadingError:
                    raise
                except OperatorError:
                    pass
            return real(self, action, bodies)

        return call

    replace(Objects, "__call__", make)


def s3_follows_single_steps_only() -> None:
    """Take up a new size only if it is one more than the last one that was seen."""
    last: dict[tuple[str, str], int] = {}

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def next_to_grow(desired: Desired, observed: Observed) -> Any:
            racks = []
            for want in desired.racks:
                key = (desired.name, want.name)
                seen = last.get(key, want.replicas)
                if want.replicas in {seen, seen + 1}:
                    last[key] = seen = want.replicas
                racks.append(attrs.evolve(want, replicas=seen))
            return real(attrs.evolve(desired, racks=tuple(racks)), observed)

        return next_to_grow

    replace(create, "_next_to_grow", make)


def s4_believes_its_own_note() -> None:
    """Note that a rack grows, then grow it; and do not grow what the note says is growing."""

    def write(self: ClusterReconciler, key: Key, note: str | None) -> None:
        body = {"metadata": {"annotations": {"noted": note}}}
        self.client.merge_patch(kinds.CASSANDRA_CLUSTER, key.namespace, key.name, body)

    def make(real: Callable[..., None]) -> Callable[..., None]:
        def act(self: ClusterReconciler, key: Key, cluster: Any, seen: Any, done: list[str]) -> None:
            kept: list[Action] = []
            for action in seen.actions:
                if isinstance(action, ApplyStatefulSet):
                    note = f"{action.rack}:{action.replicas}"
                    live = self.client.get(kinds.CASSANDRA_CLUSTER, key.namespace, key.name)
                    if (live["metadata"].get("annotations") or {}).get("noted") == note:
                        continue
                    write(self, key, note)
                kept.append(action)
            real(self, key, cluster, attrs.evolve(seen, actions=tuple(kept)), done)
            if any(isinstance(action, ApplyStatefulSet) for action in kept):
                write(self, key, None)

        return act

    replace(ClusterReconciler, "_act", make)


# -- the planner


def grows_without_waiting() -> None:
    """Let racks grow while nodes are still on their way."""
    replace(create, "_unfinished", lambda _: lambda *_: iter(()))


def never_repairs() -> None:
    """Leave a pod that cannot start as it is, whatever the spec says by now."""
    replace(repair, "repair", lambda _: lambda *_: [])
    replace(roll, "_correction", lambda _: lambda *_: None)


def forgets_obstacles_only_on_restart() -> None:
    """Remember for ever that a Secret is missing: only a new process looks again."""
    known: dict[str, Any] = {}

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def of(self: Any, cluster: Any) -> Any:
            if cluster.metadata.uid not in known:
                known[cluster.metadata.uid] = real(self, cluster)
            return known[cluster.metadata.uid]

        return of

    replace(Logins, "of", make)


def applies_the_budget_always() -> None:
    """Write the shared objects at every look, needed or not; with a counter in an annotation."""

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def shared_objects(desired: Desired, observed: Observed) -> Any:
            blind = {k: attrs.evolve(v, hash=None) for k, v in observed.shared.items() if "Budget" in k}
            yield from real(desired, attrs.evolve(observed, shared={**observed.shared, **blind}))

        return shared_objects

    replace(shared, "shared_objects", make)

    def stamped(real: Callable[..., Written]) -> Callable[..., Written]:
        counted = iter(range(1_000_000))

        def call(self: Objects, action: ApplyObject, bodies: Bodies) -> Written:
            key = f"{action.kind}/{action.name}"
            body = dict(bodies.shared[key])
            marks = {**body["metadata"].get("annotations", {}), "count": str(next(counted))}
            body = {**body, "metadata": {**body["metadata"], "annotations": marks}}
            return real(self, action, attrs.evolve(bodies, shared={**bodies.shared, key: body}))

        return call

    replace(Objects, "__call__", stamped)


# -- status


def says_ready_too_early() -> None:
    """Say Ready as soon as nothing is planned to grow."""
    replace(conditions, "complete", lambda _: lambda *_: True)


def writes_status_of_the_past() -> None:
    """Write a status over whatever is there by now."""

    def make(_: Callable[..., str]) -> Callable[..., str]:
        def as_seen(self: Finisher, cluster: Any) -> str:
            live = self.client.get(kinds.CASSANDRA_CLUSTER, cluster.namespace, cluster.name)
            return str(live["metadata"]["resourceVersion"])

        return as_seen

    replace(Finisher, "_as_seen", make)


def writes_the_spec() -> None:
    """Write a default into the user's spec, as CassKop does."""
    replace(kube_client, "_spare_spec", lambda _: lambda *_: None)

    def make(real: Callable[..., None]) -> Callable[..., None]:
        def remember(self: ClusterReconciler, key: Key, obj: Any) -> None:
            body = {"spec": {"maxPodUnavailable": (obj.get("spec") or {}).get("maxPodUnavailable", 1)}}
            self.client.merge_patch(kinds.CASSANDRA_CLUSTER, key.namespace, key.name, body)
            real(self, key, obj)

        return remember

    replace(ClusterReconciler, "_remember", make)


# -- executors and machinery


def deletes_by_name() -> None:
    """Delete an object without saying which one is meant."""

    def make(real: Callable[..., None]) -> Callable[..., None]:
        def delete(self: KubeClient, *args: Any, **named: Any) -> None:
            named["uid"], named["resource_version"] = "unknown", None
            real(self, *args, **named)

        return delete

    replace(KubeClient, "delete", make)
    replace(kube_client, "_given", lambda _: lambda **_: {})


def restarts_without_proof() -> None:
    """Restart as many nodes of a rack as may be missing, and ask nobody who has which data."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def safe(turn: Turn, *_: Any) -> list[Action]:
            return [
                RestartPod(pod=pod.name, uid=pod.uid, why=turn.purpose) for pod in turn.offered[: turn.most]
            ]

        return safe

    replace(roll, "safe", make)


def rolls_past_nodes_that_are_down() -> None:
    """Look at nothing but the pods whose turn it is: neither at other racks nor at proofs."""
    replace(roll, "_others", lambda _: lambda *_, **__: ([], None, []))
    restarts_without_proof()


def writes_without_the_lease() -> None:
    """Go on writing when the fence says no."""

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Executor, action: Any, bodies: Bodies) -> Any:
            try:
                return real(self, action, bodies)
            except NotLeadingError:
                unfenced = KubeClient(self.pods.client._transport, fence=lambda: None)  # type: ignore[attr-defined] # noqa: SLF001 -- a bug on purpose
                for part in (self.objects, self.statefulsets, self.pods):
                    object.__setattr__(part, "client", unfenced)
                return real(self, action, bodies)

        return run

    replace(Executor, "run", make)


def forgets_who_joined() -> None:
    """Keep the record of members only in memory: who is away is forgotten."""
    replace(observe, "joined", lambda _: lambda *_: frozenset())
    replace(Objects, "_require_no_loss", lambda _: lambda *_: None)


def never_lists_again() -> None:
    """Take an expired watch for a broken one, and go on from where it was."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        return lambda **given: Failed(why="expired", seen=given.get("seen", ""))

    replace(reflector, "Expired", make)


def does_not_wait() -> None:
    """Try again at once, whatever the server said."""

    def make(_: Callable[..., float]) -> Callable[..., float]:
        def add_failed(self: WorkQueue[Any], key: Any, **_: Any) -> float:
            self.add_after(key, 0.001)
            return 0.0

        return add_failed

    replace(WorkQueue, "add_failed", make)


def takes_silence_for_yes() -> None:
    """Count a node that does not answer as a member that is well."""

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*args: Any, **named: Any) -> Any:
            answer = real(*args, **named)
            if not isinstance(answer, Silent):
                return answer
            return View(
                mode=Mode.NORMAL, native_transport=True, release_version="5.0.0", host_ids=_Everyone()
            )

        return ask

    replace(nodes, "ask", make)


class _Everyone(dict[str, str]):
    """Knows everybody."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return f"unknown-{key}"
