"""
StatefulSets that are taken from their pods, to be made again with larger volumes.

One is deleted without its pods only while a copy of it stands in the status of its cluster, both read live,
and only if it is the very object, at the very version, that was compared. Whoever comes next, also after
this process, can make it again from the copy. No pod is touched.
"""

from __future__ import annotations

import attrs

from controller.api.v2.codec import decode_status
from controller.builders.copies import is_copy
from controller.domain.actions import DetachStatefulSet
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Written, deleted
from controller.executors.live import find
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Detach:
    """Takes StatefulSets away."""

    client: KubeClient

    def __call__(self, action: DetachStatefulSet, bodies: Bodies) -> Written:
        """Delete the StatefulSet and orphan its pods; `ConflictError` if it is not what was planned."""
        name = action.statefulset
        live = find(self.client, kinds.STATEFULSET, bodies.namespace, name)
        if live is None or live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"StatefulSet {name} is gone or another one since the plan was made")
        metadata = live["metadata"]
        if metadata.get("deletionTimestamp"):
            raise ConflictError(f"StatefulSet {name} is being deleted already")
        if bodies.uid not in {owner["uid"] for owner in metadata.get("ownerReferences") or ()}:
            raise ConflictError(f"StatefulSet {name} is not this cluster's")
        if metadata.get("generation") != action.generation:
            raise ConflictError(f"StatefulSet {name} has changed since the plan was made")
        if not is_copy(self._copy(action.rack, bodies), live):
            raise ConflictError(f"status has no copy of StatefulSet {name} as it is now")
        try:
            self.client.delete(
                kinds.STATEFULSET,
                bodies.namespace,
                name,
                uid=action.uid,
                resource_version=metadata["resourceVersion"],
                propagation="Orphan",
            )
        except NotFoundError:
            raise ConflictError(f"StatefulSet {name} is gone") from None
        return deleted(kinds.STATEFULSET, bodies, name, action.uid)

    def _copy(self, rack: str, bodies: Bodies) -> str | None:
        """Return the copy that stands in status now."""
        cluster = find(self.client, kinds.CASSANDRA_CLUSTER, bodies.namespace, bodies.cluster)
        if cluster is None or cluster["metadata"]["uid"] != bodies.uid:
            return None
        found = decode_status(cluster.get("status"))[0].cassandra_rack_status.get(rack)
        return None if found is None else found.stateful_set_snapshot_before_storage_resize
