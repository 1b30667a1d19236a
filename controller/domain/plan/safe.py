"""
Which of the nodes whose turn it is may go down now, with the proof, or what is in the way.

Where there is a proof, all that it allows may go. Where none can be had, since nobody can be asked or a
keyspace has too few replicas, one node goes at a time, while every other one is up, and it is said that
nothing is proven: a cluster must not get stuck. `rollout.onlyIfProven` waits instead.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.api.v2 import names
from controller.domain.actions import Action, Hold, RestartPod, Wait
from controller.domain.availability import Blocked, Layout, Proof, prove
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Pod
from controller.domain.ownership import Ownership, Unread
from controller.domain.plan.upgrade import Upgrade, before_the_first
from controller.domain.plan.waiting import GOSSIP_SECONDS

# What blocks is a node that is down; its return is an event, but for what its peers believe.
BLOCKED_SECONDS = 5.0
# Nothing tells of the end of a stream.
STREAM_SECONDS = 10.0
# A repair that is cut off is repeated by who started it; anything else would have to begin anew.
_INTERRUPTIBLE = frozenset({"Repair", "Incremental repair"})


@attrs.frozen(kw_only=True)
class Turn:
    """Nodes that are to restart for a *purpose*, best first, at most *most* of them now.

    *going* is what is waited for from nodes that are down for the same purpose already; every other node
    is up. *unheard* says why not all nodes could be asked, if so. *upgrade* is the change of Cassandra's line
    that it is, if it is one.
    """

    purpose: str
    offered: tuple[Pod, ...]
    most: int
    going: tuple[Action, ...] = ()
    unheard: str | None = None
    upgrade: Upgrade | None = None


def safe(turn: Turn, desired: Desired, observed: Observed) -> list[Action]:
    """Return the restarts that may be carried out together now, or what keeps even one of them back."""
    ownership = observed.ownership
    unfit = list(before_the_first(turn.upgrade, desired, observed)) if turn.upgrade is not None else []
    if unfit:
        return [*unfit]
    if turn.unheard is not None:
        return _unproven(turn, desired, turn.unheard)
    if not isinstance(ownership, Ownership):
        why = ownership.why if isinstance(ownership, Unread) else "nobody was asked who owns what"
        return _unproven(turn, desired, why)
    waits = [] if desired.rollout.unlocked else list(_unsettled(ownership, observed))
    if waits:
        return waits
    by_address = {pod.ip: pod.name for pod in observed.pods() if pod.ip}
    layout = ownership.layout(lambda address: by_address.get(address, address))
    strangers = observed.members() - set(layout.nodes())
    if strangers:
        return _unproven(turn, desired, f"{min(strangers)} is not known to own any tokens yet")
    return _proven(turn, desired, ownership, layout, _down(layout, desired, observed))


def _proven(
    turn: Turn, desired: Desired, ownership: Ownership, layout: Layout, down: frozenset[str]
) -> list[Action]:
    def ask(most: int) -> Proof | Blocked:
        return prove(
            layout=layout,
            keyspaces=ownership.keyspaces,
            down=down,
            candidates=[pod.name for pod in turn.offered],
            consistency=desired.rollout.consistency,
            most=most,
        )

    answer = ask(turn.most)
    if isinstance(answer, Proof) and answer.uncovered:
        # What no order of restarts can keep is not made worse than it has to be: one node at a time.
        if turn.going:
            return list(turn.going)
        answer = ask(1)
    match answer:
        case Blocked(why=why) if desired.rollout.unlocked:
            return _restarts(turn, turn.offered[:1], f"spec.unlockNextOperation overrules that {why}")
        case Blocked(why=why):
            return list(turn.going) or [Wait(seconds=BLOCKED_SECONDS, why=why)]
        case Proof(uncovered=uncovered) if uncovered and desired.rollout.strict:
            return [_strict(answer.why)]
        case Proof():
            chosen = tuple(pod for pod in turn.offered if pod.name in answer.nodes)
            return _restarts(turn, chosen, answer.why)


def _unproven(turn: Turn, desired: Desired, why: str) -> list[Action]:
    """Let one node go although nothing is proven, unless the user wants proofs only."""
    if desired.rollout.strict and not desired.rollout.unlocked:
        return [_strict(why)]
    if turn.going:
        return list(turn.going)
    return _restarts(turn, turn.offered[:1], f"one at a time while all others are up, unproven since {why}")


def _strict(why: str) -> Hold:
    path = "spec.rollout.onlyIfProven"
    return Hold(
        reason="NotProven", path=path, why=f"{path} is true and this is no full proof: {why}", seconds=30
    )


def _restarts(turn: Turn, pods: tuple[Pod, ...], proof: str) -> list[Action]:
    return [
        RestartPod(pod=pod.name, uid=pod.uid, why=f"{pod.name} restarts {turn.purpose}: {proof}")
        for pod in pods
    ]


def _unsettled(ownership: Ownership, observed: Observed) -> Iterator[Action]:
    """Yield what has to come to rest in the ring before a node goes down.

    Nodes of different releases never agree on the schema, so only those of one release have to.
    """
    releases = {
        pod.ip: view.release_version
        for pod in observed.pods()
        if (view := observed.ring.views().get(pod.name)) is not None
    }
    versions: dict[str, set[str]] = {}
    for version, addresses in ownership.schemas.items():
        for address in addresses:
            versions.setdefault(releases.get(address, ""), set()).add(version)
    if any(len(known) > 1 for release, known in versions.items() if release):
        yield Wait(seconds=GOSSIP_SECONDS, why="the nodes do not agree on the schema yet")
    for stream in ownership.streams:
        if stream.what not in _INTERRUPTIBLE:
            yield Wait(seconds=STREAM_SECONDS, why=f"{stream.pod} streams data ({stream.what})")
            return


def _down(layout: Layout, desired: Desired, observed: Observed) -> frozenset[str]:
    """Return the members of the ring that are not proven to be up, for whatever reason.

    An address in a data centre of ours that no pod has is a node that lost its pod. Elsewhere the word
    of the peers has to do.
    """
    ours = {pod.name: pod.ip or "" for pod in observed.pods()}
    up = {name for name in observed.members() if observed.ring.seen_down(ours[name]) is None}
    dcs = {names.split_rack_name(rack.name)[0] for rack in desired.racks}

    def is_down(node: str) -> bool:
        if node in ours or layout.places[node].dc in dcs:
            return node not in up
        return observed.ring.seen_down(node) is not None

    return frozenset(node for node in layout.nodes() if is_down(node))
