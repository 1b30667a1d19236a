"""
A whole cluster that is stopped and started again, with its data.

- Stopping takes all pods at once: Cassandra drains itself as each one ends. Nobody leaves the ring, claims
  stay, and the size of each rack is noted in the write that takes its pods.
- What else the spec asks for of nodes waits until the cluster is started, and that is said.
- Seeds start first, in all racks; once one serves, all others start. Each is the member that it was: nobody
  joins. A template that was changed meanwhile is taken up by the first start.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.domain.actions import Action, ApplyStatefulSet, Hold, StartRack, StopRack, Wait
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Observed, Rack, StatefulSet
from controller.domain.plan import repair

PATH = "spec.stopped"


@attrs.frozen(kw_only=True)
class _Place:
    """A rack that exists: as wanted, as observed."""

    want: DesiredRack
    rack: Rack
    statefulset: StatefulSet

    @property
    def seeds(self) -> int:
        """How many pods of the rack have to run for its seeds to run."""
        return min(self.want.seed_places, self.statefulset.replicas)


def stop(desired: Desired, observed: Observed) -> list[Action]:
    """Return how the cluster is stopped, or that it is, and what waits until it is started."""
    places = list(_places(desired, observed))
    stopping = [place for place in places if place.statefulset.running]
    if stopping:
        return [
            StopRack(
                rack=place.want.name,
                statefulset=place.statefulset.name,
                uid=place.statefulset.uid,
                size=place.statefulset.replicas,
                why=f"{PATH} is true: the {place.statefulset.replicas} nodes of rack {place.want.name} drain"
                " and stop; their volumes stay",
            )
            for place in stopping
        ]
    ending = [pod.name for place in places for pod in place.rack.pods]
    if ending:
        why = f"{len(ending)} nodes drain and stop, {ending[0]} among them"
        return [Wait(seconds=None, why=why)]
    later = list(_later(desired, observed))
    why = f"the cluster is stopped, its volumes are kept, until {PATH} is false"
    return [Hold(reason="Stopped", path=PATH, why="; ".join([why, *later]))]


def start(desired: Desired, observed: Observed) -> list[Action]:
    """Return how a cluster that was stopped is started; nothing if none of its racks is stopped."""
    places = [place for place in _places(desired, observed) if place.statefulset.stopped]
    if not places:
        return []
    fixes = repair.repair(desired, observed)
    if any(not isinstance(action, Hold) for action in fixes):
        return fixes
    stale = [place for place in places if _stale(place)]
    if stale:
        return [_renew(place) for place in stale]
    # Where no seed is known, the first rack begins.
    seeds = {place.want.name: place.seeds for place in places}
    everyone = list(_places(desired, observed))
    if not any(place.seeds for place in everyone):
        seeds[places[0].want.name] = 1
    first = [place for place in places if place.statefulset.running < seeds[place.want.name]]
    if first:
        return [*(_start(place, seeds[place.want.name], "its seeds first") for place in first), *fixes]
    if not _serves(everyone, seeds):
        return [Wait(seconds=None, why="the seeds start; once one of them serves, all others follow"), *fixes]
    return [*(_start(place, place.statefulset.replicas, "a seed serves") for place in places), *fixes]


def _places(desired: Desired, observed: Observed) -> Iterator[_Place]:
    """Yield the racks that exist."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        if rack.statefulset is not None and not rack.statefulset.terminating:
            yield _Place(want=want, rack=rack, statefulset=rack.statefulset)


def _stale(place: _Place) -> bool:
    """Tell whether no pod is there that a new template could restart."""
    have = place.statefulset
    return not have.running and have.waits_for_us and have.template_hash != place.want.template_hash


def _renew(place: _Place) -> ApplyStatefulSet:
    have, name = place.statefulset, place.want.name
    why = f"rack {name} starts with the template that the spec asks for by now"
    return ApplyStatefulSet(rack=name, replicas=0, uid=have.uid, why=why)


def _start(place: _Place, replicas: int, why: str) -> StartRack:
    have, name = place.statefulset, place.want.name
    return StartRack(
        rack=name,
        statefulset=have.name,
        uid=have.uid,
        size=have.replicas,
        replicas=replicas,
        why=f"{replicas} of {have.replicas} nodes of rack {name} start with their volumes: {why}",
    )


def _serves(places: list[_Place], seeds: dict[str, int]) -> bool:
    """Tell whether a seed is ready."""
    return any(
        pod.ready and not pod.terminating and pod.ordinal < seeds.get(place.want.name, place.seeds)
        for place in places
        for pod in place.rack.pods
    )


def _later(desired: Desired, observed: Observed) -> Iterator[str]:
    """Yield what the spec asks for of nodes, and does not get while the cluster is stopped."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        have = rack.statefulset
        size = have.replicas if have is not None else 0
        if size != want.replicas:
            yield f"that rack {want.name} is to have {want.replicas} nodes instead of {size} waits until then"
        if have is not None and have.template_hash != want.template_hash:
            yield f"rack {want.name} starts with its new template then"
