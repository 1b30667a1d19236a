"""Claims and volumes: binding, growth, and their end."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.volumes import Growth
from unit_tests.simcontrollers.world import CLAIMS, PODS, VOLUMES, World, claim_spec, pod_spec


def using(claim: str, **spec: Any) -> dict[str, Any]:
    """Return the spec of a pod that uses *claim*."""
    return pod_spec(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": claim}}], **spec)


def bound(world: World | None = None, size: str = "1Gi", **fields: Any) -> World:
    """Return a world with the claim `v` bound and used by the pod `p`."""
    world = world or World()
    world.create(CLAIMS, "v", spec=claim_spec(size, **fields))
    world.create(PODS, "p", spec=using("v"))
    world.wait(lambda: world.ready() == ["p"])
    return world


def phase(world: World) -> str:
    """Return the phase of the claim `v`."""
    return str(objects.status(world.get(CLAIMS, "v")).get("phase"))


def capacity(world: World) -> str:
    """Return what the claim `v` has."""
    return str(objects.status(world.get(CLAIMS, "v"))["capacity"]["storage"])


def conditions(world: World) -> list[tuple[str, str]]:
    """Return (type, message) of the conditions of the claim `v`."""
    found = objects.status(world.get(CLAIMS, "v")).get("conditions") or []
    return [(one["type"], one.get("message") or "") for one in found]


def ask(world: World, size: str) -> None:
    """Let the claim `v` ask for *size*."""
    world.patch(CLAIMS, "v", spec={"resources": {"requests": {"storage": size}}})


def test_a_claim_waits_for_its_first_consumer() -> None:
    """Then it gets a volume on the node of that pod, and both know each other."""
    world = World()
    world.create(CLAIMS, "v", spec=claim_spec())
    world.run(60)
    assert phase(world) == "Pending"
    assert world.events("v") == [
        ("WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    ]

    world.create(PODS, "p", spec=using("v"))
    world.wait(lambda: world.ready() == ["p"])
    claim, (volume,) = world.get(CLAIMS, "v"), world.all(VOLUMES)
    assert objects.status(claim)["phase"] == objects.status(volume)["phase"] == "Bound"
    assert claim["spec"]["volumeName"] == objects.name(volume) == f"pvc-{objects.uid(claim)}"
    assert volume["spec"]["claimRef"]["uid"] == objects.uid(claim)
    assert objects.annotations_of(claim)["volume.kubernetes.io/selected-node"] == world.node("p")
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == [world.node("p")]
    assert objects.status(claim)["capacity"] == {"storage": "1Gi"}


def test_an_immediate_class_binds_without_a_pod() -> None:
    """Its volume is on no node in particular."""
    world = World()
    world.controllers.add_class("now", mode="Immediate")
    world.create(CLAIMS, "v", spec=claim_spec(storageClassName="now"))
    world.wait(lambda: phase(world) == "Bound")

    (volume,) = world.all(VOLUMES)
    assert "nodeAffinity" not in volume["spec"]


def test_an_unknown_class_is_told_and_waited_for() -> None:
    """The claim stays Pending until somebody makes the class."""
    world = World()
    world.create(CLAIMS, "v", spec=claim_spec(storageClassName="later"))
    world.run(60)
    assert phase(world) == "Pending"
    assert world.events("v") == [("ProvisioningFailed", 'storageclass.storage.k8s.io "later" not found')]

    world.controllers.add_class("later", mode="Immediate")
    world.wait(lambda: phase(world) == "Bound")


def test_no_class_at_all_is_never_provisioned() -> None:
    """An empty name is not the default class."""
    world = World()
    world.create(CLAIMS, "v", spec=claim_spec(storageClassName=""))
    world.run(60)

    assert phase(world) == "Pending"
    assert world.events("v") == [
        (
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        )
    ]


def test_a_volume_takes_its_time() -> None:
    """A pod waits for it, without a node until then."""
    world = World(pace=Pace(provision=90.0))
    world.create(CLAIMS, "v", spec=claim_spec())
    world.create(PODS, "p", spec=using("v"))
    world.run(60)
    assert (world.node("p"), phase(world)) == ("", "Pending")

    world.wait(lambda: world.ready() == ["p"])


def test_a_claim_grows_while_it_is_used() -> None:
    """It says so meanwhile; in the end claim and volume have the new size, and the pod runs on."""
    world = bound()
    pod = objects.uid(world.get(PODS, "p"))
    ask(world, "5Gi")
    world.run(1)
    assert (capacity(world), conditions(world)) == ("1Gi", [("Resizing", "")])
    assert objects.status(world.get(CLAIMS, "v"))["allocatedResourceStatuses"] == {
        "storage": "ControllerResizeInProgress"
    }

    world.wait(lambda: capacity(world) == "5Gi")
    assert conditions(world) == []
    assert world.all(VOLUMES)[0]["spec"]["capacity"] == {"storage": "5Gi"}
    assert objects.uid(world.get(PODS, "p")) == pod
    assert world.ready() == ["p"]


@pytest.mark.parametrize(("asked", "granted"), [("1500Mi", "2Gi"), ("2G", "2Gi"), ("3Gi", "3Gi")])
def test_storage_rounds_up(asked: str, granted: str) -> None:
    """What is granted may be more than what was asked for, at first and when it grows."""
    assert capacity(bound(size=asked)) == granted

    world = bound()
    ask(world, asked)
    world.wait(lambda: capacity(world) == granted)


def test_a_growth_that_fails_is_told_and_tried_again() -> None:
    """For as long as it is asked for; the old size stays."""
    world = bound()
    world.controllers.volumes.growth = Growth.FAILS
    ask(world, "5Gi")
    world.run(60)
    name = objects.name(world.all(VOLUMES)[0])
    message = f'resize volume "{name}" by resizer failed: no space left in storage'
    assert (capacity(world), conditions(world)) == ("1Gi", [("ControllerResizeError", message)])
    assert ("VolumeResizeFailed", message) in world.events("v")

    world.controllers.volumes.growth = Growth.WORKS
    world.wait(lambda: capacity(world) == "5Gi")
    assert conditions(world) == []


def test_a_growth_that_nobody_looks_after_is_silent() -> None:
    """No condition, no event, no size."""
    world = bound()
    world.controllers.volumes.growth = Growth.SILENT
    ask(world, "5Gi")
    world.run(3600)

    assert (capacity(world), conditions(world)) == ("1Gi", [])
    assert "VolumeResizeFailed" not in [reason for reason, _ in world.events("v")]


def test_a_claim_in_use_is_not_deleted() -> None:
    """Its finalizer goes with the last pod, and then its volume goes too."""
    world = bound()
    world.delete(CLAIMS, "v")
    world.run(60)
    claim = world.get(CLAIMS, "v")
    assert objects.terminating(claim)
    assert objects.meta(claim)["finalizers"] == ["kubernetes.io/pvc-protection"]

    world.delete(PODS, "p")
    world.wait(lambda: not world.get(CLAIMS, "v"))
    world.wait(lambda: not world.all(VOLUMES))


def test_a_claim_that_is_being_deleted_takes_no_new_pod() -> None:
    """Who comes late waits for another claim of the name."""
    world = bound()
    world.delete(CLAIMS, "v")
    world.create(PODS, "q", spec=using("v"))
    world.run(10)

    assert 'persistentvolumeclaim "v" is being deleted' in world.condition("q", "PodScheduled")["message"]


def test_a_class_may_keep_what_was_given_back() -> None:
    """With `Retain` a volume stays as Released, and no new claim gets it."""
    world = World()
    body = {
        "metadata": {"name": "keep"},
        "provisioner": "simulated.example.com/local",
        "reclaimPolicy": "Retain",
        "volumeBindingMode": "Immediate",
    }
    world.send("POST", "/apis/storage.k8s.io/v1/storageclasses", body)
    for _ in range(2):
        world.create(CLAIMS, "v", spec=claim_spec(storageClassName="keep"))
        world.wait(lambda: phase(world) == "Bound")
        world.delete(CLAIMS, "v")
        world.run(10)

    assert [objects.status(volume)["phase"] for volume in world.all(VOLUMES)] == ["Released", "Released"]


def test_shared_storage_is_on_no_node() -> None:
    """A class with the parameter `shared` gives volumes that every node reaches."""
    world = World()
    body = {
        "metadata": {"name": "shared"},
        "provisioner": "simulated.example.com/shared",
        "parameters": {"shared": "true"},
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    world.send("POST", "/apis/storage.k8s.io/v1/storageclasses", body)
    bound(world, storageClassName="shared")
    first = world.node("p")
    other = next(f"node-{letter}" for letter in "abc" if f"node-{letter}" != first)
    world.create(PODS, "q", spec=using("v", nodeSelector={"kubernetes.io/hostname": other}))

    world.wait(lambda: world.ready() == ["p", "q"])
