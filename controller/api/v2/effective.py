"""
What holds for one data centre or rack, after inheritance.

All functions take a cluster that has its defaults (`defaults.with_defaults`).
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.api.v2.cluster import DC, CassandraCluster, Rack
from controller.api.v2.jsonvalues import EMPTY, JsonMap


def racks(cluster: CassandraCluster) -> Iterator[tuple[DC, Rack]]:
    """Yield the racks in the order in which they are worked on: that of the topology."""
    for dc in dcs(cluster):
        for rack in dc.rack:
            yield dc, rack


def dcs(cluster: CassandraCluster) -> tuple[DC, ...]:
    """Return the data centres."""
    return cluster.spec.topology.dc if cluster.spec.topology else ()


def find_rack(cluster: CassandraCluster, dc: str, rack: str) -> tuple[DC, Rack]:
    """Return the data centre and the rack of these names. Raises KeyError if the topology lacks them."""
    for data_centre, candidate in racks(cluster):
        if (data_centre.name, candidate.name) == (dc, rack):
            return data_centre, candidate
    raise KeyError(f"{dc}-{rack}")


def nodes_per_rack(cluster: CassandraCluster, dc: DC) -> int:
    """Return how many nodes each rack of *dc* should have."""
    if dc.nodes_per_racks is not None:
        return dc.nodes_per_racks
    return cluster.spec.nodes_per_racks or 0


def data_capacity(cluster: CassandraCluster, dc: DC) -> str | None:
    """Return the size of the data volumes of *dc*; None for nodes without one."""
    return dc.data_capacity or cluster.spec.data_capacity or None


def data_storage_class(cluster: CassandraCluster, dc: DC) -> str | None:
    """Return the storage class of the data volumes of *dc*; None for the default class.

    The class of a data centre counts only if it also has a capacity of its own, and then even when it
    is absent. Claim templates cannot be changed, so this rule of CassKop's stays.
    """
    if dc.data_capacity:
        return dc.data_storage_class or None
    return cluster.spec.data_storage_class or None


def resources(cluster: CassandraCluster, dc: DC) -> JsonMap:
    """Return the resources of Cassandra in *dc*: its own replace the cluster's, they are not merged."""
    own = dc.resources
    if own is not None and (own.get("limits") or own.get("requests")):
        return own
    return cluster.spec.resources or EMPTY


def node_labels(dc: DC, rack: Rack) -> dict[str, str]:
    """Return the labels that a Kubernetes node must carry, the rack's over the data centre's."""
    return {**dc.labels, **rack.labels}


def pull_secret(cluster: CassandraCluster) -> str | None:
    """Return the name of the Secret to pull images with, if any."""
    reference = cluster.spec.image_pull_secret
    return reference.name or None if reference else None


def jolokia_secret(cluster: CassandraCluster) -> str | None:
    """Return the name of the Secret with Jolokia's user and password, if any."""
    reference = cluster.spec.image_jolokia_secret
    return reference.name or None if reference else None
