"""Services, the PodDisruptionBudget and the ring's ConfigMap: applied whole, corrected in place."""

from __future__ import annotations

from typing import Final

import attrs

from controller.domain.actions import ApplyObject
from controller.executors.base import Bodies, Written
from controller.kube import kinds
from controller.kube.client import KubeClient

_KINDS: Final = {k.kind: k for k in (kinds.SERVICE, kinds.POD_DISRUPTION_BUDGET, kinds.CONFIG_MAP)}


@attrs.frozen
class Objects:
    """Applies the objects that all racks share."""

    client: KubeClient

    def __call__(self, action: ApplyObject, bodies: Bodies) -> Written:
        """Create the object or bring our fields of it to the wanted values."""
        kind = _KINDS[action.kind]
        body = bodies.shared[f"{action.kind}/{action.name}"]
        stored = self.client.apply(kind, bodies.namespace, action.name, body)
        return Written(
            kind=kind,
            namespace=bodies.namespace,
            name=action.name,
            uid=stored["metadata"]["uid"],
            resource_version=stored["metadata"]["resourceVersion"],
        )
