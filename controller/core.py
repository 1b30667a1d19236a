"""
The controller of CassandraClusters, put together but for threads and connections.

It is what the operator and a simulation have in common: given an API server, a way to the nodes and a
clock, it wires stores, queue, reconciler and workers. Nothing runs until somebody starts it or steps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import datetime as dt
import random
from typing import Any

import attrs

from controller.api.v2 import names
from controller.api.v2.codec import decode_status
from controller.builders.context import Images
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.executors.base import Executor
from controller.executors.claims import Claims
from controller.executors.decommission import Decommissions
from controller.executors.login import LoginSecrets, password
from controller.executors.objects import Objects
from controller.executors.operations import OperationMetrics, Operations
from controller.executors.pods import Pods
from controller.executors.racks import Racks
from controller.executors.seeds import Seeds
from controller.executors.statefulsets import StatefulSets
from controller.executors.surplus import Surplus
from controller.executors.tuning import Tunings
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.kinds import Kind
from controller.kube.transport import Transport
from controller.kube.watch import KindSource
from controller.reconcile import snapshot
from controller.reconcile.caught_up import CaughtUp
from controller.reconcile.cluster import ClusterReconciler
from controller.reconcile.credentials import Logins
from controller.reconcile.deletion import Deletion
from controller.reconcile.finish import Finisher, Recorder
from controller.reconcile.observe import Observer
from controller.reconcile.questions import Questions
from controller.reconcile.stores import BY_CONFIG_MAP, BY_SECRET, Object, ObjectStore, Stores
from controller.reconcile.takeover import CassKop
from controller.reconcile.trail import NoTrail, Trail
from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import Clock
from controller.runtime.held_calls import HeldCalls, HeldCallsMetrics, Spawn, in_a_thread
from controller.runtime.inquiries import Inquiries
from controller.runtime.queue import Priority, QueueMetrics, WorkQueue
from controller.runtime.store import Change, Key
from controller.runtime.workers import WorkerMetrics, Workers, describe_key
from controller.telemetry.collectors import ClusterFacts, OperationFacts, RackFacts

CONTROLLER = "cassandracluster"
# Each has a thread that does nothing; with few, nodes that hang would keep others from being asked.
HELD_CALLS = 1024
# Owned kinds are found by CassKop's label; Secrets and ConfigMaps of the user carry none.
_LABELLED = frozenset(
    {
        kinds.STATEFULSET,
        kinds.POD,
        kinds.PERSISTENT_VOLUME_CLAIM,
        kinds.SERVICE,
        kinds.POD_DISRUPTION_BUDGET,
        kinds.NETWORK_POLICY,
    }
)


def selector(kind: Kind) -> str:
    """Return the label selector with which objects of *kind* are listed and watched."""
    return kinds.OWNED_SELECTOR if kind in _LABELLED else ""


def metadata_only(kind: Kind) -> bool:
    """Tell whether only the metadata of *kind* is watched: contents of Secrets are none of our memory."""
    return kind == kinds.SECRET


def source_of(transport: Transport, kind: Kind, namespace: str | None) -> KindSource:
    """Return where *kind* is listed and watched, in *namespace* or, without one, everywhere."""
    return KindSource(
        transport,
        kind,
        namespace=namespace,
        label_selector=selector(kind),
        metadata_only=metadata_only(kind),
    )


@attrs.frozen(kw_only=True)
class Core:
    """The wired parts. *listen* has been called: a change in a store becomes a key in the queue."""

    stores: Stores
    queue: WorkQueue[Key]
    reconciler: ClusterReconciler
    workers: Workers[Key]
    calls: HeldCalls[Key, str | None]
    clock: Clock

    def enqueue_all(self, priority: Priority = Priority.LOW) -> None:
        """Put every cluster into the queue, as a new leader does."""
        for key in self.stores.clusters.keys():  # noqa: SIM118 -- a store is no dict
            self.queue.add(key, priority)

    def facts(self) -> Iterator[ClusterFacts]:
        """Yield what metrics say of each cluster, from what its status says."""
        for obj in self.stores.clusters.list():
            yield _facts(obj, self.stores, self.clock.now())


def assemble(  # noqa: PLR0913 -- every seam of the controller, by name
    *,
    client: KubeClient,
    nodes: Nodes,
    operate: Jolokia | None = None,
    recorder: Recorder,
    images: Images,
    home: str = "",
    clock: Clock,
    roll: Callable[[], float] = random.random,
    new_id: Callable[[], str],
    workers: int = 16,
    queue_metrics: QueueMetrics | None = None,
    worker_metrics: WorkerMetrics | None = None,
    held_metrics: HeldCallsMetrics | None = None,
    operation_metrics: OperationMetrics | None = None,
    spawn: Spawn = in_a_thread,
    inquire: Spawn = in_a_thread,
    on_secret: Callable[[str], None] = lambda _: None,
    new_password: Callable[[], str] = password,
    acting: Callable[[], bool] = lambda: True,
    operator: str | None = None,
    trail: Trail | None = None,
) -> Core:
    """Return the controller, ready to be started or stepped.

    *operate* is the client for calls that last, which *spawn* runs elsewhere; without it they are made with
    the patience of a question. *inquire* runs a round of questions elsewhere. *on_secret* hears each
    password before it is used, so that it can be kept out of logs; *new_password* makes those of generated
    logins. While *acting* is false changes are not put into the queue: who begins to act enqueues every
    cluster. *operator* is the name of the pod that it runs in, *home* its namespace. *trail* hears of what
    is decided and done.
    """
    stores = Stores()
    queue: WorkQueue[Key] = WorkQueue(clock=clock, backoff=KeyBackoff(roll=roll), metrics=queue_metrics)
    calls: HeldCalls[Key, str | None] = HeldCalls(
        wake=queue.add, clock=clock, limit=HELD_CALLS, metrics=held_metrics, spawn=spawn
    )
    decommissions = Decommissions(client, operate or nodes.jolokia, calls)
    inquiries: Inquiries[Key] = Inquiries(wake=queue.add, clock=clock, spawn=inquire)
    caught_up = CaughtUp(client=client, stores=stores, monotonic=clock.monotonic)
    finisher = Finisher(client=client, recorder=recorder)
    reconciler = ClusterReconciler(
        client=client,
        stores=stores,
        observer=Observer(
            client=client,
            stores=stores,
            questions=Questions(nodes, inquiries),
            logins=Logins(client, stores.secrets.version, on_secret),
            images=images,
            home=home,
            now=clock.now,
            call=decommissions.state,
            operator=operator,
        ),
        executor=Executor(
            objects=Objects(client),
            surplus=Surplus(client),
            login=LoginSecrets(client=client, password=new_password, on_secret=on_secret),
            statefulsets=StatefulSets(client),
            pods=Pods(client),
            racks=Racks(client),
            claims=Claims(client),
            decommission=decommissions,
            operations=Operations(client, operate or nodes.jolokia, nodes.jolokia, calls, operation_metrics),
            tunings=Tunings(client, nodes.jolokia, calls),
            seeds=Seeds(nodes.jolokia, calls),
        ),
        finisher=finisher,
        caught_up=caught_up,
        deletion=Deletion(client=client, stores=stores, finisher=finisher, now=clock.now),
        casskop=CassKop(client=client, stores=stores),
        trail=trail or NoTrail(),
    )
    listen(stores, lambda key: queue.add(key) if acting() else None)
    return Core(
        stores=stores,
        queue=queue,
        reconciler=reconciler,
        workers=Workers(
            controller=CONTROLLER,
            queue=queue,
            reconcile=reconciler.reconcile,
            describe=lambda key: _describe(key, stores),
            clock=clock,
            new_id=new_id,
            count=workers,
            metrics=worker_metrics,
        ),
        calls=calls,
        clock=clock,
    )


def _describe(key: Key, stores: Stores) -> dict[str, object]:
    """Return what each log line of a reconcile says of its cluster."""
    obj = stores.clusters.get(key)
    generation = None if obj is None else obj["metadata"].get("generation")
    return {**describe_key(key), **({} if generation is None else {"generation": generation})}


def listen(stores: Stores, add: Callable[[Key], None]) -> None:
    """Tell *add* the keys of the clusters that each change in *stores* concerns."""

    def itself(change: Change[Object]) -> None:
        add(change.key)

    def owners(change: Change[Object]) -> None:
        for obj in (change.old, change.new):
            key = kinds.owner_key(obj) if obj is not None else None
            if key is not None:
                add(key)

    def named_in(index: str) -> Callable[[Change[Object]], None]:
        def found(change: Change[Object]) -> None:
            for cluster in stores.clusters.find(index, change.key):
                add(_key(cluster))

        return found

    stores.clusters.listen(itself)
    owned: Iterable[ObjectStore] = (
        stores.statefulsets,
        stores.pods,
        stores.claims,
        stores.services,
        stores.budgets,
        stores.policies,
        stores.config_maps,
        stores.secrets,
    )
    for store in owned:
        store.listen(owners)
    stores.secrets.listen(named_in(BY_SECRET))
    stores.config_maps.listen(named_in(BY_CONFIG_MAP))


def _key(obj: Object) -> Key:
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _facts(obj: Object, stores: Stores, now: dt.datetime) -> ClusterFacts:
    """Return what metrics say of one cluster."""
    status, _ = decode_status(obj.get("status"))
    key = _key(obj)
    sizes: Mapping[str, Any] = {
        sts["metadata"]["labels"].get(names.DC_RACK): sts for sts in stores.statefulsets.find("cluster", key)
    }
    racks = []
    for rack in sorted(status.cassandra_rack_status):
        dc, name = names.split_rack_name(rack)
        sts = sizes.get(rack) or {}
        racks.append(
            RackFacts(
                dc=dc,
                rack=name,
                desired=(sts.get("spec") or {}).get("replicas", 0),
                ready=(sts.get("status") or {}).get("readyReplicas", 0),
            )
        )
    return ClusterFacts(
        namespace=key.namespace,
        name=key.name,
        phase=status.phase or "",
        action=status.last_cluster_action or "",
        conditions={c.type: c.status for c in status.conditions},
        racks=tuple(racks),
        operations=tuple(_operations(stores.pods.find("cluster", key), now)),
    )


def _operations(pods: Iterable[Object], now: dt.datetime) -> Iterator[OperationFacts]:
    """Yield what metrics say of each operation that runs."""
    for obj in pods:
        pod = snapshot.pod(obj)
        running = pod.operation.running
        if running is not None:
            began = snapshot.instant(running.began) or now
            # CassKop's times have no zone; its operator's is UTC, as ours.
            aware = began if began.tzinfo is not None else began.replace(tzinfo=dt.UTC)
            yield OperationFacts(
                operation=running.name, pod=pod.name, seconds=max(0.0, (now - aware).total_seconds())
            )
