"""
Objects put into a simulated API server as another one had them: with uids, statuses and all.

No rule is applied and nobody is asked: what a server handed out, a server may have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.kube.client import FIELD_MANAGER
from e2e.simkube.api import ApiServer
from e2e.simkube.managed import Tracker
from e2e.simkube.options import WriteOptions
from e2e.simkube.store import Place
from e2e.simkube.values import Object, clone

# What the operator applies: without a note on whose the fields are, it could not take one away again.
_APPLIED = frozenset(
    {
        ("apps", "statefulsets"),
        ("", "services"),
        ("", "configmaps"),
        ("policy", "poddisruptionbudgets"),
        ("networking.k8s.io", "networkpolicies"),
    }
)
_SERVERS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences")


def put(server: ApiServer, place: Place, obj: Mapping[str, Any]) -> None:
    """Store *obj*, of the kind that is kept at *place*; a UID is made up if it has none."""
    resource = server.state.kinds.at(place)
    assert resource is not None, place
    stored: Object = clone(dict(obj))
    metadata = stored["metadata"]
    metadata.setdefault("uid", server.state.uid())
    metadata.setdefault("creationTimestamp", server.state.now())
    stored = {"kind": resource.kind, "apiVersion": resource.api_version, **stored}
    if place in _APPLIED and metadata.get("ownerReferences") and not metadata.get("managedFields"):
        metadata["managedFields"] = _owned(server, place, stored)
    server.store.put(place, (metadata.get("namespace", ""), metadata["name"]), stored)


def _owned(server: ApiServer, place: Place, obj: Object) -> object:
    """Return the note that all of *obj* but its status was applied by the operator."""
    resource = server.state.kinds.at(place)
    assert resource is not None
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS}
    metadata["ownerReferences"] = obj["metadata"]["ownerReferences"]
    given = {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
    options = WriteOptions(manager=FIELD_MANAGER, named_manager=True)
    tracker = Tracker(resource=resource, subresource="", options=options, time=server.state.now())
    return tracker.applied(given, None, {})["metadata"]["managedFields"]
