"""
Objects of a model as Kubernetes would have them: what a controller fills in, and what a write changes.

Only what the operator reads is there.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import hashlib
from typing import Any

from controller.api.v2 import names
from controller.builders.apidefaults import stored_statefulset
from controller.plugin.session import Object


def new_claim(name: str, template: Object, owner: Object, *, before: Object | None) -> Object:
    """Return the volume *name* that a pod of *owner* gets; it has the class of *before* if it names none."""
    spec = dict(template["spec"])
    if "storageClassName" not in spec and before is not None and before["spec"].get("storageClassName"):
        spec["storageClassName"] = before["spec"]["storageClassName"]
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return {
        "metadata": {"name": name, "labels": owner["spec"]["selector"]["matchLabels"]},
        "spec": spec,
        "status": {"phase": "Bound", "capacity": {"storage": size}},
    }


def resized(statefulset: Object, replicas: int, *, noted: int | None) -> dict[str, Mapping[str, Any]]:
    """Return metadata and spec with which *replicas* pods run; *noted* is the size of a stopped rack."""
    metadata = statefulset["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(names.STOPPED_SIZE, None)
    if noted is not None:
        annotations[names.STOPPED_SIZE] = str(noted)
    return {
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**statefulset["spec"], "replicas": replicas},
    }


def reference(statefulset: Object) -> Object:
    """Return what a pod says of the StatefulSet that it belongs to."""
    metadata = statefulset["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


def kept(statefulset: Object) -> Object:
    """Return a template as Kubernetes keeps it: with the defaults that a server adds, and its own mark."""
    template: Object = stored_statefulset(statefulset)["spec"]["template"]
    for volume in template["spec"].get("volumes") or ():
        for source in ("configMap", "secret"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
    return {"$patch": "replace", **template}


def template_mark(statefulset: Object) -> object:
    """Return what tells templates apart: the operator's hash of them, or all of it."""
    annotations = statefulset["metadata"].get("annotations") or {}
    return annotations.get(names.TEMPLATE_HASH) or statefulset["spec"]["template"]


def pod_status(*, ready: bool, pod: Object, now: dt.datetime | None = None, name: str = "") -> Object:
    """Return the status of a pod that runs, *ready* or not."""
    old = pod.get("status") or {}
    digest = hashlib.sha256(name.encode()).digest()
    running = {"running": {"startedAt": stamp(now)}} if now is not None else {"running": {}}
    return {
        "phase": "Running",
        "podIP": old.get("podIP") or ".".join(str(byte) for byte in (10, *digest[:3])),
        "containerStatuses": [
            {
                "name": names.CASSANDRA,
                "ready": ready,
                "started": True,
                "restartCount": 0,
                "state": running,
            }
        ],
    }


def stamp(now: dt.datetime) -> str:
    """Return a time as the API has it."""
    return f"{now.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
