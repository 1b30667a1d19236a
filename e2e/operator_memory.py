"""
An operator in a process of its own: it lists everything, looks at each cluster once, and says its memory.

`python -m e2e.operator_memory URL NAMESPACE` prints its peak in megabytes. Cassandra nodes refuse its calls
at once, so that nothing leaves the machine; it may write what it concludes from that into statuses.
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
from controller.core import Core, assemble, source_of
from controller.kube.client import KubeClient
from controller.kube.events import EventRecorder
from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from controller.runtime.clock import RealClock
from controller.runtime.inquiries import on_the_spot
from controller.runtime.reflector import Reflector

KILOBYTE = 1024


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


def peak_megabytes() -> float:
    """Return the most memory that this process ever held, without that of the one that started it."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / KILOBYTE


def main() -> int:
    """Print the peak memory."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    server, namespace = sys.argv[1:]
    transport = LiveTransport(InCluster(server=server), pool_size=4)
    core = operator(transport)
    for kind, store in core.stores.by_kind().items():
        source = source_of(transport, kind, namespace)
        reflector = Reflector(
            kind=kind.plural,
            source=source,
            store=store,
            transform=kind.transform,
            clock=RealClock(),
            roll=lambda: 0.5,
        )
        while not store.synced:
            reflector.step()
    core.enqueue_all()
    for _ in core.stores.clusters.keys():  # noqa: SIM118 -- a store is no dict
        core.workers.run_one()
    print(peak_megabytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
