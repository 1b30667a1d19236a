"""
The objects of a model as an API server keeps them: with versions, generations and what pods were made from.

What a StatefulSet says of revisions is decided as its template is stored; whether anybody has seen it is
not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import Any

from controller.builders.hashing import short_hash
from controller.domain.live import Attribute, Value
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.plugin.model_objects import kept, template_mark
from controller.plugin.session import Object
from controller.plugin.world import OWNED, World
from controller.reconcile.stores import Stores
from controller.runtime.store import Entry, Key


class ModelStore:
    """The objects of *world* at *now*, and the operator's stores that show them."""

    def __init__(self, world: World, now: dt.datetime) -> None:
        self.now = now
        self.namespace = world.namespace
        self.cluster = world.cluster
        self.stores = Stores()
        self.objects: dict[Kind, dict[str, Object]] = {
            kind: {str(obj["metadata"]["name"]): obj for obj in world.of(kind)}
            for kind in (*OWNED, kinds.SECRET, kinds.CONTROLLER_REVISION)
        }
        # What nodes were told while they ran, by pod.
        self.told: dict[str, dict[Attribute, Value]] = {}
        # Pods whose nodes have left the ring.
        self.left: set[str] = set()
        # StatefulSets that were taken away from their pods, which run on.
        self.apart: dict[str, Object] = {}
        # UIDs of what was made here.
        self.made: set[str] = set()
        self._read = frozenset(world.objects)
        self._beside = world.of(kinds.STORAGE_CLASS)
        self._version = 10**12
        self.load()

    def load(self) -> None:
        """Show the objects as they are now."""
        for kind, store in self.stores.by_kind().items():
            there = (
                [self.cluster]
                if kind == kinds.CASSANDRA_CLUSTER
                else list(self.objects.get(kind, {}).values())
            )
            store.replace(
                Entry(
                    Key(self.namespace, obj["metadata"]["name"]),
                    str(obj["metadata"].get("resourceVersion", "")),
                    kind.transform(obj),
                )
                for obj in there
            )

    def there(self, plural: str) -> Iterable[Object] | None:
        """Return the objects of a kind as they are now; None if it was not read."""
        if plural == kinds.STORAGE_CLASS.plural:
            return self._beside if plural in self._read else None
        kind = next((kind for kind in self.objects if kind.plural == plural), None)
        return None if kind is None or plural not in self._read else self.objects[kind].values()

    def put(self, kind: Kind, body: Mapping[str, Any], *, new: bool = False) -> None:
        """Store *body* as it is, over what there is of that name."""
        name = str(body["metadata"]["name"])
        old = None if new else self.objects[kind].get(name)
        self._version += 1
        metadata = {
            **body["metadata"],
            "namespace": self.namespace,
            "uid": old["metadata"]["uid"] if old else f"new-{self._version}",
            "generation": (old["metadata"].get("generation", 0) if old else 0) + 1,
            "resourceVersion": str(self._version),
        }
        if old is None:
            self.made.add(metadata["uid"])
        obj: Object = {**body, "metadata": metadata}
        if kind == kinds.STATEFULSET:
            obj["status"] = self._status_after(old or self.apart.get(name), obj)
            self._revise(obj)
        self.objects[kind][name] = obj

    def _status_after(self, old: Object | None, obj: Object) -> Object:
        """Return the status of a StatefulSet that is *obj* now: pods of another template are outdated."""
        name = obj["metadata"]["name"]
        if old is not None and template_mark(old) == template_mark(obj):
            return dict(old.get("status") or {})
        if old is None:
            # It is made again as its pods are: it was taken away from them before all this.
            for each, pod in sorted(self.objects[kinds.POD].items(), reverse=True):
                labels = pod["metadata"].get("labels") or {}
                mine = each.rpartition("-")[0] == name and not pod["metadata"].get("ownerReferences")
                if mine and "controller-revision-hash" in labels:
                    return {"updateRevision": labels["controller-revision-hash"]}
        return {"updateRevision": f"{name}-{short_hash(obj['spec']['template'])}"}

    def _revise(self, obj: Object) -> None:
        """Keep what pods are made from, as Kubernetes does."""
        name = obj["status"].get("updateRevision")
        if name is not None and name not in self.objects[kinds.CONTROLLER_REVISION]:
            self.objects[kinds.CONTROLLER_REVISION][name] = {
                "metadata": {"name": name, "ownerReferences": [{"uid": obj["metadata"]["uid"]}]},
                "data": {"spec": {"template": kept(obj)}},
            }

    def change(self, kind: Kind, name: str, **parts: Mapping[str, Any]) -> None:
        """Put *parts*, which are `metadata`, `spec` and `status`, in place of those that an object has."""
        obj = self.objects[kind][name]
        self._version += 1
        metadata = {**(parts.get("metadata") or obj["metadata"]), "resourceVersion": str(self._version)}
        if "spec" in parts:
            metadata["generation"] = metadata.get("generation", 0) + 1
        self.objects[kind][name] = {**obj, **parts, "metadata": metadata}
