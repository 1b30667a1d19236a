"""The few requests that controllers make, through any `Transport`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from controller.kube.transport import Request, Response, Transport
from e2e.simcontrollers import objects
from e2e.simcontrollers.objects import EVENTS, Kind, Obj
from e2e.simtime import Simulation

CREATED = 201
CONFLICT = 409
_MERGE = {"Content-Type": "application/merge-patch+json"}
# Events of one kind about one object are not repeated sooner, in seconds.
_REPEAT = 300.0


class Client:
    """Makes requests as the component *name*."""

    def __init__(self, transport: Transport, simulation: Simulation, name: str) -> None:
        self._transport = transport
        self._simulation = simulation
        self._name = name
        self._told: dict[tuple[str, str, str], float] = {}
        self._events = 0
        # How much was asked for, and said or would have been but for the repetition.
        self.calls = 0

    def get(self, kind: Kind, namespace: str | None, name: str) -> Obj | None:
        """Return the object, None if it is not there."""
        response = self._send("GET", kind.path(namespace, name))
        return response.body if response.status == 200 else None

    def create(self, kind: Kind, obj: Mapping[str, Any]) -> Response:
        """Create *obj* in its namespace."""
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        path = kind.path(objects.namespace(obj) or None)
        return self._send("POST", path, body=body)

    def patch(self, kind: Kind, obj: Mapping[str, Any], change: Mapping[str, Any]) -> Response:
        """Merge *change* into the object that *obj* is a copy of."""
        return self._patch(kind, obj, change, "")

    def patch_status(self, kind: Kind, obj: Mapping[str, Any], change: Mapping[str, Any]) -> Response:
        """Merge *change* into the status of the object that *obj* is a copy of."""
        return self._patch(kind, obj, {"status": change}, "status")

    def bind(self, pod: Mapping[str, Any], node: str) -> Response:
        """Bind *pod* to *node*."""
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": objects.name(pod), "namespace": objects.namespace(pod)},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        path = objects.PODS.path(objects.namespace(pod), objects.name(pod), "binding")
        return self._send("POST", path, body=body)

    def evict(self, pod: Mapping[str, Any]) -> Response:
        """Ask for the eviction of *pod*: 429 while a budget forbids it."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": objects.name(pod), "namespace": objects.namespace(pod)},
        }
        path = objects.PODS.path(objects.namespace(pod), objects.name(pod), "eviction")
        return self._send("POST", path, body=body)

    def delete(self, kind: Kind, obj: Mapping[str, Any], *, grace: int | None = None) -> Response:
        """Delete the very object that *obj* is a copy of, not a later one of its name."""
        body: Obj = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": objects.uid(obj)},
        }
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        path = kind.path(objects.namespace(obj) or None, objects.name(obj))
        return self._send("DELETE", path, body=body)

    def event(
        self, kind: Kind, obj: Mapping[str, Any], reason: str, message: str, *, warn: bool = False
    ) -> None:
        """Record an event about *obj*, unless the same was recorded shortly before."""
        self.calls += 1
        key = (objects.uid(obj), reason, message)
        now = self._simulation.now
        if now - self._told.get(key, -_REPEAT) < _REPEAT:
            return
        self._told[key] = now
        self._events += 1
        when = objects.timestamp(now)
        where = objects.namespace(obj) or "default"
        body = {
            "metadata": {
                "name": f"{objects.name(obj)}.{self._name}.{self._events:06x}",
                "namespace": where,
            },
            "involvedObject": {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "name": objects.name(obj),
                "namespace": where,
                "uid": objects.uid(obj),
            },
            "reason": reason,
            "message": message,
            "type": "Warning" if warn else "Normal",
            "source": {"component": self._name},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        self.create(EVENTS, body)

    def _patch(self, kind: Kind, obj: Mapping[str, Any], change: Mapping[str, Any], sub: str) -> Response:
        path = kind.path(objects.namespace(obj) or None, objects.name(obj), sub)
        # The uid makes a patch of a later object of the same name fail.
        body = {**change, "metadata": {**change.get("metadata", {}), "uid": objects.uid(obj)}}
        return self._send("PATCH", path, body=body, headers=_MERGE)

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,  # noqa: ANN401 -- JSON
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        self.calls += 1
        agent = {"User-Agent": self._name}
        return self._transport.send(
            Request(method=method, path=path, body=body, headers={**agent, **(headers or {})})
        )


@attrs.frozen
class Found:
    """What a list gave: the objects, and the version to watch from."""

    items: list[Obj]
    version: str


def list_all(transport: Transport, kind: Kind) -> Found:
    """Return all objects of *kind* in all namespaces, page by page."""
    items: list[Obj] = []
    query = {"limit": "500"}
    while True:
        response = transport.send(
            Request(
                method="GET",
                path=kind.path(),
                query=query,
                headers={"User-Agent": "simulated-controllers"},
            )
        )
        if response.status != 200:
            raise RuntimeError(f"listing {kind.plural}: HTTP {response.status} {response.body}")
        items += response.body.get("items") or []
        details = response.body.get("metadata") or {}
        token = details.get("continue")
        if not token:
            return Found(items, str(details.get("resourceVersion", "")))
        query = {"limit": "500", "continue": token}
