"""
The StatefulSet controller: pods by ordinal, one revision after the other.

It follows the real one's order of steps, also where that hurts: with OrderedReady, a pod that does not
get ready stops creation, scale-down and rollout of its set, until somebody deletes that pod.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from e2e.simcontrollers import objects, revisions, set_pods
from e2e.simcontrollers.client import CONFLICT, CREATED, Client
from e2e.simcontrollers.due import Due
from e2e.simcontrollers.index import Index, Key, key_of
from e2e.simcontrollers.objects import CLAIMS, PODS, REVISIONS, SETS, Obj
from e2e.simcontrollers.revisions import Revisions
from e2e.simcontrollers.view import View
from e2e.simtime import Simulation


class StatefulSetController:
    """Looks after all StatefulSets in *view*; *look_in* asks for a step in so many seconds."""

    def __init__(
        self, client: Client, view: View, simulation: Simulation, look_in: Callable[[float], None]
    ) -> None:
        self._client = client
        self._view = view
        self._simulation = simulation
        self._look_in = look_in

        self._pods = view.index(PODS, set_pods.by_set)
        self._due = Due()
        view.listen(SETS, self._told(lambda found: (key_of(found),)))
        view.listen(PODS, self._told(set_pods.by_set))
        view.listen(REVISIONS, self._told(revisions.sets_of))
        view.listen(CLAIMS, self._told(set_pods.sets_of_claim))
        self._history = view.index(REVISIONS, revisions.by_owner)

    def step(self) -> None:
        """Take the next step of every StatefulSet that may have one."""
        self._due.each(self._look)

    def _told(self, sets_of: Callable[[Obj], Iterable[Key]]) -> Callable[[Obj | None, Obj | None], None]:
        """Return a listener for objects that concern the StatefulSets *sets_of* them."""

        def told(old: Obj | None, new: Obj | None) -> None:
            for obj in (old, new):
                for key in sets_of(obj) if obj is not None else ():
                    self._due.add(key)

        return told

    def _look(self, key: Key) -> bool:
        """Take the next step of one; whether it has none, before something changes."""
        found = self._view.get(SETS, *key)
        if found is None:
            return True
        calls, now = self._client.calls, self._simulation.now
        sync = _Sync(self._client, self._view, found, now=now, pods=self._pods, history=self._history)
        due = sync.run()
        if due is not None:
            self._look_in(due - now)
        return due is None and self._client.calls == calls


@attrs.define(kw_only=True)
class _Counts:
    """The figures of the status."""

    replicas: int = 0
    ready: int = 0
    available: int = 0
    current: int = 0
    updated: int = 0


class _Sync:
    """One look at one StatefulSet."""

    def __init__(  # noqa: PLR0913 -- what it looks at, and where
        self,
        client: Client,
        view: View,
        found: Mapping[str, Any],
        *,
        now: float,
        pods: Index,
        history: Index,
    ) -> None:
        self._client = client
        self._view = view
        self._set = found
        self._of_sets = pods
        self._history = history
        self._now = now
        spec = objects.spec(found)
        start = int((spec.get("ordinals") or {}).get("start") or 0)
        replicas = spec.get("replicas")
        self._ordinals = range(start, start + (1 if replicas is None else int(replicas)))
        self._ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        strategy = spec.get("updateStrategy") or {}
        self._rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
        rolling = strategy.get("rollingUpdate") or {}
        self._partition = int(rolling.get("partition") or 0) if self._rolling else 0
        self._min_ready = int(spec.get("minReadySeconds") or 0)

    def run(self) -> float | None:
        """Take the next step, report, and return the instant of the next look if time alone brings it."""
        known = revisions.find(self._client, self._history, self._set)
        pods = self._pods()
        counts = self._count(pods, known)
        if not objects.terminating(self._set):
            self._act(pods, known, counts)
        self._report(known, counts)
        used = [set_pods.revision_of(pod) for pod in pods.values()]
        revisions.truncate(self._client, self._history, self._set, known, used)
        return self._next_available(pods)

    def _pods(self) -> dict[int, Obj]:
        """Return its pods by ordinal; takes over those that fit and have no owner."""
        pods = {}
        selector = objects.spec(self._set).get("selector")
        for pod in self._of_sets.find(key_of(self._set)):
            ordinal = set_pods.ordinal_of(self._set, pod)
            if ordinal is None:
                continue
            owner = objects.controller_uid(pod)
            if owner is None and objects.matches(selector, objects.labels(pod)):
                if objects.terminating(pod) or objects.terminating(self._set):
                    continue
                reference = objects.owner_reference(SETS, self._set)
                self._client.patch(PODS, pod, {"metadata": {"ownerReferences": [reference]}})
            elif owner != objects.uid(self._set):
                continue
            pods[ordinal] = pod
        return pods

    def _count(self, pods: Mapping[int, Obj], known: Revisions) -> _Counts:
        counts = _Counts()
        for pod in pods.values():
            counts.replicas += 1
            counts.ready += objects.ready(pod)
            counts.available += self._available(pod)
            if not objects.terminating(pod):
                counts.current += set_pods.revision_of(pod) == known.current
                counts.updated += set_pods.revision_of(pod) == known.update
        return counts

    def _available(self, pod: Mapping[str, Any]) -> bool:
        if not objects.ready(pod):
            return False
        return self._now >= _ready_since(pod) + self._min_ready

    def _next_available(self, pods: Mapping[int, Obj]) -> float | None:
        """Return the instant at which the next pod has been ready for long enough."""
        waiting = [p for p in pods.values() if objects.ready(p) and not self._available(p)]
        return min((_ready_since(pod) + self._min_ready for pod in waiting), default=None)

    def _act(self, pods: Mapping[int, Obj], known: Revisions, counts: _Counts) -> None:
        if not self._replicate(pods, known, counts):
            return
        condemned = sorted((o for o in pods if o not in self._ordinals), reverse=True)
        if not self._condemn([pods[o] for o in condemned], counts):
            return
        if self._rolling:
            self._roll(pods, known, counts)

    def _replicate(self, pods: Mapping[int, Obj], known: Revisions, counts: _Counts) -> bool:
        """Make the pods that are wanted; False if the rest has to wait."""
        for ordinal in self._ordinals:
            pod = pods.get(ordinal)
            if pod is not None and objects.status(pod).get("phase") in {"Failed", "Succeeded"}:
                if not objects.terminating(pod):
                    self._delete(pod, "RecreatingFailedPod", warn=True)
                pod_is_there = False
            else:
                pod_is_there = pod is not None
            if pod is None:
                if self._create(ordinal, known, counts) and not self._ordered:
                    continue
                if self._ordered:
                    return False
                continue
            if objects.status(pod).get("phase", "Pending") == "Pending":
                self._claim(ordinal)
            if self._ordered and (not pod_is_there or objects.terminating(pod) or not self._available(pod)):
                return False
        return True

    def _condemn(self, condemned: Sequence[Obj], counts: _Counts) -> bool:
        """Delete the pods beyond the wanted number, the last one first."""
        unhealthy = [p for p in reversed(condemned) if not self._healthy(p)]
        first = unhealthy[0] if unhealthy else None
        for pod in condemned:
            if objects.terminating(pod):
                if self._ordered:
                    return False
                continue
            if self._ordered and not self._available(pod) and pod is not first:
                return False
            self._delete(pod, "SuccessfulDelete")
            counts.current -= set_pods.revision_of(pod) == objects.status(self._set).get("currentRevision")
            if self._ordered:
                return False
        return True

    def _roll(self, pods: Mapping[int, Obj], known: Revisions, counts: _Counts) -> None:
        """Replace the last pod that is not of the newest revision, if those after it are healthy."""
        for ordinal in reversed(self._ordinals):
            if ordinal < self._ordinals.start + self._partition or ordinal not in pods:
                return
            pod = pods[ordinal]
            if set_pods.revision_of(pod) != known.update and not objects.terminating(pod):
                self._delete(pod, "SuccessfulDelete")
                counts.current -= set_pods.revision_of(pod) == known.current
                return
            if not self._healthy(pod):
                return

    def _healthy(self, pod: Mapping[str, Any]) -> bool:
        return objects.ready(pod) and not objects.terminating(pod)

    def _create(self, ordinal: int, known: Revisions, counts: _Counts) -> bool:
        revision = known.update if self._new_revision(ordinal) else known.current
        pod = set_pods.make_pod(self._set, known.templates[revision], ordinal=ordinal, revision=revision)
        name = objects.name(self._set)
        why = self._claim(ordinal)
        if why is None:
            answer = self._client.create(PODS, pod)
            if answer.status == CONFLICT:
                # A pod of that name that is not ours: the real one says nothing about it either.
                return False
            if answer.status != CREATED:
                why = str((answer.body or {}).get("message", answer.status))
        if why is not None:
            message = f"create Pod {objects.name(pod)} in StatefulSet {name} failed error: {why}"
            self._client.event(SETS, self._set, "FailedCreate", message, warn=True)
            return False
        counts.replicas += 1
        counts.current += revision == known.current
        counts.updated += revision == known.update
        message = f"create Pod {objects.name(pod)} in StatefulSet {name} successful"
        self._client.event(SETS, self._set, "SuccessfulCreate", message)
        return True

    def _new_revision(self, ordinal: int) -> bool:
        """Return whether a pod made now is to be of the newest revision."""
        rolling = (objects.spec(self._set).get("updateStrategy") or {}).get("rollingUpdate")
        if not self._rolling:
            return True
        if rolling is None:
            current = int(objects.status(self._set).get("currentReplicas") or 0)
            return ordinal >= self._ordinals.start + current
        return ordinal >= self._ordinals.start + self._partition

    def _claim(self, ordinal: int) -> str | None:
        """Make the claims that are missing; return why one cannot be had."""
        for claim in set_pods.make_claims(self._set, ordinal):
            there = self._view.get(CLAIMS, objects.namespace(claim), objects.name(claim))
            if there is not None:
                if objects.terminating(there):
                    return f"pvc {objects.name(claim)} is being deleted"
                continue
            answer = self._client.create(CLAIMS, claim)
            if answer.status == CREATED:
                message = (
                    f"create Claim {objects.name(claim)} Pod {objects.name(self._set)}-{ordinal} "
                    f"in StatefulSet {objects.name(self._set)} success"
                )
                self._client.event(SETS, self._set, "SuccessfulCreate", message)
            elif answer.status != CONFLICT:
                return str((answer.body or {}).get("message", answer.status))
        return None

    def _delete(self, pod: Mapping[str, Any], reason: str, *, warn: bool = False) -> None:
        self._client.delete(PODS, pod)
        name = objects.name(self._set)
        message = f"delete Pod {objects.name(pod)} in StatefulSet {name} successful"
        if warn:
            message = (
                f"StatefulSet {objects.namespace(pod)}/{name} is recreating failed Pod {objects.name(pod)}"
            )
        self._client.event(SETS, self._set, reason, message, warn=warn)

    def _report(self, known: Revisions, counts: _Counts) -> None:
        """Write the status if it changed."""
        wanted = len(self._ordinals)
        current = known.current
        done = counts.updated == counts.ready == counts.replicas == wanted
        if self._rolling and done and current != known.update:
            current, counts.current = known.update, counts.updated
        status = {
            "observedGeneration": objects.meta(self._set).get("generation"),
            "replicas": counts.replicas,
            "readyReplicas": counts.ready,
            "availableReplicas": counts.available,
            "currentReplicas": counts.current,
            "updatedReplicas": counts.updated,
            "currentRevision": current,
            "updateRevision": known.update,
            "collisionCount": 0,
        }
        old = objects.status(self._set)
        # A figure of zero is left out of what the server shows.
        if any((old.get(key) or 0) != (value or 0) for key, value in status.items()):
            self._client.patch_status(SETS, self._set, status)


def _ready_since(pod: Mapping[str, Any]) -> float:
    found = objects.condition(pod, "Ready") or {}
    return objects.seconds(found["lastTransitionTime"]) if "lastTransitionTime" in found else 0.0
