"""
The ValidatingAdmissionPolicy: what `kubectl apply` can already say, in the operator's words.

It is made from tables of CEL expressions, each next to the words of the rule that it stands for. It knows
less than the operator: it sees one object, and of what exists only what status tells. So it refuses less,
and whatever it lets through the operator judges as well. It can be left out.

`python -m controller.domain.policy` prints it with its binding, as YAML.
"""

from __future__ import annotations

import json
import string
import sys
from typing import Any, Final

import attrs
import yaml

from controller.api.v2.cluster import GROUP, VERSION
from controller.domain.changes import Rule

NAME: Final = f"cassandraclusters.{GROUP}"
_PACKAGE: Final = "org.apache.cassandra.dht."
# CEL has no way to count: positions are looked for among so many. Further ones are the operator's to see.
_MOST: Final = 16
_DC_PATH: Final = '"spec.topology.dc[" + string(i) + "]"'
_RACK_PATH: Final = f'{_DC_PATH} + ".rack[" + string(j) + "]"'
# Settings of cassandra.yaml that cannot change once a node has joined, with what silence means, as CEL.
# What an image ships as `num_tokens` depends on its version, which is the operator's to know.
_BOOTSTRAP: Final = {"num_tokens": "null", "partitioner": '"Murmur3Partitioner"'}


@attrs.frozen(kw_only=True)
class Check:
    """One refusal: *messages* is a CEL expression, the list of what is wrong; empty if nothing is.

    *change* tells that it looks at what was there before.
    """

    name: str
    messages: str
    change: bool = False


def words(template: str, **cel: str) -> str:
    """Return the CEL expression for *template*, in which each `{name}` is the text of an expression."""
    parts: list[str] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        if literal:
            parts.append(json.dumps(literal, ensure_ascii=False))
        if name:
            parts.append(f"string({cel[name]})")
    return " + ".join(parts)


def _at(path: str, template: str, **cel: str) -> str:
    return f'{path} + ": " + {words(template, **cel)}'


def _each_dc(condition: str, message: str) -> str:
    """Return the messages for the positions `i` of data centres `dc` for which *condition* holds."""
    chosen = f"variables.positions.filter(i, i < size(variables.dcs) && ({_with_dc(condition)}))"
    return f"{chosen}.map(i, {_with_dc(message)})"


def _with_dc(expression: str) -> str:
    """Put what `<dc>`, `<was>` and their racks stand for into *expression*.

    `<was>` and `<wasracks>` may only be asked for where `_LIVED` holds.
    """
    return (
        expression.replace("<dc>", "variables.dcs[i]")
        .replace("<was>", "variables.before[i][0]")
        .replace("<racks>", "variables.racks[i]")
        .replace("<wasracks>", "variables.oldRacks[i]")
    )


def _each_rack(condition: str, message: str) -> str:
    """Return the messages for the positions `i` and `j` of racks for which *condition* holds, flat."""
    inner = f"variables.positions.filter(j, j < size(<racks>) && ({condition})).map(j, {message})"
    inner = inner.replace("<rack>", "<racks>[j]")
    nested = f"variables.positions.filter(i, i < size(variables.dcs)).map(i, {_with_dc(inner)})"
    # The first data centre with something to say: there is no way to join lists of lists.
    return (
        f"[{nested}].map(all, all.filter(one, size(one) > 0)).map(found, size(found) > 0 ? found[0] : [])[0]"
    )


def _racks(dc: str) -> str:
    return f'(size({dc}.?rack.orValue([])) > 0 ? {dc}.rack : [{{"name": "rack1"}}])'


def _capacity(dc: str, spec: str) -> str:
    return f'({dc}.?dataCapacity.orValue("") != "" ? {dc}.dataCapacity : {spec}.?dataCapacity.orValue(""))'


def _class(dc: str, spec: str) -> str:
    return (
        f'({dc}.?dataCapacity.orValue("") != "" ? {dc}.?dataStorageClass.orValue("")'
        f' : {spec}.?dataStorageClass.orValue(""))'
    )


def _level_path(member: str) -> str:
    own = f'<dc>.?dataCapacity.orValue("") != "" && has(<dc>.{member})'
    return f'({own} ? {_DC_PATH} + ".{member}" : "spec.{member}")'


_NEW, _OLD = "variables.spec", "variables.old"
# A data centre that was there, and of which a node has joined at some time.
_LIVED = "size(variables.before[i]) > 0 && <dc>.name in variables.lived"
_WAS_CAPACITY, _CAPACITY = _capacity("<was>", _OLD), _capacity("<dc>", _NEW)
_WAS_CLASS, _CLASS = _class("<was>", _OLD), _class("<dc>", _NEW)
_BOTH = f'{_WAS_CAPACITY} != "" && {_CAPACITY} != ""'
_SIZES = f"isQuantity({_WAS_CAPACITY}) && isQuantity({_CAPACITY})"
_NO_QUANTITY = "'{value}' is not a quantity; write a number such as 500m, 2 or 1Gi"


def _static() -> tuple[Check, ...]:
    """Return what is wrong whatever was there before."""
    dc_name = "'{name}' cannot name a data centre; use small letters and digits only and begin with a letter"
    rack_name = "'{name}' cannot name a rack; use small letters and digits only"
    twice = "another {what} ({first}) is named '{name}'; give it a name of its own"
    first_dc = "variables.positions.filter(k, k < i && variables.dcs[k].name == <dc>.name)"
    first_rack = "variables.positions.filter(k, k < j && <racks>[k].name == <rack>.name)"
    policy = f'{_NEW}.?imagepullpolicy.orValue("")'
    known = ("Always", "IfNotPresent", "Never")
    return (
        Check(
            name="emptyCluster",
            messages=f"[{_NEW}.?nodesPerRacks.orValue(1)].filter(size, size == 0).map(size,"
            f" {_at(json.dumps('spec.nodesPerRacks'), Rule.EMPTY_CLUSTER.value)})",
        ),
        Check(
            name="negativeSize",
            messages=f"[{_NEW}.?nodesPerRacks.orValue(1)].filter(size, size < 0).map(size, "
            + _at(
                '"spec.nodesPerRacks"',
                "{size} is not possible; write a number from 1 to 2147483647",
                size="size",
            )
            + ")",
        ),
        Check(
            name="dcNames",
            messages=_each_dc(
                "!<dc>.name.matches('^[a-z][a-z0-9]*$')",
                _at(f'{_DC_PATH} + ".name"', dc_name, name="<dc>.name"),
            ),
        ),
        Check(
            name="dcTwice",
            messages=_each_dc(
                f"size({first_dc}) > 0",
                _at(
                    f'{_DC_PATH} + ".name"',
                    twice,
                    what='"data centre"',
                    first=f'"spec.topology.dc[" + string({first_dc}[0]) + "]"',
                    name="<dc>.name",
                ),
            ),
        ),
        Check(
            name="rackNames",
            messages=_each_rack(
                "!<rack>.name.matches('^[a-z0-9]+$')",
                _at(f'{_RACK_PATH} + ".name"', rack_name, name="<rack>.name"),
            ),
        ),
        Check(
            name="rackTwice",
            messages=_each_rack(
                f"size({first_rack}) > 0",
                _at(
                    f'{_RACK_PATH} + ".name"',
                    twice,
                    what='"rack"',
                    first=f'{_DC_PATH} + ".rack[" + string({first_rack}[0]) + "]"',
                    name="<rack>.name",
                ),
            ),
        ),
        Check(
            name="capacity",
            messages=f'[{_NEW}.?dataCapacity.orValue("")]'
            '.filter(size, size != "" && !isQuantity(size)).map(size, '
            + _at('"spec.dataCapacity"', _NO_QUANTITY, value="size")
            + ")",
        ),
        Check(
            name="dcCapacity",
            messages=_each_dc(
                '<dc>.?dataCapacity.orValue("") != "" && !isQuantity(<dc>.dataCapacity)',
                _at(f'{_DC_PATH} + ".dataCapacity"', _NO_QUANTITY, value="<dc>.dataCapacity"),
            ),
        ),
        Check(
            name="pullPolicy",
            messages=f'[{policy}].filter(word, word != "" && !(word in {json.dumps(known)})).map(word, '
            + _at(
                '"spec.imagepullpolicy"',
                f"'{{word}}' is not known; write one of {', '.join(known)}",
                word="word",
            )
            + ")",
        ),
    )


def _storage() -> tuple[Check, ...]:
    """Return the changes of volumes that are refused."""
    path = _level_path("dataCapacity")
    less = f"quantity({_CAPACITY}).isLessThan(quantity({_WAS_CAPACITY}))"
    before = "variables.old.?storageConfigs.orValue([])"
    after = "variables.spec.?storageConfigs.orValue([])"
    other = f"!({before}.all(a, {after}.exists(b, a.name == b.name)) && size({before}) == size({after}))"
    listed = f'(size({before}) > 0 ? {before}.map(a, a.name).join(", ") : "there were none")'
    said = f'({_WAS_CLASS} != "" ? "class " + {_WAS_CLASS} : "the default class")'
    return (
        Check(
            name="volumesShrink",
            change=True,
            messages=_each_dc(
                f"{_LIVED} && !variables.growing && {_BOTH} && {_SIZES} && {less}",
                _at(path, Rule.VOLUMES_SHRINK.value, dc="<dc>.name", old=_WAS_CAPACITY, new=_CAPACITY),
            ),
        ),
        Check(
            name="volumesRemoved",
            change=True,
            messages=_each_dc(
                f'{_LIVED} && {_WAS_CAPACITY} != "" && {_CAPACITY} == ""',
                _at(path, Rule.VOLUMES_REMOVED.value, dc="<dc>.name", old=_WAS_CAPACITY),
            ),
        ),
        Check(
            name="volumesAdded",
            change=True,
            messages=_each_dc(
                f'{_LIVED} && {_WAS_CAPACITY} == "" && {_CAPACITY} != ""',
                _at(path, Rule.VOLUMES_ADDED.value, dc="<dc>.name"),
            ),
        ),
        Check(
            name="storageClass",
            change=True,
            messages=_each_dc(
                f'{_LIVED} && {_WAS_CAPACITY} != "" && {_WAS_CLASS} != {_CLASS}',
                _at(_level_path("dataStorageClass"), Rule.STORAGE_CLASS.value, dc="<dc>.name", old=said),
            ),
        ),
        Check(
            name="furtherVolumes",
            change=True,
            messages=f"[true].filter(any, size(variables.lived) > 0 && {other}).map(any, "
            + _at('"spec.storageConfigs"', Rule.FURTHER_VOLUMES.value, old=listed)
            + ")",
        ),
    )


def _topology() -> tuple[Check, ...]:
    """Return the changes of data centres and racks that are refused."""
    same = "size(<wasracks>) == size(<racks>)"
    old_rack = "<wasracks>[j]"
    renamed_rack = (
        f"{same} && !<racks>.exists(r, r.name == {old_rack}.name)"
        " && !<wasracks>.exists(r, r.name == <rack>.name)"
    )
    removed = "<wasracks>.filter(r, !<racks>.exists(s, s.name == r.name))"
    gone = (
        "variables.olds.filter(o, !variables.dcs.exists(d, d.name == o.name)"
        " && variables.lived.exists(d, d == o.name) && !variables.renamed.exists(d, d == o.name))"
    )
    nodes = "(has(o.nodesPerRacks) ? o.nodesPerRacks : variables.old.?nodesPerRacks.orValue(1)) > 0"
    busy = (
        'oldObject.?status.?lastClusterAction.orValue("") == "ScaleDown"'
        ' && oldObject.?status.?lastClusterActionStatus.orValue("") != "Done"'
    )
    dcs = '"spec.topology.dc"'
    return (
        Check(
            name="dcRenamed",
            change=True,
            messages=_each_dc(
                "i < size(variables.olds) && variables.renamed.exists(d, d == variables.olds[i].name)",
                _at(
                    f'{_DC_PATH} + ".name"',
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
            f" {_at(dcs, Rule.DCS_REMOVED.value, dc='o.name')})",
        ),
        Check(
            name="dcRemovedBusy",
            change=True,
            messages=f"(size({gone}) == 1 && {busy} ? {gone} : []).map(o,"
            f" {_at(dcs, Rule.DC_REMOVED_BUSY.value, dc='o.name')})",
        ),
        Check(
            name="dcRemovedWithNodes",
            change=True,
            messages=f"(size({gone}) == 1 && !({busy}) ? {gone} : []).filter(o, {nodes}).map(o,"
            f" {_at(dcs, Rule.DC_REMOVED_WITH_NODES.value, dc='o.name')})",
        ),
        Check(
            name="rackRenamed",
            change=True,
            messages=_each_rack(
                f"{_LIVED} && {renamed_rack}",
                _at(
                    f'{_RACK_PATH} + ".name"',
                    Rule.RACK_RENAMED.value,
                    dc="<dc>.name",
                    old=f"{old_rack}.name",
                    new="<rack>.name",
                ),
            ),
        ),
        Check(
            name="rackAdded",
            change=True,
            messages=_each_rack(
                f"{_LIVED} && !<wasracks>.exists(r, r.name == <rack>.name) && !({renamed_rack})",
                _at(_RACK_PATH, Rule.RACK_ADDED.value, dc="<dc>.name", rack="<rack>.name"),
            ),
        ),
        Check(
            name="rackRemoved",
            change=True,
            messages=_each_dc(
                f"{_LIVED} && size({removed}) > 0 && size(<wasracks>) != size(<racks>)",
                _at(
                    f'{_DC_PATH} + ".rack"',
                    Rule.RACK_REMOVED.value,
                    dc="<dc>.name",
                    rack=f"{removed}[0].name",
                ),
            ),
        ),
    )


def _bootstrap(key: str, silent: str) -> Check:
    """Return the check that *key* of cassandra.yaml stays what it was when nodes joined."""

    def at(level: str) -> str:
        return f'{level}.?config[?"cassandra-yaml"].?{key}'

    def value(rack: str, dc: str, spec: str) -> str:
        return f"{at(rack)}.or({at(dc)}).or({at(spec)}).orValue(null)"

    old_rack = "<wasracks>.filter(r, r.name == <rack>.name)[0]"
    known = f"{_LIVED} && <wasracks>.exists(r, r.name == <rack>.name)"
    was = value(old_rack, "<was>", _OLD)
    meant, wants = (f"({each} == null ? {silent} : {each})" for each in (was, value("<rack>", "<dc>", _NEW)))
    other = (
        f"{meant} != null && {wants} != null"
        f' && string({meant}).replace("{_PACKAGE}", "") != string({wants}).replace("{_PACKAGE}", "")'
    )
    path = (
        f"({at('<rack>')}.orValue(null) != {at(old_rack)}.orValue(null) ? {_RACK_PATH}"
        f" : {at('<dc>')}.orValue(null) != {at('<was>')}.orValue(null) ? {_DC_PATH}"
        f' : "spec") + ".config.cassandra-yaml.{key}"'
    )
    joined = 'variables.joined.exists(r, r == <dc>.name + "-" + <rack>.name)'
    return Check(
        name=f"bootstrap{''.join(part.title() for part in key.split('_'))}",
        change=True,
        messages=_each_rack(
            f"{known} && {other} && {joined}",
            _at(
                path,
                Rule.ONLY_AT_BOOTSTRAP.value.replace("{key}", key),
                old=f'({was} == null ? "left out" : string({was}))',
                rack='<dc>.name + "-" + <rack>.name',
            ),
        ),
    )


def checks() -> tuple[Check, ...]:
    """Return all checks, the static ones first."""
    return (
        *_static(),
        *_storage(),
        *_topology(),
        *(_bootstrap(key, silent) for key, silent in _BOOTSTRAP.items()),
    )


def _variables() -> list[dict[str, str]]:
    def listed(spec: str) -> str:
        given = f"{spec}.?topology.?dc.orValue([])"
        return f'size({given}) > 0 ? {given} : [{{"name": "dc1"}}]'

    existing = {
        "positions": f"[{', '.join(str(i) for i in range(_MOST))}]",
        "spec": "object.?spec.orValue({})",
        "old": "oldObject == null ? {} : oldObject.?spec.orValue({})",
        "dcs": listed("variables.spec"),
        "olds": f"oldObject == null ? [] : ({listed('variables.old')})",
        "pods": "oldObject == null ? [] : oldObject.?status.?cassandraNodeStatus.orValue({}).map(pod, pod)",
        "lived": "variables.olds.map(o, o.name).filter(d,"
        ' variables.pods.exists(p, p.startsWith(object.metadata.name + "-" + d + "-")))',
        "before": "variables.dcs.map(d, variables.olds.filter(o, o.name == d.name))",
        "racks": f"variables.dcs.map(d, {_racks('d')})",
        "oldRacks": f"variables.before.map(w, size(w) > 0 ? {_racks('w[0]')} : [])",
        # Racks of which a node has joined, in data centres that were there before.
        "joined": 'variables.pods.filter(p, p.startsWith(object.metadata.name + "-"))'
        ".map(p, p.substring(size(object.metadata.name) + 1))"
        '.filter(p, p.lastIndexOf("-") > 0).map(p, p.substring(0, p.lastIndexOf("-")))',
        # A larger size is asked for and not there yet, so that less than that need not be too little.
        "growing": "oldObject != null && (oldObject.?status.?conditions.orValue([])"
        '.exists(c, c.type == "Progressing" && c.reason == "ChangeHeldBack")'
        ' || oldObject.?status.?lastClusterAction.orValue("") == "StorageUpsize"'
        ' && oldObject.?status.?lastClusterActionStatus.orValue("") != "Done")',
        "renamed": "size(variables.olds) != size(variables.dcs) ? [] : variables.positions.filter(i,"
        " i < size(variables.olds)"
        " && !variables.dcs.exists(d, d.name == variables.olds[i].name)"
        " && !variables.olds.exists(o, o.name == variables.dcs[i].name)"
        " && variables.lived.exists(d, d == variables.olds[i].name)).map(i, variables.olds[i].name)",
    }
    return [{"name": name, "expression": text} for name, text in existing.items()]


def definition(name: str = NAME) -> dict[str, Any]:
    """Return the ValidatingAdmissionPolicy."""
    found = checks()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            # It is there to help; whatever it cannot judge, the operator judges.
            "failurePolicy": "Ignore",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": [VERSION],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["cassandraclusters"],
                    }
                ]
            },
            "matchConditions": [
                {
                    # Finalizers and annotations must move whatever the spec is like.
                    "name": "the-spec-is-written",
                    "expression": "oldObject == null || object.?spec != oldObject.?spec",
                },
                {"name": "it-lives", "expression": "!has(object.metadata.deletionTimestamp)"},
            ],
            "variables": [
                *_variables(),
                *({"name": check.name, "expression": check.messages} for check in found),
            ],
            "validations": [
                {
                    "expression": f"size(variables.{check.name}) == 0",
                    "messageExpression": f"variables.{check.name}[0]",
                    "reason": "Invalid",
                }
                for check in found
            ],
        },
    }


def binding(name: str = NAME, *, namespace: str | None = None) -> dict[str, Any]:
    """Return the binding that puts the policy into force, everywhere or in one *namespace*."""
    spec: dict[str, Any] = {"policyName": name, "validationActions": ["Deny"]}
    if namespace is not None:
        labels = {"kubernetes.io/metadata.name": namespace}
        spec["matchResources"] = {"namespaceSelector": {"matchLabels": labels}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }


def render() -> str:
    """Return policy and binding as YAML."""
    text: str = yaml.safe_dump_all(
        [definition(), binding()], sort_keys=False, width=100000, allow_unicode=True
    )
    return (
        "# Made by `python -m controller.domain.policy`; do not edit.\n"
        "# Optional: `kubectl apply` then refuses what the operator would refuse afterwards.\n"
        "# It needs Kubernetes 1.30 or newer.\n"
        f"{text}"
    )


if __name__ == "__main__":
    sys.stdout.write(render())
