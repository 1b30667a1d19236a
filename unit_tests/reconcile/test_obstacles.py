"""What a person has to put right outside the cluster: told by field, and noticed once it is."""

from __future__ import annotations

import pytest

from controller.kube import kinds
from e2e.providers.sim import NAMESPACE, SimCluster
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
    degraded = world.condition("cc", "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "LoginRefused")
    assert "(Secret login)" in degraded["message"]
    assert "change spec.restartedAt" in degraded["message"]
    world.run(60)
    assert pods(world) == before

    patch(world, kinds.SECRET, "login", {"stringData": LOGIN})
    assert ready(world) < 5


def test_nodes_get_a_new_login_by_a_restart() -> None:
    """Nobody can be asked meanwhile, so they go one at a time, and all is well afterwards."""
    world = began(small(nodesPerRacks=2, hardAntiAffinity=False, **WITH_LOGIN))
    secret(world, **LOGIN)
    ready(world)
    before = pods(world)
    patch(world, kinds.SECRET, "login", {"stringData": {"password": "another"}})
    wait(world, "cc", "Ready", "False")

    world.edit("cc", {"restartedAt": "2025-12-30T12:00:00Z"})
    world.run_until(
        lambda: len(pods(world)) == 2 and not set(before.values()) & set(pods(world).values()),
        seconds=900,
        what="both have the new login",
    )

    ready(world)
    assert world.condition("cc", "Degraded")["status"] == "False"


def test_a_secret_that_goes_while_the_cluster_runs() -> None:
    """Nodes cannot be asked: that is told, and they are left alone."""
    world = began(small(**WITH_LOGIN))
    secret(world, **LOGIN)
    ready(world)
    before = pods(world)
    remove(world, kinds.SECRET, "login")

    assert wait(world, "cc", "Degraded", "True")["reason"] == "SecretMissing"
    assert pods(world) == before


SCRIPTS: Json = {"configMapName": "scripts"}


def config_map(world: SimCluster) -> None:
    """Create the ConfigMap that is named in `SCRIPTS`."""
    body = {"metadata": {"name": "scripts"}, "data": {"pre_run.sh": "echo hello"}}
    world.post(kinds.CONFIG_MAP.path(NAMESPACE), body)


def test_a_config_map_that_is_missing_when_a_cluster_is_made() -> None:
    """It is told with the field, no rack is made before, and nothing else is needed than to create it."""
    world = began(small(**SCRIPTS))

    missing = wait(world, "cc", "Degraded", "True")

    assert missing["reason"] == "ConfigMapMissing"
    assert missing["message"].startswith("spec.configMapName: there is no ConfigMap scripts")
    assert stored(world, kinds.STATEFULSET, "cc-dc1-rack1") is None

    config_map(world)
    ready(world)
    assert world.condition("cc", "Degraded")["status"] == "False"


def test_a_config_map_that_is_named_before_it_is_there() -> None:
    """No node is restarted for it, what else is asked for is done, and it is mounted once it is there."""
    world = began(small())
    ready(world)
    before = pods(world)

    world.edit("cc", {**SCRIPTS, "cassandraImage": "cassandra:5.0.7"})
    world.run_until(
        lambda: pods(world).keys() == before.keys() and pods(world) != before, seconds=300, what="a roll"
    )
    assert wait(world, "cc", "Degraded", "True")["reason"] == "ConfigMapMissing"
    ready(world)
    rolled = pods(world)
    world.run(60)
    assert pods(world) == rolled

    config_map(world)
    world.run_until(
        lambda: pods(world).keys() == rolled.keys() and not set(pods(world).values()) & set(rolled.values()),
        seconds=300,
        what="the node is restarted for it",
    )
    ready(world)
    assert world.condition("cc", "Degraded")["status"] == "False"


def test_a_config_map_that_goes_while_the_cluster_runs() -> None:
    """Nodes have read it: nothing is restarted, and nothing is wrong."""
    world = SimCluster()
    config_map(world)
    world.apply(small(**SCRIPTS))
    ready(world)
    before = pods(world)

    remove(world, kinds.CONFIG_MAP, "scripts")
    world.run(60)

    assert pods(world) == before
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert world.condition("cc", "Progressing")["reason"] == "Converged"


def test_a_node_that_is_made_again_without_its_config_map() -> None:
    """Nothing of its pod begins: that is told with the field, and creating the ConfigMap is enough."""
    world = SimCluster()
    config_map(world)
    world.apply(small(**SCRIPTS))
    ready(world)

    remove(world, kinds.CONFIG_MAP, "scripts")
    world.edit("cc", {"cassandraImage": "cassandra:5.0.7"})
    found = wait(world, "cc", "Degraded", "True", seconds=300)

    assert found["reason"] == "PodCannotBegin"
    assert "spec.configMapName" in found["message"]
    config_map(world)
    ready(world)
    assert world.condition("cc", "Degraded")["status"] == "False"


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
