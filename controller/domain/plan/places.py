"""Places of racks that are to have fewer nodes: what all parts of a departure have in common."""

from __future__ import annotations

from collections.abc import Iterator
import datetime as dt

import attrs

from controller.domain.actions import LeaveStep, NoteLeaving
from controller.domain.desired import Desired, DesiredRack
from controller.domain.leaving import Leaving
from controller.domain.observed import Observed, Pod, Rack, StatefulSet
from controller.domain.plan.waiting import find

# A node that says LEAVING while nobody holds the call is asked again after so long: it does no harm.
STUCK = dt.timedelta(minutes=10)


@attrs.frozen(kw_only=True)
class Place:
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


def excess(desired: Desired, observed: Observed) -> Iterator[Place]:
    """Yield the last place of each rack that has more than the spec asks for."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        have = rack.statefulset
        if have is not None and not have.terminating and have.replicas > want.replicas:
            yield place_at(want, rack, have, have.replicas - 1)


def place_at(want: DesiredRack, rack: Rack, statefulset: StatefulSet, ordinal: int) -> Place:
    """Return the place with this *ordinal* in a rack, be it there or not."""
    name = f"{statefulset.name}-{ordinal}"
    return Place(
        want=want, rack=rack, statefulset=statefulset, name=name, ordinal=ordinal, pod=find(rack, ordinal)
    )


def age_of(leaving: Leaving, observed: Observed) -> dt.timedelta:
    """Return how long ago the last try began."""
    return observed.now - leaving.begun if leaving.begun is not None else STUCK


def note(place: Place, step: LeaveStep, why: str) -> NoteLeaving:
    """Return the action that notes a *step* of the node in *place*."""
    return NoteLeaving(rack=place.want.name, pod=place.name, step=step, why=why)
