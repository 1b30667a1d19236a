"""
Volumes of nodes that have left: deleted by uid and version, while nothing can use them any more.

The data on one is of no use: Cassandra refuses to start on what a decommission left, and all that it held
is with other nodes. So it goes whatever `spec.deletePVC` says, which is about deleting the cluster.
"""

from __future__ import annotations

import attrs

from controller.api.v2 import names
from controller.domain.actions import DeleteClaim
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Written
from controller.executors.live import find
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Claims:
    """Deletes the claims of nodes that are gone."""

    client: KubeClient

    def __call__(self, action: DeleteClaim, bodies: Bodies) -> Written:
        """Delete the claim; `ConflictError` if it is another one, or its pod is there or may come."""
        pod = find(self.client, kinds.POD, bodies.namespace, action.pod)
        if pod is not None:
            raise ConflictError(f"pod {action.pod} is there, and may use {action.claim}")
        statefulset = find(self.client, kinds.STATEFULSET, bodies.namespace, action.statefulset)
        if statefulset is not None and statefulset["spec"].get("replicas", 1) > names.ordinal(action.pod):
            raise ConflictError(f"StatefulSet {action.statefulset} makes pod {action.pod} again")
        live = find(self.client, kinds.PERSISTENT_VOLUME_CLAIM, bodies.namespace, action.claim)
        if live is None or live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"claim {action.claim} is gone or another one since the plan was made")
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
        return Written(
            kind=kinds.PERSISTENT_VOLUME_CLAIM,
            namespace=bodies.namespace,
            name=action.claim,
            uid=action.uid,
            resource_version=None,
        )
