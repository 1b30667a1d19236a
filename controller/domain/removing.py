"""
Members that are taken out of the ring for their users: what the ring says has become of one.

Which node it is was noted on the pod through which it is removed, and in status, before anybody was asked:
if that pod is lost, status tells. Whether it is out is the word of a majority of its peers; a call that
returned is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import datetime as dt

import attrs

from controller.domain.leaving import witnesses
from controller.domain.observed import Observed, Pod
from controller.domain.operations.kinds import NAMES, Remove, parse
from controller.domain.operations.pods import Running


@attrs.frozen(kw_only=True)
class Removal:
    """The removal of the node *host_id* through *worker*; *pod* is its own, if its place is to be emptied."""

    worker: Pod
    running: Running
    pod: str | None

    @property
    def host_id(self) -> str:
        """The node that is being removed."""
        return self.running.host_id

    @property
    def place(self) -> Mapping[str, str]:
        """What is to be taken away after it: uids by name."""
        return self.running.place


@attrs.frozen(kw_only=True)
class Orphan:
    """A removal as `Removal`, of which only status tells: the pod *through* which it was done is lost."""

    host_id: str
    pod: str | None
    place: Mapping[str, str]
    argument: str
    through: str
    since: dt.datetime | None

    @property
    def name(self) -> str:
        """What is noted on the pod that says that it is given up."""
        return f"{NAMES[Remove]} {self.host_id} {self.since.isoformat() if self.since is not None else ''}"


@attrs.frozen(kw_only=True)
class Out:
    """The node is out of the ring; *why* says who says so."""

    why: str


def under_way(observed: Observed) -> Iterator[Removal]:
    """Yield the removals that were begun and whose end is not noted."""
    for pod in observed.pods():
        running = pod.operation.running
        if running is None or not running.host_id:
            continue
        operation = parse(running.name, running.argument)
        if isinstance(operation, Remove):
            yield Removal(worker=pod, running=running, pod=operation.pod if running.place else None)


def orphan(observed: Observed) -> Orphan | None:
    """Return the removal that was begun through a pod that is lost, and that no other pod has taken up.

    One whose pod is there says itself how far it is. None if a pod says that it is given up.
    """
    noted = observed.operations.removal
    if noted is None or next(under_way(observed), None) is not None:
        return None
    if any(pod.uid == noted.through_uid for pod in observed.pods()):
        return None
    operation = parse(NAMES[Remove], noted.argument)
    named = operation.pod if isinstance(operation, Remove) and noted.place else None
    lost = Orphan(
        host_id=noted.host_id,
        pod=named,
        place=noted.place,
        argument=noted.argument,
        through=noted.through,
        since=noted.since,
    )
    return None if any(pod.operation.request == lost.name for pod in observed.pods()) else lost


def outcome(removal: Removal | Orphan, observed: Observed) -> Out | str:
    """Return that the node is out of the ring, or why that cannot be said."""
    heard = witnesses(removal.pod or "", observed)
    if isinstance(heard, str):
        return heard
    for peer, view in sorted(heard.items()):
        if removal.host_id in view.host_ids.values():
            return f"{peer} knows it as a member of the ring"
    return Out(why=f"none of the {len(heard)} nodes that answer knows {removal.host_id} any more")


def forgotten(observed: Observed) -> frozenset[str]:
    """Return the pods whose nodes were removed from the ring, whether or not their places are emptied.

    Who comes next under such a name is a new node, and none that was a member.
    """
    lost = orphan(observed)
    found: set[str] = set()
    for removal in (*under_way(observed), *(() if lost is None else (lost,))):
        if isinstance(outcome(removal, observed), Out):
            found |= owners(removal, observed)
    return frozenset(found)


def owners(removal: Removal | Orphan, observed: Observed) -> frozenset[str]:
    """Return the pod that the dead node was, as its user or status has it; none that is a member now."""
    known = {name for name, host_id in observed.hosts.items() if host_id == removal.host_id}
    named = {removal.pod} if removal.pod is not None else set()
    return frozenset(known | named) - observed.members()
