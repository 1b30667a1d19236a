"""
What is due on many nodes is asked of each of them, by the labels that a user would set.

With `spec.autoPilot` an operation is asked for, `ToDo`; without, it is offered, `Manual`, as CassKop does.
Labels of an operation that waits or runs are left alone until it is over. An offer stands until it is taken
or turned down: a pod that is made anew has lost its labels, and gets them back. Nothing is asked for before
the ring is at rest, a cleanup not before it has grown as far as it is to, and a rebuild not before some
keyspace keeps copies in the data centre: with Cassandra 5.0 the first rebuild is the only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import DueOperation, OperationName
from controller.domain.actions import Action, Hold, MarkOperation, OperationStep
from controller.domain.availability import CASSANDRAS_OWN, NetworkTopology
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.operations import pods
from controller.domain.ownership import Ownership
from controller.domain.plan.rest import in_the_way

# How many pods are labelled in one step: each is a write.
_AT_ONCE = 20
# How soon keyspaces are looked at again: no event tells of a change.
_LOOK_SECONDS = 30.0


def asks(desired: Desired, observed: Observed, planned: Sequence[Action]) -> list[Action]:
    """Return the next labels for what is due, or what it waits for."""
    if in_the_way(observed, planned) is not None:
        return []
    found: list[Action] = []
    for due in observed.operations.due:
        found.extend(_step(due, desired, observed))
    return found[:_AT_ONCE]


def needs_ownership(desired: Desired, observed: Observed) -> bool:
    """Tell whether what is due turns on which keyspaces there are."""
    return any(
        _is_rebuild(due) and desired.auto_pilot and _unasked(due, desired, observed)
        for due in observed.operations.due
    )


def still_due(desired: Desired, observed: Observed, planned: Iterable[Action]) -> tuple[DueOperation, ...]:
    """Return what is due and not over on every node, given what is *planned*.

    What was asked of a pod is settled when it ended, not when it was asked: a pod that is made anew has
    lost its labels, and is asked again. What is offered stays due until the user has had it done, or has
    turned it down by taking away the labels.
    """
    busy = in_the_way(observed, tuple(planned)) is not None
    found: list[DueOperation] = []
    for due in observed.operations.due:
        if _is_rebuild(due) and not desired.auto_pilot:
            continue
        targets = [pod for _, pod in _targets(due, observed)]
        there = {pod.name for pod in targets}
        # A pod that is away for a restart is known to have been there.
        known = there | observed.joined
        done = (set(due.done) | {pod.name for pod in targets if _settled(pod, due)}) & known
        offered = (set(due.offered) | {pod.name for pod in targets if _offered(pod, due)}) & known - done
        if busy or not there <= done:
            found.append(attrs.evolve(due, done=tuple(sorted(done)), offered=tuple(sorted(offered))))
    return tuple(found)


def _step(due: DueOperation, desired: Desired, observed: Observed) -> Iterator[Action]:
    left = _unasked(due, desired, observed)
    if _is_rebuild(due):
        if not desired.auto_pilot:
            return
        if left and not _has_copies(due.dc or "", observed):
            yield _offer(due)
            return
    if due.name == OperationName.CLEANUP and _grows(desired, observed):
        return
    members = observed.members()
    for rack, pod in left:
        if pod.name in members and pod.operation.running is None and not _other(pod, due):
            yield _ask(rack, pod, due, desired)


def _is_rebuild(due: DueOperation) -> bool:
    return due.name == OperationName.REBUILD


def _grows(desired: Desired, observed: Observed) -> bool:
    """Tell whether a node has yet to join: each that does takes more from the others.

    One that status has yet to list has joined just now: by that a cleanup is due anew.
    """
    if any(observed.racks.get(want.name, Rack()).size < want.replicas for want in desired.racks):
        return True
    new = observed.members() - observed.hosts.keys()
    return bool(new) or any(pod.name not in observed.joined for pod in observed.pods())


def _targets(due: DueOperation, observed: Observed) -> Iterator[tuple[str, Pod]]:
    """Yield the pods that are meant, each with its rack."""
    for name, rack in observed.racks.items():
        if due.dc is None or names.split_rack_name(name)[0] == due.dc:
            for pod in rack.pods:
                yield name, pod


def _unasked(due: DueOperation, desired: Desired, observed: Observed) -> list[tuple[str, Pod]]:
    """Return the pods, each with its rack, that have yet to be asked: also those with an open offer."""
    return [
        (rack, pod)
        for rack, pod in _targets(due, observed)
        if pod.name not in due.done
        and (pod.operation.request != _request(due) or (desired.auto_pilot and _offered(pod, due)))
    ]


def _settled(pod: Pod, due: DueOperation) -> bool:
    """Tell whether what was asked of *pod* is over, or was turned down."""
    asked = pod.operation
    waits = asked.name == due.name and asked.status in {pods.TODO, pods.MANUAL}
    return asked.request == _request(due) and asked.running is None and not waits


def _offered(pod: Pod, due: DueOperation) -> bool:
    """Tell whether *pod* says that the user may start it."""
    asked = pod.operation
    return asked.request == _request(due) and (asked.name, asked.status) == (due.name, pods.MANUAL)


def _request(due: DueOperation) -> str:
    """Return what is noted on a pod that was asked."""
    return f"{due.name} {due.since.isoformat() if due.since is not None else ''}"


def _other(pod: Pod, due: DueOperation) -> bool:
    """Tell whether another operation waits on *pod*."""
    return pod.operation.waits and pod.operation.name != due.name


def _has_copies(dc: str, observed: Observed) -> bool:
    """Tell whether some keyspace of the user's is known to keep copies in *dc*, to every node alike."""
    if not isinstance(observed.ownership, Ownership) or len(observed.ownership.schemas) > 1:
        return False
    return any(
        keyspace.name not in CASSANDRAS_OWN
        and isinstance(keyspace.replication, NetworkTopology)
        and keyspace.replication.factors.get(dc, 0) > 0
        for keyspace in observed.ownership.keyspaces
    )


def _offer(due: DueOperation) -> Hold:
    return Hold(
        reason="RebuildOffered",
        path="spec.autoPilot",
        why=f"{due.dc} has all its nodes, and no keyspace keeps copies there: ALTER KEYSPACE <name> WITH"
        f" replication = {{'class': 'NetworkTopologyStrategy', '{due.argument}': <copies>,"
        f" '{due.dc}': <copies>}}, and its nodes are rebuilt from {due.argument} by themselves",
        seconds=_LOOK_SECONDS,
    )


def _ask(rack: str, pod: Pod, due: DueOperation, desired: Desired) -> MarkOperation:
    asked = pod.operation
    status = pods.TODO if desired.auto_pilot or asked.waits else pods.MANUAL
    word = "asked for" if status == pods.TODO else "offered: set operation-status to ToDo to start it"
    return MarkOperation(
        rack=rack,
        pod=pod.name,
        uid=pod.uid,
        step=OperationStep.ASK,
        name=due.name or "",
        labels={
            names.OPERATION_NAME: due.name,
            names.OPERATION_STATUS: status,
            names.OPERATION_ARGUMENT: due.argument,
        },
        annotations={names.OPERATION_REQUEST: _request(due), names.OPERATION_RESULT: None},
        expected={names.OPERATION_NAME: asked.name, names.OPERATION_STATUS: asked.status},
        why=f"{due.name} on {pod.name} is {word}",
        again=status == pods.MANUAL and pod.name in due.offered,
    )
