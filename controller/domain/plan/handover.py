"""
A node that is to leave, from the moment it is noted until its peers no longer know it.

It is asked once a try, by decommission; a try that failed is noted anew before it is made again. Until
Cassandra has begun to hand its data over, a size that is put back undoes it.
"""

from __future__ import annotations

import datetime as dt
from typing import assert_never

import attrs

from controller.domain.actions import Action, Decommission, Hold, LeaveStep, Wait
from controller.domain.desired import DesiredRack
from controller.domain.leaving import Ended, Held, Leaves, Leaving, Member, NotCalled
from controller.domain.observed import Observed, Pod
from controller.domain.operations.pods import leaves
from controller.domain.plan.places import STUCK, Place, age_of, note
from controller.domain.plan.waiting import GOSSIP_SECONDS, SILENCE_SECONDS, SOON_SECONDS, created
from controller.domain.ring import Mode, Silent, View
from controller.domain.streaming import words

# A call that failed is made again after so long, if the node is a member as before.
RETRY = dt.timedelta(seconds=60)
# How often a node that hands its data over is looked at, after the first while; no event tells of it.
LATER_SECONDS = 5.0
SOON = dt.timedelta(minutes=2)


@attrs.frozen(kw_only=True)
class Question:
    """May the node in *pod* leave *want*'s rack? If so, that is noted or, with *call*, it is asked to.

    *firm* tells that there is no way back: if it may not, that has to be waited for.
    """

    want: DesiredRack
    pod: Pod
    call: Decommission | None = None
    firm: bool = False


def drive(
    place: Place, found: Member | Leaves, leaving: Leaving, observed: Observed
) -> list[Action] | Question:
    """Return what a node that is still in the ring needs, to leave it."""
    pod = place.pod
    if pod is None:
        return [created(place.statefulset.name, place.ordinal)]
    if pod.terminating:
        return [
            Wait(seconds=None, why=f"pod {pod.name} is being deleted while it leaves; it comes back first")
        ]
    age = age_of(leaving, observed)
    asked = isinstance(leaving.call, Held) and age < RETRY
    stays = place.wanted and isinstance(found, Member) and not asked
    host_id = observed.hosts.get(pod.name, "its host id")
    match observed.leaver:
        case View(mode=Mode.NORMAL | Mode.DECOMMISSION_FAILED) | None if stays:
            return [note(place, LeaveStep.UNDO, f"{pod.name} stays: rack {place.want.name} is to keep it")]
        case View(mode=Mode.NORMAL) as view if isinstance(found, Member):
            return _not_leaving(place, pod, view, leaving, observed)
        case View(mode=Mode.DECOMMISSION_FAILED) as view:
            again = _not_leaving(place, pod, view, leaving, observed)
            # Its peers may see it leaving still: then there is no way back, but on.
            firm = isinstance(found, Leaves)
            return attrs.evolve(again, firm=firm) if isinstance(again, Question) else again
        case View(mode=Mode.LEAVING) as view:
            return _handing_over(place, pod, view, leaving, observed)
        case View(mode=mode):
            return [
                _not_heard_of(mode, f"{pod.name} calls itself {mode.value}, and {found.why}", host_id, age)
            ]
        case Silent(why=why):
            pass
        case None:
            why = "Cassandra does not run in it" if not pod.cassandra_runs else "it was not asked"
        case _:
            assert_never(observed.leaver)
    return [
        Wait(
            seconds=SILENCE_SECONDS,
            why=f"{pod.name} cannot be asked while it leaves ({why}): it goes on when it is back, or, if it"
            f" is lost for good, once it is removed from the ring (operation remove of {host_id} on another"
            f" pod, or nodetool removenode {host_id})",
        )
    ]


def _not_heard_of(mode: Mode, word: str, host_id: str, age: dt.timedelta) -> Wait:
    """Wait for its peers to hear of what the node has become; or, if they were all down, for a person."""
    if mode is Mode.DECOMMISSIONED and age >= STUCK:
        way_out = f"remove it from the ring (operation remove of {host_id} on another pod)"
        return Wait(seconds=SILENCE_SECONDS, why=f"{word}: {way_out}")
    return Wait(seconds=GOSSIP_SECONDS, why=word)


def _not_leaving(
    place: Place, pod: Pod, view: View, leaving: Leaving, observed: Observed
) -> list[Action] | Question:
    """Return what to do about a member that has not begun to leave, or has failed to."""
    age = age_of(leaving, observed)
    held = isinstance(leaving.call, Held)
    if held and age < RETRY:
        return [Wait(seconds=GOSSIP_SECONDS, why=f"{pod.name} was asked to leave the ring")]
    if held or isinstance(leaving.call, Ended):
        said = leaving.call.failure if isinstance(leaving.call, Ended) else "it does not begin"
        if age < RETRY:
            return [
                Hold(
                    reason="DecommissionFailed",
                    path=place.want.path,
                    why=f"{pod.name} does not leave the ring: {said or 'Cassandra says nothing'}."
                    " It is asked again in a minute",
                    seconds=SILENCE_SECONDS,
                )
            ]
        return [note(place, LeaveStep.BEGIN, f"{pod.name} is asked to leave the ring once more")]
    return Question(want=place.want, pod=pod, call=_call(place, pod, view, leaving))


def _handing_over(place: Place, pod: Pod, view: View, leaving: Leaving, observed: Observed) -> list[Action]:
    """Wait for a node that streams its data; one that nobody has asked for long is asked again.

    One that is at it takes no notice. One whose streams failed, in Cassandra 4, takes up where it was.
    """
    age = age_of(leaving, observed)
    if not isinstance(leaving.call, Held) and age >= STUCK:
        if isinstance(leaving.call, NotCalled):
            return [_call(place, pod, view, leaving)]
        return [note(place, LeaveStep.BEGIN, f"{pod.name} is leaving for long, and is asked once more")]
    stays = f"; rack {place.want.name} is to keep the place, and gets a new node then" if place.wanted else ""
    why = f"{pod.name} hands its data over and leaves the ring{words(observed.streaming, pod.name)}{stays}"
    return [Wait(seconds=SOON_SECONDS if age < SOON else LATER_SECONDS, why=why)]


def _call(place: Place, pod: Pod, view: View, leaving: Leaving) -> Decommission:
    return Decommission(
        rack=place.want.name,
        pod=pod.name,
        uid=pod.uid,
        ip=pod.ip or "",
        release=view.release_version,
        call_id=leaving.call_id(pod),
        labels=leaves(leaving.begun),
        why=f"{pod.name} is asked to hand its data over and to leave the ring",
    )
