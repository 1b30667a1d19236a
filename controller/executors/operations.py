"""
Operations on nodes: noted on the pod, and asked for once.

A note is written only while the pod and its labels are those that the decision was made on. A call is
held open as long as there is room; what it ends with wakes the cluster, and is Cassandra's word.
"""

from __future__ import annotations

from typing import Final, Protocol

import attrs

from controller.api.v2 import names
from controller.cassandra.jolokia import Endpoint, Jolokia
from controller.cassandra.work import NotAskedError, Worker, stop
from controller.domain.actions import MarkOperation, OperationStep, RunOperation, StopOperation
from controller.domain.errors import ConflictError, NotFoundError, NotLeadingError, TransientError
from controller.domain.leaving import Call, Ended, Held, NotCalled
from controller.domain.operations.kinds import NAMES
from controller.executors import brief
from controller.executors.base import Bodies, Body, Written
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.runtime.held_calls import CallFailed, CallRefused, CallResult, HeldCalls
from controller.runtime.store import Key


class OperationMetrics(Protocol):
    """What operations on nodes report."""

    def operation_started(self, operation: str) -> None:
        """*operation* was begun."""

    def operation_finished(self, operation: str, result: str) -> None:
        """*operation* ended: `done`, `failed`, or `stopped`."""


# What is counted of each step that is noted.
_RESULTS: Final = {
    OperationStep.DONE: "done",
    OperationStep.FAILED: "failed",
    OperationStep.STOPPED: "stopped",
}
RESULTS: Final = tuple(_RESULTS.values())


@attrs.frozen
class Operations:
    """Notes operations on pods, and asks nodes for them: *patient* waits as long as it takes."""

    client: KubeClient
    patient: Jolokia
    brisk: Jolokia
    calls: HeldCalls[Key, str | None]
    metrics: OperationMetrics | None = None
    # What this process noted last on each pod, by uid: whether another one may have asked for it already.
    _noted: dict[str, str] = attrs.field(factory=dict, init=False)

    def __call__(
        self, action: MarkOperation | RunOperation | StopOperation, bodies: Bodies
    ) -> Written | None:
        """Carry *action* out.

        Raises `ConflictError` if the pod or its labels are not those of the plan any more,
        `TransientError` if no further call can be held now, or the node gave no answer before it came to be
        asked, `Asking` while the node is being asked to stop, what that failed with, and the client's errors.
        """
        if isinstance(action, MarkOperation):
            return self._mark(action, bodies)
        if isinstance(action, RunOperation):
            self._run(action, bodies)
        else:
            self._stop(action, bodies)
        return None

    def _mark(self, action: MarkOperation, bodies: Bodies) -> Written:
        live = self._live(action.pod, action.uid, bodies)
        labels = live["metadata"].get("labels") or {}
        for label, value in action.expected.items():
            if labels.get(label, "") != value:
                raise ConflictError(f"label {label} of pod {action.pod} has changed since the plan was made")
        patch = {"metadata": {"labels": dict(action.labels), "annotations": dict(action.annotations)}}
        stored = self.client.merge_patch(
            kinds.POD,
            bodies.namespace,
            action.pod,
            patch,
            uid=action.uid,
            resource_version=live["metadata"]["resourceVersion"],
        )
        again = names.OPERATION in (live["metadata"].get("annotations") or {})
        if action.step is not OperationStep.BEGIN or not again:
            self._count(action)
        self._noted.pop(action.uid, None)
        if action.step is OperationStep.BEGIN:
            self._noted[action.uid] = action.annotations.get(names.OPERATION) or ""
        return Written.of(kinds.POD, stored)

    def _count(self, action: MarkOperation) -> None:
        # What is no operation is the user's word, and no word for a label.
        if self.metrics is None or action.name not in NAMES.values():
            return
        if action.step is OperationStep.BEGIN:
            self.metrics.operation_started(action.name)
        elif action.step in _RESULTS:
            self.metrics.operation_finished(action.name, _RESULTS[action.step])

    def _stop(self, action: StopOperation, bodies: Bodies) -> None:
        call_id = ("stop", action.uid, action.ip, action.operation)
        brief.check(self.calls, call_id)
        self._there(action, bodies)
        self.client.check_fence()
        endpoint = Endpoint(host=action.ip, credentials=bodies.login)
        brief.make(
            self.calls,
            call_id,
            Key(bodies.namespace, bodies.cluster),
            lambda: stop(self.brisk, endpoint, action.operation),
            pod=action.pod,
        )

    def _run(self, action: RunOperation, bodies: Bodies) -> None:
        live = self._there(action, bodies)
        annotations = live["metadata"].get("annotations") or {}
        labels = live["metadata"].get("labels") or {}
        if names.OPERATION not in annotations and labels.get(names.OPERATION_STATUS) != "Ongoing":
            raise ConflictError(f"the operation on {action.pod} is over since the plan was made")
        note = annotations.get(names.OPERATION)
        again = note is None or self._noted.get(action.uid) != note
        last = self.calls.result(action.call_id)
        if isinstance(last, CallFailed) and isinstance(last.error, NotAskedError):
            # Told once, so that the next try comes after the delay of a failure.
            self.calls.forget(action.call_id)
            raise last.error
        self.client.check_fence()
        worker = Worker(
            patient=self.patient,
            brisk=self.brisk,
            endpoint=Endpoint(host=action.ip, credentials=bodies.login),
            go_on=self.client.check_fence,
        )
        began = self.calls.start(
            action.call_id,
            Key(bodies.namespace, bodies.cluster),
            lambda: worker.run(action.operation, threads=action.threads, tag=action.tag, again=again),
        )
        if isinstance(began, CallRefused):
            raise TransientError(f"{action.pod} is not asked for its operation yet: {began.why}")

    def _there(self, action: RunOperation | StopOperation, bodies: Bodies) -> Body:
        """Return the pod of *action*; `ConflictError` if it is not where it was."""
        live = self._live(action.pod, action.uid, bodies)
        if (live.get("status") or {}).get("podIP") != action.ip:
            raise ConflictError(f"pod {action.pod} has another address than the plan was made on")
        return live

    def _live(self, pod: str, uid: str, bodies: Bodies) -> Body:
        try:
            live = self.client.get(kinds.POD, bodies.namespace, pod)
        except NotFoundError:
            raise ConflictError(f"pod {pod} is gone since the plan was made") from None
        if live["metadata"]["uid"] != uid:
            raise ConflictError(f"pod {pod} is another one than the plan was made on")
        return live


def call_state(calls: HeldCalls[Key, str | None], call_id: str) -> Call:
    """Return what this process knows of a call; one that did not come to be made is none."""
    # Held first: a call that ends in between is then found by its result.
    if calls.is_held(call_id):
        return Held()
    result = calls.result(call_id)
    if result is None or _came_to_nothing(result):
        return NotCalled()
    if not isinstance(result, CallFailed):
        return Ended(remark=result.value)
    lost = isinstance(result.error, TransientError | NotLeadingError)
    return Ended(failure=str(result.error), lost=lost)


def _came_to_nothing(result: CallResult[Key, str | None]) -> bool:
    return isinstance(result, CallFailed) and isinstance(result.error, NotAskedError)
