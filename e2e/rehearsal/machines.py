"""Kubernetes nodes for a simulation: as they were read, or made up from what pods and racks ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controller.kube import kinds
from controller.plugin.session import Object
from controller.plugin.world import World
from e2e.simcontrollers.assembly import Controllers


def add(controllers: Controllers, node: Mapping[str, Any]) -> None:
    """Make *node*, ready for pods as its spec allows."""
    metadata, spec = node["metadata"], node.get("spec") or {}
    controllers.nodes.add(
        metadata["name"], labels=metadata.get("labels") or {}, taints=list(spec.get("taints") or ())
    )
    if spec.get("unschedulable"):
        controllers.nodes.cordon(metadata["name"])


def silent(world: World) -> Iterator[str]:
    """Yield the names of the nodes that do not answer now."""
    for node in world.of(kinds.NODE):
        conditions = (node.get("status") or {}).get("conditions") or ()
        if any(c.get("type") == "Ready" and c.get("status") != "True" for c in conditions):
            yield str(node["metadata"]["name"])


def made_up(world: World, spec: Mapping[str, Any]) -> tuple[Object, ...]:
    """Return a node for each that pods run on, and one for each place that *spec* asks for."""
    found: dict[str, Object] = {}
    for pod in world.of(kinds.POD):
        name = pod["spec"].get("nodeName")
        if name:
            labels = found.get(name, {"metadata": {"labels": {}}})["metadata"]["labels"]
            found[name] = _node(name, {**labels, **_asked(pod["spec"])})
    for dc in (spec.get("topology") or {}).get("dc") or ():
        size = int(dc.get("nodesPerRacks") or spec.get("nodesPerRacks") or 1)
        for rack in dc.get("rack") or ():
            labels = {**(dc.get("labels") or {}), **(rack.get("labels") or {})}
            for number in range(size):
                name = f"spare-{dc.get('name')}-{rack.get('name')}-{number}".lower()
                found.setdefault(name, _node(name, labels))
    return tuple(found[name] for name in sorted(found))


def _node(name: str, labels: Mapping[str, str]) -> Object:
    return {"metadata": {"name": name, "labels": dict(labels)}, "spec": {}}


def _asked(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return labels with which a node takes *pod*."""
    labels = dict(pod.get("nodeSelector") or {})
    affinity = ((pod.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in (affinity.get("nodeSelectorTerms") or ())[:1]:
        for each in term.get("matchExpressions") or ():
            if each.get("operator") == "In" and each.get("values"):
                labels[each["key"]] = each["values"][0]
    return labels
