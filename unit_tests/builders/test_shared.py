"""The objects that all racks share: Services, disruption budget, the ring's ConfigMap; and their hashes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.builders.hashing import short_hash, stamped
from controller.builders.pdb import build_pdb
from controller.builders.ring import build_ring_configmap, read_ring_configmap
from controller.builders.service import build_services

OWN_LABELS = {"app": "cassandracluster", "cassandracluster": "c"}


def cluster(**spec: object) -> CassandraCluster:
    """Return a cluster with a label of its own."""
    metadata = {"name": "c", "namespace": "ns", "uid": "u", "labels": {"team": "a"}}
    return decode_cluster({"metadata": metadata, "spec": spec})


def test_new_clusters_are_selected_by_our_own_labels() -> None:
    """A new label on the CassandraCluster does not hide its pods, as it did in CassKop."""
    headless, metrics = build_services(cluster(), revision=1)
    budget = build_pdb(cluster(), revision=1)

    assert headless["spec"]["selector"] == metrics["spec"]["selector"] == OWN_LABELS
    assert budget["spec"]["selector"]["matchLabels"] == OWN_LABELS
    assert build_pdb(cluster(), revision=0)["spec"]["selector"]["matchLabels"] == OWN_LABELS | {"team": "a"}
    assert budget["metadata"]["labels"]["team"] == "a"


def test_the_budget_is_as_large_as_the_user_says() -> None:
    """Zero is an answer."""
    assert build_pdb(cluster(), revision=1)["spec"]["maxUnavailable"] == 1
    assert build_pdb(cluster(maxPodUnavailable=0), revision=1)["spec"]["maxUnavailable"] == 0


def test_annotations_of_the_user_are_on_the_headless_service_only() -> None:
    """Beside our hash."""
    headless, metrics = build_services(cluster(service={"annotations": {"x": "y"}}), revision=1)

    assert headless["metadata"]["annotations"]["x"] == "y"
    assert "x" not in metrics["metadata"]["annotations"]


def test_an_unknown_revision_is_an_error() -> None:
    """As for StatefulSets."""
    with pytest.raises(ValueError, match="7"):
        build_services(cluster(), revision=7)
    with pytest.raises(ValueError, match="7"):
        build_pdb(cluster(), revision=7)


@given(st.sets(st.sampled_from(["c-dc1-r1-0", "c-dc1-r1-1", "c-dc1-r2-0"])))
def test_the_ring_is_remembered(joined: set[str]) -> None:
    """In whatever order it is given."""
    configmap = build_ring_configmap(cluster(), joined)

    assert configmap["metadata"]["name"] == "c-ring"
    assert read_ring_configmap(configmap) == frozenset(joined)
    assert build_ring_configmap(cluster(), sorted(joined, reverse=True)) == configmap


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": {"joined": "x"}},
        {"data": {"joined": "{}"}},
        {"data": {"joined": "[1]"}},
    ],
)
def test_a_ring_that_cannot_be_read_is_unknown_not_empty(content: dict[str, Any]) -> None:
    """An empty one would let a node begin a ring of its own."""
    assert read_ring_configmap(content) is None


def test_a_hash_depends_on_content_alone() -> None:
    """Not on the order of members."""
    assert short_hash({"a": 1, "b": 2}) == short_hash({"b": 2, "a": 1})
    assert short_hash({"a": 1}) != short_hash({"a": 2})
    assert len(short_hash({})) == 16


def test_a_stamped_object_carries_the_hash_of_what_it_was_made_from() -> None:
    """The object that was given stays as it was."""
    plain = {"metadata": {"name": "x"}, "data": {}}
    made = stamped(plain)

    assert made["metadata"]["annotations"] == {names.OBJECT_HASH: short_hash(plain)}
    assert "annotations" not in plain["metadata"]
