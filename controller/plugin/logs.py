"""`logs`: the operator's lines about one cluster, from every pod of the operator."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
import json
from typing import Any, Final

from controller.domain.errors import OperatorError
from controller.kube import kinds
from controller.kube.errors import check
from controller.kube.transport import Request
from controller.plugin.command import Command, cluster_argument
from controller.plugin.errors import DONE, StopError
from controller.plugin.session import SECONDS, Session
from controller.plugin.world import operator_pods

TAIL: Final = 5000
_FIRST: Final = ("timestamp", "level", "event")
# What every line about a cluster says again.
_KNOWN: Final = frozenset({*_FIRST, "controller", "namespace", "name", "logger"})


def of_cluster(lines: Iterable[str], namespace: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield the log entries that are about the cluster."""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        mine = isinstance(entry, dict) and entry.get("name") == name
        if mine and entry.get("namespace", namespace) == namespace:
            yield entry


def read_log(session: Session, pod: str, *, tail: int) -> list[str]:
    """Return the last lines of the operator's *pod*."""
    request = Request(
        method="GET",
        path=kinds.POD.path(session.namespace, pod, "log"),
        query={"tailLines": str(tail)},
        headers={"Accept": "*/*"},
        timeout=SECONDS,
    )
    body = check(session.transport.send(request), what=f"read the log of Pod {pod}")
    # One line alone looks like any JSON answer.
    return (body if isinstance(body, str) else json.dumps(body)).splitlines()


def operator_log(session: Session, name: str, *, tail: int = TAIL) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the entries about the cluster called *name*, oldest first, and what could not be read."""
    found: list[dict[str, Any]] = []
    unread: list[str] = []
    for pod in operator_pods(session):
        try:
            lines = read_log(session, pod["metadata"]["name"], tail=tail)
        except OperatorError as error:
            unread.append(str(error))
        else:
            found.extend(of_cluster(lines, session.namespace, name))
    return sorted(found, key=lambda entry: str(entry.get("timestamp", ""))), unread


def _logs(session: Session, given: argparse.Namespace) -> int:
    name = session.the_cluster(given.cluster)["metadata"]["name"]
    if not operator_pods(session):
        raise StopError(
            f"No pod of the operator (app=casskop) in namespace {session.namespace}: if it runs elsewhere,"
            " kubectl logs shows all of its lines"
        )
    entries, unread = operator_log(session, name, tail=given.tail)
    if unread and not entries:
        raise StopError(unread[0])
    for entry in entries:
        session.out.say(line(entry))
    session.out.result(entries)
    return DONE


def line(entry: dict[str, Any]) -> str:
    """Return a log entry as a line for people."""
    head = " ".join(str(entry[key]) for key in _FIRST if key in entry)
    rest = " ".join(f"{key}={entry[key]}" for key in sorted(entry) if key not in _KNOWN)
    return f"{head} {rest}".rstrip()


def _arguments(parser: argparse.ArgumentParser) -> None:
    cluster_argument(parser)
    parser.add_argument(
        "--tail", type=int, default=TAIL, help=f"how many of the operator's last lines to look at ({TAIL})"
    )


COMMANDS = (
    Command(
        name="logs", help="show the operator's log lines about a cluster", arguments=_arguments, run=_logs
    ),
)
