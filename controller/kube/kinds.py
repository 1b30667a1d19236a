"""
The kinds of object that we touch: where the API server has them, and what of them is kept in memory.

What a kind's `transform` leaves out is not there for any decision; a plan that needs it reads the object
live. What is kept may share parts with the object that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import attrs

from controller.api.v2 import names
from controller.runtime.store import Key

Object = Mapping[str, Any]

# All that belongs to any cluster, ours or CassKop's.
OWNED_SELECTOR = f"{names.APP}={names.APP_VALUE}"


@attrs.frozen(kw_only=True)
class Kind:
    """
    A kind at one version of the API; *group* is "" for the core group.

    *transform* makes of an object, as decoded from JSON, what a store keeps of it.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    transform: Callable[[Object], Object] = attrs.field(eq=False, repr=False)

    @transform.default
    def _whole(self) -> Callable[[Object], Object]:
        return whole(self.api_version, self.kind)

    @property
    def api_version(self) -> str:
        """How objects name group and version: `apps/v1`, or `v1` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """
        Return the path of an object, or of the collection without *name*.

        Without *namespace* it is the collection over all namespaces.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(quote(part, safe="") for part in parts)

    def named(self, namespace: str, name: str) -> str:
        """Return the object's name for people: `Pod prod/cc-dc1-rack1-0`."""
        return f"{self.kind} {namespace}/{name}" if self.namespaced and namespace else f"{self.kind} {name}"


def owner_key(obj: Object) -> Key | None:
    """Return the key of the CassandraCluster that an owned object belongs to, None if it names none."""
    metadata = obj["metadata"]
    name = (metadata.get("labels") or {}).get(names.CLUSTER)
    return Key(metadata.get("namespace", ""), name) if name else None


# -- transforms

# Annotations that repeat the whole object for tools other than us.
_COPIES = frozenset({"kubectl.kubernetes.io/last-applied-configuration", names.CASSKOP_LAST_APPLIED})
_METADATA = ("name", "namespace", "uid", "resourceVersion", "deletionTimestamp")
_POD_METADATA = (*_METADATA, "labels", "creationTimestamp", "ownerReferences")
# What others note on a pod may be large; ours is for plans.
_POD_ANNOTATIONS = (names.OPERATION, names.OPERATION_REQUEST, names.BEFORE_TOLD)
_POD_SPEC = ("nodeName", "hostname", "subdomain")
_POD_STATUS = ("phase", "podIP", "startTime")
_CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
_CONTAINER_STATUS = ("name", "ready", "started", "restartCount")


def whole(api_version: str, kind: str) -> Callable[[Object], Object]:
    """Return the transform that keeps all but what the server and other tools keep for themselves."""

    def transform(obj: Object) -> Object:
        return _made(obj, obj["metadata"], api_version, kind)

    return transform


def without(api_version: str, kind: str, *left_out: str) -> Callable[[Object], Object]:
    """Return the transform that is `whole`, but for the members in *left_out*."""

    def transform(obj: Object) -> Object:
        kept = {key: value for key, value in obj.items() if key not in left_out}
        return _made(kept, obj["metadata"], api_version, kind)

    return transform


def pod(obj: Object) -> Object:
    """Return who a pod is, where it runs and how its containers are; not what it is made from."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _some(obj["metadata"], _POD_METADATA) | _pod_annotations(obj["metadata"]),
        "spec": _some(spec, _POD_SPEC)
        | {
            "containers": _images(spec.get("containers")),
            "initContainers": _images(spec.get("initContainers")),
            "volumes": _claims(spec.get("volumes")),
        },
        "status": _some(status, _POD_STATUS)
        | {
            "conditions": [_some(each, _CONDITION) for each in status.get("conditions") or ()],
            "containerStatuses": _container_statuses(status.get("containerStatuses")),
            "initContainerStatuses": _container_statuses(status.get("initContainerStatuses")),
        },
    }


def _pod_annotations(metadata: Object) -> dict[str, dict[str, str]]:
    """Return the annotations of a pod that plans read, if it has any."""
    annotations = metadata.get("annotations") or {}
    kept = {key: annotations[key] for key in _POD_ANNOTATIONS if key in annotations}
    return {"annotations": kept} if kept else {}


def reference(api_version: str, kind: str) -> Callable[[Object], Object]:
    """Return the transform that keeps only which object it is, and at which version."""

    def transform(obj: Object) -> Object:
        return {"apiVersion": api_version, "kind": kind, "metadata": _some(obj["metadata"], _METADATA)}

    return transform


def config_map(obj: Object) -> Object:
    """Return a ConfigMap of ours whole, and of another only which it is: it may be large."""
    if owner_key(obj) is None:
        return reference("v1", "ConfigMap")(obj)
    return whole("v1", "ConfigMap")(obj)


def secret(obj: Object) -> Object:
    """Return which Secret it is; of one of ours, whose. What it holds is kept of none."""
    if owner_key(obj) is None:
        return reference("v1", "Secret")(obj)
    kept = (*_METADATA, "labels", "ownerReferences")
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _some(obj["metadata"], kept)}


def _made(kept: Object, metadata: Object, api_version: str, kind: str) -> Object:
    # Objects in lists do not say what they are; those in events do.
    return {**kept, "apiVersion": api_version, "kind": kind, "metadata": _metadata(metadata)}


def _metadata(metadata: Object) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in ("managedFields", "selfLink")}
    annotations = metadata.get("annotations")
    if annotations:
        kept["annotations"] = {key: value for key, value in annotations.items() if key not in _COPIES}
    return {key: value for key, value in kept.items() if value is not None}


def _some(obj: Object, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return those *keys* that *obj* has."""
    return {key: value for key in keys if (value := obj.get(key)) is not None}


def _images(containers: list[Object] | None) -> list[Object]:
    return [{"name": each["name"], "image": each.get("image")} for each in containers or ()]


def _claims(volumes: list[Object] | None) -> list[Object]:
    """Return the volumes that are PersistentVolumeClaims."""
    return [
        {"name": each["name"], "persistentVolumeClaim": {"claimName": claim["claimName"]}}
        for each in volumes or ()
        if (claim := each.get("persistentVolumeClaim"))
    ]


def _container_statuses(statuses: list[Object] | None) -> list[Object]:
    return [
        _some(each, _CONTAINER_STATUS)
        | {
            "state": _container_state(each.get("state")),
            "lastState": _container_state(each.get("lastState")),
        }
        for each in statuses or ()
    ]


def _container_state(state: Object | None) -> Object:
    return {
        name: {key: value for key, value in details.items() if key != "containerID"}
        for name, details in (state or {}).items()
        if details is not None
    }


# -- the kinds

CASSANDRA_CLUSTER = Kind(
    group="db.orange.com", version="v2", plural="cassandraclusters", kind="CassandraCluster"
)
STATEFULSET = Kind(group="apps", version="v1", plural="statefulsets", kind="StatefulSet")
CONTROLLER_REVISION = Kind(
    group="apps", version="v1", plural="controllerrevisions", kind="ControllerRevision"
)
POD = Kind(group="", version="v1", plural="pods", kind="Pod", transform=pod)
PERSISTENT_VOLUME_CLAIM = Kind(
    group="", version="v1", plural="persistentvolumeclaims", kind="PersistentVolumeClaim"
)
SERVICE = Kind(
    group="",
    version="v1",
    plural="services",
    kind="Service",
    transform=without("v1", "Service", "status"),
)
POD_DISRUPTION_BUDGET = Kind(
    group="policy", version="v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget"
)
NETWORK_POLICY = Kind(group="networking.k8s.io", version="v1", plural="networkpolicies", kind="NetworkPolicy")
CONFIG_MAP = Kind(group="", version="v1", plural="configmaps", kind="ConfigMap", transform=config_map)
SECRET = Kind(group="", version="v1", plural="secrets", kind="Secret", transform=secret)
LEASE = Kind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
EVENT = Kind(group="events.k8s.io", version="v1", plural="events", kind="Event")
CORE_EVENT = Kind(group="", version="v1", plural="events", kind="Event")
STORAGE_CLASS = Kind(
    group="storage.k8s.io", version="v1", plural="storageclasses", kind="StorageClass", namespaced=False
)
NODE = Kind(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
NAMESPACE = Kind(group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False)
