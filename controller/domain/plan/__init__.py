"""
Decide the next actions from a snapshot: the order of concerns, nothing else.

`plan` never does I/O and never looks at a clock: what it needs to know arrives in *desired* and
*observed*. The same arguments give the same plan, and a plan is right whatever happened before: it may
be interrupted after any action and made anew.
"""

from __future__ import annotations

import attrs

from controller.domain import beside
from controller.domain.actions import Action, Hold, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed
from controller.domain.plan import (
    acquaint,
    ahead,
    autopilot,
    create,
    crossed,
    datacenters,
    leave,
    operate,
    orphaned,
    remove,
    repair,
    replace,
    roll,
    shared,
    stop,
    storage,
)

__all__ = ["needs_loads", "needs_ownership", "plan"]


def plan(desired: Desired, observed: Observed) -> tuple[Action, ...]:
    """Return the actions to take now, in order; none means converged.

    Shared objects come first, since pods need the Services to find each other. A node that leaves is seen
    out before anything else is begun. A pod that cannot start is repaired before anything else is tried,
    be it for its template or its address. Then running nodes take what changed, and only then do racks
    come up, grow and shrink. Operations on nodes go on beside all that, and begin when nothing else is
    under way.

    A rack that is taken apart, with pods that nobody looks after, is put together before all else. Volumes
    come last, since they grow whatever else is the case, and a storage that refuses stops nothing. Members
    that do not know each other are made to meet whatever else is under way. What ails beside a Cassandra
    that serves is told, and is in nobody's way.
    """
    actions: tuple[Action, ...] = tuple(storage.put_together(desired, observed))
    if not actions:
        actions = _ring(desired, observed)
        if not observed.obstacles and observed.missing_login is None:
            actions = operate.beside(desired, observed, actions)
    told = (*beside.complaints(desired, observed, actions), *acquaint.acquaint(observed))
    return (*actions, *told, *storage.grow(desired, observed), *ahead.ahead(desired, observed))


def _ring(desired: Desired, observed: Observed) -> tuple[Action, ...]:
    """Return what is to be done about the ring itself."""
    actions: list[Action] = [
        *shared.shared_objects(desired, observed),
        *shared.surplus(observed),
        *shared.missing_login(observed),
    ]
    if desired.stopped and observed.leaving is None:
        # It needs nothing of what may be in the way of others.
        return (*actions, *stop.stop(desired, observed))
    holds = [Hold(reason=o.reason, path=o.path, why=o.why, seconds=30) for o in observed.obstacles]
    if holds:
        return (*actions, *holds)
    if observed.missing_login is not None:
        # Neither can a pod start without it, nor a node be asked.
        return tuple(actions)
    starting = stop.start(desired, observed)
    if starting:
        return (*actions, *starting)
    leaving = _leaving(desired, observed)
    if leaving:
        waiting = all(isinstance(action, Wait | Hold) for action in leaving)
        # What leaves need not be mended, but nobody else has to wait for a correction until it is out.
        mended: list[Action] = []
        if waiting:
            mended = _mended(desired, _without_leaver(observed))
            mended = mended or list(create.given_back(desired, observed))
        return (*actions, *leaving, *mended)
    replacing = replace.step(desired, observed)
    if replacing:
        return (*actions, *replacing)
    # Why a pod finds no place says more than that it finds none.
    actions.extend(replace.offers(desired, observed))
    actions.extend(replace.undecided(observed))
    actions.extend(_mended(desired, observed) or create.create(desired, observed))
    actions.extend(datacenters.removed(desired, observed))
    return tuple(actions)


def needs_ownership(desired: Desired, observed: Observed) -> bool:
    """Tell whether the plan turns on who owns what in the ring, which is only read when it does."""
    if observed.missing_login is not None:
        return False
    if (desired.stopped and observed.leaving is None) or stop.start(desired, observed):
        return False
    if leave.asks(desired, observed) or autopilot.needs_ownership(desired, observed):
        return True
    if replace.asks(desired, observed) or remove.asks(observed) or orphaned.asks(observed):
        return True
    if _leaving(desired, observed) or repair.repair(desired, observed):
        return False
    return roll.needs_ownership(desired, observed) or create.needs_ownership(desired, observed)


def needs_loads(desired: Desired, observed: Observed) -> bool:
    """Tell whether the plan may turn on how much data each node holds, which is only read when it does."""
    return leave.asks(desired, observed) or leave.asks_to_begin(desired, observed)


def _mended(desired: Desired, observed: Observed) -> list[Action]:
    """Return what helps pods that cannot start: a correction first, which may be all that they need."""
    repairs = repair.repair(desired, observed)
    if not repairs or any(not isinstance(action, Hold) for action in repairs):
        return repairs
    # Whose address a pod has says more than that Cassandra ends in it.
    return [*crossed.mend(desired, observed), *repairs]


def _leaving(desired: Desired, observed: Observed) -> list[Action]:
    return leave.under_way(desired, observed) or leave.taken_back(desired, observed)


def _without_leaver(observed: Observed) -> Observed:
    """Return *observed* as if there were no pod that is on its way out."""
    leaver = observed.leaving.pod if observed.leaving is not None else None
    racks = {
        name: attrs.evolve(rack, pods=tuple(pod for pod in rack.pods if pod.name != leaver))
        for name, rack in observed.racks.items()
    }
    return attrs.evolve(observed, racks=racks)
