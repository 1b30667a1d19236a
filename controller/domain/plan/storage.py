"""
Data volumes that grow, while their nodes run.

- Claims first: one tells whether the storage can grow at all, the others follow once it has. What else is
  to be done goes on meanwhile, and nothing waits for a storage that fails.
- Then, rack after rack, the StatefulSet is taken away, without its pods, and made again with the new size,
  so that new pods get it too. A copy in status comes before, from which anyone can make it again.
- No pod is restarted. Nothing shrinks: volumes that are larger than asked for stay so.
- A claim that was asked for too much by mistake, and has not got it, is asked for less: for more than it has.
"""

from __future__ import annotations

from collections.abc import Iterator
import datetime as dt
from typing import assert_never

from controller.api.v2 import names, quantity
from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    DetachStatefulSet,
    GrowClaim,
    Hold,
    NoteResize,
    Wait,
)
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Claim, Expansion, Observed, Rack

# So many claims are asked for at a time; their events bring the next ones.
_AT_ONCE = 20
# A kubelet grows the file system of a running pod within a minute or two, where the storage can do that.
_ONLINE = dt.timedelta(minutes=3)
# No event tells of an edit of a storage class.
_CLASS_SECONDS = 30.0


def grow(desired: Desired, observed: Observed) -> list[Action]:
    """Return the claims to ask more for, and what is waited for of those that were asked."""
    short, rest = _short(desired, observed), list(_unfinished(desired, observed))
    actions: list[Action] = [*_corrected(desired, observed), *_refused(short, observed)]
    may = [each for each in short if _may_grow(each[1], observed)]
    for name in sorted({claim.storage_class or "" for _, claim in may}):
        actions += _of_one_class(
            [each for each in may if (each[1].storage_class or "") == name], desired, observed
        )
    return [*actions[:_AT_ONCE], *rest]


def taken_back(desired: Desired, observed: Observed) -> str | None:
    """Return what becomes of claims whose growth was taken back before they had it; None without any.

    Kubernetes lets a request become smaller, but not as small as what there is.
    """
    found = [
        (want, claim)
        for want, claim in _all(desired, observed)
        if not _less(claim.capacity, want.capacity)
        and _less(want.capacity, claim.requested)
        and _less(claim.capacity, claim.requested)
    ]
    if not found:
        return None
    want, claim = found[0]
    others = f" (and {len(found) - 1} others)" if len(found) > 1 else ""
    return (
        f"volume {claim.name}{others} still asks for {claim.requested}, which Kubernetes does not let be put"
        f" back to the {claim.capacity} that it has: nothing waits for it, and it stays that large if the"
        f" storage gives it after all; a {want.capacity_path} in between would be asked for instead"
    )


def classes(desired: Desired, observed: Observed) -> frozenset[str]:
    """Return the storage classes that have to allow what `grow` is about to ask for."""
    return frozenset(claim.storage_class for _, claim in _short(desired, observed) if claim.storage_class)


def exchange(desired: Desired, observed: Observed) -> list[Action]:
    """Return the next step to a StatefulSet that gives new pods volumes of the new size."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        have = rack.statefulset
        if have is None or have.terminating or not _less(have.capacity, want.capacity):
            continue
        if not all(_granted(claim, want) for claim in _claims(want, rack) if claim.phase == "Bound"):
            # The storage takes its time, and `grow` tells of it.
            continue
        if not have.settled:
            return [Wait(seconds=None, why=f"the StatefulSet of rack {want.name} takes up its newest spec")]
        if not have.copied:
            why = (
                f"the volumes of rack {want.name} have grown to {want.capacity}; its StatefulSet is copied to"
                " status, to be made again with that size"
            )
            return [NoteResize(rack=want.name, why=why)]
        return [
            DetachStatefulSet(
                rack=want.name,
                statefulset=have.name,
                uid=have.uid,
                generation=have.generation,
                why=f"the StatefulSet of rack {want.name} is made again for volumes of {want.capacity};"
                " its pods run on",
            )
        ]
    return []


def put_together(desired: Desired, observed: Observed) -> Iterator[ApplyStatefulSet]:
    """Yield the StatefulSets that are only copies, at the size that they had or their pods have.

    They get the new size of volumes if all of theirs were asked for it.
    """
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        copy = rack.copy
        if rack.statefulset is not None or copy is None:
            continue
        asked = all(not _less(c.requested, want.capacity) for c in _claims(want, rack) if c.phase == "Bound")
        grown = asked and _less(copy.capacity, want.capacity)
        size = f" with volumes of {want.capacity}" if grown else ""
        yield ApplyStatefulSet(
            rack=want.name,
            replicas=max([copy.replicas, *(pod.ordinal + 1 for pod in rack.pods)]),
            uid=None,
            capacity=want.capacity if grown else None,
            why=f"the StatefulSet of rack {want.name} is made again as it was{size}; its pods run on",
        )


def pending(want: DesiredRack, rack: Rack) -> bool:
    """Tell whether volumes of the rack are not as large as asked for, or a StatefulSet is taken apart."""
    if rack.copy is not None and rack.statefulset is None:
        return True
    have = rack.statefulset
    if have is None:
        return False
    if _less(have.capacity, want.capacity):
        return True
    return any(not _granted(claim, want) for claim in _claims(want, rack) if claim.phase == "Bound")


def begun(want: DesiredRack, rack: Rack) -> bool:
    """Tell whether volumes of the rack are growing: until then an edit undoes it without a trace."""
    if not pending(want, rack):
        return False
    if rack.copy is not None:
        return True
    return any(not _less(claim.requested, want.capacity) for claim in _claims(want, rack))


def _of_one_class(
    short: list[tuple[DesiredRack, Claim]], desired: Desired, observed: Observed
) -> Iterator[GrowClaim]:
    """Yield the claims to ask for; one, on trial, until the storage has shown that it can."""
    alike = [
        (want, claim)
        for want, claim in _all(desired, observed)
        if claim.storage_class == short[0][1].storage_class and not _less(claim.requested, want.capacity)
    ]
    trusted = any(_granted(claim, want) for want, claim in alike)
    if not trusted and alike:
        return
    for want, claim in short if trusted else short[:1]:
        trial = "" if trusted else "; the others follow once the storage has given it"
        yield GrowClaim(
            claim=claim.name,
            uid=claim.uid,
            capacity=str(want.capacity),
            why=f"volume {claim.name} grows from {claim.requested} to {want.capacity} without a restart"
            f"{trial}",
        )


def _corrected(desired: Desired, observed: Observed) -> Iterator[GrowClaim]:
    """Yield the claims to ask for less than before, since nobody wants that much any more."""
    leaver = _leaver(observed)
    for want, claim in _all(desired, observed):
        if _beyond(claim, want) and claim.name != leaver:
            yield GrowClaim(
                claim=claim.name,
                uid=claim.uid,
                capacity=str(want.capacity),
                instead_of=claim.requested,
                why=f"volume {claim.name}, which was asked for {claim.requested} and has {claim.capacity}, is"
                f" asked for {want.capacity} instead",
            )


def _refused(short: list[tuple[DesiredRack, Claim]], observed: Observed) -> Iterator[Hold]:
    """Yield why volumes do not grow, once a class and place in the spec."""
    said: set[tuple[str, str]] = set()
    for want, claim in short:
        name = claim.storage_class or ""
        if _may_grow(claim, observed) or (name, want.capacity_path) in said:
            continue
        said.add((name, want.capacity_path))
        put_back = f"put {want.capacity_path} back to {claim.requested}"
        yield Hold(
            reason="StorageCannotGrow",
            path=want.capacity_path,
            seconds=_CLASS_SECONDS,
            why=f"{want.capacity_path}: the volumes of rack {want.name} cannot grow to {want.capacity},"
            f" since {_reason(name, observed)}; {put_back}, or move to another data centre",
        )


def _reason(name: str, observed: Observed) -> str:
    found = observed.expansion.get(name, Expansion.UNREAD)
    match found:
        case Expansion.FORBIDDEN:
            return (
                f"storage class {name} does not allow it (allow it, if its driver can:"
                f" kubectl patch storageclass {name} -p '{{\"allowVolumeExpansion\": true}}')"
            )
        case Expansion.MISSING:
            return f"there is no storage class {name} any more"
        case Expansion.ALLOWED | Expansion.UNREAD:
            return "they have no storage class"
        case _:
            assert_never(found)


def _may_grow(claim: Claim, observed: Observed) -> bool:
    """Tell whether the class allows it; where it cannot be read, the API server will say."""
    if not claim.storage_class:
        return False
    return observed.expansion.get(claim.storage_class) in {Expansion.ALLOWED, Expansion.UNREAD}


def _unfinished(desired: Desired, observed: Observed) -> Iterator[Action]:
    """Yield what is waited for of claims that were asked for more."""
    waiting: list[str] = []
    seconds: list[float] = []
    for want, claim in _all(desired, observed):
        if _less(claim.requested, want.capacity) or not _less(claim.capacity, want.capacity):
            continue
        if _beyond(claim, want):
            # What is said of it is about another size.
            continue
        since = claim.restart_since
        if claim.trouble is not None:
            yield Hold(
                reason="VolumeGrowthFails",
                path=want.capacity_path,
                why=f"{want.capacity_path}: volume {claim.name} does not grow from {claim.capacity} to"
                f" {want.capacity}; the storage says: {claim.trouble}",
            )
        elif since is not None and observed.now - since >= _ONLINE:
            pod = claim.name.removeprefix(f"{names.DATA}-")
            yield Hold(
                reason="FileSystemResizePending",
                path=want.capacity_path,
                why=f"volume {claim.name} has grown, but its file system only grows when {pod} starts anew:"
                " change spec.restartedAt to have the nodes restarted one after the other",
            )
        else:
            waiting.append(claim.name)
            if since is not None:
                seconds.append((since + _ONLINE - observed.now).total_seconds())
    if waiting:
        listed = ", ".join(waiting[:3]) + (f" and {len(waiting) - 3} others" if len(waiting) > 3 else "")  # noqa: PLR2004 -- as many as are named
        yield Wait(
            seconds=min(seconds, default=None),
            why=f"{listed}: asked for more, and the storage has not given it yet"
            f" (if this lasts, `kubectl describe pvc {waiting[0]}` says why)",
        )


def _short(desired: Desired, observed: Observed) -> list[tuple[DesiredRack, Claim]]:
    """Return the claims that have to be asked for more; those of a node that leaves are not worth it."""
    leaver = _leaver(observed)
    return [
        (want, claim)
        for want, claim in _all(desired, observed)
        if _less(claim.requested, want.capacity) and claim.name != leaver
    ]


def _leaver(observed: Observed) -> str:
    """Return the name of the claim of a node that leaves; "" if none does."""
    return names.claim(names.DATA, observed.leaving.pod) if observed.leaving is not None else ""


def _beyond(claim: Claim, want: DesiredRack) -> bool:
    """Tell whether *claim* asks for more than is wanted, and has less."""
    return _less(want.capacity, claim.requested) and _less(claim.capacity, want.capacity)


def _all(desired: Desired, observed: Observed) -> Iterator[tuple[DesiredRack, Claim]]:
    """Yield the bound data claims that places of racks have, in order. Left-over ones are nobody's."""
    for want in desired.racks:
        rack = observed.racks.get(want.name, Rack())
        have = rack.statefulset or rack.copy
        if have is not None and have.capacity is not None:
            for claim in _claims(want, rack):
                if claim.phase == "Bound":
                    yield want, claim


def _claims(want: DesiredRack, rack: Rack) -> list[Claim]:
    """Return the data claims of the rack's places, by ordinal, without those that are missing or go."""
    by_name = {claim.name: claim for claim in rack.claims if not claim.terminating}
    wanted = (names.claim(names.DATA, f"{want.statefulset}-{ordinal}") for ordinal in range(rack.size))
    return [by_name[name] for name in wanted if name in by_name]


def _granted(claim: Claim, want: DesiredRack) -> bool:
    """Tell whether the storage has given what is asked for, and only a file system may have to follow."""
    if _less(claim.requested, want.capacity):
        return False
    return not _less(claim.capacity, want.capacity) or (
        claim.restart_since is not None and claim.trouble is None
    )


def _less(size: str | None, wanted: str | None) -> bool:
    """Tell whether *size* is known and below *wanted*; what cannot be read is not for us to judge."""
    if size is None or wanted is None:
        return False
    try:
        return quantity.parse(size) < quantity.parse(wanted)
    except quantity.QuantityError:
        return False
