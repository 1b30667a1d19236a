"""
What is asked of a cluster by its spec: restarts, and that the next operation is not waited for.

A field is written over the spec as it was just seen, and nothing else of it. CassKop puts `rollingRestart`
back to false; this operator leaves the spec to its user, so a second restart is asked for by a date.
"""

from __future__ import annotations

import argparse
import datetime as dt
from http import HTTPStatus
from typing import Any, Final

from controller.domain.errors import ConflictError
from controller.kube import kinds
from controller.kube.errors import check
from controller.kube.transport import Request
from controller.plugin.command import Command
from controller.plugin.errors import DONE, StopError
from controller.plugin.session import FIELD_MANAGER, SECONDS, Object, Session

_JSON_PATCH: Final = "application/json-patch+json"


def write_spec(session: Session, cluster: Object, operations: list[dict[str, Any]]) -> None:
    """Carry out JSON patch *operations* on *cluster*, if it is as it was read."""
    metadata = cluster["metadata"]
    seen = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}
    request = Request(
        method="PATCH",
        path=kinds.CASSANDRA_CLUSTER.path(session.namespace, metadata["name"]),
        query={"fieldManager": FIELD_MANAGER},
        headers={"Content-Type": _JSON_PATCH},
        body=[seen, *operations],
        timeout=SECONDS,
    )
    answer = session.transport.send(request)
    if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise ConflictError(f"CassandraCluster {metadata['name']} has changed")
    check(answer, what=f"edit CassandraCluster {metadata['name']}")


def _restart(session: Session, given: argparse.Namespace) -> int:
    cluster = session.cluster(given.crd)
    wanted = set(given.rack or given.dc or ())
    operations: list[dict[str, Any]] = []
    found: list[str] = []
    matched: set[str] = set()
    for i, dc in enumerate(((cluster["spec"].get("topology") or {}).get("dc")) or ()):
        for j, rack in enumerate(dc.get("rack") or ()):
            name = f"{dc.get('name')}.{rack.get('name')}"
            match = name if given.rack else dc.get("name")
            if given.full or match in wanted:
                matched.add(match)
                found.append(name)
                operations.append(_asked_again(f"/spec/topology/dc/{i}/rack/{j}", rack, session.now()))
    missing = sorted(wanted - matched)
    if missing or not found:
        there = ", ".join(
            f"{dc.get('name')}.{rack.get('name')}"
            for dc in (cluster["spec"].get("topology") or {}).get("dc") or ()
            for rack in dc.get("rack") or ()
        )
        raise StopError(
            f"No rack {', '.join(missing) or 'is'} in the topology of {given.crd}: it has {there or 'none'}"
        )
    for name in found:
        session.out.say(f"Trigger restart of {name}")
    write_spec(session, cluster, operations)
    session.out.result({"namespace": session.namespace, "cluster": given.crd, "racks": found})
    return DONE


def _asked_again(path: str, rack: Object, now: float) -> dict[str, Any]:
    """Return the operation that has the rack restarted, also if it was asked for before."""
    if rack.get("rollingRestart"):
        stamp = dt.datetime.fromtimestamp(now, dt.UTC).replace(microsecond=0)
        return {"op": "add", "path": f"{path}/restartedAt", "value": f"{stamp:%Y-%m-%dT%H:%M:%SZ}"}
    return {"op": "add", "path": f"{path}/rollingRestart", "value": True}


def _unlock(session: Session, given: argparse.Namespace) -> int:
    cluster = session.the_cluster(given.cluster)
    value = not given.off
    write_spec(session, cluster, [{"op": "add", "path": "/spec/unlockNextOperation", "value": value}])
    name = cluster["metadata"]["name"]
    session.out.say(f"Set spec.unlockNextOperation of {name} to {str(value).lower()}")
    if value:
        session.out.say("It holds until kubectl casskop unlock --off")
    session.out.result({"namespace": session.namespace, "cluster": name, "unlockNextOperation": value})
    return DONE


def _restart_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--crd", required=True, help="name of the CassandraCluster")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--rack", nargs="+", metavar="dc.rack", help="racks to restart")
    group.add_argument("--dc", nargs="+", help="data centres to restart")
    group.add_argument("--full", action="store_true", help="restart all racks")


def _unlock_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cluster", nargs="?", help="name of the CassandraCluster")
    parser.add_argument("--off", action="store_true", help="wait for proofs again")


COMMANDS = (
    Command(
        name="restart",
        help="restart the nodes of racks, one after the other",
        arguments=_restart_arguments,
        run=_restart,
    ),
    Command(
        name="unlock",
        help="go on where a proof is missing, one node at a time",
        arguments=_unlock_arguments,
        run=_unlock,
    ),
)
