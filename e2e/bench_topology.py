"""
Measure joins and departures on a real cluster, under load: `make bench-topology`.

It prints, for each step, the time from the edit to `Converged` and what Cassandra and the kubelet took of it
by their own word; the difference, for each node, is what the operator added. A client writes and reads at
LOCAL_QUORUM throughout. It exits with 1 if the operator added more than its bound, a request failed, or a
row is not there at the end. `--far` lets a second data centre come and go instead, `--all` does both.
"""

from __future__ import annotations

import argparse
import functools
import platform
import secrets
import sys

from controller import __version__
from e2e.lab import install, lab, remove
from e2e.topology_story import tell

BOUND_SECONDS = 5.0
# CassKop 2.3.4 on such a machine, with nodes that start as fast as those of its own: two more, three less.
CASSKOP = "CassKop 2.3.4, for comparison: +2 nodes in 59 s, -3 nodes in 122 s"


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_topology")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--far", action="store_true", help="let a second data centre come and go")
    parts.add_argument("--all", action="store_true", help="let nodes come and go, and a data centre, too")
    given = parser.parse_args()
    where = lab()
    kubectl = where.kubectl(f"casskop-bench-{secrets.token_hex(3)}")
    server = kubectl.run("version").split("Server Version:")[-1].strip()
    print(f"casskop {__version__}, Python {platform.python_version()}, Kubernetes {server}")
    install(kubectl, image=where.image)
    try:
        told = tell(
            kubectl, functools.partial(print, flush=True), near=not given.far, far=given.far or given.all
        )
    finally:
        remove(kubectl)
    worst = max(step.added for step in told.steps)
    good = worst <= BOUND_SECONDS
    print(f"added for each node, at most {worst:.1f} s  <= {BOUND_SECONDS} {'ok' if good else 'MISSED'}")
    print(f"rows written {len(told.client.written)}, lost {len(told.lost)}")
    print(CASSKOP)
    return 0 if good and not (told.client.failures or told.client.wrong or told.lost) else 1


if __name__ == "__main__":
    sys.exit(main())
