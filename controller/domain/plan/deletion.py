"""
What becomes of a cluster's volumes when the cluster is deleted: the rules, and the next steps.

With `deletePVC: true` the cluster keeps a finalizer, and its claims carry a mark: the uid of the cluster
whose pods have used them. Only marked claims are ever deleted, and only while no pod uses them. Names and
labels prove nothing: a cluster of the same name may have been here before.

Steps are made anew from what is left, so they may be interrupted after any of them. Claims that no pod
has used are not deleted: nobody knows whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs


@attrs.frozen(kw_only=True)
class Claim:
    """A PersistentVolumeClaim; *mark* is the uid of the cluster whose it is, None if nobody said."""

    name: str
    uid: str
    version: str
    mark: str | None = None
    terminating: bool = False


@attrs.frozen(kw_only=True)
class StatefulSet:
    """A StatefulSet that this very cluster owns."""

    name: str
    uid: str
    terminating: bool = False


@attrs.frozen(kw_only=True)
class Pod:
    """A pod with the cluster's label: the claims it mounts, and the uids of its owners."""

    name: str
    owners: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Left:
    """What is left of the cluster with *uid*; *orphans* names StatefulSets that have lost their owner."""

    uid: str
    statefulsets: tuple[StatefulSet, ...] = ()
    orphans: frozenset[str] = frozenset()
    pods: tuple[Pod, ...] = ()
    claims: tuple[Claim, ...] = ()


@attrs.frozen(kw_only=True)
class Mark:
    """Write on a claim whose it is."""

    claim: Claim
    why: str


@attrs.frozen(kw_only=True)
class DeleteStatefulSet:
    """Delete a rack; its pods stop as they do in a scale-down, each in its own time."""

    statefulset: StatefulSet
    why: str


@attrs.frozen(kw_only=True)
class DeleteClaim:
    """Delete a claim, and with it the data, as its storage class has it."""

    claim: Claim
    why: str


@attrs.frozen(kw_only=True)
class Wait:
    """Something is still going."""

    why: str


@attrs.frozen(kw_only=True)
class Release:
    """Take our finalizer away: the cluster goes, and Kubernetes deletes what it owns."""

    why: str


Step = Mark | DeleteStatefulSet | DeleteClaim | Wait | Release


def unmarked(left: Left) -> tuple[Mark, ...]:
    """Return the claims that are to be marked: those that pods of this cluster's StatefulSets use."""
    mine = {one.uid for one in left.statefulsets}
    used = {claim: pod.name for pod in left.pods if pod.owners & mine for claim in pod.claims}
    return tuple(
        Mark(claim=claim, why=f"{claim.name} holds the data of {used[claim.name]}, a pod of this cluster")
        for claim in left.claims
        if claim.name in used and claim.mark != left.uid and not claim.terminating
    )


def steps(left: Left, *, delete_pvc: bool, orphan: bool) -> tuple[Step, ...]:
    """Return what to do now about a cluster that is being deleted; never nothing.

    *orphan* tells that its user deletes it with `--cascade=orphan`: all that it owns is to stay.
    """
    if not delete_pvc:
        return (Release(why="spec.deletePVC is not true: the volumes stay"),)
    if orphan:
        return (Release(why="it is deleted with --cascade=orphan: pods and volumes stay"),)
    marks = unmarked(left)
    if marks:
        return marks
    running = [one for one in left.statefulsets if not one.terminating]
    if running:
        return tuple(
            DeleteStatefulSet(
                statefulset=one,
                why=f"the cluster is deleted with its volumes: {one.name} goes first",
            )
            for one in running
        )
    return _claims(left)


def _claims(left: Left) -> tuple[Step, ...]:
    """Return what to do once no StatefulSet makes pods any more."""
    mine = [c for c in left.claims if c.mark == left.uid and not _of_orphan(c.name, left.orphans)]
    names = {claim.name for claim in mine}
    using = sorted(pod.name for pod in left.pods if pod.claims & names)
    if left.statefulsets or using:
        what = _several(using or [one.name for one in left.statefulsets])
        return (Wait(why=f"volumes are deleted once nothing uses them any more; still there: {what}"),)
    asked = [claim for claim in mine if not claim.terminating]
    if asked:
        return tuple(
            DeleteClaim(claim=claim, why=f"spec.deletePVC: {claim.name} is this cluster's and unused")
            for claim in asked
        )
    if mine:
        return (Wait(why=f"Kubernetes deletes the volumes {_several(sorted(names))}"),)
    return (Release(why="the cluster's volumes are gone"),)


def _of_orphan(claim: str, orphans: Iterable[str]) -> bool:
    """Tell whether a claim, `<volume>-<StatefulSet>-<ordinal>`, is for one of the StatefulSets *orphans*."""
    return any(claim.rpartition("-")[0].endswith(f"-{name}") for name in orphans)


def _several(names: Iterable[str], most: int = 5) -> str:
    """Return *names* in a sentence, not all of very many."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
