"""What a plan gets to see of Kubernetes objects, whole, trimmed, half-filled or odd."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest

from controller.api.v2 import names
from controller.domain.observed import Claim, Container
from controller.kube import kinds
from controller.reconcile import snapshot

Json = dict[str, Any]

POD: Json = {
    "metadata": {
        "name": "cc-dc1-rack1-2",
        "namespace": "prod",
        "uid": "pod-uid",
        "resourceVersion": "9",
        "creationTimestamp": "2026-01-01T10:00:00Z",
        "labels": {"controller-revision-hash": "rev-1", names.DC_RACK: "dc1-rack1"},
    },
    "spec": {"nodeName": "node-a", "containers": [{"name": "cassandra", "image": "cassandra:5.0"}]},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "initContainerStatuses": [
            {"name": "bootstrap", "ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
        ],
        "containerStatuses": [
            {
                "name": "cassandra",
                "ready": True,
                "started": True,
                "restartCount": 3,
                "state": {"running": {"startedAt": "2026-01-01T10:01:00Z"}},
                "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "message": "out of disk"}},
            }
        ],
    },
}
STATEFULSET: Json = {
    "metadata": {
        "name": "cc-dc1-rack1",
        "uid": "sts-uid",
        "resourceVersion": "12",
        "generation": 4,
        "annotations": {names.TEMPLATE_HASH: "abc", names.TEMPLATE_REVISION: "1"},
    },
    "spec": {"replicas": 3, "updateStrategy": {"type": "OnDelete"}, "template": {"metadata": {}, "spec": {}}},
    "status": {"observedGeneration": 3, "updateRevision": "rev-2"},
}


def with_status(**status: Any) -> Json:
    """Return the pod with *status* over its own; None takes a member away."""
    merged = {**POD["status"], **status}
    return {**POD, "status": {key: value for key, value in merged.items() if value is not None}}


def test_a_pod_is_read_whole() -> None:
    """Every field of the value comes from its place in the object."""
    pod = snapshot.pod(POD)

    assert attrs.evolve(pod, containers=()) == attrs.evolve(
        pod,
        name="cc-dc1-rack1-2",
        uid="pod-uid",
        ordinal=2,
        phase="Running",
        ip="10.0.0.7",
        node="node-a",
        revision="rev-1",
        created=dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC),
        terminating=False,
        ready=True,
        unschedulable=None,
        containers=(),
    )
    assert pod.containers == (
        Container(name="bootstrap", ready=True, exit_code=0, init=True),
        Container(
            name="cassandra",
            running=True,
            ready=True,
            started=True,
            since=dt.datetime(2026, 1, 1, 10, 1, tzinfo=dt.UTC),
            restarts=3,
            exit_code=3,
            last_words="out of disk",
        ),
    )


@pytest.mark.parametrize(
    "obj",
    [POD, with_status(phase="Pending", podIP=None), with_status(containerStatuses=None)],
)
def test_a_trimmed_pod_reads_the_same(obj: Json) -> None:
    """What a store keeps is enough: nothing that a plan reads is trimmed away."""
    assert snapshot.pod(kinds.POD.transform(obj)) == snapshot.pod(obj)


def test_a_pod_that_nobody_has_looked_at_yet() -> None:
    """Without spec and status it is pending, nowhere, and not ready; nothing is guessed."""
    pod = snapshot.pod({"metadata": {"name": "cc-dc1-rack1-0", "uid": "u"}})

    assert (pod.phase, pod.ip, pod.node, pod.revision, pod.created) == ("Pending", None, None, None, None)
    assert (pod.ready, pod.cassandra_runs, pod.containers) == (False, False, ())


def _cassandra(**members: Any) -> list[Json]:
    return [{**POD["status"]["containerStatuses"][0], **members}]


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, True),
        ({"phase": "Failed"}, False),
        ({"phase": None}, False),
        ({"containerStatuses": _cassandra(ready=False)}, False),
        ({"containerStatuses": _cassandra(name="sidecar")}, False),
        # A sidecar that is not ready does not keep Cassandra from serving.
        ({"containerStatuses": [*_cassandra(), *_cassandra(name="sidecar", ready=False)]}, True),
        # Nor does an init container of the same name make it ready.
        ({"containerStatuses": None, "initContainerStatuses": _cassandra()}, False),
    ],
)
def test_ready_is_the_readiness_of_cassandra(status: Json, *, ready: bool) -> None:
    """The container `cassandra` of a running pod decides, and it alone."""
    assert snapshot.pod(with_status(**status)).ready is ready


def test_a_pod_on_its_way_out() -> None:
    """A deletion timestamp makes it terminating, whatever else it says."""
    obj = {**POD, "metadata": {**POD["metadata"], "deletionTimestamp": "2026-01-01T11:00:00Z"}}

    assert snapshot.pod(obj).terminating


def _scheduled(**members: str) -> Json:
    return {"type": "PodScheduled", "status": "False", **members}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([], None),
        ([{"type": "Ready", "status": "False", "reason": "Unschedulable"}], None),
        ([_scheduled(reason="SchedulingGated", message="gated")], None),
        ([_scheduled(status="True", reason="Unschedulable")], None),
        # It need not be the first condition.
        (
            [{"type": "Ready", "status": "False"}, _scheduled(reason="Unschedulable", message="0/3 nodes")],
            "0/3 nodes",
        ),
        ([_scheduled(reason="Unschedulable")], "the scheduler gave no reason"),
    ],
)
def test_only_the_scheduler_says_that_no_node_can_take_it(conditions: list[Json], words: str | None) -> None:
    """It is read from the one condition that means it, wherever that stands, with its message."""
    assert snapshot.pod(with_status(conditions=conditions)).unschedulable == words


@pytest.mark.parametrize(
    ("state", "last", "expected"),
    [
        (
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            {"terminated": {"exitCode": 1, "message": "no space"}},
            Container(
                name="x", reason="CrashLoopBackOff", message="back-off", exit_code=1, last_words="no space"
            ),
        ),
        (
            {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            {"terminated": {"exitCode": 1, "message": "older"}},
            Container(name="x", reason="OOMKilled", exit_code=137, out_of_memory=True),
        ),
        ({"running": {}}, {}, Container(name="x", running=True)),
        ({}, {}, Container(name="x")),
        (None, None, Container(name="x")),
        ({"waiting": None}, {"terminated": None}, Container(name="x")),
    ],
)
def test_a_container_in_every_state(state: Json | None, last: Json | None, expected: Container) -> None:
    """The newest end counts for the exit code; a state that is missing or null says nothing."""
    obj = with_status(
        initContainerStatuses=None, containerStatuses=[{"name": "x", "state": state, "lastState": last}]
    )

    assert snapshot.pod(obj).containers == (expected,)


def test_a_statefulset_is_read_whole() -> None:
    """Sizes, generations, revisions and who replaces its pods, each from its place."""
    found = snapshot.statefulset(STATEFULSET, drift=("spec.x",))

    assert (found.name, found.uid, found.resource_version) == ("cc-dc1-rack1", "sts-uid", "12")
    assert (found.generation, found.observed_generation, found.settled) == (4, 3, False)
    assert (found.replicas, found.on_delete, found.terminating) == (3, True, False)
    assert (found.template_hash, found.template_revision, found.update_revision) == ("abc", 1, "rev-2")
    assert found.drift == ("spec.x",)


def test_a_bare_statefulset() -> None:
    """Without annotations it is CassKop's; without `replicas` it has one; unseen, it is not settled."""
    found = snapshot.statefulset({"metadata": {"name": "x", "uid": "u", "generation": 1}})

    assert (found.template_hash, found.template_revision, found.update_revision) == (None, 0, None)
    assert (found.replicas, found.on_delete, found.settled) == (1, False, False)


@pytest.mark.parametrize(
    ("annotations", "strategy", "revision"),
    [
        ({}, "RollingUpdate", 0),
        (None, "RollingUpdate", 0),
        ({names.TEMPLATE_REVISION: "0"}, "RollingUpdate", 0),
        ({names.TEMPLATE_REVISION: "1"}, "OnDelete", 1),
        ({names.TEMPLATE_REVISION: "7"}, "OnDelete", 7),
        # Edited: it must not pass for CassKop's, whose template rolls.
        ({}, "OnDelete", snapshot.UNKNOWN_REVISION),
        ({names.TEMPLATE_HASH: "abc"}, "RollingUpdate", snapshot.UNKNOWN_REVISION),
        ({names.TEMPLATE_REVISION: ""}, "OnDelete", snapshot.UNKNOWN_REVISION),
        ({names.TEMPLATE_REVISION: "-1"}, "OnDelete", snapshot.UNKNOWN_REVISION),
        ({names.TEMPLATE_REVISION: "one"}, "OnDelete", snapshot.UNKNOWN_REVISION),
        ({names.TEMPLATE_REVISION: "²"}, "OnDelete", snapshot.UNKNOWN_REVISION),
    ],
)
def test_a_lost_revision_is_not_taken_for_casskops(
    annotations: dict[str, str] | None, strategy: str, revision: int
) -> None:
    """Only what CassKop could have left reads as its revision; all else is unknown."""
    obj = {
        "metadata": {"name": "x", "annotations": annotations},
        "spec": {"updateStrategy": {"type": strategy}},
    }

    assert snapshot.template_revision(obj) == revision


def test_a_claim() -> None:
    """A claim that nobody has provided for is pending."""
    whole = {
        "metadata": {"name": "data-x-0", "uid": "u"},
        "spec": {"storageClassName": "fast"},
        "status": {"phase": "Bound"},
    }

    assert snapshot.claim(whole) == Claim(name="data-x-0", uid="u", phase="Bound", storage_class="fast")
    assert snapshot.claim({"metadata": {"name": "data-x-0", "uid": "u"}}) == Claim(
        name="data-x-0", uid="u", phase="Pending", storage_class=None
    )


@pytest.mark.parametrize(
    ("name", "ordinal"),
    [("cc-dc1-rack1-0", 0), ("x-12", 12), ("x-1a", -1), ("x", -1), ("x-", -1), ("x-²", -1)],
)
def test_an_ordinal_is_the_number_at_the_end(name: str, ordinal: int) -> None:
    """A name without one gives -1, never an error: anybody can give a pod our labels."""
    assert snapshot.ordinal(name) == ordinal


@pytest.mark.parametrize("text", [None, "", "yesterday", 5])
def test_an_instant_that_cannot_be_read_is_none(text: object) -> None:
    """No time is better than a wrong one."""
    assert snapshot.instant(text) is None
