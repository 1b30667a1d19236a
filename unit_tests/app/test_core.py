"""What a reader may rely on: which change brings which cluster into the queue, and what metrics say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from controller.builders.context import Images
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import CONTROLLER, Core, assemble, metadata_only, selector
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.event_limits import Event
from controller.kube.kinds import Kind
from controller.reconcile.stores import ObjectStore
from controller.runtime.clock import SteppedClock
from controller.runtime.queue import Priority
from controller.runtime.store import Entry, Key
from controller.telemetry.collectors import RackFacts
from e2e.simkube.api import ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simtime import Simulation

CC = Key("prod", "cc")


class Nowhere:
    """A recorder that drops everything."""

    def record(self, event: Event) -> None:
        """Drop it."""


@pytest.fixture
def core() -> Core:
    """Return a controller that nothing was started of, against an empty API server."""
    return assembled()


def assembled(acting: Callable[[], bool] = lambda: True) -> Core:
    """Return a controller that takes changes for work while *acting*."""
    return assemble(
        client=KubeClient(InProcess(ApiServer(Simulation())), fence=lambda: None),
        nodes=Nodes(Jolokia.over(), threads=0),
        recorder=Nowhere(),
        images=Images(own="casskop:test"),
        clock=SteppedClock(),
        new_id=lambda: "id",
        acting=acting,
    )


def put(store: ObjectStore, name: str, version: str = "1", **obj: Any) -> None:
    """Put an object into *store*, as its reflector does."""
    metadata = {"namespace": "prod", "name": name, "uid": f"u-{name}", **obj.pop("metadata", {})}
    store.upsert(Entry(Key("prod", name), version, {"metadata": metadata, **obj}))


def put_cluster(core: Core, name: str = "cc", version: str = "1", **obj: Any) -> None:
    """Put a CassandraCluster into its store."""
    put(core.stores.clusters, name, version, **obj)


def ready(core: Core) -> list[Key]:
    """Take and finish all keys that are ready."""
    found = []
    while (key := core.queue.try_take()) is not None:
        found.append(key)
        core.queue.done(key)
    return found


OWNED = [
    kinds.STATEFULSET,
    kinds.POD,
    kinds.PERSISTENT_VOLUME_CLAIM,
    kinds.SERVICE,
    kinds.POD_DISRUPTION_BUDGET,
    kinds.CONFIG_MAP,
]


def test_a_change_of_a_cluster_is_one_of_itself(core: Core) -> None:
    """New, changed or gone."""
    put_cluster(core)
    assert ready(core) == [CC]
    put_cluster(core, version="2")
    assert ready(core) == [CC]
    core.stores.clusters.delete(CC)
    assert ready(core) == [CC]


@pytest.mark.parametrize("kind", OWNED, ids=lambda kind: kind.plural)
def test_a_change_of_what_a_cluster_owns_is_one_of_the_cluster(core: Core, kind: Kind) -> None:
    """By CassKop's label, new, changed or gone; even if the cluster is not known yet."""
    store = core.stores.by_kind()[kind]
    for version in ("1", "2"):
        put(store, "x", version, metadata={"labels": {"cassandracluster": "cc"}})
        assert ready(core) == [CC]
    store.delete(Key("prod", "x"))
    assert ready(core) == [CC]


def test_what_changes_hands_is_a_change_for_both(core: Core) -> None:
    """Who had it has to make another, and who got it has to know."""
    put(core.stores.pods, "x", metadata={"labels": {"cassandracluster": "cc"}})
    ready(core)
    put(core.stores.pods, "x", "2", metadata={"labels": {"cassandracluster": "other"}})

    assert ready(core) == [CC, Key("prod", "other")]


@pytest.mark.parametrize("kind", [*OWNED, kinds.SECRET], ids=lambda kind: kind.plural)
def test_what_belongs_to_nobody_wakes_nobody(core: Core, kind: Kind) -> None:
    """Whatever else is in the namespace."""
    put(core.stores.by_kind()[kind], "x")

    assert ready(core) == []


def test_a_secret_or_config_map_wakes_the_clusters_that_name_it(core: Core) -> None:
    """All of them, and no others; also when it goes."""
    put_cluster(core, "a", spec={"imageJolokiaSecret": {"name": "login"}})
    put_cluster(core, "b", spec={"imageJolokiaSecret": {"name": "login"}, "configMapName": "settings"})
    put_cluster(core, "c", spec={})
    ready(core)

    put(core.stores.secrets, "login")
    assert ready(core) == [Key("prod", "a"), Key("prod", "b")]
    put(core.stores.config_maps, "settings")
    assert ready(core) == [Key("prod", "b")]
    core.stores.secrets.delete(Key("prod", "login"))
    assert ready(core) == [Key("prod", "a"), Key("prod", "b")]


@pytest.mark.parametrize(
    "spec", [{"imageJolokiaSecret": "text"}, {"imageJolokiaSecret": {"name": 7}, "configMapName": []}, None]
)
def test_nonsense_in_a_spec_stops_no_store(core: Core, spec: object) -> None:
    """A store that one cluster could break would stop all of them."""
    put_cluster(core, spec=spec)

    assert ready(core) == [CC]


def test_a_new_leader_looks_at_every_cluster_after_the_news(core: Core) -> None:
    """At low priority: what changes meanwhile goes first."""
    for name in ("a", "b"):
        put_cluster(core, name)
    ready(core)

    core.enqueue_all()
    assert core.queue.depth() == {Priority.HIGH: 0, Priority.LOW: 2}
    put_cluster(core, "b", "2")
    assert ready(core) == [Key("prod", "b"), Key("prod", "a")]


def test_who_stands_by_does_not_collect_work() -> None:
    """It knows what there is; when it begins to act it looks at all of it."""
    acting: list[bool] = []
    core = assembled(lambda: bool(acting))
    put_cluster(core)
    assert core.queue.depth() == {Priority.HIGH: 0, Priority.LOW: 0}

    acting.append(True)
    core.enqueue_all()
    put_cluster(core, "news")
    assert ready(core) == [Key("prod", "news"), CC]


def test_log_lines_of_a_reconcile_say_which_generation_it_saw(core: Core) -> None:
    """With the cluster, the controller and an id of the reconcile; a cluster that is gone has none."""
    put_cluster(core, metadata={"generation": 4, "deletionTimestamp": "2026-01-01T00:00:00Z"})
    with capture_logs(processors=[merge_contextvars]) as lines:
        assert core.workers.run_one()
        core.stores.clusters.delete(CC)
        assert core.workers.run_one()

    bound = {"controller": CONTROLLER, "namespace": "prod", "name": "cc", "reconcile_id": "id"}
    first, second = [{key: line[key] for key in (*bound, "generation") if key in line} for line in lines]
    assert (first, second) == ({**bound, "generation": 4}, bound)


def test_metrics_say_what_status_and_sets_say(core: Core) -> None:
    """Racks as the status names them; sizes from their StatefulSets, 0 where there is none yet."""
    racks = {rack: {"phase": "Running"} for rack in ("dc1-rack1", "dc1-rack2")}
    put_cluster(
        core,
        status={
            "phase": "Running",
            "lastClusterAction": "ScaleUp",
            "cassandraRackStatus": racks,
            "conditions": [{"type": "Ready", "status": "True", "reason": "R", "message": "m"}],
        },
    )
    put(
        core.stores.statefulsets,
        "cc-dc1-rack1",
        metadata={"labels": {"cassandracluster": "cc", "dc-rack": "dc1-rack1"}},
        spec={"replicas": 3},
        status={"readyReplicas": 2},
    )

    (facts,) = core.facts()

    assert (facts.namespace, facts.name, facts.phase, facts.action) == ("prod", "cc", "Running", "ScaleUp")
    assert facts.conditions == {"Ready": "True"}
    assert facts.racks == (
        RackFacts(dc="dc1", rack="rack1", desired=3, ready=2),
        RackFacts(dc="dc1", rack="rack2", desired=0, ready=0),
    )


@pytest.mark.parametrize("status", [None, {}, {"phase": 7, "cassandraRackStatus": "x"}, "nonsense"])
def test_no_status_spoils_the_scrape(core: Core, status: object) -> None:
    """One that is missing, or that somebody has broken by hand."""
    put_cluster(core, status=status)

    (facts,) = core.facts()

    assert (facts.phase, facts.racks) == ("", ())


def test_only_what_belongs_to_clusters_is_watched() -> None:
    """And of Secrets nothing but that they are there: no password is kept in memory that nobody needs."""
    assert {kind.plural for kind in OWNED if selector(kind) == "app=cassandracluster"} == {
        kind.plural for kind in OWNED
    } - {"configmaps"}
    assert selector(kinds.CASSANDRA_CLUSTER) == selector(kinds.SECRET) == ""
    assert [kind.plural for kind in (*OWNED, kinds.SECRET) if metadata_only(kind)] == ["secrets"]
