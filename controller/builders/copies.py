"""
A StatefulSet as text, from which it can be made again: what CassKop keeps in status while volumes grow.

A copy has all that makes the object what it is, and nothing that the server gave it. Whether two are
alike is told without their sizes, which are free to change meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any

from controller.api.v2 import names
from controller.api.v2.jsonvalues import JsonMap, thaw

# Of the server's making, or another tool's copy of the whole object.
_METADATA = ("annotations", "labels", "name", "namespace", "ownerReferences")
_COPIES = frozenset({"kubectl.kubernetes.io/last-applied-configuration", names.CASSKOP_LAST_APPLIED})


def copy_of(statefulset: JsonMap) -> str:
    """Return the copy of a StatefulSet as it is stored."""
    return json.dumps(_essence(statefulset), sort_keys=True, separators=(",", ":"))


def is_copy(text: str | None, statefulset: JsonMap) -> bool:
    """Tell whether *text* is a copy of *statefulset*, but for its size."""
    found = read_copy(text)
    return found is not None and _unsized(found) == _unsized(statefulset)


def read_copy(text: str | None) -> dict[str, Any] | None:
    """Return the StatefulSet that *text* is a copy of, None if it is none."""
    try:
        obj = json.loads(text or "")
        whole = isinstance(obj["metadata"], dict) and isinstance(obj["spec"]["template"], dict)
    except (ValueError, TypeError, KeyError):
        return None
    return obj if whole else None


def with_capacity(statefulset: JsonMap, capacity: str) -> dict[str, Any]:
    """Return *statefulset* with data volumes of another size."""
    body = dict(thaw(statefulset))
    for template in body["spec"].get("volumeClaimTemplates") or ():
        if template["metadata"]["name"] == names.DATA:
            template["spec"]["resources"]["requests"]["storage"] = capacity
    return body


def _essence(statefulset: Mapping[str, Any]) -> dict[str, Any]:
    metadata = statefulset["metadata"]
    kept = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _COPIES}
    return {"metadata": {**kept, "annotations": annotations}, "spec": statefulset["spec"]}


def _unsized(statefulset: Mapping[str, Any]) -> dict[str, Any]:
    essence = _essence(statefulset)
    return {**essence, "spec": {k: v for k, v in essence["spec"].items() if k != "replicas"}}
