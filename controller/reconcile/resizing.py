"""What a reconcile reads and writes of volumes that grow: copies of StatefulSets, and storage classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from controller.api.v2.cluster import CassandraCluster, ClusterStatus
from controller.builders.copies import copy_of, is_copy
from controller.domain.actions import Action, NoteResize
from controller.domain.errors import NotFoundError, TerminalError
from controller.domain.observed import Copy, Expansion, StatefulSet
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile import snapshot
from controller.reconcile.stores import Object


def statefulset(cluster: CassandraCluster, rack: str, obj: Object) -> StatefulSet:
    """Return what a plan reads of a StatefulSet, and whether status has a copy of it."""
    found = snapshot.statefulset(obj)
    status = cluster.status.cassandra_rack_status.get(rack)
    text = None if status is None else status.stateful_set_snapshot_before_storage_resize
    return attrs.evolve(found, copied=is_copy(text, obj)) if text else found


def copy(obj: Object) -> Copy:
    """Return what a plan reads of a StatefulSet that is only a copy."""
    return Copy(replicas=obj["spec"].get("replicas", 1), capacity=snapshot.capacity(obj))


def with_copies(
    status: ClusterStatus, actions: Iterable[Action], live: Mapping[str, Object]
) -> ClusterStatus:
    """Return *status* with the copies that *actions* say are to be in it; *live* has StatefulSets by rack."""
    noted = {action.rack for action in actions if isinstance(action, NoteResize)}
    racks = dict(status.cassandra_rack_status)
    for name in noted & racks.keys() & live.keys():
        text = copy_of(live[name])
        racks[name] = attrs.evolve(racks[name], stateful_set_snapshot_before_storage_resize=text)
    return attrs.evolve(status, cassandra_rack_status=racks) if noted else status


def expansion(client: KubeClient, name: str) -> Expansion:
    """Ask whether volumes of the storage class *name* may grow."""
    try:
        found = client.get(kinds.STORAGE_CLASS, "", name)
    except NotFoundError:
        return Expansion.MISSING
    except TerminalError:
        return Expansion.UNREAD
    return Expansion.ALLOWED if found.get("allowVolumeExpansion") else Expansion.FORBIDDEN
