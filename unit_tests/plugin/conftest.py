"""The plugin at a simulated cluster over HTTP, run as its user runs it but for kubectl's way there."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
import contextlib
import json
import logging
from typing import Any

import attrs
import pytest
import structlog

from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from controller.plugin.__main__ import main
from controller.plugin.session import Output, Session
from e2e.providers.cluster import wait_ready
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.rehearsal.command import find
from e2e.samples import jolokia_secret, sample
from e2e.simkube.server import HttpServer


@attrs.frozen
class Said:
    """How the plugin ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class Plugin:
    """The plugin in the namespace of *cluster*; its clock is the simulation's."""

    def __init__(self, cluster: SimulatedCluster, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.cluster = cluster
        self._transport = LiveTransport(InCluster(server=url), pool_size=2)
        self._capsys = capsys
        # How a command lets time pass.
        self.sleep: Callable[[float], None] = cluster.sim.run

    def run(self, *words: str) -> Said:
        """Run it with *words* on its command line."""
        self._capsys.readouterr()
        try:
            code = main(words, self._connect, find)
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def session(self) -> Session:
        """Return a session as commands have it."""
        with self._connect(argparse.Namespace(), Output()) as session:
            return session

    @contextlib.contextmanager
    def _connect(self, given: argparse.Namespace, out: Output) -> Iterator[Session]:
        simulation = self.cluster.sim.simulation
        yield Session(
            transport=self._transport,
            namespace=getattr(given, "namespace", NAMESPACE),
            out=out,
            sleep=self.sleep,
            now=lambda: simulation.now,
        )


@contextlib.contextmanager
def served(*, ring: bool) -> Iterator[tuple[SimulatedCluster, str]]:
    """Serve a simulated Kubernetes with the operator, and if *ring* with the sample's three nodes, Ready.

    Time only moves when a test moves it.
    """
    # The operator's log would stand among the plugin's words.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sim = SimCluster(seed=1)
    for letter in "abc":
        # Room for a second node in each zone.
        sim.controllers.nodes.add(f"node-{letter}2", labels={"topology.kubernetes.io/zone": f"zone-{letter}"})
    world = SimulatedCluster(sim)
    if ring:
        world.apply(jolokia_secret(), sample("demo"))
        wait_ready(world, "demo", seconds=420)
    with HttpServer(world.sim.server, speed=1e-6) as server:
        yield world, server.url


@pytest.fixture
def plugin(capsys: pytest.CaptureFixture[str]) -> Iterator[Plugin]:
    """The plugin before an empty namespace."""
    with served(ring=False) as (world, url):
        yield Plugin(world, url, capsys)


@pytest.fixture
def demo(capsys: pytest.CaptureFixture[str]) -> Iterator[Plugin]:
    """The plugin before the sample's ring of three nodes; the cluster is called `demo`."""
    with served(ring=True) as (world, url):
        yield Plugin(world, url, capsys)


@pytest.fixture(scope="module")
def _standing() -> Iterator[tuple[SimulatedCluster, str]]:
    with served(ring=True) as found:
        yield found


@pytest.fixture
def still(_standing: tuple[SimulatedCluster, str], capsys: pytest.CaptureFixture[str]) -> Plugin:
    """As `demo`, but one for all tests of a module, which only look."""
    return Plugin(*_standing, capsys)
