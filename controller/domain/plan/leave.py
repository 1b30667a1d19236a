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

from collections.abc import Iterator
import datetime as dt
from typing import assert_never

import attrs

from controller.api.v2 import names
from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    Decommission,
    DeleteClaim,
    Hold,
    LeaveStep,
    NoteLeaving,
    ShrinkStatefulSet,
    Wait,
)
from controller.domain.desired import Desired, DesiredRack
from controller.domain.leaving import (
    Ended,
    Fate,
    Gone,
    Held,
    Joins,
    Leaves,
    Leaving,
    Member,
    NotCalled,
    Unknown,
    fate,
)
from controller.domain.observed import Observed, Pod, Rack, StatefulSet
from controller.domain.plan.preflight import Cleared, emptied, preflight
from controller.domain.plan.waiting import GOSSIP_SECONDS, SILENCE_SECONDS, created, find
from controller.domain.ring import Mode, Silent, View

# A call that failed is made again after so long, if the node is a member as before.
RETRY = dt.timedelta(seconds=60)
# A node that says LEAVING while nobody holds the call is asked again after so long: it does no harm.
STUCK = dt.timedelta(minutes=10)
# How often a node that hands its data over is looked at, at first and later; no event tells of it.
SOON_SECONDS, LATER_SECONDS = 2.0, 5.0
SOON = dt.timedelta(minutes=2)


@attrs.frozen(kw_only=True)
class _Question:
    """May the node in *pod* leave *want*'s rack? If so, that is noted or, with *call*, it is asked to.

    *firm* tells that there is no way back: if it may not, that has to be waited for.
    """

    want: DesiredRack
    pod: Pod
    call: Decommission | None = None
    firm: bool = False


@attrs.frozen(kw_only=True)
class _Place:
    """The last place of a rack, or the one after it: *pod* is None where there is none."""

    want: DesiredRack
    rack: Rack
    statefulset: StatefulSet
    name: str
    ordinal: int
    pod: Pod | None

    @property
    def wanted(self) -> bool:
        """Whether the spec asks for this place."""
        return self.ordinal < self.want.replicas

    @property
    def there(self) -> bool:
        """Whether the StatefulSet still has this place."""
        return self.ordinal < self.statefulset.replicas


def under_way(desired: Desired, observed: Observed) -> list[Action]:
    """Return the next step of a node that is on its way out; empty if there is none."""
    return _answered(_under_way(desired, observed), desired, observed)


def taken_back(desired: Desired, observed: Observed) -> list[Action]:
    """Return how racks get rid of last places whose nodes are not in the ring, whoever saw to that."""
    for place in _excess(desired, observed):
        found = fate(place.name, observed)
        if isinstance(found, Gone | Joins):
            return [_note(place, LeaveStep.PROVEN, _nowhere(found))]
        if isinstance(found, Leaves):
            return [_note(place, LeaveStep.BEGIN, f"{found.why}: the rest is seen to")]
    return []


def begin(desired: Desired, observed: Observed) -> list[Action]:
    """Return how the next node begins to leave, or what keeps it; empty if every rack is small enough."""
    return _answered(_begin(desired, observed), desired, observed)


def asks(desired: Desired, observed: Observed) -> bool:
    """Tell whether `under_way` turns on who owns what."""
    return isinstance(_under_way(desired, observed), _Question)


def asks_to_begin(desired: Desired, observed: Observed) -> bool:
    """Tell whether `begin` turns on who owns what."""
    return isinstance(_begin(desired, observed), _Question)


def _answered(step: list[Action] | _Question, desired: Desired, observed: Observed) -> list[Action]:
    if not isinstance(step, _Question):
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
    why = (
        f"{step.pod.name} leaves, since {step.want.name} is to have {step.want.replicas} nodes: {answer.why}"
    )
    return [NoteLeaving(rack=step.want.name, pod=step.pod.name, step=LeaveStep.BEGIN, why=why)]


def _begin(desired: Desired, observed: Observed) -> list[Action] | _Question:
    places = list(_excess(desired, observed))
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
    return _Question(want=place.want, pod=place.pod)


def _excess(desired: Desired, observed: Observed) -> Iterator[_Place]:
    """Yield the last place of each rack that has more than the spec asks for."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        have = rack.statefulset
        if have is not None and not have.terminating and have.replicas > want.replicas:
            yield _place(want, rack, have, have.replicas - 1)


def _place(want: DesiredRack, rack: Rack, statefulset: StatefulSet, ordinal: int) -> _Place:
    name = f"{statefulset.name}-{ordinal}"
    return _Place(
        want=want, rack=rack, statefulset=statefulset, name=name, ordinal=ordinal, pod=find(rack, ordinal)
    )


def _under_way(desired: Desired, observed: Observed) -> list[Action] | _Question:
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
    place = _place(want, rack, rack.statefulset, names.ordinal(leaving.pod))
    found = fate(leaving.pod, observed)
    if not place.there:
        return list(_left_behind(place, found))
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
            return _not_in_the_ring(place, found, leaving, observed)
        case Member() | Leaves():
            return _drive(place, found, leaving, observed)
        case _:
            assert_never(found)


def _not_in_the_ring(
    place: _Place, found: Gone | Joins, leaving: Leaving, observed: Observed
) -> list[Action]:
    """Take the place, once it is noted that it may be taken."""
    left = isinstance(found, Gone) and found.member
    if left and not leaving.proven and _finishes(leaving, observed):
        why = f"{found.why}; it finishes its decommission"
        return [Wait(seconds=SOON_SECONDS, why=why)]
    if place.wanted and not left:
        return [_note(place, LeaveStep.UNDO, f"{place.name} is wanted again, and may go on to join the ring")]
    if not leaving.proven:
        return [_note(place, LeaveStep.PROVEN, _nowhere(found))]
    return [
        ShrinkStatefulSet(
            rack=place.want.name,
            statefulset=place.statefulset.name,
            uid=place.statefulset.uid,
            replicas=place.ordinal,
            pod=place.name,
            pod_uid=place.pod.uid if place.pod is not None else None,
            left=left,
            why=f"rack {place.want.name} shrinks to {place.ordinal} nodes: {_nowhere(found)}",
        )
    ]


def _finishes(leaving: Leaving, observed: Observed) -> bool:
    """Tell whether the node itself is still at it: its peers know first, and it waits for the last one."""
    at_it = isinstance(observed.leaver, View) and observed.leaver.mode is Mode.LEAVING
    return at_it and (isinstance(leaving.call, Held) or _age(leaving, observed) < STUCK)


def _age(leaving: Leaving, observed: Observed) -> dt.timedelta:
    """Return how long ago the last try began."""
    return observed.now - leaving.begun if leaving.begun is not None else STUCK


def _nowhere(found: Fate) -> str:
    return f"{found.why}, so that nobody counts on it" if isinstance(found, Joins) else found.why


def _left_behind(place: _Place, found: Fate) -> Iterator[Action]:
    """Yield what is to be done about what a node leaves once its place is gone."""
    if place.pod is not None:
        yield Wait(
            seconds=None,
            why=f"pod {place.name} stops (if its machine is lost for good, delete it by force)",
        )
        return
    suffix = f"-{place.name}"
    claims = [claim for claim in place.rack.claims if claim.name.endswith(suffix)]
    if not claims:
        yield _note(place, LeaveStep.END, f"{place.name} is gone, and its volumes with it")
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


def _drive(
    place: _Place, found: Member | Leaves, leaving: Leaving, observed: Observed
) -> list[Action] | _Question:
    """Return what a node that is still in the ring needs, to leave it."""
    pod = place.pod
    if pod is None:
        return [created(place.statefulset.name, place.ordinal)]
    if pod.terminating:
        return [
            Wait(seconds=None, why=f"pod {pod.name} is being deleted while it leaves; it comes back first")
        ]
    asked = isinstance(leaving.call, Held) and _age(leaving, observed) < RETRY
    stays = place.wanted and isinstance(found, Member) and not asked
    match observed.leaver:
        case View(mode=Mode.NORMAL | Mode.DECOMMISSION_FAILED) | None if stays:
            return [_note(place, LeaveStep.UNDO, f"{pod.name} stays: rack {place.want.name} is to keep it")]
        case View(mode=Mode.NORMAL) as view if isinstance(found, Member):
            return _not_leaving(place, pod, view, leaving, observed)
        case View(mode=Mode.DECOMMISSION_FAILED) as view:
            again = _not_leaving(place, pod, view, leaving, observed)
            # Its peers may see it leaving still: then there is no way back, but on.
            firm = isinstance(found, Leaves)
            return attrs.evolve(again, firm=firm) if isinstance(again, _Question) else again
        case View(mode=Mode.LEAVING) as view:
            return _handing_over(place, pod, view, leaving, observed)
        case View(mode=mode):
            word = f"{pod.name} calls itself {mode.value}, and {found.why}"
            return [Wait(seconds=GOSSIP_SECONDS, why=word)]
        case Silent(why=why):
            pass
        case None:
            why = "Cassandra does not run in it" if not pod.cassandra_runs else "it was not asked"
        case _:
            assert_never(observed.leaver)
    host_id = observed.hosts.get(pod.name, "its host id")
    return [
        Wait(
            seconds=SILENCE_SECONDS,
            why=f"{pod.name} cannot be asked while it leaves ({why}): it goes on when it is back, or, if it"
            f" is lost for good, once it is removed from the ring (nodetool removenode {host_id})",
        )
    ]


def _not_leaving(
    place: _Place, pod: Pod, view: View, leaving: Leaving, observed: Observed
) -> list[Action] | _Question:
    """Return what to do about a member that has not begun to leave, or has failed to."""
    age = _age(leaving, observed)
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
        return [_note(place, LeaveStep.BEGIN, f"{pod.name} is asked to leave the ring once more")]
    return _Question(want=place.want, pod=pod, call=_call(place, pod, view, leaving))


def _handing_over(place: _Place, pod: Pod, view: View, leaving: Leaving, observed: Observed) -> list[Action]:
    """Wait for a node that streams its data; one that nobody has asked for long is asked again.

    One that is at it takes no notice. One whose streams failed, in Cassandra 4, takes up where it was.
    """
    age = _age(leaving, observed)
    if not isinstance(leaving.call, Held) and age >= STUCK:
        if isinstance(leaving.call, NotCalled):
            return [_call(place, pod, view, leaving)]
        return [_note(place, LeaveStep.BEGIN, f"{pod.name} is leaving for long, and is asked once more")]
    stays = f"; rack {place.want.name} is to keep the place, and gets a new node then" if place.wanted else ""
    why = f"{pod.name} hands its data over and leaves the ring{stays}"
    return [Wait(seconds=SOON_SECONDS if age < SOON else LATER_SECONDS, why=why)]


def _call(place: _Place, pod: Pod, view: View, leaving: Leaving) -> Decommission:
    return Decommission(
        rack=place.want.name,
        pod=pod.name,
        uid=pod.uid,
        ip=pod.ip or "",
        release=view.release_version,
        call_id=leaving.call_id(pod),
        why=f"{pod.name} is asked to hand its data over and to leave the ring",
    )


def _note(place: _Place, step: LeaveStep, why: str) -> NoteLeaving:
    return NoteLeaving(rack=place.want.name, pod=place.name, step=step, why=why)
