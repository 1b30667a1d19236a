"""
What CassKop itself keeps on a StatefulSet: the text that it compares the next one with.

It is written for revision 0 only, so that a cluster can go back to CassKop without a restart.
"""

from __future__ import annotations

import base64
import io
from typing import Any
import zipfile

from controller.api.v2.jsonvalues import JsonMap
from controller.builders import gojson

_FILE = "original"


def last_applied(statefulset: JsonMap, *, replicas: int) -> str:
    """Return the annotation for *statefulset*: base64 of a zip archive with one file, `original`.

    *replicas* is the size that the spec asks for, which may be ahead of that of the StatefulSet. The
    archive is not compressed: then it is the same text with every version of zlib.
    """
    metadata, spec = statefulset["metadata"], statefulset["spec"]
    original: dict[str, Any] = {
        "metadata": {key: metadata[key] for key in ("labels", "name", "namespace")},
        "spec": {**spec, "replicas": replicas},
        "status": {"availableReplicas": 0, "replicas": 0},
    }
    if "volumeClaimTemplates" in spec:
        claims = [{**claim, "status": {}} for claim in spec["volumeClaimTemplates"]]
        original["spec"]["volumeClaimTemplates"] = claims
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        writer.writestr(zipfile.ZipInfo(_FILE), gojson.dumps(original))
    return base64.b64encode(archive.getvalue()).decode()
