"""
Changes of data centres and racks, by name.

Whole data centres may come, and go one at a time once they are empty; the racks of one that has nodes stay
as they are. The order of the lists means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.changes.common import Facts, Held, Rule, Spec, by_name, dcs, exists, held, racks


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put data centres and racks back that may not come, go or change their name."""
    before, after = dcs(old), dcs(new)
    refused: list[Held] = []
    result = _data_centres(before, after, facts, refused)
    kept = by_name(before)
    for dc in result:
        had = kept.get(dc["name"])
        if had is not None and exists(had, facts):
            index = next((i for i, each in enumerate(after) if each["name"] == dc["name"]), None)
            if index is not None:
                dc["rack"] = _racks(had, dc, f"spec.topology.dc[{index}]", refused)
    if refused:
        new["topology"]["dc"] = result
    return refused


def _data_centres(before: list[Spec], after: list[Spec], facts: Facts, refused: list[Held]) -> list[Spec]:
    """Return the data centres to go on with, and note what is refused of *after*."""
    had, has = by_name(before), by_name(after)
    result = [dict(dc) for dc in after]
    for index, dc, other in _renamed(before, after):
        if exists(dc, facts):
            refused.append(
                held(f"spec.topology.dc[{index}].name", Rule.DC_RENAMED, old=dc["name"], new=other["name"])
            )
            result[index] = dict(dc)
    there = by_name(result)
    missing = [dc for dc in before if dc["name"] not in has and dc["name"] not in there]
    removed = [dc for dc in missing if exists(dc, facts)]
    for dc in removed:
        rule = _not_removable(dc, facts, alone=len(removed) == 1)
        if rule is not None:
            refused.append(held("spec.topology.dc", rule, dc=dc["name"]))
            result.insert(list(had).index(dc["name"]), dict(dc))
    return result


def _renamed(before: list[Spec], after: list[Spec]) -> Iterator[tuple[int, Spec, Spec]]:
    """Yield position, old and new item where nothing but a name can have changed."""
    old, new = {item["name"] for item in before}, {item["name"] for item in after}
    if len(before) == len(after):
        for index, (dc, other) in enumerate(zip(before, after, strict=True)):
            if dc["name"] not in new and other["name"] not in old:
                yield index, dc, other


def _not_removable(dc: Spec, facts: Facts, *, alone: bool) -> Rule | None:
    """Return why a data centre that has StatefulSets cannot be removed."""
    if not alone:
        return Rule.DCS_REMOVED
    if facts.scaling_down:
        return Rule.DC_REMOVED_BUSY
    if sum(facts.nodes.get(rack, 0) for rack in racks(dc)):
        return Rule.DC_REMOVED_WITH_NODES
    return None


def _racks(had: Spec, dc: Spec, path: str, refused: list[Held]) -> list[Spec]:
    """Return the racks of a data centre that exists, and note what is refused of a change of them."""
    before, after = had["rack"], dc["rack"]
    old, new = by_name(before), by_name(after)
    result = [dict(rack) for rack in after]
    for index, rack, other in _renamed(before, after):
        refused.append(
            held(
                f"{path}.rack[{index}].name",
                Rule.RACK_RENAMED,
                dc=dc["name"],
                old=rack["name"],
                new=other["name"],
            )
        )
        result[index] = dict(rack)
    for index, rack in enumerate(after):
        if rack["name"] not in old and result[index]["name"] == rack["name"]:
            refused.append(held(f"{path}.rack[{index}]", Rule.RACK_ADDED, dc=dc["name"], rack=rack["name"]))
    result = [rack for rack in result if rack["name"] in old]
    there = by_name(result)
    for index, rack in enumerate(before):
        if rack["name"] not in new and rack["name"] not in there:
            refused.append(held(f"{path}.rack", Rule.RACK_REMOVED, dc=dc["name"], rack=rack["name"]))
            result.insert(index, dict(rack))
    return result
