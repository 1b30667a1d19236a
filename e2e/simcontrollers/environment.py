"""A container's environment: values, and references to the pod's fields, ConfigMaps and Secrets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
import re
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.objects import CONFIG_MAPS, SECRETS, Kind, Obj

_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class MissingReferenceError(Exception):
    """A reference that cannot be resolved: the container cannot be made yet."""


def resolve(
    client: Client, pod: Mapping[str, Any], container: Mapping[str, Any], *, ip: str, host_ip: str
) -> dict[str, str]:
    """Return the environment of *container* in *pod*."""
    values: dict[str, str] = {}
    cache: dict[tuple[Kind, str], Obj | None] = {}
    for source in container.get("envFrom") or []:
        values |= _all_of(client, pod, source, cache)
    for one in container.get("env") or []:
        if "value" in one or not one.get("valueFrom"):
            values[one["name"]] = str(one.get("value") or "")
            continue
        source = one["valueFrom"]
        if "fieldRef" in source:
            path = source["fieldRef"]["fieldPath"]
            values[one["name"]] = _field(pod, path, ip=ip, host_ip=host_ip)
        elif "secretKeyRef" in source or "configMapKeyRef" in source:
            found = _key(client, pod, source, cache)
            if found is not None:
                values[one["name"]] = found
    return values


def _field(pod: Mapping[str, Any], path: str, *, ip: str, host_ip: str) -> str:
    keyed = _KEYED.fullmatch(path)
    if keyed is not None:
        of = objects.labels(pod) if keyed[1] == "labels" else objects.annotations_of(pod)
        return of.get(keyed[2], "")
    match path:
        case "status.podIP":
            return ip
        case "status.hostIP":
            return host_ip
        case "spec.nodeName":
            return str(objects.spec(pod).get("nodeName") or "")
        case "spec.serviceAccountName":
            return str(objects.spec(pod).get("serviceAccountName") or "default")
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(objects.meta(pod).get(path.partition(".")[2]) or "")
        case _:
            raise MissingReferenceError(f"field {path} is not supported")


def _fetch(
    client: Client,
    pod: Mapping[str, Any],
    kind: Kind,
    name: str,
    cache: dict[tuple[Kind, str], Obj | None],
) -> Obj | None:
    if (kind, name) not in cache:
        cache[(kind, name)] = client.get(kind, objects.namespace(pod), name)
    return cache[(kind, name)]


def _content(kind: Kind, obj: Mapping[str, Any]) -> dict[str, str]:
    if kind is CONFIG_MAPS:
        return dict(obj.get("data") or {})
    decoded = {k: base64.b64decode(v).decode() for k, v in (obj.get("data") or {}).items()}
    return decoded | dict(obj.get("stringData") or {})


def _key(
    client: Client,
    pod: Mapping[str, Any],
    source: Mapping[str, Any],
    cache: dict[tuple[Kind, str], Obj | None],
) -> str | None:
    kind = SECRETS if "secretKeyRef" in source else CONFIG_MAPS
    reference = source.get("secretKeyRef") or source["configMapKeyRef"]
    name, key = reference["name"], reference["key"]
    found = _fetch(client, pod, kind, name, cache)
    word = "secret" if kind is SECRETS else "configmap"
    if found is None:
        if reference.get("optional"):
            return None
        raise MissingReferenceError(f'{word} "{name}" not found')
    content = _content(kind, found)
    if key not in content:
        if reference.get("optional"):
            return None
        where = f"{objects.namespace(pod)}/{name}"
        title = "Secret" if kind is SECRETS else "ConfigMap"
        raise MissingReferenceError(f"couldn't find key {key} in {title} {where}")
    return content[key]


def _all_of(
    client: Client,
    pod: Mapping[str, Any],
    source: Mapping[str, Any],
    cache: dict[tuple[Kind, str], Obj | None],
) -> dict[str, str]:
    kind = SECRETS if "secretRef" in source else CONFIG_MAPS
    reference = source.get("secretRef") or source["configMapRef"]
    found = _fetch(client, pod, kind, reference["name"], cache)
    if found is None:
        if reference.get("optional"):
            return {}
        word = "secret" if kind is SECRETS else "configmap"
        raise MissingReferenceError(f'{word} "{reference["name"]}" not found')
    prefix = source.get("prefix") or ""
    return {f"{prefix}{key}": value for key, value in _content(kind, found).items()}
