"""Worlds made by hand, for invariants to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.kube.transport import Request
from e2e.sweep import world as places
from e2e.sweep.world import RingNode, World, Write

Json = dict[str, Any]
UID = "cluster-uid"
EXACT = {"preconditions": {"uid": "u", "resourceVersion": "1"}}


def meta(name: str, *, owned: bool = True, **more: Any) -> Json:
    """Return the metadata of an object of the cluster `cc`."""
    owners = {"ownerReferences": [{"uid": UID}]} if owned else {}
    return {"name": name, "uid": f"{name}-uid", "labels": {"cassandracluster": "cc"}, **owners, **more}


def cluster(*, generation: int = 1, spec: Mapping[str, Any] | None = None, **more: Any) -> Json:
    """Return the cluster: one DC of one rack of one node, unless *spec* says otherwise."""
    asked = {"topology": {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}, **(spec or {})}
    details = {"name": "cc", "uid": UID, "generation": generation}
    details |= more.pop("metadata", {})
    return {"metadata": details, "spec": asked, **more}


def rack(size: int, name: str = "cc-r1") -> Json:
    """Return a StatefulSet."""
    return {"metadata": meta(name), "spec": {"replicas": size}}


def node(pod: str = "cc-r1-0", **more: Any) -> RingNode:
    """Return a member that serves and knows itself."""
    address = more.pop("address", f"10.0.0.{pod[-1]}")
    known = {
        "cluster": "cc",
        "host_id": f"{pod}-id",
        "mode": "NORMAL",
        "serves": True,
        "fresh": False,
        "knows": frozenset({address}),
        "age": 100.0,
    }
    return RingNode(address=address, pod=pod, **{**known, **more})


def world(**more: Any) -> World:
    """Return a cluster with one rack of one node."""
    sound: Json = {
        "clusters": {"cc": cluster()},
        "statefulsets": {"cc-r1": rack(1)},
        "nodes": (node(),),
    }
    return World(**{**sound, **more})


def write(
    place: tuple[str, str],
    after: Json,
    *,
    before: Json | None = None,
    method: str = "PATCH",
    body: Any = None,
    **more: Any,
) -> Write:
    """Return a write of the operator's."""
    request = Request(method=method, path="/", body=body)
    name = after["metadata"]["name"]
    return Write(place=place, name=name, request=request, before=before, after=after, **more)


def deletion(place: tuple[str, str], obj: Json, *, exact: bool = True, **more: Any) -> Write:
    """Return a deletion of *obj*, with preconditions if *exact*."""
    return write(place, obj, before=obj, method="DELETE", body=EXACT if exact else {}, **more)


POD: Json = {"metadata": meta("cc-r1-0")}
CLAIM: Json = {"metadata": meta("data-cc-r1-0", owned=False), "spec": {"size": 1}}
LEAVING: Json = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
PURGED: Json = cluster(spec={"deletePVC": True}, metadata=LEAVING)
__all__ = ["CLAIM", "EXACT", "LEAVING", "POD", "PURGED", "UID", "places"]
