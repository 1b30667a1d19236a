"""
How many operations run at a time, in a rack and in the whole ring.

What costs disks and network much is for one node of a rack, so that no node does the work of its
neighbours beside its own. What changes data or takes a node away is for one node of the ring. What is
done within a moment has no limit: snapshots are worth the more the closer they are to each other.
"""

from __future__ import annotations

from typing import Final, assert_never

import attrs

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


@attrs.frozen(kw_only=True)
class Limit:
    """How many nodes may be at work, with this operation or another that counts: None is any number."""

    rack: int | None = None
    ring: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the operation costs enough to be counted."""
        return self.ring is not None


HEAVY: Final = Limit(rack=1, ring=3)
ALONE: Final = Limit(rack=1, ring=1)
FREE: Final = Limit()


def limit_of(operation: NodeOperation) -> Limit:
    """Return how many nodes may be at work while *operation* begins."""
    match operation:
        case Cleanup() | UpgradeSSTables() | Rebuild() | Compact() | Scrub():
            return HEAVY
        case Repair() | Remove() | Drain():
            return ALONE
        case Flush() | Snapshot():
            return FREE
        case _:
            assert_never(operation)
