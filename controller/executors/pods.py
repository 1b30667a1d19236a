"""
Pods: deleted only while they are the very pod of the plan.

One that was planned to be deleted since Cassandra does not run in it is only deleted while that is so.
One that is restarted is drained and stopped by its own hook, in the time that its template gives it.
"""

from __future__ import annotations

from typing import Final

import attrs

from controller.domain.actions import DeletePod, ReleasePlace, RestartPod
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Body, Written, deleted
from controller.executors.release import Release
from controller.kube import kinds
from controller.kube.client import KubeClient

# Nothing runs in the pod, so there is nothing to drain; the grace is for containers about to start.
_GRACE_SECONDS: Final = 30


@attrs.frozen
class Pods:
    """Deletes pods that cannot start, and restarts others."""

    client: KubeClient

    def __call__(self, action: DeletePod | RestartPod | ReleasePlace, bodies: Bodies) -> Written:
        """Delete the pod, with its UID and version as preconditions; a place goes with its volume.

        Raises `ConflictError` if it is another pod of that name, gone or on its way out, or, for one that
        was not running, if Cassandra runs in it by now.
        """
        if isinstance(action, ReleasePlace):
            return Release(self.client)(action, bodies)
        try:
            self._delete(action, bodies.namespace)
        except NotFoundError:
            raise ConflictError(f"pod {action.pod} is gone since the plan was made") from None
        return deleted(kinds.POD, bodies, action.pod, action.uid)

    def _delete(self, action: DeletePod | RestartPod, namespace: str) -> None:
        live = self.client.get(kinds.POD, namespace, action.pod)
        if live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"pod {action.pod} is another one than the plan was made on")
        if live["metadata"].get("deletionTimestamp"):
            raise ConflictError(f"pod {action.pod} is being deleted by somebody else")
        restart = isinstance(action, RestartPod)
        if not restart and _runs(live):
            raise ConflictError(f"Cassandra runs in {action.pod} by now")
        self.client.delete(
            kinds.POD,
            namespace,
            action.pod,
            uid=action.uid,
            resource_version=live["metadata"]["resourceVersion"],
            # A node that is restarted may have much to write: it takes the time that its template gives.
            grace_seconds=None if restart else _GRACE_SECONDS,
        )


def _runs(pod: Body) -> bool:
    """Tell whether the Cassandra process is up."""
    return any(
        status["name"] == "cassandra" and "running" in (status.get("state") or {})
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
    )
