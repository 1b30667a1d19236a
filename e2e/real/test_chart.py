"""The Helm chart installs what the manifests install, and each value does what it says."""

from __future__ import annotations

import pytest
import yaml

from e2e.cluster import binaries
from e2e.cluster.shell import Trouble, run
from e2e.kubectl import Kubectl, Object
from e2e.lab import LOCAL_IMAGE, ROOT, manifests

CHART = ROOT / "deploy" / "charts" / "casskop"
NAMESPACE = "somewhere"
Objects = dict[tuple[str, str], Object]


def rendered(*words: str) -> Objects:
    """Return what the chart renders to, by kind and name."""
    text = run(
        binaries.helm(),
        *("template", "a-release", CHART, "--namespace", NAMESPACE, "--include-crds"),
        *("--kube-version", binaries.KUBERNETES, *words),
    ).stdout
    return {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(text) if o}


def test_it_installs_what_the_manifests_install(kubectl: Kubectl) -> None:
    """Object by object, in whatever namespace; the operator's pods are labelled with the release besides."""
    elsewhere = Kubectl(kubeconfig=kubectl.kubeconfig, namespace=NAMESPACE)
    wanted = {(o["kind"], o["metadata"]["name"]): o for o in manifests(elsewhere, image=LOCAL_IMAGE)}
    wanted["Deployment", "casskop"]["spec"]["template"]["metadata"]["labels"]["release"] = "a-release"

    assert rendered() == wanted


@pytest.mark.parametrize(
    ("value", "gone"),
    [
        ("clusterRole", {("ClusterRole", "casskop-somewhere"), ("ClusterRoleBinding", "casskop-somewhere")}),
        (
            "nodeServiceAccount",
            {(kind, "cassandra-cluster-node") for kind in ("ServiceAccount", "Role", "RoleBinding")},
        ),
        ("metricsService", {("Service", "casskop-metrics")}),
    ],
)
def test_parts_can_be_left_out(value: str, gone: set[tuple[str, str]]) -> None:
    """And nothing else goes with them."""
    assert set(rendered()) - set(rendered("--set", f"{value}=false")) == gone


def test_all_namespaces_are_watched_with_the_same_rights() -> None:
    """The rules are those of the one namespace; the operator is told no namespace."""
    one, every = rendered(), rendered("--set", "watchAllNamespaces=true")

    role = every["ClusterRole", "casskop-everywhere-somewhere"]
    assert role["rules"] == one["Role", "casskop"]["rules"]
    binding = every["ClusterRoleBinding", "casskop-everywhere-somewhere"]
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (
        "ClusterRole",
        role["metadata"]["name"],
    )
    assert binding["subjects"][0]["namespace"] == NAMESPACE
    (container,) = every["Deployment", "casskop"]["spec"]["template"]["spec"]["containers"]
    assert "WATCH_NAMESPACE" not in {variable["name"] for variable in container["env"]}


def test_the_operator_is_what_the_values_say() -> None:
    """Its image is known to itself, too."""
    made = rendered(
        *("--set", "replicas=2,logLevel=DEBUG,image.repository=example.org/casskop,image.tag=1.2.3"),
        *("--set", "image.pullSecrets={one,two},resources.limits.memory=1Gi"),
    )

    spec = made["Deployment", "casskop"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert spec["replicas"] == 2
    assert container["image"] == environment["OPERATOR_IMAGE"] == "example.org/casskop:1.2.3"
    assert environment["LOG_LEVEL"] == "DEBUG"
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert pod["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("metricService=true", "metricService"),
        ("image.imagePullSecrets.enabled=true", "imagePullSecrets"),
        ("logLevel=TRACE", "logLevel"),
        ("watchAllNamespaces=some", "watchAllNamespaces"),
    ],
)
def test_a_value_that_nothing_reads_is_refused(words: str, named: str) -> None:
    """By its name, CassKop's among them; so is one that is of no use."""
    with pytest.raises(Trouble, match=named):
        rendered("--set", words)


def test_the_admission_policy_is_as_it_is_written() -> None:
    """Off unless asked for."""
    wanted = list(yaml.safe_load_all((ROOT / "manifests" / "admission" / "policy.yaml").read_text()))
    made = rendered("--set", "admissionPolicy=true")

    assert [made[o["kind"], o["metadata"]["name"]] for o in wanted if o] == [o for o in wanted if o]
    assert set(made) - set(rendered()) == {(o["kind"], o["metadata"]["name"]) for o in wanted if o}
