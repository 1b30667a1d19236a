"""
What a cluster stands on: Kubernetes nodes and volumes, as far as where pods can be depends on them.

Both are none of the namespace's, and many users may not see them; then they are missing, and `unread` of
the world says why. The operator itself goes by neither, so that a plan does without them.
"""

from __future__ import annotations

from typing import Final

import attrs

from controller.kube import kinds
from controller.kube.errors import ForbiddenError
from controller.kube.kinds import Kind
from controller.plugin.session import Object, Session
from controller.plugin.world import World

VOLUME: Final = Kind(
    group="", version="v1", plural="persistentvolumes", kind="PersistentVolume", namespaced=False
)
_SPEC: Final = {
    kinds.NODE: ("taints", "unschedulable"),
    VOLUME: ("capacity", "claimRef", "nodeAffinity", "persistentVolumeReclaimPolicy", "storageClassName"),
}


def with_surroundings(session: Session, world: World) -> World:
    """Return *world* with all nodes, and the volumes of its claims."""
    claimed = {(c.get("spec") or {}).get("volumeName") for c in world.of(kinds.PERSISTENT_VOLUME_CLAIM)}
    objects, unread = dict(world.objects), dict(world.unread)
    for kind in (kinds.NODE, VOLUME):
        try:
            found = session.cluster_wide(kind)
        except ForbiddenError as error:
            unread[kind.plural] = str(error)
            continue
        wanted = [obj for obj in found if kind == kinds.NODE or obj["metadata"]["name"] in claimed]
        objects[kind.plural] = tuple(_lean(kind, obj) for obj in wanted)
    return attrs.evolve(world, objects=objects, unread=unread)


def _lean(kind: Kind, obj: Object) -> Object:
    """Return of *obj* what says which pods it takes."""
    metadata, spec, status = (obj.get(part) or {} for part in ("metadata", "spec", "status"))
    kept: Object = {
        "metadata": {key: metadata[key] for key in ("name", "uid", "labels") if key in metadata},
        "spec": {key: spec[key] for key in _SPEC[kind] if key in spec},
    }
    if kind == kinds.NODE:
        ready = [c for c in status.get("conditions") or () if c.get("type") == "Ready"]
        kept["status"] = {"conditions": ready}
    else:
        kept["status"] = {key: status[key] for key in ("phase",) if key in status}
    return kept
