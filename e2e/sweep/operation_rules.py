"""
What must be true of operations on nodes: each a small pure function, as in `invariants`.

What a node is at, and what it has brought to a good end, is what its Cassandra says in truth, whoever heard
of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
import datetime as dt
from typing import Final

from controller.api.v2 import names
from controller.domain.operations import pods
from controller.domain.operations.kinds import Rebuild, Remove, Unusable, parse
from controller.domain.operations.seen import METHODS
from e2e.sweep import world as places
from e2e.sweep.world import RingNode, World, Write

# What is for one node of the ring, and what is for one of a rack and for so many of the ring.
_ALONE: Final = frozenset({"repair", "removeNode", "drain"})
_HEAVY: Final = frozenset(
    {"forceKeyspaceCleanup", "forceKeyspaceCompaction", "rebuild", "scrub", "upgradeSSTables"}
)
_MOST: Final = 3


def done_is_done(write: Write, world: World) -> str | None:
    """I9: an operation is only called Done if Cassandra brought it to a good end since it was begun.

    A removal is over when the ring says so, see `removing_rules`, and a rebuild also if there is nothing to
    fetch.
    """
    if write.place != places.PODS or write.before is None or write.request.method == "DELETE":
        return None
    before, after = ((obj["metadata"].get("labels") or {}) for obj in (write.before, write.after))
    running = pods.read(before, write.before["metadata"].get("annotations") or {}).running
    status = after.get(names.OPERATION_STATUS)
    if running is None or status != pods.DONE or before.get(names.OPERATION_STATUS) == pods.DONE:
        return None
    operation = parse(running.name, running.argument)
    if isinstance(operation, Unusable | Rebuild | Remove):
        return None
    began = _seconds(running.began)
    ended = [
        node.finished.get(METHODS[type(operation)], 0.0) for node in world.nodes if node.pod == write.name
    ]
    if max(ended, default=0.0) >= began:
        return None
    return f"{running.name} on {write.name} is called Done, and Cassandra has not ended it well"


def operations_are_not_cut_short(write: Write, world: World) -> str | None:
    """A pod whose node carries out what its labels ask for is not deleted: that would be in vain."""
    if write.request.method != "DELETE" or write.place != places.PODS or write.before is None:
        return None
    if (write.before["metadata"].get("labels") or {}).get(names.OPERATION_STATUS) != pods.ONGOING:
        return None
    at_work = [node for node in world.nodes if node.pod == write.name and _counted(node)]
    return f"{write.name} was deleted while it was at {at_work[0].at_work[0]}" if at_work else None


def operations_keep_their_limits(before: World, after: World) -> str | None:
    """I2: nothing runs twice in a node; what is heavy in one of a rack, three of a ring; a repair alone."""
    by_ring: dict[str, list[RingNode]] = defaultdict(list)
    for node in after.nodes:
        twice = [method for method, times in Counter(node.at_work).items() if times > 1]
        if twice:
            return f"{node.pod} is at {twice[0]} twice"
        if _counted(node):
            by_ring[node.cluster].append(node)
    for ring in by_ring.values():
        named = " and ".join(f"{node.pod} at {', '.join(node.at_work)}" for node in ring)
        racks = Counter(node.pod.rpartition("-")[0] for node in ring)
        alone = any(_ALONE & set(node.at_work) for node in ring)
        if len(ring) > (1 if alone else _MOST) or max(racks.values()) > 1:
            return f"{named}, at once"
    return None


def _seconds(began: str) -> float:
    """Return an instant as seconds, 0 if none was noted. CassKop's have no zone, and are UTC's."""
    if not began:
        return 0.0
    found = dt.datetime.fromisoformat(began)
    return (found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)).timestamp()


def _counted(node: RingNode) -> bool:
    return bool((_ALONE | _HEAVY) & set(node.at_work))
