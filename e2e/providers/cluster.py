"""
What a scenario may do to a cluster, and see of it: the same for a simulated and a real one.

A scenario is a user with kubectl, and somebody who breaks things. It sees what is stored, and what each
Cassandra node says; nothing of the operator's insides. All waiting is done by `eventually`, in the
cluster's own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

Object = dict[str, Any]
T = TypeVar("T")

CLUSTERS = "cassandraclusters"


class RefusedError(Exception):
    """The API server refused a write; the message is its own."""


class MissingError(Exception):
    """There is no such object."""


class TooLateError(AssertionError):
    """What was waited for did not come in time."""


class Cluster(Protocol):
    """A Kubernetes with three nodes in three zones, and the operator in one namespace of it.

    Kinds are named by their plural, `statefulsets`.
    """

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Make each object as given, whether it exists or not; `RefusedError` if the server refuses."""

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Merge *patch* into an object; `RefusedError` if the server refuses."""

    def delete(self, kind: str, name: str, *, seconds: float = 120) -> None:
        """Delete an object, if it is there, and wait until it is gone; `TooLateError` after *seconds*.

        With 0 seconds nothing is waited for.
        """

    def get(self, kind: str, name: str) -> Object:
        """Return an object as it is stored; `MissingError` if there is none."""

    def of(self, name: str, kind: str) -> list[Object]:
        """Return the objects of *kind* that belong to the CassandraCluster *name*, by their names."""

    def events(self, name: str) -> list[Object]:
        """Return the events about the CassandraCluster *name*, oldest first."""

    def views(self, name: str) -> dict[str, Object]:
        """Return by pod how each ready node of the CassandraCluster *name* sees the ring.

        The values are what `casskop ring` prints.
        """

    def kill_operator(self) -> None:
        """End the operator without notice; another one starts, as its Deployment has it."""

    def steal_lease(self) -> None:
        """Make the operator believe that another one leads; it ends, and a new one waits for the lease."""

    def eventually(self, probe: Callable[[], T | None], *, seconds: float, what: str) -> T:
        """Return the first answer of *probe* that is true; `TooLateError` with *what* after *seconds*."""


def condition(obj: Object, kind: str) -> Object:
    """Return the condition of type *kind*, an empty one if there is none."""
    found = [c for c in (obj.get("status") or {}).get("conditions") or () if c["type"] == kind]
    return found[0] if found else {"type": kind, "status": "Unknown", "reason": "", "message": ""}


def is_true(obj: Object, kind: str) -> bool:
    """Tell whether the condition *kind* is true, for the spec as it is now."""
    found = condition(obj, kind)
    current = found.get("observedGeneration") == obj["metadata"]["generation"]
    return found["status"] == "True" and bool(current)


def at_rest(obj: Object) -> bool:
    """Tell whether all nodes serve, and nothing is left to do for the spec as it is now."""
    progressing = condition(obj, "Progressing")
    current = progressing.get("observedGeneration") == obj["metadata"]["generation"]
    return is_true(obj, "Ready") and current and progressing["reason"] == "Converged"


def is_stopped(obj: Object) -> bool:
    """Tell whether nothing of the cluster runs any more, for the spec as it is now."""
    progressing = condition(obj, "Progressing")
    current = progressing.get("observedGeneration") == obj["metadata"]["generation"]
    return current and bool(progressing["reason"] == "Stopped")


def is_ready(pod: Object) -> bool:
    """Tell whether the pod's container `cassandra` is ready."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(s["name"] == "cassandra" and bool(s["ready"]) for s in statuses)


def host_ids(obj: Object) -> dict[str, str]:
    """Return the host id of each node that a cluster's status knows, by pod."""
    nodes = (obj.get("status") or {}).get("cassandraNodeStatus") or {}
    return {pod: str(node["hostId"]) for pod, node in nodes.items()}


def know_each_other(cluster: Cluster, name: str, hosts: Mapping[str, str]) -> bool:
    """Tell whether every node of the cluster called *name* knows these *hosts*, by pod, and nobody else."""
    views = cluster.views(name).values()
    return all(sorted(view["hostIds"].values()) == sorted(hosts.values()) for view in views)


def by_name(objects: Iterable[Object]) -> list[Object]:
    """Return *objects* in the order of their names."""
    return sorted(objects, key=lambda obj: str(obj["metadata"]["name"]))


def by_time(events: Iterable[Object]) -> list[Object]:
    """Return *events* in the order in which they first happened."""
    return sorted(events, key=lambda event: str(event.get("eventTime") or event.get("firstTimestamp") or ""))


def wait_ready(cluster: Cluster, name: str, *, seconds: float) -> Object:
    """Wait until the CassandraCluster *name* is Ready, and return it."""

    def probe() -> Object | None:
        obj = cluster.get(CLUSTERS, name)
        return obj if is_true(obj, "Ready") else None

    return cluster.eventually(probe, seconds=seconds, what=f"{name} is Ready")
