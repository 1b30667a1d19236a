"""
Metrics that are read from the operator's state when somebody scrapes.

What is gone from the state is gone from the metrics; there is nothing to forget.
A scrape sees one moment of each source, but not the same moment of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import attrs
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controller.runtime.queue import Priority, Unfinished

# CassKop's numbers; its dashboards translate them back. What CassKop does not know comes after them.
PHASES: Mapping[str, int] = {"Initializing": 1, "Running": 2, "Pending": 3, "Stopped": 4}
ACTIONS: Mapping[str, int] = {
    "UpdateConfigMap": 1,
    "UpdateDockerImage": 2,
    "UpdateSeedList": 3,
    "RollingRestart": 4,
    "UpdateResources": 5,
    "UpdateStatefulSet": 6,
    "ScaleUp": 7,
    "ScaleDown": 8,
    "ActionDeleteDC": 9,
    "ActionDeleteRack": 10,
    "CorrectCRDConfig": 11,
    "StorageUpsize": 12,
    "Stop": 13,
    "Start": 14,
}
CONDITION_STATUSES = ("True", "False", "Unknown")


@attrs.frozen(kw_only=True)
class RackFacts:
    """How many nodes a rack is to have, and how many of them are ready."""

    dc: str
    rack: str
    desired: int
    ready: int


@attrs.frozen(kw_only=True)
class OperationFacts:
    """A node operation under way, for *seconds* so far."""

    operation: str
    pod: str
    seconds: float


@attrs.frozen(kw_only=True)
class ClusterFacts:
    """
    What metrics say of one cluster.

    *phase* and *action* are CassKop's words, "" if there is none; *conditions* maps types to statuses.
    """

    namespace: str
    name: str
    phase: str = ""
    action: str = ""
    conditions: Mapping[str, str] = attrs.field(factory=dict)
    racks: tuple[RackFacts, ...] = ()
    operations: tuple[OperationFacts, ...] = ()


class QueueView(Protocol):
    """The part of a queue that is read at a scrape."""

    def depth(self) -> Mapping[Priority, int]:
        """Return how many keys are ready."""
        ...

    def unfinished(self) -> Unfinished:
        """Return how much work is in progress."""
        ...


class QueueCollector(Collector):
    """Depth and unfinished work of the queues that were added."""

    def __init__(self) -> None:
        self._queues: dict[str, QueueView] = {}

    def add(self, name: str, queue: QueueView) -> None:
        """Report *queue* as *name*."""
        self._queues[name] = queue

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all queues."""
        labels = ["name", "controller"]
        depth = GaugeMetricFamily("workqueue_depth", "Keys that are ready.", labels=[*labels, "priority"])
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds",
            "Seconds of work that is in progress, over all workers: what grows without end is stuck.",
            labels=labels,
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds",
            "How long the longest work in progress has been running.",
            labels=labels,
        )
        for name, queue in self._queues.items():
            for priority, count in queue.depth().items():
                depth.add_metric([name, name, str(priority.value)], count)
            work = queue.unfinished()
            unfinished.add_metric([name, name], work.total)
            longest.add_metric([name, name], work.longest)
        yield from (depth, unfinished, longest)


class ClusterCollector(Collector):
    """Everything about clusters, as *clusters* returns it."""

    def __init__(self, clusters: Callable[[], Iterable[ClusterFacts]]) -> None:
        self._clusters = clusters

    def describe(self) -> Iterator[Metric]:
        """Yield the names, so that registering does not read the state."""
        yield from _families().values()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all clusters."""
        families = _families()
        # Sorted, so that of two clusters with one name the same one is always shown.
        clusters = sorted(self._clusters(), key=lambda facts: (facts.namespace, facts.name))
        _add_casskop(families, clusters)
        for facts in clusters:
            _add_cluster(families, facts)
        yield from families.values()


def _families() -> dict[str, GaugeMetricFamily]:
    cluster = ("namespace", "name")
    names = {
        "cluster_phase": ("The cluster's phase, as CassKop numbers it.", ("cluster",)),
        "cluster_action": ("The cluster's last action, as CassKop numbers it.", ("cluster",)),
        "casskop_cluster_info": ("Always 1.", (*cluster, "phase", "action")),
        "casskop_cluster_condition": ("1 for a condition's status.", (*cluster, "type", "status")),
        "casskop_rack_desired_nodes": ("Nodes that a rack is to have.", (*cluster, "dc", "rack")),
        "casskop_rack_ready_nodes": ("Nodes of a rack that are ready.", (*cluster, "dc", "rack")),
        "casskop_operation_running_seconds": (
            "How long a node operation has been running.",
            (*cluster, "pod", "operation"),
        ),
    }
    return {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in names.items()}


def _add_casskop(families: Mapping[str, GaugeMetricFamily], clusters: Iterable[ClusterFacts]) -> None:
    """Add CassKop's gauges, which know no namespace: one name may appear only once in a scrape."""
    shown: set[str] = set()
    for facts in clusters:
        if facts.name in shown:
            continue
        shown.add(facts.name)
        if facts.phase in PHASES:
            families["cluster_phase"].add_metric([facts.name], PHASES[facts.phase])
        if facts.action in ACTIONS:
            families["cluster_action"].add_metric([facts.name], ACTIONS[facts.action])


def _add_cluster(families: Mapping[str, GaugeMetricFamily], facts: ClusterFacts) -> None:
    cluster = [facts.namespace, facts.name]
    families["casskop_cluster_info"].add_metric([*cluster, facts.phase, facts.action], 1)
    for kind, current in sorted(facts.conditions.items()):
        # All three, as kube-state-metrics does, so that a change ends one series and begins none.
        for status in CONDITION_STATUSES:
            families["casskop_cluster_condition"].add_metric([*cluster, kind, status], int(status == current))
    for rack in facts.racks:
        labels = [*cluster, rack.dc, rack.rack]
        families["casskop_rack_desired_nodes"].add_metric(labels, rack.desired)
        families["casskop_rack_ready_nodes"].add_metric(labels, rack.ready)
    for operation in facts.operations:
        families["casskop_operation_running_seconds"].add_metric(
            [*cluster, operation.pod, operation.operation], operation.seconds
        )
