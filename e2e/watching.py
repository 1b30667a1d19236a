"""
Wait for the world, with a deadline and a reason, and show a cluster in a few lines.

It is for people and for tests: what it prints is what `kubectl describe` has, and what it waits for is
said when it does not come.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import TypeVar

from e2e.kubectl import Kubectl, KubectlError, Object

T = TypeVar("T")


class TooLateError(AssertionError):
    """What was waited for did not come in time."""


def eventually(probe: Callable[[], T | None], *, seconds: float, what: str, every: float = 0.5) -> T:
    """Return the first answer of *probe* that is true.

    Raises `TooLateError` with *what* was waited for and the last answer or error after *seconds*.
    """
    end = time.monotonic() + seconds
    while True:
        last: object = None
        try:
            found = probe()
        except KubectlError as error:
            last = error
        else:
            if found:
                return found
            last = found
        if time.monotonic() > end:
            raise TooLateError(f"{what}: not within {seconds:g} s; last seen: {last}")
        time.sleep(every)


def cluster(kubectl: Kubectl, name: str) -> Object:
    """Return a CassandraCluster as it is stored."""
    return kubectl.get("cassandracluster", name)


def condition(obj: Object, kind: str) -> Object:
    """Return the condition of type *kind*, an empty one if there is none."""
    found = [c for c in (obj.get("status") or {}).get("conditions") or () if c["type"] == kind]
    return found[0] if found else {"type": kind, "status": "Unknown", "reason": "", "message": ""}


def is_true(kubectl: Kubectl, name: str, kind: str) -> Object | None:
    """Return the cluster if its condition *kind* is true for the spec as it is now."""
    obj = cluster(kubectl, name)
    found = condition(obj, kind)
    current = found.get("observedGeneration") == obj["metadata"]["generation"]
    return obj if found["status"] == "True" and current else None


def pods(kubectl: Kubectl, name: str) -> list[Object]:
    """Return the cluster's pods, by name."""
    items: list[Object] = kubectl.get("pods", "-l", f"cassandracluster={name}")["items"]
    return sorted(items, key=lambda pod: str(pod["metadata"]["name"]))


def events(kubectl: Kubectl, name: str) -> list[Object]:
    """Return the events about the CassandraCluster, oldest first."""
    selector = f"involvedObject.kind=CassandraCluster,involvedObject.name={name}"
    items: list[Object] = kubectl.get("events", f"--field-selector={selector}")["items"]
    return sorted(items, key=lambda event: str(event.get("eventTime") or event.get("firstTimestamp") or ""))


def is_ready(pod: Object) -> bool:
    """Tell whether the pod's container `cassandra` is ready."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(s["name"] == "cassandra" and s["ready"] for s in statuses)


def lines(kubectl: Kubectl, name: str) -> list[str]:
    """Return the cluster's state for a person: phase, racks with their pods, and what it waits for."""
    obj = cluster(kubectl, name)
    status = obj.get("status") or {}
    nodes = f"{status.get('readyNodes', 0)}/{status.get('wantedNodes', '?')} nodes"
    phase = status.get("phase", "-")
    text = [f"{name}: {phase}, {nodes}, Ready={condition(obj, 'Ready')['status']}"]
    by_rack: dict[str, list[str]] = {rack: [] for rack in status.get("cassandraRackStatus") or {}}
    for pod in pods(kubectl, name):
        rack = pod["metadata"]["labels"].get("dc-rack", "?")
        node = pod["spec"].get("nodeName", "no node yet")
        by_rack.setdefault(rack, []).append(f"{pod['metadata']['name']} on {node}: {_stage(pod)}")
    for rack, found in sorted(by_rack.items()):
        text.append(f"  {rack:<12} {'; '.join(found) or '-'}")
    text.append(f"  why: {condition(obj, 'Progressing')['message'] or '-'}")
    return text


def _stage(pod: Object) -> str:
    """Say in a word or two how far a pod is."""
    if pod["metadata"].get("deletionTimestamp"):
        return "ending"
    if is_ready(pod):
        return "ready"
    status = pod.get("status") or {}
    for item in status.get("initContainerStatuses") or ():
        state = item.get("state") or {}
        if "terminated" not in state:
            reason = (state.get("waiting") or {}).get("reason")
            return f"init {item['name']}" + (f" ({reason})" if reason else "")
    for item in status.get("containerStatuses") or ():
        waiting = (item.get("state") or {}).get("waiting")
        if waiting:
            return f"{item['name']}: {waiting.get('reason')}"
    return "Cassandra starts" if status.get("phase") == "Running" else str(status.get("phase"))
