"""
Places of nodes that cannot come back: volume and pod are taken away, so that both are made anew.

Only a pod that never found a machine is deleted, by its uid and version, and only the very claims that the
plan was made on; what runs anywhere is left alone. Whether the node is dead is the plan's to prove. Where it
is out of the ring as well, its pod may hang on a machine that nobody hears of: it is deleted without grace,
unless it is ready.
"""

from __future__ import annotations

from typing import Any

import attrs

from controller.domain.actions import ReleasePlace
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Written, deleted
from controller.executors.live import find, is_heard_of
from controller.kube import kinds
from controller.kube.client import KubeClient


@attrs.frozen
class Release:
    """Takes places away."""

    client: KubeClient

    def __call__(self, action: ReleasePlace, bodies: Bodies) -> Written:
        """Delete the claims, then the pod.

        Raises `ConflictError` if the pod has found a place, or is another one; if its node was removed, if it
        is ready, or another one.
        """
        if action.removed:
            return self._emptied(action, bodies)
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
        return deleted(kinds.POD, bodies, action.pod, pod["metadata"]["uid"])

    def _emptied(self, action: ReleasePlace, bodies: Bodies) -> Written:
        """Delete what there is yet of the place of a node that is out of the ring."""
        pod = find(self.client, kinds.POD, bodies.namespace, action.pod)
        if (pod["metadata"]["uid"] if pod is not None else None) != action.uid and action.uid is not None:
            raise ConflictError(f"pod {action.pod} is gone or another one since the plan was made")
        mine = pod if action.uid is not None else None
        if mine is not None and is_heard_of(mine):
            raise ConflictError(f"pod {action.pod} is ready")
        written: Written | None = None
        for name, uid in sorted(action.claims.items()):
            live = find(self.client, kinds.PERSISTENT_VOLUME_CLAIM, bodies.namespace, name)
            if live is not None and live["metadata"]["uid"] == uid:
                self._delete(kinds.PERSISTENT_VOLUME_CLAIM, live, bodies)
                written = deleted(kinds.PERSISTENT_VOLUME_CLAIM, bodies, name, uid)
        if mine is not None:
            self._delete(kinds.POD, mine, bodies, grace_seconds=0)
            written = deleted(kinds.POD, bodies, action.pod, mine["metadata"]["uid"])
        if written is None:
            raise ConflictError(f"the place of {action.pod} is empty by now")
        return written

    def _delete(
        self,
        kind: kinds.Kind,
        live: dict[str, Any],
        bodies: Bodies,
        *,
        grace_seconds: int | None = None,
    ) -> None:
        metadata = live["metadata"]
        try:
            self.client.delete(
                kind,
                bodies.namespace,
                metadata["name"],
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
                grace_seconds=grace_seconds,
            )
        except NotFoundError:
            raise ConflictError(f"{kind.kind} {metadata['name']} is gone") from None
