"""
Racks that lose all their pods, and get them back: the number of pods changes, and nothing else.

The size is noted on the StatefulSet in the write that takes the pods, so no rack is ever mistaken for an
empty one. Claims stay. Only the very StatefulSet at the very size that the plan was made on is written.
"""

from __future__ import annotations

from typing import Any

import attrs

from controller.api.v2 import names
from controller.builders.places import POINTER, places, running
from controller.domain.actions import StartRack, StopRack
from controller.domain.errors import ConflictError
from controller.executors.base import Bodies, Body, Written
from controller.executors.live import find
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Stopping:
    """Stops and starts racks."""

    client: KubeClient

    def __call__(self, action: StopRack | StartRack, bodies: Bodies) -> Written:
        """Carry out *action*; `ConflictError` if anything is not as it was when it was planned."""
        live = self._the_one(action, bodies)
        changes = self._stop(live) if isinstance(action, StopRack) else self._start(action, live)
        metadata = live["metadata"]
        stored = self.client.json_patch(
            kinds.STATEFULSET,
            bodies.namespace,
            action.statefulset,
            [
                {"op": "test", "path": "/metadata/uid", "value": action.uid},
                {
                    "op": "test",
                    "path": "/metadata/resourceVersion",
                    "value": metadata["resourceVersion"],
                },
                *changes,
            ],
        )
        return Written.of(kinds.STATEFULSET, stored)

    def _the_one(self, action: StopRack | StartRack, bodies: Bodies) -> Body:
        name = action.statefulset
        live = find(self.client, kinds.STATEFULSET, bodies.namespace, name)
        if live is None or live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"StatefulSet {name} is gone or another one since the plan was made")
        if live["metadata"].get("deletionTimestamp"):
            raise ConflictError(f"StatefulSet {name} is being deleted")
        if bodies.uid not in {owner["uid"] for owner in live["metadata"].get("ownerReferences") or ()}:
            raise ConflictError(f"StatefulSet {name} is not this cluster's")
        if places(live) != action.size:
            raise ConflictError(f"StatefulSet {name} has {places(live)} places since the plan was made")
        return live

    def _stop(self, live: Body) -> list[dict[str, Any]]:
        if not running(live):
            raise ConflictError(f"StatefulSet {live['metadata']['name']} is stopped by now")
        # An object without annotations has no place to add one to.
        kept = dict(live["metadata"].get("annotations") or {}) | {names.STOPPED_SIZE: str(places(live))}
        return [
            {"op": "add", "path": "/metadata/annotations", "value": kept},
            {"op": "add", "path": "/spec/replicas", "value": 0},
        ]

    def _start(self, action: StartRack, live: Body) -> list[dict[str, Any]]:
        noted = names.STOPPED_SIZE in (live["metadata"].get("annotations") or {})
        if not noted or running(live) > action.replicas:
            raise ConflictError(f"StatefulSet {live['metadata']['name']} has been started meanwhile")
        whole = [{"op": "remove", "path": POINTER}] if action.replicas == action.size else []
        return [{"op": "add", "path": "/spec/replicas", "value": action.replicas}, *whole]
