"""What is promised of the deletion of pods, against an API server."""

from __future__ import annotations

from typing import Any

import pytest

from controller.domain.actions import DeletePod, RestartPod
from controller.domain.errors import ConflictError, NotLeadingError, TransientError
from controller.executors.pods import Pods
from controller.kube import kinds
from e2e.simkube.faults import Hang, LoseAnswer, Refuse
from unit_tests.executors.stage import Stage

NAME = "cc-dc1-rack1-0"
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
WAITING = {"waiting": {"reason": "ImagePullBackOff"}}


def make(stage: Stage, **states: dict[str, Any]) -> str:
    """Create the pod, with the states of its containers by name, and return its uid."""
    uid: str = stage.pod(NAME, labels={"app": "cassandracluster"})["metadata"]["uid"]
    report(stage, **states)
    return uid


def report(stage: Stage, **states: dict[str, Any]) -> None:
    """Write the states of containers as a kubelet does; `init_` before a name marks init containers."""
    statuses: dict[str, list[dict[str, Any]]] = {"containerStatuses": [], "initContainerStatuses": []}
    for name, state in states.items():
        field = "initContainerStatuses" if name.startswith("init_") else "containerStatuses"
        item = {"name": name.removeprefix("init_"), "ready": False, "restartCount": 0, "state": state}
        statuses[field].append({**item, "image": "example.org/x:1", "imageID": ""})
    stage.edit(kinds.POD, NAME, {"status": statuses}, "status")


def delete(stage: Stage, uid: str) -> None:
    """Carry the action out."""
    written = Pods(stage.client)(DeletePod(pod=NAME, uid=uid, why="a test"), stage.bodies())

    assert (written.uid, written.resource_version) == (uid, None)


@pytest.mark.parametrize(
    "states",
    [
        {},
        {"cassandra": WAITING},
        {"cassandra": {"terminated": {"exitCode": 1}}},
        {"cassandra": WAITING, "sidecar": RUNNING},
        {"init_cassandra": RUNNING},
    ],
)
def test_a_pod_in_which_cassandra_does_not_run_is_deleted(
    stage: Stage, states: dict[str, dict[str, Any]]
) -> None:
    """Only the state of the container `cassandra` counts, not of sidecars or init containers."""
    delete(stage, make(stage, **states))

    assert stage.stored(kinds.POD, NAME) is None


def test_a_pod_in_which_cassandra_runs_stays(stage: Stage) -> None:
    """What the plan saw may be old: the state is read right before, and the pod is not touched."""
    uid = make(stage, cassandra=RUNNING)

    with pytest.raises(ConflictError, match="Cassandra runs"):
        delete(stage, uid)

    assert stage.writes == 0
    assert stage.there(kinds.POD, NAME)["metadata"]["uid"] == uid


def test_a_pod_whose_cassandra_starts_meanwhile_stays(stage: Stage) -> None:
    """A report of the kubelet between the look and the deletion makes the deletion fail."""
    uid = make(stage, cassandra=WAITING)
    stage.transport.happens = lambda: report(stage, cassandra=RUNNING)

    with pytest.raises(ConflictError):
        delete(stage, uid)

    assert "deletionTimestamp" not in stage.there(kinds.POD, NAME)["metadata"]


def test_another_pod_of_the_name_stays(stage: Stage) -> None:
    """The uid is what is deleted, not the name; also when it changes hands between look and deletion."""
    old = make(stage, cassandra=WAITING)
    stage.remove(kinds.POD, NAME)
    new = make(stage, cassandra=WAITING)

    with pytest.raises(ConflictError, match="another one"):
        delete(stage, old)

    def replaced() -> None:
        stage.remove(kinds.POD, NAME)
        make(stage, cassandra=WAITING)

    stage.transport.happens = replaced
    with pytest.raises(ConflictError):
        delete(stage, new)
    assert "deletionTimestamp" not in stage.there(kinds.POD, NAME)["metadata"]


def test_a_pod_that_is_gone_is_a_conflict(stage: Stage) -> None:
    """The plan was made on an older world, whether the pod went before the look or after it."""
    uid = make(stage)
    stage.transport.happens = lambda: stage.remove(kinds.POD, NAME)

    with pytest.raises(ConflictError, match="gone"):
        delete(stage, uid)
    with pytest.raises(ConflictError, match="gone"):
        delete(stage, uid)


def test_after_a_lost_answer_the_next_try_finds_it_gone(stage: Stage) -> None:
    """The deletion is not sent twice: what is gone by then is told as that."""
    uid = make(stage, cassandra=WAITING)
    stage.fault(LoseAnswer(), verbs=("delete",))

    with pytest.raises(TransientError):
        delete(stage, uid)
    with pytest.raises(ConflictError, match="gone"):
        delete(stage, uid)

    assert stage.writes == 1


def test_a_look_without_an_answer_deletes_nothing(stage: Stage) -> None:
    """No answer is no proof that Cassandra does not run; nor is a refusal."""
    uid = make(stage, cassandra=WAITING)
    for fault in (Hang(), Refuse(status=503)):
        stage.fault(fault, verbs=("get",))
        with pytest.raises(TransientError):
            delete(stage, uid)

    assert stage.writes == 0
    assert stage.there(kinds.POD, NAME)["metadata"]["uid"] == uid


# -- restarts


def running(stage: Stage) -> str:
    """Create a pod on a node, with 1800 seconds to stop, in which Cassandra runs; return its uid."""
    grace: dict[str, Any] = {"nodeName": "node-a", "terminationGracePeriodSeconds": 1800}
    uid: str = stage.pod(NAME, labels={"app": "cassandracluster"}, owner=None, **grace)["metadata"]["uid"]
    report(stage, cassandra=RUNNING)
    return uid


def restart(stage: Stage, uid: str) -> None:
    """Carry out the other action, whose plan has proven that the node may go down."""
    written = Pods(stage.client)(RestartPod(pod=NAME, uid=uid, why="a test"), stage.bodies())

    assert (written.uid, written.resource_version) == (uid, None)


def test_a_node_that_is_restarted_stops_in_its_own_time(stage: Stage) -> None:
    """It may run, and gets all the time that its template gives it to drain."""
    restart(stage, running(stage))

    metadata = stage.there(kinds.POD, NAME)["metadata"]
    assert metadata["deletionGracePeriodSeconds"] == 1800


def test_a_restart_is_of_the_very_pod_of_the_proof(stage: Stage) -> None:
    """Another of that name, or one that is on its way out, is not touched: the proof was not about it."""
    uid = running(stage)
    with pytest.raises(ConflictError, match="another one"):
        restart(stage, "of-another-pod")
    stage.user.delete(kinds.POD, stage.cluster.namespace, NAME, uid=uid)
    before = stage.there(kinds.POD, NAME)

    with pytest.raises(ConflictError, match="being deleted"):
        restart(stage, uid)

    assert stage.there(kinds.POD, NAME) == before
    assert stage.writes == 0


def test_a_node_that_changes_meanwhile_is_not_restarted(stage: Stage) -> None:
    """A report between the look and the deletion makes it a conflict: the plan looks again."""
    uid = running(stage)
    stage.transport.happens = lambda: report(stage, cassandra=WAITING)

    with pytest.raises(ConflictError):
        restart(stage, uid)

    assert "deletionTimestamp" not in stage.there(kinds.POD, NAME)["metadata"]


def test_without_the_lease_no_pod_is_deleted(stage: Stage) -> None:
    """The fence stops it between the look and the deletion."""
    uid = make(stage, cassandra=WAITING)
    stage.leading = False

    with pytest.raises(NotLeadingError):
        delete(stage, uid)

    assert stage.writes == 0
    assert stage.there(kinds.POD, NAME)["metadata"]["uid"] == uid
