"""
Operations on single nodes: which may begin now, and what becomes of those that were begun.

- What is begun is written on the pod first, and Cassandra is asked in the next step.
- A node is asked only while it does not do the same thing already, whoever asked it to: so an operation
  is taken up again after the operator's end, and never runs twice at a time.
- It is over when Cassandra says so. No answer is no end: then the node is asked what it is at.
- What fails stays failed, in Cassandra's words, until somebody asks again.

Operations keep nobody from mending the ring, but what moves data or restarts their node waits for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import datetime as dt

import attrs

from controller.api.v2 import names
from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    LeaveStep,
    MarkOperation,
    NoteLeaving,
    OperationStep,
    ReleasePlace,
    RestartPod,
    RunOperation,
    StopOperation,
    Wait,
)
from controller.domain.desired import Desired
from controller.domain.leaving import Call, Ended, Held, NotCalled
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.operations import pods
from controller.domain.operations.kinds import (
    Drain,
    NodeOperation,
    Remove,
    Unusable,
    may_be_stopped,
    name_of,
    parse,
    text_of,
)
from controller.domain.operations.limits import limit_of
from controller.domain.operations.pods import Running
from controller.domain.operations.seen import Busy
from controller.domain.plan import autopilot, orphaned, remove, removed
from controller.domain.plan.rest import in_the_way
from controller.domain.plan.waiting import SILENCE_SECONDS
from controller.domain.removing import Out, orphan
from controller.domain.ring import Silent

# How many waiting nodes are named.
_NAMED = 3
# Cassandra may list every range that it knows, and an object has a limit.
_LONGEST = 1000
_STATUS = {
    OperationStep.DONE: pods.DONE,
    OperationStep.FAILED: pods.ERROR,
    OperationStep.STOPPED: pods.PAUSED,
}


@attrs.frozen(kw_only=True)
class _Work:
    """An operation on the node in *pod*, which is one of *rack*: waiting to begin, or under way."""

    rack: str
    pod: Pod
    operation: NodeOperation

    @property
    def paused(self) -> bool:
        """Whether its label was set to Paused since it was begun."""
        asked, running = self.pod.operation, self.pod.operation.running
        return running is not None and (asked.name, asked.status) == (running.name, pods.PAUSED)

    @property
    def text(self) -> str:
        return f"{text_of(self.operation)} on {self.pod.name}"


def beside(desired: Desired, observed: Observed, planned: Sequence[Action]) -> tuple[Action, ...]:
    """Return what is *planned* for the ring, as far as operations let it, and what is done about those."""
    under_way = list(_under_way(observed))
    actions = [_held_back(action, under_way, observed) for action in planned]
    for work in under_way:
        actions.extend(_go_on(work, desired, observed))
    actions.extend(orphaned.go_on(desired, observed, planned))
    actions.extend(_refused(observed))
    actions.extend(_begin(under_way, desired, observed, planned))
    actions.extend(autopilot.asks(desired, observed, planned))
    return tuple(actions)


def _under_way(observed: Observed) -> Iterator[_Work]:
    """Yield what was begun and is not known to be over."""
    for rack, pod in _pods(observed):
        running = pod.operation.running
        operation = parse(running.name, running.argument) if running is not None else None
        if isinstance(operation, Remove) and running is not None:
            operation = attrs.evolve(operation, host_id=running.host_id or None)
        if operation is not None and not isinstance(operation, Unusable):
            yield _Work(rack=rack, pod=pod, operation=operation)


def _pods(observed: Observed) -> Iterator[tuple[str, Pod]]:
    for name, rack in observed.racks.items():
        for pod in rack.pods:
            yield name, pod


def _held_back(action: Action, under_way: Sequence[_Work], observed: Observed) -> Action:
    """Return *action*, or a wait in its place while an operation would suffer from it."""
    counted = [work for work in under_way if limit_of(work.operation).counts]
    removing = next((work.text for work in under_way if isinstance(work.operation, Remove)), None)
    lost = orphan(observed)
    if lost is not None:
        removing = f"the removal of {lost.host_id}, begun on {lost.through},"
    match action:
        case RestartPod(pod=pod) | ReleasePlace(pod=pod) if removing is not None:
            return Wait(seconds=None, why=f"{pod} is left alone until {removing} is over")
        case RestartPod(pod=pod):
            mine = next((work for work in under_way if work.pod.name == pod), None)
            if mine is not None:
                return Wait(seconds=None, why=f"{pod} is restarted once {mine.text} is over")
        case NoteLeaving(step=LeaveStep.BEGIN, pod=pod) if counted:
            return Wait(seconds=None, why=f"{pod} leaves once {counted[0].text} is over")
        case ApplyStatefulSet(rack=name, replicas=replicas) if counted:
            rack = observed.racks.get(name, Rack())
            # One that lost its StatefulSet gets it back for the nodes that it has: nobody joins by that.
            there = rack.size if rack.statefulset is not None else len(rack.pods)
            if there < replicas:
                return Wait(seconds=None, why=f"rack {name} grows once {counted[0].text} is over")
        case _:
            pass
    return action


def _go_on(work: _Work, desired: Desired, observed: Observed) -> list[Action]:
    """Return what is to be done about an operation that was begun."""
    pod, running = work.pod, work.pod.operation.running
    assert running is not None
    told = _told_by_the_ring(work, desired, observed)
    if told is not None:
        return told
    call = observed.operations.calls.get(pod.name, NotCalled())
    match call:
        case Held() if work.paused:
            return _stop(work)
        case Held():
            return [Wait(seconds=None, why=f"{work.text} runs")]
        case Ended(lost=False, failure=None):
            return [_ended(work, OperationStep.DONE, f"{work.text} is done", observed)]
        case Ended(failure=why) if work.paused:
            return [_ended(work, OperationStep.STOPPED, f"{work.text} is paused: {why}", observed)]
        case Ended(lost=False, failure=why):
            return [_ended(work, OperationStep.FAILED, f"{work.text} failed: {why}", observed)]
        case _:
            return _not_told(work, running, call, desired, observed)


def _told_by_the_ring(work: _Work, desired: Desired, observed: Observed) -> list[Action] | None:
    """Return what is to be done about a removal, as far as that does not turn on the call for it."""
    if not isinstance(work.operation, Remove):
        return None
    match removed.go_on(work.pod, work.text, desired, observed):
        case removed.Failed(why=why):
            return [_ended(work, OperationStep.FAILED, f"{work.text} failed: {why}", observed)]
        case Out(why=why):
            return [_ended(work, OperationStep.DONE, f"{work.text} is done: {why}", observed)]
        case actions:
            return actions


def _stop(work: _Work) -> list[Action]:
    """Return how an operation is stopped whose label was set to Paused; some cannot be."""
    why = f"{work.text} is stopped, since it is paused"
    if not may_be_stopped(work.operation):
        return [Wait(seconds=SILENCE_SECONDS, why=f"{work.text} cannot be stopped: it is paused at its end")]
    stop = StopOperation(
        pod=work.pod.name, uid=work.pod.uid, ip=work.pod.ip or "", operation=work.operation, why=why
    )
    return [stop, Wait(seconds=SILENCE_SECONDS, why=why)]


def _not_told(
    work: _Work, running: Running, call: Call, desired: Desired, observed: Observed
) -> list[Action]:
    """Return what is to be done about an operation of whose end Cassandra has not told us."""
    pod = work.pod
    if isinstance(work.operation, Remove):
        unheard = removed.unheard(work.rack, pod, work.text, call, observed)
        return unheard if unheard is not None else _asked_for(work, running, desired, observed)
    if running.restarts is not None and pod.restarts != running.restarts:
        why = f"{work.text} did not come to its end: Cassandra was restarted; ask again if it is still wanted"
        return [_ended(work, OperationStep.FAILED, why, observed)]
    if pod.terminating or not pod.ip:
        return [Wait(seconds=None, why=f"{work.text}: its pod is being deleted, or has no address")]
    match observed.operations.busy.get(pod.name):
        case Busy() as busy if busy.with_(work.operation) and work.paused:
            return _stop(work)
        case Busy() as busy if busy.with_(work.operation):
            return [Wait(seconds=SILENCE_SECONDS, why=f"{work.text} runs, as the node says")]
        case Busy():
            pass
        case Silent(why=why):
            return [Wait(seconds=SILENCE_SECONDS, why=f"{work.text}: it is not known whether it runs: {why}")]
        case None:
            return [Wait(seconds=SILENCE_SECONDS, why=f"{work.text}: the node was not asked what it does")]
    if isinstance(call, Ended):
        why = (
            f"{work.text} runs no more, and how it ended is not known: the answer was lost"
            f" ({call.failure}); ask again if it is still wanted"
        )
        return [_ended(work, OperationStep.FAILED, why, observed)]
    return _asked_for(work, running, desired, observed)


def _asked_for(work: _Work, running: Running, desired: Desired, observed: Observed) -> list[Action]:
    if work.paused:
        return [_ended(work, OperationStep.STOPPED, f"{work.text} is paused", observed)]
    return [_run(work, running, desired)]


def _run(work: _Work, running: Running, desired: Desired) -> RunOperation:
    pod = work.pod
    return RunOperation(
        pod=pod.name,
        uid=pod.uid,
        ip=pod.ip or "",
        operation=work.operation,
        call_id=call_id(pod, running),
        threads=desired.cleanup_threads,
        tag=f"{name_of(work.operation)}-{_digits(running.began)}",
        why=f"{work.text}: Cassandra is asked for it",
    )


def call_id(pod: Pod, running: Running) -> str:
    """Return the name of the one call that is made for *running* to the Cassandra process in *pod*."""
    return f"{running.name} {pod.uid} {running.restarts} {running.began}"


def _refused(observed: Observed) -> Iterator[MarkOperation]:
    """Yield the refusal of each operation that cannot be understood."""
    for rack, pod in _pods(observed):
        asked, running = pod.operation, pod.operation.running
        if running is not None and running.name == pods.DECOMMISSION:
            if observed.leaving is None or observed.leaving.pod != pod.name:
                yield _unlabelled(rack, pod)
        elif running is not None:
            began = parse(running.name, running.argument)
            if isinstance(began, Unusable):
                yield _mark(rack, pod, OperationStep.FAILED, running.name, began.why, observed.now)
        elif asked.waits:
            found = parse(asked.name, asked.argument)
            if isinstance(found, Unusable):
                why = f"{pod.name}: {found.why}"
                yield _mark(rack, pod, OperationStep.FAILED, asked.name, why, observed.now)


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


def _begin(
    under_way: Sequence[_Work], desired: Desired, observed: Observed, planned: Sequence[Action]
) -> Iterator[Action]:
    """Yield the beginning of each operation that may begin, and one wait for all others."""
    at_work = [work for work in under_way if limit_of(work.operation).counts]
    busy = in_the_way(observed, planned)
    members = observed.members()
    waiting: list[tuple[str, str]] = []
    for work in _asked(observed):
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
                yield _mark(work.rack, pod, OperationStep.FAILED, pod.operation.name, why, observed.now)
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
        yield _mark(work.rack, pod, OperationStep.BEGIN, pod.operation.name, why, observed.now, whom)
    if waiting:
        first, why = waiting[0]
        others = ", ".join(text for text, _ in waiting[1:_NAMED])
        more = len(waiting) - _NAMED
        listed = f" (also waiting: {others}{f' and {more} more' if more > 0 else ''})" if others else ""
        yield Wait(seconds=SILENCE_SECONDS, why=f"{first} waits: {why}{listed}")


def _asked(observed: Observed) -> Iterator[_Work]:
    """Yield what is asked for and was not begun; the second operation on a pod waits for the first."""
    for rack, pod in _pods(observed):
        asked = pod.operation
        if not asked.waits or asked.running is not None:
            continue
        found = parse(asked.name, asked.argument)
        if not isinstance(found, Unusable):
            yield _Work(rack=rack, pod=pod, operation=found)


def _no_room(work: _Work, at_work: Sequence[_Work]) -> str | None:
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


def _ended(work: _Work, step: OperationStep, why: str, observed: Observed) -> MarkOperation:
    return _mark(work.rack, work.pod, step, name_of(work.operation), why, observed.now)


def _mark(  # noqa: PLR0913, PLR0917 -- one note, from every side
    rack: str,
    pod: Pod,
    step: OperationStep,
    name: str,
    why: str,
    now: dt.datetime,
    whom: remove.Target | None = None,
) -> MarkOperation:
    """Return the note on *pod* that the operation *name* is at *step*; *whom* it removes, if it does."""
    asked = pod.operation
    why = why if len(why) <= _LONGEST else f"{why[: _LONGEST - 1]}…"
    labels: dict[str, str | None] = {}
    expected = {names.OPERATION_NAME: asked.name, names.OPERATION_STATUS: asked.status}
    if step is OperationStep.BEGIN:
        running = Running(name=name, argument=asked.argument, began=now.isoformat(), restarts=pod.restarts)
        if whom is not None:
            running = attrs.evolve(running, host_id=whom.host_id, place=whom.place)
        labels = {
            names.OPERATION_STATUS: pods.ONGOING,
            names.OPERATION_START: pods.label_time(now),
            names.OPERATION_END: "",
        }
        annotations: dict[str, str | None] = {
            names.OPERATION: running.text(),
            names.OPERATION_RESULT: None,
        }
    else:
        # Labels that were changed meanwhile are those of the next operation.
        mine = asked.running is None or asked.status in {pods.ONGOING, pods.PAUSED}
        if asked.name == name and mine:
            labels = {names.OPERATION_STATUS: _STATUS[step], names.OPERATION_END: pods.label_time(now)}
        else:
            expected = {}
        annotations = {names.OPERATION: None, names.OPERATION_RESULT: why}
    return MarkOperation(
        rack=rack,
        pod=pod.name,
        uid=pod.uid,
        step=step,
        name=name,
        labels=labels,
        annotations=annotations,
        expected=expected,
        why=why,
    )


def _digits(began: str) -> str:
    return "".join(each for each in began if each.isdecimal())[:14]
