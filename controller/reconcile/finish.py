"""
The last step of every reconcile: say what was seen and done, in status, conditions and events.

Only what changed is written, and nothing if nothing did. A status that cannot be written is an error of
the reconcile like any other; events are for people and may be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import attrs

from controller.api.v2.cluster import CassandraCluster, ClusterStatus, Condition
from controller.api.v2.codec import decode_status, encode_status
from controller.domain.conditions import IGNORED
from controller.domain.errors import ConflictError
from controller.executors.base import Written
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.event_limits import Event, Regarding, Type

# Conditions whose turn for the worse is worth an event, with the status that is the worse one.
_BAD: Final = {"Degraded": "True", "SpecAccepted": "False"}


class Recorder(Protocol):
    """Takes events, and never blocks."""

    def record(self, event: Event) -> None:
        """Have *event* sent, as far as there is room."""
        ...


@attrs.frozen(kw_only=True)
class Finisher:
    """Writes statuses and events; a status only over the one that it was made from."""

    client: KubeClient
    recorder: Recorder

    def did(self, cluster: CassandraCluster, *, action: str, why: str, failed: bool = False) -> None:
        """Tell that an action was carried out; *failed*: it notes that something went wrong."""
        self.recorder.record(_event(cluster, Type.WARNING if failed else Type.NORMAL, action, why))

    def finish(self, cluster: CassandraCluster, new: ClusterStatus, *, quiet: bool = False) -> Written | None:
        """Write what differs between *cluster*'s status and *new*; return what was written, if anything.

        Conditions that turned become events once they are written, not again on each try to write them; with
        *quiet* they do not.
        """
        # Most reconciles change nothing, and to compare is cheaper than to encode.
        if new == cluster.status:
            return None
        patch = difference(encode_status(cluster.status), encode_status(new))
        if not patch:
            return None
        stored = self.client.patch_status(
            kinds.CASSANDRA_CLUSTER,
            cluster.namespace,
            cluster.name,
            patch,
            resource_version=self._as_seen(cluster),
        )
        if not quiet:
            self._tell(cluster, new.conditions)
        return Written.of(kinds.CASSANDRA_CLUSTER, stored)

    def _as_seen(self, cluster: CassandraCluster) -> str:
        """Return the version to write at; `ConflictError` if spec or status are not as *cluster* has them.

        A store that lags would have us write a status of the past over a newer one.
        """
        live = self.client.get(kinds.CASSANDRA_CLUSTER, cluster.namespace, cluster.name)
        metadata = live["metadata"]
        seen = cluster.metadata
        same = (metadata["uid"], metadata["generation"]) == (seen.uid, seen.generation)
        if not same or decode_status(live.get("status"))[0] != cluster.status:
            raise ConflictError(f"CassandraCluster {cluster.name} has changed since it was looked at")
        return str(metadata["resourceVersion"])

    def _tell(self, cluster: CassandraCluster, conditions: Iterable[Condition]) -> None:
        """Record an event for each condition that turned: Ready for the better, others for the worse."""
        before = {c.type: c for c in cluster.status.conditions}
        for new in conditions:
            old = before.get(new.type)
            if old is not None and (old.status, old.reason, old.message) == (
                new.status,
                new.reason,
                new.message,
            ):
                continue
            if new.status == _BAD.get(new.type) or new.reason == IGNORED:
                self.recorder.record(_event(cluster, Type.WARNING, new.reason, new.message))
            elif new.type == "Ready" and new.status == "True" and (old is None or old.status != "True"):
                self.recorder.record(_event(cluster, Type.NORMAL, "Ready", new.message))


def _event(cluster: CassandraCluster, kind: Type, reason: str, note: str) -> Event:
    """Return an event about *cluster*."""
    regarding = Regarding(
        kind=kinds.CASSANDRA_CLUSTER,
        namespace=cluster.namespace,
        name=cluster.name,
        uid=cluster.metadata.uid,
    )
    return Event(regarding=regarding, type=kind, reason=reason, note=note)


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes *new* of *old*: None removes a member, lists are replaced whole.

    Members that neither knows are not in it, and so stay as they are.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = difference(before, value)
            if inner:
                patch[key] = inner
        elif before != value:
            patch[key] = value
    return patch
