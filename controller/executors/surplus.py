"""Objects that all racks share and that the spec no longer asks for: deleted by uid, while they are ours."""

from __future__ import annotations

from typing import Final

import attrs

from controller.domain.actions import DeleteObject
from controller.domain.errors import ConflictError, NotFoundError
from controller.executors.base import Bodies, Written, deleted
from controller.executors.live import find
from controller.kube import kinds
from controller.kube.client import KubeClient

# Nothing else is ever surplus.
_KINDS: Final = {kinds.NETWORK_POLICY.kind: kinds.NETWORK_POLICY}


@attrs.frozen
class Surplus:
    """Deletes what a cluster no longer has."""

    client: KubeClient

    def __call__(self, action: DeleteObject, bodies: Bodies) -> Written:
        """Delete the object; `ConflictError` if it is gone, another one, or no longer this cluster's."""
        kind = _KINDS[action.kind]
        what = f"{action.kind} {action.name}"
        live = find(self.client, kind, bodies.namespace, action.name)
        owners = (live["metadata"].get("ownerReferences") or ()) if live is not None else ()
        if live is None or live["metadata"]["uid"] != action.uid:
            raise ConflictError(f"{what} is gone or another one since the plan was made")
        if bodies.uid not in {owner["uid"] for owner in owners}:
            raise ConflictError(f"{what} is not this cluster's")
        try:
            self.client.delete(
                kind,
                bodies.namespace,
                action.name,
                uid=action.uid,
                resource_version=live["metadata"]["resourceVersion"],
            )
        except NotFoundError:
            raise ConflictError(f"{what} is gone") from None
        return deleted(kind, bodies, action.name, action.uid)
