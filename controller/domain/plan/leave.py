"""
Racks that get smaller: one node at a time in the whole ring, and each only when it is out of it.

- What is going to happen is written in status first, then done; each step is derived anew from the ring.
- A node that is a member leaves by decommission, and is out when most of its peers no longer know it.
- A node that never joined is taken away at once: growth that is taken back is undone.
- Its place goes next, its pod with it, then its volumes; then its name is forgotten.
- Until Cassandra has begun to hand its data over, a size that is put back undoes all of it.

It never takes a place on silence: who cannot be asked is waited for.
"""

from __future__ import annotations

from typing import assert_never

import attrs

from controller.api.v2 import names
from controller.domain.actions import Action, Hold, LeaveStep, NoteLeaving, Wait
from controller.domain.desired import Desired
from controller.domain.leaving import Gone, Joins, Leaves, Member, Unknown, fate
from controller.domain.observed import Observed, Rack
from controller.domain.plan.handover import Question, drive
from controller.domain.plan.left import left_behind, not_in_the_ring, nowhere
from controller.domain.plan.places import excess, note, place_at
from controller.domain.plan.preflight import Cleared, emptied, preflight
from controller.domain.plan.waiting import SILENCE_SECONDS, created


def under_way(desired: Desired, observed: Observed) -> list[Action]:
    """Return the next step of a node that is on its way out; empty if there is none."""
    return _answered(_under_way(desired, observed), desired, observed)


def taken_back(desired: Desired, observed: Observed) -> list[Action]:
    """Return how racks get rid of last places whose nodes are not in the ring, whoever saw to that."""
    for place in excess(desired, observed):
        found = fate(place.name, observed)
        if isinstance(found, Gone | Joins):
            return [note(place, LeaveStep.PROVEN, nowhere(found))]
        if isinstance(found, Leaves):
            return [note(place, LeaveStep.BEGIN, f"{found.why}: the rest is seen to")]
    return []


def begin(desired: Desired, observed: Observed) -> list[Action]:
    """Return how the next node begins to leave, or what keeps it; empty if every rack is small enough."""
    return _answered(_begin(desired, observed), desired, observed)


def asks(desired: Desired, observed: Observed) -> bool:
    """Tell whether `under_way` turns on who owns what."""
    return isinstance(_under_way(desired, observed), Question)


def asks_to_begin(desired: Desired, observed: Observed) -> bool:
    """Tell whether `begin` turns on who owns what."""
    return isinstance(_begin(desired, observed), Question)


def _answered(step: list[Action] | Question, desired: Desired, observed: Observed) -> list[Action]:
    if not isinstance(step, Question):
        return step
    answer = preflight(step.pod.name, step.want, desired, observed)
    if not isinstance(answer, Cleared):
        refusal = next((action for action in answer if isinstance(action, Hold)), None)
        if refusal is None or step.call is None or step.firm:
            return list(answer)
        # Given up before it began: what it would wait for may have to come about meanwhile.
        why = f"{step.pod.name} stays for now: {refusal.why}"
        return [NoteLeaving(rack=step.want.name, pod=step.pod.name, step=LeaveStep.UNDO, why=why)]
    if step.call is not None:
        return [attrs.evolve(step.call, why=f"{step.call.why}: {answer.why}")]
    gone = "was taken out of the spec" if step.want.leaves else f"is to have {step.want.replicas} nodes"
    why = f"{step.pod.name} leaves, since {step.want.name} {gone}: {answer.why}"
    return [NoteLeaving(rack=step.want.name, pod=step.pod.name, step=LeaveStep.BEGIN, why=why)]


def _begin(desired: Desired, observed: Observed) -> list[Action] | Question:
    places = list(excess(desired, observed))
    if not places:
        return []
    first = names.split_rack_name(places[0].want.name)[0]
    in_dc = [place for place in places if names.split_rack_name(place.want.name)[0] == first]
    # The largest rack; the last of those of one size, as the first is the first to grow.
    place = max(reversed(in_dc), key=lambda each: each.ordinal)
    empty = emptied(place.want, desired)
    if empty is not None:
        return [empty]
    found = fate(place.name, observed)
    if isinstance(found, Unknown):
        return [Wait(seconds=SILENCE_SECONDS, why=f"{place.name} is to leave: {found.why}")]
    if place.pod is None:
        return [created(place.statefulset.name, place.ordinal)]
    return Question(want=place.want, pod=place.pod)


def _under_way(desired: Desired, observed: Observed) -> list[Action] | Question:
    leaving = observed.leaving
    want = next((w for w in desired.racks if leaving is not None and w.name == leaving.rack), None)
    if leaving is None or want is None:
        return []
    rack = observed.racks.get(want.name, Rack())
    if rack.statefulset is None:
        # It gets one again first.
        return []
    if rack.statefulset.terminating:
        return [Wait(seconds=None, why=f"{leaving.pod} is on its way out, and its StatefulSet is deleted")]
    place = place_at(want, rack, rack.statefulset, names.ordinal(leaving.pod))
    found = fate(leaving.pod, observed)
    if not place.there:
        return list(left_behind(place, found))
    if place.ordinal < place.statefulset.replicas - 1:
        return [
            Hold(
                reason="NotTheLastNode",
                path=want.path,
                why=f"{place.name} is on its way out, and rack {want.name} has grown beyond it:"
                f" scale StatefulSet {place.statefulset.name} back to {place.ordinal + 1}",
            )
        ]
    match found:
        case Unknown(why=why):
            return [Wait(seconds=SILENCE_SECONDS, why=f"{place.name} is on its way out: {why}")]
        case Gone() | Joins():
            return not_in_the_ring(place, found, leaving, observed)
        case Member() | Leaves() if leaving.proven:
            # It had not joined when that was noted.
            return [note(place, LeaveStep.BEGIN, f"{found.why}: it leaves properly")]
        case Member() | Leaves():
            return drive(place, found, leaving, observed)
        case _:
            assert_never(found)
