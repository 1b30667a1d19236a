"""
CassandraCluster, the object that users write: metadata, spec and status as frozen values.

Nothing here computes: absent stays absent. A value is made by `codec.decode_cluster`; it is never
written back as a spec, because fields that we do not know would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.api.v2.access import Access, JolokiaLogin, SecretRef
from controller.api.v2.additions import (
    BackRestSidecar,
    JmxConfiguration,
    PodPolicy,
    ServicePolicy,
    StorageConfig,
)
from controller.api.v2.fields import doc
from controller.api.v2.freedoms import ChangePolicy, NodeReplacement, Rollout, RolloutStrategy
from controller.api.v2.jsonvalues import EMPTY
from controller.api.v2.spec import ClusterSpec
from controller.api.v2.status import (
    ActionName,
    ActionStatus,
    ClusterStatus,
    Condition,
    DueOperation,
    LastAction,
    NodeRemoval,
    NodeRestart,
    NodeStatus,
    OperationName,
    PendingChange,
    Phase,
    PodLastOperation,
    RackStatus,
    RollStatus,
    Streaming,
    SubPhase,
)
from controller.api.v2.topology import DC, Rack, Topology

GROUP = "db.orange.com"
VERSION = "v2"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "CassandraCluster"


@attrs.frozen(kw_only=True)
class ObjectMeta:
    """The part of an object's metadata that we read. *uid* is empty before the object is stored."""

    name: str = attrs.field(metadata=doc("Name of the object."))
    namespace: str = attrs.field(default="", metadata=doc("Namespace of the object."))
    uid: str = attrs.field(default="", metadata=doc("Identity of the object, never used again."))
    generation: int = attrs.field(default=0, metadata=doc("Number of the spec.", format="int64"))
    resource_version: str = attrs.field(default="", metadata=doc("Version of the object."))
    labels: Mapping[str, str] = attrs.field(default=EMPTY, metadata=doc("Labels."))
    annotations: Mapping[str, str] = attrs.field(default=EMPTY, metadata=doc("Annotations."))
    deletion_timestamp: dt.datetime | None = attrs.field(
        default=None, metadata=doc("When its deletion was asked for.")
    )
    finalizers: tuple[str, ...] = attrs.field(default=(), metadata=doc("Who has to clean up before it goes."))


@attrs.frozen(kw_only=True)
class CassandraCluster:
    """A Cassandra cluster, as its user described it and as the operator last saw it."""

    metadata: ObjectMeta
    spec: ClusterSpec = attrs.field(factory=ClusterSpec)
    status: ClusterStatus = attrs.field(factory=ClusterStatus)

    @property
    def name(self) -> str:
        """Name of the object, and of the Cassandra cluster."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Namespace of the object and of everything made for it."""
        return self.metadata.namespace


__all__ = [
    "API_VERSION",
    "DC",
    "GROUP",
    "KIND",
    "VERSION",
    "Access",
    "ActionName",
    "ActionStatus",
    "BackRestSidecar",
    "CassandraCluster",
    "ChangePolicy",
    "ClusterSpec",
    "ClusterStatus",
    "Condition",
    "DueOperation",
    "JmxConfiguration",
    "JolokiaLogin",
    "LastAction",
    "NodeRemoval",
    "NodeReplacement",
    "NodeRestart",
    "NodeStatus",
    "ObjectMeta",
    "OperationName",
    "PendingChange",
    "Phase",
    "PodLastOperation",
    "PodPolicy",
    "Rack",
    "RackStatus",
    "RollStatus",
    "Rollout",
    "RolloutStrategy",
    "SecretRef",
    "ServicePolicy",
    "StorageConfig",
    "Streaming",
    "SubPhase",
    "Topology",
]
