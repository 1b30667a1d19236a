"""
What is done about a place whose node is not in the ring: the place goes, its pod, then its volumes.

It never takes a place on silence, nor a volume: that the node is out is noted in status before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    DeleteClaim,
    LeaveStep,
    ShrinkStatefulSet,
    Wait,
)
from controller.domain.leaving import Fate, Gone, Held, Joins, Leaves, Leaving, Member
from controller.domain.observed import Observed
from controller.domain.plan.places import STUCK, Place, age_of, note
from controller.domain.plan.waiting import GOSSIP_SECONDS, SILENCE_SECONDS, SOON_SECONDS
from controller.domain.ring import Mode, Silent, View


def not_in_the_ring(place: Place, found: Gone | Joins, leaving: Leaving, observed: Observed) -> list[Action]:
    """Take the place, once it is noted that it may be taken."""
    left = isinstance(found, Gone) and found.member
    if left and not leaving.proven and _finishes(leaving, observed):
        why = f"{found.why}; it finishes its decommission"
        return [Wait(seconds=SOON_SECONDS, why=why)]
    if place.wanted and not left:
        return [note(place, LeaveStep.UNDO, f"{place.name} is wanted again, and may go on to join the ring")]
    if isinstance(found, Joins):
        joined = _may_have_joined(place, observed)
        if joined is not None:
            return [Wait(seconds=GOSSIP_SECONDS, why=joined)]
    if not leaving.proven:
        return [note(place, LeaveStep.PROVEN, nowhere(found))]
    return [
        ShrinkStatefulSet(
            rack=place.want.name,
            statefulset=place.statefulset.name,
            uid=place.statefulset.uid,
            replicas=place.ordinal,
            pod=place.name,
            pod_uid=place.pod.uid if place.pod is not None else None,
            left=left,
            why=f"rack {place.want.name} shrinks to {place.ordinal} nodes: {nowhere(found)}",
        )
    ]


def left_behind(place: Place, found: Fate) -> Iterator[Action]:
    """Yield what is to be done about what a node leaves once its place is gone."""
    if place.pod is not None:
        yield Wait(
            seconds=None,
            why=f"pod {place.name} stops (if its machine is lost for good, delete it by force)",
        )
        return
    claims = place.rack.claims_of(place.name)
    if not claims:
        yield note(place, LeaveStep.END, f"{place.name} is gone, and its volumes with it")
        return
    if isinstance(found, Member | Leaves):
        have = place.statefulset
        yield ApplyStatefulSet(
            rack=place.want.name,
            replicas=have.replicas + 1,
            uid=have.uid,
            why=f"{found.why}, and its place was taken: it comes back with its volume, to leave properly",
        )
        return
    if not isinstance(found, Gone):
        yield Wait(
            seconds=SILENCE_SECONDS,
            why=f"the volumes of {place.name} stay until it is out: {found.why} (or delete them by hand)",
        )
        return
    asked = [claim for claim in claims if not claim.terminating]
    for claim in asked:
        yield DeleteClaim(
            claim=claim.name,
            uid=claim.uid,
            pod=place.name,
            statefulset=place.statefulset.name,
            why=f"{claim.name} is of no use to any node: {found.why}",
        )
    if not asked:
        listed = ", ".join(claim.name for claim in claims)
        yield Wait(seconds=None, why=f"Kubernetes deletes the volumes of {place.name}: {listed}")


def nowhere(found: Fate) -> str:
    """Return why nobody loses anything with a node of this fate."""
    return f"{found.why}, so that nobody counts on it" if isinstance(found, Joins) else found.why


def _may_have_joined(place: Place, observed: Observed) -> str | None:
    """Return why the node in *place* may be a member by now, although a peer sees it joining still."""
    match observed.leaver:
        case View(mode=Mode.NORMAL):
            return f"{place.name} says that it has joined the ring: it leaves once its peers have heard of it"
        case Silent(why=why):
            return f"{place.name} joins the ring and cannot be asked how far it is ({why})"
        case View() | None:
            return None
        case _:
            assert_never(observed.leaver)


def _finishes(leaving: Leaving, observed: Observed) -> bool:
    """Tell whether the node itself is still at it: its peers know first, and it waits for the last one."""
    at_it = isinstance(observed.leaver, View) and observed.leaver.mode is Mode.LEAVING
    return at_it and (isinstance(leaving.call, Held) or age_of(leaving, observed) < STUCK)
