"""What is promised of the StatefulSets of racks, against an API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controller.api.v2 import names
from controller.api.v2.defaults import with_defaults
from controller.api.v2.seeds import initial_seeds
from controller.builders.statefulset import build_statefulset
from controller.domain.actions import ApplyStatefulSet
from controller.domain.errors import ConflictError, NotLeadingError, TerminalError, TransientError
from controller.executors.base import Bodies
from controller.executors.statefulsets import StatefulSets
from controller.kube import kinds
from controller.kube.client import KubeClient
from e2e.simkube.faults import LoseAnswer, Match, Refuse, Rule
from e2e.simkube.inprocess import InProcess
from unit_tests.executors.stage import IMAGES, NAMESPACE, OPERATOR, RACK, Json, Stage

NAME = f"cc-{RACK}"
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


def write(stage: Stage, replicas: int, uid: str | None = None, bodies: Bodies | None = None) -> Json:
    """Carry the action out, check what it reports, and return the StatefulSet as it is stored."""
    action = ApplyStatefulSet(rack=RACK, replicas=replicas, uid=uid, why="a test")
    written = StatefulSets(stage.client)(action, stage.bodies() if bodies is None else bodies)
    stored = stage.there(kinds.STATEFULSET, NAME)
    metadata = stored["metadata"]
    assert (written.uid, written.resource_version) == (metadata["uid"], metadata["resourceVersion"])
    return stored


def made(stage: Stage, replicas: int) -> str:
    """Create the rack at a size, and return the uid of its StatefulSet."""
    uid: str = write(stage, replicas)["metadata"]["uid"]
    return uid


def with_spec(stage: Stage, **spec: Any) -> Bodies:
    """Return what a reconcile would write after an edit of the spec."""
    stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"spec": spec})
    return stage.bodies(stage.read())


def revision_0(stage: Stage, replicas: int) -> Json:
    """Return the rack's StatefulSet as CassKop's template has it."""
    cluster = stage.read()
    seeds = initial_seeds(with_defaults(cluster, revision=0))
    return build_statefulset(
        cluster, "dc1", "rack1", replicas=replicas, seeds=seeds, revision=0, images=IMAGES
    )


def made_by_casskop(stage: Stage, replicas: int) -> Json:
    """Create the rack as CassKop does: with its template, its strategy, and no annotation of ours."""
    body = revision_0(stage, replicas)
    annotations = {names.CASSKOP_LAST_APPLIED: body["metadata"]["annotations"][names.CASSKOP_LAST_APPLIED]}
    casskop = KubeClient(InProcess(stage.server), fence=lambda: None, field_manager="casskop")
    return casskop.create(
        kinds.STATEFULSET, NAMESPACE, {**body, "metadata": {**body["metadata"], "annotations": annotations}}
    )


def test_a_rack_is_made_at_the_size_of_the_action(stage: Stage) -> None:
    """Not at that of the spec: racks grow one node at a time."""
    stored = write(stage, 1)

    assert stored["spec"]["replicas"] == 1
    assert stored["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert [owner["uid"] for owner in stored["metadata"]["ownerReferences"]] == [stage.cluster.metadata.uid]


def test_a_rack_grows_and_nothing_else_changes(stage: Stage) -> None:
    """It stays the same object with the same template."""
    before = write(stage, 1)

    after = write(stage, 2, before["metadata"]["uid"])

    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == {**before["spec"], "replicas": 2}


def test_a_new_template_is_stored_where_the_operator_replaces_pods(stage: Stage) -> None:
    """With `OnDelete` it restarts nothing, so it may always be stored."""
    uid = made(stage, 2)

    stored = write(stage, 2, uid, with_spec(stage, cassandraImage="cassandra:5.0.1"))

    images = {c["name"]: c["image"] for c in stored["spec"]["template"]["spec"]["containers"]}
    assert images["cassandra"] == "cassandra:5.0.1"


def test_writing_it_again_changes_nothing(stage: Stage) -> None:
    """The version stays: no event wakes anybody."""
    uid = made(stage, 2)
    # What was created is applied for the first time here: its fields may get another owner.
    before = write(stage, 2, uid)

    assert write(stage, 2, uid) == before


def test_no_rack_is_ever_made_smaller(stage: Stage) -> None:
    """A StatefulSet that has more nodes than the plan knew of is a conflict, and keeps them."""
    uid = made(stage, 3)

    with pytest.raises(ConflictError, match="more nodes"):
        write(stage, 2, uid)

    assert stage.there(kinds.STATEFULSET, NAME)["spec"]["replicas"] == 3


def test_a_rack_that_somebody_grows_meanwhile_keeps_its_nodes(stage: Stage) -> None:
    """Between the look and the write the version holds: a size that was not seen is not overwritten."""
    uid = made(stage, 1)
    stage.transport.happens = lambda: stage.edit(kinds.STATEFULSET, NAME, {"spec": {"replicas": 5}})

    with pytest.raises(ConflictError):
        write(stage, 2, uid)

    assert stage.there(kinds.STATEFULSET, NAME)["spec"]["replicas"] == 5


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_statefulset_that_vanished_is_not_made_anew(stage: Stage, *, meanwhile: bool) -> None:
    """A plan that was made on one never makes another, whether it goes before the look or after it."""
    uid, bodies = made(stage, 2), stage.bodies()

    def vanish() -> None:
        stage.remove(kinds.STATEFULSET, NAME)

    if meanwhile:
        stage.transport.happens = vanish
    else:
        vanish()
    with pytest.raises(ConflictError):
        write(stage, 3, uid, bodies)

    assert stage.stored(kinds.STATEFULSET, NAME) is None


@pytest.mark.parametrize("meanwhile", [False, True])
def test_another_statefulset_of_the_name_is_left_alone(stage: Stage, *, meanwhile: bool) -> None:
    """The uid is what the plan was made on; one that has the name by now is not written."""
    uid, bodies = made(stage, 1), stage.bodies()
    body = bodies.statefulset(RACK, 1)

    def replace() -> None:
        stage.remove(kinds.STATEFULSET, NAME)
        stage.make(kinds.STATEFULSET, body)

    if meanwhile:
        stage.transport.happens = replace
    else:
        replace()
    with pytest.raises(ConflictError):
        write(stage, 2, uid, bodies)

    assert stage.there(kinds.STATEFULSET, NAME)["spec"]["replicas"] == 1


def test_what_exists_by_now_is_not_taken_for_what_is_to_be_made(stage: Stage) -> None:
    """A plan that saw no StatefulSet does not touch the one that is there, even if it is ours."""
    made(stage, 3)

    with pytest.raises(ConflictError, match="exists by now"):
        write(stage, 1)

    assert stage.there(kinds.STATEFULSET, NAME)["spec"]["replicas"] == 3


OWNERS: dict[str, tuple[dict[str, Any] | None, type[Exception], str]] = {
    "nobody": (None, TerminalError, "nobody"),
    "a namesake that was deleted": (
        {"apiVersion": "db.orange.com/v2", "kind": "CassandraCluster", "name": "cc", "uid": "gone"},
        TransientError,
        "deleted cluster of the same name",
    ),
    "somebody else": (
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "other"},
        TerminalError,
        "Deployment web",
    ),
}


@pytest.mark.parametrize("case", OWNERS)
def test_a_statefulset_that_is_not_the_clusters_is_not_adopted(stage: Stage, case: str) -> None:
    """Its name and labels do not make it ours: it is told whose it is, and stays as it is."""
    owner, error, says = OWNERS[case]
    body = stage.bodies().statefulset(RACK, 2)
    references = {"ownerReferences": [] if owner is None else [owner]}
    before = stage.make(kinds.STATEFULSET, {**body, "metadata": {**body["metadata"], **references}})

    with pytest.raises(error, match=says):
        write(stage, 1)

    assert stage.there(kinds.STATEFULSET, NAME) == before


def test_pods_that_lost_their_statefulset_are_not_deleted_by_a_smaller_one(stage: Stage) -> None:
    """Kubernetes would adopt them and delete those beyond the size, without a decommission."""
    uid = made(stage, 3)
    labels = stage.there(kinds.STATEFULSET, NAME)["spec"]["selector"]["matchLabels"]
    for ordinal in range(3):
        stage.pod(f"{NAME}-{ordinal}", labels=labels)
    # Neither another rack's pod nor one with another owner would be adopted, nor one of another name.
    stage.pod(f"{NAME}-9", labels=labels, owner=stage.there(kinds.CASSANDRA_CLUSTER, "cc"))
    stage.pod("cc-dc1-rack2-7", labels=labels)
    stage.pod(f"{NAME}-debug", labels=labels)
    stage.user.delete(kinds.STATEFULSET, NAMESPACE, NAME, uid=uid, grace_seconds=0)

    with pytest.raises(ConflictError, match=f"^{NAME}-1, {NAME}-2 would be deleted"):
        write(stage, 1)
    assert stage.stored(kinds.STATEFULSET, NAME) is None

    assert write(stage, 3)["spec"]["replicas"] == 3


def test_after_a_lost_answer_nothing_is_done_twice(stage: Stage) -> None:
    """The creation is told as unknown; the same plan is then a conflict, and a new one changes nothing."""
    stage.fault(LoseAnswer(), verbs=("create", "patch"))
    with pytest.raises(TransientError):
        write(stage, 1)
    before = stage.there(kinds.STATEFULSET, NAME)

    with pytest.raises(ConflictError, match="exists by now"):
        write(stage, 1)

    after = write(stage, 1, before["metadata"]["uid"])
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


REFUSALS: dict[int, type[Exception]] = {
    403: TerminalError,
    409: ConflictError,
    422: TerminalError,
    429: TransientError,
    500: TransientError,
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_told_in_the_servers_words(stage: Stage, status: int) -> None:
    """Each refusal has its class, says what was asked and what the server said, and nothing changed."""
    before = write(stage, 1)
    stage.fault(Refuse(status=status), verbs=("patch",))

    with pytest.raises(REFUSALS[status], match=f"apply StatefulSet {NAMESPACE}/{NAME}: .*refused on purpose"):
        write(stage, 2, before["metadata"]["uid"])

    assert stage.there(kinds.STATEFULSET, NAME) == before


def test_a_field_that_cannot_change_is_refused_by_the_server(stage: Stage) -> None:
    """Whoever builds such a body gets the server's own explanation."""
    uid, bodies = made(stage, 1), stage.bodies()
    body = bodies.statefulset(RACK, 1)
    changed = {**body, "spec": {**body["spec"], "serviceName": "other"}}

    with pytest.raises(TerminalError, match="updates to statefulset spec for fields other than"):
        write(stage, 1, uid, Bodies(namespace=NAMESPACE, shared={}, statefulset=lambda _r, _n: changed))


def test_without_the_lease_nothing_is_written(stage: Stage) -> None:
    """The fence stops creation, growth and the change of strategy alike."""
    uid = made(stage, 1)
    before = stage.edit(kinds.STATEFULSET, NAME, {"spec": {"updateStrategy": ROLLING}})
    sent = stage.writes
    stage.leading = False

    with pytest.raises(NotLeadingError):
        write(stage, 2, uid)
    assert stage.there(kinds.STATEFULSET, NAME) == before
    stage.remove(kinds.STATEFULSET, NAME)
    with pytest.raises(NotLeadingError):
        write(stage, 1)

    assert stage.stored(kinds.STATEFULSET, NAME) is None
    assert stage.writes == sent


# -- who replaces pods


def roll(stage: Stage) -> None:
    """Let somebody give the pods to Kubernetes."""
    stage.edit(kinds.STATEFULSET, NAME, {"spec": {"updateStrategy": ROLLING}})


def test_the_strategy_cannot_be_put_back_by_an_apply(stage: Stage) -> None:
    """The fact that makes a second write necessary: the other owner's `rollingUpdate` would stay."""
    made(stage, 1)
    roll(stage)

    with pytest.raises(TerminalError, match="only allowed for updateStrategy 'RollingUpdate'"):
        stage.client.apply(kinds.STATEFULSET, NAMESPACE, NAME, stage.bodies().statefulset(RACK, 1))


@pytest.mark.parametrize("spec", [{}, {"cassandraImage": "cassandra:5.0.1"}])
def test_a_strategy_that_was_edited_is_put_back_before_the_template(stage: Stage, spec: Json) -> None:
    """`OnDelete` comes first, so that at no time a new template meets a StatefulSet that rolls."""
    uid = made(stage, 2)
    roll(stage)
    bodies = with_spec(stage, **spec)
    seen: list[tuple[str, bool]] = []
    wanted = bodies.statefulset(RACK, 2)["metadata"]["annotations"][names.TEMPLATE_HASH]

    def look(_: object) -> None:
        stored = stage.there(kinds.STATEFULSET, NAME)
        current = stored["metadata"]["annotations"][names.TEMPLATE_HASH] == wanted
        seen.append((stored["spec"]["updateStrategy"]["type"], current))

    stage.server.faults.after_write = look
    stored = write(stage, 2, uid, bodies)

    assert seen == [("OnDelete", not spec), ("OnDelete", True)]
    assert stored["spec"]["updateStrategy"] == {"type": "OnDelete"}


def test_a_rack_of_casskop_grows_without_a_restart(stage: Stage) -> None:
    """Its template is ours field for field, so that only the size changes, and Kubernetes rolls nothing."""
    before = made_by_casskop(stage, 1)

    after = write(stage, 2, before["metadata"]["uid"])

    assert after["spec"] == {**before["spec"], "replicas": 2}
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


def template_edited(stage: Stage) -> Bodies:
    """Let somebody edit the template of a rack of CassKop."""
    spec = {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}
    stage.edit(kinds.STATEFULSET, NAME, {"spec": spec})
    return stage.bodies()


CHANGES: dict[str, Callable[[Stage], Bodies]] = {
    "the spec": lambda stage: with_spec(stage, cassandraImage="cassandra:5.0.1"),
    "the template": template_edited,
}


@pytest.mark.parametrize(
    ("change", "known"), [("the spec", False), ("the template", False), ("the template", True)]
)
def test_no_template_of_casskop_is_changed(stage: Stage, change: str, *, known: bool) -> None:
    """Kubernetes would restart its pods at once: neither growth nor correction may do that on the side.

    For what somebody edited in the StatefulSet it makes no difference whether the operator has written it
    before (*known*).
    """
    uid = made_by_casskop(stage, 1)["metadata"]["uid"]
    if known:
        write(stage, 1, uid)
    bodies = CHANGES[change](stage)
    before = stage.there(kinds.STATEFULSET, NAME)

    with pytest.raises(TerminalError, match="would restart its pods"):
        write(stage, 2, uid, bodies)

    assert stage.there(kinds.STATEFULSET, NAME) == before


def test_what_changes_in_a_template_of_casskop_waits_for_the_operator(stage: Stage) -> None:
    """Once it was ours it is made to wait before anything is changed or taken away; whose it is is noted.

    What we applied before and no longer send goes, too.
    """
    with_spec(stage, imagePullSecret={"name": "registry"})
    uid = made_by_casskop(stage, 1)["metadata"]["uid"]
    write(stage, 1, uid, stage.bodies(stage.read()))
    bodies = with_spec(stage, imagePullSecret=None)
    stage.server.faults.add(Rule(Match(client=OPERATOR, verbs=("patch",)), Refuse(status=500), skip=2))

    with pytest.raises(TransientError):
        write(stage, 1, uid, bodies)
    waiting = stage.there(kinds.STATEFULSET, NAME)
    stage.server.faults.clear()
    written = write(stage, 1, uid, bodies)

    for stored in (waiting, written):
        assert stored["spec"]["updateStrategy"] == {"type": "OnDelete"}
        assert stored["metadata"]["annotations"][names.TEMPLATE_REVISION] == "0"
    assert "imagePullSecrets" in waiting["spec"]["template"]["spec"]
    assert "imagePullSecrets" not in written["spec"]["template"]["spec"]


def test_pods_are_not_given_back_to_kubernetes(stage: Stage) -> None:
    """A body of CassKop's revision does not make a StatefulSet roll that leaves pods to the operator."""
    before = write(stage, 2)
    body = build_statefulset(stage.cluster, "dc1", "rack1", replicas=2, seeds=(), revision=0, images=IMAGES)
    bodies = Bodies(namespace=NAMESPACE, shared={}, statefulset=lambda _rack, _size: body)

    with pytest.raises(TerminalError, match="not given back to Kubernetes"):
        write(stage, 2, before["metadata"]["uid"], bodies)

    assert stage.there(kinds.STATEFULSET, NAME) == before


def test_a_creation_counts_although_kubernetes_is_quick(stage: Stage) -> None:
    """Its controller writes a status before our second look: what was done is done, and is told."""

    def report() -> None:
        stage.edit(
            kinds.STATEFULSET, f"cc-{RACK}", {"status": {"replicas": 1, "observedGeneration": 1}}, "status"
        )

    def before_the_next() -> None:
        stage.transport.happens = report

    stage.transport.happens = before_the_next
    action = ApplyStatefulSet(rack=RACK, replicas=1, uid=None, why="a test")
    written = StatefulSets(stage.client)(action, stage.bodies())

    assert stage.there(kinds.STATEFULSET, f"cc-{RACK}")["metadata"]["uid"] == written.uid
