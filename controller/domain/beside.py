"""
Containers beside Cassandra in its pods: which are not well, in words that lead to the field to change.

A node serves without them, so it counts as ready whatever they do. It promises to see one that ends again
and again between two of its ends, and to forgive one that ended long ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import datetime as dt

import attrs

from controller.api.v2 import names
from controller.domain.actions import Action, Hold, Wait
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Container, Observed, Pod, Rack
from controller.domain.trouble import diagnose

# Who has run for so long since its last start does not end again and again.
_STEADY = dt.timedelta(minutes=1)
_ANYWAY = "spec.unlockNextOperation goes on without it"


@attrs.frozen(kw_only=True)
class Unwell:
    """A *container* that is not ready; *hold* says why if that will not pass by itself, else None."""

    container: str
    hold: Hold | None


def unwell(pod: Pod, want: DesiredRack, now: dt.datetime) -> Iterator[Unwell]:
    """Yield the containers beside Cassandra in *pod* that are not well."""
    for container in _beside(pod):
        hold = _hold(pod, container, want, now)
        if hold is not None or not container.ready:
            yield Unwell(container=container.name, hold=hold)


def verdict(
    newest: Sequence[Pod], older: Sequence[Pod], want: DesiredRack, now: dt.datetime
) -> Iterator[Hold | Wait]:
    """Yield what keeps a template on trial, by the pods that have it and those with an *older* one.

    One pod in which all is well for a while is enough, and one in which all is ready if none ends again and
    again. What is no better in an older pod is no fault of the template.
    """
    if any(_steady(pod, now) for pod in newest):
        return
    known = {each.container for pod in older for each in unwell(pod, want, now)}
    sick = [(pod, [e for e in unwell(pod, want, now) if e.container not in known]) for pod in newest]
    holds = [each.hold for _, found in sick for each in found if each.hold is not None]
    if holds:
        yield holds[0]
    elif sick and all(found for _, found in sick):
        pod, found = sick[0]
        named = ", ".join(each.container for each in found)
        what = f"{pod.name} tries the new template, and {named} beside Cassandra in it is not ready yet"
        yield Wait(seconds=None, why=f"{what}; {_ANYWAY}")


def complaints(desired: Desired, observed: Observed, planned: Sequence[Action]) -> Iterator[Hold]:
    """Yield what is wrong beside nodes that serve, unless it is *planned* to say so: of the first one."""
    holds = [
        each.hold
        for want in desired.racks
        for pod in observed.racks.get(want.name, Rack()).pods
        if pod.ready and not pod.terminating
        for each in unwell(pod, want, observed.now)
        if each.hold is not None
    ]
    if holds and not any(hold in planned for hold in holds):
        more = f" (and {len(holds) - 1} more like it)" if len(holds) > 1 else ""
        yield attrs.evolve(holds[0], why=f"{holds[0].why}{more}")


def _steady(pod: Pod, now: dt.datetime) -> bool:
    """Tell whether all containers beside Cassandra are ready, and have run for a while."""
    return all(c.ready and c.since is not None and now - c.since >= _STEADY for c in _beside(pod))


def _beside(pod: Pod) -> list[Container]:
    return [c for c in pod.containers if not c.init and c.name != names.CASSANDRA]


def _hold(pod: Pod, container: Container, want: DesiredRack, now: dt.datetime) -> Hold | None:
    again = container.restarts > 1 and container.since is not None and now - container.since < _STEADY
    if container.running and not again:
        return None
    # Between two of its ends it runs for a moment.
    ended = attrs.evolve(container, running=False, ready=False)
    if again:
        ended = attrs.evolve(ended, reason="CrashLoopBackOff")
    alone = attrs.evolve(pod, ready=False, terminating=False, unschedulable=None, containers=(ended,))
    trouble = diagnose(alone, want, now)
    if trouble is None:
        return None
    # No event tells that it has run for a while.
    seconds = _STEADY.total_seconds() if again else None
    return Hold(reason=trouble.reason, path=trouble.path, why=trouble.why, seconds=seconds)
