"""
How a cluster that is stopped, or started again, stands in status.

Its phase is `Stopped`, its last actions are `Stop` and `Start`: words that CassKop does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.api.v2.cluster import ActionName, ActionStatus, LastAction, Phase, RackStatus
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Rack


def with_stopping(
    racks: Mapping[str, RackStatus], desired: Desired, observed: Observed, now: dt.datetime
) -> dict[str, RackStatus]:
    """Return *racks* with which of them are stopped, or on their way; *now* in whole seconds."""
    found = dict(racks)
    for want in desired.racks:
        rack, status = observed.racks.get(want.name, Rack()), found[want.name]
        have = rack.statefulset
        # One that never ran still has its beginning before it.
        if have is None or status.phase == Phase.INITIALIZING:
            continue
        action = status.cassandra_last_action
        # A start may be over before anybody could note that it began.
        if not (desired.stopped or have.stopped or action.name == ActionName.STOP):
            continue
        stopped = desired.stopped and not have.running and not rack.pods
        name = ActionName.STOP if desired.stopped else ActionName.START
        if action.name != name or (action.status == ActionStatus.DONE and not stopped):
            action = LastAction(name=name.value, status=ActionStatus.ONGOING.value, start_time=now)
        if stopped and action.status != ActionStatus.DONE:
            action = attrs.evolve(action, status=ActionStatus.DONE.value, end_time=now)
        phase = Phase.STOPPED if stopped else Phase.PENDING
        found[want.name] = attrs.evolve(status, phase=phase.value, cassandra_last_action=action)
    return found
