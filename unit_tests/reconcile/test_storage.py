"""Volumes that grow while their nodes run, against simulated storage."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube import kinds
from controller.kube.transport import Request
from controller.reconcile import snapshot
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.simcontrollers import objects
from e2e.simcontrollers.volumes import Growth
from e2e.simkube.faults import Match, Refuse, Rule
from unit_tests.executors.stage import OPERATOR, Json
from unit_tests.reconcile.simulated import (
    began,
    lasting_writes,
    pods,
    ready,
    remove,
    small,
    stored,
    there,
    wait,
    warnings,
    writes,
)

SET = "cc-dc1-rack1"
PAIR: dict[str, Any] = {"nodesPerRacks": 2, "hardAntiAffinity": False}


def pair(**spec: Any) -> SimCluster:
    """Return a world with a rack of two that serves, with *spec* over its own."""
    world = began(small(**PAIR, **spec))
    ready(world)
    world.run(10)
    return world


def claims(world: SimCluster) -> dict[str, tuple[str, str]]:
    """Return what each claim asks for, and what it has."""
    items = world.client.list_page(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE).items
    return {
        c["metadata"]["name"]: (
            c["spec"]["resources"]["requests"]["storage"],
            c["status"].get("capacity", {}).get("storage", ""),
        )
        for c in items
    }


def template(world: SimCluster) -> str | None:
    """Return the size that new pods' volumes get."""
    return snapshot.capacity(there(world, kinds.STATEFULSET, SET))


def converged(world: SimCluster, *, seconds: float = 120) -> None:
    """Let time pass until nothing is left to do."""
    world.run(2)
    world.run_until(
        lambda: (
            world.condition("cc", "Progressing").get("reason") == "Converged"
            and world.condition("cc", "Progressing")["observedGeneration"]
            == world.cluster("cc")["metadata"]["generation"]
        ),
        seconds=seconds,
        what="converged",
    )


def action(world: SimCluster) -> Json:
    """Return the rack's status."""
    return dict(world.cluster("cc")["status"]["cassandraRackStatus"]["dc1-rack1"])


def test_volumes_grow_and_no_pod_notices() -> None:
    """Claims and template get the size, the pods stay the same under a new StatefulSet; status tells."""
    world = pair()
    before, old = pods(world), there(world, kinds.STATEFULSET, SET)

    world.edit("cc", {"dataCapacity": "2Gi"})
    converged(world)

    assert claims(world) == {f"data-{pod}": ("2Gi", "2Gi") for pod in before}
    new = there(world, kinds.STATEFULSET, SET)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["spec"]["template"] == old["spec"]["template"]
    assert template(world) == "2Gi"
    assert pods(world) == before
    owners = {there(world, kinds.POD, pod)["metadata"]["ownerReferences"][0]["uid"] for pod in before}
    assert owners == {new["metadata"]["uid"]}
    rack = action(world)
    assert (rack["cassandraLastAction"]["name"], rack["cassandraLastAction"]["status"]) == (
        "StorageUpsize",
        "Done",
    )
    assert "statefulSetSnapshotBeforeStorageResize" not in rack
    assert world.cluster("cc")["status"]["lastClusterAction"] == "StorageUpsize"


def writes_of_growth() -> list[int]:
    """Return the numbers of the writes, but for events, of a growth, counted from the edit."""
    world = began(small())
    ready(world)
    world.run(10)
    first = writes(world)
    world.edit("cc", {"dataCapacity": "2Gi"})
    converged(world)
    return [number - first for number in lasting_writes(world, first)]


def test_the_operator_may_die_after_any_write() -> None:
    """Its successor ends with the same claims and the same StatefulSet; the pods are those from before."""
    numbers = writes_of_growth()
    assert len(numbers) >= 6

    for number in numbers:
        world = began(small())
        ready(world)
        world.run(10)
        before, old = pods(world), there(world, kinds.STATEFULSET, SET)
        world.kill_at_write = world.writes + number
        world.edit("cc", {"dataCapacity": "2Gi"})
        converged(world)

        assert claims(world) == {f"data-{pod}": ("2Gi", "2Gi") for pod in before}, number
        assert pods(world) == before, number
        new = there(world, kinds.STATEFULSET, SET)["spec"]
        assert template(world) == "2Gi", number
        assert new["template"] == old["spec"]["template"], number
        assert new["replicas"] == old["spec"]["replicas"], number
        assert "statefulSetSnapshotBeforeStorageResize" not in action(world), number


def apart() -> SimCluster:
    """Return a world in which the StatefulSet is taken away, and making it again fails until faults go."""
    world = pair()
    match = Match(client=OPERATOR, kinds=("statefulsets",), verbs=("create",))
    world.server.faults.add(Rule(match, Refuse(status=500), times=None))
    world.edit("cc", {"dataCapacity": "2Gi"})
    world.run_until(
        lambda: not stored(world, kinds.STATEFULSET, SET), seconds=120, what="the StatefulSet is taken away"
    )
    return world


def test_a_rack_taken_apart_comes_first() -> None:
    """A missing Secret, or a pod that cannot start, does not leave pods without a StatefulSet."""
    world = apart()
    world.kill_operator(away=10)
    world.server.faults.clear()
    world.edit("cc", {"imageJolokiaSecret": {"name": "nowhere"}})
    before = pods(world)

    world.run(60)

    assert template(world) == "2Gi"
    assert pods(world) == before
    assert world.condition("cc", "Degraded")["reason"] == "SecretMissing"


def test_the_highest_pod_may_be_lost_meanwhile() -> None:
    """The size is that of the copy: a pod that went while nobody looked comes back, as the node it was."""
    world = apart()
    world.kill_operator(away=60)
    world.server.faults.clear()
    hosts = world.cluster("cc")["status"]["cassandraNodeStatus"]
    remove(world, kinds.POD, f"{SET}-1")
    world.run(50)
    assert f"{SET}-1" not in pods(world)

    world.run_until(lambda: f"{SET}-1" in pods(world), seconds=120, what="it is back")
    ready(world)

    found = world.cluster("cc")["status"]["cassandraNodeStatus"]
    assert {pod: node["hostId"] for pod, node in found.items()} == {p: n["hostId"] for p, n in hosts.items()}


@pytest.mark.parametrize("expands", [False, None])
def test_a_class_that_does_not_allow_it_is_named(expands: bool | None) -> None:  # noqa: FBT001 -- a parameter
    """Nothing is asked for or taken apart; putting the size back is enough, and so is allowing it."""
    world = began()
    world.controllers.add_class("fixed", expands=bool(expands))
    world.apply(small(dataStorageClass="fixed"))
    ready(world)
    uid = there(world, kinds.STATEFULSET, SET)["metadata"]["uid"]

    world.edit("cc", {"dataCapacity": "2Gi"})
    found = wait(world, "cc", "Progressing", "False")

    assert found["reason"] == "StorageCannotGrow"
    assert "spec.dataCapacity" in found["message"]
    assert "storage class fixed" in found["message"]
    assert "1Gi" in found["message"]
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert there(world, kinds.STATEFULSET, SET)["metadata"]["uid"] == uid
    assert claims(world) == {f"data-{SET}-0": ("1Gi", "1Gi")}

    if expands is None:
        world.edit("cc", {"dataCapacity": "1Gi"})
        converged(world)
        assert there(world, kinds.STATEFULSET, SET)["metadata"]["uid"] == uid
    else:
        patch_class(world, "fixed", allowVolumeExpansion=True)
        converged(world)
        assert claims(world) == {f"data-{SET}-0": ("2Gi", "2Gi")}


def patch_class(world: SimCluster, name: str, **body: object) -> None:
    """Edit a storage class, as its administrator does."""
    headers = {"Content-Type": "application/merge-patch+json"}
    path = kinds.STORAGE_CLASS.path(None, name)
    assert world.transport.send(Request(method="PATCH", path=path, headers=headers, body=body)).status == 200


def test_a_storage_that_fails_costs_one_claim() -> None:
    """The others are not asked; its words are in a condition and an event, and the old size is a way back."""
    world = pair()
    world.controllers.volumes.growth = Growth.FAILS
    uid = there(world, kinds.STATEFULSET, SET)["metadata"]["uid"]

    world.edit("cc", {"dataCapacity": "2Gi"})
    found = wait(world, "cc", "Degraded", "True")

    assert found["reason"] == "VolumeGrowthFails"
    assert "no space left in storage" in found["message"]
    assert "spec.dataCapacity" in found["message"]
    assert warnings(world, "VolumeGrowthFails")
    assert sorted(asked for asked, _ in claims(world).values()) == ["1Gi", "2Gi"]
    assert action(world)["cassandraLastAction"]["name"] == "StorageUpsize"

    world.edit("cc", {"dataCapacity": "1Gi"})
    converged(world)

    assert there(world, kinds.STATEFULSET, SET)["metadata"]["uid"] == uid
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert action(world)["cassandraLastAction"]["status"] == "Done"
    assert "still asks for 2Gi" in world.condition("cc", "Progressing")["message"]


def test_a_size_that_was_a_mistake_is_corrected() -> None:
    """One that the storage cannot give is exchanged for one that it can, and all volumes get that."""
    world = pair()
    world.controllers.volumes.growth = Growth.FAILS
    world.edit("cc", {"dataCapacity": "500Gi"})
    wait(world, "cc", "Degraded", "True")
    before = pods(world)

    world.edit("cc", {"dataCapacity": "2Gi"})
    world.run_until(
        lambda: all(asked != "500Gi" for asked, _ in claims(world).values()),
        seconds=30,
        what="nobody is asked for 500Gi any more",
    )
    assert sorted(asked for asked, _ in claims(world).values()) == ["1Gi", "2Gi"]
    world.controllers.volumes.growth = Growth.WORKS
    converged(world, seconds=300)

    assert set(claims(world).values()) == {("2Gi", "2Gi")}
    assert template(world) == "2Gi"
    assert pods(world) == before


def test_what_fails_stops_nothing_else() -> None:
    """A new image is rolled out while the storage refuses; once it gives, growth goes on by itself."""
    world = pair()
    world.controllers.volumes.growth = Growth.FAILS
    before = pods(world)

    world.edit("cc", {"dataCapacity": "2Gi", "cassandraImage": "cassandra:5.0.7"})
    world.run_until(
        lambda: not set(before.values()) & set(pods(world).values()), seconds=600, what="all pods are new"
    )
    world.controllers.volumes.growth = Growth.WORKS
    converged(world, seconds=600)

    assert set(claims(world).values()) == {("2Gi", "2Gi")}
    assert template(world) == "2Gi"


def test_a_storage_that_rounds_up_is_satisfied() -> None:
    """More than was asked for is enough."""
    world = pair()

    world.edit("cc", {"dataCapacity": "1500Mi"})
    converged(world)

    assert set(claims(world).values()) == {("1500Mi", "2Gi")}
    assert template(world) == "1500Mi"


def test_volumes_do_not_shrink() -> None:
    """Not even back to what they were before: it is refused with the reason, and nothing happens."""
    world = pair()
    world.edit("cc", {"dataCapacity": "2Gi"})
    converged(world)
    uid = there(world, kinds.STATEFULSET, SET)["metadata"]["uid"]

    world.edit("cc", {"dataCapacity": "1Gi"})
    found = wait(world, "cc", "SpecAccepted", "False")

    assert "volumes cannot shrink" in found["message"]
    assert there(world, kinds.STATEFULSET, SET)["metadata"]["uid"] == uid


def test_a_claim_that_was_left_over_grows_with_its_new_node() -> None:
    """One of an earlier node of that name has the old size; it is asked for the rest once it is used."""
    world = began(small(hardAntiAffinity=False))
    ready(world)
    claim = there(world, kinds.PERSISTENT_VOLUME_CLAIM, f"data-{SET}-0")
    left = {
        "metadata": {"name": f"data-{SET}-1", "labels": claim["metadata"]["labels"]},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    world.post(kinds.PERSISTENT_VOLUME_CLAIM.path(NAMESPACE), left)
    world.edit("cc", {"dataCapacity": "2Gi"})
    converged(world)
    assert claims(world)[f"data-{SET}-1"][0] == "1Gi"

    world.edit("cc", {"nodesPerRacks": 2})
    ready(world)
    converged(world)

    assert set(claims(world).values()) == {("2Gi", "2Gi")}


def test_a_file_system_that_waits_for_a_restart_is_told() -> None:
    """The new size is not held up by it; what to do stands in the condition."""
    world = pair()
    world.controllers.volumes.growth = Growth.SILENT
    world.edit("cc", {"dataCapacity": "2Gi"})
    world.run(10)
    for number in range(2):
        name = f"data-{SET}-{number}"
        world.run_until(lambda n=name: claims(world)[n][0] == "2Gi", seconds=60, what=name)  # type: ignore[misc]
        pending = {
            "type": "FileSystemResizePending",
            "status": "True",
            "lastTransitionTime": instant(world),
            "message": "Waiting for user to (re-)start a pod",
        }
        world.client.patch_status(kinds.PERSISTENT_VOLUME_CLAIM, NAMESPACE, name, {"conditions": [pending]})
        world.run(5)

    world.run_until(lambda: template(world) == "2Gi", seconds=60, what="the template has the size")
    found = wait(world, "cc", "Progressing", "False", seconds=300)

    assert found["reason"] == "FileSystemResizePending"
    assert "spec.restartedAt" in found["message"]


def instant(world: SimCluster) -> str:
    """Return the time of the world as the API has it."""
    return objects.timestamp(world.simulation.now)


def test_each_data_centre_has_its_own_size() -> None:
    """A size of a data centre's own grows its volumes alone; the path in a refusal is that of its field."""
    dcs = [
        {"name": "dc1", "rack": [{"name": "rack1"}]},
        {"name": "dc2", "rack": [{"name": "rack1"}], "dataCapacity": "1Gi", "dataStorageClass": "standard"},
    ]
    world = began(small(topology={"dc": dcs}))
    ready(world)

    dcs[1]["dataCapacity"] = "3Gi"
    world.edit("cc", {"topology": {"dc": dcs}})
    converged(world)

    assert claims(world) == {
        "data-cc-dc1-rack1-0": ("1Gi", "1Gi"),
        "data-cc-dc2-rack1-0": ("3Gi", "3Gi"),
    }
    assert template(world) == "1Gi"
    assert snapshot.capacity(there(world, kinds.STATEFULSET, "cc-dc2-rack1")) == "3Gi"
