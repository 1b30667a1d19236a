"""
The CustomResourceDefinition of CassandraCluster, made from the API types.

`python -m controller.api.crd` prints it as YAML. Types, defaults, patterns and descriptions come from the
fields themselves, so the definition cannot say anything else than the codec. It holds CassKop's rules and
no others: an API server must not refuse an object that CassKop let through.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import sys
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import attrs
import yaml

from controller.api.v2.cluster import GROUP, KIND, VERSION
from controller.api.v2.fields import json_name
from controller.api.v2.jsonvalues import JsonMap, thaw
from controller.api.v2.shapes import KEEP_UNKNOWN
from controller.api.v2.spec import ClusterSpec
from controller.api.v2.status import ClusterStatus

Schema = dict[str, Any]

PLURAL = "cassandraclusters"
_COLUMNS = (
    ("Phase", "string", ".status.phase", "Where the cluster is in its life"),
    ("Action", "string", ".status.lastClusterAction", "The last action"),
    ("Ready", "integer", ".status.readyNodes", "Nodes that are ready"),
    ("Wanted", "integer", ".status.wantedNodes", "Nodes that the spec asks for"),
    ("Age", "date", ".metadata.creationTimestamp", ""),
)


def definition() -> Schema:
    """Return the definition as a JSON object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["cassc", "casscs"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
                    "schema": {"openAPIV3Schema": object_schema()},
                }
            ],
        },
    }


def object_schema() -> Schema:
    """Return the structural schema of a CassandraCluster."""
    return {
        "description": "A Cassandra cluster: one StatefulSet for each rack of each data centre.",
        "type": "object",
        "properties": {
            "apiVersion": {"description": "Version of the API.", "type": "string"},
            "kind": {"description": f"Always {KIND}.", "type": "string"},
            "metadata": {"type": "object"},
            # CassKop kept fields of earlier versions; they must not vanish from what users stored.
            "spec": _class_schema(ClusterSpec) | {KEEP_UNKNOWN: True},
            "status": _class_schema(ClusterStatus),
        },
    }


def render() -> str:
    """Return the definition as YAML."""
    text: str = yaml.dump(definition(), Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return f"# Made by `make manifests` from controller/api; do not edit.\n{text}"


def stored(cluster: Schema) -> Schema:
    """Return a CassandraCluster with the defaults that the API server fills in when it stores one."""
    found: Schema = _defaulted(cluster, object_schema())
    return found


def _defaulted(value: Any, schema: Schema) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(value, list):
        return [_defaulted(each, schema.get("items") or {}) for each in value]
    if not isinstance(value, dict):
        return value
    known: Schema = schema.get("properties") or {}
    given = {key: sub["default"] for key, sub in known.items() if "default" in sub and key not in value}
    return {key: _defaulted(each, known.get(key) or {}) for key, each in {**value, **given}.items()}


class _Dumper(yaml.SafeDumper):
    """Writes equal parts in full each time: readers of manifests should not have to know anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 # the library's own signature
        del data
        return True


def _column(name: str, kind: str, path: str, description: str) -> Schema:
    column = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"description": description} if description else {})


def _class_schema(cls: type[attrs.AttrsInstance]) -> Schema:
    hints = get_type_hints(cls, include_extras=True)
    fields = attrs.fields(cls)
    required = [json_name(field) for field in fields if field.default is attrs.NOTHING]
    properties = {json_name(field): _field_schema(field, hints[field.name]) for field in fields}
    return {"type": "object"} | ({"required": required} if required else {}) | {"properties": properties}


def _field_schema(field: attrs.Attribute[Any], hint: object) -> Schema:
    extra = thaw(field.metadata["schema"])
    schema = {"description": field.metadata["doc"]} | _type_schema(hint) | extra
    key = schema.pop("list_key", None)
    if key:
        schema["x-kubernetes-list-type"] = "map"
        schema["x-kubernetes-list-map-keys"] = [key]
        schema["items"]["required"] = [key]
    return schema


def _type_schema(hint: Any) -> Schema:  # noqa: ANN401 # any type of the API
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if isinstance(hint, type) and attrs.has(hint):
        return _class_schema(hint)
    arguments: tuple[Any, ...] = get_args(hint)
    origin: object = get_origin(hint)
    if origin is Annotated:
        return _plain(hint.__metadata__[0].schema)
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return _type_schema(inner)
    if origin is tuple:
        return {"type": "array", "items": _type_schema(arguments[0])}
    assert origin is Mapping, hint
    return {"type": "object", "additionalProperties": _type_schema(arguments[1])}


_SCALARS: dict[object, Schema] = {
    int: {"type": "integer", "format": "int32"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    dt.datetime: {"type": "string", "format": "date-time"},
}


def _plain(schema: JsonMap) -> Schema:
    """Return a shape's schema as plain JSON, types first."""
    plain = thaw(schema)
    return {"type": plain.pop("type"), **plain}


if __name__ == "__main__":
    sys.stdout.write(render())
