"""Reading a spec, and remembering the last one that was accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.api.v2 import names
from controller.domain.changes import Facts
from controller.kube import kinds
from controller.reconcile.accepted import Chosen, accepted_text, choose, last_accepted, read
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


HEAP = {"max_heap_size": "2G"}
TOO_LARGE: Json = {"resources": {"limits": {"memory": "1Gi"}}, "config": {"jvm-options": HEAP}}


def chosen(obj: Json) -> Chosen:
    """Return what is gone by for *obj*, of which one rack exists."""
    return choose(obj, lambda _cluster: Facts(nodes={"dc1-rack1": 1}))


def test_a_heap_that_was_there_before_is_a_warning() -> None:
    """CassKop's clusters run with any: such a cluster is carried out, with other edits, and told of it."""
    theirs = json.dumps(stored(**TOO_LARGE))

    taken_over = chosen(stored(theirs, **TOO_LARGE))
    edited = chosen(stored(theirs, maxPodUnavailable=2, **TOO_LARGE))
    unchanged = chosen(stored(accepted_text(stored(**TOO_LARGE)), **TOO_LARGE))

    for found in (taken_over, edited, unchanged):
        assert (found.usable, found.refused) == (True, False)
        (finding,) = found.found
        assert (finding.type, finding.status) == ("SpecAccepted", True)
        assert finding.message.startswith(
            "the spec is carried out; as before: spec.config.jvm-options.max_heap_size: the heap is larger"
        )
    assert edited.cluster.spec.max_pod_unavailable == 2
    assert edited.remember is not None


def test_a_heap_that_is_new_is_refused() -> None:
    """Also one for which the memory was lowered; what was accepted before is carried out meanwhile."""
    fits = {**TOO_LARGE, "resources": {"limits": {"memory": "4Gi"}}}
    worse = {**TOO_LARGE, "config": {"jvm-options": {"max_heap_size": "3G"}}}

    for before in (fits, worse):
        found = chosen(stored(accepted_text(stored(**before)), **TOO_LARGE))
        assert (found.usable, found.refused) == (True, True)
        assert found.cluster.spec == read(stored(**before))[0].spec
    assert not chosen(stored(**TOO_LARGE)).usable


def test_a_heap_that_stands_beside_another_problem() -> None:
    """Only the other one is to be corrected, and what was accepted before is still there to go by."""
    found = chosen(stored(accepted_text(stored(**TOO_LARGE)), nodesPerRacks=-1, **TOO_LARGE))

    assert (found.usable, found.refused) == (True, True)
    assert "max_heap_size" not in found.found[0].message
    assert found.cluster.spec == read(stored(**TOO_LARGE))[0].spec
