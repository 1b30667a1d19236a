"""
Pods on their nodes: init containers, restarts, images, environment and addresses.

The texts and the order of the conditions are those of Kubernetes 1.34.
"""

from __future__ import annotations

import base64
import itertools
from typing import Any

import pytest

from e2e.simcontrollers import objects
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.objects import CONFIG_MAPS, SECRETS
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.programs import End
from unit_tests.simcontrollers.world import PODS, World, container, pod_spec

CONDITIONS = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]


def started(world: World | None = None, **spec: Any) -> World:
    """Create the pod `p`."""
    world = world or World()
    world.create(PODS, "p", spec=pod_spec(**spec))
    return world


def restarts(world: World, name: str = "c") -> int:
    """Return how often a container of `p` was started again."""
    return int(world.container("p", name).get("restartCount") or 0)


def where(world: World) -> str:
    """Return the pod as back-off messages name it."""
    return f"p_test({objects.uid(world.get(PODS, 'p'))})"


def test_a_pod_gets_an_address_runs_and_is_ready() -> None:
    """Phase, addresses, conditions and containers are as a kubelet reports them."""
    world = started()
    world.wait(lambda: world.ready() == ["p"])
    status = world.pod_status("p")

    assert status["phase"] == "Running"
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIP"]
    assert [(c["type"], c["status"]) for c in status["conditions"]] == [(kind, "True") for kind in CONDITIONS]
    (only,) = status["containerStatuses"]
    assert (only["ready"], only["started"], only["restartCount"]) == (True, True, 0)
    assert "running" in only["state"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
    ],
)
def test_nothing_begins_before_all_is_mounted(source: dict[str, Any], said: str) -> None:
    """A volume of an object that is not there is tried again, until it is; one that may be missing is not."""
    world = started(volumes=[{"name": "v", **source}])
    world.run(60)

    assert world.pod_status("p")["phase"] == "Pending"
    assert "podIP" not in world.pod_status("p")
    assert world.waiting("p") == ("PodInitializing", "")
    assert world.condition("p", "PodReadyToStartContainers")["status"] == "False"
    assert f'MountVolume.SetUp failed for volume "v" : {said}' in str(world.events("p"))

    (member,) = source
    world.create(CONFIG_MAPS if member == "configMap" else SECRETS, "gone")
    world.wait(lambda: world.ready() == ["p"])
    assert world.condition("p", "PodReadyToStartContainers")["status"] == "True"


def test_a_volume_that_may_be_missing_is_not_waited_for() -> None:
    """It is marked as optional."""
    world = started(volumes=[{"name": "v", "configMap": {"name": "gone", "optional": True}}])
    world.wait(lambda: world.ready() == ["p"])


def test_init_containers_run_in_order_and_one_at_a_time() -> None:
    """The containers wait for the last one; until then the pod is Pending and not initialized."""
    world = World()
    world.programs.inits["one"] = lambda waited: End(code=0) if waited >= 30 else None
    started(world, initContainers=[container("one"), container("two")])
    world.run(20)

    assert "running" in world.container("p", "one", init=True)["state"]
    assert world.waiting("p", "two", init=True) == ("PodInitializing", "")
    assert world.waiting("p") == ("PodInitializing", "")
    assert world.pod_status("p")["phase"] == "Pending"
    unfinished = world.condition("p", "Initialized")
    assert (unfinished["reason"], unfinished["message"]) == (
        "ContainersNotInitialized",
        "containers with incomplete status: [one two]",
    )

    world.wait(lambda: world.ready() == ["p"])
    order = dict.fromkeys(start.container for start in world.programs.starts)
    assert list(order) == ["one", "two", "c"]
    assert world.container("p", "one", init=True)["state"]["terminated"]["reason"] == "Completed"


def test_an_init_container_that_fails_is_tried_again_and_again() -> None:
    """With growing pauses, and what it left as its message."""
    world = World()
    world.programs.inits["one"] = lambda _: End(code=3, message="no seed answers")
    started(world, initContainers=[container("one")])
    world.run(60)

    status = world.container("p", "one", init=True)
    assert status["restartCount"] >= 2
    assert world.waiting("p", "one", init=True) == (
        "CrashLoopBackOff",
        f"back-off 40s restarting failed container=one pod={where(world)}",
    )
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "no seed answers")
    assert world.pod_status("p")["phase"] == "Pending"

    del world.programs.inits["one"]
    world.wait(lambda: world.ready() == ["p"])


def test_restarts_wait_twice_as_long_each_time() -> None:
    """At once, then 10 s, 20 s, 40 s and so on up to five minutes."""
    world = World()
    world.programs.script("c").lasts = 1.0
    started(world)
    ends: list[float] = []

    def look() -> bool:
        if restarts(world) > len(ends):
            ends.append(world.simulation.now)
        return len(ends) == 9

    world.wait(look, seconds=3600)
    # Between two starts: a second of life, the pause, and the start itself.
    gaps = [later - earlier - 1.0 - 0.3 for earlier, later in itertools.pairwise(ends)]
    assert gaps == pytest.approx([10, 20, 40, 80, 160, 300, 300, 300], abs=0.2)


def test_a_container_that_crashes_tells_how() -> None:
    """Waiting for its next start, with the last end beside it; the pod's phase is Running all the same."""
    world = World()
    script = world.programs.script("c")
    script.lasts, script.end = 1.0, End(code=3, message="out of luck")
    started(world, containers=[container(terminationMessagePolicy="FallbackToLogsOnError")])
    world.wait(lambda: world.waiting("p")[0] == "CrashLoopBackOff")

    assert world.waiting("p")[1] == f"back-off 10s restarting failed container=c pod={where(world)}"
    last = world.container("p", "c")["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["message"]) == (3, "Error", "out of luck")
    assert world.pod_status("p")["phase"] == "Running"
    assert world.condition("p", "Ready")["message"] == "containers with unready status: [c]"
    assert ("BackOff", f"Back-off restarting failed container c in pod {where(world)}") in world.events("p")


def test_a_long_life_clears_the_back_off() -> None:
    """After ten minutes of running the next restart is at once again."""
    world = World()
    script = world.programs.script("c")
    script.lasts = 1.0
    started(world)
    world.wait(lambda: restarts(world) == 3)
    script.lasts = 700.0
    world.wait(lambda: restarts(world) == 4, seconds=1000)
    before = world.simulation.now

    world.wait(lambda: restarts(world) == 5, seconds=1000)
    assert world.simulation.now - before == pytest.approx(700.3, abs=0.1)


def test_an_image_that_cannot_be_had_is_asked_for_again_and_again() -> None:
    """First the error, then the pause, with the registry's words; the pod starts once the image is there."""
    world = World(images=Images(unknown=["app:1"]))
    started(world)
    missing = 'failed to pull and unpack image "app:1": failed to resolve reference "app:1": app:1: not found'
    world.wait(lambda: world.waiting("p")[0] == "ErrImagePull")
    assert world.waiting("p")[1] == missing
    world.wait(lambda: world.waiting("p")[0] == "ImagePullBackOff")
    assert world.waiting("p")[1] == f'Back-off pulling image "app:1": ErrImagePull: {missing}'
    assert ("Failed", f'Failed to pull image "app:1": {missing}') in world.events("p")
    assert ("BackOff", 'Back-off pulling image "app:1"') in world.events("p")
    assert world.pod_status("p")["phase"] == "Pending"

    world.controllers.images.publish("app:1")
    world.wait(lambda: world.ready() == ["p"])
    assert restarts(world) == 0


def test_an_image_is_pulled_once_a_node() -> None:
    """The second pod starts sooner; with `Always` the registry is asked all the same."""
    world = World(pace=Pace(image_pull=60.0))
    here = {"nodeSelector": {"kubernetes.io/hostname": "node-a"}}
    world.create(PODS, "first", spec=pod_spec(**here))
    assert world.wait(lambda: world.ready() == ["first"]) > 60
    world.create(PODS, "second", spec=pod_spec(**here))
    assert world.wait(lambda: len(world.ready()) == 2) < 10

    world.controllers.images.withdraw("app:1")
    world.create(PODS, "third", spec=pod_spec(**here))
    always = [container(imagePullPolicy="Always")]
    world.create(PODS, "fourth", spec=pod_spec(containers=always, **here))
    world.run(30)
    assert world.ready() == ["first", "second", "third"]
    assert world.waiting("fourth")[0] == "ImagePullBackOff"


def test_environment_comes_from_where_it_says() -> None:
    """Values, the pod's own fields, Secrets and ConfigMaps, whole ones too."""
    world = World()
    secret = {"password": base64.b64encode(b"s3cret").decode()}
    world.create(SECRETS, "login", data=secret)
    world.create(CONFIG_MAPS, "settings", data={"size": "3", "colour": "red"})
    variables = [
        {"name": "PLAIN", "value": "x"},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "SIZE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "size"}}},
        {
            "name": "NONE",
            "valueFrom": {"secretKeyRef": {"name": "login", "key": "nosuch", "optional": True}},
        },
    ]
    given = container(env=variables, envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "S_"}])
    world.create(PODS, "p", metadata={"labels": {"app": "x"}}, spec=pod_spec(containers=[given]))
    world.wait(lambda: world.ready() == ["p"])

    (start,) = world.programs.starts
    assert start.environment == {
        "PLAIN": "x",
        "IP": world.pod_status("p")["podIP"],
        "APP": "x",
        "PASSWORD": "s3cret",
        "SIZE": "3",
        "S_size": "3",
        "S_colour": "red",
    }


def test_a_reference_to_nothing_keeps_a_container_waiting() -> None:
    """It says what is missing, and starts once that is there."""
    world = World()
    source = {"secretKeyRef": {"name": "login", "key": "password"}}
    started(world, containers=[container(env=[{"name": "PASSWORD", "valueFrom": source}])])
    world.wait(lambda: world.waiting("p")[0] == "CreateContainerConfigError")
    assert world.waiting("p")[1] == 'secret "login" not found'
    assert ("Failed", 'Error: secret "login" not found') in world.events("p")
    world.create(SECRETS, "login", data={})
    world.wait(lambda: "couldn't find key password in Secret test/login" in world.waiting("p")[1])

    world.patch(SECRETS, "login", data={"password": "eA=="})
    world.wait(lambda: world.ready() == ["p"])


def test_addresses_are_not_used_again_soon() -> None:
    """Unless it is asked for, as on a small network."""
    world = World()
    here = {"nodeSelector": {"kubernetes.io/hostname": "node-a"}}

    def address() -> str:
        started(world, **here)
        world.wait(lambda: world.ready() == ["p"])
        found = str(world.pod_status("p")["podIP"])
        world.delete(PODS, "p")
        world.wait(lambda: not world.get(PODS, "p"))
        return found

    first, second = address(), address()
    assert first != second
    world.controllers.addresses.reuse = True
    assert address() == first
