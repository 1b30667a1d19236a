"""
Whether CassKop still runs here.

It elects its leader "for life": the ConfigMap `casskop-lock` belongs to the pod that leads, and goes when
the pod does. It knows nothing of our Lease. Two operators of two makes would undo each other's work, so
we act only when the lock is gone, or its pod is.
"""

from __future__ import annotations

from typing import Any

from controller.api.v2 import names
from controller.domain.errors import NotFoundError
from controller.kube.kinds import CONFIG_MAP, POD
from controller.kube.reader import KubeReader

# A pod in one of these phases runs nothing any more.
_OVER = frozenset({"Succeeded", "Failed"})


def casskop_leader(reader: KubeReader, namespace: str) -> str | None:
    """
    Return the name of the pod in which CassKop leads in *namespace*, None if there is none.

    Read live. Raises what *reader* does: then nobody knows.
    """
    try:
        lock = reader.get(CONFIG_MAP, namespace, names.CASSKOP_LOCK)
    except NotFoundError:
        return None
    for owner in lock["metadata"].get("ownerReferences") or ():
        if owner["kind"] == POD.kind and _runs(reader, namespace, owner):
            return str(owner["name"])
    return None


def _runs(reader: KubeReader, namespace: str, owner: dict[str, Any]) -> bool:
    """Tell whether the pod that *owner* names is there, and not over; another of its name does not count."""
    try:
        pod = reader.get(POD, namespace, owner["name"])
    except NotFoundError:
        return False
    same = pod["metadata"]["uid"] == owner["uid"]
    return same and (pod.get("status") or {}).get("phase") not in _OVER
