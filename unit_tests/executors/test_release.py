"""What is promised of the place of a node that is dead for good: only what runs nowhere is taken away."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from controller.domain.actions import ReleasePlace
from controller.domain.errors import ConflictError
from controller.executors.pods import Pods
from controller.kube import kinds
from unit_tests.executors.stage import Json, Stage

POD = "cc-dc1-rack1-1"
CLAIM = f"data-{POD}"


@attrs.frozen
class Ground:
    """A pod that finds no machine, and its claim."""

    stage: Stage
    pod: Json
    claim: Json

    def run(self, **changes: Any) -> None:
        """Take both away, with *changes* of the action."""
        action = ReleasePlace(
            pod=POD,
            uid=self.pod["metadata"]["uid"],
            claims={CLAIM: self.claim["metadata"]["uid"]},
            why="a test",
        )
        Pods(self.stage.client)(attrs.evolve(action, **changes), self.stage.bodies())

    def left(self) -> list[str]:
        """Return what is there and not on its way out."""
        found = {
            POD: self.stage.stored(kinds.POD, POD),
            CLAIM: self.stage.stored(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM),
        }
        return [k for k, obj in found.items() if obj and not obj["metadata"].get("deletionTimestamp")]


@pytest.fixture
def ground(stage: Stage) -> Ground:
    """Return pod and claim, which others have made."""
    labels = {"app": "cassandracluster", "cassandracluster": "cc"}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body = {"metadata": {"name": CLAIM, "labels": labels}, "spec": spec}
    claim = stage.make(kinds.PERSISTENT_VOLUME_CLAIM, body)
    return Ground(stage=stage, pod=stage.pod(POD, labels=labels), claim=claim)


def test_volume_and_pod_go(ground: Ground) -> None:
    """Both, and each is the one that was planned."""
    ground.run()

    assert ground.left() == []


def test_a_pod_alone_goes_where_the_volume_has_gone(ground: Ground) -> None:
    """An operator that died in between is taken up."""
    ground.run(claims={})

    assert ground.left() == [CLAIM]


def test_who_has_found_a_place_stays(stage: Stage) -> None:
    """The scheduler may have been faster."""
    pod = stage.pod(POD, labels={}, nodeName="node-a")
    action = ReleasePlace(pod=POD, uid=pod["metadata"]["uid"], claims={}, why="a test")

    with pytest.raises(ConflictError, match="found a place"):
        Pods(stage.client)(action, stage.bodies())

    assert "deletionTimestamp" not in stage.there(kinds.POD, POD)["metadata"]


@pytest.mark.parametrize("changes", [{"uid": "another"}, {"claims": {CLAIM: "another"}}])
def test_others_of_these_names_stay(ground: Ground, changes: dict[str, Any]) -> None:
    """Pod and claim are known by their uids; with one of them wrong, neither goes."""
    with pytest.raises(ConflictError, match="another one"):
        ground.run(**changes)

    assert ground.left() == [POD, CLAIM]


def test_the_place_of_a_removed_node_is_emptied_wherever_it_is(stage: Stage) -> None:
    """A pod that hangs on a machine that nobody hears of is gone at once; without a claim, too."""
    pod = stage.pod(POD, labels={}, nodeName="node-a")
    action = ReleasePlace(pod=POD, uid=pod["metadata"]["uid"], claims={}, why="a test", removed=True)

    Pods(stage.client)(action, stage.bodies())

    assert stage.stored(kinds.POD, POD) is None


def test_what_is_gone_of_a_removed_node_is_not_missed(ground: Ground) -> None:
    """Another claim of that name is the next node's and stays; so does a pod that was not there before."""
    ground.run(claims={CLAIM: "another"}, removed=True)
    assert ground.left() == [CLAIM]

    ground.run(uid=None, removed=True)
    assert ground.left() == []

    with pytest.raises(ConflictError, match="empty by now"):
        ground.run(uid=None, claims={}, removed=True)


def test_a_removed_node_that_serves_keeps_its_place(ground: Ground) -> None:
    """The kubelet says that it is ready: then the plan was made on something else."""
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "cassandra", "ready": True}],
    }
    ground.stage.edit(kinds.POD, POD, {"status": status}, "status")

    with pytest.raises(ConflictError, match="is ready"):
        ground.run(removed=True)

    assert ground.left() == [POD, CLAIM]
