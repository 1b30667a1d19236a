"""
What stands in the place of an object that is about to be written, whose it is, and how it does.

Names are no proof: an object is written only if the CassandraCluster that the new body names as its
owner owns it already. Anything else of that name is somebody's, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.domain.errors import NotFoundError, TerminalError, TransientError
from controller.executors.base import Body
from controller.kube.client import KubeClient
from controller.kube.kinds import Kind


def find(client: KubeClient, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
    """Return the object as it is stored now, None if there is none."""
    try:
        return client.get(kind, namespace, name)
    except NotFoundError:
        return None


def is_ready(pod: Body) -> bool:
    """Tell whether the kubelet says that Cassandra in *pod* is ready."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(status["name"] == "cassandra" and bool(status.get("ready")) for status in statuses)


def is_heard_of(pod: Body) -> bool:
    """Tell whether the kubelet has Cassandra in *pod* ready, which nobody hears of a machine that is lost."""
    return is_ready(pod) and any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in (pod.get("status") or {}).get("conditions") or ()
    )


def require_ours(live: Body, body: Body) -> None:
    """Return if *live* has the owner of *body*.

    Raises `TransientError` if it belongs to a cluster of the same name that is gone, and will go with
    it; `TerminalError` if it is anybody else's.
    """
    (mine,) = body["metadata"]["ownerReferences"]
    theirs: Iterable[Body] = live["metadata"].get("ownerReferences") or ()
    if any(owner["uid"] == mine["uid"] for owner in theirs):
        return
    what = f"{body['kind']} {live['metadata']['name']}"
    namesakes = [owner for owner in theirs if (owner["kind"], owner["name"]) == (mine["kind"], mine["name"])]
    if namesakes:
        raise TransientError(
            f"{what} belongs to a deleted cluster of the same name: waiting until it is gone"
        )
    owners = ", ".join(f"{owner['kind']} {owner['name']}" for owner in theirs) or "nobody"
    raise TerminalError(
        f"there is a {what} that is not this cluster's (it belongs to {owners}), and it is left alone:"
        " delete it, or give the cluster another name"
    )
