"""
Whether a dead node may be removed from the ring now, and which one it is that a user means.

It is down for all who answer, a majority. Nothing else joins, leaves or moves. All of its data is on
another node that is up, and the nodes that stay, or come again, are enough for all replicas. What becomes of
a removal that has begun is in `removed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import datetime as dt

import attrs

from controller.api.v2 import names
from controller.domain.actions import Action
from controller.domain.availability import (
    CASSANDRAS_OWN,
    Blocked,
    Consistency,
    Layout,
    NetworkTopology,
    Simple,
    prove,
)
from controller.domain.desired import Desired
from controller.domain.leaving import has_place, witnesses
from controller.domain.observed import Observed, Pod
from controller.domain.operations.kinds import Remove, is_host_id, parse
from controller.domain.ownership import Ownership, Unread
from controller.domain.plan.rest import in_the_way
from controller.domain.ring import View

# How long after its start Cassandra may be on its way back into the ring.
_STARTS = dt.timedelta(minutes=10)


@attrs.frozen(kw_only=True)
class Refused:
    """It is not done; *why* says what is wrong and what to do."""

    why: str


@attrs.frozen(kw_only=True)
class NotYet:
    """It is not done now; *why* says what it waits for."""

    why: str


@attrs.frozen(kw_only=True)
class Target:
    """The dead node: *host_id* at *address*, and the *place* that is to be emptied after it, uids by name."""

    host_id: str
    address: str
    place: Mapping[str, str]
    why: str


def target(
    operation: Remove, worker: Pod, desired: Desired, observed: Observed, planned: Iterable[Action]
) -> Target | Refused | NotYet:
    """Return the node that may be removed now through *worker*, with the proof; or why none may."""
    found = _dead(operation, worker, observed)
    if not isinstance(found, Target):
        return found
    way = in_the_way(_without(found, operation, observed), planned)
    if way is not None:
        return NotYet(why=way)
    ownership = observed.ownership
    if not isinstance(ownership, Ownership):
        return NotYet(
            why=ownership.why if isinstance(ownership, Unread) else "nobody was asked who owns what"
        )
    if len(ownership.schemas) > 1:
        return NotYet(why="the nodes do not agree on the schema yet")
    if ownership.streams:
        first = ownership.streams[0]
        return NotYet(why=f"{first.pod} streams data ({first.what})")
    return _spared(found, operation, desired, observed, ownership)


def asks(observed: Observed) -> bool:
    """Tell whether a removal that is asked for turns on who owns what in the ring."""
    return any(may_be(operation, worker, observed) for worker, operation in _asked(observed))


def may_be(operation: Remove, worker: Pod, observed: Observed) -> bool:
    """Tell whether a node may be removed through *worker*, as far as that does not turn on who owns what."""
    found = _dead(operation, worker, observed)
    return isinstance(found, Target) and in_the_way(_without(found, operation, observed), ()) is None


def _asked(observed: Observed) -> Iterator[tuple[Pod, Remove]]:
    for pod in observed.pods():
        asked = pod.operation
        operation = parse(asked.name, asked.argument) if asked.waits and asked.running is None else None
        if isinstance(operation, Remove):
            yield pod, operation


def _dead(operation: Remove, worker: Pod, observed: Observed) -> Target | Refused | NotYet:
    """Return whom *operation* means, if that node is down for all who answer."""
    members = observed.members()
    wrong = _lives(operation, worker, members)
    if wrong is not None:
        return wrong
    heard = witnesses(operation.pod or "", observed)
    if isinstance(heard, str):
        return NotYet(why=heard)
    host_id = _host_id(operation, heard, observed)
    if not isinstance(host_id, str):
        return host_id
    wrong = _not_its_own(operation, host_id, observed)
    if wrong is not None:
        return wrong
    known = {
        (peer, address)
        for peer, view in heard.items()
        for address, each in view.host_ids.items()
        if each == host_id
    }
    if not known:
        return Refused(
            why=f"none of the {len(heard)} nodes that answer knows {host_id} as a member of the ring. To have"
            " a pod start anew, delete its claims and the pod"
        )
    serving = {pod.ip: pod.name for pod in observed.pods() if pod.name in members}
    for peer, address in sorted(known):
        if address in serving:
            return Refused(
                why=f"{serving[address]} at {address} serves: only a dead node is removed. A node that lives"
                " leaves by a smaller nodesPerRacks"
            )
        if address not in heard[peer].unreachable:
            return NotYet(why=f"{peer} does not believe the node at {address} to be down")
    addresses = {address for _, address in known}
    if len(addresses) > 1:
        return NotYet(why=f"its peers know it at different addresses: {', '.join(sorted(addresses))}")
    (address,) = addresses
    why = f"{host_id} at {address} is down for all {len(heard)} nodes that answer"
    return Target(host_id=host_id, address=address, place=_place(operation.pod, observed), why=why)


def _lives(operation: Remove, worker: Pod, members: frozenset[str]) -> Refused | None:
    """Return a refusal to remove the node of a pod that serves."""
    pod = operation.pod
    if pod == worker.name:
        return Refused(why=f"{pod} cannot remove itself: label another pod")
    if pod not in members:
        return None
    return Refused(
        why=f"{pod} serves, and only a dead node is removed. If it is about the node that it was before, give"
        " its address or host id alone"
    )


def _host_id(operation: Remove, heard: Mapping[str, View], observed: Observed) -> str | Refused | NotYet:
    """Return the host id of whom is meant: by itself, by its address, or by the pod that it had."""
    if operation.host_id is not None:
        return operation.host_id
    node = operation.node
    if node is None:
        pod = operation.pod or ""
        known = observed.hosts.get(pod) if pod in observed.joined else None
        if known is not None:
            return known
        node = next((each.ip for each in observed.pods() if each.name == pod), None)
        if node is None:
            return Refused(
                why=f"it is not known which node {pod} was: give its address or host id, as {pod}_<address>"
            )
    if is_host_id(node):
        return node.lower()
    found = {view.host_ids[node] for view in heard.values() if node in view.host_ids}
    if not found:
        return Refused(why=f"none of the {len(heard)} nodes that answer knows a member of the ring at {node}")
    if len(found) > 1:
        return NotYet(why=f"its peers know different nodes at {node}")
    return found.pop()


def _not_its_own(operation: Remove, host_id: str, observed: Observed) -> Refused | None:
    """Return a refusal to empty the place of a pod that was not the node that is to be removed."""
    pod = operation.pod
    if pod is None:
        return None
    mine = observed.hosts.get(pod) if pod in observed.joined else None
    other = next((name for name, known in sorted(observed.hosts.items()) if known == host_id), pod)
    if mine in {None, host_id} and other == pod:
        return None
    said = f"{pod} is {mine}" if mine is not None else f"{host_id} is {other}"
    alone = operation.node or host_id
    return Refused(
        why=f"{pod} is not the node {alone}, but {said}: its volumes are left alone. To remove {alone} from"
        f" the ring and nothing else, give {alone} alone"
    )


def _place(pod: str | None, observed: Observed) -> dict[str, str]:
    """Return the claims and the pod called *pod*, by name; nothing where leaving takes care of them."""
    if pod is None or (observed.leaving is not None and observed.leaving.pod == pod):
        return {}
    found = {each.name: each.uid for each in observed.pods() if each.name == pod}
    return found | {claim.name: claim.uid for claim in observed.claims_of(pod) if not claim.terminating}


def _without(found: Target, operation: Remove, observed: Observed) -> Observed:
    """Return *observed* as if nothing were to be waited for of the dead node itself.

    One that is being removed already, by a peer that did not live to see it out, is removed once more. But
    Cassandra that has just been started in its pod may be on its way back.
    """
    owner = operation.pod or _owner(found, observed)
    racks = {
        name: attrs.evolve(rack, pods=tuple(_settled(pod, owner, observed.now) for pod in rack.pods))
        for name, rack in observed.racks.items()
    }
    answers = {
        name: attrs.evolve(answer, leaving=answer.leaving - {found.address})
        if isinstance(answer, View)
        else answer
        for name, answer in observed.ring.answers.items()
    }
    leaving = observed.leaving
    if leaving is not None and leaving.pod == owner:
        leaving = None
    return attrs.evolve(
        observed, racks=racks, ring=attrs.evolve(observed.ring, answers=answers), leaving=leaving
    )


def _owner(found: Target, observed: Observed) -> str | None:
    """Return the pod that the dead node had, as far as status knows."""
    return next((name for name, known in sorted(observed.hosts.items()) if known == found.host_id), None)


def _settled(pod: Pod, owner: str | None, now: dt.datetime) -> Pod:
    if pod.name != owner or _starts(pod, now):
        return pod
    return attrs.evolve(pod, created=now - 2 * _STARTS, terminating=False)


def _starts(pod: Pod, now: dt.datetime) -> bool:
    """Tell whether Cassandra was started in *pod* not long ago, and has yet to serve.

    One that is ready to the kubelet and down to all its peers is on a machine that nobody hears of.
    """
    return not pod.ready and any(
        c.running and (c.since is None or now - c.since < _STARTS)
        for c in pod.containers
        if c.name == names.CASSANDRA
    )


def _spared(
    found: Target, operation: Remove, desired: Desired, observed: Observed, ownership: Ownership
) -> Target | Refused | NotYet:
    """Return *found* if its data is elsewhere too, and enough nodes stay; with the proof."""
    by_address = {pod.ip: pod.name for pod in observed.pods() if pod.ip and pod.name in observed.members()}
    layout = ownership.layout(lambda address: by_address.get(address, address))
    down = {node for node in layout.nodes() if node not in observed.members() and node != found.address}
    foreign = {node for node in down if observed.ring.seen_down(node) is None}
    down -= foreign
    overruled = " (spec.unlockNextOperation: true overrules that)"
    if found.address not in layout.nodes():
        return attrs.evolve(found, why=f"{found.why}, and owns nothing")
    lack = _too_few(found, operation, observed, ownership, layout)
    if lack is not None and not desired.rollout.unlocked:
        return Refused(why=f"{lack}{overruled}")
    answer = prove(
        layout=layout,
        keyspaces=[each for each in ownership.keyspaces if each.name not in CASSANDRAS_OWN],
        down=down,
        candidates=[found.address],
        # It is down whatever is done: what counts is that all of its data is somewhere else.
        consistency=Consistency.ONE,
        most=1,
    )
    if isinstance(answer, Blocked):
        if not desired.rollout.unlocked:
            return NotYet(why=f"{answer.why}{overruled}")
        return attrs.evolve(found, why=f"{found.why}; spec.unlockNextOperation overrules that {answer.why}")
    if answer.uncovered and not desired.rollout.unlocked:
        listed = ", ".join(sorted(each.keyspace for each in answer.uncovered))
        return Refused(why=f"data of {listed} may be nowhere else than on {found.address}{overruled}")
    missed = f"; {', '.join(sorted(down))} is down, gets none of it, and is to be repaired" if down else ""
    return attrs.evolve(found, why=f"{found.why}, and {answer.why}{missed}")


def _too_few(
    found: Target, operation: Remove, observed: Observed, ownership: Ownership, layout: Layout
) -> str | None:
    """Return which keyspace would keep more copies than there are nodes; None if none does."""
    dc = layout.places[found.address].dc
    again = int(operation.pod is not None and _comes_again(operation.pod, observed))
    here = sum(layout.places[node].dc == dc for node in layout.nodes()) - 1 + again
    everywhere = len(layout.nodes()) - 1 + again
    for keyspace in ownership.keyspaces:
        match keyspace.replication:
            case _ if keyspace.name in CASSANDRAS_OWN:
                continue
            case NetworkTopology(factors=factors) if factors.get(dc, 0) > here:
                kept, nodes = factors[dc], f"{here} nodes would stay in {dc}"
            case Simple(factor=factor) if factor > everywhere:
                kept, nodes = factor, f"{everywhere} nodes would stay"
            case _:
                continue
        return (
            f"keyspace {keyspace.name} keeps {kept} copies there, and {nodes}: alter the keyspace, or name"
            " the pod of the dead node as well, so that a new node comes in its place"
        )
    return None


def _comes_again(pod: str, observed: Observed) -> bool:
    """Tell whether some StatefulSet will make the pod called *pod* again."""
    return pod.rpartition("-")[2].isdecimal() and has_place(pod, observed)
