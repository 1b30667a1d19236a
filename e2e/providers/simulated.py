"""
A simulated cluster for scenarios: the real operator in simulated time, and a user beside it.

Seconds are simulated ones; an `eventually` of minutes takes as long as there is something to compute.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia
from controller.cassandra.node import ask
from controller.cassandra.show import as_json
from controller.domain.errors import NotFoundError
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Response
from e2e.providers.cluster import (
    MissingError,
    Object,
    RefusedError,
    TooLateError,
    by_name,
    by_time,
    is_ready,
)
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.simcassandra.transport import RingTransport, hanging_up

T = TypeVar("T")

_KINDS: Final = {
    kind.plural: kind
    for kind in (
        kinds.CASSANDRA_CLUSTER,
        kinds.STATEFULSET,
        kinds.POD,
        kinds.PERSISTENT_VOLUME_CLAIM,
        kinds.SERVICE,
        kinds.POD_DISRUPTION_BUDGET,
        kinds.NETWORK_POLICY,
        kinds.CONFIG_MAP,
        kinds.SECRET,
        kinds.NODE,
    )
}
_BY_KIND: Final = {kind.kind: kind for kind in _KINDS.values()}
# How often a user looks again.
_GLANCE_SECONDS = 0.5
# A lost lease costs the time that the thief's lease runs, and a start of the operator.
_LEASE_SECONDS = 6.0


@attrs.frozen
class SimulatedCluster:
    """The cluster that *sim* simulates."""

    sim: SimCluster

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Create each object, or replace what a user may replace of it."""
        for obj in objects:
            self._apply(_BY_KIND[obj["kind"]], _stored_form(obj))

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Send a merge patch."""
        headers = {"Content-Type": "application/merge-patch+json"}
        self._write("PATCH", self._path(_KINDS[kind], name), patch, headers)

    def delete(self, kind: str, name: str, *, seconds: float = 120) -> None:
        """Delete, and let time pass until the object is gone, unless *seconds* is 0."""
        there = Request(method="GET", path=self._path(_KINDS[kind], name))
        before = self._send(there)
        if before.status == 404:
            return
        self._write("DELETE", there.path, {}, {})
        if not seconds:
            return
        uid = before.body["metadata"]["uid"]

        def gone() -> bool:
            now = self._send(there)
            return now.status == 404 or now.body["metadata"]["uid"] != uid

        self.eventually(gone, seconds=seconds, what=f"{name} is gone")

    def get(self, kind: str, name: str) -> Object:
        """Read an object."""
        try:
            namespace = NAMESPACE if _KINDS[kind].namespaced else ""
            return self.sim.client.get(_KINDS[kind], namespace, name)
        except NotFoundError as error:
            raise MissingError(str(error)) from error

    def of(self, name: str, kind: str) -> list[Object]:
        """List by the cluster's label."""
        return by_name(self._list(_KINDS[kind], labelSelector=f"cassandracluster={name}"))

    def events(self, name: str) -> list[Object]:
        """List by what the events are about."""
        about = f"involvedObject.kind=CassandraCluster,involvedObject.name={name}"
        return by_time(self._list(kinds.CORE_EVENT, fieldSelector=about))

    def views(self, name: str) -> dict[str, Object]:
        """Ask the simulated agents with the cluster's own login."""
        named = self.get("cassandraclusters", name)["spec"].get("imageJolokiaSecret") or {}
        secret = self.get("secrets", named.get("name") or f"{name}-jolokia")
        login = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        over = Jolokia.over(RingTransport(self.sim.controllers.agents.at, hanging_up))
        # Between two tries no real time has to pass.
        jolokia = attrs.evolve(over, sleep=lambda _: None)
        credentials = Credentials(username=login["username"], password=login["password"])
        try:
            return {
                str(pod["metadata"]["name"]): as_json(
                    ask(jolokia, Endpoint(host=pod["status"]["podIP"], credentials=credentials))
                )
                for pod in self.of(name, "pods")
                if is_ready(pod)
            }
        finally:
            jolokia.close()

    def kill_operator(self) -> None:
        """End the operator's process."""
        self.sim.kill_operator()

    def steal_lease(self) -> None:
        """End the operator as the loss of its lease does; its successor starts once the lease is free."""
        self.sim.kill_operator(away=_LEASE_SECONDS)

    def eventually(self, probe: Callable[[], T | None], *, seconds: float, what: str) -> T:
        """Let simulated time pass, half a second at a time."""
        end = self.sim.simulation.now + seconds
        last: object = None
        while self.sim.simulation.now <= end:
            try:
                found = probe()
            except MissingError as error:
                last = error
            else:
                if found:
                    return found
                last = found
            self.sim.run(_GLANCE_SECONDS)
        raise TooLateError(f"{what}: not within {seconds:g} simulated seconds; last seen: {last}")

    def _apply(self, kind: Kind, obj: Object) -> None:
        path = self._path(kind, obj["metadata"]["name"])
        there = self._send(Request(method="GET", path=path))
        if there.status == 404:
            self._write("POST", self._path(kind), obj, {})
            return
        metadata = {**there.body["metadata"], **obj["metadata"]}
        kept = {"status": there.body["status"]} if "status" in there.body else {}
        self._write("PUT", path, {**obj, **kept, "metadata": metadata}, {})

    def _write(self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        answer = self._send(Request(method=method, path=path, body=body, headers=headers))
        if answer.status >= 300:
            raise RefusedError(str(answer.body.get("message")))

    def _list(self, kind: Kind, **query: str) -> list[Object]:
        return list(self._send(Request(method="GET", path=self._path(kind), query=query)).body["items"])

    def _path(self, kind: Kind, name: str | None = None) -> str:
        return kind.path(NAMESPACE if kind.namespaced else None, name)

    def _send(self, request: Request) -> Response:
        return self.sim.transport.send(request)


def _stored_form(obj: Mapping[str, Any]) -> Object:
    """Return *obj* with the version that kubectl would find for it, and Secrets' texts encoded."""
    kind = _BY_KIND[obj["kind"]]
    made = {"apiVersion": kind.api_version, **obj}
    texts = made.pop("stringData", None)
    if texts is not None:
        made["data"] = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return made
