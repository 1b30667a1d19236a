"""The disruption controller: how many pods of a PodDisruptionBudget may be evicted now."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
import math
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.due import Due
from e2e.simcontrollers.index import By, Key, by_label, by_uid, key_of, narrowest, selected
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
        self._pods = view.index(PODS, by_label)
        self._sets = view.index(SETS, by_uid)
        self._due = Due()
        # Under which values of the two indexes each budget last looked, and which budgets did so.
        self._looked: dict[Key, tuple[Hashable, ...]] = {}
        self._concerned: dict[Hashable, set[Key]] = {}
        view.listen(BUDGETS, self._changed)
        view.listen(PODS, self._told(by_label))
        view.listen(SETS, self._told(by_uid))

    def step(self) -> None:
        """Bring every status up to date that may not be."""
        self._due.each(self._look)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        for budget in (old, new):
            if budget is not None:
                self._due.add(key_of(budget))

    def _told(self, by: By) -> Callable[[Obj | None, Obj | None], None]:
        """Return a listener for what budgets look at under the values of *by*."""

        def told(old: Obj | None, new: Obj | None) -> None:
            for obj in (old, new):
                for value in by(obj) if obj is not None else ():
                    for key in self._concerned.get(value, ()):
                        self._due.add(key)

        return told

    def _look(self, key: Key) -> bool:
        """Bring one status up to date; whether it is, before something changes."""
        for value in self._looked.pop(key, ()):
            self._concerned[value].discard(key)
            if not self._concerned[value]:
                del self._concerned[value]
        budget = self._view.get(BUDGETS, *key)
        if budget is None:
            return True
        calls = self._client.calls
        waits = self._sync(budget)
        return not waits and self._client.calls == calls

    def _sync(self, budget: Mapping[str, Any]) -> bool:
        """Bring the status of *budget* up to date; whether time alone will change it."""
        selector, where = objects.spec(budget).get("selector"), objects.namespace(budget)
        pods = selected(self._pods, where, selector)
        owners = dict.fromkeys(filter(None, map(objects.controller_uid, pods)))
        self._note(key_of(budget), (narrowest(self._pods, where, selector), *owners))
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
        return bool(disrupted)

    def _note(self, key: Key, values: tuple[Hashable, ...]) -> None:
        """Note that the budget *key* hangs on what is found under *values*."""
        self._looked[key] = values
        for value in values:
            self._concerned.setdefault(value, set()).add(key)

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
                for owner in owners
                for found in self._sets.find(owner)
                if objects.namespace(found) == objects.namespace(budget)
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
