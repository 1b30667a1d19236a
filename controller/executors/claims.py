"""
Volumes: asked to grow, and deleted when their nodes have left, each by uid and version.

One is only deleted while nothing can use it any more. The data on it is of no use then: Cassandra refuses to
start on what a decommission left, and all that it held is with other nodes. So it goes whatever
`spec.deletePVC` says, which is about deleting the cluster.
"""

from __future__ import annotations

import attrs

from controller.api.v2 import names, quantity
from controller.builders.places import places
from controller.domain.actions import DeleteClaim, GrowClaim
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Body, Written, deleted
from controller.executors.live import find
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Claims:
    """Grows the claims of nodes, and deletes those of nodes that are gone."""

    client: KubeClient

    def __call__(self, action: DeleteClaim | GrowClaim, bodies: Bodies) -> Written:
        """Carry out *action*; `ConflictError` if the claim is not what the plan was made on."""
        return self._grow(action, bodies) if isinstance(action, GrowClaim) else self._delete(action, bodies)

    def _grow(self, action: GrowClaim, bodies: Bodies) -> Written:
        """Ask for a larger volume, and never for a smaller one."""
        live = self._the_one(action, bodies)
        if live["metadata"].get("deletionTimestamp"):
            raise ConflictError(f"claim {action.claim} is being deleted")
        size = live["spec"]["resources"]["requests"]["storage"]
        if quantity.parse(size) >= quantity.parse(action.capacity):
            raise ConflictError(f"claim {action.claim} is asked for {size} by now")
        stored = self.client.merge_patch(
            kinds.PERSISTENT_VOLUME_CLAIM,
            bodies.namespace,
            action.claim,
            {"spec": {"resources": {"requests": {"storage": action.capacity}}}},
            uid=action.uid,
            resource_version=live["metadata"]["resourceVersion"],
        )
        return Written.of(kinds.PERSISTENT_VOLUME_CLAIM, stored)

    def _the_one(self, action: DeleteClaim | GrowClaim, bodies: Bodies) -> Body:
        live = find(self.client, kinds.PERSISTENT_VOLUME_CLAIM, bodies.namespace, action.claim)
        if live is None or live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"claim {action.claim} is gone or another one since the plan was made")
        return live

    def _delete(self, action: DeleteClaim, bodies: Bodies) -> Written:
        """Delete the claim; `ConflictError` if its pod is there or may come."""
        pod = find(self.client, kinds.POD, bodies.namespace, action.pod)
        if pod is not None:
            raise ConflictError(f"pod {action.pod} is there, and may use {action.claim}")
        statefulset = find(self.client, kinds.STATEFULSET, bodies.namespace, action.statefulset)
        if statefulset is not None and places(statefulset) > names.ordinal(action.pod):
            raise ConflictError(f"StatefulSet {action.statefulset} makes pod {action.pod} again")
        live = self._the_one(action, bodies)
        try:
            self.client.delete(
                kinds.PERSISTENT_VOLUME_CLAIM,
                bodies.namespace,
                action.claim,
                uid=action.uid,
                resource_version=live["metadata"]["resourceVersion"],
            )
        except NotFoundError:
            raise ConflictError(f"claim {action.claim} is gone") from None
        return deleted(kinds.PERSISTENT_VOLUME_CLAIM, bodies, action.claim, action.uid)
