"""
Members whose volume was on a Kubernetes node that is no more: offered for replacement, or replaced.

Such a pod never finds a place again: its volume binds it to a machine that is gone. It is replaced by
taking volume and pod away; the pod that comes instead takes the dead node's place in the ring (`replacing`).
That is done with `nodeReplacement: Automatic` alone, for one node at a time, while every other node is up,
and only if every piece of its data is proven to be elsewhere, too. Otherwise it is said what to do, or what
is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.domain import replacing
from controller.domain.actions import Action, Hold, ReleasePlace, Wait
from controller.domain.availability import Blocked, Consistency, Proof, prove
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Claim, Observed, Pod, Rack
from controller.domain.ownership import Ownership, Unread
from controller.domain.plan.waiting import SOON_SECONDS
from controller.domain.replacing import Dead, dead, replaced

PATH = "spec.nodeReplacement"


@attrs.frozen(kw_only=True)
class _Lost:
    """A member that cannot come back: its pod finds no place, since its volume's machine is no more."""

    want: DesiredRack
    pod: Pod
    claims: tuple[Claim, ...]
    machine: str


def step(desired: Desired, observed: Observed) -> list[Action]:
    """Return the one replacement that may begin now; nothing if there is none."""
    if not desired.replaces:
        return []
    for lost in _lost(desired, observed):
        proof = _proof(lost, desired, observed)
        if isinstance(proof, Proof):
            why = f"{_gone(lost)}: its place is given to a new node; {proof.why}"
            claims = {claim.name: claim.uid for claim in lost.claims if not claim.terminating}
            return [ReleasePlace(pod=lost.pod.name, uid=lost.pod.uid, claims=claims, why=why)]
    return []


def offers(desired: Desired, observed: Observed) -> Iterator[Hold]:
    """Yield for each member that is lost what to do about it, or what keeps it from being replaced."""
    for lost in _lost(desired, observed):
        if desired.replaces:
            proof = _proof(lost, desired, observed)
            if not isinstance(proof, Proof):
                why = f"{_gone(lost)}; it is not replaced yet: {proof}"
                yield Hold(reason="NodeLost", path=PATH, why=why, seconds=10)
            continue
        claims = " ".join(claim.name for claim in lost.claims)
        advice = (
            f"bring {lost.machine} back, or set {PATH} to Automatic, or replace it by `kubectl delete pvc"
            f" {claims} --wait=false` and `kubectl delete pod {lost.pod.name}`: the new pod takes its place"
            " in the ring"
        )
        yield Hold(reason="NodeLost", path=PATH, why=f"{_gone(lost)}; {advice}", seconds=30)


def undecided(observed: Observed) -> Iterator[Wait]:
    """Yield what pods that lost their disk wait for: no event tells when peers believe a node to be down."""
    for pod, why in replacing.undecided(observed).items():
        yield Wait(
            seconds=SOON_SECONDS,
            why=f"pod {pod} has lost its node's disk, and waits to be told whose place it takes: {why}",
        )


def _gone(lost: _Lost) -> str:
    return (
        f"{lost.pod.name} cannot come back, since Kubernetes node {lost.machine} with its volume is no more"
    )


def asks(desired: Desired, observed: Observed) -> bool:
    """Tell whether a replacement turns on who owns what in the ring."""
    return desired.replaces and any(
        _in_the_way(lost, desired, observed) is None for lost in _lost(desired, observed)
    )


def suspects(observed: Observed) -> frozenset[str]:
    """Return the machines that volumes of members are on whose pods find no place: are they still there?"""
    return frozenset(
        claim.node
        for rack in observed.racks.values()
        for pod in rack.pods
        if pod.name in observed.joined and pod.unschedulable is not None and not pod.cassandra_runs
        for claim in rack.claims_of(pod.name)
        if claim.node
    )


def _lost(desired: Desired, observed: Observed) -> Iterator[_Lost]:
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        for pod in rack.pods:
            if pod.name not in observed.joined or pod.unschedulable is None or pod.terminating:
                continue
            claims = rack.claims_of(pod.name)
            machines = {claim.node for claim in claims if claim.node} & observed.lost_machines
            if machines and not pod.cassandra_runs and pod.node is None:
                yield _Lost(want=want, pod=pod, claims=claims, machine=min(machines))


def _proof(lost: _Lost, desired: Desired, observed: Observed) -> Proof | str:
    """Return the proof that nobody misses the volume, or why there is none."""
    way = _in_the_way(lost, desired, observed)
    if way is not None:
        return way
    node = dead(lost.pod.name, observed)
    ownership = observed.ownership
    if isinstance(node, str) or not isinstance(ownership, Ownership):
        return ownership.why if isinstance(ownership, Unread) else "nobody was asked who owns what"
    if len(ownership.schemas) > 1:
        return "nodes do not agree on the schema, so that it is not known which copies there are to be"
    by_address = {pod.ip: pod.name for pod in observed.pods() if pod.ip}
    layout = ownership.layout(lambda address: by_address.get(address, address))
    if node.address not in layout.nodes():
        return f"{lost.pod.name} is not known to own any tokens"
    answer = prove(
        layout=layout,
        keyspaces=ownership.keyspaces,
        down=(),
        candidates=[node.address],
        # It is down whatever is done: what counts is that all of its data is somewhere else.
        consistency=Consistency.ONE,
        most=1,
    )
    if isinstance(answer, Blocked):
        return answer.why
    if answer.uncovered:
        listed = ", ".join(sorted(each.keyspace for each in answer.uncovered))
        return f"data of {listed} may be nowhere else: keep more copies, or replace it by hand"
    return answer


def _in_the_way(lost: _Lost, desired: Desired, observed: Observed) -> str | None:
    """Return what has to come to rest first; None if nothing has."""
    if observed.leaving is not None:
        return f"{observed.leaving.pod} is on its way out of the ring"
    move = observed.ring.on_the_move()
    if move is not None:
        return f"one topology change at a time: {move}"
    stuck = {each.pod.name for each in _lost(desired, observed)}
    others = sorted(replaced(observed).keys() - stuck)
    if others:
        return f"{others[0]} is being replaced"
    members = observed.members()
    missed = sorted(name for name in observed.joined - observed.gone - members if name != lost.pod.name)
    if missed:
        return f"{missed[0]} is down, too"
    node = dead(lost.pod.name, observed)
    return node if not isinstance(node, Dead) else None
