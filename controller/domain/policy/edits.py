"""Which edits are refused: the checks that stand for rules of `changes`."""

from __future__ import annotations

from typing import Final

from controller.domain.changes import Rule
from controller.domain.policy.cel import (
    CAPACITY,
    CLASS,
    DC_PATH,
    LIVED,
    NEW,
    OLD,
    RACK_PATH,
    WAS_CAPACITY,
    WAS_CLASS,
    Check,
    at,
    each_dc,
    each_rack,
    level_path,
)

_PACKAGE: Final = "org.apache.cassandra.dht."
# Settings of cassandra.yaml that cannot change once a node has joined, with what silence means, as CEL.
# What an image ships as `num_tokens` depends on its version, which is the operator's to know.
_BOOTSTRAP: Final = {"num_tokens": "null", "partitioner": '"Murmur3Partitioner"'}
_BOTH = f'{WAS_CAPACITY} != "" && {CAPACITY} != ""'
_SIZES = f"isQuantity({WAS_CAPACITY}) && isQuantity({CAPACITY})"


def checks() -> tuple[Check, ...]:
    """Return all checks that look at what was there before."""
    return (
        *_storage(),
        *_topology(),
        *(_bootstrap(key, silent) for key, silent in _BOOTSTRAP.items()),
    )


def _storage() -> tuple[Check, ...]:
    """Return the changes of volumes that are refused."""
    path = level_path("dataCapacity")
    less = f"quantity({CAPACITY}).isLessThan(quantity({WAS_CAPACITY}))"
    before = "variables.old.?storageConfigs.orValue([])"
    after = "variables.spec.?storageConfigs.orValue([])"
    other = f"!({before}.all(a, {after}.exists(b, a.name == b.name)) && size({before}) == size({after}))"
    listed = f'(size({before}) > 0 ? {before}.map(a, a.name).join(", ") : "there were none")'
    said = f'({WAS_CLASS} != "" ? "class " + {WAS_CLASS} : "the default class")'
    return (
        Check(
            name="volumesShrink",
            change=True,
            messages=each_dc(
                f"{LIVED} && !variables.growing && {_BOTH} && {_SIZES} && {less}",
                at(path, Rule.VOLUMES_SHRINK.value, dc="<dc>.name", old=WAS_CAPACITY, new=CAPACITY),
            ),
        ),
        Check(
            name="volumesRemoved",
            change=True,
            messages=each_dc(
                f'{LIVED} && {WAS_CAPACITY} != "" && {CAPACITY} == ""',
                at(path, Rule.VOLUMES_REMOVED.value, dc="<dc>.name", old=WAS_CAPACITY),
            ),
        ),
        Check(
            name="volumesAdded",
            change=True,
            messages=each_dc(
                f'{LIVED} && {WAS_CAPACITY} == "" && {CAPACITY} != ""',
                at(path, Rule.VOLUMES_ADDED.value, dc="<dc>.name"),
            ),
        ),
        Check(
            name="storageClass",
            change=True,
            messages=each_dc(
                f'{LIVED} && {WAS_CAPACITY} != "" && {WAS_CLASS} != {CLASS}',
                at(level_path("dataStorageClass"), Rule.STORAGE_CLASS.value, dc="<dc>.name", old=said),
            ),
        ),
        Check(
            name="furtherVolumes",
            change=True,
            messages=f"[true].filter(any, size(variables.lived) > 0 && {other}).map(any, "
            + at('"spec.storageConfigs"', Rule.FURTHER_VOLUMES.value, old=listed)
            + ")",
        ),
    )


def _topology() -> tuple[Check, ...]:
    """Return the changes of data centres and racks that are refused."""
    same = "size(<wasracks>) == size(<racks>)"
    old_rack = "<wasracks>[j]"
    lost = (
        "<wasracks>.filter(r, !<racks>.exists(s, s.name == r.name)"
        ' && variables.joined.exists(k, k == <dc>.name + "-" + r.name))'
    )
    renamed_rack = (
        f"{same} && {lost}.exists(r, r.name == {old_rack}.name)"
        " && !<wasracks>.exists(r, r.name == <rack>.name)"
    )
    gone = (
        "variables.olds.filter(o, !variables.dcs.exists(d, d.name == o.name)"
        " && variables.lived.exists(d, d == o.name) && !variables.renamed.exists(d, d == o.name))"
    )
    nodes = "(has(o.nodesPerRacks) ? o.nodesPerRacks : variables.old.?nodesPerRacks.orValue(1)) > 0"
    busy = (
        'oldObject.?status.?lastClusterAction.orValue("") == "ScaleDown"'
        ' && !(oldObject.?status.?lastClusterActionStatus.orValue("") in ["Done", "ToDo"])'
    )
    dcs = '"spec.topology.dc"'
    return (
        Check(
            name="dcRenamed",
            change=True,
            messages=each_dc(
                "i < size(variables.olds) && variables.renamed.exists(d, d == variables.olds[i].name)",
                at(
                    f'{DC_PATH} + ".name"',
                    Rule.DC_RENAMED.value,
                    old="variables.olds[i].name",
                    new="<dc>.name",
                ),
            ),
        ),
        Check(
            name="dcsRemoved",
            change=True,
            messages=f"(size({gone}) > 1 ? {gone} : []).map(o,"
            f" {at(dcs, Rule.DCS_REMOVED.value, dc='o.name')})",
        ),
        Check(
            name="dcRemovedBusy",
            change=True,
            messages=f"(size({gone}) == 1 && {busy} ? {gone} : []).map(o,"
            f" {at(dcs, Rule.DC_REMOVED_BUSY.value, dc='o.name')})",
        ),
        Check(
            name="dcRemovedWithNodes",
            change=True,
            messages=f"(size({gone}) == 1 && !({busy}) ? {gone} : []).filter(o, {nodes}).map(o,"
            f" {at(dcs, Rule.DC_REMOVED_WITH_NODES.value, dc='o.name')})",
        ),
        Check(
            name="rackRenamed",
            change=True,
            messages=each_rack(
                f"{LIVED} && {renamed_rack}",
                at(
                    f'{RACK_PATH} + ".name"',
                    Rule.RACK_RENAMED.value,
                    dc="<dc>.name",
                    old=f"{old_rack}.name",
                    new="<rack>.name",
                ),
            ),
        ),
        Check(
            name="rackExchanged",
            change=True,
            messages=each_rack(
                f"{LIVED} && size({lost}) > 0 && !<wasracks>.exists(r, r.name == <rack>.name)"
                f" && !({renamed_rack})",
                at(
                    RACK_PATH,
                    Rule.RACK_EXCHANGED.value,
                    dc="<dc>.name",
                    rack="<rack>.name",
                    old=f"{lost}[0].name",
                ),
            ),
        ),
    )


def _bootstrap(key: str, silent: str) -> Check:
    """Return the check that *key* of cassandra.yaml stays what it was when nodes joined."""

    def setting(level: str) -> str:
        return f'{level}.?config[?"cassandra-yaml"].?{key}'

    def value(rack: str, dc: str, spec: str) -> str:
        return f"{setting(rack)}.or({setting(dc)}).or({setting(spec)}).orValue(null)"

    old_rack = "<wasracks>.filter(r, r.name == <rack>.name)[0]"
    known = f"{LIVED} && <wasracks>.exists(r, r.name == <rack>.name)"
    was = value(old_rack, "<was>", OLD)
    meant, wants = (f"({each} == null ? {silent} : {each})" for each in (was, value("<rack>", "<dc>", NEW)))
    other = (
        f"{meant} != null && {wants} != null"
        f' && string({meant}).replace("{_PACKAGE}", "") != string({wants}).replace("{_PACKAGE}", "")'
    )
    path = (
        f"({setting('<rack>')}.orValue(null) != {setting(old_rack)}.orValue(null) ? {RACK_PATH}"
        f" : {setting('<dc>')}.orValue(null) != {setting('<was>')}.orValue(null) ? {DC_PATH}"
        f' : "spec") + ".config.cassandra-yaml.{key}"'
    )
    joined = 'variables.joined.exists(r, r == <dc>.name + "-" + <rack>.name)'
    return Check(
        name=f"bootstrap{''.join(part.title() for part in key.split('_'))}",
        change=True,
        messages=each_rack(
            f"{known} && {other} && {joined}",
            at(
                path,
                Rule.ONLY_AT_BOOTSTRAP.value.replace("{key}", key),
                old=f'({was} == null ? "left out" : string({was}))',
                rack='<dc>.name + "-" + <rack>.name',
            ),
        ),
    )
