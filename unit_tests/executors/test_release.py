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
