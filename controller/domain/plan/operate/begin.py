"""
Which operation may begin now, and what the others wait for; those that make no sense are refused.

Nothing begins here but the note on the pod: Cassandra is asked in the next step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.api.v2 import names
from controller.domain.actions import Action, MarkOperation, OperationStep, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Pod
from controller.domain.operations import pods
from controller.domain.operations.kinds import Drain, Remove, Unusable, parse
from controller.domain.operations.limits import limit_of
from controller.domain.plan import remove
from controller.domain.plan.operate.marks import mark
from controller.domain.plan.operate.work import Work, of_all, wanted
from controller.domain.plan.rest import in_the_way
from controller.domain.plan.waiting import SILENCE_SECONDS

# How many waiting nodes are named.
_NAMED = 3


def begin(
    under_way: Sequence[Work], desired: Desired, observed: Observed, planned: Sequence[Action]
) -> Iterator[Action]:
    """Yield the beginning of each operation that may begin, and one wait for all others."""
    at_work = [work for work in under_way if limit_of(work.operation).counts]
    busy = in_the_way(observed, planned)
    members = observed.members()
    waiting: list[tuple[str, str]] = []
    for work in wanted(observed):
        pod = work.pod
        whom: remove.Target | None = None
        if isinstance(work.operation, Drain) and observed.joined - members:
            why: str | None = (
                f"it is drained once {', '.join(sorted(observed.joined - members))} serves again"
            )
        elif pod.name not in members:
            why = f"{pod.name} is not a member of the ring that serves"
        elif not limit_of(work.operation).counts:
            why = None
        elif isinstance(work.operation, Remove):
            found = remove.target(work.operation, pod, desired, observed, planned)
            if isinstance(found, remove.Refused):
                why = f"{work.text} is refused: {found.why}"
                yield mark(work.rack, pod, OperationStep.FAILED, pod.operation.name, why, observed.now)
                continue
            whom = found if isinstance(found, remove.Target) else None
            why = found.why if isinstance(found, remove.NotYet) else _no_room(work, at_work)
        else:
            why = busy or _no_room(work, at_work)
        if why is not None:
            waiting.append((work.text, why))
            continue
        if limit_of(work.operation).counts:
            at_work.append(work)
        why = f"{work.text} begins" + (f": {whom.why}" if whom is not None else "")
        yield mark(work.rack, pod, OperationStep.BEGIN, pod.operation.name, why, observed.now, whom)
    if waiting:
        first, why = waiting[0]
        others = ", ".join(text for text, _ in waiting[1:_NAMED])
        more = len(waiting) - _NAMED
        listed = f" (also waiting: {others}{f' and {more} more' if more > 0 else ''})" if others else ""
        yield Wait(seconds=SILENCE_SECONDS, why=f"{first} waits: {why}{listed}")


def _no_room(work: Work, at_work: Sequence[Work]) -> str | None:
    """Return which operation has to end before *work* may begin; None if there is room."""
    limit = limit_of(work.operation)
    limits = [limit, *(limit_of(other.operation) for other in at_work)]
    ring = min(each.ring for each in limits if each.ring is not None)
    if len(at_work) >= ring:
        return f"{at_work[0].text} runs, and no more than {ring} may in the ring"
    same = [other for other in at_work if other.rack == work.rack]
    if limit.rack is not None and len(same) >= limit.rack:
        return f"{same[0].text} runs, and no more than {limit.rack} may in a rack"
    return None


def refused(observed: Observed) -> Iterator[MarkOperation]:
    """Yield the refusal of each operation that cannot be understood."""
    for rack, pod in of_all(observed):
        asked, running = pod.operation, pod.operation.running
        if running is not None and running.name == pods.DECOMMISSION:
            if observed.leaving is None or observed.leaving.pod != pod.name:
                yield _unlabelled(rack, pod)
        elif running is not None:
            began = parse(running.name, running.argument)
            if isinstance(began, Unusable):
                yield mark(rack, pod, OperationStep.FAILED, running.name, began.why, observed.now)
        elif asked.waits:
            found = parse(asked.name, asked.argument)
            if isinstance(found, Unusable):
                why = f"{pod.name}: {found.why}"
                yield mark(rack, pod, OperationStep.FAILED, asked.name, why, observed.now)


def _unlabelled(rack: str, pod: Pod) -> MarkOperation:
    """Return how the labels of a decommission go from a pod whose node does not leave the ring, after all."""
    gone = (names.OPERATION_NAME, names.OPERATION_STATUS, names.OPERATION_START, names.OPERATION_END)
    return MarkOperation(
        rack=rack,
        pod=pod.name,
        uid=pod.uid,
        step=OperationStep.STOPPED,
        name=pods.DECOMMISSION,
        labels=dict.fromkeys(gone),
        annotations={},
        expected={names.OPERATION_NAME: pods.DECOMMISSION, names.OPERATION_STATUS: pods.ONGOING},
        why=f"{pod.name} does not leave the ring: the labels that say so are taken away",
    )
