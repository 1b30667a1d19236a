"""
An operator in a process of its own, for `e2e.bench_isolation`: its threads, over HTTP, and nothing else.

`python -m e2e.isolation_operator URL PROXY NAMESPACE` runs until its standard input is closed. What it does
it does as the operator's own program: the same parts and limits, requests to the API server included, and
Python's own garbage collection. Lease, metrics and health are left out. Nodes are asked by way of the HTTP
proxy at PROXY, since their addresses are simulated ones.
"""

from __future__ import annotations

from collections.abc import Callable
import itertools
import logging
import random
import sys

import httpx
import structlog

from controller.app import PATIENCE
from controller.builders.context import Images
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import Core, assemble
from controller.domain.errors import TransientError
from controller.kube.client import KubeClient
from controller.kube.events import EventRecorder
from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from controller.runtime.clock import RealClock
from controller.runtime.collection import spare_what_stays
from controller.runtime.pace import Pace
from controller.settings import Settings, parse
from e2e.providers.sim_operator import IMAGE
from e2e.reflecting import reflecting

SYNC_SECONDS = 120.0


def paced(settings: Settings, clock: RealClock) -> Callable[[], None]:
    """Return what each request waits for."""
    pace = Pace(clock=clock, rate=settings.requests, burst=settings.burst)

    def wait() -> None:
        if not pace.take(PATIENCE):
            raise TransientError("too many requests are waiting to be sent")

    return wait


def operator(server: str, proxy: str) -> tuple[Core, LiveTransport, EventRecorder]:
    """Return the parts of an operator that nothing has started."""
    clock = RealClock()
    # What the program does without flags.
    settings = parse([], {"OPERATOR_IMAGE": IMAGE})
    transport = LiveTransport(InCluster(server=server), pool_size=settings.workers + 16)
    client = KubeClient(transport, fence=lambda: None, pace=paced(settings, clock))
    recorder = EventRecorder(client, instance="bench", clock=clock)
    # The limits of `Jolokia.over`, which sets them only on a transport of its own.
    limits = httpx.Limits(max_connections=4096, max_keepalive_connections=16)
    ids = itertools.count()
    core = assemble(
        client=client,
        nodes=Nodes(Jolokia.over(httpx.HTTPTransport(proxy=proxy, limits=limits, trust_env=False))),
        recorder=recorder,
        images=Images(own=settings.image),
        clock=clock,
        new_id=lambda: str(next(ids)),
        workers=settings.workers,
    )
    return core, transport, recorder


def main() -> int:
    """Run until standard input ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    server, proxy, namespace = sys.argv[1:]
    core, transport, recorder = operator(server, proxy)
    with reflecting(core, transport, namespace, roll=random.random, seconds=SYNC_SECONDS):
        spare_what_stays()
        recorder.start()
        core.enqueue_all()
        core.workers.start()
        sys.stdin.read()
        core.queue.shut_down(drop=True)
        recorder.stop(1.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
