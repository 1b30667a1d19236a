"""
A running cluster, edited to values that nobody means, and back.

Each edit is refused by the API server or held back by the operator, by the name of the field; the node
runs on, and going back is all that it takes. Edits that cost a node its pod are in `test_rolling`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.providers.cluster import (
    CLUSTERS,
    Cluster,
    Object,
    RefusedError,
    at_rest,
    condition,
    is_true,
    wait_ready,
)
from e2e.samples import jolokia_secret, single

NAME = "walked"
SEEN_SECONDS = 60

# What is written over the spec, and a word that whoever refuses it has to say.
WALK: dict[str, tuple[dict[str, Any], str]] = {
    "no nodes": ({"nodesPerRacks": 0}, "nodesPerRacks"),
    "the fewest": ({"nodesPerRacks": -(2**31)}, "nodesPerRacks"),
    "no number": ({"nodesPerRacks": "many"}, "nodesPerRacks"),
    "no list": ({"topology": {"dc": "dc1"}}, "topology.dc"),
    "another DC": ({"topology": {"dc": [{"name": "dc9", "rack": [{"name": "rack1"}]}]}}, "topology.dc"),
    "a capital": ({"topology": {"dc": [{"name": "DC1", "rack": [{"name": "rack1"}]}]}}, "topology.dc"),
    "no quantity": ({"dataCapacity": "lots"}, "dataCapacity"),
    "smaller volumes": ({"dataCapacity": "1Mi"}, "dataCapacity"),
    "another class": ({"dataStorageClass": "no-such-class"}, "dataStorageClass"),
    "another ring": ({"config": {"cassandra-yaml": {"num_tokens": 7}}}, "num_tokens"),
    "another partitioner": (
        {"config": {"cassandra-yaml": {"partitioner": "RandomPartitioner"}}},
        "partitioner",
    ),
    "a list for an object": ({"resources": [[1]]}, "resources"),
    "no quantity of memory": ({"resources": {"limits": {"memory": "much"}}}, "resources"),
    "no policy": ({"imagepullpolicy": "Sometimes"}, "imagepullpolicy"),
    "no secret": ({"imageJolokiaSecret": {"name": "no-such-secret"}}, "imageJolokiaSecret"),
    "no budget": ({"maxPodUnavailable": -1}, "maxPodUnavailable"),
    "a budget beyond": ({"maxPodUnavailable": 2**40}, "maxPodUnavailable"),
}


@pytest.fixture(scope="module")
def walked(cluster: Cluster) -> Iterator[Object]:
    """A cluster of one node, Ready."""
    cluster.apply(jolokia_secret(), single(NAME))
    yield wait_ready(cluster, NAME, seconds=300)
    cluster.delete(CLUSTERS, NAME)


def resting(cluster: Cluster) -> Object | None:
    """Return the cluster if its newest spec is accepted and carried out."""
    obj = cluster.get(CLUSTERS, NAME)
    return obj if at_rest(obj) and is_true(obj, "SpecAccepted") else None


def complaint(cluster: Cluster) -> str | None:
    """Return what the operator has against the newest spec, or waits for a person to mend."""
    obj = cluster.get(CLUSTERS, NAME)
    for kind in ("SpecAccepted", "Progressing"):
        found = condition(obj, kind)
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        if current and found["status"] == "False" and found["reason"] != "Converged":
            return str(found["message"])
    return None


def uids(cluster: Cluster) -> list[str]:
    """Return the uids of the pods."""
    return [str(pod["metadata"]["uid"]) for pod in cluster.of(NAME, "pods")]


@pytest.mark.parametrize("edit", WALK)
def test_there_and_back(edit: str, walked: Object, cluster: Cluster) -> None:
    """Somebody names the field; no pod is made anew; with the old value everything is as it was."""
    over, word = WALK[edit]
    template = cluster.of(NAME, "statefulsets")[0]["spec"]
    pods = uids(cluster)
    try:
        cluster.apply(single(NAME, **over))
    except RefusedError as error:
        said = str(error)
    else:
        said = cluster.eventually(lambda: complaint(cluster), seconds=SEEN_SECONDS, what="a complaint")
    assert word in said

    cluster.apply(single(NAME))

    cluster.eventually(lambda: resting(cluster), seconds=SEEN_SECONDS, what="it rests again")
    assert uids(cluster) == pods
    assert cluster.of(NAME, "statefulsets")[0]["spec"] == template
