"""
Which volumes there are of a node whose place and pod are gone: read live, before its way out is at its end.

By a store that lags there might be none, and one that comes to light later would stay for ever.
"""

from __future__ import annotations

import attrs

from controller.api.v2 import names
from controller.domain.observed import Observed
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile import snapshot
from controller.runtime.store import Key


def with_claims_left(client: KubeClient, seen: Observed, key: Key) -> Observed:
    """Return *seen* with the claims of the rack that a node leaves, once only they are left of it.

    Raises the client's errors.
    """
    leaving = seen.leaving
    rack = seen.racks.get(leaving.rack) if leaving is not None else None
    if leaving is None or rack is None or rack.statefulset is None:
        return seen
    place_is_there = names.ordinal(leaving.pod) < rack.statefulset.replicas
    if place_is_there or any(pod.name == leaving.pod for pod in rack.pods):
        return seen
    selector = f"{names.CLUSTER}={key.name},{names.DC_RACK}={leaving.rack}"
    page = client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, key.namespace, label_selector=selector)
    claims = tuple(snapshot.claim(obj) for obj in page.items)
    return attrs.evolve(seen, racks={**seen.racks, leaving.rack: attrs.evolve(rack, claims=claims)})
