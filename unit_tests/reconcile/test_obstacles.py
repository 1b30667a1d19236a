"""What a person has to put right outside the cluster: told by field, and noticed once it is."""

from __future__ import annotations

import pytest

from controller.kube import kinds
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import (
    LOGIN,
    ONE_RACK,
    began,
    patch,
    pods,
    ready,
    remove,
    secret,
    small,
    stored,
    wait,
    warnings,
)

WITH_LOGIN: Json = {"imageJolokiaSecret": {"name": "login"}}


def test_a_secret_that_is_missing_then_incomplete_then_whole() -> None:
    """Each is told with the field and what to add; no rack is made before, and nothing else is needed."""
    world = began(small(**WITH_LOGIN))
    missing = wait(world, "cc", "Degraded", "True")

    assert missing["reason"] == "SecretMissing"
    assert missing["message"].startswith("spec.imageJolokiaSecret.name: ")

    secret(world, username="casskop")
    world.run_until(
        lambda: world.condition("cc", "Degraded")["reason"] == "SecretIncomplete",
        seconds=10,
        what="the Secret is looked at again",
    )
    assert "no password" in world.condition("cc", "Degraded")["message"]
    assert stored(world, kinds.STATEFULSET, "cc-dc1-rack1") is None

    patch(world, kinds.SECRET, "login", {"stringData": LOGIN})
    ready(world)
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert len(warnings(world, "SecretMissing")) == len(warnings(world, "SecretIncomplete")) == 1


def test_a_login_that_nodes_do_not_take_is_told_and_harms_nothing() -> None:
    """Nodes keep the password that they started with: none is restarted, and the old one helps."""
    world = began(small(**WITH_LOGIN))
    secret(world, **LOGIN)
    ready(world)
    before = pods(world)

    patch(world, kinds.SECRET, "login", {"stringData": {"password": "another"}})
    wait(world, "cc", "Ready", "False")

    assert "refuses the login of spec.imageJolokiaSecret" in world.condition("cc", "Progressing")["message"]
    world.run(60)
    assert pods(world) == before

    patch(world, kinds.SECRET, "login", {"stringData": LOGIN})
    assert ready(world) < 5


def test_a_secret_that_goes_while_the_cluster_runs() -> None:
    """Nodes cannot be asked: that is told, and they are left alone."""
    world = began(small(**WITH_LOGIN))
    secret(world, **LOGIN)
    ready(world)
    before = pods(world)
    remove(world, kinds.SECRET, "login")

    assert wait(world, "cc", "Degraded", "True")["reason"] == "SecretMissing"
    assert pods(world) == before


MORE = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "storageClassName": "none",
}
CLASSES: dict[str, Json] = {
    "spec.dataStorageClass": {"dataStorageClass": "none"},
    "spec.topology.dc[0].dataStorageClass": {
        "topology": {"dc": [{**ONE_RACK["dc"][0], "dataCapacity": "1Gi", "dataStorageClass": "none"}]}
    },
    "spec.storageConfigs[0].pvcSpec.storageClassName": {
        "storageConfigs": [{"mountPath": "/more", "name": "more", "pvcSpec": MORE}]
    },
}


@pytest.mark.parametrize("path", CLASSES)
def test_a_storage_class_that_is_missing(path: str) -> None:
    """Found out before a StatefulSet is made that could never change it; making the class is enough."""
    world = began(small(**CLASSES[path]))

    missing = wait(world, "cc", "Degraded", "True")

    assert missing["reason"] == "StorageClassMissing"
    assert missing["message"].startswith(f"{path}: there is no storage class none")
    assert stored(world, kinds.STATEFULSET, "cc-dc1-rack1") is None

    world.controllers.add_class("none")
    ready(world)
