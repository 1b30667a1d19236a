"""What is promised of claims that grow, and of StatefulSets that are taken from their pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from controller.builders.copies import copy_of
from controller.domain.actions import ApplyStatefulSet, DetachStatefulSet, GrowClaim
from controller.domain.errors import ConflictError, TerminalError
from controller.executors.claims import Claims
from controller.executors.detach import Detach
from controller.executors.statefulsets import StatefulSets
from controller.kube import kinds
from controller.kube.apply import drifted
from e2e.simkube.faults import Refuse
from unit_tests.executors.stage import RACK, Json, Stage

SET = f"cc-{RACK}"
CLAIM = f"data-{SET}-0"
COPY = "statefulSetSnapshotBeforeStorageResize"


@attrs.frozen
class Ground:
    """A rack of one, with its pod and its bound claim, and a copy of its StatefulSet in status."""

    stage: Stage
    statefulset: Json
    claim: Json

    def grow(self, capacity: str = "2Gi") -> GrowClaim:
        """Return the action that asks for more."""
        return GrowClaim(claim=CLAIM, uid=self.claim["metadata"]["uid"], capacity=capacity, why="a test")

    def detach(self) -> DetachStatefulSet:
        """Return the action that takes the StatefulSet away as it was when the ground was laid."""
        metadata = self.statefulset["metadata"]
        return DetachStatefulSet(
            rack=RACK,
            statefulset=SET,
            uid=metadata["uid"],
            generation=metadata["generation"],
            why="a test",
        )

    def copied(self, text: str | None) -> None:
        """Put a copy into status."""
        racks = {RACK: {COPY: text}}
        self.stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"status": {"cassandraRackStatus": racks}}, "status")


@pytest.fixture
def ground(stage: Stage) -> Ground:
    """Return the rack; the operator made its StatefulSet, the rest is others' work."""
    StatefulSets(stage.client)(
        ApplyStatefulSet(rack=RACK, replicas=1, uid=None, why="a test"), stage.bodies()
    )
    found = stage.there(kinds.STATEFULSET, SET)
    labels = found["spec"]["selector"]["matchLabels"]
    storage_class = {"metadata": {"name": "standard"}, "provisioner": "x", "allowVolumeExpansion": True}
    stage.make(kinds.STORAGE_CLASS, storage_class)
    body = {
        "metadata": {"name": CLAIM, "labels": labels},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "standard",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    stage.make(kinds.PERSISTENT_VOLUME_CLAIM, body)
    stage.edit(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM, {"status": {"phase": "Bound"}}, "status")
    stage.pod(f"{SET}-0", labels=labels, owner=found)
    ground = Ground(stage=stage, statefulset=found, claim=stage.there(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM))
    ground.copied(copy_of(found))
    return ground


def test_a_claim_is_asked_for_more_and_nothing_else(ground: Ground) -> None:
    """Only the request changes, and what is returned is the version that has it."""
    written = Claims(ground.stage.client)(ground.grow(), ground.stage.bodies())

    after = ground.stage.there(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    assert after["spec"] == {**ground.claim["spec"], "resources": {"requests": {"storage": "2Gi"}}}
    assert written.resource_version == after["metadata"]["resourceVersion"]


def test_a_claim_is_never_asked_for_less(ground: Ground) -> None:
    """A plan that is late finds that more was asked for, and writes nothing."""
    run = Claims(ground.stage.client)
    run(ground.grow("3Gi"), ground.stage.bodies())

    for capacity in ("2Gi", "3Gi", "3072Mi"):
        with pytest.raises(ConflictError, match="asked for 3Gi"):
            run(ground.grow(capacity), ground.stage.bodies())


def test_a_claim_that_has_not_got_what_it_asks_for_is_asked_for_less(ground: Ground) -> None:
    """Only if it asks for what the plan knows of, and has less than is wanted now."""
    run = Claims(ground.stage.client)
    run(ground.grow("500Gi"), ground.stage.bodies())
    less = attrs.evolve(ground.grow("2Gi"), instead_of="500Gi")

    with pytest.raises(ConflictError, match="asked for 500Gi"):
        run(attrs.evolve(less, instead_of="400Gi"), ground.stage.bodies())
    capacity = {"status": {"capacity": {"storage": "2Gi"}}}
    ground.stage.edit(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM, capacity, "status")
    with pytest.raises(ConflictError, match="has 2Gi by now"):
        run(less, ground.stage.bodies())
    capacity = {"status": {"capacity": {"storage": "1Gi"}}}
    ground.stage.edit(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM, capacity, "status")
    run(less, ground.stage.bodies())

    after = ground.stage.there(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    assert after["spec"]["resources"]["requests"]["storage"] == "2Gi"


def test_a_server_that_lets_nothing_get_smaller_is_told_with_a_way_out(ground: Ground) -> None:
    """Kubernetes before 1.32 refuses it: then it is for people, and the sentence says how."""
    run = Claims(ground.stage.client)
    run(ground.grow("500Gi"), ground.stage.bodies())
    ground.stage.fault(Refuse(status=422), verbs=("patch",))

    with pytest.raises(TerminalError, match="have the storage give 500Gi, or follow 'Recovering"):
        run(attrs.evolve(ground.grow("2Gi"), instead_of="500Gi"), ground.stage.bodies())


def test_another_claim_of_that_name_is_left_alone(ground: Ground) -> None:
    """It is known by its uid."""
    action = attrs.evolve(ground.grow(), uid="another")

    with pytest.raises(ConflictError, match="another one"):
        Claims(ground.stage.client)(action, ground.stage.bodies())


def test_what_the_server_refuses_is_told(ground: Ground) -> None:
    """A class that does not allow it, where the operator could not read it."""
    ground.stage.edit(kinds.STORAGE_CLASS, "standard", {"allowVolumeExpansion": False})

    with pytest.raises(TerminalError, match="must support resize"):
        Claims(ground.stage.client)(ground.grow(), ground.stage.bodies())


def test_a_statefulset_goes_and_its_pods_stay(ground: Ground) -> None:
    """It is on its way out, and to be gone without what it owns."""
    Detach(ground.stage.client)(ground.detach(), ground.stage.bodies())

    going = ground.stage.there(kinds.STATEFULSET, SET)
    assert going["metadata"]["deletionTimestamp"]
    assert going["metadata"]["finalizers"] == ["orphan"]
    assert ground.stage.there(kinds.POD, f"{SET}-0")["metadata"].get("deletionTimestamp") is None


def _edited(ground: Ground) -> None:
    env = {"metadata": {"annotations": {"edited": "by hand"}}}
    ground.stage.edit(kinds.STATEFULSET, SET, {"spec": {"template": env}})


def _grown(ground: Ground) -> None:
    ground.stage.edit(kinds.STATEFULSET, SET, {"spec": {"replicas": 2}})


def _copy_gone(ground: Ground) -> None:
    ground.copied(None)


def _copy_broken(ground: Ground) -> None:
    ground.copied("{}")


def _annotated(ground: Ground) -> None:
    ground.stage.edit(kinds.STATEFULSET, SET, {"metadata": {"annotations": {"other": "word"}}})


@pytest.mark.parametrize("happens", [_edited, _grown, _copy_gone, _copy_broken, _annotated])
def test_without_a_copy_of_what_it_is_now_it_stays(ground: Ground, happens: Callable[[Ground], None]) -> None:
    """Whatever happened since the plan was made: an edit, a growth, a copy that is no more."""
    happens(ground)

    with pytest.raises(ConflictError):
        Detach(ground.stage.client)(ground.detach(), ground.stage.bodies())

    assert "deletionTimestamp" not in ground.stage.there(kinds.STATEFULSET, SET)["metadata"]


def test_an_edit_at_the_last_moment_keeps_it(ground: Ground) -> None:
    """The version that was compared is the one that is deleted, or none."""
    ground.stage.transport.happens = lambda: _edited(ground)

    with pytest.raises(ConflictError):
        Detach(ground.stage.client)(ground.detach(), ground.stage.bodies())

    assert "deletionTimestamp" not in ground.stage.there(kinds.STATEFULSET, SET)["metadata"]


def test_it_is_made_again_with_the_size_that_is_asked_for(stage: Stage) -> None:
    """The claim template has it, and nothing else differs from what would be made without."""
    usual: dict[str, Any] = dict(stage.bodies().statefulset(RACK, 1)["spec"])
    action = ApplyStatefulSet(rack=RACK, replicas=1, uid=None, capacity="7Gi", why="a test")
    StatefulSets(stage.client)(action, stage.bodies())

    spec: dict[str, Any] = stage.there(kinds.STATEFULSET, SET)["spec"]
    (template,) = spec["volumeClaimTemplates"]
    assert template["spec"]["resources"]["requests"]["storage"] == "7Gi"
    (before,) = usual["volumeClaimTemplates"]
    assert template["spec"]["storageClassName"] == before["spec"]["storageClassName"]
    assert drifted(spec["template"], usual["template"]) == ()
