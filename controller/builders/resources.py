"""Resources of containers and claims, with quantities as an API server stores them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.api.v2 import quantity
from controller.api.v2.jsonvalues import JsonMap, thaw

# What CassKop gives each init container.
INIT_RESOURCES = {
    "requests": {"cpu": "500m", "memory": "512Mi"},
    "limits": {"cpu": "500m", "memory": "512Mi"},
}
BACKREST_RESOURCES = {
    "requests": {"cpu": "500m", "memory": "1Gi"},
    "limits": {"cpu": "500m", "memory": "1Gi"},
}


def canonical_requirements(requirements: JsonMap) -> dict[str, Any]:
    """Return *requirements* with each quantity as an API server stores it."""
    plain = thaw(requirements)
    for kind in ("limits", "requests"):
        if isinstance(plain.get(kind), Mapping):
            plain[kind] = {name: quantity.canonical(amount) for name, amount in plain[kind].items()}
    return plain


def canonical_resources(holder: JsonMap) -> dict[str, Any]:
    """Return *holder*, a container or a claim's spec, with the quantities of its `resources` canonical."""
    plain = thaw(holder)
    if isinstance(plain.get("resources"), Mapping):
        plain["resources"] = canonical_requirements(plain["resources"])
    return plain
