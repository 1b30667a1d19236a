"""
Many simulated clusters under one operator: `python -m e2e.bench_converge --clusters 1000`.

All are created at the same simulated instant and have to become Ready. It prints how long that took in
both times, what it cost, and the peak memory of an operator that knows them all: that one is a process
of its own, on the same simulated API server over HTTP. It exits with 1 if a cluster does not converge.
"""

from __future__ import annotations

import argparse
import logging
import platform
import resource
import subprocess
import sys
import time

import structlog

from controller import __version__
from e2e.providers.cluster import CLUSTERS, Object, is_true
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, sample
from e2e.simkube.memory import relax_collection
from e2e.simkube.server import HttpServer

# Simulated seconds between two looks, and until it is given up.
LOOK_SECONDS, LIMIT_SECONDS = 20.0, 3600.0
KILOBYTE = 1024


def wanted(number: int, per_rack: int) -> Object:
    """Return a cluster of three racks with *per_rack* nodes each, which may share Kubernetes nodes."""
    obj = sample(f"many{number}")
    obj["spec"]["nodesPerRacks"] = per_rack
    obj["spec"]["hardAntiAffinity"] = False
    # A simulated Kubernetes node is as large as any; what pods ask for is another benchmark's matter.
    del obj["spec"]["resources"]
    return obj


def converge(clusters: int, per_rack: int) -> tuple[SimCluster, bool]:
    """Create the clusters and let time pass; print what it took, and return whether all became Ready."""
    simulated = SimulatedCluster(SimCluster(seed=1))
    sim = simulated.sim
    began, busy, origin = time.perf_counter(), time.process_time(), sim.simulation.now
    simulated.apply(jolokia_secret(), *(wanted(number, per_rack) for number in range(clusters)))
    waiting = set(range(clusters))
    while waiting and sim.simulation.now - origin < LIMIT_SECONDS:
        sim.run(LOOK_SECONDS)
        waiting = {n for n in waiting if not is_true(simulated.get(CLUSTERS, f"many{n}"), "Ready")}
    real, simulated_seconds = time.perf_counter() - began, sim.simulation.now - origin
    nodes = clusters * per_rack * 3
    busy = time.process_time() - busy
    print(f"  Ready: {clusters - len(waiting)} of {clusters} clusters, {nodes} Cassandra nodes")
    print(f"  simulated time {simulated_seconds:.0f} s, real {real:.1f} s")
    print(f"  processor time {busy:.1f} s ({busy / nodes * 1000:.0f} ms a node)")
    print(f"  writes of the operator: {sim.writes} ({sim.writes / nodes:.1f} a node)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTE
    print(f"  peak memory of simulator and operator together: {peak:.0f} MB")
    return sim, not waiting


def operator_memory(sim: SimCluster) -> tuple[float, float]:
    """Return, in MB, what an operator holds at first, and its peak once it has looked at all clusters."""
    with HttpServer(sim.server) as server:
        words = [sys.executable, "-m", "e2e.operator_memory", server.url, NAMESPACE]
        done = subprocess.run(words, capture_output=True, text=True, timeout=1800, check=True)
    before, peak = map(float, done.stdout.split())
    return before, peak


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_converge")
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--per-rack", type=int, default=3, help="nodes in each of the three racks (3)")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    relax_collection()
    print(
        f"casskop {__version__}, Python {platform.python_version()}, {platform.machine()}:"
        f" {given.clusters} clusters of {given.per_rack * 3} nodes"
    )
    sim, converged = converge(given.clusters, given.per_rack)
    before, peak = operator_memory(sim)
    each = (peak - before) * KILOBYTE / given.clusters
    print(f"  peak memory of an operator alone: {peak:.0f} MB, {before:.0f} MB before it knew any cluster")
    print(f"  that is {each:.0f} kB a cluster, with what it needs to look at one")
    return 0 if converged else 1


if __name__ == "__main__":
    sys.exit(main())
