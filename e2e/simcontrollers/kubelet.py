"""
The kubelets of all nodes: they run the pods that are bound to them.

A node can be cut off or lose its power. Its kubelet then says nothing; whether the containers live on is
the difference between the two.
"""

from __future__ import annotations

from e2e.simcontrollers import objects
from e2e.simcontrollers.due import Due
from e2e.simcontrollers.index import Key, by_node, key_of
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

        self._due = Due()
        # Uids of pods that the view showed, and does not any more.
        self._gone: set[str] = set()
        host.view.listen(PODS, self._told)

    def step(self) -> None:
        """Start new pods, stop those that are to be deleted, forget those that are gone."""
        self._due.each(self._look)
        gone = self._gone & self._runs.keys()
        for uid in [uid for uid in self._runs if uid in gone] if gone else ():
            if self._runs[uid].node not in self._lost:
                self._runs.pop(uid).stop_at_once()
        self._gone.clear()

    def _told(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._due.add(key_of(new))
        if old is not None and (new is None or objects.uid(new) != objects.uid(old)):
            self._gone.add(objects.uid(old))

    def _look(self, key: Key) -> bool:
        """Do what one pod needs; whether nothing is left to do before it changes."""
        pod = self._host.view.get(PODS, *key)
        node = None if pod is None else objects.spec(pod).get("nodeName")
        if pod is None or not node or node in self._lost:
            return True
        uid = objects.uid(pod)
        run = self._runs.get(uid)
        if run is None:
            if objects.terminating(pod) and not objects.status(pod).get("startTime"):
                # It never ran here.
                self._host.client.delete(PODS, pod, grace=0)
                return False
            self._runs[uid] = run = PodRun(self._host, pod, lambda: self._forget(uid, key))
        run.update(pod)
        return True

    def go_on(self, pod: Obj) -> None:
        """Take over *pod*, which was found running on its node; the view has to know it."""
        uid = objects.uid(pod)
        key = key_of(pod)
        self._runs[uid] = FoundPod(self._host, pod, lambda: self._forget(uid, key))
        self._due.add(key)

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
        for pod in self._host.view.index(PODS, by_node).find(node):
            self._due.add(key_of(pod))
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

    def _forget(self, uid: str, key: Key) -> None:
        self._runs.pop(uid, None)
        # If it is still there, for somebody's finalizer, it is a pod like any other.
        self._due.add(key)
