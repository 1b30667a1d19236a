"""Cassandra in pods: init containers decide, disks outlive pods, and probes go through the agent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.simcassandra import removal
from e2e.simcassandra.faults import Kind
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node
from e2e.simcontrollers import objects
from e2e.simcontrollers.cassandra_pods import release_of
from e2e.simcontrollers.objects import SECRETS
from unit_tests.simcontrollers.world import PODS, SETS, World, claim_spec, container, pod_spec

LABELS = {
    "app": "s",
    "cassandracluster": "ring",
    "cassandraclusters.db.orange.com.dc": "dc1",
    "cassandraclusters.db.orange.com.rack": "rack1",
}
DISK = {"name": "data", "mountPath": "/var/lib/cassandra"}


def probe(**fields: Any) -> dict[str, Any]:
    """Return a probe each ten seconds."""
    return {"exec": {"command": ["ask"]}, "periodSeconds": 10, **fields}


def template(*, image: str = "cassandra:5.0", config: str = "{}", **main: Any) -> dict[str, Any]:
    """Return the template of a Cassandra pod whose first two pods are seeds."""
    seeds = {"name": "CASSANDRA_SEEDS", "value": "s-0.s.test,s-1.s.test"}
    given = {"name": "CONFIG_FILE_DATA", "value": config}
    spec = pod_spec(
        initContainers=[
            container("config-builder", env=[given]),
            container("bootstrap", env=[seeds], volumeMounts=[DISK]),
        ],
        containers=[
            {
                "name": "cassandra",
                "image": image,
                "readinessProbe": probe(),
                "lifecycle": {"preStop": {"exec": {"command": ["drain"]}}},
                "volumeMounts": [DISK],
                **main,
            }
        ],
    )
    return {"metadata": {"labels": LABELS}, "spec": spec}


def made(replicas: int = 2, *, claims: bool = True, wait: bool = True, **fields: Any) -> World:
    """Return a world with the set `s` of Cassandra pods, ready unless *wait* is false."""
    world = World(cassandra=True)
    made = template(**fields)
    spec: dict[str, Any] = {
        "serviceName": "s",
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "s"}},
        "template": made,
    }
    if claims:
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim_spec()}]
    else:
        made["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    world.create(SETS, "s", spec=spec)
    if wait:
        world.wait(lambda: len(world.ready()) == replicas)
    return world


def node(world: World, pod: str) -> Node:
    """Return the node that runs in *pod*."""
    found = world.controllers.ring.at(world.pod_status(pod)["podIP"])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("cassandra:5.0", "5.0.9"),
        ("cassandra:4.1", "4.1.10"),
        ("registry.example.com:5000/x/cassandra:4.0.7-debian", "4.0.7"),
        ("cassandra", "5.0.9"),
        ("cassandra:latest", "5.0.9"),
    ],
)
def test_a_tag_names_the_release(image: str, release: str) -> None:
    """Two numbers mean the newest of that line; none means the newest of all."""
    assert release_of(image) == release


def test_pods_become_one_ring() -> None:
    """With the names of the labels, and the addresses of the pods."""
    world = made(3)

    addresses = tuple(sorted(world.pod_status(name)["podIP"] for name in world.names(PODS)))
    assert world.controllers.ring.rings() == [addresses]
    config = node(world, "s-2").config
    assert (config.cluster_name, config.datacenter, config.rack) == ("ring", "dc1", "rack1")
    # It bootstraps, so it is none of its own seeds.
    assert set(config.seeds) == {world.pod_status(f"s-{n}")["podIP"] for n in (0, 1)}


def test_a_pod_is_ready_when_its_node_is() -> None:
    """NORMAL and serving clients; running alone is not enough."""
    world = made(1, wait=False)
    world.wait(lambda: world.pod_status("s-0").get("phase") == "Running")
    assert node(world, "s-0").mode is Mode.STARTING
    assert world.ready() == []
    world.wait(lambda: node(world, "s-0").mode is Mode.NORMAL)
    assert world.ready() == []

    world.wait(lambda: world.ready() == ["s-0"])
    assert node(world, "s-0").native_transport


def test_a_disk_of_its_own_outlives_the_pod() -> None:
    """The node is the same member at another address."""
    world = made(2)
    before, address = node(world, "s-1").volume.host_id, world.pod_status("s-1")["podIP"]
    world.delete(PODS, "s-1")
    world.wait(lambda: "s-1" not in world.ready())
    world.wait(lambda: len(world.ready()) == 2)

    assert node(world, "s-1").volume.host_id == before
    assert world.pod_status("s-1")["podIP"] != address


def test_a_disk_of_the_pods_goes_with_it() -> None:
    """Its successor is a stranger, and cannot join before the dead member was removed."""
    world = made(2, claims=False, terminationMessagePolicy="FallbackToLogsOnError")
    before = node(world, "s-1").volume.host_id
    assert before is not None
    world.delete(PODS, "s-1")
    world.wait(lambda: world.waiting("s-1", "cassandra")[0] == "CrashLoopBackOff")
    last = world.container("s-1", "cassandra")["lastState"]["terminated"]
    assert last["exitCode"] == 3
    assert last["message"].startswith("Necessary replicas for strict consistency were removed")
    assert before in node(world, "s-0").view.host_ids.values()

    removal.remove_node(node(world, "s-0"), before)
    world.wait(lambda: len(world.ready()) == 2)
    assert node(world, "s-1").volume.host_id != before


def test_a_container_that_starts_again_keeps_the_pods_disk() -> None:
    """Only the process was lost."""
    world = made(2, claims=False)
    before = node(world, "s-1").volume.host_id
    world.controllers.ring.kill(world.pod_status("s-1")["podIP"])
    world.wait(lambda: world.container("s-1", "cassandra")["restartCount"] == 1)
    world.wait(lambda: len(world.ready()) == 2)

    assert node(world, "s-1").volume.host_id == before


def test_a_deleted_pod_drains_before_it_stops() -> None:
    """Its peers hear of it, and need not suspect anything."""
    world = made(2)
    leaving = node(world, "s-1")
    world.delete(PODS, "s-1")
    world.wait(lambda: leaving.mode is Mode.DRAINING)
    world.wait(lambda: not leaving.running)

    assert leaving.drained
    assert leaving.exit is not None
    assert leaving.exit.code == 143


def test_a_configuration_that_is_no_json_stops_the_pod_before_it_starts() -> None:
    """The config builder says so, and is tried again."""
    world = made(1, wait=False, config="{")
    world.wait(lambda: world.waiting("s-0", "config-builder", init=True)[0] == "CrashLoopBackOff")
    last = world.container("s-0", "config-builder", init=True)["lastState"]["terminated"]

    assert last["exitCode"] == 1
    assert last["message"].startswith("CONFIG_FILE_DATA is not JSON")


def test_settings_of_the_configuration_reach_the_node() -> None:
    """Those that the model has."""
    config = json.dumps({"cassandra-yaml": {"num_tokens": 3, "storage_compatibility_mode": "NONE"}})
    world = made(1, config=config)

    assert len(node(world, "s-0").view.members[world.pod_status("s-0")["podIP"]]) == 3
    assert node(world, "s-0").sstable_format == "oa"


def test_the_agents_login_comes_from_the_environment() -> None:
    """As the image takes it, from a Secret."""
    world = World(cassandra=True)
    world.create(SECRETS, "login", data={"password": "cDE="})
    source = {"secretKeyRef": {"name": "login", "key": "password"}}
    variables = [
        {"name": "JOLOKIA_USER", "value": "casskop"},
        {"name": "JOLOKIA_PASSWORD", "valueFrom": source},
        {"name": "CASSANDRA_SEEDS", "value": "s-0"},
    ]
    spec = pod_spec(containers=[{"name": "cassandra", "image": "cassandra:5.0", "env": variables}])
    world.create(PODS, "s-0", metadata={"labels": LABELS}, spec=spec)
    world.wait(lambda: world.pod_status("s-0").get("phase") == "Running")

    config = node(world, "s-0").config
    assert (config.jolokia_user, config.jolokia_password) == ("casskop", "p1")


def test_a_pod_with_a_command_of_its_own_runs_no_node() -> None:
    """As one does for debugging: it just runs."""
    world = World(cassandra=True)
    spec = pod_spec(containers=[{"name": "cassandra", "image": "cassandra:5.0", "command": ["sleep", "1d"]}])
    world.create(PODS, "p", spec=spec)
    world.wait(lambda: world.ready() == ["p"])

    assert world.controllers.ring.nodes() == []


def test_an_agent_that_hangs_makes_its_pod_unready() -> None:
    """The node serves all the same; when the fault is over the pod is ready again."""
    world = made(2)
    address = world.pod_status("s-1")["podIP"]
    world.controllers.ring.faults.add(address, Kind.HANG, seconds=120)
    world.wait(lambda: world.ready() == ["s-0"], seconds=60)
    assert node(world, "s-1").native_transport

    world.wait(lambda: len(world.ready()) == 2, seconds=120)
    assert world.container("s-1", "cassandra")["restartCount"] == 0


def test_a_liveness_probe_restarts_a_node_whose_agent_is_dead() -> None:
    """Garbage is an answer as well: only silence counts."""
    world = made(2, livenessProbe=probe(failureThreshold=3))
    address = world.pod_status("s-1")["podIP"]
    world.controllers.ring.faults.add(address, Kind.GARBAGE, seconds=120)
    world.run(120)
    assert world.container("s-1", "cassandra")["restartCount"] == 0

    world.controllers.ring.faults.add(address, Kind.REFUSE, seconds=30)
    world.wait(lambda: world.container("s-1", "cassandra")["restartCount"] == 1)
    world.wait(lambda: len(world.ready()) == 2)


def test_the_second_pod_waits_for_the_first() -> None:
    """Only the first seed may begin a ring; the others' init container looks again and again."""
    world = World(cassandra=True)
    body = template()
    body["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    world.create(PODS, "s-1", metadata={"labels": LABELS}, spec=body["spec"])
    world.run(60)
    assert "running" in world.container("s-1", "bootstrap", init=True)["state"]
    assert world.controllers.ring.nodes() == []

    other = template()
    other["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    world.create(PODS, "s-0", metadata={"labels": LABELS}, spec=other["spec"])
    world.wait(lambda: world.ready() == ["s-0", "s-1"])
    assert len(world.controllers.ring.rings()) == 1


def test_a_deleted_claim_takes_the_data_with_it() -> None:
    """Not before its last pod is gone; the next one gets a new and empty disk."""
    world = made(2)
    before = node(world, "s-1").volume
    world.delete(objects.CLAIMS, "data-s-1")
    world.run(60)
    assert before.host_id is not None
    world.delete(PODS, "s-1")
    world.wait(lambda: "s-1" not in world.ready())
    world.wait(lambda: world.pod_status("s-1").get("phase") == "Running")

    assert before.empty
    assert node(world, "s-1").volume is not before
