"""
A change that no node comes up with costs one pod of six, says why, and is undone by putting it back.

What can be known beforehand costs none.
"""

from __future__ import annotations

from collections.abc import Iterator
import copy
from typing import Any

import pytest

from e2e.providers.cluster import CLUSTERS, Cluster, Object, at_rest, condition, is_ready, wait_ready
from e2e.samples import NO_SUCH_IMAGE, jolokia_secret, sample

NAME = "six"
NOWHERE = {"topology.kubernetes.io/zone": "zone-nowhere"}


def spec_of(**over: Any) -> Object:  # noqa: ANN401 -- any field of a spec
    """Return two nodes in each of three racks, which may share Kubernetes nodes, with *over* on top."""
    obj = sample(NAME)
    obj["spec"] |= {"nodesPerRacks": 2, "hardAntiAffinity": False, **over}
    return obj


@pytest.fixture(scope="module")
def six(cluster: Cluster) -> Iterator[None]:
    """Six nodes, Ready; they and their volumes are deleted afterwards."""
    cluster.apply(jolokia_secret(), spec_of())
    wait_ready(cluster, NAME, seconds=900)
    yield
    cluster.patch(CLUSTERS, NAME, {"spec": {"deletePVC": True}})
    cluster.delete(CLUSTERS, NAME, seconds=300)


def bad_label() -> Object:
    """Return a topology whose first rack is in a zone that no Kubernetes node is in."""
    topology: Object = copy.deepcopy(sample(NAME)["spec"]["topology"])
    topology["dc"][0]["rack"][0]["labels"] = NOWHERE
    return topology


def bad_config() -> Object:
    """Return the sample's configuration with a parameter that no Cassandra knows."""
    config: Object = copy.deepcopy(sample(NAME)["spec"]["config"])
    return {**config, "cassandra-yaml": {"no_such_parameter": 7}}


BAD: dict[str, tuple[Object, str, str, str]] = {
    "image": ({"cassandraImage": NO_SUCH_IMAGE}, "ImageCannotBePulled", "spec.cassandraImage", "no-such-tag"),
    "config": ({"config": bad_config()}, "ContainerCrashes", "spec.config", "no_such_parameter"),
    "label": (
        {"topology": bad_label()},
        "PodUnschedulable",
        "spec.topology.dc[0].rack[0].labels",
        "affinity",
    ),
}


def uids(cluster: Cluster) -> dict[str, str]:
    """Return the uid of each pod by its name."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.of(NAME, "pods")}


def healed(cluster: Cluster) -> bool:
    """Tell whether the newest spec is carried out, and all nodes serve."""
    return at_rest(cluster.get(CLUSTERS, NAME))


@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("case", sorted(BAD))
@pytest.mark.parametrize("strategy", ["RackAtOnce", "Gradual"])
def test_a_bad_change_costs_one_pod_and_is_put_back(case: str, strategy: str, cluster: Cluster) -> None:
    """However many may go together; the field and the words of who refused it are told."""
    bad, reason, path, words = BAD[case]
    before = uids(cluster)
    assert len(before) == 6
    cluster.apply(spec_of(**bad, rollout={"strategy": strategy}))

    def complaint() -> Object | None:
        found = condition(cluster.get(CLUSTERS, NAME), "Degraded")
        return found if found["reason"] == reason else None

    found = cluster.eventually(complaint, seconds=240, what=f"{reason} is told")

    assert path in found["message"]
    assert words in found["message"]
    serving = {pod["metadata"]["name"] for pod in cluster.of(NAME, "pods") if is_ready(pod)}
    same = {name for name, uid in uids(cluster).items() if before[name] == uid}
    assert len(serving) == len(same) == 5

    cluster.apply(spec_of(rollout={"strategy": strategy}))
    cluster.eventually(lambda: healed(cluster), seconds=300, what="it is put back")

    assert {name for name, uid in uids(cluster).items() if before[name] == uid} == same


REFUSED: dict[str, tuple[Object, str, str]] = {
    "a limit below the heap": (
        {"resources": {"requests": {"cpu": "200m", "memory": "200Mi"}, "limits": {"memory": "200Mi"}}},
        "spec.config",
        "the heap is larger than the memory limit",
    ),
    "a capacity that shrinks": ({"dataCapacity": "512Mi"}, "spec.dataCapacity", "volumes cannot shrink"),
    "another storage class": ({"dataStorageClass": "fixed"}, "spec.dataStorageClass", "cannot change it"),
}


@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_can_be_known_beforehand_costs_no_pod(case: str, cluster: Cluster) -> None:
    """The field and the reason are told; no pod is touched, neither then nor when it is put back."""
    bad, path, words = REFUSED[case]
    before = uids(cluster)
    cluster.apply(spec_of(**bad))

    def complaint() -> Object | None:
        obj = cluster.get(CLUSTERS, NAME)
        found = condition(obj, "SpecAccepted")
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        return found if current and found["status"] == "False" else None

    found = cluster.eventually(complaint, seconds=60, what=f"{case} is refused")

    assert path in found["message"]
    assert words in found["message"]
    cluster.apply(spec_of())
    cluster.eventually(lambda: healed(cluster), seconds=60, what="it is put back")
    assert uids(cluster) == before
