"""
Taking over the fields of an object that another program made: pure.

Who creates or updates an object without applying it owns its fields under its own name, and keeps them:
what we apply later and then stop sending would stay for ever. So the ownership is moved to us once, and
the object itself does not change by that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from controller.api.v2 import names
from controller.api.v2.jsonvalues import thaw
from controller.kube.client import FIELD_MANAGER

Entry = Mapping[str, Any]
# A set of fields as the API server writes it: `{"f:spec": {"f:replicas": {}}}`; "." is the parent itself.
Fields = dict[str, Any]

# Stays with its maker: what we own and do not send is removed, and CassKop may want to come back to it.
SPARED: Fields = {"f:metadata": {"f:annotations": {f"f:{names.CASSKOP_LAST_APPLIED}": {}}}}


def take_over(
    managed_fields: Sequence[Entry],
    *,
    resource_version: str,
    makers: Collection[str],
    manager: str = FIELD_MANAGER,
    spared: Fields = SPARED,
) -> list[dict[str, Any]] | None:
    """
    Return JSON patch operations that give the fields of *makers* to *manager*; None if there are none.

    Only what was written by plain updates of the object itself is moved, but for *spared*; status and
    other subresources stay. The patch fails with a conflict if the object has changed since
    *resource_version*.
    """
    theirs = [entry for entry in managed_fields if _made_by(entry, makers)]
    ours = next((entry for entry in managed_fields if _applied_by(entry, manager)), None)
    moved = {entry["apiVersion"]: Fields() for entry in theirs}
    for entry in theirs:
        fields = _without(entry["fieldsV1"], spared)
        moved[entry["apiVersion"]] = _union(moved[entry["apiVersion"]], fields)
    if not any(moved.values()):
        return None
    # There is one entry for all that we applied, at one version of the API. Paths may differ between
    # versions, so fields written at another are left to nobody.
    base = theirs[0] if ours is None else ours
    union = _union({} if ours is None else ours["fieldsV1"], moved.get(base["apiVersion"], {}))
    entries = [thaw(entry) for entry in managed_fields if entry not in theirs and entry != ours]
    entries += [
        thaw(entry) | {"fieldsV1": kept} for entry in theirs if (kept := _within(entry["fieldsV1"], spared))
    ]
    entries.append(thaw(base) | {"manager": manager, "operation": "Apply", "fieldsV1": union})
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        # Not `test`: this is answered with a conflict, which says more than "invalid".
        {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version},
    ]


def _made_by(entry: Entry, makers: Collection[str]) -> bool:
    return (
        entry.get("manager") in makers
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
        and bool(entry.get("fieldsV1"))
    )


def _applied_by(entry: Entry, manager: str) -> bool:
    return (
        entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")
    )


def _union(one: Fields, other: Fields) -> Fields:
    return {key: _union(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}


def _without(fields: Fields, spared: Fields) -> Fields:
    """Return *fields* less those in *spared*, a leaf of which stands for all below it."""
    kept: Fields = {}
    for key, below in fields.items():
        if key not in spared:
            kept[key] = _union({}, below)
        elif spared[key]:
            rest = _without(below, spared[key])
            # A parent that is left with nothing is no longer a field of anyone.
            if rest or not below:
                kept[key] = rest
    return kept


def _within(fields: Fields, spared: Fields) -> Fields:
    """Return those of *fields* that are in *spared*."""
    kept: Fields = {}
    for key, below in fields.items():
        if key in spared:
            inner = _within(below, spared[key]) if spared[key] else _union({}, below)
            if inner or not spared[key]:
                kept[key] = inner
    return kept
