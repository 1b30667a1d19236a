"""
Changes of volumes. Claim templates are made once: only a larger size is something to talk about.

What counts is what holds for a data centre, wherever it is written: a size may move from one level to the
other. Texts that are no quantities are left to `admission`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controller.api.v2 import quantity
from controller.domain.changes.common import (
    Facts,
    Held,
    Rule,
    Spec,
    by_name,
    dcs,
    exists,
    held,
    put_back,
    racks,
)

CAPACITY, CLASS, FURTHER = "dataCapacity", "dataStorageClass", "storageConfigs"


# What is put back, in turn, until a data centre has its volumes as they were: where it changed, if that is
# enough, but the class depends on where the size is written.
_STAGES = (
    ("dc", (CAPACITY,)),
    ("dc", (CLASS,)),
    ("spec", (CAPACITY,)),
    ("spec", (CLASS,)),
    ("dc", (CAPACITY, CLASS)),
)


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put volumes back that would shrink, come, go, or change their class."""
    before = by_name(dcs(old))
    pairs = [
        (before[dc["name"]], dc, index)
        for index, dc in enumerate(new["topology"]["dc"])
        if dc["name"] in before and exists(before[dc["name"]], facts)
    ]
    sizes = {dc["name"]: _made_with(had, old, facts) for had, dc, _ in pairs}
    refused = [one for had, dc, index in pairs for one in _refusals(old, new, had, dc, index, sizes)]
    if refused:
        _restore(old, new, [(had, dc) for had, dc, _ in pairs], sizes)
    if facts.nodes:
        refused += _further(old, new)
    return refused


def _made_with(had: Spec, old: Spec, facts: Facts) -> str:
    """Return the size of the data volumes that a data centre has, the largest; "" if it has none.

    That is what cannot shrink: a larger size that was accepted, and is not there yet, can be taken back.
    """
    known = [facts.capacity[rack] or "" for rack in racks(had) if rack in facts.capacity]
    if not known:
        return str(had.get(CAPACITY) or old.get(CAPACITY) or "")
    return max(known, key=lambda size: quantity.parse(size) if size else -1)


def _refusals(  # noqa: PLR0913, PLR0917 # one data centre, before and after
    old: Spec, new: Spec, had: Spec, dc: Spec, index: int, sizes: Mapping[str, str]
) -> Iterator[Held]:
    """Yield what is refused for the data volumes of one data centre."""
    for member, found in _wrong(old, new, had, dc, sizes).items():
        rule, words = found
        own = dc.get(CAPACITY) if member == CAPACITY else dc.get(CAPACITY) and CLASS in dc
        path = f"spec.topology.dc[{index}].{member}" if own else f"spec.{member}"
        yield held(path, rule, dc=dc["name"], **words)


def _restore(old: Spec, new: Spec, pairs: list[tuple[Spec, Spec]], sizes: Mapping[str, str]) -> None:
    """Change *new* back until nothing is wrong with the volumes of *pairs*."""
    for level, members in _STAGES:
        for had, dc in pairs:
            if _wrong(old, new, had, dc, sizes).keys() & members:
                source, target = (had, dc) if level == "dc" else (old, new)
                for member in members:
                    put_back(source, target, member)
    # What was put back for one may have moved another.
    if any(_wrong(old, new, had, dc, sizes) for had, dc in pairs):
        for source, target in ((old, new), *pairs):
            for member in (CAPACITY, CLASS):
                put_back(source, target, member)


def _wrong(
    old: Spec, new: Spec, had: Spec, dc: Spec, sizes: Mapping[str, str]
) -> dict[str, tuple[Rule, dict[str, Any]]]:
    """Return what is wrong with each field, by its name."""
    size = sizes[dc["name"]]
    found = {CAPACITY: _capacity(new, dc, size), CLASS: _class(old, new, had, dc) if size else None}
    return {member: wrong for member, wrong in found.items() if wrong is not None}


def _capacity(new: Spec, dc: Spec, was: str) -> tuple[Rule, dict[str, Any]] | None:
    """Return what is wrong with the size that *dc* comes to in *new*; it *was* made with another."""
    wants = dc.get(CAPACITY) or new.get(CAPACITY)
    if not was and wants:
        return Rule.VOLUMES_ADDED, {}
    if was and not wants:
        return Rule.VOLUMES_REMOVED, {"old": was}
    try:
        less = bool(was and wants) and quantity.parse(wants) < quantity.parse(was)
    except quantity.QuantityError:
        return None
    return (Rule.VOLUMES_SHRINK, {"old": was, "new": wants}) if less else None


def _class(old: Spec, new: Spec, had: Spec, dc: Spec) -> tuple[Rule, dict[str, Any]] | None:
    """Return what is wrong with the storage class that *dc* comes to in *new*."""
    was = had.get(CLASS) if had.get(CAPACITY) else old.get(CLASS)
    wants = dc.get(CLASS) if dc.get(CAPACITY) else new.get(CLASS)
    if (was or "") == (wants or ""):
        return None
    return Rule.STORAGE_CLASS, {"old": f"class {was}" if was else "the default class"}


def _further(old: Spec, new: Spec) -> list[Held]:
    """Put `storageConfigs` back, but for where the volumes are mounted, which may change."""
    before, after = by_name(old.get(FURTHER) or []), by_name(new.get(FURTHER) or [])
    if {name: _claim(v) for name, v in before.items()} == {name: _claim(v) for name, v in after.items()}:
        return []
    listed = [
        {**volume, "mountPath": after.get(name, volume)["mountPath"]} for name, volume in before.items()
    ]
    put_back({FURTHER: listed} if listed else {}, new, FURTHER)
    return [held(f"spec.{FURTHER}", Rule.FURTHER_VOLUMES, old=", ".join(before) or "there were none")]


def _claim(volume: Spec) -> object:
    """Return what is asked of a volume, sizes as numbers."""
    claim = volume["pvcSpec"]
    size = ((claim.get("resources") or {}).get("requests") or {}).get("storage")
    try:
        amount: object = quantity.parse(size)
    except quantity.QuantityError:
        amount = size
    return {**claim, "resources": amount}
