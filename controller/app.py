"""
The composition root: the only module that builds the operator's parts and wires them to the world.

It starts them in order, waits for the end, and stops them in order, in less than ten seconds. Every
replica watches; only the one that holds the lease acts, and only when no CassKop does. Who loses the lease
exits: a fresh process is the only state worth trusting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import random
import threading
import uuid

import attrs
import structlog

from controller import __version__
from controller.builders.context import Images
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.cassandra.operations import PATIENCE_SECONDS
from controller.core import CONTROLLER, Core, assemble, source_of
from controller.domain.errors import OperatorError, TerminalError, TransientError
from controller.domain.operations.kinds import NAMES
from controller.executors.operations import RESULTS
from controller.kube.casskop_lock import casskop_leader
from controller.kube.client import KubeClient
from controller.kube.endpoint import find
from controller.kube.events import EventRecorder
from controller.kube.lease import KubeLease
from controller.kube.live import LiveTransport
from controller.reconcile.stores import Object
from controller.runtime.clock import Clock, RealClock
from controller.runtime.collection import spare_what_stays
from controller.runtime.election import Election
from controller.runtime.list_watch import ListWatchSettings
from controller.runtime.pace import Pace
from controller.runtime.reflector import Reflector
from controller.runtime.resync import Resync
from controller.runtime.stop import Shutdown, StopSignal, StopStep, install
from controller.runtime.store import Key
from controller.settings import Settings
from controller.telemetry.clients import ClientCounters
from controller.telemetry.health import HealthServer, ServerSettings, check_page, metrics_page
from controller.telemetry.logging import LogSettings, configure
from controller.telemetry.metrics import CONTENT_TYPE, Metrics
from controller.telemetry.redaction import Redactor

log = structlog.get_logger(__name__)

LEASE_NAME = "casskop"
EXIT_STOPPED, EXIT_FAILED, EXIT_LEASE_LOST = 0, 1, 3
# A watch hears at least a bookmark a minute; this long without one, it is not a slow network any more.
SILENCE_LIMIT = 600.0
# Each network call ends in seconds, so a reconcile that takes this long hangs.
RECONCILE_LIMIT = 300.0
LEASE_LIMIT = 60.0
# How often the servers look whether to stop: both of them within the time that their step has.
LOOK = 0.2
# A request that would have to wait longer than this for its turn is not made.
PATIENCE = 10.0
# How long before we look again whether CassKop has gone.
CASSKOP_PAUSE = 2.0
# A list that is asked of a cache comes whole, whatever its size: ten thousand pods are 400 MB for a moment.
LISTS = ListWatchSettings(watch_list=True)


@attrs.frozen(kw_only=True)
class Operator:
    """The running operator's parts, as far as starting and stopping them goes."""

    core: Core
    reflectors: tuple[Reflector[Object], ...]
    election: Election
    recorder: EventRecorder
    resync: Resync[Key]
    servers: tuple[HealthServer, ...]
    stop: StopSignal
    clock: Clock
    # The name of the pod in which CassKop leads, None if it does not; raises `OperatorError`.
    casskop: Callable[[], str | None]
    # Set once we act: until then changes are not worth a place in the queue.
    acting: threading.Event
    # Called once everything is known.
    on_known: Callable[[], None]

    def run(self) -> None:
        """Start everything, lead when the lease allows it, and return when it is time to stop."""
        for server in self.servers:
            server.start()
        for reflector in self.reflectors:
            reflector.start()
        if not self._wait_until_synced():
            return
        self.on_known()
        log.info("stores are synced", clusters=len(self.core.stores.clusters))
        self.recorder.start()
        self.election.start()
        self.stop.wait()

    def lead(self) -> None:
        """Begin to act, once CassKop has gone: every cluster is looked at, then whatever changes."""
        while (why := self._must_wait()) is not None:
            log.warning("not acting yet", why=why)
            if self.stop.wait(CASSKOP_PAUSE):
                return
        log.info("leading", identity=self.election.identity)
        # In this order, so that no change falls in between.
        self.acting.set()
        self.core.enqueue_all()
        self.core.workers.start()
        threading.Thread(target=self.resync.run, args=(self.stop,), name="resync", daemon=True).start()

    def shutdown(self) -> Shutdown:
        """Return the steps that end the process, in order."""
        return Shutdown(
            [
                StopStep(name="workers", seconds=4.0, action=self._drain),
                # Before the lease: who does not hold it sends no events either.
                StopStep(name="events", seconds=1.0, action=self._flush),
                StopStep(name="lease", seconds=2.0, action=self._release),
                StopStep(name="watches", seconds=1.0, action=self._close),
                StopStep(name="servers", seconds=1.0, action=self._stop_servers),
            ],
            clock=self.clock,
        )

    def _wait_until_synced(self) -> bool:
        """Wait until every store has held a whole list; False if it is time to stop before that."""
        for store in self.core.stores.by_kind().values():
            while not store.wait_synced(1.0):
                if self.stop.requested:
                    return False
        return not self.stop.requested

    def _must_wait(self) -> str | None:
        """Return why we may not act yet, None if we may."""
        try:
            pod = self.casskop()
        except OperatorError as error:
            return f"nobody knows whether CassKop runs: {error}"
        return None if pod is None else f"CassKop leads in pod {pod}: stop it first"

    def _drain(self, seconds: float) -> str | None:
        # What nodes were asked for goes on, and is observed by whoever comes next.
        self.core.calls.let_go()
        self.core.queue.shut_down(drop=True)
        done = self.core.queue.drain(seconds - 0.5)
        return None if done else "a reconcile is still under way"

    def _release(self, seconds: float) -> str | None:
        # With a reconcile under way the lease is left to run out, so that two never act at once.
        idle = self.core.queue.unfinished().count == 0
        return None if self.election.stop(release=idle, seconds=seconds - 0.2) else "no answer"

    def _flush(self, seconds: float) -> str | None:
        return None if self.recorder.stop(seconds - 0.2) else "some events are lost"

    def _close(self, _seconds: float) -> str | None:
        for reflector in self.reflectors:
            reflector.stop()
        return None

    def _stop_servers(self, _seconds: float) -> str | None:
        for server in self.servers:
            server.stop()
        return None


def build(  # noqa: PLR0913 -- each is a seam, all by name
    settings: Settings,
    *,
    clock: Clock,
    stop: StopSignal,
    redactor: Redactor,
    on_lost: Callable[[str], None],
    on_known: Callable[[], None] = lambda: None,
) -> Operator:
    """Make all parts; nothing runs yet, but the ports are taken.

    *on_lost* is called with the reason when the lease is lost, *on_known* once every store is synced.

    Raises `TerminalError` if there is no API server to talk to, `OSError` for a port in use.
    """
    metrics = Metrics()
    counters = ClientCounters(metrics)
    timing = settings.timing
    lease = KubeLease(
        # A pool of its own: busy workers must not keep the lease from being renewed.
        LiveTransport(find(kubeconfig=settings.kubeconfig), pool_size=2, metrics=counters),
        namespace=settings.own_namespace,
        name=LEASE_NAME,
        timeout=timing.request_deadline,
    )
    started: list[Operator] = []
    election = Election(
        lock=lease,
        identity=f"{settings.pod_name}_{uuid.uuid4()}",
        clock=clock,
        roll=random.random,
        # On a thread of its own, since the election must go on renewing meanwhile.
        on_started=lambda: threading.Thread(target=started[0].lead, name="lead", daemon=True).start(),
        on_lost=on_lost,
        timing=timing,
        metrics=metrics.election(LEASE_NAME),
    )
    # One connection for each worker, reflector and the events, and some to spare.
    transport = LiveTransport(
        find(kubeconfig=settings.kubeconfig), pool_size=settings.workers + 16, metrics=counters
    )
    client = KubeClient(transport, fence=election.fence, counter=counters, pace=_pace(settings, clock))
    recorder = EventRecorder(client, instance=settings.pod_name, clock=clock, metrics=counters)
    jolokia = Jolokia.over(counter=counters)
    # Connections of their own: what lasts for hours must not stand in the way of questions.
    operate = Jolokia.patient(PATIENCE_SECONDS)
    acting = threading.Event()
    core = assemble(
        client=client,
        nodes=Nodes(jolokia),
        operate=operate,
        recorder=recorder,
        images=Images(own=settings.image),
        home=settings.own_namespace,
        clock=clock,
        new_id=lambda: uuid.uuid4().hex[:8],
        workers=settings.workers,
        queue_metrics=metrics.queue(CONTROLLER),
        worker_metrics=metrics.workers(CONTROLLER, settings.workers),
        held_metrics=metrics.held_calls(),
        operation_metrics=metrics,
        on_secret=redactor.register,
        acting=acting.is_set,
        operator=settings.pod_name,
    )
    metrics.watch_queue(CONTROLLER, core.queue)
    metrics.expect_operations(NAMES.values(), RESULTS)
    metrics.watch_clusters(core.facts)
    reflectors = tuple(_reflectors(core, transport, settings.namespace, clock, metrics))
    operator = Operator(
        core=core,
        reflectors=reflectors,
        election=election,
        recorder=recorder,
        resync=Resync(queue=core.queue, keys=core.stores.clusters.keys, clock=clock, roll=random.random),
        servers=_servers(settings, core, reflectors, election, metrics),
        stop=stop,
        clock=clock,
        casskop=lambda: casskop_leader(client, settings.namespace or settings.own_namespace),
        acting=acting,
        on_known=on_known,
    )
    started.append(operator)
    return operator


def _pace(settings: Settings, clock: Clock) -> Callable[[], None]:
    """Return what each request of workers and events waits for; those of watches and of the lease do not."""
    if not settings.requests:
        return lambda: None
    pace = Pace(clock=clock, rate=settings.requests, burst=settings.burst)

    def wait() -> None:
        if not pace.take(PATIENCE):
            raise TransientError(f"more than {settings.requests:g} requests a second are waiting to be sent")

    return wait


def _reflectors(
    core: Core, transport: LiveTransport, namespace: str | None, clock: Clock, metrics: Metrics
) -> Iterator[Reflector[Object]]:
    """Yield one reflector a kind."""
    for kind, store in core.stores.by_kind().items():
        source = source_of(transport, kind, namespace)
        yield Reflector(
            kind=kind.plural,
            source=source,
            store=store,
            transform=kind.transform,
            clock=clock,
            roll=random.random,
            settings=LISTS,
            metrics=metrics.reflector(kind.plural),
            interrupt=source.interrupt,
        )


def _servers(
    settings: Settings,
    core: Core,
    reflectors: tuple[Reflector[Object], ...],
    election: Election,
    metrics: Metrics,
) -> tuple[HealthServer, ...]:
    """Return the servers for metrics and health; ready means that the stores are synced."""

    def synced() -> str | None:
        missing = {kind.plural for kind, store in core.stores.by_kind().items() if not store.synced}
        said = [f"{r.kind} ({r.trouble})" if r.trouble else r.kind for r in reflectors if r.kind in missing]
        return f"not listed yet: {', '.join(said)}" if said else None

    def heard() -> str | None:
        return next((why for r in reflectors if (why := r.health(SILENCE_LIMIT)) is not None), None)

    healthz = {
        "reflectors": heard,
        "election": lambda: election.health(LEASE_LIMIT),
        "workers": lambda: core.workers.health(RECONCILE_LIMIT),
    }
    return (
        HealthServer(
            ServerSettings(host=settings.metrics.host, port=settings.metrics.port, look=LOOK),
            {"metrics": metrics_page(metrics.render, CONTENT_TYPE)},
        ),
        HealthServer(
            ServerSettings(host=settings.health.host, port=settings.health.port, look=LOOK),
            {"healthz": check_page(healthz), "readyz": check_page({"stores": synced})},
        ),
    )


def run(settings: Settings) -> int:
    """Run the operator; return 0 after a stop that was asked for, another code after a failure."""
    redactor = Redactor()
    configure(LogSettings(level=settings.log_level, json=settings.log_json), redactor=redactor)
    for flag in settings.ignored:
        log.warning("flag means nothing here", flag=flag)
    clock = RealClock()
    stop = StopSignal(clock=clock)
    install(stop)
    lost: list[str] = []

    def on_lost(why: str) -> None:
        lost.append(why)
        stop.request(f"the lease is lost: {why}")

    try:
        operator = build(
            settings,
            clock=clock,
            stop=stop,
            redactor=redactor,
            on_lost=on_lost,
            on_known=spare_what_stays,
        )
    except (TerminalError, OSError) as error:
        log.error("cannot start", error=str(error))  # noqa: TRY400 -- it is no bug, a traceback is noise
        return EXIT_FAILED
    ports = [server.port for server in operator.servers]
    log.info("starting", version=__version__, namespace=settings.namespace or "all", ports=ports)
    operator.run()
    log.info("stopping", why=stop.why)
    operator.shutdown().run()
    return EXIT_LEASE_LOST if lost else EXIT_STOPPED
