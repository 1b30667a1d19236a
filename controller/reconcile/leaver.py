"""
What is seen of a node that is on its way out; of one whose place and pod are gone, its volumes are read live.

By a store that lags there might be none, and one that comes to light later would stay for ever.
"""

from __future__ import annotations

import attrs

from controller.api.v2 import names
from controller.domain.leaving import Leaving
from controller.domain.observed import Observed
from controller.domain.ring import Answer
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile import snapshot
from controller.runtime.store import Key


def with_leaver(
    client: KubeClient, seen: Observed, key: Key, leaving: Leaving, leaver: Answer | None
) -> Observed:
    """Return *seen* with a node on its way out, its own word, and its claims once only they are left of it.

    Raises the client's errors.
    """
    seen = attrs.evolve(seen, leaving=leaving, leaver=leaver)
    rack = seen.racks.get(leaving.rack)
    if rack is None or rack.statefulset is None:
        return seen
    place_is_there = names.ordinal(leaving.pod) < rack.statefulset.replicas
    if place_is_there or any(pod.name == leaving.pod for pod in rack.pods):
        return seen
    selector = f"{names.CLUSTER}={key.name},{names.DC_RACK}={leaving.rack}"
    page = client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, key.namespace, label_selector=selector)
    claims = tuple(snapshot.claim(obj) for obj in page.items)
    return attrs.evolve(seen, racks={**seen.racks, leaving.rack: attrs.evolve(rack, claims=claims)})
