"""The names and labels that users and CassKop's objects rely on, and the seed list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.seeds import initial_seeds, updated_seeds

SEEDS = st.lists(st.sampled_from("abcdef"), unique=True).map(tuple)


def seeds_of(**spec: object) -> list[str]:
    """Return the pods that are seeds, without service and namespace."""
    cluster: CassandraCluster = decode_cluster({"metadata": {"name": "c", "namespace": "ns"}, "spec": spec})
    found = initial_seeds(with_defaults(cluster, revision=1))
    assert all(seed.endswith(".c.ns") for seed in found)
    return [seed.removesuffix(".c.ns") for seed in found]


def racks(*given_names: str) -> list[dict[str, str]]:
    """Return racks of these names."""
    return [{"name": name} for name in given_names]


def test_names_are_casskops() -> None:
    """Its objects are found by them."""
    assert names.statefulset("cc", "dc1", "rack1") == "cc-dc1-rack1"
    assert names.pod("cc", "dc1", "rack1", 2) == "cc-dc1-rack1-2"
    assert names.claim("data", "cc-dc1-rack1-2") == "data-cc-dc1-rack1-2"
    assert (names.headless_service("cc"), names.metrics_service("cc")) == ("cc", "cc-exporter-jmx")
    assert (names.disruption_budget("cc"), names.ring_configmap("cc")) == ("cc", "cc-ring")
    assert names.pod_host("cc", "cc-dc1-rack1-0", "ns") == "cc-dc1-rack1-0.cc.ns"


def test_the_parts_of_a_name_can_be_told() -> None:
    """Neither a data centre nor a rack holds a dash."""
    assert names.split_rack_name(names.rack_name("dc1", "rack1")) == ("dc1", "rack1")
    assert names.ordinal("my-cluster-dc1-rack1-12") == 12
    with pytest.raises(ValueError, match="invalid literal"):
        names.ordinal("no-number")


def test_labels_of_the_cluster_are_laid_under_ours() -> None:
    """A user's label never hides one that we select by."""
    labels = names.rack_labels("cc", "dc1", "rack1", {"team": "x", "app": "other"})

    assert labels == {
        "team": "x",
        "app": "cassandracluster",
        "cassandracluster": "cc",
        "dc-rack": "dc1-rack1",
        "cassandraclusters.db.orange.com.dc": "dc1",
        "cassandraclusters.db.orange.com.rack": "rack1",
    }
    assert names.user_labels(labels) == {"team": "x"}
    assert names.dc_selector("cc", "dc1").items() <= labels.items()
    assert names.dc_selector("cc", None) == names.cluster_labels("cc")


@pytest.mark.parametrize(
    ("size", "rack_names", "expected"),
    [
        (1, "a", ["c-d-a-0"]),
        (5, "a", ["c-d-a-0", "c-d-a-1", "c-d-a-2"]),
        (1, "ab", ["c-d-a-0", "c-d-b-0"]),
        (2, "ab", ["c-d-a-0", "c-d-a-1", "c-d-b-0"]),
        (2, "abcd", ["c-d-a-0", "c-d-b-0", "c-d-c-0"]),
    ],
)
def test_a_data_centre_has_up_to_three_seeds_over_its_racks(
    size: int, rack_names: str, expected: list[str]
) -> None:
    """The more racks, the fewer seeds in each."""
    topology = {"dc": [{"name": "d", "rack": racks(*rack_names)}]}

    assert seeds_of(nodesPerRacks=size, topology=topology) == expected


def test_an_emptied_data_centre_has_no_seeds() -> None:
    """Their names would not resolve, and no node of another data centre could start."""
    topology = {
        "dc": [
            {"name": "a", "rack": racks("x", "y", "z")},
            {"name": "b", "nodesPerRacks": 0, "rack": racks("x", "y", "z")},
        ]
    }

    assert seeds_of(topology=topology) == ["c-a-x-0", "c-a-y-0", "c-a-z-0"]


@given(SEEDS, SEEDS)
def test_a_new_seed_list_keeps_the_order_of_the_old(
    current: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    """It holds what is wanted; what was there before comes first and in its order."""
    new = updated_seeds(current, wanted)

    assert set(new) == set(wanted)
    kept = [seed for seed in current if seed in wanted]
    assert list(new[: len(kept)]) == kept
    assert len(new) == len(set(new))
