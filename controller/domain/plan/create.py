"""
New racks and growing racks: one node joins at a time, in the whole ring, and none while it is rolled.

CassKop's order is kept: a first pod in every rack, so that replicas can be spread from the first
keyspace on, then the racks grow, the smallest first. A size is only ever raised here, by one, once every
node that exists is a proven member of the ring; when all have grown, the next one may begin to `leave`.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.actions import Action, ApplyStatefulSet, Hold, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Rack
from controller.domain.plan import datacenters, leave, storage
from controller.domain.plan.roll import roll
from controller.domain.plan.waiting import GOSSIP_SECONDS, created, find, on_its_way


def create(desired: Desired, observed: Observed) -> list[Action]:
    """Return the next step towards every rack at its size, or what it waits for."""
    lost = list(given_back(desired, observed))
    if lost:
        return lost
    # Several versions in one ring are no place for a node to join: first the change, then growth.
    rolling = roll(desired, observed)
    if rolling:
        return rolling
    unfinished = list(_unfinished(desired, observed))
    if unfinished:
        return unfinished
    # New nodes get volumes of the new size.
    exchanging = storage.exchange(desired, observed)
    if exchanging:
        return exchanging
    growing = _next_to_grow(desired, observed)
    if growing is not None:
        return [_not_before_forgotten(growing, desired, observed)]
    return leave.begin(desired, observed) or list(_left_over(desired, observed))


def needs_ownership(desired: Desired, observed: Observed) -> bool:
    """Tell whether nothing comes before a node that is to leave, and that turns on who owns what."""
    return (
        leave.asks_to_begin(desired, observed)
        and not any(given_back(desired, observed))
        and not roll(desired, observed)
        and not any(_unfinished(desired, observed))
        and not storage.exchange(desired, observed)
        and _next_to_grow(desired, observed) is None
    )


def given_back(desired: Desired, observed: Observed) -> Iterator[Action]:
    """Yield StatefulSets for racks that lost theirs while the pods stayed: no node joins or leaves by that.

    The highest ordinal counts, since a smaller StatefulSet would delete pods that are in the ring.
    """
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        size = max((pod.ordinal + 1 for pod in rack.pods), default=0)
        if rack.statefulset is None and rack.copy is None and size:
            yield ApplyStatefulSet(
                rack=want.name,
                replicas=size,
                uid=None,
                why=f"rack {want.name} lost its StatefulSet, and gets it back at the size that its pods have",
            )


def _unfinished(desired: Desired, observed: Observed) -> Iterator[Action]:
    """Yield what existing racks still wait for; while there is any, no further node may join."""
    for want in desired.racks:
        rack = observed.racks.get(want.name)
        if rack is None or rack.statefulset is None:
            continue
        if rack.statefulset.terminating:
            yield Wait(seconds=None, why=f"the StatefulSet of rack {want.name} is being deleted")
            continue
        for ordinal in range(rack.statefulset.replicas):
            pod = find(rack, ordinal)
            if pod is None:
                yield created(rack.statefulset.name, ordinal)
            else:
                yield from on_its_way(pod, want, observed)
    move = observed.ring.on_the_move()
    if move is not None:
        yield Wait(seconds=GOSSIP_SECONDS, why=f"one topology change at a time: {move}")


def _next_to_grow(desired: Desired, observed: Observed) -> ApplyStatefulSet | None:
    """Return the one rack that gets its next node now; None if none needs one."""
    sizes = {want.name: _size(observed.racks.get(want.name)) for want in desired.racks}
    short = [want for want in desired.racks if sizes[want.name] < want.replicas]
    if not short:
        return None
    # min() keeps the spec's order among racks of the same size.
    want = min(short, key=lambda rack: sizes[rack.name]) if desired.first_pods_first else short[0]
    rack = observed.racks.get(want.name)
    statefulset = rack.statefulset if rack is not None else None
    size = sizes[want.name] + 1
    if not observed.pods():
        why = f"rack {want.name} gets its first node: the ring begins with it"
    elif statefulset is None:
        why = f"rack {want.name} gets its first node: every node that exists is a member of the ring"
        why += datacenters.advice(want.name, observed)
    else:
        why = f"rack {want.name} grows to {size} of {want.replicas} nodes: every node is a member of the ring"
    return ApplyStatefulSet(
        rack=want.name,
        replicas=size,
        uid=statefulset.uid if statefulset is not None else None,
        why=why,
    )


def _not_before_forgotten(
    growing: ApplyStatefulSet, desired: Desired, observed: Observed
) -> ApplyStatefulSet | Wait:
    """Let a rack grow into a place whose node has left only when neither record nor status name that node.

    Else the new one would pass for it: for a member that lost its disk.
    """
    want = next(rack for rack in desired.racks if rack.name == growing.rack)
    pod = f"{want.statefulset}-{growing.replicas - 1}"
    if pod not in observed.gone:
        return growing
    return Wait(
        seconds=GOSSIP_SECONDS, why=f"{pod} has left the ring, and is forgotten before another one comes"
    )


def _left_over(desired: Desired, observed: Observed) -> Iterator[Action]:
    """Yield what is not as the spec asks for although every rack has its nodes."""
    for want in desired.racks:
        rack = observed.racks.get(want.name)
        if rack is None or rack.statefulset is None:
            continue
        have = rack.statefulset
        for refusal in want.refusals:
            yield Hold(reason=refusal.reason, path=refusal.path, why=refusal.why)
        if not have.waits_for_us and (have.template_hash != want.template_hash or have.drift):
            yield Hold(
                reason="TemplateHeldBack",
                path="spec",
                why=f"the template of rack {want.name} was another one than the spec asks for when it was"
                " taken over, and stays as it is until a restart is asked for: set spec.restartedAt to the"
                " present",
            )


def _size(rack: Rack | None) -> int:
    return rack.statefulset.replicas if rack is not None and rack.statefulset is not None else 0
