"""
Places of nodes that cannot come back: volume and pod are taken away, so that both are made anew.

Only a pod that never found a machine is deleted, by its uid and version, and only the very claims that the
plan was made on; what runs anywhere is left alone. Whether the node is dead is the plan's to prove.
"""

from __future__ import annotations

import attrs

from controller.domain.actions import ReleasePlace
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Written
from controller.executors.live import find
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Release:
    """Takes places away."""

    client: KubeClient

    def __call__(self, action: ReleasePlace, bodies: Bodies) -> Written:
        """Delete the claims, then the pod; `ConflictError` if it has found a place, or is another one."""
        pod = find(self.client, kinds.POD, bodies.namespace, action.pod)
        if pod is None or pod["metadata"]["uid"] != action.uid:
            raise ConflictError(f"pod {action.pod} is gone or another one since the plan was made")
        if (pod.get("spec") or {}).get("nodeName"):
            raise ConflictError(f"pod {action.pod} has found a place")
        for name, uid in sorted(action.claims.items()):
            live = find(self.client, kinds.PERSISTENT_VOLUME_CLAIM, bodies.namespace, name)
            if live is None or live["metadata"]["uid"] != uid:
                raise ConflictError(f"claim {name} is gone or another one since the plan was made")
            self._delete(kinds.PERSISTENT_VOLUME_CLAIM, live, bodies)
        self._delete(kinds.POD, pod, bodies)
        return Written(
            kind=kinds.POD,
            namespace=bodies.namespace,
            name=action.pod,
            uid=action.uid,
            resource_version=None,
        )

    def _delete(self, kind: kinds.Kind, live: dict[str, object], bodies: Bodies) -> None:
        metadata = live["metadata"]
        assert isinstance(metadata, dict)
        try:
            self.client.delete(
                kind,
                bodies.namespace,
                metadata["name"],
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
            )
        except NotFoundError:
            raise ConflictError(f"{kind.kind} {metadata['name']} is gone") from None
