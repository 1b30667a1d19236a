"""
The Kubernetes types that a spec contains: which members they have, and of which type.

Only what we read or what people often get wrong is spelt out; other members are kept as they are, and
an API server has the last word on them. The same shapes go into the CRD and check what is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import re
from types import MappingProxyType
from typing import Annotated, Any, cast

import attrs

from controller.api.v2.jsonvalues import JsonMap, freeze
from controller.api.v2.problems import PathStep

KEEP_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"

_NAMES = MappingProxyType(
    {"object": "an object", "array": "a list", "string": "a text", "boolean": "true or false"}
)


@attrs.frozen(eq=False)
class Shape:
    """The structural schema of a JSON value, for use in `Annotated`; compared by identity."""

    schema: JsonMap


def _object(*required: str, **properties: JsonMap) -> JsonMap:
    schema: dict[str, Any] = {"type": "object", KEEP_UNKNOWN: True}
    if required:
        schema["required"] = list(required)
    if properties:
        schema["properties"] = properties
    return MappingProxyType(schema)


def _list(items: JsonMap) -> JsonMap:
    return MappingProxyType({"type": "array", "items": items})


_TEXT: JsonMap = MappingProxyType({"type": "string"})
_FLAG: JsonMap = MappingProxyType({"type": "boolean"})
_INT32: JsonMap = MappingProxyType({"type": "integer", "format": "int32"})
_INT64: JsonMap = MappingProxyType({"type": "integer", "format": "int64"})
_ANY_OBJECT = _object()
_QUANTITY: JsonMap = MappingProxyType(
    {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "pattern": (
            r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
            r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
        ),
        INT_OR_STRING: True,
    }
)
_QUANTITIES: JsonMap = MappingProxyType({"type": "object", "additionalProperties": _QUANTITY})
_RESOURCES = _object(limits=_QUANTITIES, requests=_QUANTITIES, claims=_list(_object("name", name=_TEXT)))
_ENV_VAR = _object(
    "name",
    name=_TEXT,
    value=_TEXT,
    valueFrom=_object(
        configMapKeyRef=_object("key", key=_TEXT, name=_TEXT, optional=_FLAG),
        secretKeyRef=_object("key", key=_TEXT, name=_TEXT, optional=_FLAG),
        fieldRef=_object("fieldPath", apiVersion=_TEXT, fieldPath=_TEXT),
        resourceFieldRef=_object("resource", containerName=_TEXT, resource=_TEXT, divisor=_QUANTITY),
    ),
)
_VOLUME_MOUNT = _object(
    "name",
    "mountPath",
    name=_TEXT,
    mountPath=_TEXT,
    mountPropagation=_TEXT,
    readOnly=_FLAG,
    recursiveReadOnly=_TEXT,
    subPath=_TEXT,
    subPathExpr=_TEXT,
)
_TOLERATION = _object(effect=_TEXT, key=_TEXT, operator=_TEXT, tolerationSeconds=_INT64, value=_TEXT)
_PORT = _object(
    "containerPort", containerPort=_INT32, hostIP=_TEXT, hostPort=_INT32, name=_TEXT, protocol=_TEXT
)
_SECURITY_CONTEXT = _object(
    allowPrivilegeEscalation=_FLAG,
    capabilities=_object(add=_list(_TEXT), drop=_list(_TEXT)),
    privileged=_FLAG,
    readOnlyRootFilesystem=_FLAG,
    runAsGroup=_INT64,
    runAsNonRoot=_FLAG,
    runAsUser=_INT64,
    seccompProfile=_object("type", type=_TEXT, localhostProfile=_TEXT),
)
_CONTAINER = _object(
    "name",
    name=_TEXT,
    image=_TEXT,
    imagePullPolicy=_TEXT,
    command=_list(_TEXT),
    args=_list(_TEXT),
    workingDir=_TEXT,
    ports=_list(_PORT),
    env=_list(_ENV_VAR),
    envFrom=_list(_ANY_OBJECT),
    resources=_RESOURCES,
    volumeMounts=_list(_VOLUME_MOUNT),
    volumeDevices=_list(_object("name", "devicePath", name=_TEXT, devicePath=_TEXT)),
    livenessProbe=_ANY_OBJECT,
    readinessProbe=_ANY_OBJECT,
    startupProbe=_ANY_OBJECT,
    lifecycle=_ANY_OBJECT,
    securityContext=_SECURITY_CONTEXT,
    restartPolicy=_TEXT,
    terminationMessagePath=_TEXT,
    terminationMessagePolicy=_TEXT,
    stdin=_FLAG,
    stdinOnce=_FLAG,
    tty=_FLAG,
)
_LABELS: JsonMap = MappingProxyType({"type": "object", "additionalProperties": _TEXT})
_SELECTOR = _object(
    matchLabels=_LABELS,
    matchExpressions=_list(
        _object("key", "operator", key=_TEXT, operator=_TEXT, values=_list(_TEXT)),
    ),
)
_PEER = _object(
    podSelector=_SELECTOR,
    namespaceSelector=_SELECTOR,
    ipBlock=_object("cidr", **{"cidr": _TEXT, "except": _list(_TEXT)}),
)
_PVC_SPEC = _object(
    accessModes=_list(_TEXT),
    dataSource=_ANY_OBJECT,
    dataSourceRef=_ANY_OBJECT,
    resources=_RESOURCES,
    selector=_ANY_OBJECT,
    storageClassName=_TEXT,
    volumeAttributesClassName=_TEXT,
    volumeMode=_TEXT,
    volumeName=_TEXT,
)

EnvVar = Annotated[JsonMap, Shape(_ENV_VAR)]
Toleration = Annotated[JsonMap, Shape(_TOLERATION)]
VolumeMount = Annotated[JsonMap, Shape(_VOLUME_MOUNT)]
Container = Annotated[JsonMap, Shape(_CONTAINER)]
ResourceRequirements = Annotated[JsonMap, Shape(_RESOURCES)]
NetworkPeer = Annotated[JsonMap, Shape(_PEER)]
ClaimSpec = Annotated[JsonMap, Shape(_PVC_SPEC)]
# Free JSON: configuration that only Cassandra's config builder understands.
Config = Annotated[JsonMap, Shape(MappingProxyType({"type": "object", KEEP_UNKNOWN: True}))]

Misfit = tuple[tuple[PathStep, ...], str]


def fit(value: object, schema: JsonMap) -> JsonMap:
    """Return *value* read-only. Members that are null are left out, but for free JSON."""
    return cast("JsonMap", freeze(value, drop_null="properties" in schema))


def misfits(value: object, schema: JsonMap, path: tuple[PathStep, ...] = ()) -> Iterator[Misfit]:
    """Yield where *value* is not of *schema*, and what is wrong there."""
    match schema.get("type"), value:
        case None, _:
            yield from _quantity_misfits(value, schema, path)
        case "object", Mapping():
            yield from _member_misfits(value, schema, path)
        case "array", list() | tuple():
            for index, item in enumerate(value):
                yield from misfits(item, schema["items"], (*path, index))
        case ("string", str()) | ("boolean", bool()):
            pass
        case "integer", int() if not isinstance(value, bool):
            if not fits_width(value, schema["format"]):
                yield path, f"{value} does not fit in {schema['format']}; write a smaller number"
        case wanted, _:
            yield path, f"is {kind_of(value)}; write {_NAMES.get(str(wanted), 'a whole number')}"


def _quantity_misfits(value: object, schema: JsonMap, path: tuple[PathStep, ...]) -> Iterator[Misfit]:
    if isinstance(value, bool) or not isinstance(value, int | str):
        yield path, f"is {kind_of(value)}; write a text such as 500m or a whole number"
    elif isinstance(value, str) and not re.search(schema["pattern"], value):
        yield path, f"{value!r} is not a quantity; write a number such as 500m, 2 or 1Gi"


def _member_misfits(value: JsonMap, schema: JsonMap, path: tuple[PathStep, ...]) -> Iterator[Misfit]:
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield (*path, name), "is missing; add it"
    properties: JsonMap = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, member in value.items():
        member_schema = properties.get(name, others)
        if member_schema is not None and member is not None:
            yield from misfits(member, member_schema, (*path, name))


def fits_width(value: int, width: str) -> bool:
    """Return whether *value* fits in the integer format *width*, `int32` or `int64`."""
    limit = 1 << (int(width.removeprefix("int")) - 1)
    return -limit <= value < limit


def kind_of(value: object) -> str:
    """Say what *value* is, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"
