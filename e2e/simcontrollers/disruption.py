"""The disruption controller: how many pods of a PodDisruptionBudget may be evicted now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.objects import BUDGETS, PODS, SETS, Obj
from e2e.simcontrollers.view import View
from e2e.simtime import Simulation

# A pod that was evicted and is not being deleted after so many seconds counts as healthy again.
_EVICTED = 120.0


class DisruptionController:
    """Keeps the status of all PodDisruptionBudgets in *view*; *look_in* asks for a step in some seconds."""

    def __init__(
        self, client: Client, view: View, simulation: Simulation, look_in: Callable[[float], None]
    ) -> None:
        self._client = client
        self._view = view
        self._simulation = simulation
        self._look_in = look_in

    def step(self) -> None:
        """Bring every status up to date."""
        for budget in self._view.all(BUDGETS):
            self._sync(budget)

    def _sync(self, budget: Mapping[str, Any]) -> None:
        selector = objects.spec(budget).get("selector")
        pods = [
            pod
            for pod in self._view.all(PODS, objects.namespace(budget))
            if objects.matches(selector, objects.labels(pod))
        ]
        marked = objects.status(budget).get("disruptedPods") or {}
        disrupted = self._going(marked, pods)
        healthy = sum(
            objects.holds(pod, "Ready")
            and not objects.terminating(pod)
            and objects.name(pod) not in disrupted
            for pod in pods
        )
        expected, desired = self._wanted(budget, pods)
        allowed = max(0, healthy - desired) if expected > 0 else 0
        status = {
            "observedGeneration": objects.meta(budget).get("generation"),
            "expectedPods": expected,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
        }
        old = objects.status(budget)
        gone = sorted(marked.keys() - disrupted)
        if gone or any(old.get(key) != value for key, value in status.items()):
            # Null in a merge patch: the mark goes.
            forgotten = {"disruptedPods": dict.fromkeys(gone)} if gone else {}
            when = objects.timestamp(self._simulation.now)
            condition = _condition(budget, allowed, when)
            conditions = objects.set_condition(old.get("conditions") or [], condition)
            self._client.patch_status(BUDGETS, budget, {**status, **forgotten, "conditions": conditions})

    def _going(self, marked: Mapping[str, str], pods: list[Obj]) -> set[str]:
        """Return the names in *marked* whose pod was evicted and is not yet seen to be deleted."""
        going = set()
        for pod in pods:
            since = marked.get(objects.name(pod))
            if since is None or objects.terminating(pod):
                continue
            left = objects.seconds(since) + _EVICTED - self._simulation.now
            if left > 0:
                going.add(objects.name(pod))
                self._look_in(left)
        return going

    def _wanted(self, budget: Mapping[str, Any], pods: list[Obj]) -> tuple[int, int]:
        """Return the number of pods that there should be, and how many of them healthy."""
        spec = objects.spec(budget)
        if spec.get("maxUnavailable") is not None:
            # Counted by what the owners want, not by what there is: a missing pod is unavailable.
            owners = {objects.controller_uid(pod) for pod in pods}
            expected = sum(
                int(objects.spec(found).get("replicas") or 0)
                for found in self._view.all(SETS, objects.namespace(budget))
                if objects.uid(found) in owners
            )
            return expected, max(0, expected - _number(spec["maxUnavailable"], expected))
        return len(pods), _number(spec.get("minAvailable") or 0, len(pods))


def _number(value: object, total: int) -> int:
    text = str(value)
    return math.ceil(total * int(text[:-1]) / 100) if text.endswith("%") else int(text)


def _condition(budget: Mapping[str, Any], allowed: int, when: str) -> Obj:
    return {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "lastTransitionTime": when,
        "observedGeneration": objects.meta(budget).get("generation"),
    }
