"""
Volumes: asked to grow, or to grow less, and deleted when their nodes have left, each by uid and version.

One is only deleted while nothing can use it any more. The data on it is of no use then: Cassandra refuses to
start on what a decommission left, and all that it held is with other nodes. So it goes whatever
`spec.deletePVC` says, which is about deleting the cluster.
"""

from __future__ import annotations

import attrs

from controller.api.v2 import names, quantity
from controller.builders.places import places
from controller.domain.actions import DeleteClaim, GrowClaim
from controller.domain.errors import ConflictError, NotFoundError, TerminalError
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
        """Ask for a larger volume, and never for one that is no larger than what there is."""
        live = self._the_one(action, bodies)
        if live["metadata"].get("deletionTimestamp"):
            raise ConflictError(f"claim {action.claim} is being deleted")
        size = live["spec"]["resources"]["requests"]["storage"]
        wanted = quantity.parse(action.capacity)
        if action.instead_of is None and quantity.parse(size) >= wanted:
            raise ConflictError(f"claim {action.claim} is asked for {size} by now")
        if action.instead_of is not None:
            has = (live.get("status") or {}).get("capacity", {}).get("storage") or "0"
            if quantity.parse(size) != quantity.parse(action.instead_of) or quantity.parse(has) >= wanted:
                raise ConflictError(f"claim {action.claim} is asked for {size} and has {has} by now")
        try:
            stored = self.client.merge_patch(
                kinds.PERSISTENT_VOLUME_CLAIM,
                bodies.namespace,
                action.claim,
                {"spec": {"resources": {"requests": {"storage": action.capacity}}}},
                uid=action.uid,
                resource_version=live["metadata"]["resourceVersion"],
            )
        except TerminalError as refusal:
            if action.instead_of is None:
                raise
            # Kubernetes lets requests become smaller since 1.34, and since 1.32 if nobody turned that off.
            raise TerminalError(
                f"claim {action.claim} asks for {size} and has {has}, and this Kubernetes does not let it ask"
                f" for {action.capacity} instead, as later ones do: have the storage give {size}, or follow"
                f" 'Recovering from Failure when Expanding Volumes' in the documentation of Kubernetes"
                f" ({refusal})"
            ) from refusal
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
