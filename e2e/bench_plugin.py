"""
Measure what `kubectl casskop` takes on a ring of 300 nodes: `make bench-plugin`.

The plugin is the single file, run as users run it: a process of its own, through a real kubectl, against the
simulated API server over HTTP. The objects of a ring of three are copied, each pod with its own name, address
and host id. `kubectl get pods -o json` on the same server is what any client would take. It exits with 1 if
`status` takes longer than its bound, by the median of several runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import copy
import logging
import os
from pathlib import Path
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any
import uuid

import structlog

from controller import __version__
from controller.plugin import single_file
from e2e.providers.cluster import CLUSTERS, wait_ready
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.rehearsal import stored
from e2e.samples import jolokia_secret, sample
from e2e.simkube.server import HttpServer, kubeconfig_text

BOUND_SECONDS = 1.0
RUNS = 7
NAME = "demo"
RACKS = 3


@contextlib.contextmanager
def large(nodes: int) -> Iterator[str]:
    """Serve a cluster of so many *nodes*, which nobody operates; yields the address."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sim = SimCluster(seed=1)
    world = SimulatedCluster(sim)
    world.apply(jolokia_secret(), sample(NAME))
    wait_ready(world, NAME, seconds=420)
    cluster = world.get(CLUSTERS, NAME)
    known = cluster["status"]["cassandraNodeStatus"]
    for pod in world.of(NAME, "pods"):
        rack = pod["metadata"]["name"].removesuffix("-0")
        for number in range(1, nodes // RACKS):
            twin = _twin(pod, f"{rack}-{number}", f"10.{rack[-1]}.{number // 250}.{number % 250 + 1}")
            known[twin["metadata"]["name"]] = {
                **known[f"{rack}-0"],
                "hostId": str(uuid.uuid5(uuid.NAMESPACE_DNS, twin["metadata"]["name"])),
                "nodeIp": twin["status"]["podIP"],
            }
            stored.put(sim.server, ("", "pods"), twin)
    cluster["status"] |= {"readyNodes": nodes, "wantedNodes": nodes}
    stored.put(sim.server, ("db.orange.com", "cassandraclusters"), cluster)
    with HttpServer(sim.server, speed=1e-6) as server:
        yield server.url


def _twin(pod: dict[str, Any], name: str, address: str) -> dict[str, Any]:
    twin = copy.deepcopy(pod)
    del twin["metadata"]["uid"]
    twin["metadata"]["name"] = name
    twin["status"] |= {"podIP": address, "podIPs": [{"ip": address}]}
    return twin


def _median(words: list[str], kubeconfig: Path) -> tuple[float, float]:
    """Return the medians of the seconds that a program takes, and of those that it computes.

    `CalledProcessError` if it fails.
    """
    taken, computed = [], []
    for _ in range(RUNS):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        subprocess.run(words, env=env, check=True, capture_output=True, timeout=60)
        taken.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        computed.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken), statistics.median(computed)


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_plugin")
    parser.add_argument("--nodes", type=int, default=300)
    given = parser.parse_args()
    print(f"casskop {__version__}, Python {platform.python_version()}, {given.nodes} nodes, {RUNS} runs each")
    with tempfile.TemporaryDirectory() as folder, large(given.nodes) as url:
        program, kubeconfig = Path(folder) / "kubectl-casskop", Path(folder) / "config"
        single_file.build(program)
        kubeconfig.write_text(kubeconfig_text(url))
        where = ["-n", NAMESPACE]
        plugin = [sys.executable, "-I", "-S", str(program)]
        lines = {
            "kubectl get pods -o json": ["kubectl", "get", "pods", "-o", "json", *where],
            "kubectl casskop --version": [*plugin, "--version"],
            "kubectl casskop plan": [*plugin, "plan", NAME, *where],
            "kubectl casskop status": [*plugin, "status", NAME, *where],
        }
        found = {name: _median(words, kubeconfig) for name, words in lines.items()}
    for name, (taken, computed) in found.items():
        print(f"{name:<26} {taken:.2f} s, of which it computes {computed:.2f} s")
    plain, status = found["kubectl get pods -o json"][0], found["kubectl casskop status"][0]
    good = status <= BOUND_SECONDS
    verdict = "ok" if good else "MISSED"
    print(f"status {status:.2f} s  <= {BOUND_SECONDS} {verdict}; {status / plain:.1f} times kubectl get pods")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
