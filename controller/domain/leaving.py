"""
Nodes that leave the ring: what is known of one on its way out, and what the ring says has become of it.

The intent is durable, in status; whether a node has left is the word of its peers alone. A node that is
not heard of is not gone, and a call that returned is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import datetime as dt
from typing import TYPE_CHECKING, Final

import attrs

from controller.domain.ring import Mode, View

if TYPE_CHECKING:
    from controller.domain.observed import Observed, Pod


# A disk that is older than its pod by more than this was there for an earlier one.
WITH_ITS_DISK: Final = dt.timedelta(seconds=10)
# How long a JVM takes at most until its agent answers.
JVM_STARTS: Final = dt.timedelta(seconds=60)


@attrs.frozen
class NotCalled:
    """This process has not called the node for this purpose; an earlier one may have."""


@attrs.frozen
class Held:
    """The call to the node is under way."""


@attrs.frozen(kw_only=True)
class Ended:
    """The call ended; *failure* is what it ended with, None if it returned. Neither proves anything.

    *lost* tells that no answer came, which says less still. *remark* is what its user should know of a call
    that returned.
    """

    failure: str | None = None
    lost: bool = False
    remark: str | None = None


Call = NotCalled | Held | Ended


@attrs.frozen(kw_only=True)
class Leaving:
    """A node on its way out of *rack*, as status has it; *begun* dates the last try.

    *proven*: it is out of the ring, or never was in it, and what it leaves is being taken away.
    """

    rack: str
    pod: str
    begun: dt.datetime | None = None
    proven: bool = False
    call: Call = attrs.field(factory=NotCalled)

    def call_id(self, pod: Pod) -> str:
        """Return the name of the one call that this try makes to the Cassandra process in *pod*."""
        return f"decommission {pod.uid} {pod.restarts} {self.begun.isoformat() if self.begun else ''}"


@attrs.frozen(kw_only=True)
class Gone:
    """Most of its peers were asked, and none knows the node; *member* if it once was one."""

    why: str
    member: bool


@attrs.frozen(kw_only=True)
class Member:
    """Some peer knows the node as a member, up or down."""

    why: str


@attrs.frozen(kw_only=True)
class Leaves:
    """Some peer sees the node leaving."""

    why: str


@attrs.frozen(kw_only=True)
class Joins:
    """The node is joining, and nobody counts on it yet."""

    why: str


@attrs.frozen(kw_only=True)
class Unknown:
    """Too few could be asked, or it is not known for whom to ask."""

    why: str


Fate = Gone | Member | Leaves | Joins | Unknown


def fate(name: str, observed: Observed) -> Fate:
    """Return what the peers of the pod called *name* say of its node, be there such a pod or not."""
    pod = next((p for p in observed.pods() if p.name == name), None)
    host_id, ip = observed.hosts.get(name), pod.ip if pod is not None else None
    member = name in observed.joined
    views = witnesses(name, observed)
    if isinstance(views, str):
        return Unknown(why=views)
    if member and host_id is None and ip is None:
        return Unknown(why=f"the host id of {name} is not known, so that nobody can be asked for it")
    said = list(_said(name, host_id, ip, views))
    for kind in (Leaves, Member, Joins):
        for each in said:
            if isinstance(each, kind):
                return each
    # Without an address it might be known under another host id than the last that we know of; without a
    # host id, at an address that it had before.
    elsewhere = None in {ip, host_id} and (member or not _never_ran(name, observed))
    stranger = _stranger(views, observed, anywhere=host_id is None) if elsewhere else None
    if stranger is not None:
        return Unknown(why=stranger)
    if _serves(name, observed):
        # Peers hear that a node leaves before it is done; one that serves was lost sight of.
        return Unknown(
            why=f"{name} serves as a member, and none of the {len(views)} peers that answer knows it"
        )
    if pod is not None and not member and _reads_its_disk(pod, observed):
        # It may have joined in the moment in which all of them stopped, before anybody heard of it.
        return Unknown(why=f"{name} starts from a disk that was used, and has not said yet if it had joined")
    word = "has left the ring" if member else "never joined the ring"
    counted = f"none of the {len(views)} nodes that answer knows it"
    return Gone(why=f"{name} {word}: {counted}", member=member)


def _said(
    name: str, host_id: str | None, ip: str | None, views: Mapping[str, View]
) -> Iterator[Leaves | Member | Joins]:
    """Yield what each peer that knows the node has to say of it."""
    for peer, view in sorted(views.items()):
        found = {a for a, known in view.host_ids.items() if a == ip or known == host_id}
        if found & view.leaving:
            yield Leaves(why=f"{peer} sees {name} leaving")
        elif found & view.joining:
            yield Joins(why=f"{peer} sees {name} joining")
        elif found:
            yield Member(why=f"{peer} knows {name} as a member of the ring")


def witnesses(name: str, observed: Observed) -> Mapping[str, View] | str:
    """Return the views of the peers of *name*, or why they are too few to go by.

    A peer that does not know itself and all others that answer has not heard of the ring as it is: that it
    does not know a node says nothing. One whose pod is yet to come does not answer.
    """
    peers = {p.name: p.ip for p in observed.pods() if p.name != name and p.name in observed.joined}
    for member in observed.joined - peers.keys() - {name}:
        if has_place(member, observed):
            peers[member] = None
    views = observed.ring.views()
    answering = [peer for peer in peers if peer in views and views[peer].mode is Mode.NORMAL]
    others = {peers[peer] or "" for peer in answering}
    heard = {peer: views[peer] for peer in answering if others <= views[peer].host_ids.keys()}
    if 2 * len(heard) <= len(peers) or not heard:
        return (
            f"{len(heard)} of {len(peers)} peers of {name} answer and know each other, which is no majority"
        )
    return heard


def forgotten(observed: Observed) -> frozenset[str]:
    """Return who was a member, has left the ring, and has neither pod nor place any more.

    Also one that a record of the past brought back after its host id was dropped: a record is never wrong
    for good.
    """
    pods = {pod.name for pod in observed.pods()}
    busy = observed.leaving.pod if observed.leaving is not None else None
    return frozenset(
        name
        for name in observed.joined
        if name not in pods and name != busy and not has_place(name, observed) and _is_out(name, observed)
    )


def _is_out(name: str, observed: Observed) -> bool:
    """Tell whether the node of a pod that is no more is out of the ring.

    Nobody can be asked for one without a host id; but if the ring has none that is unknown, it is not in it.
    """
    if name in observed.hosts:
        return isinstance(fate(name, observed), Gone)
    views = witnesses(name, observed)
    if isinstance(views, str) or observed.claims_of(name):
        return False
    return _stranger(views, observed, anywhere=True) is None


def _serves(name: str, observed: Observed) -> bool:
    """Tell whether the node in the pod called *name* says that it is a member, and takes requests."""
    return any(view.mode is Mode.NORMAL and view.native_transport for view in _own_words(name, observed))


def _own_words(name: str, observed: Observed) -> Iterator[View]:
    """Yield what the node in the pod called *name* says of itself."""
    on_its_way = observed.leaving is not None and observed.leaving.pod == name
    for own in (observed.ring.answers.get(name), observed.leaver if on_its_way else None):
        if isinstance(own, View):
            yield own


def _reads_its_disk(pod: Pod, observed: Observed) -> bool:
    """Tell whether the node in *pod* is about to find out from its disk whether it is a member.

    One that loops or hangs is not waited for: between two starts nothing runs, and one that says nothing
    at all has JVM_STARTS for it.
    """
    cassandra = next((c for c in pod.containers if c.name == "cassandra" and c.running), None)
    if cassandra is None or cassandra.started or cassandra.since is None or pod.created is None:
        return False
    disk = min((c.created for c in observed.claims_of(pod.name) if c.created is not None), default=None)
    used = cassandra.restarts > 0 or (disk is not None and disk + WITH_ITS_DISK < pod.created)
    words = list(_own_words(pod.name, observed))
    if words:
        return used and all(view.mode is Mode.STARTING for view in words)
    return used and observed.now < cassandra.since + JVM_STARTS


def has_place(name: str, observed: Observed) -> bool:
    """Tell whether some StatefulSet will make the pod called *name*."""
    owner, _, ordinal = name.rpartition("-")
    return any(
        rack.statefulset is not None
        and rack.statefulset.name == owner
        and (not ordinal.isdecimal() or int(ordinal) < rack.statefulset.replicas)
        for rack in observed.racks.values()
    )


def _never_ran(name: str, observed: Observed) -> bool:
    """Tell whether the volumes of the pod called *name* were never used: then it never was in any ring."""
    mine = observed.claims_of(name)
    return bool(mine) and all(claim.phase != "Bound" for claim in mine)


def _stranger(views: Mapping[str, View], observed: Observed, *, anywhere: bool) -> str | None:
    """Return a sentence on a node without a pod that may be the one that is asked for, if there is any.

    A dead one, unless *anywhere*: peers may take a while to notice. A ring may have nodes of other clusters.
    """
    ours = {pod.ip for pod in observed.pods()}
    known = set(observed.hosts.values())
    for peer, view in sorted(views.items()):
        for address, host_id in sorted(view.host_ids.items()):
            foreign = address not in ours and host_id not in known
            if foreign and (anywhere or address in view.joining | view.unreachable):
                return f"{peer} still knows a node at {address} that has no pod"
    return None
