"""
Nodes: making them, losing them, cordoning and draining them, and what the node controller does then.

A node that says nothing for a while is marked Unknown and tainted; its pods are not ready any more, and
are deleted when they have tolerated that long enough. They stay Terminating until the node is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e2e.simcontrollers import fit, objects
from e2e.simcontrollers.client import CREATED
from e2e.simcontrollers.index import by_node
from e2e.simcontrollers.kubelet import Kubelets
from e2e.simcontrollers.loop import Loop
from e2e.simcontrollers.objects import NODES, PODS, Obj
from e2e.simcontrollers.podrun import Host

UNREACHABLE: Mapping[str, str] = {
    "key": "node.kubernetes.io/unreachable",
    "effect": "NoExecute",
}
# Pods tolerate the first for a while; nothing new comes to the node because of the second.
_TAINTS = (UNREACHABLE, {**UNREACHABLE, "effect": "NoSchedule"})


class Nodes:
    """All nodes, with what people and accidents do to them."""

    def __init__(self, host: Host, kubelets: Kubelets, loop: Loop) -> None:
        self._client = host.client
        self._view = host.view
        self._simulation = host.simulation
        self._pace = host.pace
        self._kubelets = kubelets
        self._loop = loop
        # Since when each node has been silent.
        self._silent: dict[str, float] = {}

    def add(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        taints: list[Obj] | None = None,
    ) -> None:
        """Make the node *name*, ready for pods."""
        node: Obj = {
            "metadata": {"name": name, "labels": {fit.HOSTNAME: name, **(labels or {})}},
            "spec": {"taints": taints} if taints else {},
        }
        answer = self._client.create(NODES, node)
        if answer.status != CREATED:
            raise RuntimeError(f"node {name}: HTTP {answer.status} {answer.body}")
        self._set_ready(answer.body, value="True", reason="KubeletReady")

    def cordon(self, name: str, *, on: bool = True) -> None:
        """Let no further pods come to the node, or let them again."""
        self._client.patch(NODES, self._node(name), {"spec": {"unschedulable": on or None}})

    def drain(self, name: str) -> None:
        """Cordon the node and evict its pods, again and again until none is left."""
        self.cordon(name)
        self._evict(name)

    def cut_off(self, name: str) -> None:
        """Separate the node from the API server; its containers run on."""
        self._kubelets.cut_off(name)
        self._fell_silent(name)

    def power_off(self, name: str) -> None:
        """Take the node's power away."""
        self._kubelets.power_off(name)
        self._fell_silent(name)

    def bring_back(self, name: str) -> None:
        """End what `cut_off` or `power_off` began."""
        self._silent.pop(name, None)
        self._view.refresh()
        node = self._node(name)
        left = [t for t in objects.spec(node).get("taints") or [] if t["key"] != UNREACHABLE["key"]]
        self._client.patch(NODES, node, {"spec": {"taints": left or None}})
        self._set_ready(node, value="True", reason="KubeletReady")
        self._kubelets.bring_back(name)
        self._loop.wake_all()

    def lost(self, name: str) -> bool:
        """Return whether the node is cut off or without power."""
        return self._kubelets.lost(name)

    def remove(self, name: str) -> None:
        """Delete the node for good; what was bound to it is deleted by force."""
        self._client.delete(NODES, self._node(name))
        for pod in self._pods_on(name):
            self._client.delete(PODS, pod, grace=0)

    def step(self) -> None:
        """Mark nodes that have been silent for too long, and delete the pods that had to wait so long."""
        now = self._simulation.now
        for name, since in list(self._silent.items()):
            node = self._view.get(NODES, "", name)
            if node is None or now < since + self._pace.node_monitor_grace:
                continue
            self._mark_lost(node)
            for pod in self._pods_on(name):
                self._mark_unready(pod)
                limit = _tolerated(pod, self._pace.eviction_toleration)
                due = since + self._pace.node_monitor_grace + limit
                if now >= due and not objects.terminating(pod):
                    self._client.delete(PODS, pod)
                elif now < due < float("inf"):
                    self._loop.after(due - now)

    def _fell_silent(self, name: str) -> None:
        self._silent[name] = self._simulation.now
        self._loop.after(self._pace.node_monitor_grace)

    def _mark_lost(self, node: Mapping[str, Any]) -> None:
        taints = objects.spec(node).get("taints") or []
        if not any(taint["key"] == UNREACHABLE["key"] for taint in taints):
            self._set_ready(node, value="Unknown", reason="NodeStatusUnknown")
            when = objects.timestamp(self._simulation.now)
            added = [{**taint, "timeAdded": when} for taint in _TAINTS]
            self._client.patch(NODES, node, {"spec": {"taints": [*taints, *added]}})

    def _mark_unready(self, pod: Mapping[str, Any]) -> None:
        if objects.holds(pod, "Ready"):
            condition = {
                "type": "Ready",
                "status": "False",
                "reason": "NodeNotReady",
                "lastTransitionTime": objects.timestamp(self._simulation.now),
            }
            old = objects.status(pod).get("conditions") or []
            conditions = objects.set_condition(old, condition)
            self._client.patch_status(PODS, pod, {"conditions": conditions})

    def _set_ready(self, node: Mapping[str, Any], *, value: str, reason: str) -> None:
        when = objects.timestamp(self._simulation.now)
        condition = {
            "type": "Ready",
            "status": value,
            "reason": reason,
            "message": "kubelet is posting ready status" if value == "True" else "",
            "lastHeartbeatTime": when,
            "lastTransitionTime": when,
        }
        old = objects.status(node).get("conditions") or []
        conditions = objects.set_condition(old, condition)
        self._client.patch_status(NODES, node, {"conditions": conditions})

    def _evict(self, name: str) -> None:
        self._view.refresh()
        node = self._view.get(NODES, "", name)
        if node is None or not objects.spec(node).get("unschedulable"):
            return
        left = self._pods_on(name)
        for pod in left:
            if not objects.terminating(pod):
                self._client.evict(pod)
        if left:
            self._simulation.after(self._pace.drain_retry, lambda: self._evict(name))

    def _pods_on(self, name: str) -> list[Obj]:
        return self._view.index(PODS, by_node).find(name)

    def _node(self, name: str) -> Obj:
        self._view.refresh()
        node = self._view.get(NODES, "", name)
        if node is None:
            raise ValueError(f"there is no node {name}")
        return node


def _tolerated(pod: Mapping[str, Any], default: float) -> float:
    """Return for how long *pod* stays on a node that is unreachable; infinity: for ever."""
    found = fit.toleration(pod, UNREACHABLE)
    if found is None:
        # The API server adds a toleration of five minutes to every pod.
        return default
    limit = found.get("tolerationSeconds")
    return float("inf") if limit is None else float(limit)
