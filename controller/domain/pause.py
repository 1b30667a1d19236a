"""
A cluster whose reconciliation its user has paused: nothing is done, and status says so.

What is seen of it is still told, since a status that stood still would claim what may be so no longer.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.api.v2 import names
from controller.domain.actions import Hold
from controller.domain.conditions import Finding

_PATH = f"metadata.annotations[{names.PAUSED}]"
REASON = "Paused"


def paused(annotations: Mapping[str, str]) -> bool:
    """Tell whether *annotations* of a CassandraCluster pause it."""
    return annotations.get(names.PAUSED, "").strip().lower() == "true"


def hold() -> Hold:
    """Return the only thing that is planned for a paused cluster."""
    return Hold(
        reason=REASON,
        path=_PATH,
        why=f"the annotation {names.PAUSED} is true: nothing is changed until it is removed",
    )


def finding(*, is_paused: bool) -> Finding:
    """Return the condition `Paused`, whose time tells since when."""
    if is_paused:
        return Finding(type="Paused", status=True, reason="Annotated", message=hold().why)
    return Finding(type="Paused", status=False, reason="NotAnnotated", message="the cluster is looked after")
