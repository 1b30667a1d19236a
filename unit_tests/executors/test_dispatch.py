"""Each action goes to the executor that knows it, and comes back as what was written."""

from __future__ import annotations

from controller.domain.actions import ApplyObject, ApplyStatefulSet, DeletePod, Write
from controller.executors.base import Executor
from controller.executors.objects import Objects
from controller.executors.pods import Pods
from controller.executors.statefulsets import StatefulSets
from controller.kube import kinds
from unit_tests.executors.stage import RACK, Stage


def test_every_action_is_carried_out_and_reported(stage: Stage) -> None:
    """What is reported names the object's kind; a deletion has no version to be seen at."""
    client, bodies = stage.client, stage.bodies()
    executor = Executor(objects=Objects(client), statefulsets=StatefulSets(client), pods=Pods(client))
    uid = stage.pod("stuck", labels={"app": "cassandracluster"})["metadata"]["uid"]
    actions: tuple[Write, ...] = (
        ApplyObject(kind="Service", name="cc", why="a test"),
        ApplyStatefulSet(rack=RACK, replicas=1, uid=None, why="a test"),
        DeletePod(pod="stuck", uid=uid, why="a test"),
    )

    written = [executor.run(action, bodies) for action in actions]

    assert [w.kind for w in written] == [kinds.SERVICE, kinds.STATEFULSET, kinds.POD]
    assert [w.name for w in written] == ["cc", f"cc-{RACK}", "stuck"]
    assert [w.resource_version is None for w in written] == [False, False, True]
