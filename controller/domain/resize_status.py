"""
How volumes that grow stand in status: CassKop's `StorageUpsize`, and the copy of a StatefulSet.

The copy goes once the StatefulSet that was made from it has been taken up. The copies themselves are put
in by the caller, who has the objects.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.api.v2.cluster import ActionName, ActionStatus, LastAction, Phase, RackStatus
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Rack
from controller.domain.plan import storage

_UPSIZE = ActionName.STORAGE_UPSIZE.value


def with_growth(
    racks: Mapping[str, RackStatus],
    desired: Desired,
    observed: Observed,
    now: dt.datetime,
) -> dict[str, RackStatus]:
    """Return *racks* with what is under way of volumes; *now* in whole seconds.

    What else is done to a rack has its name meanwhile: growth waits for nothing.
    """
    found = dict(racks)
    for want in desired.racks:
        rack, status = observed.racks.get(want.name, Rack()), found[want.name]
        if storage.begun(want, rack) and status.phase != Phase.INITIALIZING:
            action = status.cassandra_last_action
            if action.status in {ActionStatus.DONE, None}:
                action = LastAction(name=_UPSIZE, status=ActionStatus.ONGOING.value, start_time=now)
            status = attrs.evolve(status, phase=Phase.PENDING.value, cassandra_last_action=action)
        have = rack.statefulset
        if have is not None and not have.terminating and have.settled and not storage.pending(want, rack):
            status = attrs.evolve(status, stateful_set_snapshot_before_storage_resize=None)
        found[want.name] = status
    return found
