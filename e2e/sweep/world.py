"""
The simulated world as values: what the invariants look at.

A `World` is what truly is at one instant: objects as they are stored, Cassandra processes as they are.
It is not what the operator sees. Objects in it are the store's own: nobody changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from controller.kube.transport import Request
from e2e.providers.sim import SimCluster
from e2e.simcassandra.keyspaces import LOCAL_KEYSPACES, SYSTEM_KEYSPACES
from e2e.simcassandra.node import Node
from e2e.simcassandra.tokens import replicas
from e2e.simcassandra.volume import Bootstrap

Object = Mapping[str, Any]
Named = Mapping[str, Object]

CLUSTERS = ("db.orange.com", "cassandraclusters")
STATEFULSETS = ("apps", "statefulsets")
PODS = ("", "pods")
CLAIMS = ("", "persistentvolumeclaims")
BUDGETS = ("policy", "poddisruptionbudgets")
MACHINES = ("", "nodes")
SERVICES = ("", "services")
CONFIG_MAPS = ("", "configmaps")
SECRETS = ("", "secrets")
_NOT_THE_USERS = frozenset({*LOCAL_KEYSPACES, *(keyspace.name for keyspace in SYSTEM_KEYSPACES)})


@attrs.frozen(kw_only=True)
class RingNode:
    """A Cassandra process. *fresh*: its disk never was a member's. *knows*: who it counts as members.

    *host_ids* are theirs, by address. *age* is for how many seconds it has been running, *removes* the host
    id of whom it removes from the ring. *at_work* are the methods that it was asked for and carries out,
    *finished* says when one came to a good end last. It *compacts_at* so many megabytes a second.
    """

    address: str
    cluster: str
    pod: str
    host_id: str | None
    mode: str
    serves: bool
    fresh: bool
    knows: frozenset[str] = frozenset()
    host_ids: Mapping[str, str] = attrs.field(factory=dict)
    age: float = 0.0
    removes: str | None = None
    at_work: tuple[str, ...] = ()
    compacts_at: float = 0.0
    finished: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Copies:
    """Where the copies of a user's *keyspace* are: a set of addresses for each part of the data."""

    keyspace: str
    holders: frozenset[frozenset[str]]


@attrs.frozen(kw_only=True)
class World:
    """Everything in the namespace at one instant, by name, and all Cassandra processes.

    *copies* are those of all rings; they are filled in where the operator writes to pods or volumes only.
    *disks* has the host id of whose data is on a claim's volume, by the claim's name.
    """

    now: float = 0.0
    clusters: Named = attrs.field(factory=dict)
    statefulsets: Named = attrs.field(factory=dict)
    pods: Named = attrs.field(factory=dict)
    claims: Named = attrs.field(factory=dict)
    budgets: Named = attrs.field(factory=dict)
    config_maps: Named = attrs.field(factory=dict)
    # The Kubernetes nodes that there are, with or without power.
    machines: frozenset[str] = frozenset()
    nodes: tuple[RingNode, ...] = ()
    disks: Mapping[str, str] = attrs.field(factory=dict)
    copies: tuple[Copies, ...] = ()

    def nodes_of(self, cluster: str) -> tuple[RingNode, ...]:
        """Return the processes of one cluster."""
        return tuple(node for node in self.nodes if node.cluster == cluster)

    def racks_of(self, cluster: str) -> tuple[Object, ...]:
        """Return the StatefulSets that carry one cluster's label."""
        return tuple(s for s in self.statefulsets.values() if label(s) == cluster)


@attrs.frozen(kw_only=True)
class Write:
    """One write of the operator's that changed something, or a refused one (*before* is *after*).

    *before* is None for a creation, *after* is the object as stored, or its last state. *read* tells
    whether this life of the operator read the object live, by a GET of its own, right before.
    *fenced* tells that this life had been told not to write any more.
    """

    place: tuple[str, str]
    name: str
    request: Request
    before: Object | None
    after: Object
    read: bool = False
    fenced: bool = False


def label(obj: Object) -> str:
    """Return the cluster that *obj* is labelled with, "" if with none."""
    return str((obj["metadata"].get("labels") or {}).get("cassandracluster") or "")


def condition(obj: Object, kind: str) -> Object:
    """Return the condition *kind* of a cluster, an unknown one if there is none."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    unknown: Object = {"type": kind, "status": "Unknown", "reason": ""}
    return next((c for c in conditions if c["type"] == kind), unknown)


def size(statefulset: Object) -> int:
    """Return how many pods a StatefulSet is to have."""
    return int((statefulset.get("spec") or {}).get("replicas", 1))


def wanted_size(cluster: Object) -> int:
    """Return how many nodes the spec asks for."""
    spec = cluster.get("spec") or {}
    return sum(
        len(dc.get("rack") or ()) * int(dc.get("nodesPerRacks", spec.get("nodesPerRacks", 1)))
        for dc in (spec.get("topology") or {}).get("dc") or ()
    )


def rack_names(cluster: Object) -> tuple[str, ...]:
    """Return the names of the StatefulSets that the spec asks for."""
    dcs = ((cluster.get("spec") or {}).get("topology") or {}).get("dc") or ()
    name = cluster["metadata"]["name"]
    return tuple(f"{name}-{dc['name']}-{rack['name']}" for dc in dcs for rack in dc.get("rack") or ())


def look(cluster: SimCluster) -> World:
    """Return the world as it is now."""
    ring = cluster.controllers.ring
    return World(
        now=cluster.simulation.now,
        clusters=_named(cluster, CLUSTERS),
        statefulsets=_named(cluster, STATEFULSETS),
        pods=_named(cluster, PODS),
        claims=_named(cluster, CLAIMS),
        budgets=_named(cluster, BUDGETS),
        config_maps=_named(cluster, CONFIG_MAPS),
        machines=frozenset(v.object["metadata"]["name"] for v in cluster.server.store.each(MACHINES, "")),
        nodes=tuple(_node(node) for node in ring.nodes()),
        disks=_disks(cluster),
    )


def copies(cluster: SimCluster) -> tuple[Copies, ...]:
    """Return where users' data is, as the member sees the ring that has run for the longest time.

    One that has just started knows others by addresses of the past.
    """
    found: dict[str, Copies] = {}
    for node in sorted(cluster.controllers.ring.normal(), key=lambda node: -node.started_at):
        schema = node.schema
        for name, keyspace in () if schema is None else schema.keyspaces.items():
            if name not in _NOT_THE_USERS and node.view.members:
                layout = node.view.layout()
                held = frozenset(
                    frozenset(replicas(layout, keyspace.replication, token)) for token in layout.tokens
                )
                found[f"{node.config.cluster_name}/{name}"] = Copies(keyspace=name, holders=held)
    return tuple(found.values())


def _named(cluster: SimCluster, place: tuple[str, str]) -> Named:
    return {version.object["metadata"]["name"]: version.object for version in _each(cluster, place)}


def _each(cluster: SimCluster, place: tuple[str, str]) -> list[Any]:
    return list(cluster.server.store.each(place, cluster.namespace))


def _disks(cluster: SimCluster) -> dict[str, str]:
    disks = cluster.controllers.pods.disks
    found = {}
    for version in _each(cluster, CLAIMS):
        metadata = version.object["metadata"]
        disk = disks.get(metadata["uid"])
        if disk is not None and disk.host_id is not None:
            found[metadata["name"]] = disk.host_id
    return found


def _node(node: Node) -> RingNode:
    return RingNode(
        address=node.address,
        cluster=node.config.cluster_name,
        pod=node.config.pod,
        host_id=node.volume.host_id,
        mode=node.mode.value,
        serves=node.native_transport,
        fresh=node.volume.bootstrap is not Bootstrap.COMPLETED,
        knows=frozenset(node.view.members),
        host_ids=dict(node.view.host_ids),
        age=node.simulation.now - node.started_at,
        removes=_removes(node),
        at_work=node.at_work,
        compacts_at=node.compaction_megabytes,
        finished=dict(node.finished),
    )


def _removes(node: Node) -> str | None:
    known = node.view.states.get(node.removal.dead) if node.removal is not None else None
    return None if known is None else known.host_id
