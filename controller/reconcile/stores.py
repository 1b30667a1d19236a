"""
The stores that a reconcile reads, and how an object of ours leads to the cluster that owns it.

Objects are kept packed: a cluster of nine nodes has thirty, and there may be a thousand clusters. Reading
one costs the processor tens of microseconds, so a reconcile should read each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.runtime.packing import Packer
from controller.runtime.store import Indexer, Key, Store

Object = Mapping[str, Any]
ObjectStore = Store[Object]

# The one index that all stores of owned objects have.
BY_CLUSTER: Final = "cluster"
# Clusters by the Secrets and ConfigMaps that their spec names.
BY_SECRET: Final = "secret"  # noqa: S105 -- the name of an index
BY_CONFIG_MAP: Final = "configmap"


def owner(obj: Object) -> Iterable[Key]:
    """Yield the key of the cluster that *obj* belongs to, if it names one."""
    key = kinds.owner_key(obj)
    if key is not None:
        yield key


def named_secrets(cluster: Object) -> Iterable[Key]:
    """Yield the Secrets whose change the cluster has to hear of."""
    yield from _named(cluster, "imageJolokiaSecret", "name")


def named_config_maps(cluster: Object) -> Iterable[Key]:
    """Yield the ConfigMap that the cluster's pods mount."""
    name = (cluster.get("spec") or {}).get("configMapName")
    if isinstance(name, str) and name:
        yield Key(cluster["metadata"].get("namespace", ""), name)


def _named(cluster: Object, field: str, inner: str) -> Iterable[Key]:
    value = (cluster.get("spec") or {}).get(field)
    name = value.get(inner) if isinstance(value, Mapping) else None
    if isinstance(name, str) and name:
        yield Key(cluster["metadata"].get("namespace", ""), name)


def _packed(**indexers: Indexer[Object]) -> ObjectStore:
    return Store(indexers=indexers, entry=Packer())


def _owned() -> ObjectStore:
    return _packed(**{BY_CLUSTER: owner})


@attrs.frozen(kw_only=True)
class Stores:
    """One store a kind. Secrets are held as metadata only: their content is read when it is needed."""

    clusters: ObjectStore = attrs.field(
        factory=lambda: _packed(**{BY_SECRET: named_secrets, BY_CONFIG_MAP: named_config_maps})
    )
    statefulsets: ObjectStore = attrs.field(factory=_owned)
    pods: ObjectStore = attrs.field(factory=_owned)
    claims: ObjectStore = attrs.field(factory=_owned)
    services: ObjectStore = attrs.field(factory=_owned)
    budgets: ObjectStore = attrs.field(factory=_owned)
    policies: ObjectStore = attrs.field(factory=_owned)
    config_maps: ObjectStore = attrs.field(factory=_owned)
    secrets: ObjectStore = attrs.field(factory=_packed)

    def by_kind(self) -> Mapping[Kind, ObjectStore]:
        """Return every store under the kind it holds."""
        return {
            kinds.CASSANDRA_CLUSTER: self.clusters,
            kinds.STATEFULSET: self.statefulsets,
            kinds.POD: self.pods,
            kinds.PERSISTENT_VOLUME_CLAIM: self.claims,
            kinds.SERVICE: self.services,
            kinds.POD_DISRUPTION_BUDGET: self.budgets,
            kinds.NETWORK_POLICY: self.policies,
            kinds.CONFIG_MAP: self.config_maps,
            kinds.SECRET: self.secrets,
        }
