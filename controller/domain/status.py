"""
The status fields that CassKop's users read: phases, actions, racks and nodes.

Names and values are CassKop's. They are made from the snapshot and the plan of one reconcile, and from
the previous status where a field tells of time: when an action began, and that a rack once ran.
Conditions are in `conditions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt

import attrs

from controller.api.v2.cluster import (
    ActionName,
    ActionStatus,
    ClusterStatus,
    LastAction,
    NodeStatus,
    Phase,
    RackStatus,
    SubPhase,
)
from controller.domain.actions import Action, ApplyStatefulSet
from controller.domain.desired import Desired, DesiredRack
from controller.domain.leaving_status import with_leaving, with_waiting, without_removed
from controller.domain.observed import Observed, Rack
from controller.domain.operations_due import with_due, with_empty
from controller.domain.operations_status import with_operations
from controller.domain.plan import storage
from controller.domain.plan.autopilot import still_due
from controller.domain.plan.roll import rolling
from controller.domain.progress import progress
from controller.domain.removal_status import with_removal
from controller.domain.replacing import disk
from controller.domain.resize_status import with_growth
from controller.domain.stop_status import with_stopping


def status(
    previous: ClusterStatus, desired: Desired, observed: Observed, actions: Iterable[Action]
) -> ClusterStatus:
    """Return *previous* brought up to what *observed* shows and *actions* will do."""
    members, planned = observed.members(), tuple(actions)
    todo = {a.rack: a for a in planned if isinstance(a, ApplyStatefulSet)}
    racks = dict(previous.cassandra_rack_status)
    for want in desired.racks:
        racks[want.name] = _rack(
            racks.get(want.name),
            want,
            observed.racks.get(want.name, Rack()),
            members,
            todo.get(want.name),
            (observed.joined | members) - _unnoticed(previous, want, members),
            observed.now,
        )
    sizes = {want.name: _places(observed.racks.get(want.name, Rack())) for want in desired.racks}
    racks = with_empty(racks, previous, sizes)
    racks = with_growth(racks, desired, observed, stamp(observed.now))
    racks = with_stopping(racks, desired, observed, stamp(observed.now))
    racks = with_leaving(racks, observed, planned, stamp(observed.now))
    racks = with_waiting(racks, previous, stamp(observed.now))
    racks = with_operations(racks, observed, planned, stamp(observed.now))
    racks = _announced(racks, desired, observed)
    mine = [racks[want.name] for want in desired.racks]
    new = attrs.evolve(
        _cluster(previous, mine),
        cassandra_rack_status=racks,
        cassandra_node_status=_nodes(previous, observed, members),
        ready_nodes=len(members),
        wanted_nodes=desired.wanted_nodes(),
        rollout=progress(previous.rollout, desired, observed, planned, members),
        streaming=observed.streaming,
    )
    still = still_due(desired, observed, planned)
    new = with_due(new, previous, still, stamp(observed.now))
    new = attrs.evolve(new, node_removal=with_removal(observed, stamp(observed.now)))
    return without_removed(new, desired, observed)


def _announced(racks: dict[str, RackStatus], desired: Desired, observed: Observed) -> dict[str, RackStatus]:
    """Return *racks* with the next change to do, if none is under way: to wait is not to be done."""
    if any(racks[want.name].cassandra_last_action.status != ActionStatus.DONE for want in desired.racks):
        return racks
    for want in desired.racks:
        have = observed.racks.get(want.name, Rack()).statefulset
        if want.change is not None and have is not None and have.waits_for_us and not have.stopped:
            action = LastAction(name=want.change, status=ActionStatus.TO_DO.value)
            return {**racks, want.name: attrs.evolve(racks[want.name], cassandra_last_action=action)}
    return racks


def corrected(status: ClusterStatus) -> ClusterStatus:
    """Return *status* as CassKop has it after a refused edit: that was the last action, unless one is on.

    A scale-down that waits is not on: what it waits for may be just this edit's correction.
    """
    waits = (ActionName.SCALE_DOWN.value, ActionStatus.TO_DO.value)
    idle = status.last_cluster_action_status in (ActionStatus.DONE, None)
    if not idle and (status.last_cluster_action, status.last_cluster_action_status) != waits:
        return status
    return attrs.evolve(
        status,
        last_cluster_action=ActionName.CORRECT_CRD_CONFIG.value,
        last_cluster_action_status=ActionStatus.DONE.value,
    )


def complete(want: DesiredRack, rack: Rack, members: frozenset[str]) -> bool:
    """Tell whether the rack has all its nodes, each a member of the ring; those that are to leave aside."""
    return rack.size >= want.replicas and all(
        f"{want.statefulset}-{i}" in members for i in range(want.replicas)
    )


def _serves(want: DesiredRack, rack: Rack, members: frozenset[str]) -> bool:
    """Tell whether the rack has nodes, and all that it is made for are members of the ring."""
    return rack.size > 0 and all(f"{want.statefulset}-{i}" in members for i in range(rack.size))


def _concerns_pods(want: DesiredRack, rack: Rack) -> bool:
    """Tell whether a write of the rack's StatefulSet is more than a note on it."""
    have = rack.statefulset
    if have is None or want.change is not None or have.template_hash != want.template_hash:
        return True
    return any(path.startswith("spec") for path in have.drift)


def _places(rack: Rack) -> int:
    return max(rack.size, len(rack.pods))


def _unnoticed(previous: ClusterStatus, want: DesiredRack, members: frozenset[str]) -> frozenset[str]:
    """Return the members whose joining nobody has told of: status has nodes of the rack, and not them.

    Whoever let the rack grow was gone before it could say so. From this status on they are known.
    """
    mine = {pod for pod in previous.cassandra_node_status if pod.rpartition("-")[0] == want.statefulset}
    rack = previous.cassandra_rack_status.get(want.name, RackStatus())
    action = rack.cassandra_last_action
    if not mine or (action.name, action.status) == (ActionName.SCALE_UP, ActionStatus.ONGOING):
        return frozenset()
    return frozenset(pod for pod in members - mine if pod.rpartition("-")[0] == want.statefulset)


def _rack(  # noqa: PLR0913, PLR0917 -- one rack, from every side
    previous: RackStatus | None,
    want: DesiredRack,
    rack: Rack,
    members: frozenset[str],
    todo: ApplyStatefulSet | None,
    joined: frozenset[str],
    now: dt.datetime,
) -> RackStatus:
    """Return one rack's status; a rack initialises once, and afterwards runs or is pending."""
    have = rack.statefulset
    if have is not None and have.template_revision == 0 and have.template_hash == want.template_hash:
        previous = previous or RackStatus()
        contents = previous.taken_over_contents or want.contents
        previous = attrs.evolve(
            previous, taken_over_template=want.template_hash, taken_over_contents=contents
        )
    finished = complete(want, rack, members)
    if previous is None or previous.phase == Phase.INITIALIZING:
        action = (
            previous.cassandra_last_action
            if previous is not None and previous.cassandra_last_action.start_time is not None
            else _begun(ActionName.INITIALIZING.value, now)
        )
        if finished:
            return attrs.evolve(
                previous or RackStatus(),
                phase=Phase.RUNNING.value,
                initializing_sub_phase=None,
                cassandra_last_action=_ended(action, now),
            )
        first = f"{want.statefulset}-0" in members
        sub_phase = SubPhase.NEXT_POD_PER_RACK if first else SubPhase.FIRST_POD_PER_RACK
        return attrs.evolve(
            previous or RackStatus(),
            phase=Phase.INITIALIZING.value,
            initializing_sub_phase=sub_phase.value,
            cassandra_last_action=action,
        )
    action = _action(previous.cassandra_last_action, want, rack, todo, joined, finished, now)
    # One whose turn to grow has yet to come runs as it is.
    waits = action.status == ActionStatus.TO_DO and _serves(want, rack, members)
    return attrs.evolve(
        previous,
        phase=Phase.RUNNING.value if finished or waits else Phase.PENDING.value,
        cassandra_last_action=action,
    )


def _action(  # noqa: PLR0913, PLR0917 -- as _rack
    previous: LastAction,
    want: DesiredRack,
    rack: Rack,
    todo: ApplyStatefulSet | None,
    joined: frozenset[str],
    finished: bool,  # noqa: FBT001 -- computed once, by the caller
    now: dt.datetime,
) -> LastAction:
    """Return the last action of a rack that has run before: a change comes before growth."""
    if rack.statefulset is None and (rack.pods or rack.copy is not None):
        # It gets its StatefulSet back, and is no smaller for having lost it.
        return previous
    size = rack.size
    if rack.statefulset is not None and rack.statefulset.stopped:
        return previous
    if todo is not None and todo.replicas == size and _concerns_pods(want, rack):
        return _going_on(previous, want.change or ActionName.UPDATE_STATEFUL_SET.value, now)
    if rolling(want, rack):
        change = rack.statefulset.change if rack.statefulset is not None else None
        return _going_on(previous, change or ActionName.UPDATE_STATEFUL_SET.value, now)
    if want.change == ActionName.UPDATE_RESOURCES and rack.statefulset is not None:
        # CassKop says at once of all racks that this is to be done.
        return LastAction(name=want.change, status=ActionStatus.TO_DO.value)
    # A node that never joined is a rack that grows, even if nobody noted when it began to.
    if any(f"{want.statefulset}-{i}" not in joined for i in range(size)) or (
        todo is not None and todo.replicas > size
    ):
        return _going_on(previous, ActionName.SCALE_UP.value, now)
    if size < want.replicas:
        growing = (previous.name, previous.status) == (ActionName.SCALE_UP, ActionStatus.ONGOING)
        return (
            previous
            if growing
            else LastAction(name=ActionName.SCALE_UP.value, status=ActionStatus.TO_DO.value)
        )
    if size > want.replicas and rack.statefulset is not None:
        # Its turn to shrink has yet to come, or something keeps it; between two nodes it is under way.
        shrinking = (previous.name, previous.status) == (ActionName.SCALE_DOWN, ActionStatus.ONGOING)
        to_do = LastAction(name=ActionName.SCALE_DOWN.value, status=ActionStatus.TO_DO.value)
        return previous if shrinking else to_do
    if finished and previous.status not in (ActionStatus.DONE, None) and _over(previous, want, rack):
        return _ended(previous, now)
    return previous


def _over(action: LastAction, want: DesiredRack, rack: Rack) -> bool:
    """Tell whether what *action* is about is so: another operator may have begun it, and never come to it."""
    have = rack.statefulset
    match action.name:
        case ActionName.INITIALIZING | ActionName.SCALE_UP | ActionName.CORRECT_CRD_CONFIG | ActionName.STOP:
            return True
        case ActionName.SCALE_DOWN:
            return have is not None and have.replicas <= want.replicas
        case ActionName.START:
            return have is not None and not have.stopped
        case ActionName.STORAGE_UPSIZE:
            return not storage.pending(want, rack) and not want.refusals
        case _:
            pods = [pod for pod in rack.pods if pod.ordinal >= want.partition]
            stored = have is not None and have.template_hash == want.template_hash
            if have is not None and not have.settled:
                # Until Kubernetes has seen the new template, all pods seem to have the newest.
                return False
            return stored and not (have is not None and any(have.outdates(pod) for pod in pods))


def _cluster(previous: ClusterStatus, racks: list[RackStatus]) -> ClusterStatus:
    """Sum up the racks as CassKop does: the first not running gives the phase, the last action wins."""
    unfinished = [r for r in racks if r.cassandra_last_action.status != ActionStatus.DONE]
    # What is under way says more than what has yet to begin.
    unfinished = [r for r in unfinished if r.cassandra_last_action.status != ActionStatus.TO_DO] or unfinished
    not_running = [r for r in racks if r.phase != Phase.RUNNING]
    phase = not_running[0].phase if not_running else Phase.RUNNING.value
    last = (
        unfinished[-1].cassandra_last_action
        if unfinished
        else LastAction(
            name=previous.last_cluster_action or ActionName.INITIALIZING.value, status=ActionStatus.DONE.value
        )
    )
    firsts = [r for r in racks if r.initializing_sub_phase == SubPhase.FIRST_POD_PER_RACK]
    sub_phase = SubPhase.FIRST_POD_PER_RACK.value if firsts else SubPhase.NEXT_POD_PER_RACK.value
    return attrs.evolve(
        previous,
        phase=phase,
        initializing_sub_phase=sub_phase if phase == Phase.INITIALIZING else None,
        last_cluster_action=last.name,
        last_cluster_action_status=last.status,
    )


def _nodes(previous: ClusterStatus, observed: Observed, members: frozenset[str]) -> Mapping[str, NodeStatus]:
    """Return every node's host id, address, disk and version; what was known stays while nobody can be asked.

    Nodes that have left go, but only after the ring's ConfigMap has lost them: the host id is the proof.
    """
    lost = observed.gone - observed.recorded
    nodes = {pod: node for pod, node in previous.cassandra_node_status.items() if pod not in lost}
    for rack in observed.racks.values():
        for pod in rack.pods:
            host_id = observed.ring.host_id(pod.name, pod.ip or "")
            if pod.name in members and host_id is not None:
                old = nodes.get(pod.name, NodeStatus())
                nodes[pod.name] = attrs.evolve(
                    old, host_id=host_id, node_ip=pod.ip or "", disk=disk(pod, rack) or old.disk
                )
    # A node that runs another version has touched its data, member or not.
    for name, view in observed.ring.views().items():
        if name in nodes:
            nodes[name] = attrs.evolve(nodes[name], release_version=view.release_version)
    return nodes


def _begun(name: str, now: dt.datetime) -> LastAction:
    return LastAction(name=name, status=ActionStatus.ONGOING.value, start_time=stamp(now))


def _ended(action: LastAction, now: dt.datetime) -> LastAction:
    return attrs.evolve(action, status=ActionStatus.DONE.value, end_time=stamp(now))


def _going_on(previous: LastAction, name: str, now: dt.datetime) -> LastAction:
    """Return *previous* if it is this action and under way, else its beginning."""
    ongoing = previous.name == name and previous.status == ActionStatus.ONGOING
    return previous if ongoing else _begun(name, now)


def stamp(now: dt.datetime) -> dt.datetime:
    """Return an instant as precise as the API keeps it: whole seconds, so that memory and wire agree."""
    return now.astimezone(dt.UTC).replace(microsecond=0)
