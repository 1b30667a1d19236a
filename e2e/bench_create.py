"""
Measure the creation of the sample on a real cluster: `make bench-create`.

It prints what ran, and ratios within the run: wall time over the pods' own start times (from a pod's
creation to its Ready condition, as the API server dates them, to the second), writes of an idle operator,
and its memory. Every round is printed, the bad ones too; it exits with 1 if a median misses its bound.
"""

from __future__ import annotations

import datetime as dt
import platform
import secrets
import statistics
import sys
import time

import attrs

from controller import __version__
from e2e import operator_metrics, watching
from e2e.kubectl import Kubectl, Object
from e2e.lab import install, lab, remove
from e2e.samples import jolokia_secret, sample

ROUNDS = 3
IDLE_SECONDS = 60
RATIO_BOUND, WRITES_BOUND, MEGABYTES_BOUND = 1.15, 0, 80
# CassKop 2.3.4 with the same ring on such a machine.
CASSKOP_SECONDS, CASSKOP_WRITES = 40, 24


@attrs.frozen
class Row:
    """One figure, and what it may be at most."""

    what: str
    value: float
    bound: float

    @property
    def good(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.value <= self.bound


def seconds_of(pod: Object) -> float:
    """Return how long a pod took from its creation to Ready."""
    created = dt.datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    return (dt.datetime.fromisoformat(ready["lastTransitionTime"]) - created).total_seconds()


def create_once(kubectl: Kubectl, number: int) -> tuple[float, float]:
    """Create the sample; return the wall time and the sum of the pods' own start times, and clean up."""
    name = f"bench{number}"
    began = time.monotonic()
    kubectl.apply(sample(name))
    watching.eventually(
        lambda: watching.is_true(kubectl, name, "Ready"), seconds=600, what=f"{name} is Ready", every=0.2
    )
    wall = time.monotonic() - began
    pods = watching.pods(kubectl, name)
    own = sum(seconds_of(pod) for pod in pods)
    kubectl.run("delete", "cassandracluster", name, "--timeout=60s", seconds=70)
    watching.eventually(lambda: not watching.pods(kubectl, name), seconds=120, what="the pods are gone")
    kubectl.run("delete", "pvc", "-l", f"cassandracluster={name}", "--timeout=60s", seconds=70)
    return wall, own


def idle_writes(kubectl: Kubectl) -> float:
    """Return the state-changing API calls of an operator with one converged cluster in a minute."""
    name = "idle"
    kubectl.apply(sample(name))
    watching.eventually(
        lambda: watching.is_true(kubectl, name, "Ready"), seconds=600, what=f"{name} is Ready"
    )
    # The last status write and its events have gone out by then.
    time.sleep(10)
    before = operator_metrics.writes(operator_metrics.read(kubectl))
    time.sleep(IDLE_SECONDS)
    return operator_metrics.writes(operator_metrics.read(kubectl)) - before


def main() -> int:
    """Run the benchmark; return the exit code."""
    where = lab()
    kubectl = where.kubectl(f"casskop-bench-{secrets.token_hex(3)}")
    server = kubectl.run("version").split("Server Version:")[-1].strip()
    print(f"casskop {__version__}, Python {platform.python_version()}, Kubernetes {server}")
    install(kubectl, image=where.image)
    try:
        kubectl.apply(jolokia_secret())
        ratios = []
        for number in range(ROUNDS):
            wall, own = create_once(kubectl, number)
            ratios.append(wall / own)
            print(
                f"round {number}: 3 racks x 1 Ready in {wall:.1f} s, pods' own {own:.0f} s: {wall / own:.3f}"
            )
        writes = idle_writes(kubectl)
        memory = operator_metrics.resident_megabytes(operator_metrics.read(kubectl))
    finally:
        remove(kubectl)
    spread = max(ratios) - min(ratios)
    rows = [
        Row("wall / pods' own start times, median", statistics.median(ratios), RATIO_BOUND),
        Row(f"API writes in {IDLE_SECONDS} s of idleness", writes, WRITES_BOUND),
        Row("resident memory of the operator, MB", memory, MEGABYTES_BOUND),
    ]
    print(f"3 racks x 1 node, {ROUNDS} rounds, spread of the ratio {spread:.3f}")
    for row in rows:
        print(f"{row.what:<40} {row.value:8.3f}  <= {row.bound:<6} {'ok' if row.good else 'MISSED'}")
    print(f"CassKop 2.3.4, for comparison: {CASSKOP_SECONDS} s, {CASSKOP_WRITES} writes a minute when idle")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
