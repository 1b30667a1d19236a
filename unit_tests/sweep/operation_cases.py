"""Worlds and writes in which operations run, and what the rules about them have to say: None is nothing."""

from __future__ import annotations

from typing import Any, Final

from controller.domain.operations.pods import Running
from e2e.sweep import invariants as inv
from e2e.sweep import operation_rules as rules
from e2e.sweep import world as places
from e2e.sweep.world import RingNode, World, Write
from unit_tests.sweep.worlds import Json, deletion, meta, node, world, write

_NOTE: Final = "cassandraclusters.db.orange.com/operation"
# 2026-01-01T00:00:00Z
_BEGAN: Final = 1767225600.0


def _pod(status: str, name: str = "cleanup", *, noted: bool = True) -> Json:
    argument = "dc1" if name == "rebuild" else ""
    running = Running(name=name, argument=argument, began="2026-01-01T00:00:00+00:00", restarts=0)
    labels = {"cassandracluster": "cc", "operation-name": name, "operation-status": status}
    annotations = {_NOTE: running.text()} if noted else {}
    return {"metadata": meta("cc-r1-0", annotations=annotations) | {"labels": labels}}


def _ends(status: str, name: str = "cleanup", *, before: str = "Ongoing") -> Write:
    return write(places.PODS, _pod(status, name, noted=False), before=_pod(before, name))


def _finished(method: str, seconds: float) -> World:
    return world(nodes=(node(finished={method: _BEGAN + seconds}),))


def _at_work(**methods: Any) -> World:
    """Return a ring whose nodes are at *methods*, by the last part of their pod's name."""
    nodes: list[RingNode] = [
        node(f"cc-{key.replace('_', '-')}", address=key, at_work=tuple(methods[key].split()))
        for key in methods
    ]
    return world(nodes=tuple(nodes))


WRITES: Final[dict[str, tuple[inv.WriteRule, Write, World, str | None]]] = {
    "done, and it is": (rules.done_is_done, _ends("Done"), _finished("forceKeyspaceCleanup", 1), None),
    "done before it was begun": (
        rules.done_is_done,
        _ends("Done"),
        _finished("forceKeyspaceCleanup", -1),
        "has not ended it well",
    ),
    "done by another method": (
        rules.done_is_done,
        _ends("Done"),
        _finished("forceKeyspaceFlush", 1),
        "has not ended it well",
    ),
    "done by nobody": (
        rules.done_is_done,
        _ends("Done", "repair"),
        world(nodes=()),
        "repair on cc-r1-0 is called Done",
    ),
    "failed": (rules.done_is_done, _ends("Error"), world(), None),
    "done long ago": (rules.done_is_done, _ends("Done", before="Done"), world(), None),
    "a rebuild may have nothing to fetch": (rules.done_is_done, _ends("Done", "rebuild"), world(), None),
    "deleted in the middle": (
        rules.operations_are_not_cut_short,
        deletion(places.PODS, _pod("Ongoing")),
        _at_work(r1_0="forceKeyspaceCleanup"),
        "while it was at forceKeyspaceCleanup",
    ),
    "deleted afterwards": (
        rules.operations_are_not_cut_short,
        deletion(places.PODS, _pod("Done")),
        _at_work(r1_0="forceKeyspaceCleanup"),
        None,
    ),
    "deleted while another one is at it": (
        rules.operations_are_not_cut_short,
        deletion(places.PODS, _pod("Ongoing")),
        _at_work(r1_0="", r2_0="forceKeyspaceCleanup"),
        None,
    ),
}
WORLDS: Final[dict[str, tuple[inv.WorldRule, World, World, str | None]]] = {
    case: (rules.operations_keep_their_limits, world(), after, says)
    for case, after, says in (
        ("nobody is at work", _at_work(r1_0=""), None),
        ("at the same twice", _at_work(r1_0="scrub scrub"), "cc-r1-0 is at scrub twice"),
        ("three racks at once", _at_work(r1_0="scrub", r2_0="rebuild", r3_0="upgradeSSTables"), None),
        ("four racks at once", _at_work(r1_0="scrub", r2_0="scrub", r3_0="scrub", r4_0="scrub"), "at once"),
        ("two of a rack", _at_work(r1_0="scrub", r1_1="forceKeyspaceCleanup"), "at once"),
        ("a repair beside a cleanup", _at_work(r1_0="repair", r2_0="forceKeyspaceCleanup"), "at once"),
        ("a repair beside a flush", _at_work(r1_0="repair", r2_0="forceKeyspaceFlush"), None),
    )
}
