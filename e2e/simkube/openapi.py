"""
OpenAPI documents, as far as kubectl and client libraries read them.

They say what fields a kind has, how lists merge, and that writes take dryRun and fieldValidation.
Kubernetes' own kinds come without descriptions; custom kinds are shown as their schema says.

The protobuf form of version 2 is an empty document. Kubectl reads it before it applies a `List`, to check
the items by itself; without definitions it leaves that to the server, which checks them anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import hashlib
import json

from e2e.simkube import errors
from e2e.simkube.builtin import struct
from e2e.simkube.encoding import Answer
from e2e.simkube.kinds import Kinds, Resource
from e2e.simkube.types import Type
from e2e.simkube.values import Object, dig, encode

_INFO: Object = {"title": "Kubernetes", "version": "v1.34.4"}
# Document{swagger: "2.0"}
_EMPTY_PROTOBUF = b"\x0a\x032.0"
_V3 = "#/components/schemas/"
_V2 = "#/definitions/"
_SCALARS: dict[str, Object] = {
    "string": {"type": "string"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
    "Time": {"type": "string", "format": "date-time"},
    "MicroTime": {"type": "string", "format": "date-time"},
    "Quantity": {"type": "string"},
    "IntOrString": {"type": "string", "format": "int-or-string"},
}
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string"}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "force")
]


class OpenApi:
    """The documents of one server, made anew when its kinds change."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._made: dict[tuple[int, str], Object] = {}

    def answer(self, path: str, accept: str) -> Answer:
        """The answer to a path below /openapi; 406 for protobuf of version 3."""
        if path == "/openapi/v2" and "proto-openapi" in accept and "json" not in accept:
            return Answer(body=_EMPTY_PROTOBUF)
        if accept and "json" not in accept and "*/*" not in accept:
            raise errors.not_acceptable()
        if path == "/openapi/v2":
            return Answer(body=self._once(path, self._version_two))
        if path.strip("/") == "openapi/v3":
            return Answer(body=self._index())
        wanted = path.removeprefix("/openapi/v3/")
        served = {_root(group, version): (group, version) for group, version in self._versions()}
        if wanted not in served:
            return Answer(status=404, body="404 page not found\n")
        return Answer(body=self._once(path, lambda: self._version_three(*served[wanted])))

    def _once(self, path: str, make: Callable[[], Object]) -> Object:
        key = (self._kinds.revision, path)
        if key not in self._made:
            if len(self._made) > 100:
                self._made.clear()
            self._made[key] = make()
        return self._made[key]

    def _versions(self) -> list[tuple[str, str]]:
        return sorted({(one.group, one.version) for one in self._kinds.all()})

    def _index(self) -> Object:
        paths = {}
        for group, version in self._versions():
            root = _root(group, version)
            served = [one.kind for one in self._kinds.all() if one.group == group]
            mark = json.dumps([served, self._kinds.revision]).encode()
            digest = hashlib.sha256(mark).hexdigest()[:32].upper()
            paths[root] = {"serverRelativeURL": f"/openapi/v3/{root}?hash={digest}"}
        return {"paths": paths}

    def _version_three(self, group: str, version: str) -> Object:
        served = [one for one in self._kinds.all() if (one.group, one.version) == (group, version)]
        schemas: Object = {}
        for resource in served:
            schemas |= _schemas(resource, _V3)
        paths = {path: item for one in served for path, item in _paths(one)}
        return {
            "openapi": "3.0.0",
            "info": _INFO,
            "paths": paths,
            "components": {"schemas": schemas},
        }

    def _version_two(self) -> Object:
        definitions: Object = {}
        paths: Object = {}
        for resource in self._kinds.all():
            definitions |= _schemas(resource, _V2)
            paths |= dict(_paths(resource))
        return {"swagger": "2.0", "info": _INFO, "paths": paths, "definitions": definitions}


def _root(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _gvk(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _paths(resource: Resource) -> Iterator[tuple[str, Object]]:
    root = f"/{_root(resource.group, resource.version)}"
    if resource.namespaced:
        root += "/namespaces/{namespace}"
    kind = {"x-kubernetes-group-version-kind": _gvk(resource)}
    responses = {"200": {"description": "OK"}}
    collection, one = f"{root}/{resource.plural}", f"{root}/{resource.plural}/{{name}}"
    common: Object = {"parameters": _PARAMETERS, "responses": responses, **kind}
    yield (
        collection,
        {
            "get": {"x-kubernetes-action": "list", **common},
            "post": {"x-kubernetes-action": "post", **common},
        },
    )
    yield (
        one,
        {
            "get": {"x-kubernetes-action": "get", **common},
            "put": {"x-kubernetes-action": "put", **common},
            "patch": {"x-kubernetes-action": "patch", **common},
            "delete": {"x-kubernetes-action": "delete", **common},
        },
    )


def _schemas(resource: Resource, prefix: str) -> Object:
    """The schemas that a kind needs, by name."""
    made: Object = {}
    if resource.custom:
        name = ".".join(reversed(resource.group.split("."))) + f".{resource.version}.{resource.kind}"
        made[name] = _custom(resource, prefix, made)
    else:
        name = _name(resource.type_name)
        _struct(resource.type, prefix, made)
    made[name] = made[name] | {"x-kubernetes-group-version-kind": [_gvk(resource)]}
    return made


def _custom(resource: Resource, prefix: str, made: Object) -> Object:
    version = next(
        one for one in dig(resource.definition, "spec", "versions") if one["name"] == resource.version
    )
    schema: Object = dict(version["schema"]["openAPIV3Schema"])
    own = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": _struct(struct("meta.v1.ObjectMeta"), prefix, made),
    }
    schema["properties"] = own | (schema.get("properties") or {})
    copied: Object = json.loads(encode(schema))
    return copied


_PREFIXES = {
    "meta": "io.k8s.apimachinery.pkg.apis.meta",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
}


def _name(short: str) -> str:
    family, _, rest = short.partition(".")
    return f"{_PREFIXES.get(family, f'io.k8s.api.{family}')}.{rest}"


def _struct(type_: Type, prefix: str, made: Object) -> Object:
    """A reference to a struct, whose schema goes into *made*."""
    name = _name(type_.name)
    if name not in made:
        made[name] = {}
        properties = {}
        for key, field in type_.fields.items():
            shown = _schema(field.type, prefix, made)
            if field.enum:
                shown["enum"] = list(field.enum)
            properties[key] = shown
        schema: Object = {"type": "object", "properties": properties}
        required = [key for key, field in type_.fields.items() if field.required]
        if required:
            schema["required"] = required
        if type_.atomic:
            schema["x-kubernetes-map-type"] = "atomic"
        made[name] = schema
    return {"$ref": prefix + name}


def _schema(type_: Type, prefix: str, made: Object) -> Object:
    match type_.shape:
        case "struct":
            reference = _struct(type_, prefix, made)
            return {"allOf": [reference]} if prefix == _V3 else reference
        case "map":
            inner = _schema(type_.element, prefix, made) if type_.element else {}
            return {"type": "object", "additionalProperties": inner}
        case "list":
            return _list(type_, prefix, made)
        case "scalar":
            return dict(_SCALARS.get(type_.scalar, {}))
        case _:
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _list(type_: Type, prefix: str, made: Object) -> Object:
    items = _schema(type_.element, prefix, made) if type_.element else {}
    schema: Object = {"type": "array", "items": items}
    if type_.keys:
        schema["x-kubernetes-list-type"] = "map"
        schema["x-kubernetes-list-map-keys"] = list(type_.keys)
    else:
        schema["x-kubernetes-list-type"] = "set" if type_.unique else "atomic"
    if type_.merges:
        schema["x-kubernetes-patch-strategy"] = "merge"
        if type_.merge_key:
            schema["x-kubernetes-patch-merge-key"] = type_.merge_key
    return schema
