"""Which plans a sweep runs: always the same ones. But for a quick one, some fault strikes at every point."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from e2e.sweep.explore import Select
from e2e.sweep.plans import CALL, EVENT, FAULTS, NODE, READ, WRITE, Plan, UnknownPlanError

# Faults that come to much the same take turns: the first strikes at points 1, 1 + n, 1 + 2n and so on.
_TURNS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    WRITE: (("kill-before", "kill-answered"), ("error", "hang"), ("crash", "outage")),
    READ: (("error", "hang"),),
    # Swapped with an event that does not come for 20 seconds, it is lost until then.
    EVENT: (("drop", "swap"), ("end", "", "")),
    NODE: (("mute", "cut", "half"),),
    CALL: (),
}
# The quick sweep kills the operator after every write, and takes every so many'th of the other plans.
_QUICK_KILL: Final = "kill-unanswered"
_QUICK_EVERY: Final[Mapping[str, int]] = {WRITE: 67, READ: 97, EVENT: 59, NODE: 131, CALL: 3}


def every(plan: Plan) -> bool:
    """Every fault at every point."""
    return True


def rotating(plan: Plan) -> bool:
    """Every point; of faults that come to much the same, one at each."""
    for turn in _TURNS[plan.kind]:
        if plan.fault in turn:
            return turn[(plan.number - 1) % len(turn)] == plan.fault
    return True


def only(faults: Collection[str]) -> Select:
    """Return a selection of these *faults*, at every point; raises `UnknownPlanError` for one unknown."""
    known = {fault for kind in FAULTS.values() for fault in kind}
    for fault in faults:
        if fault not in known:
            raise UnknownPlanError(f"there is no fault {fault}: {', '.join(sorted(known))}")
    return lambda plan: plan.fault in faults


def quick() -> Select:
    """Return a new selection for a quick sweep: each write with a kill, and a sample of the rest."""
    seen = dict.fromkeys(_QUICK_EVERY, 0)

    def select(plan: Plan) -> bool:
        if plan.fault == _QUICK_KILL:
            return True
        seen[plan.kind] += 1
        return seen[plan.kind] % _QUICK_EVERY[plan.kind] == 1

    return select
