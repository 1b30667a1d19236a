"""
Which nodes are seeds.

The rule is CassKop's: up to three seeds a data centre, spread over its racks. A seed is a name that a pod
has or will have; whether it runs is not looked at here.
"""

from __future__ import annotations

from controller.api.v2 import effective, names
from controller.api.v2.cluster import DC, CassandraCluster

_SEEDS_PER_DC = 3


def initial_seeds(cluster: CassandraCluster) -> tuple[str, ...]:
    """Return the seed list that the topology of *cluster* (with defaults) calls for, in its order.

    A data centre with one rack gives its first three pods; with two racks two and one; with more, the
    first pod of the first three racks. A data centre of size 0 gives none: its pods will not resolve.
    """
    return tuple(
        names.pod_host(cluster.name, names.pod(cluster.name, dc.name, rack, ordinal), cluster.namespace)
        for dc in effective.dcs(cluster)
        for rack, ordinal in _seeds_of(cluster, dc)
    )


def updated_seeds(current: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return *wanted* in the order of *current* as far as it goes, what is new at the end.

    The order is kept because it is part of the pods' environment: to turn it round would restart nodes.
    """
    kept = tuple(seed for seed in current if seed in wanted)
    return kept + tuple(seed for seed in wanted if seed not in kept)


def _seeds_of(cluster: CassandraCluster, dc: DC) -> list[tuple[str, int]]:
    """Return rack and ordinal of the seeds of one data centre."""
    size = effective.nodes_per_rack(cluster, dc)
    racks = [rack.name for rack in dc.rack][:_SEEDS_PER_DC]
    share = {1: (3,), 2: (2, 1)}.get(len(racks), (1, 1, 1))
    return [
        (rack, ordinal)
        for rack, seeds in zip(racks, share, strict=False)
        for ordinal in range(min(seeds, size))
    ]
