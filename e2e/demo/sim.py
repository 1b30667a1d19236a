"""
The operator at work in one process, with nothing installed: `make demo`.

A simulated Kubernetes with Cassandra on it serves the API on 127.0.0.1, for kubectl too; the operator is
the real one. Simulated time runs faster than the clock until everything was shown, then at its pace.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
import logging
import math
from pathlib import Path
import re
import tempfile
import time
from typing import TypeVar

import attrs
import structlog
import yaml

from e2e.demo.picture import picture, story
from e2e.demo.screen import Display, Screen
from e2e.lab import SAMPLES
from e2e.providers.cluster import CLUSTERS, MissingError, Object, TooLateError, condition, is_true
from e2e.providers.sim import NAMESPACE, Home, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.simcontrollers.images import Images
from e2e.simkube.memory import relax_collection
from e2e.simkube.server import HttpServer, kubeconfig_text
from e2e.simtime import EPOCH

T = TypeVar("T")

NAME = "demo"
# Simulated seconds that a step may take; none takes a quarter of it.
PATIENCE_SECONDS = 600
FRAME_SECONDS = 0.1
# The node that the demo loses, and its rack.
LOST_NODE = "node-b"
NEW_IMAGE = "cassandra:5.0.9"
# Releases that the simulated registry has: an image with another tag cannot be pulled.
_RELEASE = re.compile(r"(^|/)cassandra:(4\.0|4\.1|5\.0)(\.\d{1,2})?$")
# So long ago the world began: it runs ahead of the clock, and kubectl shows ages by the clock.
HEAD_START_SECONDS = 600.0


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
        self._now(lambda: self.cluster.apply(*samples()))
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
            f"  export KUBECONFIG={config}        # the operator is in this process: it has no pod",
            f"  kubectl -n {NAMESPACE} describe cassandracluster {NAME}",
            f"  kubectl -n {NAMESPACE} edit cassandracluster {NAME}",
            "",
        )
        while True:
            self.draw()
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
        until = self.cluster.sim.simulation.now + PATIENCE_SECONDS
        while self.cluster.sim.simulation.now < until:
            self.draw()
            if self._now(probe):
                self.draw()
                return
            self.frame()
        raise TooLateError(f"{what}: not within {PATIENCE_SECONDS} simulated seconds")

    def draw(self) -> None:
        """Show the cluster as it is now, be it there or not."""

        def lines() -> list[str]:
            try:
                modes = {pod: str(v.get("mode", "silent")) for pod, v in self.cluster.views(NAME).items()}
                return [*picture(self.cluster, NAME, modes=modes), *story(self.cluster, NAME)]
            except MissingError:
                again = "kubectl apply -f manifests/samples"
                return [f"{NAME} is deleted, or its Secret is; `{again} -n {NAMESPACE}` makes it anew"]

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
    sim = six_nodes(began=math.floor(time.time() - HEAD_START_SECONDS))
    began = sim.simulation.now
    screen = Screen(lambda: sim.simulation.now - began)
    server = HttpServer(sim.server, port=port, speed=speed)
    with tempfile.TemporaryDirectory(prefix="casskop-demo-") as folder, server:
        config = Path(folder) / "kubeconfig"
        config.write_text(kubeconfig_text(server.url))
        screen.say(f"a simulated Kubernetes on {server.url}: six nodes in three zones, {speed:g} s a second")
        screen.say(f"to look at it from another terminal: export KUBECONFIG={config}")

        def frame() -> None:
            server.check()
            time.sleep(FRAME_SECONDS)

        demo = Demo(SimulatedCluster(sim), screen, server.api.lock, frame)
        demo.show()
        server.speed = 1.0
        if stay and screen.live:
            demo.invite(config)
        else:
            screen.step("that was all")


def six_nodes(*, began: float = EPOCH) -> SimCluster:
    """Return a simulated cluster with two nodes in each of three zones, from the Unix time *began* on.

    Operations on nodes come to their end, and of Cassandra's images there are those that are simulated.
    """
    images = Images(exists=lambda image: "cassandra" not in image or _RELEASE.search(image) is not None)
    sim = SimCluster(seed=1, holds=True, images=images, home=Home(began=began))
    for letter in "abc":
        zone = {"topology.kubernetes.io/zone": f"zone-{letter}"}
        sim.controllers.nodes.add(f"node-{letter}2", labels=zone)
    return sim


def samples() -> list[Object]:
    """Return the sample's Secret and CassandraCluster."""
    return [
        yaml.safe_load((SAMPLES / f"{name}.yaml").read_text())
        for name in ("jolokia-secret", "cassandracluster")
    ]
