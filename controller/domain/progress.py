"""
How far a roll is, and when it will be over: what status tells of it.

Restarts are timed from the decision to delete a pod to the moment when its successor is a member that all
peers know; their mean, times the turns that are left, is the estimate. It changes when a node goes or is
back, and at no other time, so that it costs no writes of its own. It is for people: no decision reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import Final

import attrs

from controller.api.v2.cluster import NodeRestart, RollStatus
from controller.domain.actions import Action, RestartPod
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Observed, Rack

_MINUTE: Final = 60
_HOUR: Final = 3600


def progress(
    previous: RollStatus | None,
    desired: Desired,
    observed: Observed,
    actions: Iterable[Action],
    members: frozenset[str],
) -> RollStatus | None:
    """Return how far the roll is that is under way or about to begin; None if there is none."""
    now = observed.now.astimezone(dt.UTC).replace(microsecond=0)
    old = previous or RollStatus(start_time=now)
    asked = {action.pod: action.uid for action in actions if isinstance(action, RestartPod)}
    over = [restart for restart in old.restarting if _is_back(restart, observed, members)]
    going = {restart.pod: restart for restart in old.restarting if restart not in over}
    for pod, uid in asked.items():
        if pod not in going or going[pod].uid != uid:
            going[pod] = NodeRestart(pod=pod, uid=uid, since=now)
    left = {want.name: _left(want, observed.racks.get(want.name, Rack()), going) for want in desired.racks}
    if not any(left.values()):
        return None
    total = sum(_size(observed.racks.get(want.name)) for want in desired.racks)
    new = attrs.evolve(
        _timed(old, over, now),
        nodes=total,
        updated_nodes=max(total - sum(map(len, left.values())), 0),
        restarting=tuple(going[pod] for pod in sorted(going)),
        together=_together(old, desired, observed, asked),
    )
    return old if previous is not None and new == old else _estimated(new, desired, left, now)


def _size(rack: Rack | None) -> int:
    return rack.statefulset.replicas if rack is not None and rack.statefulset is not None else 0


def _is_back(restart: NodeRestart, observed: Observed, members: frozenset[str]) -> bool:
    """Tell whether the pod that went has a successor that is a member of the ring, or none is asked for."""
    pod = next((pod for pod in observed.pods() if pod.name == restart.pod), None)
    if pod is not None:
        return pod.uid != restart.uid and pod.name in members
    statefulset, _, ordinal = restart.pod.rpartition("-")
    racks = [rack.statefulset for rack in observed.racks.values() if rack.statefulset is not None]
    return not any(have.name == statefulset and int(ordinal) < have.replicas for have in racks)


def _left(want: DesiredRack, rack: Rack, going: Mapping[str, NodeRestart]) -> frozenset[str]:
    """Return the pods that run with something else than is wanted, or are on their way back from it."""
    have = rack.statefulset
    if have is None or not have.waits_for_us:
        return frozenset()
    stored = have.template_hash == want.template_hash
    older = {
        pod.name for pod in rack.pods if pod.ordinal < have.replicas and (not stored or have.outdates(pod))
    }
    return frozenset(older | {pod for pod in going if pod.rpartition("-")[0] == have.name})


def _together(old: RollStatus, desired: Desired, observed: Observed, asked: Mapping[str, str]) -> int | None:
    """Return how many are seen to go together although more would be allowed to; None if that is not seen.

    The first node is a trial, alone in any case.
    """
    if not old.restarts:
        return None
    for rack in observed.racks.values():
        mine = [pod for pod in rack.pods if pod.name in asked]
        if mine and rack.statefulset is not None:
            older = [pod for pod in rack.pods if rack.statefulset.outdates(pod) and not pod.terminating]
            if len(mine) < min(_allowed(desired, rack.statefulset.replicas), len(older)):
                return len(mine)
    return old.together


def _allowed(desired: Desired, size: int) -> int:
    """Return how many of a rack of *size* nodes may go together."""
    share = desired.rollout.share
    return max(desired.rollout.most if share is None else -(-size * share // 100), 1)


def _timed(old: RollStatus, over: list[NodeRestart], now: dt.datetime) -> RollStatus:
    """Return *old* with the restarts that are *over* in its mean."""
    took = [(now - restart.since).total_seconds() for restart in over if restart.since is not None]
    if not took:
        return old
    number = old.restarts + len(took)
    whole = (old.seconds_per_restart or 0) * old.restarts + sum(took)
    return attrs.evolve(old, restarts=number, seconds_per_restart=round(whole / number))


def _estimated(
    new: RollStatus, desired: Desired, left: Mapping[str, frozenset[str]], now: dt.datetime
) -> RollStatus:
    """Return *new* with a sentence, and the time when all will be over once a restart has been timed."""
    far = f"{new.updated_nodes} of {new.nodes} nodes run with the wanted template"
    if not new.restarts or new.seconds_per_restart is None:
        return attrs.evolve(new, message=far, estimated_end=None)
    turns = 0
    for want in desired.racks:
        most = _allowed(desired, want.replicas)
        turns += -(-len(left[want.name]) // (min(most, new.together) if new.together else most))
    seconds = turns * new.seconds_per_restart
    since = [restart.since for restart in new.restarting if restart.since is not None]
    if since:
        seconds -= min(int((now - min(since)).total_seconds()), new.seconds_per_restart)
    said = (
        f"{far}; a restart takes {_words(new.seconds_per_restart)}, all are done in about {_words(seconds)}"
    )
    return attrs.evolve(new, message=said, estimated_end=now + dt.timedelta(seconds=seconds))


def _words(seconds: int) -> str:
    """Return a time as people say it: `50 s`, `12 min`, `3 h 20 min`."""
    if seconds < 2 * _MINUTE:
        return f"{seconds} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} min" if seconds < 2 * _HOUR else f"{minutes // 60} h {minutes % 60} min"
