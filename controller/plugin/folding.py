"""
Steps of a plan in few lines: what is done to many nodes alike, one after the other, is said once.

Only operations on nodes are folded: where nodes restart, join or leave, each has a reason of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import itertools
from typing import Final

from controller.domain.actions import OperationStep, RunOperation, StopOperation
from controller.plugin.forecast import Step

_ON_NODES: Final = frozenset({*OperationStep, RunOperation.__name__, StopOperation.__name__})
# So many nodes are named.
_NAMED: Final = 3


def folded(steps: Sequence[Step]) -> Iterator[tuple[str, Step]]:
    """Yield steps for people, each with its number, or the first and the last of those that it stands for."""
    numbered = enumerate(steps, 1)
    for _, group in itertools.groupby(numbered, lambda each: _alike(*each)):
        many = list(group)
        (first, step), (last, _) = many[0], many[-1]
        if first == last:
            yield str(first), step
            continue
        targets = [each.target for _, each in many]
        more = f" and {len(targets) - _NAMED} others" if len(targets) > _NAMED else ""
        target = f"on {len(targets)} nodes ({', '.join(targets[:_NAMED])}{more})"
        why = step.why.replace(step.target, "each")
        yield f"{first}-{last}", Step(action=step.action, target=target, why=why)


def _alike(number: int, step: Step) -> tuple[str, str, int]:
    """Return what is the same of steps that are told as one."""
    if step.action not in _ON_NODES:
        return step.action, step.why, number
    return step.action, step.why.replace(step.target, ""), 0
