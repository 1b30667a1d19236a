"""
The scheduler: a node for each pod, or the reason why there is none, in the real one's words.

It knows node names, labels and taints, affinity and anti-affinity to pods, cordons, and volumes that
are bound to a node; not resources, priorities or preemption. The words are those of Kubernetes 1.34.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from e2e.simcontrollers import fit, objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.objects import CLAIMS, CLASSES, NODES, PODS, VOLUMES, Obj
from e2e.simcontrollers.peers import Peers
from e2e.simcontrollers.view import View
from e2e.simcontrollers.volumes import SELECTED_NODE, class_of, default_class
from e2e.simtime import Simulation

_PENDING = "pending"


class Scheduler:
    """Schedules all pods in *view*."""

    def __init__(self, client: Client, view: View, simulation: Simulation) -> None:
        self._client = client
        self._view = view
        self._simulation = simulation
        self._pending = view.index(PODS, _pending)
        self._peers = Peers(view)

    def step(self) -> None:
        """Bind what can be bound."""
        self._peers.renew()
        for pod in self._pending.find(_PENDING):
            self._schedule(pod)

    def _schedule(self, pod: Mapping[str, Any]) -> None:
        nodes = self._view.all(NODES)
        claims, why = self._claims(pod)
        if why is not None:
            # The last two words are the real one's: what it found when it looked for somebody to preempt.
            self._unschedulable(pod, f"0/{len(nodes)} nodes are available: {why}. not found")
            return
        by_name = {objects.name(node): node for node in nodes}
        refusals: dict[str, int] = {}
        candidates = []
        for node in nodes:
            reason = self._refused(pod, node, by_name, claims)
            if reason is None:
                candidates.append(node)
            else:
                refusals[reason] = refusals.get(reason, 0) + 1
        if not candidates:
            self._unschedulable(pod, _message(len(nodes), refusals))
            return
        node = min(candidates, key=lambda n: (self._score(pod, n, by_name), objects.name(n)))
        if self._bound(claims, node) and self._client.bind(pod, objects.name(node)).status < 300:
            self._peers.place(pod, objects.name(node))
            where = f"{objects.namespace(pod)}/{objects.name(pod)}"
            message = f"Successfully assigned {where} to {objects.name(node)}"
            self._client.event(PODS, pod, "Scheduled", message)

    def _claims(self, pod: Mapping[str, Any]) -> tuple[list[Obj], str | None]:
        """Return the claims that *pod* uses, or why it cannot be scheduled for their sake."""
        claims = []
        for volume in objects.spec(pod).get("volumes") or []:
            if "persistentVolumeClaim" not in volume:
                continue
            name = volume["persistentVolumeClaim"]["claimName"]
            claim = self._view.get(CLAIMS, objects.namespace(pod), name)
            if claim is None:
                return [], f'persistentvolumeclaim "{name}" not found'
            if objects.terminating(claim):
                return [], f'persistentvolumeclaim "{name}" is being deleted'
            if not objects.spec(claim).get("volumeName") and not self._waits(claim):
                return [], "pod has unbound immediate PersistentVolumeClaims"
            claims.append(claim)
        return claims, None

    def _waits(self, claim: Mapping[str, Any]) -> bool:
        """Return whether *claim* is bound once its pod has a node."""
        found = class_of(claim)
        # An empty class is none at all, and not the default.
        found = default_class(self._view) if found is None else found
        storage_class = self._view.get(CLASSES, "", found) if found else None
        mode = "Immediate" if storage_class is None else storage_class.get("volumeBindingMode")
        return bool(mode == "WaitForFirstConsumer")

    def _refused(
        self,
        pod: Mapping[str, Any],
        node: Mapping[str, Any],
        nodes: Mapping[str, Obj],
        claims: list[Obj],
    ) -> str | None:
        """Return why *pod* cannot run on *node*."""
        volumes = [
            volume
            for claim in claims
            if (volume := self._view.get(VOLUMES, "", str(objects.spec(claim).get("volumeName"))))
        ]
        pinned = [objects.annotations_of(claim).get(SELECTED_NODE) for claim in claims]
        return (
            fit.unschedulable(pod, node)
            or fit.untolerated(pod, node)
            or fit.unaffine(pod, node)
            or fit.volume_elsewhere(volumes, node)
            or fit.volume_promised_elsewhere(claims, pinned, node)
            or fit.crowded(pod, node, self._peers, nodes)
        )

    def _score(
        self, pod: Mapping[str, Any], node: Mapping[str, Any], nodes: Mapping[str, Obj]
    ) -> tuple[int, int]:
        """Return less for a better node: preferred spreading first, then the emptier one."""
        conflicts = fit.preferred_conflicts(pod, node, self._peers, nodes)
        return conflicts, self._peers.on(objects.name(node))

    def _bound(self, claims: list[Obj], node: Mapping[str, Any]) -> bool:
        """Return whether all claims are bound; tells those that wait which node it will be."""
        ready = True
        for claim in claims:
            if objects.status(claim).get("phase") == "Bound":
                continue
            ready = False
            if objects.annotations_of(claim).get(SELECTED_NODE) != objects.name(node):
                change = {"metadata": {"annotations": {SELECTED_NODE: objects.name(node)}}}
                self._client.patch(CLAIMS, claim, change)
        return ready

    def _unschedulable(self, pod: Mapping[str, Any], message: str) -> None:
        known = objects.condition(pod, "PodScheduled")
        if known is None or known.get("message") != message:
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": message,
                "lastTransitionTime": objects.timestamp(self._simulation.now),
            }
            old = objects.status(pod).get("conditions") or []
            conditions = objects.set_condition(old, condition)
            self._client.patch_status(PODS, pod, {"phase": "Pending", "conditions": conditions})
        self._client.event(PODS, pod, "FailedScheduling", message, warn=True)


def _pending(pod: Obj) -> Iterable[str]:
    """Return something for a pod that is to have a node."""
    return (_PENDING,) if not objects.spec(pod).get("nodeName") and not objects.terminating(pod) else ()


def _message(total: int, refusals: Mapping[str, int]) -> str:
    if not refusals:
        return "no nodes available to schedule pods"
    # Sorted as text, numbers included.
    reasons = ", ".join(sorted(f"{number} {reason}" for reason, number in refusals.items()))
    # Other pods could in principle make room for this one; nothing else that is in the way can.
    rivals = sum(number for reason, number in refusals.items() if "anti-affinity" in reason)
    return f"0/{total} nodes are available: {reasons}. {_hint(total - rivals, rivals)}"


def _hint(hopeless: int, rivals: int) -> str:
    parts = []
    if rivals:
        parts.append(f"{rivals} No preemption victims found for incoming pod")
    if hopeless or not rivals:
        parts.append(f"{hopeless} Preemption is not helpful for scheduling")
    total = hopeless + rivals
    return (
        f"no new claims to deallocate, preemption: 0/{total} nodes are available: {', '.join(sorted(parts))}."
    )
