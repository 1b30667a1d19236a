"""
The operator's metrics: every name, its labels and where its values come from.

- Names and meanings are those of controller-runtime and client-go where they have one, so that dashboards
  and alerts written for those fit. CassKop's two gauges are kept as they were; what is ours begins with
  `casskop_`.
- Series with known labels exist, at 0, from the moment the part that feeds them is made: `rate()` would
  miss the first error otherwise.
- Depths, ages and the state of clusters are read when somebody asks: a deleted cluster's series vanish.

Everything is on a registry of its own; nothing is registered globally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from controller.runtime.queue import Priority
from controller.telemetry.collectors import ClusterCollector, ClusterFacts, QueueCollector, QueueView

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4

# client-go's: 10 ns to 1000 s.
_QUEUE_BUCKETS = tuple(10.0**exponent for exponent in range(-8, 4))
# controller-runtime's.
_RECONCILE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    *(1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60),
)
# client-go's, for requests to the API server.
_REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_RECONCILE_RESULTS = ("success", "error", "requeue", "requeue_after")
# What may become of an event: see `controller.kube.events.EventMetrics`.
_EVENT_RESULTS = ("sent", "full", "stopped", "limited", "refused", "unanswered")


class Metrics:
    """All metrics of one operator."""

    def __init__(self) -> None:
        # Otherwise each counter has a second series with its birth date.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # theirs has none
        registry = CollectorRegistry()
        self._registry = registry
        ProcessCollector(registry=registry)
        self._queues = QueueCollector()
        registry.register(self._queues)
        self._make_queues(registry)
        self._make_reconciles(registry)
        self._make_requests(registry)
        self._make_own(registry)

    def _make_queues(self, registry: CollectorRegistry) -> None:
        labels = ("name", "controller")
        self._adds = Counter("workqueue_adds_total", "Keys that became ready.", labels, registry=registry)
        self._queue_seconds = Histogram(
            "workqueue_queue_duration_seconds",
            "How long keys were ready before a worker took them.",
            labels,
            registry=registry,
            buckets=_QUEUE_BUCKETS,
        )
        self._work_seconds = Histogram(
            "workqueue_work_duration_seconds",
            "How long workers had keys.",
            labels,
            registry=registry,
            buckets=_QUEUE_BUCKETS,
        )
        self._retries = Counter(
            "workqueue_retries_total", "Keys that were added because they failed.", labels, registry=registry
        )

    def _make_reconciles(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"controller_runtime_{name}", text, ("controller", *labels), registry=registry)

        self._reconciles = counter("reconcile_total", "Reconciles, by how they ended.", "result")
        self._errors = counter("reconcile_errors_total", "Reconciles that failed.")
        self._terminal = counter(
            "terminal_reconcile_errors_total", "Reconciles that failed until something changes."
        )
        self._panics = counter("reconcile_panics_total", "Reconciles that met a bug.")
        self._timeouts = counter("reconcile_timeouts_total", "Reconciles that took longer than they should.")
        self._reconcile_seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles took.",
            ("controller",),
            registry=registry,
            buckets=_RECONCILE_BUCKETS,
        )
        self._workers = Gauge(
            "controller_runtime_max_concurrent_reconciles",
            "How many workers there are.",
            ("controller",),
            registry=registry,
        )
        self._active = Gauge(
            "controller_runtime_active_workers",
            "How many workers are reconciling.",
            ("controller",),
            registry=registry,
        )

    def _make_requests(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "rest_client_requests_total",
            "Requests to the API server, by status code; <error> if there was no answer.",
            ("code", "method", "host"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "rest_client_request_duration_seconds",
            "How long the API server took to answer.",
            ("verb", "host"),
            registry=registry,
            buckets=_REQUEST_BUCKETS,
        )
        self._master = Gauge(
            "leader_election_master_status", "1 for the leader, 0 for others.", ("name",), registry=registry
        )

    def _make_own(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"casskop_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"casskop_{name}", text, labels, registry=registry)

        self._writes = counter(
            "api_writes_total", "Requests that change something in Kubernetes.", "verb", "resource"
        )
        self._lists = counter("reflector_lists_total", "Lists begun.", "kind")
        self._watches = counter("reflector_watches_total", "Watches opened.", "kind")
        self._expired = counter("reflector_expired_total", "Versions that were too old.", "kind")
        self._failures = counter("reflector_errors_total", "Lists and watches that failed.", "kind")
        self._last_event = gauge(
            "reflector_last_event_timestamp_seconds", "When the last event came, in Unix time.", "kind"
        )
        self._objects = gauge("reflector_objects", "Objects in the store.", "kind")
        self._held = gauge("held_calls", "Long calls to Cassandra that are held open.")
        self._jolokia = counter("jolokia_requests_total", "Requests to Jolokia.", "mbean", "result")
        self._jolokia_seconds = Histogram(
            "casskop_jolokia_request_seconds",
            "How long Jolokia took to answer; held calls are not among them.",
            registry=registry,
        )
        self._events = counter("events_total", "Events about clusters, by what became of them.", "result")
        for result in _EVENT_RESULTS:
            self._events.labels(result)
        self._started = counter("operation_started_total", "Node operations begun.", "operation")
        self._finished = counter("operation_finished_total", "Node operations ended.", "operation", "result")

    # -- for the machinery

    def queue(self, name: str) -> QueueCounters:
        """Return what the queue called *name* is to count with."""
        return QueueCounters(
            adds=self._adds.labels(name, name),
            queue_seconds=self._queue_seconds.labels(name, name),
            work_seconds=self._work_seconds.labels(name, name),
            retries=self._retries.labels(name, name),
        )

    def watch_queue(self, name: str, queue: QueueView) -> None:
        """Report the depth and the unfinished work of *queue* from now on."""
        self._queues.add(name, queue)

    def workers(self, controller: str, count: int) -> WorkerCounters:
        """Return what the *count* workers of *controller* are to count with."""
        self._workers.labels(controller).set(count)
        return WorkerCounters(
            active=self._active.labels(controller),
            results={result: self._reconciles.labels(controller, result) for result in _RECONCILE_RESULTS},
            errors=self._errors.labels(controller),
            terminal=self._terminal.labels(controller),
            panics=self._panics.labels(controller),
            timeouts=self._timeouts.labels(controller),
            seconds=self._reconcile_seconds.labels(controller),
        )

    def reflector(self, kind: str) -> ReflectorCounters:
        """Return what the reflector of *kind* is to count with."""
        return ReflectorCounters(
            lists=self._lists.labels(kind),
            watches=self._watches.labels(kind),
            expired=self._expired.labels(kind),
            errors=self._failures.labels(kind),
            last_event=self._last_event.labels(kind),
            objects=self._objects.labels(kind),
        )

    def election(self, name: str) -> ElectionGauge:
        """Return what the election for the lease *name* is to report to."""
        return ElectionGauge(self._master.labels(name))

    def held_calls(self) -> HeldCallsGauge:
        """Return what held calls are to report to."""
        return HeldCallsGauge(self._held)

    # -- for the clients

    def request(self, *, method: str, host: str, code: int | None, seconds: float) -> None:
        """Count one request to the API server; *code* None if there was no answer."""
        self._requests.labels("<error>" if code is None else str(code), method, host).inc()
        self._request_seconds.labels(method, host).observe(seconds)

    def api_write(self, *, verb: str, resource: str) -> None:
        """Count one request that changes something; *verb* and *resource* as RBAC rules have them."""
        self._writes.labels(verb, resource).inc()

    def jolokia(self, *, mbean: str, result: str, seconds: float) -> None:
        """Count one request to Jolokia; *mbean* is the type in its name, without values of its own."""
        self._jolokia.labels(mbean, result).inc()
        self._jolokia_seconds.observe(seconds)

    def event(self, result: str) -> None:
        """Count one event about a cluster: `sent`, or why it was not."""
        self._events.labels(result).inc()

    def operation_started(self, operation: str) -> None:
        """Count a node operation that was begun."""
        self._started.labels(operation).inc()

    def operation_finished(self, operation: str, result: str) -> None:
        """Count a node operation that ended."""
        self._finished.labels(operation, result).inc()

    def expect_operations(self, operations: Iterable[str], results: Iterable[str]) -> None:
        """Let the series of these *operations* exist, at 0."""
        results = tuple(results)
        for operation in operations:
            self._started.labels(operation)
            for result in results:
                self._finished.labels(operation, result)

    # -- for the outside

    def watch_clusters(self, clusters: Callable[[], Iterable[ClusterFacts]]) -> None:
        """Report what *clusters* returns, at each scrape. To be called once."""
        self._registry.register(ClusterCollector(clusters))

    def render(self) -> bytes:
        """Return all metrics as text, of `CONTENT_TYPE`."""
        return generate_latest(self._registry)


class QueueCounters:
    """A `QueueMetrics`."""

    def __init__(
        self, *, adds: Counter, queue_seconds: Histogram, work_seconds: Histogram, retries: Counter
    ) -> None:
        self._adds = adds
        self._queue_seconds = queue_seconds
        self._work_seconds = work_seconds
        self._retries = retries

    def added(self, priority: Priority) -> None:  # noqa: ARG002 -- client-go's counter has no such label
        """Count a key that became ready."""
        self._adds.inc()

    def taken(self, waited: float) -> None:
        """Count a key that was handed out."""
        self._queue_seconds.observe(waited)

    def finished(self, worked: float) -> None:
        """Count a key that was done with."""
        self._work_seconds.observe(worked)

    def retried(self) -> None:
        """Count a key that is tried again."""
        self._retries.inc()


class WorkerCounters:
    """A `WorkerMetrics`."""

    def __init__(  # noqa: PLR0913 -- one metric each
        self,
        *,
        active: Gauge,
        results: dict[str, Counter],
        errors: Counter,
        terminal: Counter,
        panics: Counter,
        timeouts: Counter,
        seconds: Histogram,
    ) -> None:
        self._active = active
        self._results = results
        self._errors = errors
        self._terminal = terminal
        self._panics = panics
        self._timeouts = timeouts
        self._seconds = seconds

    def active(self, change: int) -> None:
        """Count workers that reconcile."""
        self._active.inc(change)

    def reconciled(self, result: str, seconds: float) -> None:
        """Count one reconcile."""
        self._results[result].inc()
        if result == "error":
            self._errors.inc()
        self._seconds.observe(seconds)

    def terminal_error(self) -> None:
        """Count a failure that stays."""
        self._terminal.inc()

    def panicked(self) -> None:
        """Count a bug."""
        self._panics.inc()

    def timed_out(self) -> None:
        """Count a reconcile that took too long."""
        self._timeouts.inc()


class ReflectorCounters:
    """A `ReflectorMetrics`."""

    def __init__(  # noqa: PLR0913 -- one metric each
        self,
        *,
        lists: Counter,
        watches: Counter,
        expired: Counter,
        errors: Counter,
        last_event: Gauge,
        objects: Gauge,
    ) -> None:
        self._lists = lists
        self._watches = watches
        self._expired = expired
        self._errors = errors
        self._last_event = last_event
        self._objects = objects

    def listed(self) -> None:
        """Count a list."""
        self._lists.inc()

    def watched(self) -> None:
        """Count a watch."""
        self._watches.inc()

    def expired(self) -> None:
        """Count a version that was too old."""
        self._expired.inc()

    def failed(self) -> None:
        """Count a failure."""
        self._errors.inc()

    def event(self, at: float) -> None:
        """Note when an event came."""
        self._last_event.set(at)

    def objects(self, count: int) -> None:
        """Note how many objects there are."""
        self._objects.set(count)


class ElectionGauge:
    """An `ElectionMetrics`."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def leading(self, *, on: bool) -> None:
        """Note whether we lead."""
        self._gauge.set(int(on))


class HeldCallsGauge:
    """A `HeldCallsMetrics`."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def held(self, count: int) -> None:
        """Note how many calls are held."""
        self._gauge.set(count)
