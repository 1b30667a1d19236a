"""A cluster in a few lines: phase, racks with their pods, what it waits for, and what was done last."""

from __future__ import annotations

from collections.abc import Mapping

from e2e.providers.cluster import CLUSTERS, Cluster, Object, condition, is_ready

EVENTS = 5


def picture(cluster: Cluster, name: str, *, modes: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines for the CassandraCluster *name*.

    *modes* says for some pods what their Cassandra calls itself.
    """
    obj = cluster.get(CLUSTERS, name)
    status = obj.get("status") or {}
    nodes = f"{status.get('readyNodes', 0)} of {status.get('wantedNodes', '?')} nodes"
    ready = {"True": "Ready", "False": "not Ready"}.get(condition(obj, "Ready")["status"], "?")
    text = [f"{name}: {status.get('phase', '-')}, {nodes}, {ready}"]
    by_rack: dict[str, list[Object]] = {rack: [] for rack in status.get("cassandraRackStatus") or {}}
    for pod in cluster.of(name, "pods"):
        by_rack.setdefault(pod["metadata"]["labels"].get("dc-rack", "?"), []).append(pod)
    for rack, pods in sorted(by_rack.items()):
        shown = (_pod(pod, modes or {}) for pod in pods)
        text.append(f"  {rack:<10} {'   '.join(shown) or '-'}")
    for kind in ("Degraded", "Progressing"):
        found = condition(obj, kind)
        if found["status"] == "True":
            text.append(f"  {kind.lower()}: {found['message']}")
    return text


def story(cluster: Cluster, name: str) -> list[str]:
    """Return the last events as lines: what was done, and why."""
    events = sorted(cluster.events(name), key=_last)
    return [f"    {e['reason']}: {e.get('message') or e.get('note')}" for e in events[-EVENTS:]]


def _last(event: Object) -> str:
    """Return when *event* happened last; one that repeats keeps its first place in a list."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _pod(pod: Object, modes: Mapping[str, str]) -> str:
    name = str(pod["metadata"]["name"])
    node = pod["spec"].get("nodeName", "no node yet")
    return f"{name}@{node} {modes.get(name) or _stage(pod)}"


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
