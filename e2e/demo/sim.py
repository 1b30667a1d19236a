"""
The operator at work in one process, with nothing installed: `make demo`.

A simulated Kubernetes with Cassandra on it serves the API on 127.0.0.1, for kubectl too; the operator is
the real one. Simulated time runs faster than the clock until everything was shown, then at its pace.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
import logging
from pathlib import Path
import tempfile
import time
from typing import TypeVar

import attrs
import structlog
import yaml

from e2e.demo.picture import picture, story
from e2e.demo.screen import Display, Screen
from e2e.lab import SAMPLES
from e2e.providers.cluster import CLUSTERS, Object, TooLateError, condition, is_true
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.simkube.memory import relax_collection
from e2e.simkube.server import HttpServer, kubeconfig_text

T = TypeVar("T")

NAME = "demo"
# Pictures that a step may take; none takes a quarter of it.
PATIENCE = 1200
FRAME_SECONDS = 0.1
# The node that the demo loses, and its rack.
LOST_NODE = "node-b"
NEW_IMAGE = "cassandra:5.0.9"


@attrs.frozen
class Demo:
    """The steps, on a simulated cluster.

    *lock* keeps time still while it is held; *frame* lets a moment pass, between two pictures.
    """

    cluster: SimulatedCluster
    screen: Display
    lock: AbstractContextManager[object]
    frame: Callable[[], None]

    def show(self) -> None:
        """Go through all steps; raises `TooLateError` for what does not come about."""
        self.create()
        self.scale()
        self.roll()
        self.lose_a_node()

    def create(self) -> None:
        """Apply the sample, and kill the operator as soon as the first node is a member."""
        self.screen.step("kubectl apply -f manifests/samples: one DC with three racks in three zones")
        self._now(lambda: self.cluster.apply(*_samples()))
        self._until(lambda: self._status().get("readyNodes", 0) >= 1, "a first member of the ring")
        self.screen.step("the operator is killed in the middle; another one takes over from what it sees")
        self._now(self.cluster.kill_operator)
        self._until(self._ready, "Ready")

    def scale(self) -> None:
        """Ask for two nodes a rack."""
        self.screen.step("kubectl patch: spec.nodesPerRacks 2. Nodes join one at a time")
        self._patch({"nodesPerRacks": 2})
        self._until(self._ready, "six nodes")

    def roll(self) -> None:
        """Ask for another image."""
        self.screen.step(f"kubectl patch: spec.cassandraImage {NEW_IMAGE}. Nodes restart one at a time")
        self._patch({"cassandraImage": NEW_IMAGE})
        self._until(self._converged, "all nodes with the new image")

    def lose_a_node(self) -> None:
        """Switch a Kubernetes node off, and on again."""
        self.screen.step(f"{LOST_NODE} loses its power. Nothing is deleted, nothing moves: its data is there")
        self._now(lambda: self.cluster.sim.controllers.nodes.power_off(LOST_NODE))
        self._until(lambda: condition(self._cluster(), "Degraded")["status"] == "True", "Degraded")
        self.screen.step(f"{LOST_NODE} is back")
        self._now(lambda: self.cluster.sim.controllers.nodes.bring_back(LOST_NODE))
        self._until(self._ready, "Ready again")

    def invite(self, config: Path) -> None:
        """Say how to look around."""
        self.screen.step("that was all; the cluster stays until Ctrl-C. In another terminal:")
        self.screen.say(
            f"  export KUBECONFIG={config}",
            f"  kubectl -n {NAMESPACE} describe cassandracluster {NAME}",
            f"  kubectl -n {NAMESPACE} edit cassandracluster {NAME}",
            "",
        )
        while True:
            self._draw()
            self.frame()

    def _patch(self, spec: Object) -> None:
        self._now(lambda: self.cluster.patch(CLUSTERS, NAME, {"spec": spec}))

    def _ready(self) -> bool:
        return is_true(self._cluster(), "Ready")

    def _converged(self) -> bool:
        progressing = condition(self._cluster(), "Progressing")
        return self._ready() and progressing["reason"] == "Converged" and self._images() == {NEW_IMAGE}

    def _images(self) -> set[str]:
        pods = self.cluster.of(NAME, "pods")
        return {c["image"] for pod in pods for c in pod["spec"]["containers"] if c["name"] == "cassandra"}

    def _status(self) -> Object:
        return self._cluster().get("status") or {}

    def _cluster(self) -> Object:
        return self.cluster.get(CLUSTERS, NAME)

    def _until(self, probe: Callable[[], bool], what: str) -> None:
        """Draw until *probe* is true; raises `TooLateError` with *what* if that takes too long."""
        for _ in range(PATIENCE):
            self._draw()
            if self._now(probe):
                self._draw()
                return
            self.frame()
        raise TooLateError(f"{what}: not within {PATIENCE} pictures")

    def _draw(self) -> None:
        def lines() -> list[str]:
            modes = {pod: str(v.get("mode", "silent")) for pod, v in self.cluster.views(NAME).items()}
            return [*picture(self.cluster, NAME, modes=modes), *story(self.cluster, NAME)]

        self.screen.draw(self._now(lines))

    def _now(self, act: Callable[[], T]) -> T:
        """Act while time stands still."""
        with self.lock:
            return act()


def run(*, port: int, speed: float, stay: bool) -> None:
    """Show everything; then, with *stay* and on a terminal, go on until Ctrl-C.

    Raises `PortInUseError` if *port* is taken, `TooLateError` for what did not come about.
    """
    # What the operator does is on the screen; its log would be drawn into it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    relax_collection()
    sim = six_nodes()
    began = sim.simulation.now
    screen = Screen(lambda: sim.simulation.now - began)
    server = HttpServer(sim.server, port=port, speed=speed)
    with tempfile.TemporaryDirectory(prefix="casskop-demo-") as folder, server:
        config = Path(folder) / "kubeconfig"
        config.write_text(kubeconfig_text(server.url))
        screen.say(f"a simulated Kubernetes on {server.url}: six nodes in three zones, {speed:g} s a second")
        demo = Demo(SimulatedCluster(sim), screen, server.api.lock, lambda: time.sleep(FRAME_SECONDS))
        demo.show()
        server.speed = 1.0
        if stay and screen.live:
            demo.invite(config)
        else:
            screen.step("that was all")


def six_nodes() -> SimCluster:
    """Return a simulated cluster with two nodes in each of three zones."""
    sim = SimCluster(seed=1)
    for letter in "abc":
        zone = {"topology.kubernetes.io/zone": f"zone-{letter}"}
        sim.controllers.nodes.add(f"node-{letter}2", labels=zone)
    return sim


def _samples() -> list[Object]:
    return [
        yaml.safe_load((SAMPLES / f"{name}.yaml").read_text())
        for name in ("jolokia-secret", "cassandracluster")
    ]
