"""
Pods that came back with each other's addresses: one after the other is made again, if that is asked for.

When all machines restart at once, a pod may get the address that another one had. The ring still knows
that address as the other node, and so Cassandra refuses to start there, again and again. Another pod gets
another address, and keeps volume and host id.

Only that is mended: Cassandra ends in the pod, nothing else is wrong with it, every node that answers and
knows the address knows it as one and the same other node of ours, at no other address, and the data is on a
volume that stays. Not promised is that the next address is a free one: then the count begins anew. What is
not mended, or not yet, is said with what to do.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.api.v2 import names
from controller.domain.actions import Action, DeletePod, Hold, Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed, Pod, Rack, StatefulSet
from controller.domain.ring import Mode
from controller.domain.trouble import diagnose

PATH = "spec.restartCountBeforePodDeletion"
REASON = "AddressOfAnotherNode"
# A pod that no node can take yet may wait for long, and nothing tells of it.
_SECONDS = 10.0


@attrs.frozen(kw_only=True)
class _Crossed:
    """A pod in which Cassandra ends since *peer* knows its address as that of the pod *owner*."""

    pod: Pod
    ip: str
    owner: str
    peer: str
    # Whether its data outlives it.
    keeps: bool

    @property
    def why(self) -> str:
        return (
            f"{self.pod.name} came up with {self.ip}, which {self.peer} knows as the address of {self.owner}"
        )


def mend(desired: Desired, observed: Observed) -> list[Action]:
    """Return the deletion of one pod whose address is another's, or what is waited for; then the others'.

    Empty if there is no such pod.
    """
    found = list(_crossed(desired, observed))
    allowed = desired.restarts_allowed
    due = [each for each in found if each.keeps and 0 < allowed < each.pod.restarts]
    actions: list[Action] = []
    if due:
        busy = _coming_back(desired, observed)
        actions.append(_delete(due[0], allowed) if busy is None else Wait(seconds=_SECONDS, why=busy))
    return [*actions, *(_offer(each, allowed) for each in found if each not in due)]


def _delete(crossed: _Crossed, allowed: int) -> DeletePod:
    pod = crossed.pod
    why = (
        f"{crossed.why}, and where Cassandra does not start: after {pod.restarts} restarts, of which {PATH}"
        f" allows {allowed}, the pod is made again, with the same volume and another address"
    )
    return DeletePod(pod=pod.name, uid=pod.uid, why=why)


def _offer(crossed: _Crossed, allowed: int) -> Hold:
    """Say what becomes of a pod that is not to be deleted now."""
    pod = crossed.pod
    by_hand = f"`kubectl delete pod {pod.name}` gives it another address"
    if not crossed.keeps:
        what = f"it has no volume that would stay, so it is not deleted: {by_hand}, and takes its data away"
    elif allowed > 0:
        what = f"it is deleted after more than {allowed} restarts ({PATH}), of {pod.restarts} so far"
    else:
        what = f"{by_hand}, and {PATH} has that done"
    return Hold(reason=REASON, path=PATH, why=f"{crossed.why}; {what}")


def _crossed(desired: Desired, observed: Observed) -> Iterator[_Crossed]:
    """Yield the pods that have another's address and fail for it, in the order of the spec."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        for pod in rack.pods:
            cassandra = tuple(c for c in pod.containers if c.name == "cassandra" and not c.init)
            rest = tuple(c for c in pod.containers if c not in cassandra)
            trouble = diagnose(attrs.evolve(pod, containers=cassandra), want, observed.now)
            other = diagnose(attrs.evolve(pod, containers=rest), want, observed.now)
            if trouble is None or trouble.reason != "ContainerCrashes" or other is not None:
                # It serves, runs, goes, or would not come up elsewhere either.
                continue
            ip = pod.ip or ""
            owner = _owner(pod.name, ip, observed)
            if owner is not None:
                yield _Crossed(pod=pod, ip=ip, owner=owner[0], peer=owner[1], keeps=_keeps(pod, rack))


def _owner(name: str, ip: str, observed: Observed) -> tuple[str, str] | None:
    """Return the other pod that the ring knows at *ip*, and a node that says so; None unless all agree.

    A node that does not know the address says nothing; one that knows its owner at another one has heard
    that the owner moved: then the address is about to be free.
    """
    own = observed.hosts.get(name)
    views = {peer: view for peer, view in sorted(observed.ring.views().items()) if view.mode is Mode.NORMAL}
    said = {view.host_ids[ip]: peer for peer, view in reversed(views.items()) if ip in view.host_ids}
    if own is None or len(said) != 1:
        return None
    ((host_id, peer),) = said.items()
    if host_id == own or any(
        address != ip and known == host_id
        for view in views.values()
        for address, known in view.host_ids.items()
    ):
        return None
    # Where pods share the address of their machine, no other pod will get another one.
    if any(pod.ip == ip and pod.ready for pod in observed.pods()):
        return None
    owners = [pod for pod, known in sorted(observed.hosts.items()) if known == host_id]
    return (owners[0], peer) if owners else None


def _keeps(pod: Pod, rack: Rack) -> bool:
    """Tell whether the data of *pod* is on a volume that stays when the pod goes."""
    wanted = names.claim(names.DATA, pod.name)
    return any(claim.name == wanted and not claim.terminating for claim in rack.claims)


def _coming_back(desired: Desired, observed: Observed) -> str | None:
    """Return which known node is made again and has yet to show whether it comes up; None if none is."""
    # That one is not looked at here, be there a pod or not.
    leaver = observed.leaving.pod if observed.leaving is not None else None
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        for pod in rack.pods:
            if pod.name not in observed.hosts or pod.ready:
                continue
            if pod.terminating and not pod.cassandra_runs:
                return f"pod {pod.name} is being deleted; others with another's address follow"
            fresh = not pod.restarts and not pod.terminating and not pod.cassandra_started(observed.now)
            if fresh and diagnose(pod, want, observed.now) is None:
                return f"pod {pod.name} starts; others with another's address follow"
        for name in _missing(rack, rack.statefulset):
            if name in observed.hosts and name != leaver:
                return f"pod {name} is being created; others with another's address follow"
    return None


def _missing(rack: Rack, statefulset: StatefulSet | None) -> Iterator[str]:
    """Yield the pods that a StatefulSet will make next; CassKop's wait for the smaller ordinals."""
    if statefulset is None:
        return
    pods = {pod.ordinal: pod for pod in rack.pods}
    for ordinal in range(statefulset.running):
        pod = pods.get(ordinal)
        if pod is None:
            yield f"{statefulset.name}-{ordinal}"
        elif not pod.ready:
            return
