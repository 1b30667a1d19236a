"""
Whether a node may leave the ring now: what has to hold before its decommission begins.

It promises that no keyspace of a user is left with fewer nodes than it keeps copies, that nothing else
moves in the ring, and that every other node is up and has room to take what it hands over. Cassandra's
own check is not relied on: it counts its system keyspaces too, and refuses in every small cluster.

The size that is asked for is judged, not the next one: a wish that cannot be fulfilled is not begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from controller.api.v2 import names
from controller.domain.actions import Hold, Wait
from controller.domain.availability import CASSANDRAS_OWN, Keyspace, NetworkTopology, Simple, Unprovable
from controller.domain.availability.placement import Layout
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Observed, Rack
from controller.domain.ownership import Ownership, Unread
from controller.domain.plan.space import Room, room
from controller.domain.plan.waiting import GOSSIP_SECONDS, created, find, on_its_way

# Nothing tells of an ALTER KEYSPACE, of the end of a stream, or of who owns what.
KEYSPACE_SECONDS = 30.0
STREAM_SECONDS = 10.0
_ALTER = "ALTER KEYSPACE {name} WITH replication = {{'class': 'NetworkTopologyStrategy', {dcs}}}"


@attrs.frozen(kw_only=True)
class Cleared:
    """The node may leave; *why* is the proof."""

    why: str


def preflight(
    pod: str, want: DesiredRack, desired: Desired, observed: Observed
) -> Cleared | Sequence[Wait | Hold]:
    """Return that the node in *pod* of rack *want* may leave, or what keeps it."""
    empty = emptied(want, desired)
    if empty is not None:
        return [empty]
    waits = list(_unsettled(pod, desired, observed))
    if waits:
        return waits
    ownership = observed.ownership
    if not isinstance(ownership, Ownership):
        why = ownership.why if isinstance(ownership, Unread) else "nobody was asked who owns what"
        return [
            Wait(seconds=STREAM_SECONDS, why=f"{pod} may not leave before it is known who owns what: {why}")
        ]
    busy = list(_busy(ownership))
    if busy:
        return busy
    by_address = {p.ip: p.name for p in observed.pods() if p.ip}
    layout = ownership.layout(lambda address: by_address.get(address, address))
    strangers = list(_strangers(layout, desired, observed))
    if strangers:
        return strangers
    refused = list(_refusals(want, desired, observed, ownership, layout))
    if refused:
        return refused
    users = [keyspace for keyspace in ownership.keyspaces if keyspace.name not in CASSANDRAS_OWN]
    space = room(size_path(want), users, layout, desired, observed)
    if not isinstance(space, Room):
        return space
    dc = names.split_rack_name(want.name)[0]
    kept = _after(dc, desired, observed)
    return Cleared(
        why=f"all other nodes are up and agree on the schema, {kept} nodes in {dc} are enough for the"
        f" replicas of its keyspaces ({len(ownership.keyspaces)} looked at), and {space.why}"
    )


def _unsettled(pod: str, desired: Desired, observed: Observed) -> Iterator[Wait | Hold]:
    """Yield why the ring is not at rest and complete but for *pod*: what can be told without asking more."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        size = rack.statefulset.replicas if rack.statefulset is not None else 0
        for ordinal in range(size):
            name = f"{want.statefulset}-{ordinal}"
            if name == pod:
                continue
            found = find(rack, ordinal)
            if found is None:
                yield created(want.statefulset, ordinal)
                continue
            for action in on_its_way(found, want, observed):
                if isinstance(action, Wait | Hold):
                    yield action
            peer = observed.ring.seen_down(found.ip or "")
            if peer is not None:
                yield Wait(seconds=GOSSIP_SECONDS, why=f"{peer} still sees {name} down")
    mine = next((p.ip for p in observed.pods() if p.name == pod), None)
    move = _move(mine, observed)
    if move is not None:
        yield Wait(seconds=GOSSIP_SECONDS, why=f"one topology change at a time: {move}")


def _move(mine: str | None, observed: Observed) -> str | None:
    """Return a sentence on another node that joins, leaves or moves."""
    for peer, view in sorted(observed.ring.views().items()):
        others = (view.joining | view.leaving | view.moving) - {mine}
        if others:
            return f"{peer} sees {', '.join(sorted(others))} on the move"
    return None


def emptied(want: DesiredRack, desired: Desired) -> Hold | None:
    """Return a refusal of a wish for no node at all: somebody has to have the data."""
    if desired.wanted_nodes():
        return None
    path = size_path(want)
    why = f"{path}: the cluster would have no node left; keep at least one, or delete the cluster"
    return Hold(reason="EmptyCluster", path=path, why=why)


def size_path(want: DesiredRack) -> str:
    """Return the path of what makes a rack smaller: the size of its data centre, or the list of racks."""
    if want.leaves:
        return want.path
    return f"{want.path.rpartition('.rack')[0]}.nodesPerRacks"


def _busy(ownership: Ownership) -> Iterator[Wait]:
    if len(ownership.schemas) > 1:
        yield Wait(seconds=GOSSIP_SECONDS, why="the nodes do not agree on the schema yet")
    for stream in ownership.streams:
        yield Wait(
            seconds=STREAM_SECONDS, why=f"{stream.pod} streams data ({stream.what}), which has to end first"
        )
        return


def _strangers(layout: Layout, desired: Desired, observed: Observed) -> Iterator[Hold | Wait]:
    """Yield members that are down and have no pod: in our data centres they are nodes that were lost."""
    ours = {pod.name for pod in observed.pods()}
    dcs = {names.split_rack_name(rack.name)[0] for rack in desired.racks}
    for node in layout.nodes():
        if node in ours:
            continue
        peer = observed.ring.seen_down(node)
        if layout.places[node].dc in dcs:
            yield Hold(
                reason="MemberWithoutPod",
                path="spec.topology",
                why=f"{node} is a member of the ring and has no pod, so that no other node may leave:"
                f" remove it from the ring (operation remove of {node} on a pod that serves, or nodetool"
                " removenode)",
                seconds=KEYSPACE_SECONDS,
            )
        elif peer is not None:
            yield Wait(seconds=STREAM_SECONDS, why=f"{peer} sees {node} down")


def _refusals(
    want: DesiredRack, desired: Desired, observed: Observed, ownership: Ownership, layout: Layout
) -> Iterator[Hold]:
    """Yield each keyspace that the wanted size does not suffice for."""
    dc = names.split_rack_name(want.name)[0]
    path = size_path(want)
    kept = _after(dc, desired, observed)
    everywhere = sum(_after(each, desired, observed) for each in _dcs(desired))
    ours = {pod.name for pod in observed.pods()}
    everywhere += sum(node not in ours for node in layout.nodes())
    if not kept:
        yield from _still_there(dc, path, ownership.keyspaces)
    cure = f"put rack {names.split_rack_name(want.name)[1]} back" if want.leaves else "put nodesPerRacks back"
    for keyspace in ownership.keyspaces:
        lack = _too_few(keyspace, dc, kept, everywhere, unlocked=desired.rollout.unlocked)
        if lack is not None:
            yield Hold(
                reason="TooFewNodes",
                path=path,
                why=f"{dc} is not made smaller: {lack}; alter the keyspace, or {cure}",
                seconds=KEYSPACE_SECONDS,
            )
    if want.leaves and kept and not desired.rollout.unlocked:
        yield from _too_few_racks(want, desired, observed, ownership.keyspaces)
    yield from _no_seed(desired, observed, cure)


def _too_few_racks(
    want: DesiredRack, desired: Desired, observed: Observed, keyspaces: Iterable[Keyspace]
) -> Iterator[Hold]:
    """Yield each keyspace with a copy in a rack of its own each, which would not be so any more.

    Its copies would still be enough, but a rack that is lost could take two of them with it. Cassandra
    chooses tokens for the nodes of such a data centre badly, or not at all.
    """
    dc, rack = names.split_rack_name(want.name)
    mine = {each.name: each for each in desired.racks if names.split_rack_name(each.name)[0] == dc}
    had = {name for name in mine if _size(observed.racks.get(name))}
    stay = {name for name in had if mine[name].replicas}
    for keyspace in keyspaces:
        factors = keyspace.replication.factors if isinstance(keyspace.replication, NetworkTopology) else {}
        if keyspace.name not in CASSANDRAS_OWN and len(stay) < factors.get(dc, 0) <= len(had):
            yield Hold(
                reason="TooFewRacks",
                path=want.path,
                why=f"rack {rack} of {dc} is not removed: keyspace {keyspace.name} keeps {factors[dc]} copies"
                f" there, each in another rack, and {len(stay)} racks would stay; alter the keyspace, put"
                f" rack {rack} back, or set spec.unlockNextOperation to have copies share a rack",
                seconds=KEYSPACE_SECONDS,
            )


def _no_seed(desired: Desired, observed: Observed, cure: str) -> Iterator[Hold]:
    """Yield a refusal to let the last seed go, if nobody is to choose others: no node could start again."""
    sizes = {
        want.statefulset: min(_size(observed.racks.get(want.name)), want.replicas) for want in desired.racks
    }
    if desired.seeds_follow or not desired.seeds:
        return
    for seed in desired.seeds:
        statefulset, _, ordinal = seed.rpartition("-")
        if statefulset not in sizes or not ordinal.isdecimal() or int(ordinal) < sizes[statefulset]:
            return
    yield Hold(
        reason="NoSeedLeft",
        path="spec.autoUpdateSeedList",
        why=f"every seed would leave ({', '.join(sorted(desired.seeds))}), and no node could start again:"
        f" set spec.autoUpdateSeedList, name a node that stays in status.seedlist, or {cure}",
        seconds=KEYSPACE_SECONDS,
    )


def _still_there(dc: str, path: str, keyspaces: Iterable[Keyspace]) -> Iterator[Hold]:
    """Yield a refusal to empty *dc* while keyspaces, Cassandra's own among them, keep copies there."""
    there = {
        keyspace.name: keyspace.replication.factors
        for keyspace in keyspaces
        if isinstance(keyspace.replication, NetworkTopology) and keyspace.replication.factors.get(dc)
    }
    if not there:
        return
    name, factors = min(there.items())
    others = ", ".join(f"'{each}': {factor}" for each, factor in sorted(factors.items()) if each != dc)
    yield Hold(
        reason="StillReplicated",
        path=path,
        why=f"{dc} is not emptied, since keyspaces keep copies there: {', '.join(sorted(there))}."
        f" Take {dc} out of their replication first, for example:"
        f" {_ALTER.format(name=name, dcs=others or repr('<other dc>') + ': <copies>')}",
        seconds=KEYSPACE_SECONDS,
    )


def _too_few(keyspace: Keyspace, dc: str, kept: int, everywhere: int, *, unlocked: bool) -> str | None:
    """Return why the nodes that stay are too few for *keyspace*; None if they suffice."""
    match keyspace.replication:
        case _ if keyspace.name in CASSANDRAS_OWN:
            return None
        case NetworkTopology(factors=factors) if kept and factors.get(dc, 0) > kept:
            return f"keyspace {keyspace.name} keeps {factors[dc]} copies there, and {kept} nodes would stay"
        case Simple(factor=factor) if factor > everywhere:
            return f"keyspace {keyspace.name} keeps {factor} copies, and {everywhere} nodes would stay"
        case Unprovable(why=why) if not unlocked:
            return (
                f"it is not known how many nodes keyspace {keyspace.name} needs, since {why}"
                " (spec.unlockNextOperation overrules that)"
            )
    return None


def _after(dc: str, desired: Desired, observed: Observed) -> int:
    """Return how many nodes of *dc* stay once it has the size that is asked for."""
    found = 0
    for want in desired.racks:
        have = observed.racks.get(want.name, Rack()).statefulset
        if names.split_rack_name(want.name)[0] == dc and have is not None:
            found += min(have.replicas, want.replicas)
    return found


def _size(rack: Rack | None) -> int:
    return rack.statefulset.replicas if rack is not None and rack.statefulset is not None else 0


def _dcs(desired: Desired) -> list[str]:
    return sorted({names.split_rack_name(rack.name)[0] for rack in desired.racks})
