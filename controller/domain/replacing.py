"""
Nodes that are dead for good, and whose pods come back with an empty disk: whose place they take.

A node that lost its disk is not the member that it was. If its peers still know that one, and believe it to
be down, the new node takes its place, tokens and all; else it would join beside it. Who is dead is for a
majority of the peers to say, and the last address that it was known under is what it is called by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import datetime as dt

import attrs

from controller.api.v2 import names
from controller.domain.leaving import witnesses
from controller.domain.observed import Claim, Observed, Pod, Rack

# A StatefulSet makes the claims of a pod right before it.
_TOGETHER = dt.timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class Dead:
    """A member that its peers believe to be down, under the *address* that they know it by."""

    pod: str
    address: str
    host_id: str


def dead(name: str, observed: Observed) -> Dead | str:
    """Return the member that the pod called *name* was, if it is down for all that answer; else why not."""
    host_id, address = observed.hosts.get(name), observed.addresses.get(name)
    if name not in observed.joined or not host_id or not address:
        return f"{name} is not known to have been a member"
    if name in observed.members():
        return f"{name} serves"
    heard = witnesses(name, observed)
    if isinstance(heard, str):
        return heard
    for peer, view in sorted(heard.items()):
        if view.host_ids.get(address) != host_id:
            return f"{peer} does not know {name} as {host_id} at {address}"
        if address not in view.unreachable:
            return f"{peer} does not believe {name} to be down"
    return Dead(pod=name, address=address, host_id=host_id)


def replaced(observed: Observed) -> Mapping[str, str]:
    """Return the addresses of dead nodes by the pods that take their places: those that lost their disk.

    A pod is there until its node serves, however often that fails to start.
    """
    found = {}
    for pod in _anew(observed):
        node = dead(pod.name, observed)
        if isinstance(node, Dead):
            found[pod.name] = node.address
    return found


def undecided(observed: Observed) -> Mapping[str, str]:
    """Return the pods that lost their disk and cannot be told yet whose place they take, each with why not.

    A pod is only waiting for that until Cassandra starts in it.
    """
    found = {}
    for pod in _anew(observed):
        node = dead(pod.name, observed)
        known = pod.name in observed.hosts and pod.name in observed.addresses
        if isinstance(node, str) and known and pod.name in observed.joined and not _has_run(pod):
            found[pod.name] = node
    return found


def _anew(observed: Observed) -> Iterator[Pod]:
    """Yield the pods that start, on another disk than their node had."""
    for rack in observed.racks.values():
        for pod in rack.pods:
            claim = _claim(pod, rack)
            lost = claim is not None and claim.node in observed.lost_machines and pod.node is None
            if (lost or _is_new(pod, rack, observed)) and not pod.terminating and not pod.ready:
                yield pod


def disk(pod: Pod, rack: Rack) -> str | None:
    """Return the uid of what the data of *pod* is on: its claim, or itself; None if that cannot be told."""
    claim = _claim(pod, rack)
    if claim is not None:
        return claim.uid
    made_from = rack.statefulset if rack.statefulset is not None else rack.copy
    return pod.uid if made_from is not None and made_from.capacity is None else None


def _claim(pod: Pod, rack: Rack) -> Claim | None:
    return next((claim for claim in rack.claims if claim.name == names.claim(names.DATA, pod.name)), None)


def _is_new(pod: Pod, rack: Rack, observed: Observed) -> bool:
    """Tell whether the disk of *pod* is another one than its node had when it was a member."""
    claim, had = _claim(pod, rack), observed.disks.get(pod.name)
    if had is None:
        return _fresh(pod, claim)
    return disk(pod, rack) != had and not (claim is not None and claim.terminating)


def _has_run(pod: Pod) -> bool:
    """Tell whether Cassandra has been started in *pod*."""
    return any(
        c.name == "cassandra" and (c.running or c.restarts or c.exit_code is not None) for c in pod.containers
    )


def _fresh(pod: Pod, claim: Claim | None) -> bool:
    """Tell whether the disk of *pod* was made together with it, and Cassandra has yet to see it.

    That is what there is to go by for nodes whose disks no status has told of.
    """
    if _has_run(pod):
        return False
    if claim is None or claim.created is None or pod.created is None:
        return claim is None
    return not claim.terminating and claim.created >= pod.created - _TOGETHER
