"""
Changes of data centres and racks, by name.

Whole data centres may come, and go one at a time once they are empty. Racks may come to a data centre that
has nodes, and go with their nodes: whether those can be spared is for the plan to prove. The order of the
lists means nothing, but to tell another name from another rack.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.api.v2 import names
from controller.domain.changes.common import Facts, Held, Rule, Spec, by_name, dcs, exists, held, racks


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put data centres and racks back that may not come, go or change their name."""
    before, after = dcs(old), dcs(new)
    refused: list[Held] = []
    going = leaving(old, new, facts)
    result = _data_centres(before, after, facts, refused)
    kept = by_name(before)
    for dc in result:
        had = kept.get(dc["name"])
        if had is not None and exists(had, facts):
            index = next((i for i, each in enumerate(after) if each["name"] == dc["name"]), None)
            if index is not None:
                dc["rack"] = _racks(had, dc, f"spec.topology.dc[{index}]", facts, refused)
    if refused or going:
        new["topology"]["dc"] = result
    return refused


def _data_centres(before: list[Spec], after: list[Spec], facts: Facts, refused: list[Held]) -> list[Spec]:
    """Return the data centres to go on with, and note what is refused of *after*."""
    had, has = by_name(before), by_name(after)
    result = [dict(dc) for dc in after]
    for index, dc, other in _renamed([dc for dc in before if exists(dc, facts)], before, after):
        words = {"old": dc["name"], "new": other["name"]}
        refused.append(held(f"spec.topology.dc[{index}].name", Rule.DC_RENAMED, **words))
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


def _renamed(there: list[Spec], before: list[Spec], after: list[Spec]) -> Iterator[tuple[int, Spec, Spec]]:
    """Yield position, old and new item of those *there* where nothing but a name can have changed."""
    old, new = {item["name"] for item in before}, {item["name"] for item in after}
    if len(before) == len(after):
        for index, (dc, other) in enumerate(zip(before, after, strict=True)):
            if dc in there and dc["name"] not in new and other["name"] not in old:
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


def leaving(old: Spec, new: Spec, facts: Facts) -> frozenset[str]:
    """Return the racks that are to be emptied and removed: existing ones that *new* no longer lists.

    They are those that were leaving before, and those that the change takes out. *new* is as written.
    """
    after = by_name(dcs(new))
    found: set[str] = set()
    for dc in dcs(old):
        asked = racks(after[dc["name"]]) if dc["name"] in after else None
        there = [rack for rack in racks(dc) if rack in facts.nodes and rack not in (asked or ())]
        found.update(rack for rack in there if rack in facts.leaving)
        if asked is not None and not _gained(dc, after[dc["name"]]):
            found.update(there)
    return frozenset(found)


def _gained(had: Spec, dc: Spec) -> list[Spec]:
    """Return the racks that *dc* has and *had* has not."""
    old = by_name(had["rack"])
    return [rack for rack in dc["rack"] if rack["name"] not in old]


def _racks(had: Spec, dc: Spec, path: str, facts: Facts, refused: list[Held]) -> list[Spec]:
    """Return the racks to go on with of a data centre that exists, and note what is refused of a change.

    Racks may come, and they may go, not both at once: that cannot be told from other names for the same
    nodes. Those that go stay in the list, at its end, until nothing of them exists.
    """
    before, after = had["rack"], dc["rack"]
    kept, old = by_name(after), by_name(before)
    missing = [
        rack
        for rack, name in zip(before, racks(had), strict=True)
        if rack["name"] not in kept and name in facts.nodes
    ]
    lost = [rack for rack in missing if names.rack_name(dc["name"], rack["name"]) not in facts.leaving]
    gained = _gained(had, dc)
    result = [dict(rack) for rack in after]
    if not lost or not gained:
        return [*result, *(dict(rack) for rack in missing)]
    renamed = list(_renamed(lost, before, after))
    for index, rack, other in renamed:
        words = {"dc": dc["name"], "old": rack["name"], "new": other["name"]}
        refused.append(held(f"{path}.rack[{index}].name", Rule.RACK_RENAMED, **words))
        result[index] = dict(rack)
    if not renamed:
        index = after.index(gained[0])
        words = {"dc": dc["name"], "rack": gained[0]["name"], "old": lost[0]["name"]}
        refused.append(held(f"{path}.rack[{index}]", Rule.RACK_EXCHANGED, **words))
    result = [rack for rack in result if rack["name"] in old]
    there = by_name(result)
    for index, rack in enumerate(before):
        if rack in lost and rack["name"] not in there:
            result.insert(index, dict(rack))
    return [*result, *(dict(rack) for rack in missing if rack not in lost)]
