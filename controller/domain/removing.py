"""
Members that are taken out of the ring for their users: what the ring says has become of one.

Which node it is was noted on the pod through which it is removed, before anybody was asked. Whether it is
out is the word of a majority of its peers; a call that returned is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.domain.leaving import witnesses
from controller.domain.observed import Observed, Pod
from controller.domain.operations.kinds import Remove, parse
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


def outcome(removal: Removal, observed: Observed) -> Out | str:
    """Return that the node is out of the ring, or why that cannot be said."""
    heard = witnesses(removal.pod or "", observed)
    if isinstance(heard, str):
        return heard
    for peer, view in sorted(heard.items()):
        if removal.host_id in view.host_ids.values():
            return f"{peer} knows it as a member of the ring"
    return Out(why=f"none of the {len(heard)} nodes that answer knows {removal.host_id} any more")


def forgotten(observed: Observed) -> frozenset[str]:
    """Return the pods whose nodes were removed from the ring, and whose places are being emptied.

    Who comes next under such a name is a new node, and none that was a member.
    """
    return frozenset(
        removal.pod
        for removal in under_way(observed)
        if removal.pod is not None
        and removal.pod not in observed.members()
        and isinstance(outcome(removal, observed), Out)
    )
