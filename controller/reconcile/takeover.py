"""
What CassKop left, and whether it has really gone.

- A StatefulSet of CassKop's that is the one we would make counts as up to date, without a write to it.
- A rack that was taken apart to let its volumes grow is put together again as it was, from the copy in
  status: the pods that were left running go on.
- What its user changes from then on, the content of its ConfigMap included, is rolled by the operator; what
  differed before is left alone.
- While CassKop leads in a namespace, nothing is done there: two operators would undo each other's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster, RackStatus
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.builders.apidefaults import stored_statefulset
from controller.builders.copies import read_copy
from controller.executors.base import Bodies
from controller.kube.apply import drifted
from controller.kube.casskop_lock import casskop_leader
from controller.kube.client import KubeClient
from controller.reconcile.snapshot import template_revision
from controller.reconcile.stores import Object, Stores
from controller.runtime.store import Key

# What we leave on a StatefulSet, and what says which template it has.
_OURS = frozenset({names.TEMPLATE_REVISION, names.TEMPLATE_HASH, names.LAST_CHANGE, names.RESTART_SEEN})


@attrs.frozen(kw_only=True)
class CassKop:
    """Watches for the other operator."""

    client: KubeClient
    stores: Stores

    def leads(self, namespace: str) -> str | None:
        """Return the name of the pod in which CassKop leads in *namespace*, None if it does not.

        Only where there is a lock is anything read. Raises the client's errors: then nobody knows.
        """
        if self.stores.config_maps.get(Key(namespace, names.CASSKOP_LOCK)) is None:
            return None
        return casskop_leader(self.client, namespace)


def template_hash(live: Object, body: Object) -> str | None:
    """Return the hash of the template that *live* has, None if it cannot be told.

    CassKop leaves none. If *live* is what *body* would be once it is stored, it is that of *body*.
    """
    annotations = live["metadata"].get("annotations") or {}
    hashed: str | None = annotations.get(names.TEMPLATE_HASH)
    if hashed is not None or template_revision(live) != Revision.CASSKOP:
        return hashed
    if differing(live, body):
        return None
    own: str = body["metadata"]["annotations"][names.TEMPLATE_HASH]
    return own


def is_ours_to_roll(live: Object, body: Object, status: RackStatus | None, restarted_at: str | None) -> bool:
    """Tell whether *live*, a StatefulSet of CassKop's, is to wait for the operator before its pods restart.

    *body* is what it should be if it goes on to roll by itself. It is ours once it was made to wait. Till
    then it is only if something is to change that its user has asked for: since it was what the spec asks
    for, or by a restart. Whatever else differs is CassKop's doing, and a reason to restart nobody.
    """
    if (live["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        return True
    annotations = live["metadata"].get("annotations") or {}
    if template_hash(live, body) == body["metadata"]["annotations"][names.TEMPLATE_HASH]:
        return False
    labels = live["spec"]["template"]["metadata"].get("labels") or {}
    return (
        names.TEMPLATE_HASH in annotations
        or (status is not None and status.taken_over_template is not None)
        or restarted_at != labels.get(names.ROLLING_RESTART)
    )


def contents_count(
    live: Object, body: Object, status: RackStatus | None, restarted_at: str | None, contents: str | None
) -> bool:
    """Tell whether pods of *live*, a StatefulSet of CassKop's, carry the hash *contents* of their ConfigMap.

    CassKop's do not, and get it by no restart for its own sake. They do once they have it; they get it with
    the first roll, whatever that is for; and by a roll once their ConfigMap holds something else than when
    it was first looked at. *body* is what *live* should be without it.
    """
    if names.CONFIG_MAP_HASH in (live["spec"]["template"]["metadata"].get("annotations") or {}):
        return True
    if contents is None:
        return False
    if status is not None and status.taken_over_contents not in {None, contents}:
        return True
    return _outdated(live, body) and is_ours_to_roll(live, body, status, restarted_at)


def _outdated(live: Object, body: Object) -> bool:
    """Tell whether pods of *live* would be restarted for *body*, and not only be rolled in another way.

    The mark of a login is put on *body* later, and is not missed yet.
    """
    mark = f"template.metadata.annotations[{names.LOGIN}]"
    return any(path.startswith("template.") and path != mark for path in differing(live, body))


def differing(live: Object, body: Object) -> tuple[str, ...]:
    """Return the JSON paths in which the StatefulSets *live* and *body* differ, but for their sizes."""
    made = stored_statefulset({"spec": body["spec"]})["spec"]
    have, want = _compared(live["spec"]), _compared(made)
    return tuple(sorted({*drifted(have, want), *drifted(want, have)}))


def without_copies(body: Object) -> Object:
    """Return *body* without the annotation that stores leave out, so that it is not missed in them."""
    metadata = body["metadata"]
    annotations = {k: v for k, v in metadata["annotations"].items() if k != names.CASSKOP_LAST_APPLIED}
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def taken_apart(cluster: CassandraCluster, live: Mapping[str, Object]) -> dict[str, Object]:
    """Return the StatefulSets that were deleted to be made again with larger volumes, by rack.

    CassKop and we keep each in status meanwhile. What cannot be read there is left out.
    """
    racks = cluster.status.cassandra_rack_status.values()
    if not any(rack.stateful_set_snapshot_before_storage_resize for rack in racks):
        return {}
    full = with_defaults(cluster, revision=Revision.CASSKOP)
    found: dict[str, Object] = {}
    for dc, rack in effective.racks(full):
        name = names.rack_name(dc.name, rack.name)
        status = cluster.status.cassandra_rack_status.get(name)
        text = status.stateful_set_snapshot_before_storage_resize if status is not None else None
        if name not in live and text:
            obj = read_copy(text)
            if obj is not None and obj["metadata"].get("name") == names.statefulset(
                cluster.name, dc.name, rack.name
            ):
                found[name] = obj
    return found


def put_together(bodies: Bodies, apart: Mapping[str, Object]) -> Bodies:
    """Return *bodies* in which the racks of *apart* are exactly what they were, but for the size.

    They carry our annotations as they did, CassKop's none: whether they are what the spec asks for is looked
    at once they exist.
    """

    def statefulset(rack: str, size: int) -> Mapping[str, Any]:
        body = bodies.statefulset(rack, size)
        if rack not in apart:
            return body
        metadata = body["metadata"]
        annotations = {k: v for k, v in metadata["annotations"].items() if k not in _OURS}
        had = apart[rack]["metadata"].get("annotations") or {}
        annotations |= {key: had[key] for key in _OURS if key in had}
        spec = {**body["spec"], **apart[rack]["spec"], "replicas": size}
        return {**body, "metadata": {**metadata, "annotations": annotations}, "spec": spec}

    return attrs.evolve(bodies, statefulset=statefulset) if apart else bodies


def _compared(spec: Object) -> dict[str, Any]:
    """Return what two StatefulSets are compared by."""
    return {key: value for key, value in spec.items() if key not in ("replicas", "volumeClaimTemplates")}
