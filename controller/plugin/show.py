"""
`status`: racks, ring, operations, conditions and long work of a cluster, from its status and pods alone.

No node is asked, and nothing is computed that the operator has not said or the kubelets have not reported.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
import json
from typing import Any, Final

from controller.api.v2 import names
from controller.domain.operations import pods as pods_words
from controller.kube import kinds
from controller.plugin.command import Command, cluster_argument
from controller.plugin.errors import DONE
from controller.plugin.progress import bar, progress
from controller.plugin.progress import lines as progress_lines
from controller.plugin.session import Object, Output, Session

# A larger ring is summed up by rack, unless all of it is asked for.
_MOST_NODES: Final = 24
_GOOD: Final = {"Ready": "True", "Degraded": "False", "SpecAccepted": "True"}


def picture(cluster: Object, pods: Iterable[Object]) -> dict[str, Any]:
    """Return what there is to say of *cluster*, as JSON."""
    status = cluster.get("status") or {}
    nodes = [_node(pod, status) for pod in pods]
    sizes = _sizes(in_force(cluster))
    racks = []
    for name in [*sizes, *sorted((status.get("cassandraRackStatus") or {}).keys() - sizes.keys())]:
        rack = (status.get("cassandraRackStatus") or {}).get(name) or {}
        mine = [node for node in nodes if node["rack"] == name]
        racks.append(
            {
                "name": name,
                "phase": rack.get("phase"),
                "ready": len([node for node in mine if node["ready"]]),
                "pods": len(mine),
                "wanted": sizes.get(name, 0),
                "action": rack.get("cassandraLastAction") or {},
                "operation": rack.get("podLastOperation") or {},
            }
        )
    return {
        "namespace": cluster["metadata"].get("namespace"),
        "cluster": cluster["metadata"]["name"],
        "phase": status.get("phase"),
        "action": {"name": status.get("lastClusterAction"), "status": status.get("lastClusterActionStatus")},
        "generation": cluster["metadata"].get("generation"),
        "observedGeneration": status.get("observedGeneration"),
        "readyNodes": status.get("readyNodes"),
        "wantedNodes": status.get("wantedNodes"),
        **progress(cluster),
        "racks": racks,
        "nodes": nodes,
        "conditions": list(status.get("conditions") or ()),
    }


def refused(cluster: Object) -> bool:
    """Tell whether the operator says that it does not carry out the spec, or not all of it."""
    conditions = (cluster.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "SpecAccepted" and c["status"] == "False" for c in conditions)


def in_force(cluster: Object) -> Object:
    """Return the spec that is carried out: of one that is refused, what was accepted last."""
    annotations = cluster["metadata"].get("annotations") or {}
    try:
        accepted = json.loads(annotations.get(names.LAST_APPLIED) or "{}").get("spec")
    except (AttributeError, ValueError):
        accepted = None
    return accepted if refused(cluster) and isinstance(accepted, dict) else cluster.get("spec") or {}


def _sizes(spec: Object) -> dict[str, int]:
    """Return how many nodes the spec asks for in each rack; none if it cannot be read."""
    try:
        return _read_sizes(spec)
    except (AttributeError, TypeError, ValueError):
        return {}


def _read_sizes(spec: Object) -> dict[str, int]:
    common = spec.get("nodesPerRacks", 1)
    return {
        names.rack_name(str(dc.get("name", "dc1")), str(rack.get("name", "rack1"))): int(
            dc.get("nodesPerRacks", common)
        )
        for dc in (spec.get("topology") or {}).get("dc") or [{}]
        for rack in dc.get("rack") or [{}]
    }


def _node(pod: Object, status: Object) -> dict[str, Any]:
    metadata, labels = pod["metadata"], pod["metadata"].get("labels") or {}
    name = str(metadata["name"])
    state = pod.get("status") or {}
    known = (status.get("cassandraNodeStatus") or {}).get(name) or {}
    container: Object = next(
        (c for c in state.get("containerStatuses") or () if c.get("name") == names.CASSANDRA), {}
    )
    operation = {
        key: labels[label]
        for key, label in (
            ("name", names.OPERATION_NAME),
            ("status", names.OPERATION_STATUS),
            ("argument", names.OPERATION_ARGUMENT),
            ("start", names.OPERATION_START),
            ("end", names.OPERATION_END),
        )
        if labels.get(label)
    }
    result = (metadata.get("annotations") or {}).get(names.OPERATION_RESULT)
    if operation and result:
        operation["result"] = result
    return {
        "pod": name,
        "rack": labels.get(names.DC_RACK),
        "state": _state(pod, container),
        "ready": bool(container.get("ready")),
        "restarts": container.get("restartCount", 0),
        "ip": state.get("podIP"),
        "hostId": known.get("hostId"),
        "node": (pod.get("spec") or {}).get("nodeName"),
        "operation": operation,
    }


def _state(pod: Object, container: Object) -> str:
    """Say in a word or two how far a pod is."""
    if pod["metadata"].get("deletionTimestamp"):
        return "Ending"
    if container.get("ready"):
        return "Ready"
    state = pod.get("status") or {}
    for each in (*(state.get("initContainerStatuses") or ()), container):
        waiting = ((each.get("state") or {}).get("waiting") or {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return str(waiting)
    if any(c.get("reason") == "Unschedulable" for c in state.get("conditions") or ()):
        return "Unschedulable"
    return "Starts" if state.get("phase") == "Running" else str(state.get("phase") or "Pending")


def lines(seen: dict[str, Any], out: Output, *, every_node: bool = False) -> Iterator[str]:
    """Yield *seen* for people."""
    ready, wanted = seen["readyNodes"], seen["wantedNodes"]
    action = " ".join(str(each) for each in seen["action"].values() if each)
    counted = f"{'?' if ready is None else ready} of {'?' if wanted is None else wanted} nodes serve"
    phase = seen["phase"] or "not looked at yet"
    yield f"{out.colour(seen['cluster'], 'bold')}: {phase}, {counted}, {action}"
    if seen["observedGeneration"] != seen["generation"]:
        yield out.colour("The newest spec was not worked on yet", "yellow")
    yield from progress_lines(seen, out)
    rows = [("RACK", "PHASE", "READY", "", "ACTION", "OPERATION")]
    rows.extend(
        (
            rack["name"],
            rack["phase"] or "-",
            f"{rack['ready']}/{rack['wanted']}",
            bar(rack["ready"], max(rack["wanted"], rack["pods"])),
            _words(rack["action"]),
            _words(rack["operation"], *_where(rack["operation"])),
        )
        for rack in seen["racks"]
    )
    yield from out.table(rows)
    nodes = seen["nodes"]
    if not every_node and len(nodes) > _MOST_NODES:
        nodes = [node for node in nodes if not node["ready"] or node["operation"]]
        yield f"{len(seen['nodes']) - len(nodes)} further nodes are ready (--all shows them)"
    if nodes:
        heading = ("NODE", "STATE", "RESTARTS", "IP", "HOST ID", "ON", "OPERATION")
        yield from out.table([heading, *(_row(node) for node in nodes)])
    for node in nodes:
        if node["operation"].get("status") == pods_words.ERROR and node["operation"].get("result"):
            yield f"{out.colour(node['pod'], 'red')}: {node['operation']['result']}"
    for condition in seen["conditions"]:
        kind, status = condition["type"], condition["status"]
        colour = "dim" if _GOOD.get(kind, status) == status else "red" if kind != "Ready" else "yellow"
        head = f"{kind}={status} ({condition.get('reason')})"
        yield f"{out.colour(head, colour)} {condition.get('message')}"


def _row(node: dict[str, Any]) -> tuple[str, ...]:
    operation = node["operation"]
    said = " ".join(operation[key] for key in ("name", "argument", "status") if operation.get(key))
    return (
        node["pod"],
        node["state"],
        str(node["restarts"]),
        node["ip"] or "-",
        node["hostId"] or "-",
        node["node"] or "-",
        said or "-",
    )


def _words(what: Object, *more: str) -> str:
    return " ".join([str(what[key]) for key in ("name", "status") if what.get(key)] + list(more)) or "-"


def _where(operation: Object) -> Iterator[str]:
    """Yield on which nodes of a rack it runs, and on how many it has failed: CassKop's Done says neither."""
    yield from operation.get("pods") or ()
    failed = operation.get("podsKO") or ()
    if failed:
        yield f"({len(failed)} failed)"


def _look(session: Session, name: str) -> dict[str, Any]:
    cluster = session.cluster(name)
    pods = sorted(session.owned(kinds.POD, name), key=_place)
    return picture(cluster, pods)


def _place(pod: Object) -> tuple[str, int]:
    """Return a pod's rack and number, to sort by."""
    owner, _, number = str(pod["metadata"]["name"]).rpartition("-")
    return owner, int(number) if number.isdecimal() else -1


def _status(session: Session, given: argparse.Namespace) -> int:
    session.require_ours()
    name = session.the_cluster(given.cluster)["metadata"]["name"]
    out = session.out
    seen = _look(session, name)
    drawn = list(lines(seen, out, every_node=given.all))
    out.say(*drawn)
    out.result(seen)
    while given.watch:
        session.sleep(given.every)
        last, seen = seen, _look(session, name)
        if seen == last:
            continue
        if out.terminal and not out.as_json:
            out.write(f"\x1b[{len(drawn)}F\x1b[J")
        drawn = list(lines(seen, out, every_node=given.all))
        out.say(*drawn)
        out.result(seen)
    return DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    cluster_argument(parser)
    parser.add_argument(
        "-w", "--watch", action="store_true", help="go on, and show what changes, until Ctrl-C"
    )
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks of --watch (2)")
    parser.add_argument("--all", action="store_true", help="show each node of a large ring, too")


COMMANDS = (
    Command(
        name="status",
        help="show racks, nodes, operations, conditions and how far long work is",
        arguments=_arguments,
        run=_status,
    ),
)
