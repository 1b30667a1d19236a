"""
Taking over what CassKop made: nothing restarts, nothing is rewritten, and what it left half done is told.

The clusters are the recorded ones, running in the simulator. Cassandra 3.11 is not simulated: its two
cases have no node to run on, and are taken over as far as that goes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.api.v2 import names
from controller.builders.copies import with_capacity
from controller.kube import kinds
from controller.reconcile import snapshot
from controller.reconcile.takeover import CassKop
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.simcassandra.decommission import decommission
from unit_tests.builders.test_golden import original, recorded
from unit_tests.reconcile.casskops import Adopted, grow, pending, running

RUNNING = ("typical", "twodc", "dclevel", "ephemeral")
PENDING = ("minimal", "sidecars", "tuned")
NOTHING: list[tuple[str, str]] = []


def condition(adopted: Adopted, kind: str) -> dict[str, Any]:
    """Return a condition of the cluster."""
    return adopted.sim.condition(adopted.name, kind)


@pytest.mark.parametrize("case", RUNNING)
def test_a_running_cluster_is_taken_over_without_a_restart(case: str) -> None:
    """No StatefulSet or pod is written to, and status tells that everything is as the spec asks for."""
    adopted = running(case)
    pods, sets = adopted.uids(), adopted.statefulsets()

    adopted.start()

    assert adopted.writes.seen == NOTHING
    assert adopted.uids() == pods
    assert adopted.statefulsets() == sets
    found = {c["type"]: (c["status"], c["reason"]) for c in adopted.status()["conditions"]}
    assert found == {
        "Ready": ("True", "AllNodesServe"),
        "Progressing": ("False", "Converged"),
        "Degraded": ("False", "AsExpected"),
        "SpecAccepted": ("True", "Accepted"),
    }
    status = adopted.status()
    assert (status["phase"], status["lastClusterAction"], status["lastClusterActionStatus"]) == (
        "Running",
        "Initializing",
        "Done",
    )


@pytest.mark.parametrize("case", PENDING)
def test_a_cluster_that_does_not_run_is_left_as_it_is(case: str) -> None:
    """Nothing is rewritten for the pods' sake, and status does not pretend that it runs."""
    adopted = pending(case)
    sets = adopted.statefulsets()

    adopted.start()

    assert adopted.writes.seen == NOTHING
    assert adopted.statefulsets() == sets
    assert condition(adopted, "Ready")["status"] == "False"


def test_a_cluster_with_a_heap_beyond_its_memory_is_managed() -> None:
    """CassKop took it; it is told, and no reason to leave the cluster alone."""
    adopted = pending("minimal")
    obj = adopted.sim.cluster(adopted.name)
    size = {"jvm-options": {"max_heap_size": "64G"}}
    spec = {"resources": {"limits": {"memory": "1Gi"}}, "config": size}
    adopted.sim.edit(adopted.name, spec)
    obj["spec"] |= spec
    annotation = {names.LAST_APPLIED: json.dumps({"spec": obj["spec"]})}
    adopted.sim.client.merge_patch(
        kinds.CASSANDRA_CLUSTER, NAMESPACE, adopted.name, {"metadata": {"annotations": annotation}}
    )

    adopted.start()

    assert condition(adopted, "SpecAccepted")["status"] == "True"
    assert "the heap is larger than the memory limit" in condition(adopted, "SpecAccepted")["message"]
    assert condition(adopted, "Ready")["reason"] != "InvalidSpec"
    assert adopted.writes.seen == NOTHING


def test_casskop_could_have_it_back() -> None:
    """The two annotations that CassKop goes by say what is true: of the cluster, and of each StatefulSet."""
    adopted = running("twodc")
    adopted.start()

    stored = adopted.sim.cluster("twodc")
    remembered = json.loads(stored["metadata"]["annotations"][names.LAST_APPLIED])
    assert remembered["spec"] == stored["spec"]
    live = adopted.statefulsets()["twodc-dc1-rack1"]
    assert original(live) == original(recorded("twodc", "statefulset"))
    assert names.PVC_FINALIZER in stored["metadata"]["finalizers"]


def test_a_taken_over_cluster_grows_without_a_restart() -> None:
    """Growth writes the StatefulSet with the template that it has; CassKop's annotation follows the size."""
    adopted = running("twodc")
    pods = adopted.uids()
    adopted.start(20)

    dcs = adopted.sim.cluster("twodc")["spec"]["topology"]["dc"]
    dcs[1]["nodesPerRacks"] = 2
    adopted.sim.edit("twodc", {"topology": {"dc": dcs}})
    adopted.sim.run_until(
        lambda: adopted.status().get("readyNodes") == 4, seconds=900, what="the fourth node is a member"
    )
    adopted.sim.run(30)

    assert {name: uid for name, uid in adopted.uids().items() if name in pods} == pods
    grown = adopted.statefulsets()["twodc-dc2-rack1"]
    assert original(grown)["spec"]["replicas"] == 2
    assert grown["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    assert condition(adopted, "Progressing")["reason"] == "Converged"
    assert adopted.status()["lastClusterAction"] == "ScaleUp"


def test_a_taken_over_cluster_may_get_other_labels() -> None:
    """Trap 35: CassKop's selectors have the labels of its CassandraCluster; they stay, and find its pods."""
    adopted = running("typical")
    adopted.start(20)
    before = {name: obj["spec"] for name, obj in adopted.statefulsets().items()}
    pods = adopted.uids()

    labels = {"metadata": {"labels": {"team": "x", "cluster": "changed"}}}
    adopted.sim.client.merge_patch(kinds.CASSANDRA_CLUSTER, NAMESPACE, "typical", labels)
    adopted.sim.run(60)

    assert {name: obj["spec"] for name, obj in adopted.statefulsets().items()} == before
    assert adopted.uids() == pods
    assert condition(adopted, "Progressing")["reason"] == "Converged"
    for kind, member in ((kinds.SERVICE, "selector"), (kinds.POD_DISRUPTION_BUDGET, "selector")):
        for obj in adopted.sim.client.list_page(kind, NAMESPACE).items:
            wanted = obj["spec"][member]
            wanted = wanted.get("matchLabels", wanted)
            found = [p for p in adopted.pods().values() if wanted.items() <= p["metadata"]["labels"].items()]
            assert len(found) == len(pods), obj["metadata"]["name"]


def test_a_template_that_differs_is_told_and_left() -> None:
    """What CassKop had not rolled out when it was stopped is held back, until a restart is asked for."""
    adopted = running("twodc")
    adopted.sim.edit("twodc", {"cassandraImage": "cassandra:5.0.8"})

    adopted.start()

    assert adopted.writes.seen == NOTHING
    found = condition(adopted, "Progressing")
    assert (found["status"], found["reason"]) == ("False", "TemplateHeldBack")
    assert "spec.restartedAt" in found["message"]

    adopted.sim.edit("twodc", {"restartedAt": "2025-12-31T12:00:00Z"})
    rolled(adopted)
    assert adopted.images() == {"cassandra:5.0.8"}


def rolled(adopted: Adopted, *, seconds: int = 900) -> int:
    """Let time pass until the newest spec is carried out; return how many nodes were down at most."""
    most, size = 0, len(adopted.uids())

    def over() -> bool:
        generation = adopted.sim.cluster(adopted.name)["metadata"]["generation"]
        found = condition(adopted, "Progressing")
        return bool(found["reason"] == "Converged" and found["observedGeneration"] == generation)

    for _ in range(seconds):
        serving = [n for n in adopted.sim.controllers.ring.nodes() if n.native_transport]
        most = max(most, size - len(serving))
        if over():
            return most
        adopted.sim.run(1)
    raise AssertionError(condition(adopted, "Progressing"))


EDITS: dict[str, dict[str, Any]] = {
    "UpdateDockerImage": {"cassandraImage": "cassandra:5.0.8"},
    "UpdateResources": {"resources": {"limits": {"cpu": "1", "memory": "3Gi"}}},
    "RollingRestart": {"restartedAt": "2025-12-31T12:00:00Z"},
}


@pytest.mark.parametrize("action", EDITS)
def test_an_edit_of_a_taken_over_cluster_is_rolled_by_the_operator(action: str) -> None:
    """As CassKop would, with its template, but by proof: Kubernetes is kept from restarting anything."""
    adopted = running("twodc")
    adopted.start(20)
    before = adopted.uids()
    assert adopted.writes.seen == NOTHING

    adopted.sim.edit("twodc", EDITS[action])
    most = rolled(adopted)

    assert most == 1
    assert not set(adopted.uids().values()) & set(before.values())
    for made in adopted.statefulsets().values():
        assert made["spec"]["updateStrategy"] == {"type": "OnDelete"}
        assert made["metadata"]["annotations"][names.TEMPLATE_REVISION] == "0"
    # The second data centre has resources of its own.
    last = adopted.status()["cassandraRackStatus"]["dc1-rack1"]["cassandraLastAction"]
    assert (last["name"], last["status"]) == (action, "Done")


def test_a_taken_over_cluster_is_left_at_rest_once_it_is_rolled() -> None:
    """No write follows, and the next edit, back to what was, is rolled as well."""
    adopted = running("twodc")
    adopted.start(20)
    image = adopted.images()
    adopted.sim.edit("twodc", {"cassandraImage": "cassandra:5.0.8"})
    rolled(adopted)
    adopted.sim.run(30)
    writes = list(adopted.writes.seen)

    adopted.sim.run(1300)
    assert adopted.writes.seen == writes

    (old,) = image
    adopted.sim.edit("twodc", {"cassandraImage": old})
    assert rolled(adopted) == 1
    assert adopted.images() == image


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6, 9])
def test_a_roll_of_a_taken_over_cluster_may_be_interrupted(number: int) -> None:
    """Killed at whichever write: Kubernetes never restarts a node, and the roll is finished."""
    adopted = running("twodc")
    adopted.start(20)
    before = adopted.uids()

    adopted.sim.kill_at_write = adopted.sim.writes + number
    adopted.sim.edit("twodc", {"cassandraImage": "cassandra:5.0.8"})
    most = rolled(adopted)

    assert most == 1
    assert adopted.images() == {"cassandra:5.0.8"}
    assert not set(adopted.uids().values()) & set(before.values())


def test_a_taken_over_cluster_may_be_given_a_login() -> None:
    """Its user asks for it; the nodes take it one by one."""
    adopted = running("twodc")
    adopted.start(20)

    adopted.sim.edit("twodc", {"access": {"jolokiaLogin": "Generated"}})
    most = rolled(adopted)

    assert most == 1
    pod = next(iter(adopted.pods().values()))
    (cassandra,) = (c for c in pod["spec"]["containers"] if c["name"] == "cassandra")
    login = {v["name"]: v for v in cassandra["env"]}["JOLOKIA_PASSWORD"]
    assert login["valueFrom"]["secretKeyRef"]["name"] == "twodc-jolokia"


def rewrite(adopted: Adopted, script: str) -> None:
    """Put another script into the ConfigMap of the cluster's pods."""
    name = adopted.sim.cluster(adopted.name)["spec"]["configMapName"]
    stored = adopted.sim.client.get(kinds.CONFIG_MAP, NAMESPACE, name)
    patch = {"data": {"pre_run.sh": script}}
    adopted.sim.client.merge_patch(kinds.CONFIG_MAP, NAMESPACE, name, patch, uid=stored["metadata"]["uid"])
    adopted.sim.run(10)


@pytest.mark.parametrize("rolls", [False, True])
def test_a_script_of_a_taken_over_cluster_that_is_edited_is_rolled(rolls: bool) -> None:  # noqa: FBT001 -- a parameter
    """Taking it over restarts nobody for it; an edit afterwards does, be there a roll in between or not."""
    adopted = running("typical")
    adopted.start(20)
    assert adopted.writes.seen == NOTHING
    if rolls:
        adopted.sim.edit("typical", {"restartedAt": "2025-12-31T12:00:00Z"})
        rolled(adopted)
        last = adopted.status()["cassandraRackStatus"]["dc1-rack1"]["cassandraLastAction"]
        assert last["name"] == "RollingRestart"
    before = adopted.uids()

    rewrite(adopted, "echo other")
    most = rolled(adopted)

    assert most == 1
    assert not set(adopted.uids().values()) & set(before.values())
    last = adopted.status()["cassandraRackStatus"]["dc1-rack1"]["cassandraLastAction"]
    assert (last["name"], last["status"]) == ("UpdateConfigMap", "Done")

    adopted.sim.run(60)
    writes = list(adopted.writes.seen)
    adopted.sim.kill_operator()
    adopted.sim.run(60)
    assert adopted.writes.seen == writes


def test_another_partition_restarts_nobody() -> None:
    """It says how the next change is rolled, and is none by itself."""
    adopted = running("typical")
    adopted.start(20)
    before = adopted.uids()
    topology = adopted.sim.cluster("typical")["spec"]["topology"]
    topology["dc"][0]["rack"][0]["rollingPartition"] = 1

    adopted.sim.edit("typical", {"topology": topology})
    adopted.sim.run(120)

    assert adopted.uids() == before
    assert condition(adopted, "Progressing")["reason"] == "Converged"


def test_what_a_spec_no_longer_has_is_a_difference_too() -> None:
    """A field that CassKop wrote and the spec no longer asks for is not overlooked."""
    adopted = running("typical")
    adopted.sim.edit("typical", {"pod": {"annotations": None}})

    adopted.start()

    assert adopted.writes.seen == NOTHING
    assert condition(adopted, "Progressing")["reason"] == "TemplateHeldBack"


def half_done(adopted: Adopted, rack: str, action: dict[str, Any], operation: dict[str, Any]) -> None:
    """Put an action that CassKop had begun into the status of a rack, and of the cluster."""
    began = {"startTime": "2026-01-02T00:00:00Z"}
    rack_status = {
        "cassandraLastAction": {**action, **began, "endTime": None},
        "podLastOperation": {**operation, **(began if operation else {})},
    }
    adopted.set_status(
        {
            "lastClusterAction": action["name"],
            "lastClusterActionStatus": action["status"],
            "cassandraRackStatus": {rack: rack_status},
        }
    )


def test_an_initialisation_is_finished() -> None:
    """A cluster of which CassKop had made the first rack only gets the others, in CassKop's order."""
    adopted = running("twodc", racks=1)
    adopted.set_status(
        {
            "phase": "Initializing",
            "initializingSubPhase": "FirstPodPerRack",
            "lastClusterActionStatus": "Ongoing",
            "cassandraRackStatus": {
                "dc1-rack1": {
                    "phase": "Initializing",
                    "initializingSubPhase": "NextPodPerRack",
                    "cassandraLastAction": {"name": "Initializing", "status": "Ongoing", "endTime": None},
                }
            },
        }
    )
    pods = adopted.uids()

    adopted.start(2)
    adopted.sim.run_until(
        lambda: condition(adopted, "Ready")["status"] == "True", seconds=900, what="all racks are there"
    )

    assert {name: uid for name, uid in adopted.uids().items() if name in pods} == pods
    status = adopted.status()
    assert (status["phase"], status["lastClusterActionStatus"]) == ("Running", "Done")
    assert "initializingSubPhase" not in status
    assert status["cassandraRackStatus"]["dc1-rack1"]["cassandraLastAction"]["status"] == "Done"


def test_a_growth_is_finished() -> None:
    """A ScaleUp that CassKop had begun goes on, and is done when the node is a member."""
    adopted = running("twodc", racks=3)
    dcs = adopted.sim.cluster("twodc")["spec"]["topology"]["dc"]
    dcs[1]["nodesPerRacks"] = 2
    adopted.sim.edit("twodc", {"topology": {"dc": dcs}})
    half_done(adopted, "dc2-rack1", {"name": "ScaleUp", "status": "Ongoing"}, {})

    adopted.start(2)
    adopted.sim.run_until(lambda: adopted.status().get("readyNodes") == 4, seconds=900, what="it has grown")
    adopted.sim.run(5)

    action = adopted.status()["cassandraRackStatus"]["dc2-rack1"]["cassandraLastAction"]
    assert (action["name"], action["status"]) == ("ScaleUp", "Done")
    assert action["startTime"] == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize("state", ["ToDo", "Continue", "Ongoing", "Ongoing and leaving", "Finalizing"])
def test_a_scale_down_is_finished(state: str) -> None:
    """Wherever CassKop was on the way to fewer nodes: the last node leaves the ring, then its place goes."""
    adopted = running("twodc")
    others = adopted.uids()
    grow(adopted, "twodc-dc2-rack1", 2)
    pod = "twodc-dc2-rack1-1"
    word = state.partition(" ")[0]
    operation: dict[str, Any] = {"name": "decommission", "status": word}
    if word in ("Ongoing", "Finalizing"):
        operation["pods"] = [pod]
    status = "Continue" if state == "Continue" else "Ongoing"
    half_done(adopted, "dc2-rack1", {"name": "ScaleDown", "status": status}, operation)
    if state in ("Ongoing and leaving", "Finalizing"):
        address = adopted.pods()[pod]["status"]["podIP"]
        (node,) = (n for n in adopted.sim.controllers.ring.nodes() if n.address == address)
        decommission(node, force=True)
        adopted.sim.run(300 if state == "Finalizing" else 1)
    if "pods" in operation:
        labels = {"operation-name": "decommission", "operation-status": "Ongoing"}
        adopted.sim.client.merge_patch(kinds.POD, NAMESPACE, pod, {"metadata": {"labels": labels}})

    adopted.start(5)
    adopted.sim.run_until(lambda: pod not in adopted.pods(), seconds=3600, what="the node has left")
    adopted.sim.run(120)

    assert adopted.uids() == others
    assert adopted.statefulsets()["twodc-dc2-rack1"]["spec"]["replicas"] == 1
    rack = adopted.status()["cassandraRackStatus"]["dc2-rack1"]
    assert (rack["cassandraLastAction"]["name"], rack["cassandraLastAction"]["status"]) == (
        "ScaleDown",
        "Done",
    )
    assert rack["podLastOperation"]["status"] == "Done"
    assert condition(adopted, "Progressing")["reason"] == "Converged"
    events = adopted.sim.client.list_page(kinds.EVENT, NAMESPACE).items
    assert not [event for event in events if event["reason"] == "OperationFailed"]


def test_a_scale_down_whose_pod_is_gone_is_done() -> None:
    """Finalizing, and nothing left to finalize: the operation ends."""
    adopted = running("twodc")
    gone = {"name": "decommission", "status": "Finalizing", "pods": ["twodc-dc2-rack1-1"]}
    half_done(adopted, "dc2-rack1", {"name": "ScaleDown", "status": "Continue"}, gone)

    adopted.start()

    rack = adopted.status()["cassandraRackStatus"]["dc2-rack1"]
    assert rack["cassandraLastAction"]["status"] == "Done"
    assert rack["podLastOperation"]["status"] == "Done"
    assert rack["podLastOperation"]["podsOK"] == ["twodc-dc2-rack1-1"]
    assert adopted.status()["lastClusterActionStatus"] == "Done"


@pytest.mark.parametrize("state", ["ToDo", "Configuring", "Ongoing"])
def test_a_seed_list_that_is_not_rolled_out_is_refused_with_the_reason(state: str) -> None:
    """The pods keep the seeds that they have; the action does not become Done by itself."""
    adopted = running("twodc")
    seeds = list(reversed(adopted.status()["seedlist"]))
    half_done(adopted, "dc1-rack1", {"name": "UpdateSeedList", "status": state}, {})
    adopted.set_status({"seedlist": seeds})

    adopted.start()

    assert adopted.writes.seen == NOTHING
    assert condition(adopted, "Progressing")["reason"] == "TemplateHeldBack"
    assert adopted.status()["seedlist"] == seeds
    action = adopted.status()["cassandraRackStatus"]["dc1-rack1"]["cassandraLastAction"]
    assert (action["name"], action["status"]) == ("UpdateSeedList", state)


def test_an_update_that_kubernetes_finished_is_done() -> None:
    """CassKop died after its write; the pods have the template, and that is all there was to do."""
    adopted = running("twodc")
    half_done(adopted, "dc1-rack2", {"name": "UpdateDockerImage", "status": "Ongoing"}, {})

    adopted.start()

    action = adopted.status()["cassandraRackStatus"]["dc1-rack2"]["cassandraLastAction"]
    assert (action["name"], action["status"]) == ("UpdateDockerImage", "Done")
    assert adopted.status()["lastClusterActionStatus"] == "Done"


def upsizing(adopted: Adopted, name: str, rack: str) -> None:
    """Leave a rack as CassKop does in between: its pods run, and have no StatefulSet."""
    live = adopted.statefulsets()[name]
    half_done(adopted, rack, {"name": "StorageUpsize", "status": "Ongoing"}, {})
    copy = {"cassandraRackStatus": {rack: {"statefulSetSnapshotBeforeStorageResize": json.dumps(live)}}}
    adopted.set_status(copy)
    adopted.sim.edit(adopted.name, {"dataCapacity": "5Gi"})
    uid = live["metadata"]["uid"]
    adopted.sim.client.delete(kinds.STATEFULSET, NAMESPACE, name, uid=uid, propagation="Orphan")
    adopted.sim.run_until(lambda: name not in adopted.statefulsets(), seconds=60, what="it is taken apart")


@pytest.mark.parametrize("made_again", [False, True])
def test_volumes_that_grow_are_seen_to_the_end(made_again: bool) -> None:  # noqa: FBT001 -- a parameter
    """Whether CassKop has made the StatefulSet again or not: no pod restarts, and all volumes grow."""
    adopted = running("twodc")
    name, rack = "twodc-dc1-rack1", "dc1-rack1"
    before = adopted.statefulsets()[name]
    pods = adopted.uids()
    upsizing(adopted, name, rack)
    if made_again:
        kept = ("name", "namespace", "labels", "annotations", "ownerReferences")
        metadata = {key: before["metadata"][key] for key in kept}
        body = with_capacity({"metadata": metadata, "spec": before["spec"]}, "5Gi")
        adopted.sim.post(f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets", body)

    adopted.start(120)

    after = adopted.statefulsets()[name]
    assert adopted.uids() == pods
    assert after["spec"]["template"] == before["spec"]["template"]
    assert snapshot.capacity(after) == "5Gi"
    assert all(
        owner["uid"] == after["metadata"]["uid"]
        for owner in adopted.pods()[f"{name}-0"]["metadata"]["ownerReferences"]
    )
    claim = adopted.sim.client.get(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE, f"data-{name}-0")
    assert claim["status"]["capacity"] == {"storage": "5Gi"}
    assert condition(adopted, "Progressing")["reason"] == "Converged"
    found = adopted.status()["cassandraRackStatus"][rack]
    last = found["cassandraLastAction"]
    assert (last["name"], last["status"]) == ("StorageUpsize", "Done")
    assert last["startTime"] == "2026-01-02T00:00:00Z"
    assert "statefulSetSnapshotBeforeStorageResize" not in found


def lock(adopted: Adopted, owner: str) -> None:
    """Create the ConfigMap that CassKop holds while it leads, owned by a pod of the cluster's namespace."""
    pod = adopted.pods()[owner]["metadata"]
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names.CASSKOP_LOCK,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": owner, "uid": pod["uid"]}],
        },
    }
    adopted.sim.post(f"/api/v1/namespaces/{NAMESPACE}/configmaps", body)


def test_nothing_is_done_while_casskop_leads() -> None:
    """Neither objects nor status are written while the lock belongs to a living pod; then work goes on."""
    adopted = running("twodc")
    # Any pod will do for the one in which CassKop runs.
    lock(adopted, "twodc-dc1-rack1-0")
    dcs = adopted.sim.cluster("twodc")["spec"]["topology"]["dc"]
    dcs[1]["nodesPerRacks"] = 2
    adopted.sim.edit("twodc", {"topology": {"dc": dcs}})
    before = adopted.sim.cluster("twodc")

    adopted.start(120)

    assert adopted.sim.writes == 0
    assert adopted.sim.cluster("twodc") == before

    found = adopted.sim.client.get(kinds.CONFIG_MAP, NAMESPACE, names.CASSKOP_LOCK)
    adopted.sim.client.delete(kinds.CONFIG_MAP, NAMESPACE, names.CASSKOP_LOCK, uid=found["metadata"]["uid"])
    adopted.sim.run_until(lambda: adopted.status().get("readyNodes") == 4, seconds=900, what="it has grown")


def test_without_a_lock_nothing_is_asked() -> None:
    """The store knows whether there is a lock: clusters without CassKop cost no request."""
    sim = SimCluster()
    assert sim.operator is not None
    sim.run(5)
    stores = sim.operator.core.stores

    assert CassKop(client=None, stores=stores).leads(NAMESPACE) is None  # type: ignore[arg-type] # never asked
