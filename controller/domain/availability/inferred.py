"""
A keyspace's replication from who holds which range, where Cassandra does not tell the replication itself.

A strategy is only claimed if it puts every replica of every range exactly where the ring has it. What
cannot be seen: a number of copies above the number of nodes looks like that number. Where both strategies
put all replicas alike, it is taken for NetworkTopologyStrategy, which asks for more before nodes leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from controller.domain.availability.placement import Layout
from controller.domain.availability.replication import NetworkTopology, Replication, Simple, Unprovable


def inferred(layout: Layout, holders: Mapping[int, Iterable[str]]) -> Replication:
    """Return the replication that explains *holders*: the nodes that hold the range that ends at a token."""
    if not holders or holders.keys() != layout.owners.keys():
        return Unprovable(why="its ranges are not those of the ring")
    ranges = {end: frozenset(nodes) for end, nodes in holders.items()}
    if any(not nodes <= layout.places.keys() for nodes in ranges.values()):
        return Unprovable(why="nodes hold it that are not known to be members")
    wanted = {end: layout.bits(nodes) for end, nodes in ranges.items()}
    some = next(iter(ranges.values()))
    factors = dict(sorted(Counter(layout.places[node].dc for node in some).items()))
    network = layout.joint([layout.network(dc, n) for dc, n in factors.items()])
    if {group.end: group.nodes for group in network} == wanted:
        return NetworkTopology(factors=factors)
    if {group.end: group.nodes for group in layout.simple(len(some))} == wanted:
        return Simple(factor=len(some))
    return Unprovable(why="its replicas are not where a strategy that is known would put them")
