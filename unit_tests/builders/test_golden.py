"""
Template revision 0 against what CassKop made.

The objects in `golden/` were recorded from CassKop 2.3.4 on Kubernetes 1.34. If ours equal them, adopting a
cluster restarts nothing.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any
import zipfile

import pytest

from controller.api.v2 import names
from controller.api.v2.codec import decode_cluster, encode_status
from controller.api.v2.defaults import with_defaults
from controller.api.v2.seeds import initial_seeds
from controller.builders.context import Images, Kept
from controller.builders.pdb import build_pdb
from controller.builders.service import build_services
from controller.builders.statefulset import build_statefulset
from controller.domain.admission import validate
from unit_tests.builders.apidefaults import stored

Json = dict[str, Any]

GOLDEN = Path(__file__).parent / "golden"
CASES = ("minimal", "typical", "twodc", "dclevel", "sidecars", "tuned", "ephemeral")
OWN = Images(own="example.org/casskop:1")
OURS = (names.TEMPLATE_REVISION, names.TEMPLATE_HASH, names.OBJECT_HASH)

# As a user sent it, and as CassKop left it with its defaults written in.
versions = pytest.mark.parametrize("version", ["input", "cassandracluster"])
cases = pytest.mark.parametrize("case", CASES)


def recorded(case: str, kind: str) -> Json:
    """Return the recorded object of a kind; for Services, the headless one."""
    paths = sorted((GOLDEN / case).glob(f"{kind}*.json"), key=lambda path: len(path.name))
    loaded: Json = json.loads(paths[0].read_text())
    return loaded


def cluster_json(case: str, version: str) -> Json:
    """Return the CassandraCluster, owned by the uid that the records have."""
    loaded = recorded(case, version)
    loaded["metadata"]["uid"] = "OWNER-UID"
    return loaded


def built_like(statefulset: Json, cluster: Json, seeds: list[str], *, kept: Kept | None = None) -> Json:
    """Build the StatefulSet that *statefulset* should be."""
    labels = statefulset["metadata"]["labels"]
    return build_statefulset(
        decode_cluster(cluster),
        labels[names.DC],
        labels[names.RACK],
        replicas=statefulset["spec"]["replicas"],
        seeds=seeds,
        revision=0,
        images=OWN,
        kept=kept or Kept(),
    )


def original(statefulset: Json) -> Json:
    """Return what CassKop compares with: the JSON in its annotation."""
    text = statefulset["metadata"]["annotations"][names.CASSKOP_LAST_APPLIED]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as archive:
        assert archive.namelist() == ["original"]
        loaded: Json = json.loads(archive.read("original"))
    return loaded


def without_annotations(obj: Json, *also: str) -> Json:
    """Leave out the annotations that are ours, and any of *also*."""
    kept = {
        key: value
        for key, value in obj["metadata"].get("annotations", {}).items()
        if key not in (*OURS, *also)
    }
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    return {**obj, "metadata": metadata | ({"annotations": kept} if kept else {})}


@versions
@cases
def test_the_statefulset_is_casskops(case: str, version: str) -> None:
    """Field for field, after what an API server fills in."""
    live = recorded(case, "statefulset")
    seeds = recorded(case, "cassandracluster")["status"]["seedlist"]

    built = stored(built_like(live, cluster_json(case, version), seeds))

    last_applied = names.CASSKOP_LAST_APPLIED
    assert without_annotations(built, last_applied) == without_annotations(live, last_applied)


@versions
@cases
def test_casskop_would_find_its_own_annotation(case: str, version: str) -> None:
    """So a cluster can go back to CassKop without a restart."""
    live = recorded(case, "statefulset")
    seeds = recorded(case, "cassandracluster")["status"]["seedlist"]

    assert original(built_like(live, cluster_json(case, version), seeds)) == original(live)


@cases
def test_building_on_what_is_there_changes_nothing(case: str) -> None:
    """What a StatefulSet keeps is what it was made with."""
    live = recorded(case, "statefulset")
    cluster = cluster_json(case, "cassandracluster")
    seeds = cluster["status"]["seedlist"]

    assert built_like(live, cluster, seeds, kept=Kept.of(live)) == built_like(live, cluster, seeds)


@versions
@cases
def test_the_services_are_casskops(case: str, version: str) -> None:
    """Field for field, after what an API server fills in."""
    headless, metrics = build_services(decode_cluster(cluster_json(case, version)), revision=0)

    assert without_annotations(stored(headless)) == recorded(case, "service")
    assert without_annotations(stored(metrics)) == recorded(case, f"service.{case}-exporter-jmx")


@versions
@cases
def test_the_disruption_budget_is_casskops(case: str, version: str) -> None:
    """Field for field."""
    budget = build_pdb(decode_cluster(cluster_json(case, version)), revision=0)

    assert without_annotations(stored(budget)) == recorded(case, "poddisruptionbudget")


@versions
@cases
def test_the_seed_list_is_casskops(case: str, version: str) -> None:
    """In its order, which is part of the pods' environment."""
    cluster = with_defaults(decode_cluster(cluster_json(case, version)), revision=0)

    assert list(initial_seeds(cluster)) == recorded(case, "cassandracluster")["status"]["seedlist"]


@cases
def test_a_status_of_casskops_is_read_and_written_unchanged(case: str) -> None:
    """The successor continues where it left off."""
    cluster = cluster_json(case, "cassandracluster")

    assert encode_status(decode_cluster(cluster).status) == cluster["status"]


@versions
@cases
def test_a_spec_of_casskops_is_accepted(case: str, version: str) -> None:
    """No rule of ours stands in the way of a cluster that runs."""
    assert validate(decode_cluster(cluster_json(case, version))) == ()
