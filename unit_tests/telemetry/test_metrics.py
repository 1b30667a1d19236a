"""What a reader may rely on: names, labels and meanings of metrics, which dashboards and alerts rest on."""

from __future__ import annotations

from collections.abc import Iterable
import re

import attrs
from prometheus_client.parser import text_string_to_metric_families
import pytest

from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import SteppedClock
from controller.runtime.queue import Priority, WorkQueue
from controller.telemetry.clients import ClientCounters
from controller.telemetry.collectors import (
    ACTIONS,
    PHASES,
    ClusterFacts,
    OperationFacts,
    RackFacts,
)
from controller.telemetry.metrics import CONTENT_TYPE, Metrics

CC = ClusterFacts(
    namespace="prod",
    name="cc",
    phase="Running",
    action="ScaleUp",
    conditions={"Ready": "True", "Degraded": "Unknown"},
    racks=(RackFacts(dc="dc1", rack="rack1", desired=3, ready=2),),
    operations=(OperationFacts(operation="cleanup", pod="cc-dc1-rack1-0", seconds=90.0),),
)


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    """Return the value of one series, None if it does not exist."""
    found = [
        sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(found) <= 1
    return found[0] if found else None


def series(metrics: Metrics, prefix: str) -> dict[str, set[tuple[str, ...]]]:
    """Return the names that begin with *prefix*, each with the sets of names of its labels."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name.startswith(prefix):
                labels = tuple(sorted(set(sample.labels) - {"le"}))
                found.setdefault(re.sub("_(bucket|count|sum)$", "", sample.name), set()).add(labels)
    return found


def queued(metrics: Metrics) -> tuple[WorkQueue[str], SteppedClock]:
    """Return a queue that is measured as `cassandracluster`."""
    clock = SteppedClock()
    queue: WorkQueue[str] = WorkQueue(
        clock=clock, backoff=KeyBackoff(roll=lambda: 1.0), metrics=metrics.queue("cassandracluster")
    )
    metrics.watch_queue("cassandracluster", queue)
    return queue, clock


def test_queues_are_measured_as_controller_runtime_does() -> None:
    """With both labels, since its dashboards ask for either."""
    metrics = Metrics()
    queued(metrics)

    labels = {("controller", "name")}
    assert series(metrics, "workqueue_") == {
        "workqueue_adds_total": labels,
        "workqueue_depth": {("controller", "name", "priority")},
        "workqueue_longest_running_processor_seconds": labels,
        "workqueue_queue_duration_seconds": labels,
        "workqueue_retries_total": labels,
        "workqueue_unfinished_work_seconds": labels,
        "workqueue_work_duration_seconds": labels,
    }


def test_a_queue_s_depth_and_work_are_those_of_the_moment() -> None:
    """They are read when somebody asks, so they grow while a worker hangs."""
    metrics = Metrics()
    queue, clock = queued(metrics)
    names = {"name": "cassandracluster", "controller": "cassandracluster"}
    queue.add("a")
    queue.add("b", Priority.LOW)
    queue.add("c", Priority.LOW)
    queue.try_take()
    clock.advance(40.0)

    assert value(metrics, "workqueue_depth", **names, priority="0") == 0
    assert value(metrics, "workqueue_depth", **names, priority="-100") == 2
    assert value(metrics, "workqueue_unfinished_work_seconds", **names) == 40
    assert value(metrics, "workqueue_longest_running_processor_seconds", **names) == 40
    assert value(metrics, "workqueue_adds_total", **names) == 3

    queue.add_failed("a")
    queue.done("a")

    assert value(metrics, "workqueue_unfinished_work_seconds", **names) == 0
    assert value(metrics, "workqueue_work_duration_seconds_sum", **names) == 40
    assert value(metrics, "workqueue_queue_duration_seconds_count", **names) == 1
    assert value(metrics, "workqueue_retries_total", **names) == 1


def test_reconciles_are_measured_as_controller_runtime_does() -> None:
    """All series are there, at 0, before the first reconcile: else the first error has no rate."""
    metrics = Metrics()
    counters = metrics.workers("cassandracluster", 16)

    labels = {("controller",)}
    assert series(metrics, "controller_runtime_") == {
        "controller_runtime_active_workers": labels,
        "controller_runtime_max_concurrent_reconciles": labels,
        "controller_runtime_reconcile_errors_total": labels,
        "controller_runtime_reconcile_panics_total": labels,
        "controller_runtime_reconcile_time_seconds": labels,
        "controller_runtime_reconcile_timeouts_total": labels,
        "controller_runtime_reconcile_total": {("controller", "result")},
        "controller_runtime_terminal_reconcile_errors_total": labels,
    }
    name = {"controller": "cassandracluster"}
    for result in ("success", "error", "requeue", "requeue_after"):
        assert value(metrics, "controller_runtime_reconcile_total", **name, result=result) == 0
        counters.reconciled(result, 0.5)
        assert value(metrics, "controller_runtime_reconcile_total", **name, result=result) == 1
    counters.active(1)
    counters.terminal_error()
    counters.panicked()
    counters.timed_out()

    assert value(metrics, "controller_runtime_max_concurrent_reconciles", **name) == 16
    assert value(metrics, "controller_runtime_active_workers", **name) == 1
    assert value(metrics, "controller_runtime_reconcile_errors_total", **name) == 1
    assert value(metrics, "controller_runtime_terminal_reconcile_errors_total", **name) == 1
    assert value(metrics, "controller_runtime_reconcile_panics_total", **name) == 1
    assert value(metrics, "controller_runtime_reconcile_timeouts_total", **name) == 1
    assert value(metrics, "controller_runtime_reconcile_time_seconds_sum", **name) == 2


def test_requests_are_measured_as_client_go_does() -> None:
    """No answer is a code of its own; the duration's label is called verb there."""
    metrics = Metrics()
    counters = ClientCounters(metrics)
    counters.answered(method="GET", host="api:6443", code="200", seconds=0.1)
    counters.answered(method="GET", host="api:6443", code="<error>", seconds=5.0)

    requests = "rest_client_requests_total"
    assert value(metrics, requests, code="200", method="GET", host="api:6443") == 1
    assert value(metrics, requests, code="<error>", method="GET", host="api:6443") == 1
    assert series(metrics, "rest_client_") == {
        requests: {("code", "host", "method")},
        "rest_client_request_duration_seconds": {("host", "verb")},
    }


def test_there_is_one_leader_to_be_seen() -> None:
    """1 for the leader and 0 for who stands by, under the name of the lease."""
    metrics = Metrics()
    gauge = metrics.election("casskop")

    gauge.leading(on=True)
    assert value(metrics, "leader_election_master_status", name="casskop") == 1
    gauge.leading(on=False)
    assert value(metrics, "leader_election_master_status", name="casskop") == 0


def test_reflectors_are_measured_by_kind() -> None:
    """What was asked, what failed, and when something was last heard."""
    metrics = Metrics()
    counters = metrics.reflector("pods")
    counters.listed()
    counters.watched()
    counters.expired()
    counters.failed()
    counters.event(1_700_000_000.5)
    counters.objects(9)

    prefix = "casskop_reflector_"
    assert {name: value(metrics, name, kind="pods") for name in series(metrics, prefix)} == {
        f"{prefix}lists_total": 1,
        f"{prefix}watches_total": 1,
        f"{prefix}expired_total": 1,
        f"{prefix}errors_total": 1,
        f"{prefix}last_event_timestamp_seconds": 1_700_000_000.5,
        f"{prefix}objects": 9,
    }


def test_writes_events_and_calls_are_counted() -> None:
    """A Jolokia call by the type of its MBean: whole names hold tables and are without number."""
    metrics = Metrics()
    counters = ClientCounters(metrics)
    counters.wrote(verb="create", resource="pods/eviction")
    counters.sent()
    counters.dropped(why="full")
    table = "org.apache.cassandra.metrics:type=Table,keyspace=k,scope=t,name=x"
    counters.jolokia_call("org.apache.cassandra.db:type=StorageService", "success", 0.25)
    counters.jolokia_call(table, "error", 0.25)
    counters.jolokia_call("nonsense", "error", 0.25)
    metrics.held_calls().held(3)

    assert value(metrics, "casskop_api_writes_total", verb="create", resource="pods/eviction") == 1
    assert value(metrics, "casskop_events_total", result="sent") == 1
    assert value(metrics, "casskop_events_total", result="full") == 1
    assert value(metrics, "casskop_events_total", result="limited") == 0
    calls = "casskop_jolokia_requests_total"
    assert value(metrics, calls, mbean="StorageService", result="success") == 1
    assert value(metrics, calls, mbean="Table", result="error") == 1
    assert value(metrics, calls, mbean="other", result="error") == 1
    assert value(metrics, "casskop_jolokia_request_seconds_sum") == 0.75
    assert value(metrics, "casskop_held_calls") == 3


def test_operations_can_be_there_before_the_first() -> None:
    """So that the first failed one has a rate."""
    metrics = Metrics()
    metrics.expect_operations(["cleanup"], ["done", "failed"])
    assert value(metrics, "casskop_operation_finished_total", operation="cleanup", result="failed") == 0

    metrics.operation_started("cleanup")
    metrics.operation_finished("cleanup", "failed")

    assert value(metrics, "casskop_operation_started_total", operation="cleanup") == 1
    assert value(metrics, "casskop_operation_finished_total", operation="cleanup", result="failed") == 1


# -- clusters


def showing(*facts: ClusterFacts) -> Metrics:
    """Return the metrics of these clusters."""
    metrics = Metrics()
    metrics.watch_clusters(lambda: facts)
    return metrics


def test_casskop_s_gauges_keep_their_numbers() -> None:
    """Its dashboards translate them back, by the label `cluster` alone."""
    metrics = showing(CC)

    assert value(metrics, "cluster_phase", cluster="cc") == 2
    assert value(metrics, "cluster_action", cluster="cc") == 7
    assert [PHASES[name] for name in ("Initializing", "Running", "Pending")] == [1, 2, 3]
    added = {"Stop", "Start"}
    assert sorted(number for name, number in ACTIONS.items() if name not in added) == list(range(1, 13))
    assert {ACTIONS[name] for name in added} == {13, 14}


def test_what_casskop_has_no_number_for_is_not_shown() -> None:
    """A cluster that is new has no phase, and no action."""
    metrics = showing(attrs.evolve(CC, phase="", action="Something"))

    assert value(metrics, "cluster_phase", cluster="cc") is None
    assert value(metrics, "cluster_action", cluster="cc") is None
    assert value(metrics, "casskop_cluster_info", namespace="prod", name="cc", phase="", action="Something")


def test_two_clusters_of_one_name_do_not_spoil_the_scrape() -> None:
    """CassKop's gauges have no namespace: one of the two is shown, always the same."""
    other = attrs.evolve(CC, namespace="test", phase="Pending")

    assert value(showing(other, CC), "cluster_phase", cluster="cc") == 2
    assert value(showing(CC, other), "cluster_phase", cluster="cc") == 2


def test_a_condition_has_a_series_for_each_status() -> None:
    """So that a change ends no series and begins none."""
    metrics = showing(CC)
    condition = "casskop_cluster_condition"

    def of(kind: str) -> list[float | None]:
        statuses = ("True", "False", "Unknown")
        return [value(metrics, condition, namespace="prod", name="cc", type=kind, status=s) for s in statuses]

    assert of("Ready") == [1, 0, 0]
    assert of("Degraded") == [0, 0, 1]
    assert of("Progressing") == [None, None, None]


def test_racks_and_operations_are_shown() -> None:
    """With where they are."""
    metrics = showing(CC)
    cluster = {"namespace": "prod", "name": "cc"}
    rack = {**cluster, "dc": "dc1", "rack": "rack1"}

    assert value(metrics, "casskop_rack_desired_nodes", **rack) == 3
    assert value(metrics, "casskop_rack_ready_nodes", **rack) == 2
    running = "casskop_operation_running_seconds"
    assert value(metrics, running, **cluster, pod="cc-dc1-rack1-0", operation="cleanup") == 90


def test_a_deleted_cluster_s_series_vanish() -> None:
    """They are read from the state at each scrape, and registering does not read it."""
    state = [CC]
    reads = []
    metrics = Metrics()

    def clusters() -> Iterable[ClusterFacts]:
        reads.append(1)
        return tuple(state)

    metrics.watch_clusters(clusters)
    assert not reads
    assert value(metrics, "cluster_phase", cluster="cc") == 2

    state.clear()

    assert value(metrics, "cluster_phase", cluster="cc") is None
    assert '"cc"' not in metrics.render().decode()


@pytest.mark.parametrize("name", ["process_resident_memory_bytes", "process_cpu_seconds_total"])
def test_the_process_is_measured(name: str) -> None:
    """Under the names that every dashboard knows."""
    assert (value(Metrics(), name) or 0) > 0


def test_the_format_is_the_one_that_every_scraper_reads() -> None:
    """And no counter has a second series with its birth date."""
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert b"_created" not in Metrics().render()
