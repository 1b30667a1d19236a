"""
The NetworkPolicy: who may open a connection to a Cassandra node.

It restricts what comes in and nothing that goes out, so names are resolved as before. Policies add up:
what it closes, another policy for the same pods may open. It is as good as the network plugin, which may
ignore it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.jsonvalues import EMPTY, JsonMap, thaw
from controller.builders.hashing import stamped

Peer = dict[str, Any]

_INTERNODE: Final = (7000, 7001)
_CQL: Final = 9042
_JOLOKIA: Final = 8778
_METRICS: Final = 9500
_BACKREST: Final = 4567
# Settings of cassandra.yaml with a port each.
_INTERNODE_SETTINGS: Final = ("storage_port", "ssl_storage_port")
_CQL_SETTINGS: Final = ("native_transport_port", "native_transport_port_ssl")
# What Prometheus' operator and chart call its pods.
_PROMETHEUS: Final = {"app.kubernetes.io/name": "prometheus"}
# The label that the operator's pods have, as CassKop's.
OPERATOR: Final = {"operator": "cassandra"}


def build_network_policy(cluster: CassandraCluster, *, operator: str) -> dict[str, Any]:
    """Return the policy for all pods of *cluster*; *operator* is the namespace of the operator's pods.

    Nodes reach each other for gossip, streams, Jolokia (before a node starts it asks the others) and
    backups; the operator reaches Jolokia and the backup sidecars.
    """
    access = cluster.spec.access
    among = [{"podSelector": {"matchLabels": names.cluster_labels(cluster.name)}}]
    manager = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": operator}},
        "podSelector": {"matchLabels": dict(OPERATOR)},
    }
    monitoring = {"namespaceSelector": {}, "podSelector": {"matchLabels": dict(_PROMETHEUS)}}
    internode = {*_INTERNODE, *_configured(cluster, _INTERNODE_SETTINGS)}
    clients = [thaw(peer) for peer in access.clients] if access else []
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": names.network_policy(cluster.name),
            "namespace": cluster.namespace,
            "labels": names.cluster_labels(cluster.name, cluster.metadata.labels),
            "ownerReferences": [names.owner_reference(cluster)],
        },
        "spec": {
            "podSelector": {"matchLabels": names.cluster_labels(cluster.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                _rule({*internode, _JOLOKIA, _BACKREST}, among),
                _rule({_JOLOKIA, _BACKREST}, [manager]),
                _rule({_METRICS}, [monitoring]),
                _rule({_CQL, *_configured(cluster, _CQL_SETTINGS)}, clients),
            ],
        },
    }
    return stamped(policy)


def _rule(ports: Iterable[int], peers: list[Peer]) -> dict[str, Any]:
    """Return a rule for *ports*, from *peers* or, without any, from everywhere."""
    listed = [{"port": port, "protocol": "TCP"} for port in sorted(ports)]
    return {"ports": listed} | ({"from": peers} if peers else {})


def _configured(cluster: CassandraCluster, settings: tuple[str, ...]) -> Iterator[int]:
    """Yield the ports that the configuration of any level gives *settings*."""
    levels: list[JsonMap | None] = [cluster.spec.config]
    for dc in effective.dcs(cluster):
        levels += [dc.config, *(rack.config for rack in dc.rack)]
    for level in levels:
        section = (level or EMPTY).get("cassandra-yaml")
        if not isinstance(section, Mapping):
            continue
        for setting in settings:
            value = section.get(setting)
            if isinstance(value, str) and value.isdecimal():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 65535:  # noqa: PLR2004 -- of a port
                yield value
