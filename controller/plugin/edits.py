"""
What is asked of a cluster by its spec: restarts, and that the next operation is not waited for.

A field is written over the spec as it was just seen, and nothing else of it. CassKop puts `rollingRestart`
back to false; this operator leaves the spec to its user, so a second restart is asked for by a date.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import datetime as dt
from http import HTTPStatus
from typing import Any, Final

import attrs

from controller.api.v2.defaults import DEFAULT_DC, DEFAULT_RACK
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


@attrs.frozen
class _Rack:
    """A rack as the operator has it, and the edit that has it restarted."""

    dc: str
    name: str
    edit: dict[str, Any]

    @property
    def full_name(self) -> str:
        return f"{self.dc}.{self.name}"


def _racks(spec: Object, now: float) -> Iterator[_Rack]:
    """Yield all racks, also those that are there because the topology leaves them out."""
    written = (spec.get("topology") or {}).get("dc") or ()
    if not written:
        yield _Rack(DEFAULT_DC, DEFAULT_RACK, _dated("/spec", now))
    for i, dc in enumerate(written):
        place = f"/spec/topology/dc/{i}"
        for j, rack in enumerate(dc.get("rack") or ()):
            yield _Rack(dc.get("name"), rack.get("name"), _asked_again(f"{place}/rack/{j}", rack, now))
        if not dc.get("rack"):
            yield _Rack(dc.get("name"), DEFAULT_RACK, _dated(place, now))


def _restart(session: Session, given: argparse.Namespace) -> int:
    cluster = session.cluster(given.crd)
    wanted = set(given.rack or given.dc or ())
    there = list(_racks(cluster["spec"], session.now()))
    chosen = [rack for rack in there if given.full or (rack.full_name if given.rack else rack.dc) in wanted]
    missing = sorted(wanted - {rack.full_name if given.rack else rack.dc for rack in chosen})
    if missing:
        known = ", ".join(rack.full_name for rack in there)
        raise StopError(f"No rack {', '.join(missing)} in the topology of {given.crd}: it has {known}")
    names = [rack.full_name for rack in chosen]
    for name in names:
        session.out.say(f"Trigger restart of {name}")
    write_spec(session, cluster, [rack.edit for rack in chosen])
    session.out.result({"namespace": session.namespace, "cluster": given.crd, "racks": names})
    return DONE


def _asked_again(path: str, rack: Object, now: float) -> dict[str, Any]:
    """Return the operation that has the rack restarted, also if it was asked for before."""
    if rack.get("rollingRestart"):
        return _dated(path, now)
    return {"op": "add", "path": f"{path}/rollingRestart", "value": True}


def _dated(path: str, now: float) -> dict[str, Any]:
    stamp = dt.datetime.fromtimestamp(now, dt.UTC).replace(microsecond=0)
    return {"op": "add", "path": f"{path}/restartedAt", "value": f"{stamp:%Y-%m-%dT%H:%M:%SZ}"}


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
