"""Notes on pods of what has become of their operations: in labels as CassKop's, and in annotations."""

from __future__ import annotations

import datetime as dt

import attrs

from controller.api.v2 import names
from controller.domain.actions import MarkOperation, OperationStep
from controller.domain.observed import Observed, Pod
from controller.domain.operations import pods
from controller.domain.operations.kinds import name_of
from controller.domain.operations.pods import Running
from controller.domain.plan import remove
from controller.domain.plan.operate.work import Work

# Cassandra may list every range that it knows, and an object has a limit.
_LONGEST = 1000
_STATUS = {
    OperationStep.DONE: pods.DONE,
    OperationStep.FAILED: pods.ERROR,
    OperationStep.STOPPED: pods.PAUSED,
}


def ended(work: Work, step: OperationStep, why: str, observed: Observed) -> MarkOperation:
    """Return the note that *work* has come to *step*, its last."""
    return mark(work.rack, work.pod, step, name_of(work.operation), why, observed.now)


def mark(  # noqa: PLR0913, PLR0917 -- one note, from every side
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
