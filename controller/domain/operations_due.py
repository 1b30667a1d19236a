"""
Operations that are due on many nodes at once, because of what became of the ring.

They stand in status, written together with what they follow from, until they are over on every node: so
none is forgotten, whoever dies when, and whatever pods are made anew meanwhile. Other parts of the domain
ask for an operation with `ask`, in the status that they make; `plan.autopilot` labels the pods one day,
and limits and words are as for users.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import (
    ActionName,
    ActionStatus,
    ClusterStatus,
    DueOperation,
    NodeStatus,
    OperationName,
    Phase,
    RackStatus,
)
from controller.domain import releases


def ask(
    status: ClusterStatus,
    name: str,
    now: dt.datetime,
    *,
    dc: str | None = None,
    argument: str | None = None,
) -> ClusterStatus:
    """Return *status* in which the operation *name* is due on every node, or every node of *dc*.

    *now* is in whole seconds. With `spec.autoPilot` the nodes are asked once the ring is at rest; without
    it they are labelled `Manual`, for the user to start it. One that is due already is due anew.
    """
    new = DueOperation(name=name, argument=argument, dc=dc, since=now)
    kept = tuple(due for due in status.due_operations if (due.name, due.dc) != (name, dc))
    return attrs.evolve(status, due_operations=(*kept, new))


def with_due(
    status: ClusterStatus, before: ClusterStatus, still: tuple[DueOperation, ...], now: dt.datetime
) -> ClusterStatus:
    """Return *status* with what is due from now on, of which *still* was due before and is not settled.

    *before* is what it said until now. Where a node has joined, the others have data of ranges that
    they lost, and are to be cleaned: not before, as growth may be taken back or wait for a roll. A node that
    leaves takes no range from another. A data centre that is new beside others has to fetch what keyspaces
    come to keep in it. A new major release may write another format, and the next one may not read the old
    one any more.
    """
    racks = before.cassandra_rack_status
    new = attrs.evolve(status, due_operations=still)
    # Of a rack that had its nodes before anybody told of it, there is what is said of it now.
    present = status.cassandra_rack_status
    grown = any(_has_grown(name, racks.get(name, rack), before, status) for name, rack in present.items())
    if grown or _made_anew(before, status):
        new = ask(new, OperationName.CLEANUP.value, now)
    if _upgraded(before.cassandra_node_status, status.cassandra_node_status):
        new = ask(new, OperationName.UPGRADE_SSTABLES.value, now)
    known = {names.split_rack_name(name)[0] for name in racks}
    for dc in sorted({names.split_rack_name(name)[0] for name in status.cassandra_rack_status} - known):
        if known:
            source = names.split_rack_name(next(iter(racks)))[0]
            new = ask(new, OperationName.REBUILD.value, now, dc=dc, argument=source)
    return new


def _has_grown(name: str, rack: RackStatus, before: ClusterStatus, now: ClusterStatus) -> bool:
    """Tell whether a node of *rack*, which was complete once, is listed for the first time: it has joined.

    So has one of a rack that came late, or was emptied. Another rack of which nobody was listed may be
    CassKop's, whose nodes are only noticed now.
    """
    old, new = (_listed(name, status) for status in (before, now))
    if rack.was_empty or rack.phase == Phase.INITIALIZING:
        return rack.was_empty and bool(new - old)
    action = rack.cassandra_last_action
    growing = (action.name, action.status) == (ActionName.SCALE_UP, ActionStatus.ONGOING)
    return bool(new - old) and (bool(old) or growing)


def _made_anew(before: ClusterStatus, now: ClusterStatus) -> bool:
    """Tell whether a node that was removed from the ring is another one by now, which nobody saw joining."""
    removed = before.node_removal
    return removed is not None and any(
        old.host_id == removed.host_id
        and pod in now.cassandra_node_status
        and now.cassandra_node_status[pod].host_id != removed.host_id
        for pod, old in before.cassandra_node_status.items()
    )


def with_empty(
    racks: Mapping[str, RackStatus], before: ClusterStatus, sizes: Mapping[str, int]
) -> dict[str, RackStatus]:
    """Return *racks* with a note on those that are empty while others of their data centres have nodes.

    *sizes* is how many places or pods each has. The first racks of a data centre are not meant: all of them
    come at once, and nobody has data to lose to them.
    """
    return {
        name: attrs.evolve(rack, was_empty=_was_empty(name, rack, before, sizes[name]))
        if name in sizes
        else rack
        for name, rack in racks.items()
    }


def _was_empty(name: str, rack: RackStatus, before: ClusterStatus, size: int) -> bool:
    old = before.cassandra_rack_status.get(name)
    if old is not None and old.phase == Phase.INITIALIZING:
        return old.was_empty and rack.phase != Phase.RUNNING
    if old is None or not size:
        dc = names.split_rack_name(name)[0]
        return any(
            other != name
            and names.split_rack_name(other)[0] == dc
            and has.phase != Phase.INITIALIZING
            and bool(_listed(other, before))
            for other, has in before.cassandra_rack_status.items()
        )
    return old.was_empty and rack.phase != Phase.RUNNING


def _listed(rack: str, status: ClusterStatus) -> frozenset[str]:
    """Return the pods of a rack that status lists: those that are, or were, members of the ring."""
    ends = f"-{rack}"
    return frozenset(pod for pod in status.cassandra_node_status if pod.rpartition("-")[0].endswith(ends))


def _upgraded(before: Mapping[str, NodeStatus], now: Mapping[str, NodeStatus]) -> bool:
    """Tell whether the last node has just come to the newest major release of the ring."""
    old, new = (_majors(nodes.values()) for nodes in (before, now))
    return len(new) == 1 and bool(old) and min(old) < min(new)


def _majors(nodes: Iterable[NodeStatus]) -> frozenset[int]:
    return frozenset(line[0] for line in releases.lines(node.release_version or "" for node in nodes))
