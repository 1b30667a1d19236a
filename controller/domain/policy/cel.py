"""CEL expressions put together from smaller ones, and the words of the operator as CEL."""

from __future__ import annotations

import json
import string
from typing import Final

import attrs

DC_PATH: Final = '"spec.topology.dc[" + string(i) + "]"'
RACK_PATH: Final = f'{DC_PATH} + ".rack[" + string(j) + "]"'


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


def at(path: str, template: str, **cel: str) -> str:
    """Return the CEL expression for a whole message: *path*, which is one, and the words of *template*."""
    return f'{path} + ": " + {words(template, **cel)}'


def each_dc(condition: str, message: str) -> str:
    """Return the messages for the positions `i` of data centres `dc` for which *condition* holds."""
    chosen = f"variables.positions.filter(i, i < size(variables.dcs) && ({_with_dc(condition)}))"
    return f"{chosen}.map(i, {_with_dc(message)})"


def _with_dc(expression: str) -> str:
    """Put what `<dc>`, `<was>` and their racks stand for into *expression*.

    `<was>` and `<wasracks>` may only be asked for where `LIVED` holds.
    """
    return (
        expression.replace("<dc>", "variables.dcs[i]")
        .replace("<was>", "variables.before[i][0]")
        .replace("<racks>", "variables.racks[i]")
        .replace("<wasracks>", "variables.oldRacks[i]")
    )


def each_rack(condition: str, message: str) -> str:
    """Return the messages for the positions `i` and `j` of racks for which *condition* holds, flat."""
    inner = f"variables.positions.filter(j, j < size(<racks>) && ({condition})).map(j, {message})"
    inner = inner.replace("<rack>", "<racks>[j]")
    nested = f"variables.positions.filter(i, i < size(variables.dcs)).map(i, {_with_dc(inner)})"
    # The first data centre with something to say: there is no way to join lists of lists.
    return (
        f"[{nested}].map(all, all.filter(one, size(one) > 0)).map(found, size(found) > 0 ? found[0] : [])[0]"
    )


def racks(dc: str) -> str:
    """Return the CEL expression for the racks of *dc*, the default one if it names none."""
    return f'(size({dc}.?rack.orValue([])) > 0 ? {dc}.rack : [{{"name": "rack1"}}])'


def _capacity(dc: str, spec: str) -> str:
    return f'({dc}.?dataCapacity.orValue("") != "" ? {dc}.dataCapacity : {spec}.?dataCapacity.orValue(""))'


def _class(dc: str, spec: str) -> str:
    return (
        f'({dc}.?dataCapacity.orValue("") != "" ? {dc}.?dataStorageClass.orValue("")'
        f' : {spec}.?dataStorageClass.orValue(""))'
    )


def level_path(member: str) -> str:
    """Return the CEL expression for where *member* of `<dc>` is written: there, or for the whole cluster."""
    own = f'<dc>.?dataCapacity.orValue("") != "" && has(<dc>.{member})'
    return f'({own} ? {DC_PATH} + ".{member}" : "spec.{member}")'


NEW, OLD = "variables.spec", "variables.old"
# A data centre that was there, and of which a node has joined at some time.
LIVED = "size(variables.before[i]) > 0 && <dc>.name in variables.lived"
WAS_CAPACITY, CAPACITY = _capacity("<was>", OLD), _capacity("<dc>", NEW)
WAS_CLASS, CLASS = _class("<was>", OLD), _class("<dc>", NEW)
