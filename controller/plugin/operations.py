"""
Operations on pods, started by labels: CassKop's protocol, to the letter.

The plugin writes `operation-name`, `operation-status` and `operation-argument`; what happens then is the
operator's. A label is written over the pod as it was just seen, so that one that was begun meanwhile is
never set back to the beginning.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
import ipaddress
import re
import textwrap
from typing import Any, Final
import uuid

from controller.api.v2 import names
from controller.api.v2.cluster import ActionStatus, OperationName
from controller.domain.errors import ConflictError, NotFoundError
from controller.domain.operations.kinds import NAMES, Unusable, may_be_stopped, parse
from controller.kube import kinds
from controller.plugin.command import Command
from controller.plugin.errors import DONE, StopError
from controller.plugin.session import Object, Session, serves

_BUSY: Final = frozenset({ActionStatus.ONGOING.value, ActionStatus.FINALIZING.value})
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_TRIES: Final = 3


def known_operations() -> tuple[str, ...]:
    """Return what may be asked for by labels."""
    return tuple(sorted(NAMES.values()))


def selected(
    session: Session,
    *,
    pod: str | None,
    prefix: str | None,
    operation: str | None = None,
    status: frozenset[str] = frozenset(),
) -> list[Object]:
    """Return the running pods called *pod*, or with *prefix* in their name.

    With *status* they carry *operation* in one of these; without, those that are busy are left out.
    `StopError` if there are none.
    """
    chosen, busy, idle = [], [], []
    for each in sorted(session.pods(), key=lambda obj: str(obj["metadata"]["name"])):
        name, labels = each["metadata"]["name"], each["metadata"].get("labels") or {}
        if name != pod if pod is not None else (prefix or "") not in name:
            continue
        has = labels.get(names.OPERATION_STATUS)
        if (each.get("status") or {}).get("phase") != "Running":
            idle.append(name)
        elif status:
            if labels.get(names.OPERATION_NAME) == operation and has in status:
                chosen.append(each)
        elif has in _BUSY:
            busy.append(name)
        else:
            chosen.append(each)
    if not chosen:
        raise StopError(f"No pods found for operation{_why_none(busy, idle, operation, status)}")
    return chosen


def _why_none(busy: list[str], idle: list[str], operation: str | None, status: frozenset[str]) -> str:
    if status:
        return f": none is labelled {operation} and {' or '.join(sorted(status, reverse=True))}"
    if busy:
        return f": {', '.join(busy)} is at another one (kubectl casskop status shows it)"
    if idle:
        return f": {', '.join(idle)} does not run"
    return ": no pod of a CassandraCluster has such a name in this namespace"


def label(  # noqa: PLR0913 -- what is written, by name
    session: Session,
    pods: Iterable[Object],
    *,
    operation: str,
    status: str,
    argument: str | None = None,
    keep_argument: bool = False,
    saying: Callable[[str], str] | None = None,
) -> list[dict[str, str]]:
    """Write the labels of each of *pods*, say so, and return what was written.

    Without an *argument* that of an earlier operation goes, unless *keep_argument*.
    """
    done: list[dict[str, str]] = []
    labels: dict[str, str | None] = {names.OPERATION_NAME: operation, names.OPERATION_STATUS: status}
    if argument is not None or not keep_argument:
        labels[names.OPERATION_ARGUMENT] = argument
    for pod in pods:
        name = str(pod["metadata"]["name"])
        if saying is None:
            session.out.say(f"Set status of operation {operation} on pod {name} to {status}")
        else:
            session.out.say(saying(name))
        _write(session, pod, labels)
        done.append(
            {"pod": name, "operation": operation, "status": status}
            | ({"argument": argument} if argument else {})
        )
    return done


def _write(session: Session, pod: Object, labels: dict[str, str | None]) -> None:
    """Write *labels* while the pod's own operation labels are as they were seen."""
    name, seen = pod["metadata"]["name"], _protocol(pod)
    for _ in range(_TRIES):
        try:
            session.client.merge_patch(
                kinds.POD,
                session.namespace,
                name,
                {"metadata": {"labels": labels}},
                uid=pod["metadata"]["uid"],
                resource_version=pod["metadata"]["resourceVersion"],
            )
        except NotFoundError:
            raise StopError(f"Pod {name} is gone") from None
        except ConflictError:
            # A status of the kubelet's, most likely; only a change of these labels is ours to mind.
            pod = session.client.get(kinds.POD, session.namespace, name)
            if _protocol(pod) != seen:
                raise StopError(f"The operation of pod {name} was changed meanwhile: try again") from None
        else:
            return
    raise StopError(f"Pod {name} changes all the time: try again")


def _protocol(pod: Object) -> tuple[Any, ...]:
    labels = pod["metadata"].get("labels") or {}
    return (
        pod["metadata"]["uid"],
        labels.get(names.OPERATION_NAME),
        labels.get(names.OPERATION_STATUS),
        labels.get(names.OPERATION_START),
    )


def checked_argument(argument: str) -> str:
    """Return *argument*; `StopError` if no label can hold it."""
    if not _LABEL_VALUE.fullmatch(argument):
        raise StopError(
            f"{argument!r} cannot be the argument of an operation: it becomes a label's value, at most 63"
            " letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
        )
    return argument


def _checked_dc(session: Session, pods: Sequence[Object], dc: str) -> None:
    """Raise `StopError` if *dc* is no data centre of the clusters of *pods*."""
    for name in sorted({pod["metadata"]["labels"].get(names.CLUSTER, "") for pod in pods}):
        topology = session.cluster(name).get("spec", {}).get("topology") or {}
        known = [each.get("name", "dc1") for each in topology.get("dc") or [{}]]
        if dc not in known:
            raise StopError(
                f"There is no data centre {dc} in CassandraCluster {name}, only {', '.join(known)}"
                " (--foreign-dc if the ring has further ones elsewhere)"
            )


def _run(session: Session, given: argparse.Namespace) -> int:
    """Label the chosen pods with the operation that is named by the command or its first argument."""
    operation = getattr(given, "operation", None) or given.command
    if operation not in known_operations():
        raise StopError(f"Unknown operation {operation}: known are {', '.join(known_operations())}")
    argument = getattr(given, "from_dc", None) or getattr(given, "argument", None)
    if argument is not None:
        checked_argument(argument)
    read = parse(operation, argument or "")
    if isinstance(read, Unusable):
        raise StopError(read.why)
    pods = selected(session, pod=given.pod, prefix=given.prefix)
    if operation == OperationName.REBUILD and argument and not given.foreign_dc:
        _checked_dc(session, pods, argument)
    done = label(session, pods, operation=operation, status=ActionStatus.TO_DO.value, argument=argument)
    session.out.result({"namespace": session.namespace, "pods": done})
    return DONE


def _switch(before: ActionStatus, after: ActionStatus) -> Callable[[Session, argparse.Namespace], int]:
    def run(session: Session, given: argparse.Namespace) -> int:
        status = {before.value}
        known = parse(given.operation, "")
        if after is ActionStatus.PAUSED and not isinstance(known, Unusable) and may_be_stopped(known):
            status.add(ActionStatus.ONGOING.value)
        pods = selected(
            session,
            pod=given.pod,
            prefix=given.prefix,
            operation=given.operation,
            status=frozenset(status),
        )
        done = label(session, pods, operation=given.operation, status=after.value, keep_argument=True)
        session.out.result({"namespace": session.namespace, "pods": done})
        return DONE

    return run


def _remove(session: Session, given: argparse.Namespace) -> int:
    """Label a pod through which a dead node is to be removed from the ring."""
    argument = checked_argument(_whom(session, given))
    read = parse(OperationName.REMOVE, argument)
    if isinstance(read, Unusable):
        raise StopError(read.why)
    if given.from_pod:
        if given.from_pod == given.pod:
            raise StopError(f"Pod {given.pod} cannot remove itself: name another one by --from-pod")
        (worker,) = selected(session, pod=given.from_pod, prefix=None)
    else:
        worker = _free_pod(session, given.crd, given.pod)
    name = worker["metadata"]["name"]
    whom = f"pod {given.pod}" if given.pod else f"node {argument}"
    done = label(
        session,
        [worker],
        operation=OperationName.REMOVE.value,
        status=ActionStatus.TO_DO.value,
        argument=argument,
        saying=lambda _: f"Trigger remove of {whom} from pod {name}",
    )
    session.out.result({"namespace": session.namespace, "pods": done})
    return DONE


def _whom(session: Session, given: argparse.Namespace) -> str:
    """Return the argument of the label: the pod, the address or host id, or both."""
    node = given.previous_ip or given.host_id or ""
    if given.previous_ip:
        try:
            ipaddress.IPv4Address(given.previous_ip)
        except ValueError:
            raise StopError(f"{given.previous_ip} is no IPv4 address: try --host-id") from None
    if given.host_id:
        try:
            uuid.UUID(given.host_id)
        except ValueError:
            raise StopError(
                f"{given.host_id} is no host id: kubectl casskop status shows those of nodes"
            ) from None
    if not given.pod:
        if not node:
            raise StopError("Which node is dead? Give --pod, --previous-ip or --host-id")
        return str(node)
    known = session.cluster(given.crd).get("status") if given.crd else None
    nodes = (known or {}).get("cassandraNodeStatus") or {}
    there = given.pod in nodes or any(pod["metadata"]["name"] == given.pod for pod in session.pods())
    if not there and not node:
        raise StopError(f"Pod {given.pod} does not exist: give the address of its node by --previous-ip")
    return f"{given.pod}_{node}".rstrip("_")


def _free_pod(session: Session, cluster: str, removed: str | None) -> Object:
    """Return a running pod of *cluster* that is at no operation; if there is one, one that serves."""
    status = session.cluster(cluster).get("status") or {}
    busy = {
        pod
        for rack in (status.get("cassandraRackStatus") or {}).values()
        for pod in (rack.get("podLastOperation") or {}).get("pods") or ()
    }
    free = []
    for pod in sorted(session.owned(kinds.POD, cluster), key=lambda obj: str(obj["metadata"]["name"])):
        name, labels = pod["metadata"]["name"], pod["metadata"].get("labels") or {}
        at_work = name in busy or labels.get(names.OPERATION_STATUS) in {*_BUSY, ActionStatus.TO_DO.value}
        if name != removed and not at_work and (pod.get("status") or {}).get("phase") == "Running":
            free.append(pod)
    if not free:
        whom = removed or "the node"
        raise StopError(f"No pods found for operation: no running pod of {cluster} is free to remove {whom}")
    return next((pod for pod in free if serves(pod)), free[0])


# -- arguments


def choice(parser: argparse.ArgumentParser) -> None:
    """Let the user choose pods."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--pod", help="the pod to work on")
    group.add_argument("--prefix", help="all pods with this text in their name")


def _foreign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--foreign-dc", action="store_true", help="do not check that the data centre is one of this cluster"
    )


def _rebuild_arguments(parser: argparse.ArgumentParser) -> None:
    choice(parser)
    parser.add_argument("from_dc", metavar="from-dc", help="data centre to take the data from")
    _foreign(parser)


def _operate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", metavar="OP", help=f"one of {', '.join(known_operations())}")
    choice(parser)
    parser.add_argument(
        "--argument",
        help="a keyspace; for rebuild a data centre; for repair full or incremental; for remove see its help",
    )
    _foreign(parser)


def _switch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", metavar="op", help="name of the operation")
    choice(parser)


def _remove_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pod", help="pod of the dead node; it is made anew afterwards, with empty volumes")
    node = parser.add_mutually_exclusive_group()
    node.add_argument("--previous-ip", default="", help="address of the dead node, if the pod does not tell")
    node.add_argument("--host-id", default="", help="host id of the dead node, instead of its address")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--from-pod", help="pod of a living node, through which it is removed")
    group.add_argument("--crd", help="CassandraCluster, through any free pod of it")


_WHEN = "The operator begins within a second; kubectl casskop status shows how far it is."

_REMOVAL = textwrap.fill(
    "Without --pod the node is removed from the ring and nothing else. With it, its pod and volumes are"
    " deleted afterwards, so that a new node joins in its place: make sure that the old one cannot come back."
    " It begins once all other nodes believe it to be down and all of its data is elsewhere; kubectl casskop"
    " explain says what it waits for.",
    100,
)

COMMANDS = (
    Command(
        name="cleanup",
        help="delete what nodes do not own any more",
        arguments=choice,
        run=_run,
        epilog=_WHEN,
    ),
    Command(
        name="upgradesstables",
        help="rewrite SSTables in the format of the release that runs",
        arguments=choice,
        run=_run,
        epilog=_WHEN,
    ),
    Command(
        name="rebuild",
        help="fill nodes with the data of another data centre",
        arguments=_rebuild_arguments,
        run=_run,
        epilog=_WHEN,
    ),
    Command(
        name="remove",
        help="remove a dead node from the ring, and have a new one made in its place",
        arguments=_remove_arguments,
        run=_remove,
        epilog=_REMOVAL,
    ),
    Command(
        name="pause",
        help="keep back an operation that has not begun, or stop one",
        arguments=_switch_arguments,
        run=_switch(ActionStatus.TO_DO, ActionStatus.PAUSED),
        epilog="Of operations that run, cleanup, scrub and upgradesstables can be stopped.",
    ),
    Command(
        name="unpause",
        help="let an operation that was paused begin, or go on",
        arguments=_switch_arguments,
        run=_switch(ActionStatus.PAUSED, ActionStatus.TO_DO),
    ),
    Command(
        name="operate",
        help="start any operation that the operator carries out",
        arguments=_operate_arguments,
        run=_run,
        epilog=_WHEN,
    ),
)
