"""
StatefulSets: one per rack, applied at a size.

A StatefulSet that was there when the plan was made is only written while it still has the same UID, and
never at a smaller size than it has: both are read live, right before the write.
"""

from __future__ import annotations

import attrs

from controller.domain.actions import ApplyStatefulSet
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Written
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class StatefulSets:
    """Applies racks."""

    client: KubeClient

    def __call__(self, action: ApplyStatefulSet, bodies: Bodies) -> Written:
        """Create the rack's StatefulSet, or bring it to the wanted size and template.

        Raises `ConflictError` if it is not the one that the plan was made on.
        """
        body = bodies.statefulset(action.rack, action.replicas)
        name = body["metadata"]["name"]
        self._check(bodies.namespace, name, action)
        if action.uid is not None:
            # Should it vanish between the check and the write, nothing is made in its place.
            body = {**body, "metadata": {**body["metadata"], "uid": action.uid}}
        stored = self.client.apply(kinds.STATEFULSET, bodies.namespace, name, body)
        return Written(
            kind=kinds.STATEFULSET,
            namespace=bodies.namespace,
            name=name,
            uid=stored["metadata"]["uid"],
            resource_version=stored["metadata"]["resourceVersion"],
        )

    def _check(self, namespace: str, name: str, action: ApplyStatefulSet) -> None:
        """Raise `ConflictError` unless the live object is the one that the plan saw, and no larger."""
        try:
            live = self.client.get(kinds.STATEFULSET, namespace, name)
        except NotFoundError:
            if action.uid is None:
                return
            raise ConflictError(f"StatefulSet {name} is gone since the plan was made") from None
        if live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"StatefulSet {name} is another one than the plan was made on")
        if live["spec"].get("replicas", 1) > action.replicas:
            raise ConflictError(f"StatefulSet {name} has more nodes than the plan knew of")
