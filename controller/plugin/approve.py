"""
`approve`: let the operator carry out an edit that waits, as `spec.changePolicy: Approve` has it.

An approval names what stands in `status.pendingChange`: one edit, in one state of the cluster. It is written
over the object as it was just shown, so that nothing else is approved by it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import datetime as dt
import sys

import attrs

from controller.api.v2 import names
from controller.domain.errors import ConflictError
from controller.kube import kinds
from controller.plugin.command import Command, cluster_argument
from controller.plugin.errors import DONE, STOPPED, StopError
from controller.plugin.forecast import Forecast, forecast
from controller.plugin.session import Object, Session
from controller.plugin.world import read


def _approve(session: Session, given: argparse.Namespace) -> int:
    session.require_ours()
    cluster = session.the_cluster(given.cluster)
    name = cluster["metadata"]["name"]
    pending = waiting(cluster)
    if given.hash and given.hash != pending["hash"]:
        raise StopError(
            f"{given.hash} is not what waits for approval: the edit or the cluster has changed since, and"
            f" {pending['hash']} waits now. Look at kubectl casskop plan {name} before you approve that"
        )
    session.out.say(f"Waits for approval, hash {pending['hash']}", *(f"  {c}" for c in pending["changes"]))
    found = foreseen(session, cluster, pending["hash"])
    session.out.say(
        f"The operator will take {len(found.steps)} steps (kubectl casskop plan {name} shows them):"
        f" {len(found.restarts)} restarts, {len(found.joins)} nodes join, {len(found.leaves)} leave"
    )
    if not (given.hash or given.yes) and not _agreed(session, input):
        session.out.say("Nothing was approved")
        return STOPPED
    try:
        session.client.merge_patch(
            kinds.CASSANDRA_CLUSTER,
            session.namespace,
            name,
            {"metadata": {"annotations": {names.APPROVED: pending["hash"]}}},
            uid=cluster["metadata"]["uid"],
            resource_version=cluster["metadata"]["resourceVersion"],
        )
    except ConflictError:
        raise StopError(f"CassandraCluster {name} has just changed: nothing was approved") from None
    session.out.say(f"Approved {pending['hash']}")
    session.out.result({"namespace": session.namespace, "cluster": name, "approved": pending["hash"]})
    return DONE


def waiting(cluster: Object) -> Object:
    """Return the edit of *cluster* that waits; `StopError` if there is none, or the operator is behind."""
    status, metadata = cluster.get("status") or {}, cluster["metadata"]
    name = metadata["name"]
    if status.get("observedGeneration") != metadata.get("generation"):
        raise StopError(f"The operator has not looked at the newest spec of {name} yet: try again")
    pending = status.get("pendingChange")
    if not pending:
        raise StopError(f"Nothing waits for approval in CassandraCluster {name}")
    return dict(pending)


def foreseen(session: Session, cluster: Object, approval: str) -> Forecast:
    """Return what will happen once *cluster*'s edit is approved."""
    annotations = {**(cluster["metadata"].get("annotations") or {}), names.APPROVED: approval}
    approved = {**cluster, "metadata": {**cluster["metadata"], "annotations": annotations}}
    world = attrs.evolve(read(session, cluster), cluster=approved)
    return forecast(world, dt.datetime.fromtimestamp(session.now(), dt.UTC))


def _agreed(session: Session, ask: Callable[[str], str]) -> bool:
    """Ask the user; `StopError` where nobody can answer."""
    if session.out.as_json or not sys.stdin.isatty():
        raise StopError("Nobody is there to agree: say --yes, or name the hash by --hash")
    return ask("Approve? [y/N] ").strip().lower() in ("y", "yes")


def _arguments(parser: argparse.ArgumentParser) -> None:
    cluster_argument(parser)
    parser.add_argument("--hash", help="approve this very hash, and nothing else")
    parser.add_argument("-y", "--yes", action="store_true", help="approve what waits now without being asked")


COMMANDS = (
    Command(
        name="approve",
        help="let the operator carry out an edit that waits for approval",
        arguments=_arguments,
        run=_approve,
        epilog="Edits wait in clusters with spec.changePolicy: Approve.",
    ),
)
