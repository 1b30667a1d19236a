"""
The removal of a dead node as it stands in status: what outlives the pod that it is done through.

It is there once it is noted on that pod, and goes after that note. Nobody is asked to remove a node before it
is: so a pod that is lost meanwhile loses nothing that is not written here. It is made from what is seen
alone: a note that is about to be written may fail.
"""

from __future__ import annotations

import datetime as dt

from controller.api.v2.cluster import NodeRemoval
from controller.domain.observed import Observed
from controller.domain.plan import orphaned
from controller.domain.removing import orphan, under_way


def with_removal(observed: Observed, now: dt.datetime) -> NodeRemoval | None:
    """Return the removal that is under way, with when that was seen first; *now* in whole seconds."""
    before = observed.operations.removal
    for removal in under_way(observed):
        worker, running = removal.worker, removal.running
        same = before is not None and (before.through_uid, before.host_id) == (worker.uid, running.host_id)
        return NodeRemoval(
            host_id=running.host_id,
            argument=running.argument,
            place=running.place,
            through=worker.name,
            through_uid=worker.uid,
            since=before.since if before is not None and same else now,
        )
    lost = orphan(observed)
    return None if lost is None or orphaned.over(lost, observed) else before
