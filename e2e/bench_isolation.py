"""
What clusters whose Cassandra hangs cost the others: `make bench-isolation`.

Clusters are edited one after the other, at a pace that does not depend on what the operator does about it;
measured is the time from an edit to the moment in which the API server has stored what it asks for, a
cluster's PodDisruptionBudget. In turn, no cluster hangs, one in a hundred, one in five: their nodes take
requests and never answer. Those that hang are edited as the others are. Exits with 1 if the 99th percentile
with one in a hundred is more than 1.2 times that without.

Only the operator's delays are to count, so:

- It runs in a process of its own (`e2e.isolation_operator`), with its program's limits and Python's garbage
  collection. API server and nodes are simulated here; what they made before the first edit is left out of
  the garbage collection of this process, which takes place between rounds: a real API server does not pause
  for tenths of a second.
- Simulated time stands still. With it, the simulated disruption controller would look at all budgets at
  once, and a hundred clusters would be reconciled for reasons of their own in the middle of a round.
- A round is too few edits for a 99th percentile, so edits of all rounds are pooled. The kinds are taken
  turn about, forwards and backwards, since what the machine does beside this comes and goes.
- The kind without hanging clusters is taken twice in each round, as two kinds. The ratio of these two is
  the noise: what a ratio is that nothing has caused. The bound is compared to both together.

What the machine's other work costs cannot be taken out of it, so it is told: each round's longest wait of a
ready thread for a processor, and the priority of the scheduling group. An edit wants a processor many
times, one after the other; if a round's longest wait is not far below its 99th percentile, that work made it.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping
import contextlib
import gc
import logging
from pathlib import Path
import platform
import random
import subprocess
import sys
import threading
import time

import attrs
import httpx
import structlog

from controller import __version__
from controller.kube import kinds
from controller.kube.transport import Request, Response
from e2e.bench_converge import wanted
from e2e.isolation_nodes import NodesProxy
from e2e.providers.cluster import CLUSTERS, is_true
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret
from e2e.simkube.memory import relax_collection
from e2e.simkube.server import HttpServer
from e2e.starved import Starved

BOUND = 1.2
# An edit is nine requests of the operator, which sends fifty a second at most.
PACE_SECONDS = 0.25
# Simulated seconds a second: nothing but the operator and who edits changes anything.
STANDSTILL = 1e-6
# How long the operator has nothing to do before a round begins.
REST_SECONDS = 2.0
# When an edit is given up.
LIMIT_SECONDS = 300.0
QUIET = ("none hangs", "none again")


class Budgets:
    """When which cluster's PodDisruptionBudget was last stored."""

    def __init__(self, sim: SimCluster) -> None:
        self._changed = threading.Condition()
        self._stored: dict[str, float] = {}
        path = kinds.POD_DISRUPTION_BUDGET.path(NAMESPACE)
        watch = sim.server.open_watch(Request(method="GET", path=path, query={"watch": "1"}))
        assert not isinstance(watch, Response), watch.body
        self._watch = watch
        watch.poll_shared()
        watch.on_change = self._look

    def wait(self, name: str, since: float) -> float:
        """Wait until the budget of *name* is stored after *since*; return the seconds from there."""
        with self._changed:
            there = self._changed.wait_for(
                lambda: self._stored.get(name, 0.0) > since, since + LIMIT_SECONDS - time.monotonic()
            )
        assert there, f"{name} was edited, and nothing came of it within {LIMIT_SECONDS:.0f} s"
        return self._stored[name] - since

    def _look(self) -> None:
        """Note what is new; the API server's lock is held."""
        names = [event["object"]["metadata"]["name"] for event in self._watch.poll_shared()]
        if names:
            with self._changed:
                self._stored.update(dict.fromkeys(names, time.monotonic()))
                self._changed.notify_all()


@attrs.frozen
class Bench:
    """The world in which the operator is at work, and who edits."""

    sim: SimCluster
    nodes: NodesProxy
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

    def warm_up(self) -> None:
        """Edit each cluster, one when the one before is done."""
        for name in [*self.healthy, *self.others]:
            self.budgets.wait(name, self.edit(name))

    def round(self, hung: Collection[str]) -> list[float]:
        """Edit all clusters, of which *hung* hang; return the seconds that each of the healthy ones took."""
        order = [*self.healthy, *hung]
        self.dice.shuffle(order)
        hosts = [self._address(pod) for name in hung for pod in self._pods(name)]
        began: dict[str, float] = {}
        time.sleep(REST_SECONDS)
        gc.collect()
        with self.nodes.hanging(hosts):
            due = time.monotonic()
            for name in order:
                time.sleep(max(0.0, due - time.monotonic()))
                began[name] = self.edit(name)
                due += PACE_SECONDS
            seconds = [self.budgets.wait(name, began[name]) for name in self.healthy]
        # The others get there when they are let go: the next round begins with an idle operator.
        for name in hung:
            self.budgets.wait(name, began[name])
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


@contextlib.contextmanager
def running(healthy: int, hung: int) -> Iterator[Bench]:
    """Bring up everything, with clusters that stay healthy and those that may hang."""
    names = tuple(f"healthy{n}" for n in range(healthy)), tuple(f"hung{n}" for n in range(hung))
    sim = converged([*names[0], *names[1]])
    gc.collect()
    gc.freeze()
    gc.disable()
    with HttpServer(sim.server, speed=STANDSTILL) as server, NodesProxy(sim) as nodes:
        bench = Bench(sim, nodes, Budgets(sim), *names, random.Random(1))  # noqa: S311 -- an order of edits
        words = [sys.executable, "-m", "e2e.isolation_operator", server.url, nodes.url, NAMESPACE]
        with subprocess.Popen(words, stdin=subprocess.PIPE) as operator:
            try:
                yield bench
            finally:
                # The end of its input is the end of it.
                operator.communicate(timeout=30)


def percentile(seconds: Collection[float], part: float) -> float:
    """Return the smallest of *seconds* that at least this *part* of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def measure(bench: Bench, rounds: int) -> Mapping[str, list[float]]:
    """Take *rounds* of each kind, turn about; print each, and return by kind what all edits took."""
    bench.warm_up()
    starved = Starved()
    few = max(1, len(bench.healthy) // 100)
    kinds_of = {QUIET[0]: (), "1 % hang": bench.others[:few], QUIET[1]: (), "20 % hang": bench.others}
    found: dict[str, list[float]] = {kind: [] for kind in kinds_of}
    for number in range(rounds):
        for kind, hung in list(kinds_of.items())[:: -1 if number % 2 else 1]:
            starved.longest()
            seconds = bench.round(hung)
            found[kind] += seconds
            waited = f"{starved.longest() * 1000:5.1f} ms" if starved.known else "unknown"
            print(f"  round {number}, {kind:<10}: {_line(seconds)}, for a processor {waited}", flush=True)
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
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind (5)")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    relax_collection()
    print(
        f"casskop {__version__}, Python {platform.python_version()}, httpx {httpx.__version__},"
        f" {platform.machine()}: {given.clusters} clusters of 3 nodes that are well, an edit each"
        f" {PACE_SECONDS * 1000:.0f} ms, scheduling group {priority()}"
    )
    with running(given.clusters, max(1, given.clusters // 4)) as bench:
        found = measure(bench, given.rounds)
    quiet = [seconds for kind in QUIET for seconds in found[kind]]
    for kind, seconds in found.items():
        ratio = percentile(seconds, 0.99) / percentile(quiet, 0.99)
        print(f"{kind:<10}: {_line(seconds)}, p99 {ratio:.2f} times that without, {len(seconds)} edits")
    first, second = (percentile(found[kind], 0.99) for kind in QUIET)
    print(f"noise: {max(first, second) / min(first, second):.2f} between the two without")
    ratio = percentile(found["1 % hang"], 0.99) / percentile(quiet, 0.99)
    good = ratio <= BOUND
    print(f"1 % hang: {ratio:.3f} <= {BOUND}: {'ok' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
