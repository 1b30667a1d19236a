"""Which field is to be looked at when a pod does not come up."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest

from controller.api.v2.cluster import BackRestSidecar, ClusterSpec, SecretRef
from controller.domain.observed import Container, Pod
from controller.domain.origins import origins
from controller.domain.trouble import Trouble, diagnose
from unit_tests.domain.obedient import LONG_AGO, NOW, desired


def pod(**fields: Any) -> Pod:
    """Return a pod that was made long ago and does not serve."""
    known: dict[str, Any] = {
        "name": "demo-dc1-rack0-0",
        "uid": "u",
        "ordinal": 0,
        "phase": "Pending",
        "ip": None,
        "node": "n",
        "revision": "t1",
        "created": LONG_AGO,
    }
    return Pod(**known | fields)


def found(seen: Pod, spec: ClusterSpec | None = None, *, image_changed: bool = False) -> Trouble:
    """Return what is wrong with *seen*, a pod that *spec* asks for."""
    (rack,) = desired((1,)).racks
    rack = attrs.evolve(rack, origins=origins(spec or ClusterSpec(), image_changed=image_changed))
    trouble = diagnose(seen, rack, NOW)
    assert trouble is not None
    return trouble


@pytest.mark.parametrize(
    ("container", "out_of_memory", "path", "words"),
    [
        ("cassandra", True, "spec.resources.limits.memory", "more memory than its limit"),
        ("cassandra", False, "spec.config", "Invalid yaml"),
        ("backrest-sidecar", True, "spec.backRestSidecar.resources.limits.memory", "more memory"),
        ("backrest-sidecar", False, "spec.backRestSidecar", "Invalid yaml"),
        ("base-config-builder", False, "spec.cassandraImage", "Invalid yaml"),
        ("mine", True, "spec.sidecarConfigs", "more memory than its limit"),
        ("mine", False, "spec.sidecarConfigs", "Invalid yaml"),
    ],
)
def test_the_field_to_look_at(container: str, path: str, words: str, *, out_of_memory: bool) -> None:
    """Who is killed for its memory has written nothing of it: its limit is named, not the configuration."""
    ended = Container(
        name=container,
        reason="CrashLoopBackOff",
        exit_code=137,
        restarts=2,
        last_words="Invalid yaml",
        out_of_memory=out_of_memory,
    )

    trouble = found(pod(phase="Running", containers=(ended,)))

    assert (trouble.reason, trouble.path) == ("ContainerCrashes", path)
    assert words in trouble.why
    assert path in trouble.why


OWN = ClusterSpec(
    bootstrap_image="mine:1",
    config_builder_image="mine:2",
    config_map_name="scripts",
    sidecar_configs=({"name": "first"}, {"name": "side"}),
)


@pytest.mark.parametrize(
    ("container", "spec", "words", "paths"),
    [
        ("bootstrap", ClusterSpec(), "no room", ["spec.config"]),
        ("bootstrap", OWN, "no room", ["spec.bootstrapImage", "spec.configMapName"]),
        ("bootstrap", OWN, "pre_run.sh: foo: not found", ["spec.configMapName", "spec.bootstrapImage"]),
        (
            "bootstrap",
            ClusterSpec(config_map_name="scripts"),
            "/configmap/post_run.sh ended with 1",
            ["spec.configMapName"],
        ),
        ("config-builder", ClusterSpec(), "no room", ["spec.config"]),
        ("config-builder", OWN, "no room", ["spec.config", "spec.configBuilderImage"]),
        ("side", OWN, "no room", ["spec.sidecarConfigs[1]"]),
        ("cassandra", OWN, "no room", ["spec.config"]),
    ],
)
def test_who_crashes_is_looked_for_where_the_spec_speaks_of_it(
    container: str, spec: ClusterSpec, words: str, paths: list[str]
) -> None:
    """Fields that are set are named, the likeliest first: scripts if the words are about one."""
    ended = Container(name=container, reason="CrashLoopBackOff", exit_code=1, restarts=2, last_words=words)

    trouble = found(pod(containers=(ended,)), spec)

    assert trouble.path == paths[0]
    assert f"look at {', '.join(paths)} and at its log" in trouble.why


@pytest.mark.parametrize("words", ["Unable to gossip with any peers", "Unable to contact any seeds!"])
def test_a_node_that_reaches_nobody_is_told_how_it_gets_the_seeds_of_now(words: str) -> None:
    """Its configuration was written with its pod, and it may be that nobody of then is there."""
    ended = Container(name="cassandra", reason="CrashLoopBackOff", exit_code=3, restarts=2, last_words=words)

    why = found(pod(containers=(ended,))).why

    assert "`kubectl delete pod demo-dc1-rack0-0`" in why
    assert "if they serve, look at spec.config" in why


def test_a_pod_of_which_nothing_begins() -> None:
    """Its volumes or its network are missing; slow images, which come later, are none of that."""
    waiting = Container(name="bootstrap", reason="PodInitializing", init=True)
    since = NOW - dt.timedelta(minutes=2)
    held = pod(containers=(waiting,), held_since=since)

    trouble = found(held, ClusterSpec(config_map_name="scripts"))

    assert (trouble.reason, trouble.path) == ("PodCannotBegin", "spec.configMapName")
    assert "kubectl describe pod demo-dc1-rack0-0" in trouble.why
    assert found(held).path == "spec"
    (rack,) = desired((1,)).racks
    for fine in (
        attrs.evolve(held, held_since=None),
        attrs.evolve(held, held_since=since + dt.timedelta(seconds=1)),
        attrs.evolve(held, phase="Failed"),
        attrs.evolve(held, containers=(attrs.evolve(waiting, running=True, reason=None),)),
    ):
        assert diagnose(fine, rack, NOW) is None


def test_an_image_that_changed_last_is_named_first() -> None:
    """Cassandra that crashes after another image was asked for is not blamed on its configuration alone."""
    ended = Container(name="cassandra", reason="CrashLoopBackOff", exit_code=1, restarts=2, last_words="boom")

    trouble = found(pod(containers=(ended,)), image_changed=True)

    assert trouble.path == "spec.cassandraImage"
    assert "look at spec.cassandraImage, spec.config " in trouble.why


def _from(name: str, key: str, field: str = "secretKeyRef") -> dict[str, Any]:
    return {"name": "X", "valueFrom": {field: {"name": name, "key": key}}}


VARIABLES = ClusterSpec(
    env_vars=({"name": "A", "value": "1"}, _from("keys", "a")),
    sidecar_configs=(
        {"name": "first", "env": [_from("keys", "b")], "envFrom": [{"configMapRef": {"name": "more"}}]},
    ),
    back_rest_sidecar=BackRestSidecar(env_vars=(_from("bucket", "place", "configMapKeyRef"),)),
    image_jolokia_secret=SecretRef(name="login"),
)


@pytest.mark.parametrize(
    ("container", "words", "path", "advice"),
    [
        ("cassandra", 'secret "keys" not found', "spec.envVars[1]", "create Secret keys"),
        ("first", 'secret "keys" not found', "spec.sidecarConfigs[0].env[0]", "create Secret keys"),
        (
            "cassandra",
            "couldn't find key a in Secret cassandra/keys",
            "spec.envVars[1]",
            "add key a to Secret keys",
        ),
        ("first", 'configmap "more" not found', "spec.sidecarConfigs[0].envFrom[0]", "create ConfigMap more"),
        (
            "bootstrap",
            "couldn't find key place in ConfigMap cassandra/bucket",
            "spec.backRestSidecar.envVars[0]",
            "add key place to ConfigMap bucket",
        ),
        ("bootstrap", 'secret "login" not found', "spec.imageJolokiaSecret.name", "create Secret login"),
        ("cassandra", 'secret "unknown" not found', "spec", "create Secret unknown"),
        ("first", "exec: no such file", "spec.sidecarConfigs[0]", "its image may lack the program"),
    ],
)
def test_a_container_that_cannot_be_made_for_what_its_variables_name(
    container: str, words: str, path: str, advice: str
) -> None:
    """The kubelet names an object: the field that refers to it is found, with what to do."""
    waiting = Container(name=container, reason="CreateContainerConfigError", message=words)

    trouble = found(pod(containers=(waiting,)), VARIABLES)

    assert (trouble.reason, trouble.path) == ("ContainerCannotBeMade", path)
    assert advice in trouble.why
    assert words in trouble.why


@pytest.mark.parametrize(
    ("words", "path", "advice"),
    [
        (
            "1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity.",
            "spec.nodeReplacement",
            "uncordon it",
        ),
        ("3 node(s) had volume node affinity conflict.", "spec.nodeReplacement", "bring that one back"),
        (
            "1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.",
            "spec.topology.dc[0].rack[0]",
            "kubectl uncordon",
        ),
        (
            "3 node(s) didn't match Pod's node affinity/selector.",
            "spec.topology.dc[0].rack[0].labels",
            "label",
        ),
        ("2 node(s) didn't match pod anti-affinity rules.", "spec.hardAntiAffinity", "add nodes"),
    ],
)
def test_a_pod_that_no_machine_can_take(words: str, path: str, advice: str) -> None:
    """A volume on a machine that is away, or a machine that is cordoned, is no mistake of the labels."""
    trouble = found(pod(unschedulable=f"0/3 nodes are available: {words}"))

    assert (trouble.reason, trouble.path) == ("PodUnschedulable", path)
    assert advice in trouble.why
    assert words in trouble.why
