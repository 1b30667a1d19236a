"""The table of fields in `docs/api.md`: it is complete, and true."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from controller.api import reference
from controller.api.reference import Effect
from controller.api.v2 import names
from controller.api.v2.codec import decode_cluster
from controller.builders.context import Images
from controller.builders.pdb import build_pdb
from controller.builders.service import build_services
from controller.builders.statefulset import build_statefulset
from controller.domain.admission import validate
from controller.reconcile.login import chosen

Json = dict[str, Any]
DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"

# A value for each field that is neither its default nor the one in `_base`.
SAMPLES: dict[str, Any] = {
    "spec.nodesPerRacks": 2,
    "spec.cassandraImage": "cassandra:4.1",
    "spec.imagepullpolicy": "Always",
    "spec.envVars[]": {"name": "A", "value": "b"},
    "spec.bootstrapImage": "example.org/bootstrap:1",
    "spec.configBuilderImage": "example.org/builder:1",
    "spec.resources": {"limits": {"memory": "4Gi"}},
    "spec.pod.annotations": {"a": "b"},
    "spec.pod.tolerations[]": {"key": "a", "operator": "Exists"},
    "spec.service.annotations": {"a": "b"},
    "spec.dataCapacity": "9Gi",
    "spec.dataStorageClass": "other",
    "spec.storageConfigs[].mountPath": "/elsewhere",
    "spec.storageConfigs[].name": "other",
    "spec.storageConfigs[].pvcSpec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "7Gi"}},
    },
    "spec.sidecarConfigs[]": {"name": "mine", "image": "example.org/mine:1"},
    "spec.configMapName": "scripts",
    "spec.serverVersion": "4.1.3",
    "spec.serverType": "dse",
    "spec.config": {"cassandra-yaml": {"concurrent_reads": 7}},
    "spec.imagePullSecret.name": "pull",
    "spec.imageJolokiaSecret.name": "login",
    "spec.access.jolokiaLogin": "None",
    "spec.access.networkPolicy": False,
    "spec.access.clients[]": {"podSelector": {}},
    "spec.topology.dc[].labels": {"a": "b"},
    "spec.topology.dc[].config": {"cassandra-yaml": {"concurrent_reads": 7}},
    "spec.topology.dc[].rack[].labels": {"a": "b"},
    "spec.topology.dc[].rack[].config": {"cassandra-yaml": {"concurrent_reads": 7}},
    "spec.topology.dc[].rack[].restartedAt": "2026-01-01T00:00:00Z",
    "spec.topology.dc[].restartedAt": "2026-01-01T00:00:00Z",
    "spec.restartedAt": "2026-01-01T00:00:00Z",
    "spec.topology.dc[].dataCapacity": "9Gi",
    "spec.topology.dc[].dataStorageClass": "other",
    "spec.topology.dc[].resources": {"limits": {"memory": "4Gi"}},
    "spec.backRestSidecar.image": "example.org/icarus:1",
    "spec.backRestSidecar.imagePullPolicy": "Always",
    "spec.backRestSidecar.envVars[]": {"name": "A", "value": "b"},
    "spec.backRestSidecar.resources": {"limits": {"memory": "2Gi"}},
    "spec.backRestSidecar.volumeMount[]": {"name": "more", "mountPath": "/more"},
    "spec.serviceAccountName": "other",
    "spec.jmxConfiguration.jmxRemoteEnable": True,
    "spec.jmxConfiguration.jmxRemoteSSL": True,
    "spec.jmxConfiguration.jmxRemoteAuthenticate": True,
    "spec.livenessSuccessThreshold": 1,
    "spec.changePolicy": "Approve",
    "spec.rollout.strategy": "RackAtOnce",
    "spec.nodeReplacement": "Automatic",
    "spec.rollout.consistency": "QUORUM",
    "spec.shareProcessNamespace": True,
}
ROWS = {field.path: field for field in reference.fields()}
# They make another rack, not another template of the same.
NAMES = {"spec.topology.dc[].name", "spec.topology.dc[].rack[].name"}


def base() -> Json:
    """Return a spec in which every list has the item that a path speaks of."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "dataCapacity": "1Gi",
        # DSE has no other way to be configured.
        "configBuilderImage": "example.org/builder:0",
        "storageConfigs": [{"name": "more", "mountPath": "/more-data", "pvcSpec": claim}],
        "topology": {"dc": [{"name": "dc1", "dataCapacity": "2Gi", "rack": [{"name": "rack1"}]}]},
    }


def with_sample(path: str) -> Json:
    """Return the spec with another value at *path*."""
    spec = base()
    at: Any = spec
    *steps, last = path.split(".")[1:]
    for step in steps:
        at = at[step[:-2]][0] if step.endswith("[]") else at.setdefault(step, {})
    if last.endswith("[]"):
        at[last[:-2]] = [copy.deepcopy(SAMPLES[path])]
    else:
        at[last] = copy.deepcopy(SAMPLES[path]) if path in SAMPLES else another(ROWS[path].default)
    return spec


def another(default: str) -> Any:
    """Return another value of the type that *default* shows."""
    if default in ("`false`", "`true`"):
        return default == "`false`"
    return 7 if default == "-" else int(default.strip("`")) + 1


def built(spec: Json) -> tuple[str, Any]:
    """Return the hash of the pod template and the shared objects of *spec*, which makes sense."""
    cluster = decode_cluster({"metadata": {"name": "cc", "namespace": "n", "uid": "u"}, "spec": spec})
    assert validate(cluster) == ()
    cluster = chosen(cluster, statefulsets=(), pods=False, secret=None)
    body = build_statefulset(
        cluster, "dc1", "rack1", replicas=1, seeds=(), revision=1, images=Images(own="example.org/own:1")
    )
    hashed: str = body["metadata"]["annotations"][names.TEMPLATE_HASH]
    return hashed, (build_services(cluster, revision=1), build_pdb(cluster, revision=1))


def test_the_document_has_the_table() -> None:
    """`python -m controller.api.reference` prints what stands between the two marks in `docs/api.md`."""
    text = DOCUMENT.read_text()
    inside = text.partition("<!-- fields -->\n")[2].partition("<!-- end of fields -->")[0]

    assert inside == reference.table()


@pytest.mark.parametrize("path", sorted(set(ROWS) - NAMES))
def test_the_effect_of_a_field_is_what_the_builders_make_of_it(path: str) -> None:
    """Only what is said to restart nodes changes the template of an existing rack."""
    template, shared = built(with_sample(path))
    before, shared_before = built(base())

    match ROWS[path].effect:
        case Effect.RESTART:
            assert template != before
        case Effect.MADE | Effect.GROWS:
            # The claims of an existing rack are kept as they are; see `reconcile.wish`.
            assert shared == shared_before
        case _:
            assert template == before


def test_defaults_are_those_that_are_filled_in() -> None:
    """A default in the table is one that the operator goes by; both makers' where they differ."""
    assert ROWS["spec.cassandraImage"].default == '`"cassandra:5.0"`'
    assert ROWS["spec.cassandraImage"].casskop == '`"cassandra:3.11.10"`'
    assert ROWS["spec.topology.dc[].rack[].rollingPartition"].default == "`0`"
    assert ROWS["spec.storageConfigs[].name"].default == "required"
