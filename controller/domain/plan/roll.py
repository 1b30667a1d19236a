"""
Rolling changes: running nodes take a new template by being restarted, rack after rack.

- Templates are stored and nodes restarted in the order of the racks; the next rack waits for the last.
- The first node with a new template has to start before a second one is touched, in whatever rack, and
  what is beside Cassandra has to be well in one of its pods. A restart alone is no new template.
- What goes down is proven to be missed by nobody (`safe`); ordinals below `rollingPartition` stay.
- Before a first node takes another line of Cassandra, the ring has to be at rest (`upgrade`).
- A node that does not serve is restarted first: a correction never waits for a ring that is broken.

It promises to end wherever pods start, and to say what it waits for; it never makes a rack smaller.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.api.v2.cluster import ActionName
from controller.domain import beside
from controller.domain.actions import Action, ApplyStatefulSet, Hold, RestartPod, Wait
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.plan import silence, tell
from controller.domain.plan.rollplace import Place
from controller.domain.plan.safe import Turn, safe
from controller.domain.plan.upgrade import upgrade
from controller.domain.plan.waiting import GOSSIP_SECONDS, created, find, on_its_way
from controller.domain.ring import Silent

# How soon to look again at a node that tries a new template.
_VERDICT_SECONDS = 2.0


def roll(desired: Desired, observed: Observed) -> list[Action]:
    """Return the next step of a rolling change, or what it waits for; empty if there is none."""
    step = _step(desired, observed)
    actions = safe(step, desired, observed) if isinstance(step, Turn) else step
    waiting = any(isinstance(action, Wait | RestartPod) for action in actions)
    return [*actions, *_progress(desired, observed)] if waiting else actions


def needs_ownership(desired: Desired, observed: Observed) -> bool:
    """Tell whether the plan would be another one if it were known who owns what."""
    return isinstance(_step(desired, observed), Turn)


def rolling(want: DesiredRack, rack: Rack) -> bool:
    """Tell whether the rack has the wanted template stored, and pods that still have to take it."""
    statefulset = rack.statefulset
    return (
        statefulset is not None
        and statefulset.waits_for_us
        and statefulset.template_hash == want.template_hash
        and any(statefulset.outdates(pod) for pod in rack.pods)
    )


def _step(desired: Desired, observed: Observed) -> list[Action] | Turn:
    """Return what to do in all racks, or the one question that has to be answered first."""
    places = list(_places(desired, observed))
    edits = [_put_back(place) for place in places if place.stored and place.statefulset.drift]
    if edits:
        return list(edits)
    place = next((place for place in places if place.pending()), None)
    if place is None:
        return []
    if desired.rollout.paused:
        why = "spec.rollout.paused is true: no further node is restarted until it is false"
        return [Hold(reason="RolloutPaused", path="spec.rollout.paused", why=why)]
    return (
        _correction(places, desired, observed)
        or _silenced(place, places, desired, observed)
        or _in_order(place, places, desired, observed)
    )


def _places(desired: Desired, observed: Observed) -> Iterator[Place]:
    """Yield the racks in which the operator restarts pods."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        statefulset = rack.statefulset
        if statefulset is not None and statefulset.waits_for_us and not statefulset.terminating:
            yield Place(want=want, rack=rack, statefulset=statefulset)


def _put_back(place: Place) -> ApplyStatefulSet:
    """Undo edits of a StatefulSet before a pod is made from them."""
    paths = ", ".join(place.statefulset.drift)
    return _store(place, f"the StatefulSet of rack {place.want.name} is put right ({paths}); no pod restarts")


def _store(place: Place, why: str) -> ApplyStatefulSet:
    have = place.statefulset
    return ApplyStatefulSet(rack=place.want.name, replicas=have.replicas, uid=have.uid, why=why)


def _correction(places: list[Place], desired: Desired, observed: Observed) -> list[Action] | Turn | None:
    """Return how nodes that do not serve get a newer template; None if there are none.

    One that joins is let finish: its peers know, and a restart would begin its streams anew. Where nobody
    answers, the kubelet's word is all there is, and it may be cut off: then one goes after the other.
    """
    unmade = [(place, name) for place in places if not place.stored for name in _unmade(place)]
    if unmade:
        # What a pod would be made from may be why it is not made; storing restarts nothing.
        return [
            _store(place, f"{name} is not there, and is to be made from the new template: the spec changed")
            for place, name in unmade
        ]
    broken = [(place, pod) for place in places for pod in place.rack.pods if _stuck(place, pod, observed)]
    if not broken:
        return None
    unstored = {place.want.name: (place, pod) for place, pod in broken if not place.stored}
    if unstored:
        return [
            _store(place, f"{pod.name} does not serve with the old template of rack {name}; the spec changed")
            for name, (place, pod) in unstored.items()
        ]
    unsettled = [place for place, _ in broken if not place.statefulset.settled]
    if unsettled:
        return [_takes_up(unsettled[0])]
    place, pod = broken[0]
    trusted = _trusted(place, places, observed)
    if trusted and observed.ring.views():
        down = [(place, pod) for place, pod in broken if not _seen_up(pod, observed)]
        if down:
            return [_restart_broken(place, pod) for place, pod in down]
    else:
        first = _on_trial(places, observed, until_ready=trusted)
        if first is not None:
            return [*on_its_way(first[1], first[0].want, observed), _tried(first[1])]
        if not _seen_up(pod, observed):
            return [_restart_broken(place, pod)]
    # Its peers believe it to be up, so it may serve some: its restart needs a proof like any other.
    waits, unheard, _ = _others(place, places, desired, observed, exempt=pod.name)
    return waits or _turn(place, (pod,), 1, unheard)


def _unmade(place: Place) -> list[str]:
    """Return the first pod that the rack should have and has not, ordinals below the partition aside."""
    ordinals = range(place.want.partition, place.statefulset.replicas)
    return [f"{place.statefulset.name}-{n}" for n in ordinals if find(place.rack, n) is None][:1]


def _stuck(place: Place, pod: Pod, observed: Observed) -> bool:
    """Tell whether *pod* exists to no avail, with a template that is not the wanted one."""
    if pod.terminating or pod.ready or pod.ordinal < place.want.partition:
        return False
    return (not place.stored or place.statefulset.outdates(pod)) and not (
        pod.ip and observed.ring.seen_joining(pod.ip)
    )


def _seen_up(pod: Pod, observed: Observed) -> bool:
    """Tell whether some peer knows *pod* as a member, and none believes it to be down."""
    known = any(pod.ip in view.host_ids for view in observed.ring.views().values())
    return bool(pod.ip) and known and observed.ring.seen_down(pod.ip or "") is None


def _restart_broken(place: Place, pod: Pod) -> RestartPod:
    why = (
        f"{pod.name} does not serve, so that its restart takes nothing away:"
        f" it gets the new template of rack {place.want.name}"
    )
    return RestartPod(pod=pod.name, uid=pod.uid, why=why)


def _silenced(
    place: Place, places: list[Place], desired: Desired, observed: Observed
) -> list[Action] | Turn | None:
    """Return how a node that tried what is no longer wanted, and does not answer, gets something else.

    None if there is none, or anything else is to be waited for.
    """
    rack = place.rack.pods
    older = [pod for pod in rack if not place.stored or place.statefulset.outdates(pod)]
    older = [pod for pod in older if pod.ordinal >= place.want.partition]
    pod = silence.mute(older, rack, [pod for like in places for pod in like.rack.pods], observed)
    if pod is None or (desired.rollout.share is None and desired.rollout.most < 1):
        return None
    waits, _, in_flight = _others(place, places, desired, observed, exempt=pod.name)
    if waits or in_flight:
        return None
    said = f"{pod.name} does not answer the operator"
    if not place.stored:
        return [_store(place, f"{said} with the old template of rack {place.want.name}; the spec changed")]
    if not place.statefulset.settled:
        return [_takes_up(place)]
    return _turn(place, (pod,), 1, said)


def _in_order(place: Place, places: list[Place], desired: Desired, observed: Observed) -> list[Action] | Turn:
    """Return the next step in the rack whose turn it is."""
    want, have = place.want, place.statefulset
    at_once = desired.rollout.share is not None
    if not place.stored:
        waits, _, _ = _others(place, places, desired, observed)
        waits = waits or [a for a in _beside(place, places, desired, observed) if isinstance(a, Hold)]
        if waits:
            return waits
        change = want.change or "its spec changed"
        why = f"the template of rack {want.name} is brought up to date ({change}); its nodes take it in turn"
        return [_store(place, why)]
    if not have.settled:
        return [_takes_up(place)]
    pods = [pod for pod in place.outdated() if pod.ordinal >= want.partition]
    instead: list[Action] = tell.tell(have, pods) if pods else [_kept_back(place)]
    if instead:
        return instead
    waits, unheard, in_flight = _others(place, places, desired, observed)
    going = [pod for _, pod in in_flight if pod is not None]
    offered = tuple(pod for pod in pods if pod.ready and not pod.terminating and pod not in going)
    waits = waits or _beside(place, places, desired, observed)
    if waits or not offered:
        return waits or [action for action, _ in in_flight]
    if not at_once and desired.rollout.most < 1:
        return [_nothing_may_go()]
    turn = _upgrading(_turn(place, offered, 1, unheard), place, observed)
    if not _trusted(place, places, observed):
        # The first one tells whether the new template is any good.
        return [*[action for action, _ in in_flight], *map(_tried, going[:1])] if in_flight else turn
    most = desired.rollout.most
    if at_once:
        size = max(have.replicas, 1)
        most = max(-(-size * (desired.rollout.share or 100) // 100), 1) - len(in_flight)
    if most < 1:
        return [action for action, _ in in_flight]
    return attrs.evolve(turn, most=most, going=tuple(action for action, _ in in_flight))


def _turn(place: Place, offered: tuple[Pod, ...], most: int, unheard: str | None) -> Turn:
    change = f" ({place.statefulset.change})" if place.statefulset.change else ""
    return Turn(
        purpose=f"to take the new template of rack {place.want.name}{change}",
        offered=offered,
        most=most,
        unheard=unheard,
    )


def _upgrading(turn: Turn, place: Place, observed: Observed) -> Turn:
    """Return *turn* with what is to be said and checked if it brings another version of Cassandra."""
    change = upgrade(place.want.line, observed)
    if change is not None:
        return attrs.evolve(turn, purpose=f"{turn.purpose}, {change}", upgrade=change)
    if place.statefulset.change == ActionName.UPDATE_DOCKER_IMAGE and place.want.line is None:
        untold = "whose version of Cassandra its tag does not tell, so that it is not checked"
        return attrs.evolve(turn, purpose=f"{turn.purpose}, {untold}")
    return turn


def _others(
    turn: Place, places: list[Place], desired: Desired, observed: Observed, *, exempt: str = ""
) -> tuple[list[Action], str | None, list[tuple[Action, Pod | None]]]:
    """Return what has to be waited for, who does not answer, and what is on its way in this very rack.

    Only where whole racks may go may others of the rack be on their way meanwhile.
    """
    waits: list[Action] = []
    in_flight: list[tuple[Action, Pod | None]] = []
    unheard: list[tuple[Pod, str, bool]] = []
    for place in places:
        for ordinal in range(place.statefulset.replicas):
            pod = find(place.rack, ordinal)
            if pod is not None and pod.name == exempt:
                continue
            answer = observed.ring.answers.get(pod.name) if pod is not None and pod.ready else None
            if pod is not None and isinstance(answer, Silent) and not pod.terminating:
                unheard.append((pod, answer.why, answer.refused))
                continue
            why = _missing(place, ordinal, pod, observed)
            if why is None:
                continue
            if place is turn and desired.rollout.share is not None:
                in_flight.append((why, pod))
            elif not (desired.rollout.unlocked and pod is not None and place.statefulset.outdates(pod)):
                waits.append(why)
    waits += [] if desired.rollout.unlocked else silence.waits(unheard, observed)
    move = observed.ring.on_the_move()
    if move is not None and not desired.rollout.unlocked:
        waits.append(Wait(seconds=GOSSIP_SECONDS, why=f"one topology change at a time: {move}"))
    first = unheard[0] if unheard else None
    return waits, f"{first[0].name} does not answer the operator: {first[1]}" if first else None, in_flight


def _missing(place: Place, ordinal: int, pod: Pod | None, observed: Observed) -> Action | None:
    """Return what a node of *place* is waited for; None if it is a member and seen up by its peers."""
    if pod is None:
        return created(place.statefulset.name, ordinal)
    for why in on_its_way(pod, place.want, observed):
        return why
    peer = observed.ring.seen_down(pod.ip or "")
    return Wait(seconds=GOSSIP_SECONDS, why=f"{peer} still sees {pod.name} down") if peer else None


def _beside(place: Place, places: list[Place], desired: Desired, observed: Observed) -> list[Action]:
    """Return what is beside Cassandra and keeps what *place* wants on trial.

    Where whole racks go, the first one does not wait for what only is not ready yet.
    """
    if desired.rollout.unlocked:
        return []
    newest = [pod for _, pod in _newest(place, places) if pod.cassandra_started(observed.now)]
    older = [
        pod
        for like in places
        for pod in like.rack.pods
        if pod not in newest and pod.ready and not pod.terminating
    ]
    found = beside.verdict(newest, older, place.want, observed.now)
    first = desired.rollout.share is not None and any(pod in place.rack.pods for pod in newest)
    return [action for action in found if isinstance(action, Hold) or not first]


def _trusted(place: Place, places: list[Place], observed: Observed) -> bool:
    """Tell whether a pod with what *place* wants has started, in this or a like rack, or serves in it."""
    return (place.stored and place.statefulset.tried) or any(
        pod.cassandra_started(observed.now) for _, pod in _newest(place, places)
    )


def _on_trial(places: list[Place], observed: Observed, *, until_ready: bool) -> tuple[Place, Pod] | None:
    """Return a pod with its newest template that has not started, or is not ready, yet; None if none is."""
    for place in places:
        for like, pod in _newest(place, places):
            if not (pod.ready if until_ready else pod.cassandra_started(observed.now)):
                return like, pod
    return None


def _tried(pod: Pod) -> Wait:
    """Wait for the verdict on a template: no event tells that Cassandra has run for some time."""
    why = f"{pod.name} tries the new template; others follow once Cassandra has started in it"
    return Wait(seconds=_VERDICT_SECONDS, why=why)


def _newest(place: Place, places: list[Place]) -> Iterator[tuple[Place, Pod]]:
    """Yield the pods that have what *place* wants, in all racks whose pods are made alike."""
    for like in places:
        if like.want.recipe == place.want.recipe and like.stored and like.statefulset.settled:
            for pod in like.rack.pods:
                if not like.statefulset.outdates(pod) and not pod.terminating:
                    yield like, pod


def _takes_up(place: Place) -> Wait:
    return Wait(seconds=None, why=f"the StatefulSet of rack {place.want.name} takes up its newest spec")


def _kept_back(place: Place) -> Hold:
    names = ", ".join(pod.name for pod in reversed(place.outdated()))
    path = f"{place.want.path}.rollingPartition"
    why = f"{names} keep their template, and other racks theirs, while {path} is {place.want.partition}"
    return Hold(reason="RollingPartition", path=path, why=why)


def _nothing_may_go() -> Hold:
    path = "spec.maxPodUnavailable"
    return Hold(
        reason="NoDisruptionAllowed",
        path=path,
        why=f"{path} is 0, so that no node may be restarted: raise it",
    )


def _progress(desired: Desired, observed: Observed) -> Iterator[Wait]:
    """Yield how far it is."""
    places = list(_places(desired, observed))
    total = sum(place.statefulset.replicas for place in places)
    fresh = [
        pod
        for place in places
        if place.stored
        for pod in place.rack.pods
        if not place.statefulset.outdates(pod) and pod.ready and not pod.terminating
    ]
    yield Wait(seconds=None, why=f"{len(fresh)} of {total} nodes run with the wanted template")
