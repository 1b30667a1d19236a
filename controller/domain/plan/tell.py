"""
Nodes whose pods differ from the newest template only in what they can be told while they run.

All of a rack are told together, since none goes down for it; the next rack waits until they have it.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.actions import Action, Tune, Wait
from controller.domain.live import Telling
from controller.domain.observed import Pod, StatefulSet

# Nothing tells when a node answers again, nor what it was told.
SILENCE_SECONDS = 5.0
READ_BACK_SECONDS = 1.0


def tell(statefulset: StatefulSet, outdated: Iterable[Pod]) -> list[Action]:
    """Return what those of the *outdated* pods are told that need no restart; empty if there are none."""
    found = [(pod, telling) for pod in outdated if (telling := statefulset.untold.get(pod.uid)) is not None]
    unread = [(pod, telling.unread) for pod, telling in found if telling.unread is not None]
    tunes: list[Action] = [_tune(pod, telling) for pod, telling in found if telling.unread is None]
    if tunes:
        return [*tunes, Wait(seconds=READ_BACK_SECONDS, why="what the nodes were told is read back")]
    return [
        Wait(seconds=SILENCE_SECONDS, why=f"{pod.name} does not say which settings it has: {why}")
        for pod, why in unread
    ]


def _tune(pod: Pod, telling: Telling) -> Tune:
    said = ", ".join(f"{setting.key} is {setting.value}" for setting in telling.settings)
    return Tune(
        pod=pod.name,
        uid=pod.uid,
        ip=pod.ip or "",
        settings=telling.settings,
        before=telling.before,
        why=f"{pod.name} is told while it runs that {said}",
    )
