"""The ring of the sample, seen by Cassandra's users, by kubectl's and by Prometheus."""

from __future__ import annotations

import urllib.request

from e2e import ringview, watching
from e2e.conftest import STORY
from e2e.cql import write_and_read
from e2e.forward import forward
from e2e.kubectl import Kubectl, Object
from e2e.lab import Lab
from e2e.samples import jolokia_secret


def test_data_is_written_and_read_at_quorum(story: Object, kubectl: Kubectl) -> None:
    """The ring serves CQL."""
    pod = watching.pods(kubectl, STORY)[0]["metadata"]["name"]
    with forward(kubectl.kubeconfig, kubectl.namespace, pod, 9042) as port:
        assert write_and_read(port, datacenter="dc1", replicas=3) == (1, "hello from three racks")


def test_describe_tells_the_story(story: Object, kubectl: Kubectl) -> None:
    """`kubectl describe` shows each action with its reason in words."""
    text = kubectl.run("describe", "cassandracluster", STORY)

    for rack in ("dc1-rack1", "dc1-rack2", "dc1-rack3"):
        assert f"rack {rack} gets its first node" in text
    assert "3 of 3 nodes are members of the ring and serve" in text


def test_kubectl_get_shows_nodes_and_phase(story: Object, kubectl: Kubectl) -> None:
    """The printer columns are there."""
    header, row = kubectl.run("get", "cassandracluster", STORY).splitlines()

    assert header.split() == ["NAME", "PHASE", "ACTION", "READY", "WANTED", "AGE"]
    assert row.split()[:5] == [STORY, "Running", "Initializing", "3", "3"]


def test_kubectl_wait_ends(story: Object, kubectl: Kubectl) -> None:
    """`kubectl wait --for=condition=Ready` knows a cluster that is Ready."""
    said = kubectl.run("wait", "--for=condition=Ready", f"cassandracluster/{STORY}", "--timeout=10s")

    assert "condition met" in said


def test_jolokia_asks_for_the_login(story: Object, kubectl: Kubectl, the_lab: Lab) -> None:
    """With another login than the Secret's, a node's agent tells nothing."""
    kubectl.apply(jolokia_secret("wrong-login", username="casskop", password="not-the-password"))

    found = ringview.views(kubectl, STORY, image=the_lab.image, secret="wrong-login")

    assert len(found) == 3
    assert all("refuses the login" in answer["silent"] for answer in found.values())


def test_nodes_have_metrics(story: Object, kubectl: Kubectl) -> None:
    """Prometheus finds Cassandra's metrics on port 9500."""
    pod = watching.pods(kubectl, STORY)[0]["metadata"]["name"]
    with (
        forward(kubectl.kubeconfig, kubectl.namespace, pod, 9500) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer,
    ):
        text = answer.read().decode()
    assert "\ncassandra_" in text


def test_the_password_is_nowhere_to_be_read(story: Object, kubectl: Kubectl) -> None:
    """It is in the Secret, and in no log, event, status, annotation or pod template."""
    password = jolokia_secret()["stringData"]["password"]
    for words in (
        ["get", "cassandraclusters,statefulsets,configmaps,events,pods", "-o", "yaml"],
        ["logs", "deployment/casskop"],
        ["logs", f"{STORY}-dc1-rack1-0", "--all-containers"],
    ):
        assert password not in kubectl.run(*words)
