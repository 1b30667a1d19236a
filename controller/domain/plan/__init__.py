"""
Decide the next actions from a snapshot: the order of concerns, nothing else.

`plan` never does I/O and never looks at a clock: what it needs to know arrives in *desired* and
*observed*. The same arguments give the same plan, and a plan is right whatever happened before: it may
be interrupted after any action and made anew.
"""

from __future__ import annotations

from controller.domain.actions import Action, Hold
from controller.domain.desired import Desired
from controller.domain.observed import Observed
from controller.domain.plan import create, repair, roll, shared

__all__ = ["needs_ownership", "plan"]


def plan(desired: Desired, observed: Observed) -> tuple[Action, ...]:
    """Return the actions to take now, in order; none means converged.

    Shared objects come first, since pods need the Services to find each other. A pod that cannot start
    is repaired before anything else is tried. Then running nodes take what changed, and only then do racks
    come up and grow.
    """
    actions: list[Action] = list(shared.shared_objects(desired, observed))
    holds = [Hold(reason=o.reason, path=o.path, why=o.why, seconds=30) for o in observed.obstacles]
    if holds:
        return (*actions, *holds)
    actions.extend(repair.repair(desired, observed) or create.create(desired, observed))
    return tuple(actions)


def needs_ownership(desired: Desired, observed: Observed) -> bool:
    """Tell whether the plan turns on who owns what in the ring, which is only read when it does."""
    return not repair.repair(desired, observed) and roll.needs_ownership(desired, observed)
