"""
New racks and growing racks: one node joins at a time, in the whole ring.

CassKop's order is kept: a first pod in every rack, so that replicas can be spread from the first
keyspace on, then the racks grow, the smallest first. Nothing here ever makes a rack smaller: a size is
only ever raised, by one, once every node that exists is a proven member of the ring.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.actions import Action, ApplyStatefulSet, Hold, Wait
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Observed, Pod, Rack, StatefulSet
from controller.domain.trouble import diagnose

# Peers learn of a new member within about three seconds, and no event tells of it.
GOSSIP_SECONDS = 1.0
# A ready node that does not answer the operator: nothing tells when it will.
SILENCE_SECONDS = 5.0


def create(desired: Desired, observed: Observed) -> list[Action]:
    """Return the next step towards every rack at its size, or what it waits for."""
    unfinished = list(_unfinished(desired, observed))
    if unfinished:
        return unfinished
    growing = _next_to_grow(desired, observed)
    if growing is not None:
        return [growing]
    return list(_left_over(desired, observed))


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
            pod = _pod(rack, ordinal)
            if pod is None:
                name = rack.statefulset.name
                yield Wait(
                    seconds=None,
                    why=f"pod {name}-{ordinal} is being created"
                    f" (if this lasts, `kubectl describe statefulset {name}` says why)",
                )
            else:
                yield from _on_its_way(pod, want, observed)
    move = observed.ring.on_the_move()
    if move is not None:
        yield Wait(seconds=GOSSIP_SECONDS, why=f"one topology change at a time: {move}")


def _on_its_way(pod: Pod, want: DesiredRack, observed: Observed) -> Iterator[Action]:
    """Yield why *pod* is not a member of the ring yet; nothing if it is."""
    if pod.terminating:
        yield Wait(seconds=None, why=f"pod {pod.name} is being deleted")
    elif not pod.ready:
        trouble = diagnose(pod, want, observed.now)
        if trouble is not None:
            yield Hold(reason=trouble.reason, path=trouble.path, why=trouble.why)
        elif pod.unschedulable is not None:
            yield Wait(seconds=10, why=f"pod {pod.name} waits for a node: {pod.unschedulable}")
        elif pod.cassandra_runs:
            yield Wait(seconds=None, why=f"Cassandra in {pod.name} starts and joins the ring")
        else:
            yield Wait(seconds=None, why=f"pod {pod.name} starts")
    else:
        missing = observed.ring.not_joined(pod.name, pod.ip or "")
        if missing is not None:
            silent = pod.name not in observed.ring.views()
            yield Wait(seconds=SILENCE_SECONDS if silent else GOSSIP_SECONDS, why=missing)


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
    else:
        why = f"rack {want.name} grows to {size} of {want.replicas} nodes: every node is a member of the ring"
    return ApplyStatefulSet(
        rack=want.name,
        replicas=size,
        uid=statefulset.uid if statefulset is not None else None,
        why=why,
    )


def _left_over(desired: Desired, observed: Observed) -> Iterator[Action]:
    """Yield what is not as the spec asks for although every rack has its nodes."""
    for want in desired.racks:
        rack = observed.racks.get(want.name)
        if rack is None or rack.statefulset is None:
            continue
        have = rack.statefulset
        for refusal in want.refusals:
            yield Hold(reason="ChangeHeldBack", path=refusal.path, why=refusal.why)
        if have.replicas > want.replicas:
            yield Hold(
                reason="ScaleDownNotSupported",
                path=want.path,
                why=f"rack {want.name} has {have.replicas} nodes and the spec asks for {want.replicas}:"
                " this version does not decommission nodes, nothing is removed."
                f" Set nodesPerRacks back to {have.replicas}",
            )
        if have.template_hash != want.template_hash or have.drift:
            yield _bring_up_to_date(want, have)
        else:
            yield from _restart_pending(want, rack, have)


def _bring_up_to_date(want: DesiredRack, have: StatefulSet) -> Action:
    """Store the wanted template, unless storing it would restart pods."""
    if not have.on_delete:
        return Hold(
            reason="TemplateHeldBack",
            path="spec",
            why=f"the template of rack {want.name} differs from the spec, and applying it would"
            " restart its pods at once: this version leaves it as it is",
        )
    what = f"edits of {', '.join(have.drift)} put back" if have.drift else "the spec changed"
    return ApplyStatefulSet(
        rack=want.name,
        replicas=have.replicas,
        uid=have.uid,
        why=f"the template of rack {want.name} is brought up to date ({what}); no pod restarts",
    )


def _restart_pending(want: DesiredRack, rack: Rack, have: StatefulSet) -> Iterator[Action]:
    """Say which nodes still run an older template."""
    if not have.settled or have.update_revision is None:
        return
    old = [pod.name for pod in rack.pods if pod.revision != have.update_revision]
    if old:
        yield Hold(
            reason="RestartPending",
            path=want.path,
            why=f"{', '.join(old)} of rack {want.name} run an older template and take the new one when they"
            " are next restarted: this version does not restart running nodes, delete a pod to restart it",
        )


def _size(rack: Rack | None) -> int:
    return rack.statefulset.replicas if rack is not None and rack.statefulset is not None else 0


def _pod(rack: Rack, ordinal: int) -> Pod | None:
    return next((pod for pod in rack.pods if pod.ordinal == ordinal), None)
