"""Whether a pod fits a node: each function gives the scheduler's words for one obstacle, or None."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.objects import Obj
from e2e.simcontrollers.peers import PREFERRED, REQUIRED, Peers, anti_affinity

HOSTNAME = "kubernetes.io/hostname"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


def unschedulable(pod: Mapping[str, Any], node: Mapping[str, Any]) -> str | None:
    """A cordoned node takes no pods that do not tolerate it."""
    taint = {"key": UNSCHEDULABLE, "effect": "NoSchedule"}
    if objects.spec(node).get("unschedulable") and not tolerates(pod, taint):
        return "node(s) were unschedulable"
    return None


def untolerated(pod: Mapping[str, Any], node: Mapping[str, Any]) -> str | None:
    """A taint keeps away the pods that do not tolerate it."""
    for taint in objects.spec(node).get("taints") or []:
        if taint["effect"] in {"NoSchedule", "NoExecute"} and not tolerates(pod, taint):
            if taint["key"] == UNSCHEDULABLE:
                return "node(s) were unschedulable"
            shown = f"{taint['key']}: {taint.get('value') or ''}".rstrip()
            return f"node(s) had untolerated taint {{{shown}}}"
    return None


def tolerates(pod: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Return whether *pod* tolerates *taint*, for however long."""
    return toleration(pod, taint) is not None


def toleration(pod: Mapping[str, Any], taint: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the toleration of *pod* that fits *taint*."""
    for one in objects.spec(pod).get("tolerations") or []:
        if one.get("effect") not in (None, "", taint["effect"]):
            continue
        exists = one.get("operator", "Equal") == "Exists"
        if exists and not one.get("key"):
            return dict(one)
        same_value = exists or (one.get("value") or "") == (taint.get("value") or "")
        if one.get("key") == taint["key"] and same_value:
            return dict(one)
    return None


def unaffine(pod: Mapping[str, Any], node: Mapping[str, Any]) -> str | None:
    """The node has to have the labels that the pod asks for."""
    spec, found = objects.spec(pod), objects.labels(node)
    ok = all(found.get(k) == v for k, v in (spec.get("nodeSelector") or {}).items())
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if affinity is not None:
        ok = ok and any(_term(term, node) for term in affinity.get("nodeSelectorTerms") or [])
    return None if ok else "node(s) didn't match Pod's node affinity/selector"


def _term(term: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    fields = {"metadata.name": objects.name(node)}
    expressions = term.get("matchExpressions") or []
    by_field = term.get("matchFields") or []
    if not expressions and not by_field:
        return False
    return objects.matches({"matchExpressions": expressions}, objects.labels(node)) and objects.matches(
        {"matchExpressions": by_field}, fields
    )


def volume_elsewhere(volumes: Iterable[Mapping[str, Any]], node: Mapping[str, Any]) -> str | None:
    """A volume that is on another node keeps the pod there."""
    for volume in volumes:
        required = (objects.spec(volume).get("nodeAffinity") or {}).get("required") or {}
        terms = required.get("nodeSelectorTerms") or []
        if terms and not any(_term(term, node) for term in terms):
            return "node(s) didn't match PersistentVolume's node affinity"
    return None


def volume_promised_elsewhere(
    claims: Sequence[Mapping[str, Any]], pinned: Sequence[str | None], node: Mapping[str, Any]
) -> str | None:
    """A volume that is being made on another node keeps the pod there too."""
    for claim, where in zip(claims, pinned, strict=True):
        bound = objects.status(claim).get("phase") == "Bound"
        if not bound and where is not None and where != objects.name(node):
            return "node(s) didn't find available persistent volumes to bind"
    return None


def crowded(
    pod: Mapping[str, Any], node: Mapping[str, Any], peers: Peers, nodes: Mapping[str, Obj]
) -> str | None:
    """Pods that must not be near each other are not, whichever of the two says so."""
    for term in anti_affinity(pod, REQUIRED):
        if _near(pod, term, node, peers, nodes):
            return "node(s) didn't match pod anti-affinity rules"
    for peer, where in peers.demanding():
        for term in anti_affinity(peer, REQUIRED):
            same = _same_domain(term, node, nodes.get(where))
            if same and _selects(term, peer, pod):
                return "node(s) didn't satisfy existing pods anti-affinity rules"
    return None


def preferred_conflicts(
    pod: Mapping[str, Any], node: Mapping[str, Any], peers: Peers, nodes: Mapping[str, Obj]
) -> int:
    """Return the weight of the wishes that placing *pod* on *node* goes against."""
    return sum(
        int(wish.get("weight") or 0) * _near(pod, wish["podAffinityTerm"], node, peers, nodes)
        for wish in anti_affinity(pod, PREFERRED)
    )


def _near(
    pod: Mapping[str, Any],
    term: Mapping[str, Any],
    node: Mapping[str, Any],
    peers: Peers,
    nodes: Mapping[str, Obj],
) -> int:
    """Return how many pods that *term* selects are in *node*'s domain."""
    return sum(_same_domain(term, node, nodes.get(where)) for _, where in peers.selected(term, pod))


def _selects(term: Mapping[str, Any], owner: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether *term*, which *owner* carries, means the pod *other*."""
    namespaces = term.get("namespaces") or [objects.namespace(owner)]
    return objects.namespace(other) in namespaces and objects.matches(
        term.get("labelSelector"), objects.labels(other)
    )


def _same_domain(term: Mapping[str, Any], node: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    if other is None:
        return False
    key = term.get("topologyKey", HOSTNAME)
    mine = objects.labels(node).get(key)
    return mine is not None and mine == objects.labels(other).get(key)
