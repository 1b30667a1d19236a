"""Pods: deleted only while they are the very pod of the plan, and Cassandra does not run in them."""

from __future__ import annotations

from typing import Final

import attrs

from controller.domain.actions import DeletePod
from controller.domain.errors import ConflictError
from controller.executors.base import Bodies, Written
from controller.kube import kinds
from controller.kube.client import KubeClient

# Nothing runs in the pod, so there is nothing to drain; the grace is for containers about to start.
_GRACE_SECONDS: Final = 30


@attrs.frozen
class Pods:
    """Deletes pods that cannot start."""

    client: KubeClient

    def __call__(self, action: DeletePod, bodies: Bodies) -> Written:
        """Delete the pod, with its UID and version as preconditions.

        Raises `ConflictError` if Cassandra runs in it by now, or if it is another pod of that name.
        """
        live = self.client.get(kinds.POD, bodies.namespace, action.pod)
        if live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"pod {action.pod} is another one than the plan was made on")
        for status in (live.get("status") or {}).get("containerStatuses") or ():
            if status["name"] == "cassandra" and "running" in (status.get("state") or {}):
                raise ConflictError(f"Cassandra runs in {action.pod} by now")
        self.client.delete(
            kinds.POD,
            bodies.namespace,
            action.pod,
            uid=action.uid,
            resource_version=live["metadata"]["resourceVersion"],
            grace_seconds=_GRACE_SECONDS,
        )
        return Written(
            kind=kinds.POD,
            namespace=bodies.namespace,
            name=action.pod,
            uid=action.uid,
            resource_version=None,
        )
