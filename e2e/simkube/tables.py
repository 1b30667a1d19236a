"""
The tables that `kubectl get` prints: columns by kind, cells by object.

Columns are those of Kubernetes 1.34; a kind without columns of its own shows its name and its age.
Custom kinds show the columns of their CustomResourceDefinition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from e2e.simkube import cells
from e2e.simkube.cells import Row
from e2e.simkube.jsonpath import compile_path
from e2e.simkube.kinds import Resource
from e2e.simkube.values import Json, Object, dig, parse_time

Column = tuple[str, str, str, int]  # name, type, format, priority

NAME: Column = ("Name", "string", "name", 0)
AGE: Column = ("Age", "string", "", 0)


def _text(*names: str) -> list[Column]:
    return [(name, "string", "", 0) for name in names]


def _wide(*names: str) -> list[Column]:
    return [(name, "string", "", 1) for name in names]


_RBAC = "rbac.authorization.k8s.io"
_CREATED: Column = ("Created At", "date", "", 0)
_BINDING = [NAME, *_text("Role"), AGE, *_wide("Users", "Groups", "ServiceAccounts")]
_EVENT: list[Column] = [
    *_text("Last Seen", "Type", "Reason", "Object"),
    *_wide("Subobject", "Source"),
    *_text("Message"),
    *_wide("First Seen", "Count"),
    ("Name", "string", "name", 1),
]
_TABLES: Mapping[tuple[str, str], tuple[Sequence[Column], Callable[[Row], list[Json]]]] = {
    ("", "pods"): (
        [
            NAME,
            *_text("Ready", "Status", "Restarts"),
            AGE,
            *_wide("IP", "Node", "Nominated Node", "Readiness Gates"),
        ],
        cells.pod,
    ),
    ("apps", "statefulsets"): (
        [NAME, *_text("Ready"), AGE, *_wide("Containers", "Images")],
        cells.statefulset,
    ),
    ("apps", "controllerrevisions"): (
        [NAME, *_text("Controller", "Revision"), AGE],
        cells.revision,
    ),
    ("", "services"): (
        [NAME, *_text("Type", "Cluster-IP", "External-IP", "Port(s)"), AGE, *_wide("Selector")],
        cells.service,
    ),
    ("", "persistentvolumeclaims"): (
        [
            NAME,
            *_text(
                "Status",
                "Volume",
                "Capacity",
                "Access Modes",
                "StorageClass",
                "VolumeAttributesClass",
            ),
            AGE,
            *_wide("VolumeMode"),
        ],
        cells.claim,
    ),
    ("", "persistentvolumes"): (
        [
            NAME,
            *_text(
                "Capacity",
                "Access Modes",
                "Reclaim Policy",
                "Status",
                "Claim",
                "StorageClass",
                "VolumeAttributesClass",
                "Reason",
            ),
            AGE,
            *_wide("VolumeMode"),
        ],
        cells.volume,
    ),
    ("policy", "poddisruptionbudgets"): (
        [
            NAME,
            *_text("Min Available", "Max Unavailable"),
            ("Allowed Disruptions", "integer", "", 0),
            AGE,
        ],
        cells.budget,
    ),
    ("", "namespaces"): ([NAME, *_text("Status"), AGE], cells.namespace),
    ("", "nodes"): (
        [
            NAME,
            *_text("Status", "Roles"),
            AGE,
            *_text("Version"),
            *_wide("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        ],
        cells.node,
    ),
    ("", "events"): (_EVENT, cells.event),
    ("", "configmaps"): ([NAME, *_text("Data"), AGE], cells.config_map),
    ("", "secrets"): ([NAME, *_text("Type", "Data"), AGE], cells.secret),
    ("", "serviceaccounts"): ([NAME, *_text("Secrets"), AGE], cells.service_account),
    ("coordination.k8s.io", "leases"): ([NAME, *_text("Holder"), AGE], cells.lease),
    ("storage.k8s.io", "storageclasses"): (
        [
            NAME,
            *_text("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion"),
            AGE,
        ],
        cells.storage_class,
    ),
    (_RBAC, "roles"): ([NAME, _CREATED], cells.created),
    (_RBAC, "clusterroles"): ([NAME, _CREATED], cells.created),
    (_RBAC, "rolebindings"): (_BINDING, cells.binding),
    (_RBAC, "clusterrolebindings"): (_BINDING, cells.binding),
    ("apiextensions.k8s.io", "customresourcedefinitions"): ([NAME, _CREATED], cells.created),
    ("", "endpoints"): ([NAME, *_text("Endpoints"), AGE], cells.endpoints),
    ("discovery.k8s.io", "endpointslices"): (
        [NAME, *_text("AddressType", "Ports", "Endpoints"), AGE],
        cells.endpoint_slice,
    ),
    ("networking.k8s.io", "networkpolicies"): (
        [NAME, *_text("Pod-Selector"), AGE],
        cells.network_policy,
    ),
}


def columns_of(resource: Resource, now: float) -> tuple[list[Object], Callable[[Object], list[Json]]]:
    """The column definitions of a kind, and what makes a row of an object."""
    if resource.custom:
        return _custom(resource, now)
    columns, make = _TABLES.get(resource.place, ([NAME, AGE], cells.plain))
    return [_definition(*one) for one in columns], lambda found: make(Row(found, now))


def _definition(name: str, kind: str, form: str, priority: int) -> Object:
    return {"name": name, "type": kind, "format": form, "description": "", "priority": priority}


def _custom(resource: Resource, now: float) -> tuple[list[Object], Callable[[Object], list[Json]]]:
    version = next(
        one for one in dig(resource.definition, "spec", "versions") if one["name"] == resource.version
    )
    printed = version.get("additionalPrinterColumns") or [
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    ]
    definitions = [_definition(*NAME)] + [
        _definition(one["name"], one["type"], one.get("format", ""), one.get("priority", 0))
        | {"description": one.get("description", "")}
        for one in printed
    ]
    paths = [(one["type"], compile_path(one["jsonPath"])) for one in printed]

    def make(found: Object) -> list[Json]:
        return [found["metadata"]["name"], *(_cell(kind, find(found), now) for kind, find in paths)]

    return definitions, make


def _cell(kind: str, values: list[Json], now: float) -> Json:
    """A cell of a custom column; null if there is nothing, or nothing of the column's type."""
    if not values or values[0] is None:
        return None
    value = values[0]
    if kind == "date":
        try:
            return cells.duration(now - parse_time(value))
        except (ValueError, TypeError, IndexError):
            return "<invalid>"
    if kind == "integer":
        return int(value) if isinstance(value, int | float) else None
    if kind == "number":
        return value if isinstance(value, int | float) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    return ",".join(_shown(one) for one in values)


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return cells.go_text(value)
