"""
Racks that lose their last place, or their StatefulSet: only what was proven, and by one.

- A place is taken from the very StatefulSet at the very size that the proof was about, and nothing else
  of it is written.
- A node that never joined must not be ready by now; one that has left may still run.
- A StatefulSet is deleted only when it is empty, and nobody runs of it.

Whether a node is out of the ring is the plan's to prove; it was, moments before.
"""

from __future__ import annotations

from typing import assert_never

import attrs

from controller.builders.places import places
from controller.domain.actions import (
    DeleteStatefulSet,
    DetachStatefulSet,
    ShrinkStatefulSet,
    StartRack,
    StopRack,
)
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Body, RackAction, Written, deleted
from controller.executors.detach import Detach
from controller.executors.live import find, is_ready
from controller.executors.stopping import Stopping
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Racks:
    """Makes racks smaller, and sends what is not about their size to who knows how."""

    client: KubeClient

    def __call__(self, action: RackAction, bodies: Bodies) -> Written:
        """Carry out *action*; `ConflictError` if anything is not as it was when it was planned."""
        match action:
            case DetachStatefulSet():
                return Detach(self.client)(action, bodies)
            case StopRack() | StartRack():
                return Stopping(self.client)(action, bodies)
            case DeleteStatefulSet():
                return self._delete(action, self._the_one(action, bodies), bodies)
            case ShrinkStatefulSet():
                return self._shrink(action, self._the_one(action, bodies), bodies)
            case _:
                assert_never(action)

    def _the_one(self, action: ShrinkStatefulSet | DeleteStatefulSet, bodies: Bodies) -> Body:
        name = action.statefulset
        live = find(self.client, kinds.STATEFULSET, bodies.namespace, name)
        if live is None or live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"StatefulSet {name} is gone or another one since the plan was made")
        if live["metadata"].get("deletionTimestamp"):
            raise ConflictError(f"StatefulSet {name} is being deleted by somebody else")
        owners = live["metadata"].get("ownerReferences") or ()
        if bodies.uid not in {owner["uid"] for owner in owners}:
            raise ConflictError(f"StatefulSet {name} is not this cluster's")
        return live

    def _shrink(self, action: ShrinkStatefulSet, live: Body, bodies: Bodies) -> Written:
        size = places(live)
        if size != action.replicas + 1:
            raise ConflictError(f"StatefulSet {action.statefulset} has {size} nodes since the plan was made")
        pod = find(self.client, kinds.POD, bodies.namespace, action.pod)
        if pod is not None and pod["metadata"]["uid"] != action.pod_uid:
            raise ConflictError(f"pod {action.pod} is another one than the plan was made on")
        if pod is not None and not action.left and is_ready(pod):
            raise ConflictError(f"{action.pod} has joined by now")
        stored = self.client.json_patch(
            kinds.STATEFULSET,
            bodies.namespace,
            action.statefulset,
            [
                {"op": "test", "path": "/metadata/uid", "value": action.uid},
                {
                    "op": "test",
                    "path": "/metadata/resourceVersion",
                    "value": live["metadata"]["resourceVersion"],
                },
                {"op": "test", "path": "/spec/replicas", "value": size},
                {"op": "replace", "path": "/spec/replicas", "value": action.replicas},
            ],
        )
        return Written.of(kinds.STATEFULSET, stored)

    def _delete(self, action: DeleteStatefulSet, live: Body, bodies: Bodies) -> Written:
        labels = live["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        pods = self.client.list_page(kinds.POD, bodies.namespace, label_selector=selector).items
        if places(live) or pods:
            raise ConflictError(f"StatefulSet {action.statefulset} has nodes since the plan was made")
        try:
            self.client.delete(
                kinds.STATEFULSET,
                bodies.namespace,
                action.statefulset,
                uid=action.uid,
                resource_version=live["metadata"]["resourceVersion"],
                propagation="Background",
            )
        except NotFoundError:
            raise ConflictError(f"StatefulSet {action.statefulset} is gone") from None
        return deleted(kinds.STATEFULSET, bodies, action.statefulset, action.uid)
