"""What is promised of racks that lose all pods, and get them back."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from controller.builders.places import places, running
from controller.domain.actions import (
    ApplyStatefulSet,
    DeleteStatefulSet,
    ShrinkStatefulSet,
    StartRack,
    StopRack,
)
from controller.domain.errors import ConflictError
from controller.executors.racks import Racks
from controller.executors.statefulsets import StatefulSets
from controller.executors.stopping import Stopping
from controller.kube import kinds
from unit_tests.executors.stage import RACK, Json, Stage

SET = f"cc-{RACK}"


@attrs.frozen
class Ground:
    """A rack of three."""

    stage: Stage
    uid: str

    def stop(self, **changes: Any) -> None:
        """Take its pods."""
        action = StopRack(rack=RACK, statefulset=SET, uid=self.uid, size=3, why="a test")
        Stopping(self.stage.client)(attrs.evolve(action, **changes), self.stage.bodies())

    def start(self, replicas: int, **changes: Any) -> None:
        """Give so many pods back."""
        action = StartRack(rack=RACK, statefulset=SET, uid=self.uid, size=3, replicas=replicas, why="a test")
        Stopping(self.stage.client)(attrs.evolve(action, **changes), self.stage.bodies())

    def apply(self, replicas: int) -> None:
        """Apply the rack at a size."""
        action = ApplyStatefulSet(rack=RACK, replicas=replicas, uid=self.uid, why="a test")
        StatefulSets(self.stage.client)(action, self.stage.bodies())

    def now(self) -> Json:
        """Return the StatefulSet as it is stored."""
        return self.stage.there(kinds.STATEFULSET, SET)


@pytest.fixture
def ground(stage: Stage) -> Ground:
    """Return the rack, which the operator has made."""
    action = ApplyStatefulSet(rack=RACK, replicas=3, uid=None, why="a test")
    StatefulSets(stage.client)(action, stage.bodies())
    return Ground(stage=stage, uid=stage.there(kinds.STATEFULSET, SET)["metadata"]["uid"])


def test_the_size_stays_known_until_all_pods_are_back(ground: Ground) -> None:
    """Nothing but the number of pods and the note of the size changes; in the end nothing has."""
    before = ground.now()

    ground.stop()
    assert (running(ground.now()), places(ground.now())) == (0, 3)
    assert ground.now()["spec"] == {**before["spec"], "replicas": 0}
    ground.start(1)
    assert (running(ground.now()), places(ground.now())) == (1, 3)
    ground.start(3)

    after = ground.now()
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]


def test_a_template_is_applied_meanwhile_and_the_size_is_not_forgotten(ground: Ground) -> None:
    """Whoever applied fields before does not take the note away with what it does not send."""
    ground.stop()
    ground.stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"cassandraImage": "cassandra:4.1"}})
    ground.stage.cluster = ground.stage.read()

    ground.apply(0)
    ground.apply(0)

    assert (running(ground.now()), places(ground.now())) == (0, 3)
    assert ground.now()["spec"]["template"]["spec"]["containers"][0]["image"] == "cassandra:4.1"


def test_a_stopped_rack_is_not_an_empty_one(ground: Ground) -> None:
    """It is neither deleted nor shrunk by who thinks that it has no nodes."""
    ground.stop()
    racks = Racks(ground.stage.client)
    delete = DeleteStatefulSet(rack=RACK, statefulset=SET, uid=ground.uid, why="a test")
    shrink = ShrinkStatefulSet(
        rack=RACK,
        statefulset=SET,
        uid=ground.uid,
        replicas=0,
        pod=f"{SET}-0",
        pod_uid=None,
        left=True,
        why="a test",
    )

    for action in (delete, shrink):
        with pytest.raises(ConflictError):
            racks(action, ground.stage.bodies())

    assert places(ground.now()) == 3


def test_what_is_not_as_planned_is_left_alone(ground: Ground) -> None:
    """Another StatefulSet, another size, one that runs, one that stopped already."""
    with pytest.raises(ConflictError, match="another one"):
        ground.stop(uid="another")
    with pytest.raises(ConflictError, match="3 places"):
        ground.stop(size=2)
    with pytest.raises(ConflictError, match="started meanwhile"):
        ground.start(3)
    ground.stop()
    with pytest.raises(ConflictError, match="stopped by now"):
        ground.stop()
    ground.start(2)
    with pytest.raises(ConflictError, match="started meanwhile"):
        ground.start(1)
    assert running(ground.now()) == 2
