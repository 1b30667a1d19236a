"""
The rules of the kinds, one module a family: defaults, validation, what may change.

They follow Kubernetes 1.34 for what an operator of StatefulSets writes. A rule that is not here is not
enforced: an object that simkube takes may still be refused by a real server.
"""

from __future__ import annotations

from collections.abc import Mapping

from e2e.simkube.kinds import Resource
from e2e.simkube.rules.base import Rules
from e2e.simkube.rules.cluster import BindingRules, NamespaceRules, NetworkPolicyRules, RoleRules
from e2e.simkube.rules.config import ConfigMapRules, SecretRules, ServiceAccountRules
from e2e.simkube.rules.custom import CustomRules
from e2e.simkube.rules.definitions import DefinitionRules
from e2e.simkube.rules.disruption import BudgetRules
from e2e.simkube.rules.pod import PodRules
from e2e.simkube.rules.records import (
    EndpointsRules,
    EventRules,
    LeaseRules,
    RevisionRules,
    SliceRules,
)
from e2e.simkube.rules.service import ServiceRules
from e2e.simkube.rules.statefulset import StatefulSetRules
from e2e.simkube.rules.volumes import ClaimRules, ClassRules, VolumeRules
from e2e.simkube.state import State

_RBAC = "rbac.authorization.k8s.io"
_RULES: Mapping[tuple[str, str], type[Rules]] = {
    ("", "configmaps"): ConfigMapRules,
    ("", "endpoints"): EndpointsRules,
    ("", "events"): EventRules,
    ("", "namespaces"): NamespaceRules,
    ("", "persistentvolumeclaims"): ClaimRules,
    ("", "persistentvolumes"): VolumeRules,
    ("", "pods"): PodRules,
    ("", "secrets"): SecretRules,
    ("", "serviceaccounts"): ServiceAccountRules,
    ("", "services"): ServiceRules,
    ("apiextensions.k8s.io", "customresourcedefinitions"): DefinitionRules,
    ("apps", "controllerrevisions"): RevisionRules,
    ("apps", "statefulsets"): StatefulSetRules,
    ("coordination.k8s.io", "leases"): LeaseRules,
    ("discovery.k8s.io", "endpointslices"): SliceRules,
    ("events.k8s.io", "events"): EventRules,
    ("networking.k8s.io", "networkpolicies"): NetworkPolicyRules,
    ("policy", "poddisruptionbudgets"): BudgetRules,
    (_RBAC, "clusterrolebindings"): BindingRules,
    (_RBAC, "clusterroles"): RoleRules,
    (_RBAC, "rolebindings"): BindingRules,
    (_RBAC, "roles"): RoleRules,
    ("storage.k8s.io", "storageclasses"): ClassRules,
}


def rules_of(resource: Resource, state: State) -> Rules:
    """The rules of a kind in one server."""
    if resource.custom:
        return CustomRules(resource, state)
    return _RULES.get((resource.group, resource.plural), Rules)(resource, state)
