"""
Operations on nodes in `podLastOperation` of their rack, in CassKop's words.

The pods' own labels are what decisions go by; this is for people and for CassKop. It is brought up to the
pods in every reconcile, so that a write that was lost is made good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import assert_never

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import ActionStatus, OperationName, PodLastOperation, RackStatus
from controller.domain.actions import Action, MarkOperation, OperationStep
from controller.domain.observed import Observed
from controller.domain.operations import pods


def with_operations(
    racks: Mapping[str, RackStatus], observed: Observed, actions: Iterable[Action], now: dt.datetime
) -> dict[str, RackStatus]:
    """Return *racks* with what runs and what has ended on their nodes; *now* in whole seconds."""
    marks = [action for action in actions if isinstance(action, MarkOperation)]
    found = dict(racks)
    for name, rack in racks.items():
        mine = {mark.pod: mark for mark in marks if mark.rack == name}
        new = _rack(rack.pod_last_operation, name, mine, observed, now)
        if new != rack.pod_last_operation:
            found[name] = attrs.evolve(rack, pod_last_operation=new)
    return found


def _rack(
    last: PodLastOperation,
    rack: str,
    marks: Mapping[str, MarkOperation],
    observed: Observed,
    now: dt.datetime,
) -> PodLastOperation:
    leaves = last.status in {ActionStatus.ONGOING, ActionStatus.FINALIZING}
    if last.name == OperationName.DECOMMISSION and leaves:
        # What an operator that starts anew goes by.
        return last
    # That a node leaves is noted by whoever sees to it, whatever its labels say.
    mine = [
        pod
        for pod in (observed.racks[rack].pods if rack in observed.racks else ())
        if pod.operation.running is None or pod.operation.running.name != OperationName.DECOMMISSION
    ]
    states = {pod.name: _state(pod.operation) for pod in mine}
    kinds = {pod.name: pod.operation.running.name for pod in mine if pod.operation.running is not None}
    marks = {pod: mark for pod, mark in marks.items() if mark.name != OperationName.DECOMMISSION}
    for mark in marks.values():
        states[mark.pod] = _after(mark)
        if mark.step is OperationStep.BEGIN:
            kinds[mark.pod] = mark.name
    running = tuple(pod for pod, state in states.items() if state == pods.ONGOING)
    # A pod that is gone took its operation with it; one that is asked anew tells nothing any more.
    past = {pod: states.get(pod, pods.ERROR) for pod in last.pods}
    ended = {pod: state for pod, state in past.items() if state in {pods.DONE, pods.ERROR}}
    # Refused before it was begun: it was the last operation all the same.
    ended |= {m.pod: pods.ERROR for m in marks.values() if m.step is OperationStep.FAILED}
    over = not running and pods.TODO not in states.values()
    if not running and not ended and not (over and last.status == ActionStatus.ONGOING):
        return last
    kind = next((kinds[pod] for pod in running), None) or next((m.name for m in marks.values()), last.name)
    if last.status != ActionStatus.ONGOING or (kind != last.name and kind is not None):
        last = PodLastOperation(name=kind, start_time=now)
    ok = [pod for pod, state in ended.items() if state == pods.DONE]
    ko = [pod for pod, state in ended.items() if state != pods.DONE]
    return attrs.evolve(
        last,
        status=ActionStatus.DONE.value if over else ActionStatus.ONGOING.value,
        end_time=now if over else None,
        pods=running,
        pods_ok=_put(last.pods_ok, ok, without=(*running, *ko)),
        pods_ko=_put(last.pods_ko, ko, without=(*running, *ok)),
        operator_name=observed.operations.operator or last.operator_name,
    )


def _after(mark: MarkOperation) -> str:
    """Return how far a pod's operation is once *mark* is written."""
    match mark.step:
        case OperationStep.ASK:
            return mark.labels.get(names.OPERATION_STATUS) or ""
        case OperationStep.BEGIN:
            return pods.ONGOING
        case OperationStep.DONE:
            return pods.DONE
        case OperationStep.FAILED:
            return pods.ERROR
        case OperationStep.STOPPED:
            return pods.PAUSED
        case _:
            assert_never(mark.step)


def _state(operation: pods.PodOperation) -> str:
    """Return how far a pod's operation is; anything that is not done and does not run has failed."""
    return pods.ONGOING if operation.running is not None else operation.status


def _put(old: tuple[str, ...], more: Iterable[str], *, without: Iterable[str]) -> tuple[str, ...]:
    gone = set(without)
    return tuple(dict.fromkeys(pod for pod in (*old, *more) if pod not in gone))
