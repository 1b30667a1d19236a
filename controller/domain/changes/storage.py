"""
Changes of volumes. Claim templates are made once: only a larger size is something to talk about.

What counts is what holds for a data centre, wherever it is written: a size may move from one level to the
other. Texts that are no quantities are left to `admission`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.api.v2 import quantity
from controller.domain.changes.common import Facts, Held, Rule, Spec, by_name, dcs, exists, held, put_back

CAPACITY, CLASS, FURTHER = "dataCapacity", "dataStorageClass", "storageConfigs"


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put volumes back that would shrink, come, go, or change their class."""
    refused: list[Held] = []
    before = by_name(dcs(old))
    for index, dc in enumerate(new["topology"]["dc"]):
        had = before.get(dc["name"])
        if had is not None and exists(had, facts):
            refused += _data(old, new, had, dc, index)
    if facts.nodes:
        refused += _further(old, new)
    return refused


def _data(old: Spec, new: Spec, had: Spec, dc: Spec, index: int) -> Iterable[Held]:
    """Yield what is refused for the data volumes of one data centre, after putting it back in *new*."""
    for member, wrong in ((CAPACITY, _capacity), (CLASS, _class)):
        found = wrong(old, new, had, dc)
        if found is None:
            continue
        rule, words = found
        own = member in dc and (member == CLASS or dc[member])
        path = f"spec.topology.dc[{index}].{member}" if own else f"spec.{member}"
        # On the level where it changed, if that is enough; the class depends on where the size is.
        for level, members in (
            ((had, dc), (member,)),
            ((old, new), (member,)),
            ((had, dc), (CAPACITY, CLASS)),
            ((old, new), (CAPACITY, CLASS)),
        ):
            for each in members:
                put_back(*level, each)
            if wrong(old, new, had, dc) is None:
                break
        yield held(path, rule, dc=dc["name"], **words)


def _capacity(old: Spec, new: Spec, had: Spec, dc: Spec) -> tuple[Rule, dict[str, Any]] | None:
    """Return what is wrong with the size that *dc* comes to in *new*."""
    was, wants = had.get(CAPACITY) or old.get(CAPACITY), dc.get(CAPACITY) or new.get(CAPACITY)
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
    has_volumes = had.get(CAPACITY) or old.get(CAPACITY)
    if not has_volumes or (was or "") == (wants or ""):
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
