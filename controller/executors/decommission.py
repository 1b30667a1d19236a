"""
Decommissions: started once, held open as long as there is room, and never waited for.

What the call ends with wakes the cluster; whether the node has left is for the ring to say.
"""

from __future__ import annotations

import attrs

from controller.cassandra.jolokia import Endpoint, Jolokia
from controller.cassandra.operations import decommission
from controller.domain.actions import Decommission
from controller.domain.errors import ConflictError, NotFoundError, TransientError
from controller.domain.leaving import Call
from controller.executors.base import Bodies, Body, Written
from controller.executors.operations import call_state
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.runtime.held_calls import CallRefused, HeldCalls
from controller.runtime.store import Key


@attrs.frozen
class Decommissions:
    """Asks nodes to leave, through an agent's client that waits as long as it takes."""

    client: KubeClient
    jolokia: Jolokia
    calls: HeldCalls[Key, str | None]

    def __call__(self, action: Decommission, bodies: Bodies) -> Written | None:
        """Ask the node to leave, unless this very call was made already; its pod says so first.

        Raises `ConflictError` if the pod is not the one of the plan any more, `TransientError` if no
        further call can be held now, and the client's errors if it may not act.
        """
        try:
            live = self.client.get(kinds.POD, bodies.namespace, action.pod)
        except NotFoundError:
            raise ConflictError(f"pod {action.pod} is gone since the plan was made") from None
        address = (live.get("status") or {}).get("podIP")
        if live["metadata"]["uid"] != action.uid or address != action.ip:
            raise ConflictError(f"pod {action.pod} is another one than the plan was made on")
        written = self._tell(action, live, bodies)
        self.client.check_fence()
        endpoint = Endpoint(host=action.ip, credentials=bodies.login)
        key = Key(bodies.namespace, bodies.cluster)
        began = self.calls.start(
            action.call_id, key, lambda: decommission(self.jolokia, endpoint, action.release)
        )
        if isinstance(began, CallRefused):
            raise TransientError(f"{action.pod} is not asked to leave yet: {began.why}")
        return written

    def _tell(self, action: Decommission, live: Body, bodies: Bodies) -> Written | None:
        """Put the labels on the pod, unless it has them."""
        labels = live["metadata"].get("labels") or {}
        if action.labels.items() <= labels.items():
            return None
        patch = {"metadata": {"labels": dict(action.labels)}}
        stored = self.client.merge_patch(kinds.POD, bodies.namespace, action.pod, patch, uid=action.uid)
        return Written.of(kinds.POD, stored)

    def state(self, call_id: str) -> Call:
        """Return what this process knows of a call."""
        return call_state(self.calls, call_id)
