"""The releases of Cassandra that are supported start from one and the same CassandraCluster."""

from __future__ import annotations

import secrets

import pytest

from e2e import ringview
from e2e.images import cassandra
from e2e.kubectl import Kubectl, Object
from e2e.lab import Lab
from e2e.providers.cluster import Cluster, wait_ready
from e2e.samples import jolokia_secret, single

READY_SECONDS = 300


def of_release(tag: str) -> Object:
    """Return a cluster of one node, which differs by its image alone."""
    return single(f"v{tag.replace('.', '')}-{secrets.token_hex(2)}", cassandraImage=f"cassandra:{tag}")


@pytest.mark.usefixtures("all_versions")
@pytest.mark.parametrize("tag", sorted(cassandra.VERSIONS))
def test_a_release_starts(cluster: Cluster, kubectl: Kubectl, the_lab: Lab, tag: str) -> None:
    """Configuration, JVM options and agents fit it: the node is a member and answers for itself."""
    wanted = of_release(tag)
    name = str(wanted["metadata"]["name"])
    try:
        cluster.apply(jolokia_secret(), wanted)
        wait_ready(cluster, name, seconds=READY_SECONDS)
        (answer,) = ringview.views(kubectl, name, image=the_lab.image).values()
        assert answer["release"] == cassandra.VERSIONS[tag]
    finally:
        cluster.delete("cassandraclusters", name)
