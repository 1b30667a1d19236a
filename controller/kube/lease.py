"""
The Lease of the leader, as the values that an election works with.

Reading is live and replacing is optimistic: of two candidates that write on the same version, one gets
`ConflictError`. Times are written with six digits of a second, which is the only form that every API
server reads. Hand it a transport of its own: a lease that waits for a free connection is lost.
"""

from __future__ import annotations

import copy
from typing import Any

from controller.domain.errors import NotFoundError
from controller.kube.client import KubeClient
from controller.kube.kinds import LEASE
from controller.kube.microtime import micro_time, read_micro_time
from controller.kube.transport import Transport
from controller.runtime.election import LeaseRecord


class KubeLease:
    """
    The Lease *name* in *namespace*: a `controller.runtime.election.LeaseLock`.

    *timeout* is the deadline of one request: `Timing.request_deadline`.
    """

    def __init__(self, transport: Transport, *, namespace: str, name: str, timeout: float) -> None:
        # There is nothing to fence: writing the lease is how one comes to lead.
        self._client = KubeClient(transport, fence=lambda: None, timeout=timeout)
        self._namespace = namespace
        self._name = name
        # The object as the server last told it. What others have put into it stays in it.
        self._stored: dict[str, Any] = {}

    def get(self) -> LeaseRecord | None:
        """Return what the Lease says now, None if there is none."""
        try:
            return self._note(self._client.get(LEASE, self._namespace, self._name))
        except NotFoundError:
            return None

    def create(self, record: LeaseRecord) -> LeaseRecord:
        """Create the Lease and return it as stored; `ConflictError` if it exists."""
        body = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": _spec(record),
        }
        return self._note(self._client.create(LEASE, self._namespace, body))

    def update(self, record: LeaseRecord) -> LeaseRecord:
        """Replace the Lease at `record.resource_version`; `ConflictError` if it is another by now."""
        body = copy.deepcopy(self._stored)
        metadata = body.setdefault("metadata", {"namespace": self._namespace, "name": self._name})
        metadata.pop("managedFields", None)
        metadata["resourceVersion"] = record.resource_version
        body |= {"apiVersion": LEASE.api_version, "kind": LEASE.kind}
        body["spec"] = {**body.get("spec", {}), **_spec(record)}
        return self._note(self._client.replace(LEASE, self._namespace, self._name, body))

    def _note(self, stored: dict[str, Any]) -> LeaseRecord:
        self._stored = stored
        spec = stored.get("spec") or {}
        return LeaseRecord(
            holder=spec.get("holderIdentity") or "",
            duration_seconds=spec.get("leaseDurationSeconds") or 0,
            acquire_time=read_micro_time(spec.get("acquireTime")),
            renew_time=read_micro_time(spec.get("renewTime")),
            transitions=spec.get("leaseTransitions") or 0,
            resource_version=stored["metadata"]["resourceVersion"],
        )


def _spec(record: LeaseRecord) -> dict[str, Any]:
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration_seconds,
        "acquireTime": micro_time(record.acquire_time),
        "renewTime": micro_time(record.renew_time),
        "leaseTransitions": record.transitions,
    }
