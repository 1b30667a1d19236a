"""What an API server (1.34) fills in when it stores our objects, as far as our objects leave it out."""

from __future__ import annotations

import copy
from typing import Any

from controller.builders.apidefaults import stored_statefulset

Json = dict[str, Any]


def stored(obj: Json) -> Json:
    """Return *obj* as an API server would return it, without server-side bookkeeping."""
    if obj["kind"] == "StatefulSet":
        return stored_statefulset(obj)
    result = copy.deepcopy(obj)
    if obj["kind"] == "Service":
        _service(result["spec"])
    return result


def _service(spec: Json) -> None:
    _fill(
        spec,
        clusterIPs=["None"],
        internalTrafficPolicy="Cluster",
        ipFamilies=["IPv4"],
        ipFamilyPolicy="SingleStack",
        sessionAffinity="None",
    )
    for port in spec["ports"]:
        _fill(port, targetPort=port["port"])


def _fill(target: Json, **defaults: Any) -> None:  # any JSON
    for name, value in defaults.items():
        target.setdefault(name, value)
