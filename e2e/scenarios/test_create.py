"""A CassandraCluster becomes a ring, whatever happens to the operator meanwhile."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import urllib.request

import pytest

from e2e import ringview, watching
from e2e.cql import write_and_read
from e2e.demo import kill_operator
from e2e.forward import forward
from e2e.kubectl import Kubectl, KubectlError, Object
from e2e.lab import Lab
from e2e.scenarios.samples import jolokia_secret, sample
from e2e.watching import condition, eventually

NAME = "story"
READY_SECONDS = 420


def statefulsets(kubectl: Kubectl) -> int:
    """Return how many racks have a StatefulSet."""
    return len(kubectl.get("statefulsets", "-l", f"cassandracluster={NAME}")["items"])


def members(kubectl: Kubectl) -> int:
    """Return how many nodes the status counts as members."""
    return int((watching.cluster(kubectl, NAME).get("status") or {}).get("readyNodes") or 0)


def steal_lease(kubectl: Kubectl) -> None:
    """Write another holder into the Lease, as a second operator would that believes itself alone."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    thief = {"holderIdentity": "thief", "renewTime": now, "acquireTime": now, "leaseDurationSeconds": 5}
    kubectl.patch("lease", "casskop", {"spec": thief})


@pytest.fixture(scope="module")
def story(kubectl: Kubectl) -> Object:
    """The sample, applied and Ready; the operator was killed twice and its lease stolen on the way."""
    kubectl.apply(jolokia_secret(), sample(NAME))
    eventually(lambda: statefulsets(kubectl) >= 1, seconds=60, what="a first StatefulSet")
    kill_operator(kubectl)
    eventually(lambda: members(kubectl) >= 1, seconds=150, what="a first member")
    steal_lease(kubectl)
    eventually(lambda: members(kubectl) >= 2, seconds=200, what="a second member")
    kill_operator(kubectl)
    kubectl.run(
        "wait", "--for=condition=Ready", f"cassandracluster/{NAME}", f"--timeout={READY_SECONDS}s",
        seconds=READY_SECONDS + 10,
    )  # fmt: skip
    return watching.cluster(kubectl, NAME)


def test_every_node_sees_one_ring(story: Object, kubectl: Kubectl, the_lab: Lab) -> None:
    """Three nodes, one per zone, each NORMAL and each knowing the same three members."""
    found = ringview.views(kubectl, NAME, image=the_lab.image)

    assert len(found) == 3
    host_ids = {pod: node["hostId"] for pod, node in story["status"]["cassandraNodeStatus"].items()}
    for view in found.values():
        assert view["mode"] == "NORMAL"
        assert sorted(view["hostIds"].values()) == sorted(host_ids.values())
        assert not view["joining"]
        assert not view["unreachable"]
    zones = {
        kubectl.get("node", pod["spec"]["nodeName"])["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for pod in watching.pods(kubectl, NAME)
    }
    assert len(zones) == 3


def test_nodes_joined_one_after_the_other(story: Object, kubectl: Kubectl) -> None:
    """No pod was made before the one before it was ready, and none was restarted, killed operator or not."""
    pods = sorted(watching.pods(kubectl, NAME), key=lambda p: str(p["metadata"]["creationTimestamp"]))

    for before, after in itertools.pairwise(pods):
        ready = next(c for c in before["status"]["conditions"] if c["type"] == "Ready")
        assert ready["lastTransitionTime"] <= after["metadata"]["creationTimestamp"]
    assert all(s["restartCount"] == 0 for pod in pods for s in pod["status"]["containerStatuses"])


def test_data_is_written_and_read_at_quorum(story: Object, kubectl: Kubectl) -> None:
    """The ring serves CQL."""
    pod = watching.pods(kubectl, NAME)[0]["metadata"]["name"]
    with forward(kubectl.kubeconfig, kubectl.namespace, pod, 9042) as port:
        assert write_and_read(port, datacenter="dc1", replicas=3) == (1, "hello from three racks")


def test_status_is_casskops_and_says_more(story: Object) -> None:
    """Fields that CassKop's users read are as they know them; conditions say the rest."""
    status = story["status"]

    assert (status["phase"], status["lastClusterAction"], status["lastClusterActionStatus"]) == (
        "Running",
        "Initializing",
        "Done",
    )
    assert set(status["cassandraRackStatus"]) == {"dc1-rack1", "dc1-rack2", "dc1-rack3"}
    for rack in status["cassandraRackStatus"].values():
        assert rack["phase"] == "Running"
        action = rack["cassandraLastAction"]
        assert (action["name"], action["status"]) == ("Initializing", "Done")
        assert action["startTime"] <= action["endTime"]
    assert [seed.split(".")[0] for seed in status["seedlist"]] == [f"{NAME}-dc1-rack{i}-0" for i in (1, 2, 3)]
    wanted = {"Ready": "True", "Progressing": "False", "Degraded": "False", "SpecAccepted": "True"}
    assert {kind: condition(story, kind)["status"] for kind in wanted} == wanted
    assert status["observedGeneration"] == story["metadata"]["generation"]


def test_the_spec_was_not_written(story: Object) -> None:
    """The operator owns status and its annotation, and nothing of the spec."""
    assert story["metadata"]["generation"] == 1
    for entry in story["metadata"].get("managedFields") or ():
        if entry["manager"] == "casskop-py":
            assert "f:spec" not in entry["fieldsV1"]


def test_describe_tells_the_story(story: Object, kubectl: Kubectl) -> None:
    """Each action is an event with its reason in words, and `kubectl describe` shows them."""
    text = kubectl.run("describe", "cassandracluster", NAME)

    for rack in ("dc1-rack1", "dc1-rack2", "dc1-rack3"):
        assert f"rack {rack} gets its first node" in text
    assert "3 of 3 nodes are members of the ring and serve" in text


def test_kubectl_get_shows_nodes_and_phase(story: Object, kubectl: Kubectl) -> None:
    """The printer columns are there."""
    header, row = kubectl.run("get", "cassandracluster", NAME).splitlines()

    assert header.split() == ["NAME", "PHASE", "ACTION", "READY", "WANTED", "AGE"]
    assert row.split()[:5] == [NAME, "Running", "Initializing", "3", "3"]


def test_objects_around_the_racks(story: Object, kubectl: Kubectl) -> None:
    """Services, disruption budget, volumes and the ring's ConfigMap exist under CassKop's names."""
    headless = kubectl.get("service", NAME)["spec"]
    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"]
    assert kubectl.get("service", f"{NAME}-exporter-jmx")["spec"]["ports"][0]["port"] == 9500
    budget = kubectl.get("poddisruptionbudget", NAME)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["status"]["disruptionsAllowed"] == 1
    claims = kubectl.get("pvc", "-l", f"cassandracluster={NAME}")["items"]
    assert {c["metadata"]["name"] for c in claims} == {f"data-{NAME}-dc1-rack{i}-0" for i in (1, 2, 3)}
    assert all(c["status"]["phase"] == "Bound" for c in claims)
    joined = json.loads(kubectl.get("configmap", f"{NAME}-ring")["data"]["joined"])
    assert joined == [f"{NAME}-dc1-rack{i}-0" for i in (1, 2, 3)]


def test_jolokia_asks_for_the_login(story: Object, kubectl: Kubectl, the_lab: Lab) -> None:
    """With another login than the Secret's, a node's agent tells nothing."""
    kubectl.apply(jolokia_secret("wrong-login", username="casskop", password="not-the-password"))

    found = ringview.views(kubectl, NAME, image=the_lab.image, secret="wrong-login")

    assert len(found) == 3
    assert all("refuses the login" in answer["silent"] for answer in found.values())


def test_nodes_have_metrics(story: Object, kubectl: Kubectl) -> None:
    """Prometheus finds Cassandra's metrics on port 9500."""
    pod = watching.pods(kubectl, NAME)[0]["metadata"]["name"]
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
        ["logs", f"{NAME}-dc1-rack1-0", "--all-containers"],
    ):
        assert password not in kubectl.run(*words)


def test_a_pod_that_is_deleted_comes_back_as_the_same_node(story: Object, kubectl: Kubectl) -> None:
    """A restarted node keeps its host id and its place, and the cluster is Ready again by itself."""
    name = f"{NAME}-dc1-rack2-0"
    before = watching.cluster(kubectl, NAME)["status"]["cassandraNodeStatus"]
    uid = kubectl.get("pod", name)["metadata"]["uid"]
    kubectl.run("delete", "pod", name, "--timeout=110s", seconds=120)
    eventually(lambda: kubectl.get("pod", name)["metadata"]["uid"] != uid, seconds=60, what="a new pod")
    eventually(
        lambda: watching.is_true(kubectl, NAME, "Ready") and members(kubectl) == 3,
        seconds=180,
        what="Ready again",
    )
    after = watching.cluster(kubectl, NAME)["status"]["cassandraNodeStatus"]

    assert {pod: n["hostId"] for pod, n in after.items()} == {pod: n["hostId"] for pod, n in before.items()}


def test_deleting_the_cluster_leaves_its_volumes(story: Object, kubectl: Kubectl) -> None:
    """Its objects go with it; data stays unless somebody asks otherwise."""
    kubectl.run("delete", "cassandracluster", NAME, "--timeout=60s", seconds=70)
    eventually(lambda: not watching.pods(kubectl, NAME), seconds=120, what="the pods are gone")

    with pytest.raises(KubectlError, match="NotFound"):
        kubectl.get("service", NAME)
    assert len(kubectl.get("pvc", "-l", f"cassandracluster={NAME}")["items"]) == 3
