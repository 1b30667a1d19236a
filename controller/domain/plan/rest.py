"""Whether the ring is at rest: the time for what costs much and can wait."""

from __future__ import annotations

from collections.abc import Iterable
import datetime as dt

from controller.domain.actions import (
    Action,
    ApplyObject,
    MarkOperation,
    NoteLeaving,
    RunOperation,
    StopOperation,
    Write,
)
from controller.domain.observed import Observed

# A pod that is younger is on its way into the ring; one that is older is missed, and not waited for.
_YOUNG = dt.timedelta(minutes=10)
# What is written while the ring is at rest as well.
_BESIDE = (ApplyObject, MarkOperation, RunOperation, StopOperation)


def in_the_way(observed: Observed, planned: Iterable[Action]) -> str | None:
    """Return what keeps the ring from rest, given what is *planned* for it; None if it is at rest."""
    for action in planned:
        if isinstance(action, Write | NoteLeaving) and not isinstance(action, _BESIDE):
            return f"first, {action.why}"
    if observed.leaving is not None:
        return f"{observed.leaving.pod} is on its way out of the ring"
    move = observed.ring.on_the_move()
    if move is not None:
        return move
    members = observed.members()
    for pod in observed.pods():
        young = pod.created is None or observed.now - pod.created < _YOUNG
        if pod.terminating or (pod.name not in members and young):
            return f"{pod.name} is on its way into the ring, or back"
    for rack in observed.racks.values():
        have = rack.statefulset
        if have is not None and not have.settled:
            # Right after a template was written: the restarts that it is for come next.
            return f"StatefulSet {have.name} has yet to take up its newest spec"
        if have is not None and have.replicas > len(rack.pods):
            return f"StatefulSet {have.name} has yet to make a pod"
    return None
