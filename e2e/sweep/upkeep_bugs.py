"""Planted bugs of operations on nodes, as in `bugs`: each breaks the operator in this process."""

from __future__ import annotations

from collections.abc import Callable
import importlib
from typing import Any

from controller.domain.actions import OperationStep
from controller.domain.leaving import Ended, Held, NotCalled
from controller.domain.operations.seen import Busy
from controller.domain.plan import operate
from controller.domain.plan.operate.marks import ended
from e2e.sweep.bugs import replace


def calls_done_what_it_asked_for() -> None:
    """Take an operation for done as soon as Cassandra was asked for it."""

    def make(inner: Callable[..., Any]) -> Callable[..., Any]:
        def go_on(work: Any, desired: Any, observed: Any) -> Any:  # noqa: ANN401 -- as the real one
            if isinstance(_call(work, observed), Held):
                return [ended(work, OperationStep.DONE, f"{work.text} is done", observed)]
            return inner(work, desired, observed)

        return go_on

    replace(operate, "go_on", make)


def takes_a_lost_answer_for_done() -> None:
    """Take an operation for done whose answer was lost."""

    def make(inner: Callable[..., Any]) -> Callable[..., Any]:
        def go_on(work: Any, desired: Any, observed: Any) -> Any:  # noqa: ANN401 -- as the real one
            call = _call(work, observed)
            if isinstance(call, Ended) and call.lost:
                return [ended(work, OperationStep.DONE, f"{work.text} is done", observed)]
            return inner(work, desired, observed)

        return go_on

    replace(operate, "go_on", make)


def begins_again_what_runs() -> None:
    """Ask for an operation without a look at whether the node is at it already."""
    replace(Busy, "with_", lambda _: lambda *_: False)


def restarts_in_the_middle() -> None:
    """Restart a pod without regard to what its node is at."""
    replace(operate, "_held_back", lambda _: lambda action, *_: action)


def repairs_everywhere_at_once() -> None:
    """Begin operations however many there are under way."""
    # By its path: the package has a function of that name.
    replace(
        importlib.import_module("controller.domain.plan.operate.begin"), "_no_room", lambda _: lambda *_: None
    )


def _call(work: Any, observed: Any) -> Any:  # noqa: ANN401 -- as the real ones
    return observed.operations.calls.get(work.pod.name, NotCalled())
