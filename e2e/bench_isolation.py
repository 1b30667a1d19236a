"""
What clusters whose Cassandra hangs cost the others: `make bench-isolation`.

The operator runs as it does in a pod, with its threads and over HTTP, against a simulated API server with
simulated Cassandra nodes, in which nothing else happens. Clusters are edited one after the other, at a pace
that does not depend on what the operator does about it; measured is the time from an edit to the write that
it asks for, of a cluster's PodDisruptionBudget. In turn, no cluster hangs, one in a hundred, one in five:
their nodes take requests and never answer. Those that hang are edited as the others are.

It prints the 50th and 99th percentile of each round, and exits with 1 if the 99th with one in a hundred is
more than 1.2 times that without. What the machine does beside this comes and goes, so the kinds are taken
turn about, forwards and backwards, each round is compared with the one beside it in which none hangs, and of
these ratios the median counts. Its scheduling group's priority is printed: with the machine's other work at
the same one, the 99th percentile is that work's.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping
import contextlib
import itertools
import logging
from pathlib import Path
import platform
import random
import statistics
import sys
import threading
import time
from typing import Any

import attrs
import httpx
import structlog

from controller import __version__
from controller.app import LISTS
from controller.builders.context import Images
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import Core, assemble, source_of
from controller.kube.client import KubeClient
from controller.kube.events import EventRecorder
from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from controller.kube.transport import Request, Response
from controller.runtime.clock import RealClock
from controller.runtime.reflector import Reflector
from e2e.bench_converge import wanted
from e2e.providers.cluster import CLUSTERS, is_true
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret
from e2e.simcassandra.transport import RingTransport, hanging_up
from e2e.simkube.memory import relax_collection
from e2e.simkube.server import HttpServer

WORKERS = 16
BOUND = 1.2
# One edit in this many seconds at least, and in this many times the median of a quiet operator.
PACE_SECONDS, PACE_TIMES = 0.05, 2.0
# Simulated seconds a second: nothing but the operator and who edits changes anything.
STANDSTILL = 0.001
# When an edit is given up.
LIMIT_SECONDS = 300.0


class Hanging(httpx.BaseTransport):
    """The way to simulated nodes; those at the addresses in *hung* do not answer until they are let go."""

    def __init__(self, sim: SimCluster) -> None:
        self._inner = RingTransport(sim.controllers.agents.at, hanging_up)
        self._lock = sim.server.lock
        self._let_go = threading.Event()
        self.hung: frozenset[str] = frozenset()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry *request* out, or keep its client waiting for as long as it has patience."""
        if request.url.host in self.hung:
            self._let_go.wait(float(request.extensions["timeout"]["read"]))
            raise httpx.ReadTimeout("The read operation timed out", request=request)
        with self._lock:
            return self._inner.handle_request(request)

    @contextlib.contextmanager
    def hanging(self, hosts: Collection[str]) -> Iterator[None]:
        """Let the nodes at *hosts* hang meanwhile."""
        self._let_go.clear()
        self.hung = frozenset(hosts)
        try:
            yield
        finally:
            self.hung = frozenset()
            self._let_go.set()


class Budgets(LiveTransport):
    """The operator's way to the API server, which notes when it wrote whose PodDisruptionBudget."""

    written: dict[str, float]
    changed: threading.Condition

    def send(self, request: Request) -> Response:
        """Carry *request* out."""
        answer = super().send(request)
        if request.method != "GET" and "/poddisruptionbudgets/" in request.path and answer.status < 300:
            with self.changed:
                self.written[request.path.rpartition("/")[2]] = time.monotonic()
                self.changed.notify_all()
        return answer


@attrs.frozen
class Bench:
    """The operator at work, and who edits."""

    sim: SimCluster
    nodes: Hanging
    budgets: Budgets
    healthy: tuple[str, ...]
    others: tuple[str, ...]
    dice: random.Random

    def edit(self, name: str) -> float:
        """Ask for another budget; return when."""
        spec = self.sim.cluster(name)["spec"]
        at = time.monotonic()
        self.sim.edit(name, {"maxPodUnavailable": 3 - spec.get("maxPodUnavailable", 1)})
        return at

    def written(self, name: str, since: float) -> float:
        """Wait until the budget of *name* is written after *since*; return the seconds from there."""
        with self.budgets.changed:
            there = self.budgets.changed.wait_for(
                lambda: self.budgets.written.get(name, 0.0) > since, since + LIMIT_SECONDS - time.monotonic()
            )
        assert there, f"{name} was edited, and nothing came of it within {LIMIT_SECONDS:.0f} s"
        return self.budgets.written[name] - since

    def one_by_one(self) -> float:
        """Edit some clusters, each when the one before is done; return the median of what that takes."""
        return statistics.median(self.written(name, self.edit(name)) for name in self.healthy[:30])

    def round(self, hung: Collection[str], pace: float) -> list[float]:
        """Edit all clusters, of which *hung* hang; return the seconds that each of the healthy ones took."""
        order = [*self.healthy, *hung]
        self.dice.shuffle(order)
        hosts = [self._address(pod) for name in hung for pod in self._pods(name)]
        began: dict[str, float] = {}
        with self.nodes.hanging(hosts):
            due = time.monotonic()
            for name in order:
                time.sleep(max(0.0, due - time.monotonic()))
                began[name] = self.edit(name)
                due += pace
            seconds = [self.written(name, began[name]) for name in self.healthy]
        # The others get there when they are let go: the next round begins with an idle operator.
        for name in hung:
            self.written(name, began[name])
        return seconds

    def _pods(self, name: str) -> list[str]:
        return [f"{name}-dc1-rack{rack}-0" for rack in (1, 2, 3)]

    def _address(self, pod: str) -> str:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}"
        answer = self.sim.transport.send(Request(method="GET", path=path))
        return str(answer.body["status"]["podIP"])


def converged(names: Collection[str]) -> SimCluster:
    """Return a world with three-node clusters of these *names*, all Ready, and without an operator."""
    simulated = SimulatedCluster(SimCluster(seed=1))
    sim = simulated.sim
    clusters = []
    for number, name in enumerate(names):
        obj = wanted(number, 1)
        obj["metadata"]["name"] = name
        clusters.append(obj)
    simulated.apply(jolokia_secret(), *clusters)

    def all_ready() -> bool:
        return all(is_true(simulated.get(CLUSTERS, name), "Ready") for name in names)

    simulated.eventually(all_ready, seconds=3600, what="all clusters are Ready")
    assert sim.operator is not None
    sim.operator.kill()
    sim.operator = None
    return sim


def assembled(budgets: Budgets, nodes: Hanging) -> tuple[Core, EventRecorder, list[Reflector[Any]]]:
    """Return the operator's parts, as its own program puts them together, but for lease and servers."""
    clock = RealClock()
    client = KubeClient(budgets, fence=lambda: None)
    recorder = EventRecorder(client, instance="bench", clock=clock)
    ids = itertools.count()
    core = assemble(
        client=client,
        nodes=Nodes(Jolokia.over(nodes)),
        recorder=recorder,
        images=Images(own="casskop:sim"),
        clock=clock,
        new_id=lambda: str(next(ids)),
        workers=WORKERS,
    )
    reflectors: list[Reflector[Any]] = [
        Reflector(
            kind=kind.plural,
            source=source_of(budgets, kind, NAMESPACE),
            store=store,
            transform=kind.transform,
            clock=clock,
            roll=random.random,
            settings=LISTS,
        )
        for kind, store in core.stores.by_kind().items()
    ]
    return core, recorder, reflectors


@contextlib.contextmanager
def running(healthy: int, hung: int) -> Iterator[Bench]:
    """Bring up everything, with clusters that stay healthy and those that may hang."""
    names = tuple(f"healthy{n}" for n in range(healthy)), tuple(f"hung{n}" for n in range(hung))
    sim = converged([*names[0], *names[1]])
    with HttpServer(sim.server, speed=STANDSTILL) as server:
        budgets = Budgets(InCluster(server=server.url), pool_size=WORKERS + 16)
        budgets.written, budgets.changed = {}, threading.Condition()
        nodes = Hanging(sim)
        core, recorder, reflectors = assembled(budgets, nodes)
        for reflector in reflectors:
            reflector.start()
        for store in core.stores.by_kind().values():
            assert store.wait_synced(120.0), "the operator does not get to know what there is"
        recorder.start()
        core.enqueue_all()
        core.workers.start()
        try:
            yield Bench(sim, nodes, budgets, *names, random.Random(1))  # noqa: S311 -- an order of edits
        finally:
            core.queue.shut_down(drop=True)
            recorder.stop(1.0)
            for reflector in reflectors:
                reflector.stop()


def percentile(seconds: Collection[float], part: float) -> float:
    """Return the smallest of *seconds* that at least this *part* of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def measure(bench: Bench, rounds: int) -> Mapping[str, list[float]]:
    """Take *rounds* of each kind, turn about; print each, and return by kind the 99th percentiles."""
    bench.one_by_one()
    pace = max(PACE_SECONDS, PACE_TIMES * bench.one_by_one())
    print(f"  an edit each {pace * 1000:.0f} ms")
    few = max(1, len(bench.healthy) // 100)
    kinds = {"none hangs": (), "1 % hang": bench.others[:few], "20 % hang": bench.others}
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind, hung in list(kinds.items())[:: -1 if number % 2 else 1]:
            seconds = bench.round(hung, pace)
            found[kind].append(percentile(seconds, 0.99))
            print(f"  round {number}, {kind:<10}: {_line(seconds)}", flush=True)
    return found


def priority() -> str:
    """Return the priority of this process's scheduling group, as the kernel tells it."""
    file = Path("/proc/self/autogroup")
    return file.read_text().strip() if file.exists() else "unknown"


def _line(seconds: Collection[float]) -> str:
    half, most = percentile(seconds, 0.5), percentile(seconds, 0.99)
    return f"p50 {half * 1000:7.1f} ms, p99 {most * 1000:7.1f} ms, worst {max(seconds) * 1000:7.1f} ms"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_isolation")
    parser.add_argument("--clusters", type=int, default=100, help="clusters that do not hang (100)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each kind (9)")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    relax_collection()
    print(
        f"casskop {__version__}, Python {platform.python_version()}, httpx {httpx.__version__},"
        f" {platform.machine()}: {given.clusters} clusters of 3 nodes that are well, {WORKERS} workers,"
        f" scheduling group {priority()}"
    )
    with running(given.clusters, max(1, given.clusters // 4)) as bench:
        found = measure(bench, given.rounds)
    quiet = found["none hangs"]
    ratios = {
        kind: [one / other for one, other in zip(most, quiet, strict=True)] for kind, most in found.items()
    }
    for kind, most in found.items():
        each = sorted(ratios[kind])
        print(
            f"{kind:<10}: p99 {statistics.median(most) * 1000:7.1f} ms,"
            f" {statistics.median(each):.2f} times that of none ({each[0]:.2f} to {each[-1]:.2f})"
        )
    ratio = statistics.median(ratios["1 % hang"])
    good = ratio <= BOUND
    print(f"1 % hang: {ratio:.2f} <= {BOUND}: {'ok' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
