"""
How what exists of a cluster compares with what is wanted, and what that depends on.

Building what is wanted and comparing it field by field is most of a reconcile's work, so the result is
kept until something that it was made from has changed; `made_from` names all of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.domain.desired import Desired
from controller.domain.observed import Rack, SharedObject
from controller.kube.apply import drifted
from controller.reconcile import snapshot, takeover
from controller.reconcile.ours import owners
from controller.reconcile.stores import BY_CLUSTER, Object, Stores
from controller.reconcile.wish import Wish
from controller.runtime.store import Key

_SHARED: Final = {
    "Service": "services",
    "PodDisruptionBudget": "budgets",
    "NetworkPolicy": "policies",
    "ConfigMap": "config_maps",
}


@attrs.frozen
class Mark:
    """What is known of a rack's StatefulSet only beside the wanted one; None leaves it as it was read."""

    template_hash: str | None = None
    drift: tuple[str, ...] | None = None
    released: bool = False

    def on(self, rack: Rack) -> Rack:
        """Return *rack* with the mark on its StatefulSet."""
        assert rack.statefulset is not None
        have = rack.statefulset
        known = attrs.evolve(
            have,
            template_hash=have.template_hash if self.template_hash is None else self.template_hash,
            drift=have.drift if self.drift is None else self.drift,
            released=self.released,
        )
        return attrs.evolve(rack, statefulset=known)


@attrs.frozen(kw_only=True)
class Kept:
    """What is kept of a wish between two reconciles, and how it compared: names and hashes, no objects."""

    desired: Desired
    seeds: tuple[str, ...]
    marks: Mapping[str, Mark]
    shared: Mapping[str, SharedObject]


def compare(
    stores: Stores, key: Key, cluster: CassandraCluster, live: Mapping[str, Object], wanted: Wish
) -> Kept:
    """Return what is kept of *wanted*, and how it compares with what exists."""
    return Kept(
        desired=wanted.desired,
        seeds=wanted.seeds,
        marks=_marks(live, wanted),
        shared=_shared(stores, key, cluster.metadata.uid, wanted),
    )


def shared_objects(stores: Stores, key: Key) -> Iterator[Object]:
    """Yield the objects that the cluster's racks share, as far as their labels tell."""
    for store in (stores.services, stores.budgets, stores.policies, stores.config_maps):
        yield from store.find(BY_CLUSTER, key)


def made_from(
    cluster: CassandraCluster,
    live: Mapping[str, Object],
    apart: Mapping[str, Object],
    everyone: frozenset[str],
    contents: str | None,
) -> tuple[object, ...]:
    """Return what a wish and its comparison are made from, to be told from the last time's."""
    return (
        attrs.evolve(cluster.metadata, resource_version=""),
        cluster.spec,
        cluster.status.seed_list,
        versions(live.values()),
        sorted(apart.items()),
        sorted(everyone),
        contents,
    )


def versions(objects: Iterable[Object]) -> list[tuple[str, str]]:
    """Return which objects there are, each at which version."""
    return sorted((obj["metadata"]["uid"], obj["metadata"]["resourceVersion"]) for obj in objects)


def marked(racks: Mapping[str, Rack], marks: Mapping[str, Mark]) -> dict[str, Rack]:
    """Put *marks* on the racks that have one."""
    return {name: marks[name].on(rack) if name in marks else rack for name, rack in racks.items()}


def _marks(live: Mapping[str, Object], wanted: Wish) -> dict[str, Mark]:
    """Return for each rack which of our fields somebody else has changed."""
    hashes = {want.name: want.template_hash for want in wanted.desired.racks}
    marks: dict[str, Mark] = {}
    for name in live.keys() & hashes.keys():
        have = snapshot.statefulset(live[name])
        body = wanted.bodies.statefulset(name, have.running)
        hashed = takeover.template_hash(live[name], body)
        if have.template_hash is None:
            # CassKop's: the one that we would make, or it differs in what no plan puts back.
            marks[name] = Mark(template_hash=hashed, released=_released(body))
        elif hashed == hashes[name]:
            marks[name] = Mark(drift=drifted(live[name], takeover.without_copies(body)))
        else:
            # It is brought up to date anyway; what differs is the spec's doing.
            marks[name] = Mark(released=_released(body))
    return marks


def _released(body: Object) -> bool:
    """Tell whether *body* leaves the restarts of its pods to the operator."""
    return bool(body["spec"]["updateStrategy"]["type"] == "OnDelete")


def _shared(stores: Stores, key: Key, uid: str, wanted: Wish) -> dict[str, SharedObject]:
    """Return what exists of the shared objects of the cluster with *uid*, and who has edited them."""
    found: dict[str, SharedObject] = {}
    for name, body in wanted.bodies.shared.items():
        store = getattr(stores, _SHARED[body["kind"]])
        obj = store.get(Key(key.namespace, body["metadata"]["name"]))
        if obj is not None and uid in owners(obj):
            annotations = obj["metadata"].get("annotations") or {}
            found[name] = SharedObject(hash=annotations.get(names.OBJECT_HASH), drift=drifted(obj, body))
    return found
