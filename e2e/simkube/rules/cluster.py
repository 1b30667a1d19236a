"""Namespaces, RBAC and network policies: stored, and not acted on."""

from __future__ import annotations

import ipaddress
from typing import Any

from e2e.simkube import names
from e2e.simkube.errors import Problems
from e2e.simkube.metadata import check_selector
from e2e.simkube.rules.base import Rules
from e2e.simkube.values import Json, Object

_RBAC = "rbac.authorization.k8s.io"
_NAME_LABEL = "kubernetes.io/metadata.name"


class NamespaceRules(Rules):
    """Namespaces."""

    returns_deleted = True

    def name_problem(self, name: str) -> str:
        """A DNS label."""
        return names.label(name)

    def default(self, found: Object) -> None:
        """Label it with its own name."""
        details = found["metadata"]
        if details.get("name"):
            details.setdefault("labels", {})[_NAME_LABEL] = details["name"]

    def prepare_create(self, found: Object) -> None:
        """A new namespace is active, and kept until its content is gone."""
        finalizers = found.setdefault("spec", {}).setdefault("finalizers", [])
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")
        found["status"] = {"phase": "Active"}

    def isolate(self, found: Object, before: Object, subresource: str) -> None:
        """Its finalizers change by the finalize subresource only."""
        super().isolate(found, before, subresource)
        if subresource != "finalize":
            found["spec"] = before.get("spec", {})


class RoleRules(Rules):
    """Roles and ClusterRoles."""

    creates_on_update = True

    def name_problem(self, name: str) -> str:
        """Whatever can stand in a path."""
        return names.path_segment(name)

    def validate(self, found: Object, problems: Problems) -> None:
        """Each rule names verbs and what they are about."""
        for index, rule in enumerate(found.get("rules") or ()):
            where = f"rules[{index}]"
            if not rule.get("verbs"):
                problems.required(f"{where}.verbs", "verbs must contain at least one value")
            if rule.get("nonResourceURLs"):
                continue
            if not rule.get("apiGroups"):
                problems.required(f"{where}.apiGroups", "resource rules must supply at least one api group")
            if not rule.get("resources"):
                problems.required(f"{where}.resources", "resource rules must supply at least one resource")


class BindingRules(Rules):
    """RoleBindings and ClusterRoleBindings."""

    creates_on_update = True

    def name_problem(self, name: str) -> str:
        """Whatever can stand in a path."""
        return names.path_segment(name)

    def default(self, found: Object) -> None:
        """Fill in the groups."""
        if not found["roleRef"].get("apiGroup"):
            found["roleRef"]["apiGroup"] = _RBAC
        for subject in found.get("subjects") or ():
            if subject.get("kind") in ("User", "Group"):
                subject.setdefault("apiGroup", _RBAC)

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the role and the subjects."""
        role = found["roleRef"]
        kinds = ("ClusterRole",) if not self.resource.namespaced else ("ClusterRole", "Role")
        if role.get("kind") not in kinds:
            problems.unsupported("roleRef.kind", role.get("kind"), kinds)
        if not role.get("name"):
            problems.required("roleRef.name")
        for index, subject in enumerate(found.get("subjects") or ()):
            if not subject.get("name"):
                problems.required(f"subjects[{index}].name")

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """A binding keeps its role."""
        if found["roleRef"] != before["roleRef"]:
            problems.invalid("roleRef", found["roleRef"], "cannot change roleRef")


class NetworkPolicyRules(Rules):
    """NetworkPolicies."""

    def default(self, found: Object) -> None:
        """Fill in the directions and the protocols."""
        spec = found.setdefault("spec", {})
        if not spec.get("policyTypes"):
            spec["policyTypes"] = ["Ingress"] + (["Egress"] if spec.get("egress") else [])
        for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the selectors, and that each peer is one thing."""
        check_selector(found["spec"].get("podSelector"), "spec.podSelector", problems)
        for part, who in (("ingress", "from"), ("egress", "to")):
            for i, rule in enumerate(found["spec"].get(part) or ()):
                for j, peer in enumerate(rule.get(who) or ()):
                    _check_peer(peer, f"spec.{part}[{i}].{who}[{j}]", problems)


def _check_peer(peer: Object, path: str, problems: Problems) -> None:
    if not peer:
        problems.required(path, "must specify a peer")
    if "ipBlock" in peer and len(peer) > 1:
        problems.forbidden(path, "may not specify both ipBlock and another peer")
    for name in ("podSelector", "namespaceSelector"):
        if name in peer:
            check_selector(peer[name], f"{path}.{name}", problems)
    if "ipBlock" not in peer:
        return
    block = peer["ipBlock"]
    whole = _network(block.get("cidr"))
    if whole is None:
        why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        problems.invalid(f"{path}.ipBlock.cidr", block.get("cidr"), why)
        return
    for i, text in enumerate(block.get("except") or ()):
        part = _network(text)
        if part is None or part.version != whole.version or part == whole or not part.subnet_of(whole):
            why = "must be a strict subset of `cidr`"
            problems.invalid(f"{path}.ipBlock.except[{i}]", text, why)


def _network(text: Json) -> Any:  # noqa: ANN401 -- of either version, which subnet_of cannot say
    try:
        return ipaddress.ip_network(text) if "/" in text else None
    except ValueError:
        return None
