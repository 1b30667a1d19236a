"""
The kubelets of all nodes: they run the pods that are bound to them.

A node can be cut off or lose its power. Its kubelet then says nothing; whether the containers live on is
the difference between the two.
"""

from __future__ import annotations

from e2e.simcontrollers import objects
from e2e.simcontrollers.objects import PODS, Obj
from e2e.simcontrollers.podfound import FoundPod
from e2e.simcontrollers.podrun import Host, PodRun


class Kubelets:
    """Runs all pods in the view that have a node, with *host*'s means."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._runs: dict[str, PodRun] = {}
        # Nodes that do not answer; True: without power.
        self._lost: dict[str, bool] = {}

    def step(self) -> None:
        """Start new pods, stop those that are to be deleted, forget those that are gone."""
        seen = set()
        for pod in self._host.view.all(PODS):
            node, uid = objects.spec(pod).get("nodeName"), objects.uid(pod)
            if not node:
                continue
            seen.add(uid)
            if node in self._lost:
                continue
            run = self._runs.get(uid)
            if run is None:
                if objects.terminating(pod) and not objects.status(pod).get("startTime"):
                    # It never ran here.
                    self._host.client.delete(PODS, pod, grace=0)
                    continue
                self._runs[uid] = run = PodRun(self._host, pod, lambda u=uid: self._forget(u))  # type: ignore[misc]  # mypy cannot infer defaults
            run.update(pod)
        for uid, run in list(self._runs.items()):
            if uid not in seen and run.node not in self._lost:
                run.stop_at_once()
                del self._runs[uid]

    def go_on(self, pod: Obj) -> None:
        """Take over *pod*, which was found running on its node; the view has to know it."""
        uid = objects.uid(pod)
        self._runs[uid] = FoundPod(self._host, pod, lambda: self._forget(uid))

    def cut_off(self, node: str) -> None:
        """Separate *node* from the API server; its containers run on."""
        self._lost[node] = False
        for run in self._on(node):
            run.silence()

    def power_off(self, node: str) -> None:
        """Take *node*'s power away."""
        self._lost[node] = True
        for run in self._on(node):
            run.power_off()

    def bring_back(self, node: str) -> None:
        """Let *node* answer again, with its containers started anew if it had lost its power."""
        powered_off = self._lost.pop(node, None)
        present = {objects.uid(pod) for pod in self._host.view.all(PODS)}
        for uid, run in [(u, r) for u, r in self._runs.items() if r.node == node]:
            if uid not in present:
                run.stop_at_once()
                del self._runs[uid]
            elif powered_off:
                run.power_on()
            else:
                run.speak()

    def lost(self, node: str) -> bool:
        """Return whether *node* does not answer."""
        return node in self._lost

    def _on(self, node: str) -> list[PodRun]:
        return [run for run in self._runs.values() if run.node == node]

    def _forget(self, uid: str) -> None:
        self._runs.pop(uid, None)
