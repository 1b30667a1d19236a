"""
Whether the nodes that stay have room for what those that leave hand over.

What each node has to take is computed from the ring as it will be at the size that is asked for: how many
more ranges of a keyspace it holds then, times how much data there is in a range. Data is taken to lie evenly
over tokens, and to be all in the keyspace that asks for most. What is used is Cassandra's own word, what
there is the capacity of the data volume: no MBean tells free space. Snapshots, commit logs and whatever else
is on the volume are not in it, nor what compactions need meanwhile; for all that a share is kept free.

Nodes without volumes are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
import decimal

import attrs

from controller.api.v2 import quantity
from controller.domain.actions import Hold, Wait
from controller.domain.amounts import amount
from controller.domain.availability import Keyspace, NetworkTopology, Replication, Simple
from controller.domain.availability.placement import Group, Layout
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Rack

# How much of a volume stays free, for what is not counted.
SPARE = 0.1
# Nothing tells of a volume that grew, or of data that was cleaned up.
SPACE_SECONDS = 30.0
# Tokens go around; which ring it is can be told from the smallest.
_MURMUR3, _RANDOM = 1 << 64, 1 << 127


@attrs.frozen(kw_only=True)
class Room:
    """There is room; *why* is the proof, or what was not looked at."""

    why: str


@attrs.frozen(kw_only=True)
class _Load:
    """What one node holds, and what it could; *capacity* is None for one without a volume."""

    used: int
    capacity: int | None


def leaving(desired: Desired, observed: Observed) -> frozenset[str]:
    """Return the pods that are to leave, all that the spec no longer asks for."""
    found: set[str] = set()
    for want in desired.racks:
        have = observed.racks.get(want.name, Rack()).statefulset
        if have is not None:
            found.update(f"{have.name}-{i}" for i in range(want.replicas, have.replicas))
    return frozenset(found)


def room(
    path: str, keyspaces: Iterable[Keyspace], layout: Layout, desired: Desired, observed: Observed
) -> Room | Sequence[Wait | Hold]:
    """Return that there is room for the data of all nodes that leave, or what keeps them.

    *path* is the field that makes the ring smaller, *layout* the ring by pod, *keyspaces* those to count.
    """
    if desired.rollout.unlocked:
        return Room(why="spec.unlockNextOperation is set, so that free space is not looked at")
    going = leaving(desired, observed)
    needs = needed(_different(k.replication for k in keyspaces), layout, going, observed.loads)
    if not needs:
        return Room(why="they get no data of users")
    # One whose first try failed is no longer ready, and not asked: the others tell how dense data lies.
    silent = sorted((going & observed.ring.views().keys()) - observed.loads.keys())
    loads = {node: _load(node, observed) for node in sorted(needs)}
    unknown = [*map(_silent, silent), *(load for load in loads.values() if isinstance(load, Wait))]
    if unknown:
        return unknown
    lacking = [
        _too_little(node, path, needs[node], load)
        for node, load in loads.items()
        if isinstance(load, _Load) and load.capacity is not None and needs[node] > _free(load)
    ]
    if lacking:
        return lacking
    sized = {n: load for n, load in loads.items() if isinstance(load, _Load) and load.capacity is not None}
    if not sized:
        return Room(why="they have no volumes, so that free space is not looked at")
    worst = max(sized, key=lambda node: needs[node] - _free(sized[node]))
    return Room(
        why=f"there is room: {worst} gets about {amount(needs[worst])} and has {amount(_free(sized[worst]))}"
    )


def needed(
    replications: Sequence[Replication], layout: Layout, going: frozenset[str], loads: Mapping[str, int]
) -> dict[str, int]:
    """Return how many bytes each node that gets more ranges gets at most once all that are *going* have left.

    *loads* is what nodes hold; of nodes that are not in it nothing is known, and they count as empty.
    """
    stay = Layout(
        owners={token: node for token, node in layout.owners.items() if node not in going},
        places=layout.places,
    )
    found: dict[str, int] = {}
    for replication in replications:
        before, after = _held(replication, layout), _held(replication, stay)
        if not going & before.keys():
            continue
        density = _density(before, going, loads)
        for node, share in after.items():
            more = share - before.get(node, 0)
            if more > 0:
                found[node] = max(found.get(node, 0), int(more * density))
    return found


def _different(replications: Iterable[Replication]) -> list[Replication]:
    """Return each replication once: many keyspaces share one."""
    found: list[Replication] = []
    for each in replications:
        if each not in found:
            found.append(each)
    return found


def _density(held: Mapping[str, int], going: frozenset[str], loads: Mapping[str, int]) -> decimal.Decimal:
    """Return the bytes in a token's width: what those that leave have of it, or all, if that is more."""
    sets = [held, *({node: held[node]} for node in going & held.keys() if held[node])]
    return max(
        decimal.Decimal(sum(loads.get(node, 0) for node in each)) / max(sum(each.values()), 1)
        for each in sets
    )


def _held(replication: Replication, layout: Layout) -> dict[str, int]:
    """Return how much of the ring each node holds copies of, in tokens."""
    held: dict[str, int] = {}
    ring = _MURMUR3 if min(layout.owners, default=0) < 0 else _RANDOM
    for groups in _parts(replication, layout):
        # One width for each set of nodes: naming them is what takes time.
        widths: dict[int, int] = {}
        for group in groups:
            width = (group.end - group.start) % ring or ring
            widths[group.nodes] = widths.get(group.nodes, 0) + width
        for nodes, width in widths.items():
            for node in layout.named(nodes):
                held[node] = held.get(node, 0) + width
    return held


def _parts(replication: Replication, layout: Layout) -> Iterator[list[Group]]:
    match replication:
        case NetworkTopology(factors=factors):
            for dc in layout.dcs():
                if factors.get(dc):
                    yield layout.network(dc, factors[dc])
        case Simple(factor=factor):
            yield layout.simple(factor)
        case _:
            return


def _load(node: str, observed: Observed) -> _Load | Wait:
    """Return what is known of the space of *node*; one without a pod of ours is somebody else's to watch."""
    racks = observed.racks.values()
    if not any(pod.name == node for rack in racks for pod in rack.pods):
        return _Load(used=0, capacity=None)
    claim = next((c for rack in racks for c in rack.claims if c.name == f"data-{node}"), None)
    if claim is None:
        return _Load(used=observed.loads.get(node, 0), capacity=None)
    if node not in observed.loads:
        return _silent(node)
    if claim.capacity is None:
        return Wait(seconds=None, why=f"the size of volume {claim.name} is not known yet")
    return _Load(used=observed.loads[node], capacity=int(quantity.parse(claim.capacity)))


def _silent(node: str) -> Wait:
    return Wait(
        seconds=SPACE_SECONDS,
        why=f"it is not known whether there is room for the data: {node} does not say how much it holds"
        " (spec.unlockNextOperation overrules that)",
    )


def _free(load: _Load) -> int:
    """Return how much may come to a node: a bound from above, since volumes hold more than is counted."""
    assert load.capacity is not None
    return max(int(load.capacity * (1 - SPARE)) - load.used, 0)


def _too_little(node: str, path: str, need: int, load: _Load) -> Hold:
    assert load.capacity is not None
    return Hold(
        reason="TooLittleSpace",
        path=path,
        why=f"{node} would get about {amount(need)} more, and of its volume of {amount(load.capacity)} it"
        f" uses {amount(load.used)}, which leaves {amount(_free(load))} with a tenth kept free: let volumes"
        " grow, delete data or clean it up, put the size back, or set spec.unlockNextOperation",
        seconds=SPACE_SECONDS,
    )
