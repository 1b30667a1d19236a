"""
What becomes of the removal of a dead node whose pod, through which it was done, is lost.

- If the ring has let the node go meanwhile, its place is emptied as was noted.
- If not, another member is given the removal, by the same proof as at first: Cassandra goes on with a node
  that somebody began to remove.
- What must not be done any more is reported on that member, as a removal that failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from controller.api.v2 import names
from controller.domain.actions import Action, MarkOperation, OperationStep, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Pod
from controller.domain.operations import pods
from controller.domain.operations.kinds import NAMES, Remove, parse, text_of
from controller.domain.operations.pods import Running
from controller.domain.plan import remove, removed
from controller.domain.plan.waiting import SILENCE_SECONDS
from controller.domain.removing import Orphan, Out, orphan, outcome

_NAME: Final = NAMES[Remove]


def go_on(desired: Desired, observed: Observed, planned: Iterable[Action]) -> list[Action]:
    """Return what is to be done about a removal that no pod carries any more; nothing if there is none."""
    lost = orphan(observed)
    if lost is None:
        return []
    text = f"{text_of(_operation(lost))}, begun on {lost.through}, which is lost"
    found = outcome(lost, observed)
    if isinstance(found, Out):
        emptied = removed.emptied(lost, found, text, observed)
        return [] if isinstance(emptied, Out) else emptied
    worker = _worker(lost, observed)
    if worker is None:
        return [Wait(seconds=SILENCE_SECONDS, why=f"{text}: no other member is free to go on with it")]
    rack, pod = worker
    operation = Remove(pod=lost.pod, host_id=lost.host_id)
    answer = remove.target(operation, pod, desired, observed, planned)
    match answer:
        case remove.NotYet(why=why):
            return [Wait(seconds=SILENCE_SECONDS, why=f"{text}, waits: {why}")]
        case remove.Refused(why=why):
            return [_mark(rack, pod, lost, observed, None, f"{text}, is given up: {why}")]
        case remove.Target(why=why):
            return [_mark(rack, pod, lost, observed, answer, f"{text}, goes on through {pod.name}: {why}")]


def asks(observed: Observed) -> bool:
    """Tell whether it turns on who owns what in the ring."""
    lost = orphan(observed)
    worker = _worker(lost, observed) if lost is not None else None
    if lost is None or worker is None:
        return False
    return remove.may_be(Remove(pod=lost.pod, host_id=lost.host_id), worker[1], observed)


def over(lost: Orphan, observed: Observed) -> bool:
    """Tell whether nothing is left to do: the node is out of the ring, and its place is empty."""
    found = outcome(lost, observed)
    return isinstance(found, Out) and isinstance(removed.emptied(lost, found, "", observed), Out)


def _operation(lost: Orphan) -> Remove:
    found = parse(_NAME, lost.argument)
    return found if isinstance(found, Remove) else Remove(pod=lost.pod, host_id=lost.host_id)


def _worker(lost: Orphan, observed: Observed) -> tuple[str, Pod] | None:
    """Return a member that is at nothing, with its rack: one that nobody has asked for anything, if any."""
    members = observed.members() - {lost.pod}
    free = [
        (pod.operation.status == pods.MANUAL, pod.name, name, pod)
        for name, rack in observed.racks.items()
        for pod in rack.pods
        if pod.name in members and pod.operation.running is None and pod.operation.status != pods.TODO
    ]
    if not free:
        return None
    _, _, rack, pod = min(free, key=lambda each: each[:2])
    return rack, pod


def _mark(  # noqa: PLR0913, PLR0917 -- one note, from every side
    rack: str, pod: Pod, lost: Orphan, observed: Observed, whom: remove.Target | None, why: str
) -> MarkOperation:
    """Return the note on *pod* that it removes *whom*, or without, that nobody does any more."""
    now, asked = observed.now, pod.operation
    running: str | None = None
    if whom is not None:
        running = Running(
            name=_NAME,
            argument=lost.argument,
            began=now.isoformat(),
            restarts=pod.restarts,
            host_id=whom.host_id,
            # What was noted first, and what there is of it by now: a pod may have been made anew.
            place={**lost.place, **whom.place},
        ).text()
    return MarkOperation(
        rack=rack,
        pod=pod.name,
        uid=pod.uid,
        step=OperationStep.BEGIN if whom is not None else OperationStep.FAILED,
        name=_NAME,
        labels={
            names.OPERATION_NAME: _NAME,
            names.OPERATION_ARGUMENT: lost.argument,
            names.OPERATION_STATUS: pods.ONGOING if whom is not None else pods.ERROR,
            names.OPERATION_START: pods.label_time(now),
            names.OPERATION_END: "" if whom is not None else pods.label_time(now),
        },
        annotations={
            names.OPERATION: running,
            names.OPERATION_RESULT: None if whom is not None else why,
            # What it was offered is offered once more.
            names.OPERATION_REQUEST: None if whom is not None else lost.name,
        },
        expected={names.OPERATION_NAME: asked.name, names.OPERATION_STATUS: asked.status},
        why=why,
    )
