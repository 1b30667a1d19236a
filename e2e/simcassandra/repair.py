"""Repair: replicas that lack a slice get it from one that has it; the call answers at once."""

from __future__ import annotations

import attrs

from e2e.simcassandra import moves
from e2e.simcassandra.deferred import failed_assertion
from e2e.simcassandra.node import Node
from e2e.simcassandra.streaming import Plan


@attrs.define(kw_only=True)
class Repair:
    """A repair command: its number, and [state, messages...] as getParentRepairStatus shows it."""

    number: int
    status: list[str]

    @property
    def running(self) -> bool:
        """Whether it is neither done nor has failed."""
        return self.status == ["IN_PROGRESS"]


def repair_async(node: Node, keyspace: str) -> int:
    """Begin to repair *keyspace* and return the command's number, 0 if there is nothing to do."""
    if node.schema is None or keyspace not in node.schema.keyspaces:
        raise failed_assertion(f"Unknown keyspace {keyspace}")
    if len(node.view.members) < 2:
        node.finished["repair"] = node.simulation.now
        return 0
    repair = Repair(number=len(node.repairs) + 1, status=["IN_PROGRESS"])
    node.repairs.append(repair)

    def done(why: str | None) -> None:
        if why is None:
            repair.status = ["COMPLETED", "Repair completed successfully"]
            node.finished["repair"] = node.simulation.now
        else:
            repair.status = ["FAILED", f"Repair command #{repair.number} failed with error {why}"]

    Plan(node, "Repair", moves.for_repair(node, keyspace), lingers=False, done=done)
    return repair.number


def parent_status(node: Node, number: int) -> list[str] | None:
    """Return the status of command *number*, None if there is no such command."""
    return next((r.status for r in node.repairs if r.number == number), None)
