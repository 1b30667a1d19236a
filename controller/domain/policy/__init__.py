"""
The ValidatingAdmissionPolicy: what `kubectl apply` can already say, in the operator's words.

It is made from tables of CEL expressions, each next to the words of the rule that it stands for. It knows
less than the operator: it sees one object, and of what exists only what status tells. So it refuses less,
and whatever it lets through the operator judges as well. It can be left out.

`python -m controller.domain.policy` prints it with its binding, as YAML.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from controller.api.v2.cluster import GROUP, VERSION
from controller.domain.policy import edits, mistakes
from controller.domain.policy.cel import Check, racks

__all__ = ["NAME", "Check", "binding", "checks", "definition", "render"]

NAME: Final = f"cassandraclusters.{GROUP}"
# CEL has no way to count: positions are looked for among so many. Further ones are the operator's to see.
_MOST: Final = 16


def checks() -> tuple[Check, ...]:
    """Return all checks, the static ones first."""
    return (*mistakes.checks(), *edits.checks())


def _variables() -> list[dict[str, str]]:
    def listed(spec: str) -> str:
        given = f"{spec}.?topology.?dc.orValue([])"
        return f'size({given}) > 0 ? {given} : [{{"name": "dc1"}}]'

    existing = {
        "positions": f"[{', '.join(str(i) for i in range(_MOST))}]",
        "spec": "object.?spec.orValue({})",
        "old": "oldObject == null ? {} : oldObject.?spec.orValue({})",
        "dcs": listed("variables.spec"),
        "olds": f"oldObject == null ? [] : ({listed('variables.old')})",
        "pods": "oldObject == null ? [] : oldObject.?status.?cassandraNodeStatus.orValue({}).map(pod, pod)",
        "lived": "variables.olds.map(o, o.name).filter(d,"
        ' variables.pods.exists(p, p.startsWith(object.metadata.name + "-" + d + "-")))',
        "before": "variables.dcs.map(d, variables.olds.filter(o, o.name == d.name))",
        "racks": f"variables.dcs.map(d, {racks('d')})",
        "oldRacks": f"variables.before.map(w, size(w) > 0 ? {racks('w[0]')} : [])",
        # Racks of which a node has joined, in data centres that were there before.
        "joined": 'variables.pods.filter(p, p.startsWith(object.metadata.name + "-"))'
        ".map(p, p.substring(size(object.metadata.name) + 1))"
        '.filter(p, p.lastIndexOf("-") > 0).map(p, p.substring(0, p.lastIndexOf("-")))',
        # A larger size is asked for and not there yet, so that less than that need not be too little.
        "growing": "oldObject != null && (oldObject.?status.?conditions.orValue([])"
        '.exists(c, c.type == "Progressing" && c.reason == "ChangeHeldBack")'
        ' || oldObject.?status.?lastClusterAction.orValue("") == "StorageUpsize"'
        ' && oldObject.?status.?lastClusterActionStatus.orValue("") != "Done")',
        "renamed": "size(variables.olds) != size(variables.dcs) ? [] : variables.positions.filter(i,"
        " i < size(variables.olds)"
        " && !variables.dcs.exists(d, d.name == variables.olds[i].name)"
        " && !variables.olds.exists(o, o.name == variables.dcs[i].name)"
        " && variables.lived.exists(d, d == variables.olds[i].name)).map(i, variables.olds[i].name)",
    }
    return [{"name": name, "expression": text} for name, text in existing.items()]


def definition(name: str = NAME) -> dict[str, Any]:
    """Return the ValidatingAdmissionPolicy."""
    found = checks()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            # It is there to help; whatever it cannot judge, the operator judges.
            "failurePolicy": "Ignore",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": [VERSION],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["cassandraclusters"],
                    }
                ]
            },
            "matchConditions": [
                {
                    # Finalizers and annotations must move whatever the spec is like.
                    "name": "the-spec-is-written",
                    "expression": "oldObject == null || object.?spec != oldObject.?spec",
                },
                {"name": "it-lives", "expression": "!has(object.metadata.deletionTimestamp)"},
            ],
            "variables": [
                *_variables(),
                *({"name": check.name, "expression": check.messages} for check in found),
            ],
            "validations": [
                {
                    "expression": f"size(variables.{check.name}) == 0",
                    "messageExpression": f"variables.{check.name}[0]",
                    "reason": "Invalid",
                }
                for check in found
            ],
        },
    }


def binding(name: str = NAME, *, namespace: str | None = None) -> dict[str, Any]:
    """Return the binding that puts the policy into force, everywhere or in one *namespace*."""
    spec: dict[str, Any] = {"policyName": name, "validationActions": ["Deny"]}
    if namespace is not None:
        labels = {"kubernetes.io/metadata.name": namespace}
        spec["matchResources"] = {"namespaceSelector": {"matchLabels": labels}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }


def render() -> str:
    """Return policy and binding as YAML."""
    text: str = yaml.safe_dump_all(
        [definition(), binding()], sort_keys=False, width=100000, allow_unicode=True
    )
    return (
        "# Made by `python -m controller.domain.policy`; do not edit.\n"
        "# Optional: `kubectl apply` then refuses what the operator would refuse afterwards.\n"
        "# It needs Kubernetes 1.30 or newer.\n"
        f"{text}"
    )
