"""
Nodes that run beside each other and do not know each other: they are told to read their seeds anew.

Cassandra resolves the names of its seeds once, when it starts. If a seed gets another address before it
has heard of a node that just joined, as when its machine lost power meanwhile, neither ever looks for the
other again: two rings, where there was one. Reading the list anew makes them meet, costs nothing, and may
be done at any time. Not promised is that it helps: a list that names nobody who knows both does not.
"""

from __future__ import annotations

import datetime as dt

from controller.domain.actions import Action, ReloadSeeds, Wait
from controller.domain.observed import Observed, Pod
from controller.domain.ring import Mode, View

# News of a node travels for some seconds. Who serves for so long without it will not have it by itself.
_LONG = dt.timedelta(seconds=30)
# A name that resolves to an old address does so for at most half a minute.
_AGAIN_SECONDS = 10.0
# These cannot do it.
_OLD = ("2.", "3.")


def acquaint(observed: Observed) -> list[Action]:
    """Return what makes members that do not know each other look for each other; empty if all do."""
    if all(observed.ring.known(pod.ip) for pod in observed.pods() if pod.ip):
        return []
    members = [(pod, view) for pod in observed.pods() if (view := _member(pod, observed)) is not None]
    meetings: list[Action] = []
    for pod, view in members:
        missed = next((p for p, _ in members if p is not pod and p.ip not in view.host_ids), None)
        if missed is not None and not view.release_version.startswith(_OLD):
            meetings.append(_reload(pod, missed))
    return [*meetings, Wait(seconds=_AGAIN_SECONDS, why=meetings[0].why)] if meetings else []


def _reload(pod: Pod, other: Pod) -> ReloadSeeds:
    why = (
        f"{pod.name} has served beside {other.name} for a while and does not know it: it reads its seeds anew"
    )
    return ReloadSeeds(pod=pod.name, uid=pod.uid, ip=pod.ip or "", why=why)


def _member(pod: Pod, observed: Observed) -> View | None:
    """Return the view of a member that has served for long enough to have heard of all others."""
    view = observed.ring.answers.get(pod.name)
    if not isinstance(view, View) or view.mode is not Mode.NORMAL or not pod.ip or pod.terminating:
        return None
    long = pod.ready_since is not None and observed.now - pod.ready_since >= _LONG
    return view if pod.ready and long else None
