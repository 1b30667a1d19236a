"""The manifests that install the operator, and the samples: valid, least rights, and of one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped] # the package has no types
import pytest
import yaml

from controller.api import crd
from controller.api.v2 import effective
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.builders.context import Images
from controller.builders.statefulset import build_statefulset
from controller.domain.admission import validate

Json = dict[str, Any]

MANIFESTS = Path(__file__).parents[2] / "manifests"
INSTALLED = sorted(
    path for folder in ("crds", "rbac", "operator") for path in (MANIFESTS / folder).glob("*.yaml")
)
SAMPLES = sorted((MANIFESTS / "samples").glob("*.yaml"))


def documents(*paths: Path) -> list[Json]:
    """Return the objects in these files."""
    return [document for path in paths for document in yaml.safe_load_all(path.read_text()) if document]


def installed(kind: str, name: str) -> Json:
    """Return one of the objects that are installed."""
    found: Json = next(o for o in documents(*INSTALLED) if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return found


@pytest.mark.parametrize("path", [*INSTALLED, *SAMPLES], ids=lambda path: path.name)
def test_manifests_are_of_the_official_schema(path: Path) -> None:
    """Strictly; our own kinds are of our own schema."""
    for document in documents(path):
        if document["apiVersion"].startswith("db.orange.com/"):
            continue
        kubernetes_validate.validate(document, "1.34", strict=True)


def test_one_command_installs_everything() -> None:
    """The kustomization leaves nothing out."""
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())

    assert sorted(kustomization["resources"]) == [str(path.relative_to(MANIFESTS)) for path in INSTALLED]


def test_samples_work() -> None:
    """They can be stored, are accepted, and can be built."""
    samples = [document for document in documents(*SAMPLES) if document["kind"] == "CassandraCluster"]
    assert samples
    for sample in samples:
        jsonschema.validate(sample, crd.object_schema())
        cluster = decode_cluster(sample)
        assert validate(cluster) == ()
        for dc, rack in effective.racks(with_defaults(cluster, revision=1)):
            build_statefulset(
                cluster,
                dc.name,
                rack.name,
                replicas=1,
                seeds=[],
                revision=1,
                images=Images(own="casskop:dev"),
            )


def test_the_sample_has_what_it_refers_to() -> None:
    """The Secret with Jolokia's user and password lies beside it."""
    (cluster,) = documents(MANIFESTS / "samples" / "cassandracluster.yaml")
    (secret,) = documents(MANIFESTS / "samples" / "jolokia-secret.yaml")

    assert cluster["spec"]["imageJolokiaSecret"]["name"] == secret["metadata"]["name"]
    assert set(secret["stringData"]) == {"username", "password"}


def test_the_operator_has_no_more_rights_than_it_needs() -> None:
    """No wildcards, no shell in pods, no change of a Secret that exists, no writing of specs."""
    for role in (
        installed("Role", "casskop"),
        installed("ClusterRole", "casskop"),
        installed("Role", "cassandra-cluster-node"),
    ):
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert "pods/exec" not in rule["resources"]
            if "secrets" in rule["resources"]:
                made = {"create"} if role["metadata"]["name"] == "casskop" else set()
                assert set(rule["verbs"]) <= {"get", "list", "watch"} | made
            if "cassandraclusters" in rule["resources"]:
                assert not {"update", "create", "delete"} & set(rule["verbs"])


def test_what_casskops_monitoring_selects_is_there() -> None:
    """Its ServiceMonitor looks for `name: casskop` and the port `http-metrics`; pods have that label, too.

    The Deployment's selector, which cannot be changed, stays as it was.
    """
    service, deployment = installed("Service", "casskop-metrics"), installed("Deployment", "casskop")
    pods = deployment["spec"]["template"]["metadata"]["labels"]

    assert service["metadata"]["labels"]["name"] == pods["name"] == "casskop"
    assert {port["name"]: port["targetPort"] for port in service["spec"]["ports"]} == {
        "metrics": "metrics",
        "http-metrics": "metrics",
    }
    assert service["spec"]["selector"].items() <= pods.items()
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "casskop"}


def test_the_operator_is_restricted_and_knows_its_own_image() -> None:
    """It meets the Pod Security Standard "restricted"; its image is also that of init containers."""
    pod = installed("Deployment", "casskop")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {variable["name"]: variable for variable in container["env"]}

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    assert environment["OPERATOR_IMAGE"]["value"] == container["image"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "metrics": 8080,
        "health": 8081,
    }
    assert container["args"] == ["operator"]
