"""
Hashes of built objects.

Equal objects have equal hashes, whatever the order of their members and whichever version of the
operator built them. A hash is for noticing that something is to be done, never for trusting content.
"""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
import json
from typing import Any

from controller.api.v2 import names
from controller.api.v2.jsonvalues import JsonMap, thaw

_LENGTH = 16


def canonical_json(value: JsonMap) -> str:
    """Return *value* as JSON with sorted members and no spaces."""
    return json.dumps(thaw(value), sort_keys=True, separators=(",", ":"))


def short_hash(value: JsonMap) -> str:
    """Return 16 hexadecimal digits that stand for *value*."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:_LENGTH]


def template_hash(statefulset: JsonMap) -> str:
    """Return the hash of what may change in a StatefulSet without a change of its size.

    That is the pod template and the update strategy; claim templates and selector cannot change.
    """
    spec: Mapping[str, Any] = statefulset["spec"]
    return short_hash({"template": spec["template"], "updateStrategy": spec["updateStrategy"]})


def stamped(obj: dict[str, Any]) -> dict[str, Any]:
    """Return *obj* with an annotation that holds the hash of all its other content."""
    metadata = obj["metadata"]
    annotations = {**metadata.get("annotations", {}), names.OBJECT_HASH: short_hash(obj)}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}
