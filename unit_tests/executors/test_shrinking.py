"""What is promised of racks that lose places, and of the volumes that go with them, against an API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from controller.domain.actions import ApplyStatefulSet, DeleteClaim, DeleteStatefulSet, ShrinkStatefulSet
from controller.domain.errors import ConflictError, NotLeadingError, TransientError
from controller.executors.claims import Claims
from controller.executors.racks import Racks
from controller.executors.statefulsets import StatefulSets
from controller.kube import kinds
from e2e.simkube.faults import LoseAnswer, Refuse
from unit_tests.executors.stage import RACK, Json, Stage

SET = f"cc-{RACK}"
POD = f"{SET}-1"
CLAIM = f"data-{POD}"


@attrs.frozen
class Ground:
    """A rack of two, with the pod and the claim of the last place."""

    stage: Stage
    statefulset: Json
    pod: Json
    claim: Json

    def shrink(self, **changes: Any) -> ShrinkStatefulSet:
        """Return the action that takes the last place, with *changes*."""
        action = ShrinkStatefulSet(
            rack=RACK,
            statefulset=SET,
            uid=self.statefulset["metadata"]["uid"],
            replicas=1,
            pod=POD,
            pod_uid=self.pod["metadata"]["uid"],
            left=False,
            why="a test",
        )
        return attrs.evolve(action, **changes)

    def deletion(self) -> DeleteClaim:
        """Return the action that deletes the claim."""
        uid = self.claim["metadata"]["uid"]
        return DeleteClaim(claim=CLAIM, uid=uid, pod=POD, statefulset=SET, why="a test")

    def size(self) -> int:
        """Return the size of the StatefulSet as it is stored."""
        return int(self.stage.there(kinds.STATEFULSET, SET)["spec"]["replicas"])

    def ready(self, *, ready: bool = True) -> None:
        """Let the kubelet say that Cassandra is ready, or not."""
        status = {"name": "cassandra", "ready": ready, "restartCount": 0, "image": "x", "imageID": ""}
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        statuses = {"containerStatuses": [{**status, "state": state}]}
        self.stage.edit(kinds.POD, POD, {"status": statuses}, "status")


@pytest.fixture
def ground(stage: Stage) -> Ground:
    """Return the rack, which the operator has made; the rest is others' work."""
    StatefulSets(stage.client)(
        ApplyStatefulSet(rack=RACK, replicas=2, uid=None, why="a test"), stage.bodies()
    )
    found = stage.there(kinds.STATEFULSET, SET)
    labels = found["spec"]["selector"]["matchLabels"]
    claim = stage.make(
        kinds.PERSISTENT_VOLUME_CLAIM,
        {
            "metadata": {"name": CLAIM, "labels": labels},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        },
    )
    pod = stage.pod(POD, labels=labels, owner=found)
    return Ground(stage=stage, statefulset=found, pod=pod, claim=claim)


def test_a_rack_loses_one_place_and_nothing_else_changes(ground: Ground) -> None:
    """Template and annotations stay to the letter, whatever the spec says by now."""
    stage = ground.stage
    stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"cassandraImage": "cassandra:4.1"}})
    changed = stage.read()

    written = Racks(stage.client)(ground.shrink(), stage.bodies(changed))

    after = stage.there(kinds.STATEFULSET, SET)
    assert after["spec"] == {**ground.statefulset["spec"], "replicas": 1}
    assert after["metadata"]["annotations"] == ground.statefulset["metadata"]["annotations"]
    assert (written.uid, written.resource_version) == (
        after["metadata"]["uid"],
        after["metadata"]["resourceVersion"],
    )


def test_what_is_applied_later_counts_again(ground: Ground) -> None:
    """The size that was patched is no field that an apply could no longer change."""
    stage = ground.stage
    Racks(stage.client)(ground.shrink(), stage.bodies())

    grow = ApplyStatefulSet(rack=RACK, replicas=2, uid=ground.statefulset["metadata"]["uid"], why="a test")
    StatefulSets(stage.client)(grow, stage.bodies())

    assert ground.size() == 2


@pytest.mark.parametrize("left", [True, False])
def test_a_node_that_is_ready_only_loses_its_place_if_it_has_left(ground: Ground, *, left: bool) -> None:
    """One that never joined, by the plan, may have joined by now; of one that left the peers told."""
    ground.ready()
    run = Racks(ground.stage.client)

    if left:
        run(ground.shrink(left=True), ground.stage.bodies())
        assert ground.size() == 1
    else:
        with pytest.raises(ConflictError, match="has joined by now"):
            run(ground.shrink(), ground.stage.bodies())
        assert ground.size() == 2


def edit(patch: Json) -> Callable[[Ground], object]:
    """Return what edits the StatefulSet."""
    return lambda ground: ground.stage.edit(kinds.STATEFULSET, SET, patch)


def again(ground: Ground) -> None:
    """Delete the pod, and make another of its name."""
    labels = ground.pod["metadata"]["labels"]
    ground.stage.remove(kinds.POD, POD)
    ground.stage.pod(POD, labels=labels, owner=ground.statefulset)


@pytest.mark.parametrize(
    "happens",
    [
        edit({"spec": {"replicas": 1}}),
        edit({"spec": {"replicas": 3}}),
        again,
        lambda ground: ground.stage.remove(kinds.STATEFULSET, SET, orphan=True),
        edit({"metadata": {"ownerReferences": None}}),
    ],
    ids=["smaller already", "larger", "another pod", "no StatefulSet", "not ours"],
)
def test_only_what_the_proof_was_about_is_written(
    ground: Ground, happens: Callable[[Ground], object]
) -> None:
    """Anything else than at the time of the plan is a conflict, and nothing is written."""
    happens(ground)
    before = ground.stage.writes

    with pytest.raises(ConflictError):
        Racks(ground.stage.client)(ground.shrink(), ground.stage.bodies())

    assert ground.stage.writes == before


def test_a_change_between_look_and_write_is_a_conflict(ground: Ground) -> None:
    """Somebody scales the rack in that moment: the patch names version and size that it is about."""
    ground.stage.transport.happens = lambda: edit({"spec": {"replicas": 3}})(ground)

    with pytest.raises(ConflictError):
        Racks(ground.stage.client)(ground.shrink(), ground.stage.bodies())

    assert ground.size() == 3


def test_a_lost_answer_does_not_take_a_second_place(ground: Ground) -> None:
    """The next try finds another size than it is about."""
    ground.stage.fault(LoseAnswer(), verbs=("patch",))
    run = Racks(ground.stage.client)
    with pytest.raises(TransientError):
        run(ground.shrink(), ground.stage.bodies())

    with pytest.raises(ConflictError):
        run(ground.shrink(), ground.stage.bodies())

    assert ground.size() == 1


def test_a_claim_goes_when_its_pod_and_its_place_are_gone(ground: Ground) -> None:
    """Not before: a pod may use it, or be made again with it."""
    stage, run = ground.stage, Claims(ground.stage.client)

    with pytest.raises(ConflictError, match="may use"):
        run(ground.deletion(), stage.bodies())
    stage.remove(kinds.POD, POD)
    with pytest.raises(ConflictError, match="makes pod"):
        run(ground.deletion(), stage.bodies())
    Racks(stage.client)(ground.shrink(pod_uid=None), stage.bodies())
    written = run(ground.deletion(), stage.bodies())

    live = stage.stored(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    assert live is None or live["metadata"]["deletionTimestamp"]
    assert (written.name, written.resource_version) == (CLAIM, None)


def test_another_claim_of_that_name_stays(ground: Ground) -> None:
    """The volume of a new node is not deleted for the old one's sake."""
    stage = ground.stage
    stage.remove(kinds.POD, POD)
    Racks(stage.client)(ground.shrink(pod_uid=None), stage.bodies())

    with pytest.raises(ConflictError, match="another one"):
        Claims(stage.client)(attrs.evolve(ground.deletion(), uid="another"), stage.bodies())

    assert stage.there(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)


def test_a_claim_that_changes_between_look_and_deletion_stays(ground: Ground) -> None:
    """Its version is a precondition."""
    stage = ground.stage
    stage.remove(kinds.POD, POD)
    Racks(stage.client)(ground.shrink(pod_uid=None), stage.bodies())
    note = {"metadata": {"annotations": {"note": "mine"}}}
    stage.transport.happens = lambda: stage.edit(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM, note)

    with pytest.raises(ConflictError):
        Claims(stage.client)(ground.deletion(), stage.bodies())

    assert "deletionTimestamp" not in stage.there(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)["metadata"]


def test_a_statefulset_is_deleted_only_when_it_is_empty(ground: Ground) -> None:
    """Neither places nor pods are left of it; and it goes by its uid."""
    stage, run = ground.stage, Racks(ground.stage.client)
    uid = ground.statefulset["metadata"]["uid"]
    action = DeleteStatefulSet(rack=RACK, statefulset=SET, uid=uid, why="a test")

    with pytest.raises(ConflictError, match="has nodes"):
        run(action, stage.bodies())
    edit({"spec": {"replicas": 0}})(ground)
    with pytest.raises(ConflictError, match="has nodes"):
        run(action, stage.bodies())
    stage.remove(kinds.POD, POD)
    with pytest.raises(ConflictError, match="another one"):
        run(attrs.evolve(action, uid="another"), stage.bodies())
    run(action, stage.bodies())

    assert stage.stored(kinds.STATEFULSET, SET) is None


@pytest.mark.parametrize("what", ["shrink", "claim", "statefulset"])
def test_who_has_lost_the_lease_takes_nothing(ground: Ground, what: str) -> None:
    """The fence is asked right before each write."""
    stage = ground.stage
    uid = ground.statefulset["metadata"]["uid"]
    stage.remove(kinds.POD, POD)
    if what != "shrink":
        edit({"spec": {"replicas": 0}})(ground)
    stage.leading = False

    delete = DeleteStatefulSet(rack=RACK, statefulset=SET, uid=uid, why="a test")
    run: Callable[[], object] = {
        "claim": lambda: Claims(stage.client)(ground.deletion(), stage.bodies()),
        "shrink": lambda: Racks(stage.client)(ground.shrink(pod_uid=None), stage.bodies()),
        "statefulset": lambda: Racks(stage.client)(delete, stage.bodies()),
    }[what]

    with pytest.raises(NotLeadingError):
        run()


def test_a_refusal_of_the_server_is_told(ground: Ground) -> None:
    """It is not taken for success."""
    ground.stage.fault(Refuse(status=500), verbs=("patch",))

    with pytest.raises(TransientError):
        Racks(ground.stage.client)(ground.shrink(), ground.stage.bodies())
    assert ground.size() == 2
