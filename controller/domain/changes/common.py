"""What the rules on changes have in common: facts, verdicts, words, and ways around in a raw spec."""

from __future__ import annotations

from collections.abc import Mapping
import enum
from typing import Any

import attrs

from controller.api.v2 import names

# A spec as plain JSON, which rules put back in part.
Spec = dict[str, Any]


@attrs.frozen(kw_only=True)
class Facts:
    """What exists.

    *nodes* has the size of each rack that has a StatefulSet, by `<dc>-<rack>`; *joined* names the racks
    with a node that has ever joined the ring; *scaling_down* tells that nodes are being decommissioned.
    *cluster* is the name of the CassandraCluster. *capacity* has what the data volumes of racks were made
    with, None for none: the spec may have asked for more since, and not have got it yet.
    """

    cluster: str = ""
    nodes: Mapping[str, int] = attrs.field(factory=dict)
    joined: frozenset[str] = frozenset()
    scaling_down: bool = False
    # Racks, by `<dc>-<rack>`, that were taken out of the spec and have nodes yet.
    leaving: frozenset[str] = frozenset()
    capacity: Mapping[str, str | None] = attrs.field(factory=dict)
    # What the nodes said, when they were last asked, that they run.
    releases: frozenset[str] = frozenset()


class Rule(enum.Enum):
    """Why a change is refused; the value is the sentence that a user reads, what to do included."""

    EMPTY_CLUSTER = (
        "a cluster cannot be of size 0; write at least 1, "
        "or set `nodesPerRacks: 0` in a data centre to empty that one"
    )
    VOLUMES_SHRINK = (
        "{new} is less than the {old} that the volumes of {dc} were made with, and volumes cannot shrink; "
        "write {old} or more"
    )
    VOLUMES_REMOVED = (
        "nodes of {dc} have their data on volumes of {old}, which cannot be taken away; write {old} again"
    )
    VOLUMES_ADDED = (
        "nodes of {dc} were made without volumes and cannot get any; remove it, "
        "or move to another data centre that has volumes"
    )
    STORAGE_CLASS = (
        "the volumes of {dc} were made with {old} and cannot change it; put it back, "
        "or move to another data centre with another class"
    )
    FURTHER_VOLUMES = (
        "existing nodes cannot get, lose or change further volumes; put them back as they were: {old}"
    )
    DC_RENAMED = (
        "data centre {old} cannot be renamed to {new}, since its nodes carry the name; write {old} again, "
        "or add {new} beside it"
    )
    RACK_RENAMED = (
        "rack {old} of {dc} cannot be renamed to {new}, since its nodes carry the name; write {old} again"
    )
    RACK_EXCHANGED = (
        "rack {rack} cannot come to {dc} in the edit that takes rack {old} out, which may be the same nodes "
        "under another name; write {old} again, and take it out when {rack} has its nodes"
    )
    DCS_REMOVED = (
        "data centre {dc} cannot be removed together with others; put it back, and remove one at a time"
    )
    DC_REMOVED_BUSY = (
        "data centre {dc} cannot be removed while nodes are being decommissioned; put it back, "
        "and remove it when that is done"
    )
    DC_REMOVED_WITH_NODES = (
        "data centre {dc} has nodes; put it back with `nodesPerRacks: 0`, and remove it when they are gone"
    )
    ONLY_AT_BOOTSTRAP = (
        "{key} was {old} when the nodes of {rack} joined, and Cassandra cannot change it afterwards; "
        "write it so again, or move to another data centre"
    )
    VERSION_STEP = (
        "nodes run Cassandra {old}, which cannot be upgraded to {new} in one step; write an image of {by} "
        "first, or {image} again. The configuration waits with it. If the image is of another version than "
        "that, say so in spec.serverVersion"
    )
    VERSION_BACK = (
        "nodes run Cassandra {old} and have written data that {new} cannot read; write {image} again, or an "
        "image of {old}. The configuration waits with it. If the image is of another version than that, "
        "say so in spec.serverVersion"
    )
    VERSION_BUSY = (
        "nodes run Cassandra {running}: an upgrade is under way. Write {image} again until all nodes run "
        "{newest}, and {new} then. The configuration waits with it"
    )


# Rules that turn on what nodes have told, which an admission policy cannot ask.
TOLD_BY_NODES = frozenset({Rule.VERSION_STEP, Rule.VERSION_BACK, Rule.VERSION_BUSY})


@attrs.frozen(kw_only=True)
class Held:
    """A part of an edit that is not carried out: *path* is where to look in the spec."""

    path: str
    rule: Rule
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def held(path: str, rule: Rule, **words: object) -> Held:
    """Return a refusal with the words of *rule*."""
    return Held(path=path, rule=rule, message=rule.value.format(**words))


def put_back(old: Mapping[str, Any], new: dict[str, Any], member: str) -> None:
    """Give *member* of *new* the value that *old* has, or none."""
    if member in old:
        new[member] = old[member]
    else:
        new.pop(member, None)


def dcs(spec: Spec) -> list[Spec]:
    """Return the data centres of a spec, the defaults for absent ones included."""
    listed = (spec.get("topology") or {}).get("dc") or [{"name": "dc1"}]
    return [dc if dc.get("rack") else {**dc, "rack": [{"name": "rack1"}]} for dc in listed]


def by_name(items: list[Spec]) -> dict[str, Spec]:
    """Return named items by their names."""
    return {item["name"]: item for item in items}


def racks(dc: Spec) -> list[str]:
    """Return the names of a data centre's racks, as status and facts have them."""
    return [names.rack_name(dc["name"], rack["name"]) for rack in dc["rack"]]


def exists(dc: Spec, facts: Facts) -> bool:
    """Tell whether any rack of *dc* has a StatefulSet."""
    return any(rack in facts.nodes for rack in racks(dc))
