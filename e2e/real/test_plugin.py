"""The plugin as its users have it: one file on PATH, called by kubectl, with the operator in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
import json
import os
from pathlib import Path
import signal
import subprocess
import time
from typing import Any

import attrs
import pytest
import yaml

from controller.plugin import single_file
from e2e.conftest import READY_SECONDS
from e2e.kubectl import Kubectl, Object
from e2e.lab import Lab
from e2e.providers.cluster import CLUSTERS, at_rest, wait_ready
from e2e.providers.real import RealCluster
from e2e.samples import jolokia_secret, single

NAME = "plugged"
POD = f"{NAME}-dc1-rack1-0"


@attrs.frozen(kw_only=True)
class Plugin:
    """`kubectl casskop` in the namespace of the run, and a cluster of one node for it."""

    cluster: RealCluster
    folder: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `kubectl casskop WORDS`."""
        kubectl = self.cluster.kubectl
        env = {**os.environ, "KUBECONFIG": kubectl.kubeconfig, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        # A shell lets what it starts in the background ignore Ctrl-C, and that is handed on.
        heeding = ["env", "--default-signal=INT"]
        command = [*heeding, "kubectl", "casskop", "-n", kubectl.namespace, *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env, start_new_session=True)

    def run(self, *words: str, code: int = 0) -> str:
        """Run it, and return what it said, if it ended with *code*."""
        process = self.start(*words)
        said, wrong = process.communicate(timeout=60)
        assert process.returncode == code, (words, said, wrong)
        return said + wrong

    def json(self, *words: str) -> Any:  # noqa: ANN401 -- any JSON
        """Run it with `-o json`, and return the value."""
        return json.loads(self.run(*words, "-o", "json"))

    def events(self) -> dict[str, str]:
        """Return the reasons of the cluster's events by the events' names, the oldest first."""
        return {e["metadata"]["name"]: e["reason"] for e in self.cluster.events(NAME)}

    def stored(self) -> Object:
        """Return the CassandraCluster."""
        return self.cluster.get(CLUSTERS, NAME)

    def operation(self) -> dict[str, str]:
        """Return the labels of operations on the node."""
        labels = self.cluster.get("pods", POD)["metadata"]["labels"]
        return {
            key.removeprefix("operation-"): v for key, v in labels.items() if key.startswith("operation-")
        }

    def ends(self, status: str) -> None:
        """Wait until the operation on the node has ended so."""
        self.cluster.eventually(
            lambda: self.operation().get("status") == status, seconds=60, what=f"the operation is {status}"
        )


@pytest.fixture(scope="module")
def plugin(kubectl: Kubectl, the_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    """Build and install the plugin, and make a cluster; that goes afterwards."""
    folder = tmp_path_factory.mktemp("bin")
    single_file.build(folder / "kubectl-casskop")
    (folder / "kubectl_complete-casskop").symlink_to("kubectl-casskop")
    cluster = RealCluster(kubectl=kubectl, image=the_lab.image)
    cluster.apply(jolokia_secret(), single(NAME, deletePVC=True))
    wait_ready(cluster, NAME, seconds=READY_SECONDS)
    yield Plugin(cluster=cluster, folder=folder)
    cluster.delete(CLUSTERS, NAME, seconds=240)


def test_what_is_the_case(plugin: Plugin) -> None:
    """Status, explanation, the operator's log lines, and a bundle in which nothing is secret."""
    found = plugin.json("status", NAME)
    assert found["phase"] == "Running"
    assert "1 of 1" in plugin.run("status", NAME)
    assert NAME in plugin.run("explain", NAME)
    assert "reconciled" in plugin.run("logs", NAME)

    watching = plugin.start("status", NAME, "--watch")
    time.sleep(4)
    os.killpg(watching.pid, signal.SIGINT)
    try:
        said, _ = watching.communicate(timeout=20)
    finally:
        if watching.poll() is None:
            os.killpg(watching.pid, signal.SIGKILL)
            watching.communicate()
    assert POD in said

    path = str(plugin.folder / "saved.tar.gz")
    plugin.run("bundle", NAME, "-f", path)
    assert Path(path).stat().st_size
    password = jolokia_secret()["stringData"]["password"]
    assert password not in json.dumps(plugin.json("bundle", NAME))


def test_what_will_be_the_case(plugin: Plugin) -> None:
    """A node more, on the live cluster and on a bundle alike; nothing is changed."""
    before = plugin.stored()
    new = single(NAME, deletePVC=True, nodesPerRacks=2)
    path, saved = plugin.folder / "new.yaml", str(plugin.folder / "before.tar.gz")
    path.write_text(yaml.safe_dump(new))
    plugin.run("bundle", NAME, "-f", saved)
    for words in ((), ("--bundle", saved)):
        assert f"{NAME}-dc1-rack1-1" in plugin.run("plan", "-f", str(path), *words)
    assert plugin.stored()["spec"] == before["spec"]


def test_what_is_played_comes_to_pass(plugin: Plugin) -> None:
    """The simulation of a restart, started from the live cluster, has the steps that the cluster then takes.

    Also if the operator dies on the way; and nothing is changed by playing it.
    """
    plugin.cluster.eventually(lambda: at_rest(plugin.stored()), seconds=60, what="it is at rest")
    before = plugin.stored()
    path = plugin.folder / "restart.yaml"
    path.write_text(yaml.safe_dump(single(NAME, deletePVC=True, restartedAt="2025-01-01T00:00:00Z")))
    played = plugin.json("simulate", "-f", str(path))
    killed = plugin.json("simulate", "-f", str(path), "--fault", "kill-operator:2")
    now = plugin.stored()
    assert (now["spec"], now["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
    for found in (played, killed):
        assert (found["good"], found["restarted"], found["joined"]) == (True, [POD], [])

    uid = plugin.cluster.get("pods", POD)["metadata"]["uid"]
    told = plugin.events()
    plugin.cluster.apply(yaml.safe_load(path.read_text()))
    plugin.cluster.eventually(
        lambda: plugin.cluster.get("pods", POD)["metadata"]["uid"] != uid and at_rest(plugin.stored()),
        seconds=READY_SECONDS,
        what="the node was restarted",
    )

    steps = [entry["what"].split()[0] for entry in played["history"] if entry["kind"] == "step"]
    assert steps
    assert [reason for name, reason in plugin.events().items() if name not in told] == steps


def test_operations(plugin: Plugin) -> None:
    """They are carried out, or refused in words; one that is kept back goes on."""
    plugin.run("operate", "snapshot", "--pod", POD, "--argument", "kept")
    plugin.ends("Done")
    plugin.run("cleanup", "--prefix", NAME)
    plugin.ends("Done")
    plugin.cluster.patch(
        "pods", POD, {"metadata": {"labels": {"operation-name": "flush", "operation-status": "Paused"}}}
    )
    plugin.run("unpause", "flush", "--pod", POD)
    plugin.ends("Done")
    assert "none is labelled flush" in plugin.run("pause", "flush", "--pod", POD, code=1)
    assert "cannot remove itself" in plugin.run("remove", "--pod", POD, "--from-pod", POD, code=1)
    plugin.run("remove", "--previous-ip", "10.9.9.9", "--crd", NAME)
    plugin.ends("Error")
    assert "serves" in plugin.run("replace", "--pod", POD, "--previous-ip", "10.9.9.9", code=1)


def test_edits(plugin: Plugin) -> None:
    """A restart that waits for approval gets it, and is done."""
    plugin.run("unlock", NAME)
    assert plugin.stored()["spec"]["unlockNextOperation"] is True
    plugin.run("unlock", NAME, "--off")
    plugin.cluster.patch(CLUSTERS, NAME, {"spec": {"changePolicy": "Approve"}})
    plugin.cluster.eventually(lambda: at_rest(plugin.stored()), seconds=60, what="it is at rest")
    uid = plugin.cluster.get("pods", POD)["metadata"]["uid"]

    plugin.run("restart", "--crd", NAME, "--full")

    def waits() -> bool:
        return bool((plugin.stored().get("status") or {}).get("pendingChange"))

    plugin.cluster.eventually(waits, seconds=30, what="the edit waits")
    assert "rollingRestart" in plugin.run("approve", NAME, "--yes")

    def done() -> bool:
        there = plugin.cluster.get("pods", POD)["metadata"]["uid"] != uid
        return there and at_rest(plugin.stored())

    plugin.cluster.eventually(done, seconds=READY_SECONDS, what="the node was restarted")


def test_completion(plugin: Plugin) -> None:
    """Kubectl finds the commands, and the names that the cluster has."""
    env = {"PATH": f"{plugin.folder}:{os.environ['PATH']}", "KUBECONFIG": plugin.cluster.kubectl.kubeconfig}
    words = ["casskop", "-n", plugin.cluster.kubectl.namespace, "cleanup", "--pod", NAME]
    done = subprocess.run(
        ["kubectl", "__complete", *words], capture_output=True, text=True, timeout=60, check=True, env=env
    )
    assert POD in done.stdout.splitlines()
