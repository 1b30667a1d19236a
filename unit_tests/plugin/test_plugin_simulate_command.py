"""`simulate` as a command: live, from a bundle, for a new cluster, and with wrong arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import yaml

from controller.plugin.errors import StopError
from controller.plugin.extensions import STAND_INS, installed
from controller.plugin.session import Object
from e2e.rehearsal.faults import FAULTS
from e2e.samples import jolokia_secret, sample
from unit_tests.plugin.conftest import Plugin


def manifest(path: Path, **spec: object) -> str:
    """Write the sample with *spec* over its own, and return the name of the file."""
    obj = sample("demo")
    obj["spec"] |= spec
    path.write_text(yaml.safe_dump(obj))
    return str(path)


def test_the_command(still: Plugin, tmp_path: Path) -> None:
    """For people: the changes, each step with its reason and time, the end and the verdict."""
    file = manifest(tmp_path / "new.yaml", cassandraImage="cassandra:5.0.9")
    before = still.cluster.sim.server.store.version

    said = still.run("simulate", "-f", file)
    found = still.run("simulate", "-f", file, "-o", "json").json

    assert said.code == 0, said.err
    assert 'spec.cassandraImage: "cassandra:5.0" -> "cassandra:5.0.9"' in said.out
    assert "RestartPod demo-dc1-rack1-0: demo-dc1-rack1-0 restarts to take the new template" in said.out
    assert "3 restarted: demo-dc1-rack1-0, demo-dc1-rack2-0, demo-dc1-rack3-0" in said.out
    assert "Most nodes down at once: 1" in said.out
    assert "invariants held" in said.out
    assert [e["what"] for e in found["history"] if e["what"].startswith("RestartPod")] == [
        f"RestartPod demo-dc1-rack{n}-0" for n in (1, 2, 3)
    ]
    assert still.cluster.sim.server.store.version == before


def test_from_a_bundle(still: Plugin, tmp_path: Path) -> None:
    """Away from the cluster the same file gives the same history."""
    file, saved = manifest(tmp_path / "new.yaml", nodesPerRacks=2), str(tmp_path / "bundle.tar.gz")
    assert still.run("bundle", "-f", saved).code == 0

    live = still.run("simulate", "-f", file, "-o", "json").json
    away = still.run("simulate", "-f", file, "--bundle", saved, "-o", "json").json

    def told(found: Object) -> list[str]:
        return [entry["what"] for entry in found["history"] if entry["kind"] != "wait"]

    assert told(live) == told(away)
    assert away["joined"] == [f"demo-dc1-rack{n}-1" for n in (1, 2, 3)]
    assert away["good"]


def test_a_new_cluster(plugin: Plugin, tmp_path: Path) -> None:
    """A creation can be played before anything is there."""
    plugin.cluster.apply(jolokia_secret())

    found = plugin.run("simulate", "-f", manifest(tmp_path / "new.yaml"), "-o", "json").json

    assert found["good"], found["end"]
    assert found["joined"] == ["demo-dc1-rack1-0", "demo-dc1-rack2-0", "demo-dc1-rack3-0"]
    assert not plugin.cluster.of("demo", "pods")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--fault", "earthquake"), "there is no fault earthquake"),
        (("--fault", "node-loss"), "node-loss:NODE"),
        (("--fault", "node-loss:node-z"), "there are node-a, node-a2, node-b"),
        (("--fault", "mute:demo-dc1-rack9-0"), "there are demo-dc1-rack1-0"),
        (("--fault", "kill-operator:soon"), "the number of a write"),
        (("--fault", "bad-image:x"), "leave out :x"),
        (("--copies", "-1"), "a number of copies, from 0: -1"),
        (("--no-such-option",), "unrecognized arguments"),
    ],
)
def test_wrong_arguments(words: tuple[str, ...], message: str, still: Plugin, tmp_path: Path) -> None:
    """They end with code 2, name what is wrong, and say what there is instead."""
    said = still.run("simulate", "-f", manifest(tmp_path / "new.yaml"), *words)

    assert said.code == 2
    assert message in said.err
    if "earthquake" in words:
        assert all(f"  {name}" in said.err for name in FAULTS)


def test_the_api_servers_refusal(still: Plugin, tmp_path: Path) -> None:
    """What kubectl apply would be told ends it, with code 3."""
    file = manifest(tmp_path / "a.yaml", topology={"dc": [{"name": "dc-1", "rack": [{"name": "rack1"}]}]})

    said = still.run("simulate", "-f", file)

    assert said.code == 3
    assert "kubectl apply would be refused" in said.out


def test_without_the_simulator(still: Plugin) -> None:
    """One line says what to install, whatever is asked for; the help still names the command."""
    (stand_in,) = STAND_INS
    assert installed(stand_in.name) is None

    with pytest.raises(StopError, match="make plugin") as end:
        stand_in.run(still.session(), argparse.Namespace(command="simulate"))

    assert end.value.code == 1
    assert "\n" not in str(end.value)
