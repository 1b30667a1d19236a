"""
Measure rolling restarts: `make bench-roll`, as ratios to what the pods' own restarts come to.

- On the real cluster: three racks of two nodes, three replicas, first whole racks at once, a restart and then
  a new template, which one node has to try, then node by node; with a client at LOCAL_QUORUM all the time,
  whose failed requests are printed.
- On the simulator (`--simulated`): three racks of a hundred nodes that take a minute each.

A restart is timed from the pod's deletion to its successor's Ready, as the API server dates both, to the
second. Nothing is left out; it exits with 1 if a ratio misses its bound.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
import datetime as dt
import logging
import platform
import secrets
import statistics
import sys
import time

import attrs
import structlog

from controller import __version__
from e2e import load, watching
from e2e.cql import ring_session
from e2e.kubectl import Kubectl, Object
from e2e.lab import install, lab, remove
from e2e.providers.cluster import CLUSTERS, at_rest, is_true
from e2e.providers.sim import SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, sample
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import NetworkTopology
from e2e.simcontrollers.pace import Pace
from e2e.simkube.memory import relax_collection

NAME, RACKS, REPLICAS = "roll", 3, 3
AT_ONCE, ONE_BY_ONE = "RackAtOnce", "Gradual"
# What a ratio may be: to racks or nodes, times the mean restart.
BOUNDS = {AT_ONCE: 1.3, ONE_BY_ONE: 1.1}
SIMULATED_BOUND, SIMULATED_PER_RACK, SIMULATED_SETTLE = 1.15, 100, 47.0
ROLL_SECONDS = 900
# CassKop with six nodes on such a machine, node by node.
CASSKOP_SECONDS = 132


@attrs.define
class Restarts:
    """The restarts of a roll by pod, as looks at the pods show them."""

    before: Mapping[str, str]
    deleted: dict[str, dt.datetime] = attrs.field(factory=dict)
    ready: dict[str, dt.datetime] = attrs.field(factory=dict)
    most_down: int = 0

    def look(self, pods: list[Object]) -> None:
        """Take in how the pods are now."""
        up = 0
        for pod in pods:
            metadata, name = pod["metadata"], pod["metadata"]["name"]
            turned = _ready_since(pod)
            up += turned is not None and not metadata.get("deletionTimestamp")
            if metadata["uid"] == self.before[name]:
                if gone := metadata.get("deletionTimestamp"):
                    grace = dt.timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
                    self.deleted.setdefault(name, _instant(gone) - grace)
            elif turned is not None:
                self.ready.setdefault(name, turned)
        self.most_down = max(self.most_down, len(self.before) - up)

    def seconds(self) -> list[float]:
        """Return how long each restart took that was seen whole."""
        return [
            (self.ready[pod] - self.deleted[pod]).total_seconds()
            for pod in sorted(self.deleted)
            if pod in self.ready
        ]


@attrs.frozen(kw_only=True)
class Result:
    """A roll: its wall time, its restarts, and what it would take if nothing but restarts took time."""

    strategy: str
    wall: float
    restarts: Restarts
    turns: int
    bound: float

    @property
    def ratio(self) -> float:
        """The wall time over that of its restarts, as many after each other as have to be."""
        return self.wall / (self.turns * statistics.mean(self.restarts.seconds()))

    def show(self) -> None:
        """Print it."""
        own = self.restarts.seconds()
        print(
            f"{self.strategy}: {len(own)} restarts in {self.wall:.0f} s, each {min(own):.0f} to"
            f" {max(own):.0f} s, mean T {statistics.mean(own):.1f} s,"
            f" at most {self.restarts.most_down} down\n"
            f"  wall / ({self.turns} x T) = {self.ratio:.3f}  <= {self.bound:<5}"
            f" {'ok' if self.good else 'MISSED'}"
        )

    @property
    def good(self) -> bool:
        """Whether every node was restarted, within the bound."""
        return len(self.restarts.seconds()) == len(self.restarts.before) and self.ratio <= self.bound


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _ready_since(pod: Object) -> dt.datetime | None:
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each["type"] == "Ready" and each["status"] == "True":
            return _instant(each["lastTransitionTime"])
    return None


def wanted(per_rack: int) -> Object:
    """Return three racks, one in each zone, whose nodes may share a Kubernetes node."""
    obj = sample(NAME)
    obj["spec"] |= {"nodesPerRacks": per_rack, "hardAntiAffinity": False}
    return obj


def new_template() -> Object:
    """Return the edit that gives every pod a new template, whole racks at once: one node has to try it."""
    return {"spec": {"pod": {"annotations": {"round": "new"}}, "rollout": {"strategy": AT_ONCE}}}


def edit(strategy: str, number: int) -> Object:
    """Return the edit that restarts everything."""
    at = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number)
    return {"spec": {"restartedAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "rollout": {"strategy": strategy}}}


def ways(strategies: Collection[str]) -> dict[str, tuple[str, Object]]:
    """Return the edits that roll everything, each with its strategy, by what they are."""
    found = {
        f"{AT_ONCE}, a restart": (AT_ONCE, edit(AT_ONCE, 0)),
        f"{AT_ONCE}, a new template": (AT_ONCE, new_template()),
        f"{ONE_BY_ONE}, a restart": (ONE_BY_ONE, edit(ONE_BY_ONE, 1)),
    }
    return {what: way for what, way in found.items() if way[0] in strategies}


def roll(kubectl: Kubectl, what: str, way: tuple[str, Object], per_rack: int) -> Result:
    """Restart all nodes on a real cluster, and watch it."""
    strategy, change = way
    pods = watching.pods(kubectl, NAME)
    seen = Restarts(before={pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods})
    began = time.monotonic()
    kubectl.patch("cassandracluster", NAME, change)

    def over() -> bool:
        seen.look(watching.pods(kubectl, NAME))
        return len(seen.ready) == len(seen.before) and at_rest(watching.cluster(kubectl, NAME))

    watching.eventually(over, seconds=ROLL_SECONDS, what=f"{what} is over", every=0.7)
    wall = time.monotonic() - began
    seen.look(watching.pods(kubectl, NAME))
    turns = RACKS if strategy == AT_ONCE else RACKS * per_rack
    return Result(strategy=what, wall=wall, restarts=seen, turns=turns, bound=BOUNDS[strategy])


def real(per_rack: int, strategies: Collection[str]) -> list[Result]:
    """Roll a real cluster in these ways, and print what it was."""
    where = lab()
    kubectl = where.kubectl(f"casskop-roll-{secrets.token_hex(3)}")
    server = kubectl.run("version").split("Server Version:")[-1].strip()
    print(f"casskop {__version__}, Python {platform.python_version()}, Kubernetes {server}")
    install(kubectl, image=where.image)
    results = []
    try:
        kubectl.apply(jolokia_secret(), wanted(per_rack))
        watching.eventually(
            lambda: watching.is_true(kubectl, NAME, "Ready"), seconds=ROLL_SECONDS, what="the ring is Ready"
        )
        hosts = [pod["status"]["podIP"] for pod in watching.pods(kubectl, NAME)]
        with ring_session(hosts, datacenter="dc1") as cql:
            load.prepare(cql, load.replicated(dc1=REPLICAS))
            # So that logins survive what the client's rows survive.
            load.alter(cql, load.replicated(dc1=REPLICAS), "system_auth")
            print(f"{RACKS} racks x {per_rack} nodes, {REPLICAS} replicas", flush=True)
            for what, way in ways(strategies).items():
                # So that the operator's last look at the last roll is over.
                time.sleep(5)
                with load.Load([cql]) as client:
                    results.append(roll(kubectl, what, way, per_rack))
                results[-1].show()
                report = client.report()
                lost = load.lost(cql, report.written)
                print(f"  client: {report}\n  rows lost: {len(lost)} of {len(report.written)}", flush=True)
    finally:
        remove(kubectl)
    print(f"CassKop 2.3.4, for comparison: {CASSKOP_SECONDS} s for 6 nodes, node by node")
    return results


def simulated(per_rack: int) -> list[Result]:
    """Roll a simulated cluster, whole racks at once: a restart, and a new template."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    relax_collection()
    print(f"casskop {__version__}, simulator, {RACKS} racks x {per_rack} nodes")
    obj = wanted(per_rack)
    del obj["spec"]["resources"]
    sim = SimCluster(seed=1, pace=Pace(ring=RingPace(settle=SIMULATED_SETTLE)))
    cluster = SimulatedCluster(sim)
    began = time.perf_counter()
    cluster.apply(jolokia_secret(), obj)
    _let(sim, lambda: is_true(cluster.get(CLUSTERS, NAME), "Ready"), step=60.0)
    print(f"  created in {time.perf_counter() - began:.0f} s of real time")
    spread = NetworkTopology(factors={"dc1": REPLICAS})
    sim.controllers.ring.create_keyspace("app", spread)
    sim.controllers.ring.alter_keyspace("system_auth", spread)
    sim.run(30)
    return [_simulated_roll(sim, cluster, what, change) for what, (_, change) in ways([AT_ONCE]).items()]


def _simulated_roll(sim: SimCluster, cluster: SimulatedCluster, what: str, change: Object) -> Result:
    """Roll *change*, and watch it."""
    sim.run(30)
    pods = cluster.of(NAME, "pods")
    seen = Restarts(before={pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods})
    began, start = time.perf_counter(), sim.simulation.now
    cluster.patch(CLUSTERS, NAME, change)

    def over() -> bool:
        seen.look(cluster.of(NAME, "pods"))
        return at_rest(cluster.get(CLUSTERS, NAME)) and len(seen.ready) == len(seen.before)

    _let(sim, over, step=1.0)
    wall = sim.simulation.now - start
    print(f"  rolled in {time.perf_counter() - began:.0f} s of real time")
    return Result(strategy=what, wall=wall, restarts=seen, turns=RACKS, bound=SIMULATED_BOUND)


def _let(sim: SimCluster, probe: Callable[[], bool], *, step: float) -> None:
    """Let simulated time pass until *probe*."""
    for _ in range(20_000):
        sim.run(step)
        if probe():
            return
    raise SystemExit("it does not end")


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_roll")
    parser.add_argument("--simulated", action="store_true", help="on the simulator")
    parser.add_argument("--per-rack", type=int, help="nodes in each of the three racks (2, or 100)")
    both = (AT_ONCE, ONE_BY_ONE)
    parser.add_argument("--strategy", choices=both, help="only this one, on the real cluster")
    given = parser.parse_args()
    if given.simulated:
        results = simulated(given.per_rack or SIMULATED_PER_RACK)
        for result in results:
            result.show()
    else:
        results = real(given.per_rack or 2, (given.strategy,) if given.strategy else both)
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
