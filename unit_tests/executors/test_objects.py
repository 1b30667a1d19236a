"""What is promised of the objects that all racks share, against an API server."""

from __future__ import annotations

import attrs
import pytest

from controller.api.v2 import names
from controller.domain.actions import ApplyObject
from controller.domain.errors import ConflictError, NotLeadingError, TerminalError, TransientError
from controller.executors.objects import Objects
from controller.kube import kinds
from controller.kube.kinds import Kind
from e2e.simkube.faults import LoseAnswer, Refuse
from unit_tests.executors.stage import Json, Stage

SHARED = {
    "Service/cc": kinds.SERVICE,
    "Service/cc-exporter-jmx": kinds.SERVICE,
    "PodDisruptionBudget/cc": kinds.POD_DISRUPTION_BUDGET,
    "NetworkPolicy/cc-nodes": kinds.NETWORK_POLICY,
    "ConfigMap/cc-ring": kinds.CONFIG_MAP,
}
every_object = pytest.mark.parametrize("key", SHARED)


def action(key: str) -> ApplyObject:
    """Return the action that writes the object called `Kind/name`."""
    kind, _, name = key.partition("/")
    return ApplyObject(kind=kind, name=name, why="a test")


def name_of(key: str) -> str:
    """Return the name in `Kind/name`."""
    return key.partition("/")[2]


def foreign(kind: Kind, name: str, *owners: Json) -> Json:
    """Return an object of that kind and name that belongs to *owners*."""
    metadata = {"name": name, "ownerReferences": list(owners)}
    if kind == kinds.CONFIG_MAP:
        return {"metadata": metadata, "data": {"precious": "yes"}}
    if kind == kinds.SERVICE:
        return {"metadata": metadata, "spec": {"ports": [{"port": 80}]}}
    return {"metadata": metadata, "spec": {"maxUnavailable": 7}}


@every_object
def test_an_object_is_made_and_belongs_to_the_cluster(stage: Stage, key: str) -> None:
    """It carries the cluster's uid as its owner, and what is reported is what is stored."""
    written = Objects(stage.client)(action(key), stage.bodies())

    stored = stage.there(SHARED[key], name_of(key))["metadata"]
    assert (written.uid, written.resource_version) == (stored["uid"], stored["resourceVersion"])
    assert [owner["uid"] for owner in stored["ownerReferences"]] == [stage.cluster.metadata.uid]


@every_object
def test_writing_it_again_changes_nothing(stage: Stage, key: str) -> None:
    """An apply of the same values leaves the version as it is: no event wakes anybody."""
    objects, bodies = Objects(stage.client), stage.bodies()
    objects(action(key), bodies)
    # One that was created is applied for the first time here: its fields get another owner.
    before = objects(action(key), bodies)

    assert objects(action(key), bodies) == before


def test_an_edit_is_put_back_and_what_is_not_ours_stays(stage: Stage) -> None:
    """Our fields get our values again; a label that somebody added is theirs."""
    objects, bodies = Objects(stage.client), stage.bodies()
    made = objects(action("PodDisruptionBudget/cc"), bodies)
    stage.edit(
        kinds.POD_DISRUPTION_BUDGET,
        "cc",
        {"metadata": {"labels": {"team": "blue"}}, "spec": {"maxUnavailable": 5}},
    )

    corrected = objects(action("PodDisruptionBudget/cc"), bodies)

    stored = stage.there(kinds.POD_DISRUPTION_BUDGET, "cc")
    assert corrected.uid == made.uid
    assert stored["spec"]["maxUnavailable"] == 1
    assert stored["metadata"]["labels"]["team"] == "blue"
    assert stored["metadata"]["labels"][names.CLUSTER] == "cc"


@every_object
@pytest.mark.parametrize("owned", [False, True])
def test_an_object_of_somebody_else_is_left_alone(stage: Stage, key: str, *, owned: bool) -> None:
    """A name is no proof: it is refused with the owner's name, and not a byte of it changes."""
    kind, name = SHARED[key], name_of(key)
    other = stage.make(kinds.CONFIG_MAP, {"metadata": {"name": "other"}})["metadata"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": other["uid"]}
    before = stage.make(kind, foreign(kind, name, *([owner] if owned else [])))

    with pytest.raises(TerminalError, match="ConfigMap other" if owned else "nobody"):
        Objects(stage.client)(action(key), stage.bodies())

    assert stage.there(kind, name) == before
    assert stage.writes == 0


@every_object
def test_one_of_a_deleted_cluster_of_the_same_name_is_waited_out(stage: Stage, key: str) -> None:
    """It goes with its owner, so it is neither taken over nor a reason to give up."""
    kind, name = SHARED[key], name_of(key)
    owner = {"apiVersion": "db.orange.com/v2", "kind": "CassandraCluster", "name": "cc", "uid": "gone"}
    before = stage.make(kind, foreign(kind, name, owner))

    with pytest.raises(TransientError, match="deleted cluster of the same name"):
        Objects(stage.client)(action(key), stage.bodies())

    assert stage.there(kind, name) == before


@every_object
def test_one_that_vanishes_meanwhile_is_not_made_anew(stage: Stage, key: str) -> None:
    """What was looked at is what is written, or nothing: the next plan decides."""
    objects, bodies = Objects(stage.client), stage.bodies()
    objects(action(key), bodies)
    stage.transport.happens = lambda: stage.remove(SHARED[key], name_of(key))

    with pytest.raises(ConflictError):
        objects(action(key), bodies)

    assert stage.stored(SHARED[key], name_of(key)) is None


def test_a_lost_answer_is_told_and_the_next_try_finds_it_done(stage: Stage) -> None:
    """Nobody knows what became of the write; doing it again is harmless."""
    objects, bodies = Objects(stage.client), stage.bodies()
    stage.fault(LoseAnswer(), verbs=("patch",))

    with pytest.raises(TransientError):
        objects(action("Service/cc"), bodies)
    made = stage.there(kinds.SERVICE, "cc")["metadata"]
    again = objects(action("Service/cc"), bodies)

    assert (again.uid, again.resource_version) == (made["uid"], made["resourceVersion"])


def test_a_refusal_keeps_the_servers_words(stage: Stage) -> None:
    """A quota or a webhook that says no is terminal, with what it said, and nothing is made."""
    stage.fault(Refuse(status=403), verbs=("patch",))

    with pytest.raises(TerminalError, match=r"apply Service cassandra/cc: .*refused on purpose"):
        Objects(stage.client)(action("Service/cc"), stage.bodies())

    assert stage.stored(kinds.SERVICE, "cc") is None


@every_object
def test_without_the_lease_nothing_is_written(stage: Stage, key: str) -> None:
    """The fence stops the write itself, whatever was planned under the lease."""
    stage.leading = False

    with pytest.raises(NotLeadingError):
        Objects(stage.client)(action(key), stage.bodies())

    assert stage.writes == 0
    assert stage.stored(SHARED[key], name_of(key)) is None


@pytest.mark.parametrize("ready", [True, False])
def test_no_member_is_forgotten_whose_pod_is_ready(stage: Stage, *, ready: bool) -> None:
    """The plan was made before it joined: it is the next node of that name."""
    pod, key = "cc-dc1-rack1-0", "ConfigMap/cc-ring"
    objects, bodies = Objects(stage.client), stage.bodies()
    objects(action(key), bodies)
    stage.edit(kinds.CONFIG_MAP, "cc-ring", {"data": {"joined": f'["{pod}"]'}})
    stage.pod(pod, labels={})
    state = {"name": "cassandra", "ready": ready, "image": "x", "imageID": "x", "restartCount": 0}
    condition = {"type": "Ready", "status": str(ready)}
    stage.edit(
        kinds.POD, pod, {"status": {"containerStatuses": [state], "conditions": [condition]}}, "status"
    )
    forget = attrs.evolve(action(key), forgets=frozenset({pod}))

    if ready:
        with pytest.raises(ConflictError, match=f"{pod} is ready"):
            objects(forget, bodies)
    else:
        objects(forget, bodies)

    left = stage.there(kinds.CONFIG_MAP, "cc-ring")["data"]["joined"]
    assert left == (f'["{pod}"]' if ready else "[]")
