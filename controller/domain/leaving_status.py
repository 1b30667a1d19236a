"""
How nodes that leave, and racks that are gone, stand in status: CassKop's words, and our memory.

`podLastOperation` with the name `decommission` is what an operator that starts anew goes by: `Ongoing` and
the pod before it is asked to leave, `Finalizing` once it is proven to be out and before its place goes.
`ToDo` is for people: no node has been chosen yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import assert_never

import attrs

from controller.api.v2.cluster import (
    ActionName,
    ActionStatus,
    ClusterStatus,
    LastAction,
    OperationName,
    Phase,
    PodLastOperation,
    RackStatus,
)
from controller.domain.actions import Action, LeaveStep, NoteLeaving
from controller.domain.desired import Desired
from controller.domain.leaving import Call, Leaving, NotCalled
from controller.domain.observed import Observed


def leaving(racks: Mapping[str, RackStatus], call: Call | None = None) -> Leaving | None:
    """Return the node that is on its way out by what *racks* say; None if there is none."""
    for name, rack in sorted(racks.items()):
        operation = rack.pod_last_operation
        under_way = operation.status in {ActionStatus.ONGOING, ActionStatus.FINALIZING}
        if operation.name == OperationName.DECOMMISSION and under_way and operation.pods:
            return Leaving(
                rack=name,
                pod=operation.pods[0],
                begun=operation.start_time,
                proven=operation.status == ActionStatus.FINALIZING,
                call=call or NotCalled(),
            )
    return None


def scaling_down(status: ClusterStatus) -> bool:
    """Tell whether nodes leave: by the last action, which another one may hide, or by one on its way out.

    A scale-down that has yet to begin is none: it may be kept from it for ever.
    """
    last = (status.last_cluster_action, status.last_cluster_action_status)
    going = last[0] == ActionName.SCALE_DOWN and last[1] not in {ActionStatus.DONE, ActionStatus.TO_DO}
    return going or leaving(status.cassandra_rack_status) is not None


def with_leaving(
    racks: Mapping[str, RackStatus], observed: Observed, actions: Iterable[Action], now: dt.datetime
) -> dict[str, RackStatus]:
    """Return *racks* with what is under way and what is noted of nodes that leave; *now* in whole seconds."""
    found = dict(racks)
    note = next((a for a in actions if isinstance(a, NoteLeaving)), None)
    name = note.rack if note is not None else observed.leaving.rack if observed.leaving is not None else None
    if name is None or name not in found:
        return found
    rack = found[name]
    if note is not None:
        rack = attrs.evolve(rack, pod_last_operation=_noted(rack.pod_last_operation, note, now))
    if rack.phase != Phase.INITIALIZING:
        rack = attrs.evolve(
            rack, phase=Phase.PENDING.value, cassandra_last_action=_shrinking(rack.cassandra_last_action, now)
        )
    return {**found, name: rack}


def with_waiting(
    racks: Mapping[str, RackStatus], previous: ClusterStatus, now: dt.datetime
) -> dict[str, RackStatus]:
    """Return *racks* with `decommission` to do where a scale-down has come to wait, until it ends.

    It is noted once: an operation on a node that runs meanwhile takes its place.
    """
    found = dict(racks)
    for name, rack in racks.items():
        waited = _waits(previous.cassandra_rack_status.get(name, RackStatus()))
        waits, operation = _waits(rack), rack.pod_last_operation
        noted = (operation.name, operation.status) == (OperationName.DECOMMISSION, ActionStatus.TO_DO)
        busy = operation.status in {ActionStatus.ONGOING, ActionStatus.FINALIZING}
        if waits and not waited and not noted and not busy:
            operation = PodLastOperation(
                name=OperationName.DECOMMISSION.value, status=ActionStatus.TO_DO.value, start_time=now
            )
        elif noted and not waits:
            operation = attrs.evolve(operation, status=ActionStatus.DONE.value, pods=(), end_time=now)
        found[name] = attrs.evolve(rack, pod_last_operation=operation)
    return found


def _waits(rack: RackStatus) -> bool:
    action = rack.cassandra_last_action
    return (action.name, action.status) == (ActionName.SCALE_DOWN, ActionStatus.TO_DO)


def without_removed(status: ClusterStatus, desired: Desired, observed: Observed) -> ClusterStatus:
    """Return *status* without racks of which nothing is left or asked for: the last action was theirs.

    CassKop has a word for a rack that was deleted alone, although it never did that.
    """
    asked = {rack.name for rack in desired.racks}
    there = {name for name, rack in observed.racks.items() if rack.statefulset is not None or rack.pods}
    kept = {name: rack for name, rack in status.cassandra_rack_status.items() if name in asked | there}
    if len(kept) == len(status.cassandra_rack_status):
        return status
    dcs = {name.partition("-")[0] for name in kept}
    alone = all(name.partition("-")[0] in dcs for name in status.cassandra_rack_status.keys() - kept.keys())
    return attrs.evolve(
        status,
        cassandra_rack_status=kept,
        last_cluster_action=(ActionName.DELETE_RACK if alone else ActionName.DELETE_DC).value,
        last_cluster_action_status=ActionStatus.DONE.value,
    )


def _noted(operation: PodLastOperation, note: NoteLeaving, now: dt.datetime) -> PodLastOperation:
    name, pods = OperationName.DECOMMISSION.value, (note.pod,)
    match note.step:
        case LeaveStep.BEGIN:
            return PodLastOperation(name=name, status=ActionStatus.ONGOING.value, start_time=now, pods=pods)
        case LeaveStep.PROVEN:
            same = operation.name == name and operation.pods == pods
            began = operation.start_time if same else now
            return PodLastOperation(
                name=name, status=ActionStatus.FINALIZING.value, start_time=began, pods=pods
            )
        case LeaveStep.END:
            return attrs.evolve(
                operation, status=ActionStatus.DONE.value, pods=(), pods_ok=pods, end_time=now
            )
        case LeaveStep.UNDO:
            return attrs.evolve(operation, status=ActionStatus.DONE.value, pods=(), end_time=now)
        case _:
            assert_never(note.step)


def _shrinking(action: LastAction, now: dt.datetime) -> LastAction:
    if (action.name, action.status) == (ActionName.SCALE_DOWN, ActionStatus.ONGOING):
        return action
    return LastAction(name=ActionName.SCALE_DOWN.value, status=ActionStatus.ONGOING.value, start_time=now)
