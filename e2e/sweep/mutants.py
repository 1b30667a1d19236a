"""
Planted bugs: each must be caught by some plan, or the sweep proves nothing.

A mutant changes the operator's code in a process of its own, at run time; then the stories that concern it
are swept until the first plan that fails. The first four are Sieve's bugs of CassKop, as far as the
operation exists: S1 a deletion by name, S2 a disruption budget of the past, S3 a state that was never
seen, S4 a crash between the act and the note of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
import os
from typing import Any, Final

import attrs

from controller.cassandra import node as nodes
from controller.domain import conditions
from controller.domain.actions import Action, ApplyObject, ApplyStatefulSet
from controller.domain.desired import Desired
from controller.domain.errors import NotLeadingError, OperatorError
from controller.domain.observed import Observed
from controller.domain.plan import create, repair, shared
from controller.domain.ring import Mode, Ring, Silent, View
from controller.executors.base import Bodies, Executor, Written
from controller.executors.objects import Objects
from controller.executors.pods import Pods
from controller.kube import client as kube_client
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile import cluster as reconcile_cluster
from controller.reconcile import observe
from controller.reconcile.cluster import ClusterReconciler
from controller.reconcile.finish import Finisher
from controller.reconcile.stores import BY_CLUSTER
from controller.runtime import reflector
from controller.runtime.list_watch import Failed
from controller.runtime.queue import WorkQueue
from controller.runtime.store import Key
from controller.runtime.workers import Result
from e2e.sweep.explore import Explorer
from e2e.sweep.run import replay
from e2e.sweep.stories import BY_NAME

Patch = Callable[[], None]



@attrs.frozen(kw_only=True)
class Mutant:
    """A bug that *plant* puts in; *stories* are those in which it can show."""

    name: str
    about: str
    plant: Patch
    stories: tuple[str, ...]


def _replace(owner: object, name: str, make: Callable[[Any], Any]) -> None:
    """Put what *make* makes of it in the place of an attribute, which must be there."""
    setattr(owner, name, make(getattr(owner, name)))


# -- Sieve's four


def _s1_deletes_volumes_by_name() -> None:
    """Take a deletion that the store shows for one of the cluster that has the name now."""

    def make(real: Callable[..., Result]) -> Callable[..., Result]:
        def reconcile(self: ClusterReconciler, key: Key) -> Result:
            obj = self.stores.clusters.get(key)
            if obj is not None and obj["metadata"].get("deletionTimestamp"):
                for claim in self.stores.claims.find(BY_CLUSTER, key):
                    details = claim["metadata"]
                    kind = kinds.PERSISTENT_VOLUME_CLAIM
                    self.client.delete(kind, key.namespace, details["name"], uid=details["uid"])
            return real(self, key)

        return reconcile

    _replace(ClusterReconciler, "reconcile", make)


def _s2_makes_the_budget_anew() -> None:
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

    _replace(Objects, "__call__", make)


def _s3_follows_single_steps_only() -> None:
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

    _replace(create, "_next_to_grow", make)


def _s4_believes_its_own_note() -> None:
    """Note in status that a rack grows, then grow it; and do not grow what the note says is growing."""

    def make(real: Callable[..., None]) -> Callable[..., None]:
        def act(self: ClusterReconciler, key: Key, cluster: Any, seen: Any, done: list[str]) -> None:
            kept: list[Action] = []
            for action in seen.actions:
                if isinstance(action, ApplyStatefulSet):
                    note = f"{action.rack}:{action.replicas}"
                    live = self.client.get(kinds.CASSANDRA_CLUSTER, key.namespace, key.name)
                    if (live["metadata"].get("annotations") or {}).get("noted") == note:
                        continue
                    body = {"metadata": {"annotations": {"noted": note}}}
                    self.client.merge_patch(kinds.CASSANDRA_CLUSTER, key.namespace, key.name, body)
                kept.append(action)
            real(self, key, cluster, attrs.evolve(seen, actions=tuple(kept)), done)

        return act

    _replace(ClusterReconciler, "_act", make)


# -- the planner


def _grows_without_waiting() -> None:
    """Let racks grow while nodes are still on their way."""
    _replace(create, "_unfinished", lambda _: lambda *_: iter(()))


def _asks_nobody_whether_a_node_joined() -> None:
    """Take a node's own word, its peers may not know it yet."""

    def make(_: Callable[..., str | None]) -> Callable[..., str | None]:
        def not_joined(self: Ring, pod: str, ip: str) -> str | None:  # noqa: ARG001 -- the seam's form
            own = self.answers.get(pod)
            return None if isinstance(own, View) else f"{pod} does not answer"

        return not_joined

    _replace(Ring, "not_joined", make)
    _replace(Ring, "on_the_move", lambda _: lambda _: None)


def _never_repairs() -> None:
    """Leave a pod that cannot start as it is, whatever the spec says by now."""
    _replace(repair, "repair", lambda _: lambda *_: [])


def _forgets_obstacles_only_on_restart() -> None:
    """Remember for ever that a Secret is missing: only a new process looks again."""
    known: dict[str, Any] = {}

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def of(self: Any, cluster: Any) -> Any:
            if cluster.metadata.uid not in known:
                known[cluster.metadata.uid] = real(self, cluster)
            return known[cluster.metadata.uid]

        return of

    _replace(observe.Logins, "of", make)


def _applies_the_budget_always() -> None:
    """Write the shared objects at every look, needed or not; with a counter in an annotation."""

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def shared_objects(desired: Desired, observed: Observed) -> Any:
            blind = {k: attrs.evolve(v, hash=None) for k, v in observed.shared.items() if "Budget" in k}
            yield from real(desired, attrs.evolve(observed, shared={**observed.shared, **blind}))

        return shared_objects

    _replace(shared, "shared_objects", make)

    def stamped(real: Callable[..., Written]) -> Callable[..., Written]:
        counted = iter(range(1_000_000))

        def call(self: Objects, action: ApplyObject, bodies: Bodies) -> Written:
            key = f"{action.kind}/{action.name}"
            body = dict(bodies.shared[key])
            marks = {**body["metadata"].get("annotations", {}), "count": str(next(counted))}
            body = {**body, "metadata": {**body["metadata"], "annotations": marks}}
            return real(self, action, attrs.evolve(bodies, shared={**bodies.shared, key: body}))

        return call

    _replace(Objects, "__call__", stamped)


# -- status


def _says_ready_too_early() -> None:
    """Say Ready as soon as nothing is planned to grow."""
    _replace(conditions, "complete", lambda _: lambda *_: True)


def _writes_status_of_the_past() -> None:
    """Write a status over whatever is there by now."""

    def make(_: Callable[..., str]) -> Callable[..., str]:
        def as_seen(self: Finisher, cluster: Any) -> str:
            live = self.client.get(kinds.CASSANDRA_CLUSTER, cluster.namespace, cluster.name)
            return str(live["metadata"]["resourceVersion"])

        return as_seen

    _replace(Finisher, "_as_seen", make)


def _writes_the_spec() -> None:
    """Write a default into the user's spec, as CassKop does."""
    _replace(kube_client, "_spare_spec", lambda _: lambda *_: None)

    def make(real: Callable[..., None]) -> Callable[..., None]:
        def remember(self: ClusterReconciler, key: Key, obj: Any) -> None:
            body = {"spec": {"maxPodUnavailable": (obj.get("spec") or {}).get("maxPodUnavailable", 1)}}
            self.client.merge_patch(kinds.CASSANDRA_CLUSTER, key.namespace, key.name, body)
            real(self, key, obj)

        return remember

    _replace(ClusterReconciler, "_remember", make)


# -- executors and machinery


def _deletes_pods_by_name() -> None:
    """Delete a pod without saying which one is meant."""

    def make(real: Callable[..., None]) -> Callable[..., None]:
        def delete(self: KubeClient, *args: Any, **named: Any) -> None:
            named["uid"], named["resource_version"] = "unknown", None
            real(self, *args, **named)

        return delete

    _replace(KubeClient, "delete", make)
    _replace(kube_client, "_given", lambda _: lambda **_: {})


def _restarts_without_proof() -> None:
    """Delete pods of old templates at once, all of them, running or not."""

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def plan(desired: Desired, observed: Observed) -> Any:
            from controller.domain.actions import RestartPod  # noqa: PLC0415 -- of this mutant alone

            actions = list(real(desired, observed))
            for rack in observed.racks.values():
                newest = rack.statefulset.update_revision if rack.statefulset is not None else None
                actions += [
                    RestartPod(pod=pod.name, uid=pod.uid, why="it is old")
                    for pod in rack.pods
                    if newest is not None and pod.revision != newest and not pod.terminating
                ]
            return tuple(actions)

        return plan

    _replace(reconcile_cluster, "plan", make)


def _writes_without_the_lease() -> None:
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

    _replace(Executor, "run", make)


def _forgets_who_joined() -> None:
    """Keep the record of members only in memory: who is away is forgotten."""
    _replace(observe, "joined", lambda _: lambda *_: frozenset())
    from controller.executors import objects  # noqa: PLC0415 -- of this mutant alone

    _replace(objects, "_require_no_loss", lambda _: lambda *_: None)


def _never_lists_again() -> None:
    """Take an expired watch for a broken one, and go on from where it was."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        return lambda **given: Failed(why="expired", seen=given.get("seen", ""))

    _replace(reflector, "Expired", make)


def _does_not_wait() -> None:
    """Try again at once, whatever the server said."""

    def make(_: Callable[..., float]) -> Callable[..., float]:
        def add_failed(self: WorkQueue[Any], key: Any, **_: Any) -> float:
            self.add_after(key, 0.001)
            return 0.0

        return add_failed

    _replace(WorkQueue, "add_failed", make)


def _takes_silence_for_yes() -> None:
    """Count a node that does not answer as a member that is well."""

    def make(real: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*args: Any, **named: Any) -> Any:
            answer = real(*args, **named)
            if not isinstance(answer, Silent):
                return answer
            return View(mode=Mode.NORMAL, native_transport=True, release_version="5.0.0", host_ids=_Everyone())

        return ask

    _replace(nodes, "ask", make)


class _Everyone(dict[str, str]):
    """Knows everybody."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return f"unknown-{key}"


MUTANTS: Final = (
    Mutant(
        name="s1-deletes-volumes-by-name",
        about="S1: volumes of a deleted cluster's name are deleted",
        plant=_s1_deletes_volumes_by_name,
        stories=("again", "delete"),
    ),
    Mutant(
        name="s2-budget-made-anew",
        about="S2: the disruption budget is deleted and made again",
        plant=_s2_makes_the_budget_anew,
        stories=("budget",),
    ),
    Mutant(
        name="s3-single-steps-only",
        about="S3: a size that was never seen stands in the way of the next",
        plant=_s3_follows_single_steps_only,
        stories=("steps",),
    ),
    Mutant(
        name="s4-believes-its-own-note",
        about="S4: after a crash between note and act, nothing is ever done",
        plant=_s4_believes_its_own_note,
        stories=("secret", "pair"),
    ),
    Mutant(
        name="grows-without-waiting",
        about="racks grow while nodes join",
        plant=_grows_without_waiting,
        stories=("create",),
    ),
    Mutant(
        name="asks-no-peers",
        about="a node's own word makes it a member",
        plant=_asks_nobody_whether_a_node_joined,
        stories=("pair", "create"),
    ),
    Mutant(
        name="never-repairs",
        about="a pod that cannot start is not made again",
        plant=_never_repairs,
        stories=("image",),
    ),
    Mutant(
        name="remembers-obstacles",
        about="a Secret that was missing is not looked for again",
        plant=_forgets_obstacles_only_on_restart,
        stories=("secret",),
    ),
    Mutant(
        name="never-quiet",
        about="an object is written at every look",
        plant=_applies_the_budget_always,
        stories=("budget",),
    ),
    Mutant(
        name="ready-too-early",
        about="status says Ready before all nodes serve",
        plant=_says_ready_too_early,
        stories=("create",),
    ),
    Mutant(
        name="status-of-the-past",
        about="a stale status overwrites a newer one",
        plant=_writes_status_of_the_past,
        stories=("budget",),
    ),
    Mutant(
        name="writes-spec",
        about="a default is written into the spec",
        plant=_writes_the_spec,
        stories=("secret",),
    ),
    Mutant(
        name="deletes-pods-by-name",
        about="a pod is deleted without preconditions",
        plant=_deletes_pods_by_name,
        stories=("image",),
    ),
    Mutant(
        name="restarts-without-proof",
        about="all pods of an old template are restarted at once",
        plant=_restarts_without_proof,
        stories=("roll",),
    ),
    Mutant(
        name="writes-without-lease",
        about="the fence is not heeded",
        plant=_writes_without_the_lease,
        stories=("secret",),
    ),
    Mutant(
        name="forgets-who-joined",
        about="the record of members is made from who is there now",
        plant=_forgets_who_joined,
        stories=("pod", "node"),
    ),
    Mutant(
        name="never-lists-again",
        about="an expired watch is not followed by a list",
        plant=_never_lists_again,
        stories=("secret", "pair"),
    ),
    Mutant(
        name="does-not-wait",
        about="a failed reconcile is tried again at once",
        plant=_does_not_wait,
        stories=("secret",),
    ),
    Mutant(
        name="silence-is-yes",
        about="a node that does not answer counts as well",
        plant=_takes_silence_for_yes,
        stories=("secret", "pair", "node"),
    ),
)


def run(names: Sequence[str] | None, *, jobs: int) -> int:
    """Sweep each mutant until it is caught, print by what, and return 1 if one survives."""
    references = {name: None for mutant in MUTANTS for name in mutant.stories}
    ends = {name: replay(BY_NAME[name], None, reference=None).end for name in references}
    survivors = 0
    for mutant in MUTANTS:
        if names and mutant.name not in names:
            continue
        caught = _in_a_process(lambda mutant=mutant: _caught_by(mutant, ends, jobs))  # type: ignore[misc]  # mypy cannot infer defaults
        if caught is None:
            survivors += 1
            print(f"SURVIVES  {mutant.name}: {mutant.about}", flush=True)
        else:
            plan, text = caught
            print(f"caught    {mutant.name}: {mutant.about}\n    by {plan}: {text}", flush=True)
    print(f"{survivors} planted bugs SURVIVE" if survivors else "every planted bug is caught")
    return 1 if survivors else 0


def _caught_by(mutant: Mutant, ends: dict[str, Any], jobs: int) -> tuple[str, str] | None:
    """Plant the bug in this process, and return the first plan that fails with its problem."""
    mutant.plant()
    for name in mutant.stories:
        found = Explorer(BY_NAME[name], jobs=jobs, reference=ends[name], enough=True).explore()
        for problem in found.problems():
            return problem
    return None


def _in_a_process(work: Callable[[], Any]) -> Any:  # noqa: ANN401 -- JSON
    """Return what *work* returns, as JSON, in a process that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise RuntimeError("the mutant's process died")
    return json.loads(data)
