"""Reading a spec, and remembering the last one that was accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.api.v2 import names
from controller.kube import kinds
from controller.reconcile.accepted import accepted_text, last_accepted, read
from unit_tests.executors.stage import cluster_json

Json = dict[str, Any]


def stored(annotation: str | None = None, **spec: Any) -> Json:
    """Return a cluster as the API server has it, with *annotation* as its last accepted spec."""
    obj = cluster_json(**spec)
    annotations = {} if annotation is None else {names.LAST_APPLIED: annotation}
    obj["metadata"] |= {"uid": "u", "resourceVersion": "5", "generation": 2, "annotations": annotations}
    return obj


def test_a_good_spec_has_no_problems() -> None:
    """It comes as it was written, without defaults."""
    cluster, problems = read(stored(nodesPerRacks=2))

    assert problems == ()
    assert cluster.spec.nodes_per_racks == 2
    assert cluster.spec.max_pod_unavailable is None


def test_a_spec_that_cannot_be_read_leaves_who_it_is() -> None:
    """The problem names the field; identity and status are there, so that it can be told."""
    cluster, problems = read(stored(nodesPerRacks="many") | {"status": {"phase": "Running"}})

    assert [p.path for p in problems] == ["spec.nodesPerRacks"]
    assert (cluster.name, cluster.metadata.uid, cluster.status.phase) == ("cc", "u", "Running")


def test_a_spec_that_makes_no_sense_is_read_and_refused() -> None:
    """Each rule that it breaks is a problem with the path of the field."""
    cluster, problems = read(stored(nodesPerRacks=-1, dataCapacity="1.2.3Gi"))

    assert {p.path for p in problems} >= {"spec.nodesPerRacks", "spec.dataCapacity"}
    assert cluster.spec.nodes_per_racks == -1


def test_what_was_accepted_comes_back() -> None:
    """The text that is kept gives the same spec, under the identity that the cluster has now."""
    before = accepted_text(stored(nodesPerRacks=2))

    cluster = last_accepted(stored(before, nodesPerRacks=-1))

    assert cluster is not None
    assert cluster.spec == read(stored(nodesPerRacks=2))[0].spec
    assert (cluster.metadata.uid, cluster.metadata.generation) == ("u", 2)


@pytest.mark.parametrize(
    "annotation",
    [
        None,
        "",
        "{",
        "null",
        "[]",
        '"spec"',
        "{}",
        '{"spec": null}',
        '{"spec": []}',
        '{"spec": {"nodesPerRacks": "many"}}',
        '{"spec": {"nodesPerRacks": -1}}',
    ],
)
def test_an_annotation_that_was_tampered_with_is_none(annotation: str | None) -> None:
    """Only a whole spec in which there is no problem is ever fallen back on; never an empty one."""
    assert last_accepted(stored(annotation)) is None


def test_casskops_annotation_is_understood() -> None:
    """It holds the whole object; the spec is what counts."""
    theirs = json.dumps(stored(nodesPerRacks=2) | {"status": {"phase": "Running"}})

    cluster = last_accepted(stored(theirs))

    assert cluster is not None
    assert cluster.spec.nodes_per_racks == 2
    assert cluster.status.phase is None


def test_the_text_changes_with_the_spec_alone() -> None:
    """Neither versions, nor status, nor the annotation itself make another text: it is written once."""
    obj = stored()
    later = stored("anything")
    later["metadata"] |= {"resourceVersion": "99", "generation": 7, "managedFields": [{"manager": "x"}]}
    later["status"] = {"phase": "Running"}

    assert accepted_text(obj) == accepted_text(later)
    assert accepted_text(obj) == accepted_text(kinds.CASSANDRA_CLUSTER.transform(obj))
    assert accepted_text(obj) != accepted_text(stored(nodesPerRacks=9))
