"""Each action goes to the executor that knows it, and comes back as what was written."""

from __future__ import annotations

from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import assemble
from controller.domain.actions import ApplyObject, ApplyStatefulSet, DeletePod, Write
from controller.kube import kinds
from controller.runtime.clock import SteppedClock
from unit_tests.executors.stage import IMAGES, RACK, Stage
from unit_tests.reconcile.bench import Notes


def test_every_action_is_carried_out_and_reported(stage: Stage) -> None:
    """What is reported names the object's kind; a deletion has no version to be seen at."""
    client, bodies = stage.client, stage.bodies()
    core = assemble(
        client=client,
        nodes=Nodes(Jolokia.over(), threads=0),
        recorder=Notes(),
        images=IMAGES,
        clock=SteppedClock(),
        new_id=lambda: "id",
    )
    executor = core.reconciler.executor
    uid = stage.pod("stuck", labels={"app": "cassandracluster"})["metadata"]["uid"]
    actions: tuple[Write, ...] = (
        ApplyObject(kind="Service", name="cc", why="a test"),
        ApplyStatefulSet(rack=RACK, replicas=1, uid=None, why="a test"),
        DeletePod(pod="stuck", uid=uid, why="a test"),
    )

    done = [executor.run(action, bodies) for action in actions]

    written = [each for each in done if each is not None]
    assert [w.kind for w in written] == [kinds.SERVICE, kinds.STATEFULSET, kinds.POD]
    assert [w.name for w in written] == ["cc", f"cc-{RACK}", "stuck"]
    assert [w.resource_version is None for w in written] == [False, False, True]
