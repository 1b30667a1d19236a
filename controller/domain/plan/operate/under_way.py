"""
What becomes of an operation that was begun.

It is over when Cassandra says so. No answer is no end: then the node is asked what it is at.
"""

from __future__ import annotations

from controller.domain.actions import Action, OperationStep, RunOperation, StopOperation, Wait
from controller.domain.desired import Desired
from controller.domain.leaving import Call, Ended, Held, NotCalled
from controller.domain.observed import Observed, Pod
from controller.domain.operations.kinds import Remove, may_be_stopped, name_of
from controller.domain.operations.pods import Running
from controller.domain.operations.seen import Busy
from controller.domain.plan import removed
from controller.domain.plan.operate.marks import ended
from controller.domain.plan.operate.work import Work
from controller.domain.plan.waiting import SILENCE_SECONDS
from controller.domain.removing import Out
from controller.domain.ring import Silent


def go_on(work: Work, desired: Desired, observed: Observed) -> list[Action]:
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
        case Ended(lost=False, failure=None, remark=remark):
            why = f"{work.text} is done" + (f": {remark}" if remark else "")
            return [ended(work, OperationStep.DONE, why, observed)]
        case Ended(failure=why) if work.paused:
            return [ended(work, OperationStep.STOPPED, f"{work.text} is paused: {why}", observed)]
        case Ended(lost=False, failure=why):
            return [ended(work, OperationStep.FAILED, f"{work.text} failed: {why}", observed)]
        case _:
            return _not_told(work, running, call, desired, observed)


def _told_by_the_ring(work: Work, desired: Desired, observed: Observed) -> list[Action] | None:
    """Return what is to be done about a removal, as far as that does not turn on the call for it."""
    if not isinstance(work.operation, Remove):
        return None
    match removed.go_on(work.pod, work.text, desired, observed):
        case removed.Failed(why=why):
            return [ended(work, OperationStep.FAILED, f"{work.text} failed: {why}", observed)]
        case Out(why=why):
            return [ended(work, OperationStep.DONE, f"{work.text} is done: {why}", observed)]
        case actions:
            return actions


def _stop(work: Work) -> list[Action]:
    """Return how an operation is stopped whose label was set to Paused; some cannot be."""
    why = f"{work.text} is stopped, since it is paused"
    if not may_be_stopped(work.operation):
        return [Wait(seconds=SILENCE_SECONDS, why=f"{work.text} cannot be stopped: it is paused at its end")]
    stop = StopOperation(
        pod=work.pod.name, uid=work.pod.uid, ip=work.pod.ip or "", operation=work.operation, why=why
    )
    return [stop, Wait(seconds=SILENCE_SECONDS, why=why)]


def _not_told(work: Work, running: Running, call: Call, desired: Desired, observed: Observed) -> list[Action]:
    """Return what is to be done about an operation of whose end Cassandra has not told us."""
    pod = work.pod
    if isinstance(work.operation, Remove):
        unheard = removed.unheard(work.rack, pod, work.text, call, observed)
        return unheard if unheard is not None else _asked_for(work, running, desired, observed)
    if running.restarts is not None and pod.restarts != running.restarts:
        why = f"{work.text} did not come to its end: Cassandra was restarted; ask again if it is still wanted"
        return [ended(work, OperationStep.FAILED, why, observed)]
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
        return [ended(work, OperationStep.FAILED, why, observed)]
    return _asked_for(work, running, desired, observed)


def _asked_for(work: Work, running: Running, desired: Desired, observed: Observed) -> list[Action]:
    if work.paused:
        return [ended(work, OperationStep.STOPPED, f"{work.text} is paused", observed)]
    return [_run(work, running, desired)]


def _run(work: Work, running: Running, desired: Desired) -> RunOperation:
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


def _digits(began: str) -> str:
    return "".join(each for each in began if each.isdecimal())[:14]
