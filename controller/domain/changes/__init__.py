"""
Which changes of a spec are held back, and what is carried out instead.

A change that existing nodes cannot follow is refused: it stays in the spec, and the operator goes on with
what it had, in that part alone; the rest of the same edit is carried out. What may be changed depends on
what exists: before a rack has its StatefulSet, everything about it can still be corrected.

Changes that are only slow are not looked at here: a plan brings them about, or says why it waits. Specs are
JSON objects that can be read as a `ClusterSpec`; whether they make sense is for `admission`.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from controller.api.v2.jsonvalues import JsonMap, freeze, thaw
from controller.domain.changes import bootstrap, size, storage, topology, version
from controller.domain.changes.common import TOLD_BY_NODES, Facts, Held, Rule, Spec, dcs

__all__ = ["TOLD_BY_NODES", "Facts", "Held", "Rule", "Verdict", "judge"]

# Topology before what is compared data centre by data centre.
_RULES = (size.hold, topology.hold, storage.hold, version.hold, bootstrap.hold)


@attrs.frozen(kw_only=True)
class Verdict:
    """*spec* is to be carried out; *held* says what of the edit is not in it, and why.

    *leaving* names racks, `<dc>-<rack>`, that *spec* lists only until they are empty and gone.
    """

    spec: JsonMap
    held: tuple[Held, ...]
    leaving: frozenset[str] = frozenset()


def judge(before: JsonMap, after: JsonMap, facts: Facts) -> Verdict:
    """Return what to carry out of the change from *before*, the spec that was last accepted, to *after*."""
    old, new = _plain(before), _plain(after)
    # Written out, so that a rule has something to put back.
    new["topology"] = {**(new.get("topology") or {}), "dc": dcs(new)}
    held: list[Held] = []
    for rule in _RULES:
        held += rule(old, new, facts)
    leaving = topology.leaving(old, _plain(after), facts)
    return Verdict(spec=new if held or leaving else after, held=tuple(held), leaving=leaving)


def _plain(spec: JsonMap) -> Spec:
    """Return a copy to work on, in which null is absent."""
    frozen = freeze(spec, drop_null=True)
    assert isinstance(frozen, Mapping)
    return thaw(frozen)
