"""
What is known of operations when a plan is made, beyond what the pods themselves say.

Nothing here is a guess: that a node does not say what runs in it is a value of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from controller.api.v2.cluster import DueOperation, NodeRemoval
from controller.domain.leaving import Call
from controller.domain.operations.kinds import (
    Cleanup,
    Compact,
    Drain,
    Flush,
    NodeOperation,
    Rebuild,
    Remove,
    Repair,
    Scrub,
    Snapshot,
    UpgradeSSTables,
)
from controller.domain.ring import Silent

# The method of Cassandra that is on the stack of some thread as long as the operation runs, whoever asked
# for it; a repair has a thread of its own that is named after it.
METHODS: Mapping[type[NodeOperation], str] = {
    Cleanup: "forceKeyspaceCleanup",
    UpgradeSSTables: "upgradeSSTables",
    Rebuild: "rebuild",
    Remove: "removeNode",
    Repair: "repair",
    Flush: "forceKeyspaceFlush",
    Compact: "forceKeyspaceCompaction",
    Scrub: "scrub",
    Drain: "drain",
    Snapshot: "takeSnapshot",
}


@attrs.frozen(kw_only=True)
class Busy:
    """The methods that a node's threads carry out now; see `METHODS`."""

    methods: frozenset[str] = frozenset()

    def with_(self, operation: NodeOperation) -> bool:
        """Tell whether *operation*, or another of its kind, runs.

        A rebuild may end in a repair: `controller/cassandra/work.py`.
        """
        kinds = (Rebuild, Repair) if isinstance(operation, Rebuild) else (type(operation),)
        return any(METHODS[kind] in self.methods for kind in kinds)


@attrs.frozen(kw_only=True)
class Operations:
    """What is known of operations on nodes, each by pod.

    *calls*: what this process knows of the call for what is under way. *busy*: what the node says that
    it does, asked only where the call does not tell. *operator* is the name of the pod that we run in.
    *due* is what status says that many nodes are to be asked for, *removal* whom it says is taken out of the
    ring.
    """

    calls: Mapping[str, Call] = attrs.field(factory=dict)
    busy: Mapping[str, Busy | Silent] = attrs.field(factory=dict)
    operator: str | None = None
    due: tuple[DueOperation, ...] = ()
    removal: NodeRemoval | None = None
