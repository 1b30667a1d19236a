"""
An operator in a process of its own: it lists everything, looks at each cluster once, and says its memory.

`python -m e2e.operator_memory URL NAMESPACE` prints what it held at first, and its peak, in megabytes.
Cassandra nodes refuse its calls at once, so that nothing leaves the machine; it may write what it
concludes from that into statuses.
"""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
import sys

import attrs
import httpx
import structlog

from controller.builders.context import Images
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import Core, assemble
from controller.kube.client import KubeClient
from controller.kube.events import EventRecorder
from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from controller.runtime.clock import RealClock
from controller.runtime.inquiries import on_the_spot
from e2e.reflecting import reflecting

KILOBYTE = 1024
SYNC_SECONDS = 600.0


def refuse(request: httpx.Request) -> httpx.Response:
    """Answer like a host on which nothing listens."""
    raise httpx.ConnectError("connection refused", request=request)


def operator(transport: LiveTransport) -> Core:
    """Return an operator that nothing starts."""
    clock = RealClock()
    client = KubeClient(transport, fence=lambda: None)
    ids = itertools.count()
    jolokia = attrs.evolve(Jolokia.over(httpx.MockTransport(refuse)), sleep=lambda _: None)
    return assemble(
        client=client,
        nodes=Nodes(jolokia, threads=0),
        recorder=EventRecorder(client, instance="memory", clock=clock),
        images=Images(own="casskop:sim"),
        clock=clock,
        new_id=lambda: str(next(ids)),
        inquire=on_the_spot,
    )


def megabytes(what: str) -> float:
    """Return what this process holds (VmRSS), or the most that it ever held (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{what}:")]
    return int(line.split()[1]) / KILOBYTE


def main() -> int:
    """Print what it held before it knew anything, and the peak."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    server, namespace = sys.argv[1:]
    transport = LiveTransport(InCluster(server=server), pool_size=16)
    core = operator(transport)
    before = megabytes("VmRSS")
    with reflecting(core, transport, namespace, roll=lambda: 0.5, seconds=SYNC_SECONDS):
        core.enqueue_all()
        for _ in core.stores.clusters.keys():  # noqa: SIM118 -- a store is no dict
            core.workers.run_one()
        print(before, megabytes("VmHWM"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
