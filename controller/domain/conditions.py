"""
Conditions: what `kubectl describe` and `kubectl wait` go by.

`Ready` tells whether every wanted node serves, `Progressing` whether the operator is at work or why not,
`Degraded` whether something is wrong that will not pass by itself, `SpecAccepted` whether the spec is
carried out. Each carries the generation it speaks of. They are for people: no decision reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import datetime as dt
from typing import Final

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import ClusterStatus, Condition
from controller.domain.actions import Action, Hold, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.plan import storage
from controller.domain.ring import Silent
from controller.domain.status import complete, stamp

# What is shown first; anything else, such as conditions of other writers, comes after.
_ORDER = ("Ready", "Progressing", "Degraded", "SpecAccepted", "Paused")
# Held back, but nothing is broken: the nodes that exist serve.
_HARMLESS = frozenset(
    {
        "RollingPartition",
        "RolloutPaused",
        "NoDisruptionAllowed",
        "NotProven",
        "TooFewNodes",
        "StillReplicated",
        "EmptyCluster",
        "RebuildOffered",
        "RestartAhead",
        "TemplateHeldBack",
        "ChangeHeldBack",
        "StorageCannotGrow",
        "Stopped",
        "Paused",
        "FileSystemResizePending",
    }
)
# What CassKop refuses as an edit, and we cannot judge before the ring has been asked.
_REFUSED = frozenset({"StillReplicated", "EmptyCluster"})
# A node that was restarted, by whomever, is given so long before it counts as lost.
_RESTART = dt.timedelta(minutes=10)
# The API server takes 32768 bytes; a reader takes less.
_MESSAGE_LIMIT = 1000


@attrs.frozen(kw_only=True)
class Finding:
    """One condition before it is dated."""

    type: str
    status: bool
    reason: str
    message: str


# What is written of fields that nobody knows; they stop nothing, and may be a slip of the pen.
IGNORED: Final = "FieldsIgnored"


def accepted(ignored: Sequence[str] = ()) -> Finding:
    """The spec is carried out, but for its fields that are not known: *ignored*."""
    if ignored:
        message = f"the spec is carried out; not known, and ignored: {', '.join(ignored)}"
        return Finding(type="SpecAccepted", status=True, reason=IGNORED, message=message[:_MESSAGE_LIMIT])
    return Finding(type="SpecAccepted", status=True, reason="Accepted", message="the spec is carried out")


def partly_refused(held: Sequence[str]) -> Finding:
    """Parts of the spec are not carried out, for reasons that stand in *held*."""
    message = f"{'; '.join(held)} (this part stays as it was, the rest of the spec is carried out)"
    return Finding(type="SpecAccepted", status=False, reason="ChangeRefused", message=message)


def unapproved(message: str) -> Finding:
    """An edit waits for somebody to approve it; *message* says which one, and how."""
    return Finding(type="SpecAccepted", status=False, reason="ApprovalNeeded", message=message)


def refused(problems: Sequence[str], *, fallback: bool) -> list[Finding]:
    """The spec cannot be used; with *fallback*, the last accepted one is carried out meanwhile."""
    message = "; ".join(problems)
    meanwhile = "the last accepted spec is carried out" if fallback else "nothing is done"
    findings = [
        Finding(
            type="SpecAccepted",
            status=False,
            reason="InvalidSpec",
            message=f"{message} (until it is corrected, {meanwhile})",
        )
    ]
    if not fallback:
        findings += [
            Finding(type="Ready", status=False, reason="InvalidSpec", message=message),
            Finding(type="Progressing", status=False, reason="InvalidSpec", message=message),
        ]
    return findings


def not_carried_out(actions: Iterable[Action]) -> Finding | None:
    """A size is not carried out that leaves data without a node; None if the plan has no such."""
    held = next((a for a in actions if isinstance(a, Hold) and a.reason in _REFUSED), None)
    if held is None:
        return None
    message = held.why if held.why.startswith(held.path) else f"{held.path}: {held.why}"
    return Finding(type="SpecAccepted", status=False, reason=held.reason, message=message)


def findings(
    desired: Desired,
    observed: Observed,
    actions: Iterable[Action],
    *,
    edit_refused: bool = False,
    status: ClusterStatus | None = None,
) -> list[Finding]:
    """Return Ready, Progressing and Degraded as the snapshot and the plan show them.

    *edit_refused*: what is carried out is not, or not all, what is written in the spec. *status* tells since
    when nodes are away whose pods are not there; without it, those are not judged.
    """
    plan = tuple(actions)
    members = observed.members()
    aside = storage.taken_back(desired, observed)
    return [
        _ready(desired, observed, members),
        _progressing(desired, plan, members, "last accepted spec" if edit_refused else "spec", aside),
        _degraded(desired, observed, plan, members, status or ClusterStatus()),
    ]


def failed(why: str) -> Finding:
    """A step failed and is tried again."""
    return Finding(type="Progressing", status=True, reason="Retrying", message=why)


def stopped(why: str) -> list[Finding]:
    """A step was refused, and would be refused again: it waits for somebody to change something."""
    return [
        Finding(type="Progressing", status=False, reason="StepRefused", message=why),
        Finding(type="Degraded", status=True, reason="StepRefused", message=why),
    ]


def merge(
    old: Iterable[Condition], new: Iterable[Finding], *, generation: int, now: dt.datetime
) -> tuple[Condition, ...]:
    """Put *new* over *old* by type; a transition is dated only when the status changes.

    Of several findings of a type the last one counts, as if the others had never been made.
    """
    kept = {condition.type: condition for condition in old}
    for finding in {finding.type: finding for finding in new}.values():
        status = "True" if finding.status else "False"
        before = kept.get(finding.type)
        moved = before is None or before.status != status
        kept[finding.type] = Condition(
            type=finding.type,
            status=status,
            reason=finding.reason,
            message=_shorten(finding.message),
            observed_generation=generation,
            last_transition_time=stamp(now) if before is None or moved else before.last_transition_time,
        )
    return tuple(sorted(kept.values(), key=_rank))


def _ready(desired: Desired, observed: Observed, members: frozenset[str]) -> Finding:
    wanted = desired.wanted_nodes()
    short = [
        want.name
        for want in desired.racks
        if not complete(want, observed.racks.get(want.name, Rack()), members)
    ]
    if desired.stopped:
        message = f"spec.stopped is true: {len(observed.pods())} of {wanted} nodes still run"
        return Finding(type="Ready", status=False, reason="Stopped", message=message)
    counted = f"{len(members)} of {wanted} nodes are members of the ring and serve"
    if short:
        message = f"{counted}; not complete: {', '.join(short)}"
        return Finding(type="Ready", status=False, reason="NodesMissing", message=message)
    return Finding(type="Ready", status=True, reason="AllNodesServe", message=counted)


def _progressing(
    desired: Desired, plan: tuple[Action, ...], members: frozenset[str], asked_by: str, aside: str | None
) -> Finding:
    holds = [action for action in plan if isinstance(action, Hold)]
    moves = [action for action in plan if not isinstance(action, Hold)]
    if moves:
        waits = [a for a in moves if isinstance(a, Wait)]
        reason = "Waiting" if len(waits) == len(moves) else type(moves[0]).__name__
        return Finding(type="Progressing", status=True, reason=reason, message=_whys(moves))
    if holds:
        return Finding(type="Progressing", status=False, reason=holds[0].reason, message=_whys(holds))
    message = f"everything is as the {asked_by} asks for: {len(members)} of {desired.wanted_nodes()} nodes"
    if aside is not None:
        message += f"; {aside}"
    return Finding(type="Progressing", status=False, reason="Converged", message=message)


def _degraded(
    desired: Desired,
    observed: Observed,
    plan: tuple[Action, ...],
    members: frozenset[str],
    status: ClusterStatus,
) -> Finding:
    holds = [a for a in plan if isinstance(a, Hold) and a.reason not in _HARMLESS]
    if holds:
        return Finding(type="Degraded", status=True, reason=holds[0].reason, message=_whys(holds))
    stuck, missing = _stuck(observed), _never_made(desired, observed, members, status)
    lasting = {pod.name for pod in observed.pods() if not _restarts(pod, observed)} | missing.keys()
    # One that is on its way out is not missed.
    leaver = {observed.leaving.pod} if observed.leaving is not None else set()
    down = sorted((observed.joined & (lasting | stuck)) - members - leaver)
    refuse = sorted(p for p, a in observed.ring.answers.items() if isinstance(a, Silent) and a.refused)
    down = [pod for pod in down if pod not in refuse]
    said = [f"were members of the ring and are not now: {', '.join(down)}"] if down else []
    if refuse:
        first = observed.ring.answers[refuse[0]]
        assert isinstance(first, Silent)
        said.append(
            f"{_listed(refuse)} started with another login, and cannot be asked: {first.why}; put the content"
            " of the Secret back, or, unless that is under way, change spec.restartedAt: nodes restart one by"
            " one with the new one"
        )
    if stuck:
        said.append(
            f"{_listed(stuck)} should long be gone: if the machine is,"
            f" `kubectl delete pod {min(stuck)} --force` lets another one be made"
        )
    if missing:
        said.append(
            f"{_listed(missing)} is not made by Kubernetes: `kubectl describe statefulset"
            f" {missing[min(missing)]}` says why"
        )
    if said:
        reason = "LoginRefused" if refuse and not (down or stuck or missing) else "NodesDown"
        return Finding(type="Degraded", status=True, reason=reason, message="; ".join(said))
    return Finding(type="Degraded", status=False, reason="AsExpected", message="nothing is known to be wrong")


def _stuck(observed: Observed) -> frozenset[str]:
    """Return the pods that are being deleted, and should have been gone for long."""
    return frozenset(
        pod.name
        for pod in observed.pods()
        if pod.terminating and pod.gone_by is not None and observed.now - pod.gone_by > _RESTART
    )


def _never_made(
    desired: Desired, observed: Observed, members: frozenset[str], status: ClusterStatus
) -> dict[str, str]:
    """Return the StatefulSets of members whose pods are asked for and have not been there for long, by pod.

    Nothing dates that a pod is away, but that it was restarted, or that nothing else keeps all from serving.
    """
    restarting = status.rollout.restarting if status.rollout is not None else ()
    begun = {restart.pod: restart.since for restart in restarting}
    others = all(pod.name in members for pod in observed.pods())
    ready = next((c for c in status.conditions if c.type == "Ready" and c.status == "False"), None)
    unready = ready.last_transition_time if ready is not None and others else None
    leaver = observed.leaving.pod if observed.leaving is not None else None
    found: dict[str, str] = {}
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        have = rack.statefulset
        if have is None or have.stopped or desired.stopped:
            continue
        there = {pod.name for pod in rack.pods} | {leaver}
        for name in (f"{have.name}-{ordinal}" for ordinal in range(have.replicas)):
            since = begun.get(name, unready)
            if name in observed.joined - there and since is not None and observed.now - since > _RESTART:
                found[name] = have.name
    return found


def _restarts(pod: Pod, observed: Observed) -> bool:
    """Tell whether *pod* is being replaced, or is new and has not failed: nothing is wrong with that yet."""
    if pod.terminating:
        return True
    if isinstance(observed.ring.answers.get(pod.name), Silent):
        # It has been up, else it would not have been asked.
        return False
    failed = any(c.restarts for c in pod.containers if c.init or c.name == names.CASSANDRA)
    return not failed and pod.created is not None and observed.now - pod.created < _RESTART


def _listed(pods: Iterable[str]) -> str:
    """Return a few names, and how many more there are."""
    first, *others = sorted(pods)
    return f"{first} (and {len(others)} more)" if others else first


def _whys(actions: Sequence[Action]) -> str:
    return "; ".join(action.why for action in actions)


def _shorten(message: str) -> str:
    return message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…"


def _rank(condition: Condition) -> tuple[int, str]:
    known = _ORDER.index(condition.type) if condition.type in _ORDER else len(_ORDER)
    return known, condition.type
