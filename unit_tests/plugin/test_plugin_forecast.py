"""`plan` says what then happens: the same actions on the same objects in the same order."""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import logging
from typing import Any

import attrs
import pytest
import structlog

from controller.api.v2 import names
from controller.builders.copies import copy_of
from controller.kube.transport import Request, Response
from controller.plugin.forecast import Forecast, forecast
from controller.plugin.session import Output, Session
from controller.plugin.world import read
from e2e.providers.cluster import CLUSTERS, Object, condition, is_true
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.sim_tap import NoTap
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, sample

FIRST = "demo-dc1-rack1-0"
_WATCHED = (
    "statefulsets",
    "pods",
    "persistentvolumeclaims",
    "services",
    "poddisruptionbudgets",
    "networkpolicies",
    "configmaps",
)


class Heard(NoTap):
    """Every write of the operator's to objects of a cluster, as the line of a plan that it carries out.

    Operations that are offered by labels are left out: when they are depends on how long things take.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def answered(self, life: int, request: Request, answer: Response) -> None:
        """Keep what was written; one action may take several requests."""
        parts = request.path.split("/")
        plural = next((part for part in parts if part in _WATCHED), None)
        if request.method == "GET" or plural is None or answer.status >= 300:
            return
        # What is told of a node stands in annotations; all other patches of pods are labels.
        if plural == "pods" and request.method == "PATCH" and _labels(request.body):
            return
        if plural == "statefulsets" and _who_owns(request.body):
            return
        name = parts[-1] if request.method != "POST" else answer.body["metadata"]["name"]
        gone = request.method == "DELETE"
        size = f" to {answer.body['spec']['replicas']}" if plural == "statefulsets" and not gone else ""
        line = f"{'delete ' if gone else ''}{plural} {name}{size}"
        if not self.lines or self.lines[-1] != line:
            self.lines.append(line)


def _labels(patch: Any) -> bool:
    """Tell whether a patch of a pod is about labels."""
    return isinstance(patch, list) or "labels" in (patch.get("metadata") or {})


def _who_owns(patch: Any) -> bool:
    """Tell whether a patch is only about who owns which field: the write that it is for comes next."""
    return isinstance(patch, list) and any(each["path"] == "/metadata/managedFields" for each in patch)


_FORMS = {
    "ApplyObject Service": "services ",
    "ApplyObject PodDisruptionBudget": "poddisruptionbudgets ",
    "ApplyObject NetworkPolicy": "networkpolicies ",
    "ApplyObject ConfigMap": "configmaps ",
    "ApplyStatefulSet": "statefulsets demo-",
    "ShrinkStatefulSet": "statefulsets demo-",
    "StopRack": "statefulsets demo-",
    "StartRack": "statefulsets demo-",
    "DetachStatefulSet": "delete statefulsets ",
    "GrowClaim": "persistentvolumeclaims ",
    "RestartPod": "delete pods ",
    "DeletePod": "delete pods ",
    "DeleteClaim": "delete persistentvolumeclaims ",
    "CreateSecret": "secrets ",
    "Tune": "pods ",
}


def as_requests(found: Forecast) -> list[str]:
    """Return the writes that a forecast comes to, in order."""
    lines: list[str] = []
    for step in found.steps:
        whole = f"{step.action} {step.target}"
        form = next((form for form in _FORMS if whole.startswith(f"{form} ")), None)
        if form is not None:
            lines.append(_FORMS[form] + whole.removeprefix(f"{form} "))
    return lines


class Stage:
    """A simulated ring of three racks, and all that its operator writes."""

    def __init__(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.heard = Heard()
        sim = SimCluster(seed=3, tap=self.heard)
        for letter in "abc":
            zone = {"topology.kubernetes.io/zone": f"zone-{letter}"}
            sim.controllers.nodes.add(f"node-{letter}2", labels=zone)
        self.cluster = SimulatedCluster(sim)
        self.cluster.apply(jolokia_secret())
        self.session = Session(transport=sim.transport, namespace=NAMESPACE, out=Output())

    def forecast(self, obj: Mapping[str, Any]) -> Forecast:
        """Return what will happen with the spec of *obj*."""
        now = dt.datetime.fromtimestamp(self.cluster.sim.simulation.now, dt.UTC)
        return forecast(read(self.session, dict(obj)), now)

    def edited(self, **spec: object) -> Object:
        """Return the live cluster with *spec* over its own."""
        live = self.cluster.get(CLUSTERS, "demo")
        metadata = {**live["metadata"], "generation": live["metadata"]["generation"] + 1}
        return {**live, "metadata": metadata, "spec": {**live["spec"], **spec}}

    def phase(self) -> str:
        """Return the phase that status tells."""
        return str(self.cluster.get(CLUSTERS, "demo")["status"]["phase"])

    def converge(self, *, seconds: float = 900) -> list[str]:
        """Let time pass until all is done; return what was written since the last time."""

        def done() -> bool:
            obj = self.cluster.get(CLUSTERS, "demo")
            progressing = condition(obj, "Progressing")
            current = progressing.get("observedGeneration") == obj["metadata"]["generation"]
            return bool(current and progressing["reason"] == "Converged" and is_true(obj, "Ready"))

        self.cluster.eventually(done, seconds=seconds, what="converged")
        # A seed list may follow once all nodes have joined.
        self.cluster.sim.run(30)
        self.cluster.eventually(done, seconds=seconds, what="converged for good")
        lines, self.heard.lines = self.heard.lines, []
        return lines


@pytest.fixture
def stage() -> Stage:
    """A ring of three nodes that is at rest."""
    found = Stage()
    found.cluster.apply(sample("demo"))
    found.converge()
    return found


def test_a_creation_goes_as_foreseen() -> None:
    """From nothing to a ring: every object, every rack, in the order of the plan."""
    stage = Stage()
    new = sample("demo")
    new["metadata"] |= {"namespace": NAMESPACE, "uid": "planned", "generation": 1, "resourceVersion": "1"}
    foreseen = stage.forecast(new)

    stage.cluster.apply(sample("demo"))

    assert foreseen.clear
    assert as_requests(foreseen) == stage.converge()


EDITS: dict[str, dict[str, Any]] = {
    "grow": {"nodesPerRacks": 2},
    "roll": {"cassandraImage": "cassandra:5.0.9"},
    "both": {"nodesPerRacks": 2, "cassandraImage": "cassandra:5.0.9"},
    "rack at once": {"rollout": {"strategy": "RackAtOnce"}, "restartedAt": "2025-12-31T12:00:00Z"},
    "told": {
        "config": {
            **sample("demo")["spec"]["config"],
            "cassandra-yaml": {"compaction_throughput_mb_per_sec": 33},
        }
    },
    "nothing": {"deletePVC": False},
    "volumes": {"dataCapacity": "5Gi"},
    "volumes and roll": {"dataCapacity": "5Gi", "cassandraImage": "cassandra:5.0.9"},
}


@pytest.mark.parametrize("case", sorted(EDITS))
def test_an_edit_goes_as_foreseen(case: str, stage: Stage) -> None:
    """Growth of ring and volumes, and rolling changes: the same writes and restarts, in the same order."""
    foreseen = stage.forecast(stage.edited(**EDITS[case]))

    stage.cluster.patch(CLUSTERS, "demo", {"spec": EDITS[case]})

    assert foreseen.clear
    assert as_requests(foreseen) == stage.converge()


def test_what_a_new_major_release_asks_for_is_foreseen() -> None:
    """After the last node's upgrade sstables are rewritten: the plan does not end with the restarts."""
    stage = Stage()
    obj = sample("demo")
    obj["spec"] |= {"cassandraImage": "cassandra:4.1", "autoPilot": True}
    stage.cluster.apply(obj)
    stage.converge()

    foreseen = stage.forecast(stage.edited(cassandraImage="cassandra:5.0"))

    asked = [step for step in foreseen.steps if step.action == "OperationAsked"]
    assert [step.target for step in asked] == [f"demo-dc1-rack{n}-0" for n in (1, 2, 3)]
    assert all("upgradesstables" in step.why for step in asked)
    assert foreseen.steps.index(asked[0]) > max(
        number for number, step in enumerate(foreseen.steps) if step.action == "RestartPod"
    )


def test_a_stop_and_a_start_go_as_foreseen(stage: Stage) -> None:
    """Which racks stop, that it ends there, and how they start again, with an image changed meanwhile."""
    foreseen = stage.forecast(stage.edited(stopped=True))
    stage.cluster.patch(CLUSTERS, "demo", {"spec": {"stopped": True}})
    stage.cluster.eventually(lambda: stage.phase() == "Stopped", seconds=300, what="it is stopped")

    assert as_requests(foreseen) == stage.heard.lines != []
    assert [hold.path for hold in foreseen.holds] == ["spec.stopped"]
    assert (foreseen.joins, foreseen.leaves, foreseen.restarts) == ((), (), ())

    stage.heard.lines = []
    edit = {"stopped": False, "cassandraImage": "cassandra:5.0.9", "nodesPerRacks": 2}
    foreseen = stage.forecast(stage.edited(**edit))
    stage.cluster.patch(CLUSTERS, "demo", {"spec": edit})

    assert foreseen.clear
    assert as_requests(foreseen) == stage.converge()
    assert len(foreseen.joins) == 3


def test_a_rack_that_is_taken_apart_is_put_together(stage: Stage) -> None:
    """A plan that is made when a StatefulSet is only a copy in status: it comes back, and nobody restarts."""
    cluster = stage.cluster.get(CLUSTERS, "demo")
    world = read(stage.session, cluster)
    gone, *rest = world.objects["statefulsets"]
    assert gone["metadata"]["name"] == "demo-dc1-rack1"
    pods = [{**pod, "metadata": {**pod["metadata"]}} for pod in world.objects["pods"]]
    for pod in pods:
        if pod["metadata"]["name"] == FIRST:
            del pod["metadata"]["ownerReferences"]
    racks = cluster["status"]["cassandraRackStatus"]
    apart = {**racks["dc1-rack1"], "statefulSetSnapshotBeforeStorageResize": copy_of(gone)}
    status = {**cluster["status"], "cassandraRackStatus": {**racks, "dc1-rack1": apart}}
    world = attrs.evolve(
        world,
        cluster={**cluster, "status": status},
        objects={**world.objects, "statefulsets": tuple(rest), "pods": tuple(pods)},
    )

    foreseen = forecast(world, dt.datetime.fromtimestamp(stage.cluster.sim.simulation.now, dt.UTC))

    assert [f"{step.action} {step.target}" for step in foreseen.steps] == ["ApplyStatefulSet dc1-rack1 to 1"]
    assert foreseen.clear
    assert (foreseen.restarts, foreseen.joins) == ((), ())


def test_nothing_is_foreseen_of_a_paused_cluster(stage: Stage) -> None:
    """An edit waits for as long as the annotation is there, and the plan says which it is."""
    edited = stage.edited(nodesPerRacks=2)
    edited["metadata"]["annotations"] = {**edited["metadata"]["annotations"], names.PAUSED: "true"}

    foreseen = stage.forecast(edited)

    assert foreseen.steps == ()
    assert [hold.reason for hold in foreseen.holds] == ["Paused"]


def test_nodes_leave_as_foreseen(stage: Stage) -> None:
    """Which node leaves when, its place, its volume, and the record of members."""
    stage.cluster.patch(CLUSTERS, "demo", {"spec": {"nodesPerRacks": 2}})
    stage.converge()
    foreseen = stage.forecast(stage.edited(nodesPerRacks=1))

    stage.cluster.patch(CLUSTERS, "demo", {"spec": {"nodesPerRacks": 1}})

    happened = stage.converge()
    assert as_requests(foreseen) == happened
    volumes = [line.rpartition(" data-")[2] for line in happened if line.startswith("delete persistent")]
    assert volumes == list(foreseen.leaves) != []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a number": ({"nodesPerRacks": -1}, "spec.nodesPerRacks"),
    "a quantity": ({"dataCapacity": "1.2.3Gi"}, "spec.dataCapacity"),
    "a held change": ({"dataStorageClass": "other"}, "spec.dataStorageClass"),
    "renamed": ({"topology": {"dc": [{"name": "dc9", "rack": [{"name": "rack1"}]}]}}, "spec.topology"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_foreseen(case: str, stage: Stage) -> None:
    """What is refused or held back is said beforehand, with its path; what goes on meanwhile is foreseen."""
    spec, path = BAD[case]
    foreseen = stage.forecast(stage.edited(**spec))

    stage.cluster.patch(CLUSTERS, "demo", {"spec": spec})
    stage.cluster.sim.run(120)

    assert not foreseen.clear
    said = " ".join((*foreseen.refused, *(hold.path + hold.why for hold in foreseen.holds)))
    assert path in said
    assert as_requests(foreseen) == stage.heard.lines
    told = " ".join(c["message"] for c in stage.cluster.get(CLUSTERS, "demo")["status"]["conditions"])
    assert path in told
