"""
What the parts of a rack's StatefulSet are built from.

`Kept` is what a StatefulSet that exists holds on to: some of it Kubernetes does not let change, some of
it would restart nodes for no good reason if it followed the operator or the CassandraCluster.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from controller.api.v2 import effective, names
from controller.api.v2.cluster import DC, CassandraCluster, Rack, StorageConfig
from controller.api.v2.jsonvalues import JsonMap
from controller.api.v2.revision import Revision


@attrs.frozen(kw_only=True)
class Images:
    """Images that do not come from a spec: *own* is the operator's, in its full name."""

    own: str


@attrs.frozen(kw_only=True)
class Kept:
    """What stays as it is in an existing StatefulSet; None where there is nothing to keep.

    - *labels*: the CassandraCluster's labels when it was made; they are part of selectors.
    - *pod_management_policy*, *claims* (names of the claim templates): fixed by Kubernetes.
    - *capacity*: size in the `data` claim template; it changes only when the volumes grow.
    - *own_image*: the operator image that its pods were made with.
    - *restarted_at*: when a rolling restart was last asked for; a new value makes new pods.
    """

    labels: Mapping[str, str] | None = None
    pod_management_policy: str | None = None
    claims: frozenset[str] | None = None
    capacity: str | None = None
    own_image: str | None = None
    restarted_at: str | None = None

    @classmethod
    def of(cls, statefulset: JsonMap) -> Kept:
        """Return what the StatefulSet with this JSON keeps."""
        spec = statefulset["spec"]
        template = spec["template"]
        claims = {claim["metadata"]["name"]: claim for claim in spec.get("volumeClaimTemplates") or ()}
        data = claims.get(names.DATA)
        return cls(
            labels=names.user_labels(spec["selector"]["matchLabels"]),
            pod_management_policy=spec.get("podManagementPolicy"),
            claims=frozenset(claims),
            capacity=data["spec"]["resources"]["requests"]["storage"] if data else None,
            own_image=_own_image(template["spec"].get("initContainers") or ()),
            restarted_at=(template["metadata"].get("labels") or {}).get(names.ROLLING_RESTART),
        )


@attrs.frozen(kw_only=True)
class Storage:
    """The volumes of a node that outlive its pod.

    *capacity* is None for a node without a data volume; *scratch* gives it a directory that lives as
    long as its pod. *mounted* says whether Cassandra sees the data volume at all.
    """

    capacity: str | None
    storage_class: str | None
    extra: tuple[StorageConfig, ...]
    mounted: bool
    scratch: bool


@attrs.frozen(kw_only=True)
class Context:
    """One rack with everything that its objects depend on. *cluster* has its defaults."""

    cluster: CassandraCluster
    dc: DC
    rack: Rack
    seeds: tuple[str, ...]
    revision: Revision
    own_image: str
    kept: Kept
    storage: Storage

    @property
    def hardened(self) -> bool:
        """Whether this is our template, not CassKop's."""
        return self.revision is not Revision.CASSKOP

    @property
    def own_bootstrap(self) -> bool:
        """Whether `bootstrap` is ours, and installs what our probes and hooks call."""
        return self.cluster.spec.bootstrap_image is None

    @property
    def selector_labels(self) -> dict[str, str]:
        """Labels that select this rack's pods, as they were when its StatefulSet was made."""
        user = self.cluster.metadata.labels if self.kept.labels is None else self.kept.labels
        return names.rack_labels(self.cluster.name, self.dc.name, self.rack.name, user)


def storage_of(cluster: CassandraCluster, dc: DC, revision: Revision, kept: Kept) -> Storage:
    """Return the storage of the nodes of *dc*.

    CassKop mounts the data volume by the cluster's capacity although it makes it by the data centre's,
    and drops further volumes when there is no data volume.
    """
    capacity = kept.capacity or effective.data_capacity(cluster, dc)
    extra = cluster.spec.storage_configs
    if kept.claims is not None:
        capacity = capacity if names.DATA in kept.claims else None
        extra = tuple(volume for volume in extra if volume.name in kept.claims)
    hardened = revision is not Revision.CASSKOP
    return Storage(
        capacity=capacity,
        storage_class=effective.data_storage_class(cluster, dc),
        extra=extra if capacity or hardened else (),
        mounted=hardened or bool(cluster.spec.data_capacity),
        scratch=hardened and not capacity,
    )


def _own_image(init_containers: tuple[JsonMap, ...]) -> str | None:
    """Return the operator's image among *init_containers*: it is the one that is told what to be."""
    for container in init_containers:
        if container["name"] in (names.CONFIG_BUILDER, names.BOOTSTRAP) and list(
            container.get("args") or ()
        ) == [container["name"]]:
            image: str = container["image"]
            return image
    return None
