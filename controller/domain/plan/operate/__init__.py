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

from collections.abc import Sequence

import attrs

from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    LeaveStep,
    NoteLeaving,
    ReleasePlace,
    RestartPod,
    Wait,
)
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Rack
from controller.domain.operations.kinds import Remove, text_of
from controller.domain.operations.limits import limit_of
from controller.domain.plan import autopilot, orphaned
from controller.domain.plan.operate.begin import begin, refused
from controller.domain.plan.operate.under_way import go_on
from controller.domain.plan.operate.work import Work, begun, wanted
from controller.domain.removing import orphan


def beside(desired: Desired, observed: Observed, planned: Sequence[Action]) -> tuple[Action, ...]:
    """Return what is *planned* for the ring, as far as operations let it, and what is done about those."""
    under_way = list(begun(observed))
    actions = [_held_back(action, under_way, observed) for action in planned]
    for work in under_way:
        actions.extend(go_on(work, desired, observed))
    actions.extend(orphaned.go_on(desired, observed, planned))
    actions.extend(refused(observed))
    actions.extend(begin(under_way, desired, observed, planned))
    actions.extend(autopilot.asks(desired, observed, planned))
    return tuple(actions)


def _telling_what_goes(action: RestartPod, observed: Observed) -> RestartPod:
    """Return *action* with what its user has to ask for again: labels go with their pod.

    What we asked for on their behalf, we ask for again.
    """
    for work in wanted(observed):
        if work.pod.name == action.pod and work.pod.operation.request is None:
            again = f"its labels go with it, so ask again for {text_of(work.operation)}, which has not begun"
            return attrs.evolve(action, why=f"{action.why}; {again}")
    return action


def _held_back(action: Action, under_way: Sequence[Work], observed: Observed) -> Action:
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
            return _telling_what_goes(action, observed)
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
