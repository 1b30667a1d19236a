"""A node that is killed for taking more memory than its limit says so: only a kernel can show that."""

from __future__ import annotations

import secrets

from e2e.providers.cluster import CLUSTERS, Cluster, Object, condition
from e2e.samples import jolokia_secret, single

# The sample's heap fits in, but nothing else of a JVM does.
TIGHT = {"requests": {"cpu": "200m", "memory": "280Mi"}, "limits": {"memory": "280Mi"}}


def test_the_limit_is_named(cluster: Cluster) -> None:
    """`Degraded` names the limit, not the configuration."""
    name = f"tight-{secrets.token_hex(2)}"
    cluster.apply(jolokia_secret(), single(name, resources=TIGHT, deletePVC=True))

    def complaint() -> Object | None:
        found = condition(cluster.get(CLUSTERS, name), "Degraded")
        return found if found["reason"] == "ContainerCrashes" else None

    try:
        found = cluster.eventually(complaint, seconds=240, what="ContainerCrashes is told")
        assert "spec.resources.limits.memory" in found["message"]
    finally:
        cluster.delete(CLUSTERS, name, seconds=240)
