"""
The kinds that the server has: Kubernetes' own in a table, custom ones added at run time.

A path of a kind that Kubernetes has and simkube does not is answered with 501, so that nobody takes
its absence for the absence of objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import functools

import attrs

from e2e.simkube import builtin, errors
from e2e.simkube.schema import Schema
from e2e.simkube.store import Place
from e2e.simkube.types import ANY, Type
from e2e.simkube.values import Json, Object

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@attrs.frozen(kw_only=True, eq=False)
class Resource:
    """One kind in one version, as paths and discovery name it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    # What can be asked below an object: name -> verbs.
    subresources: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    singular: str = ""
    list_kind: str = ""
    type_name: str = ""  # of the struct in types.json; none for custom kinds
    place: Place = ("", "")  # where the objects are kept
    generation: tuple[str, ...] = ()  # the parts whose change counts up metadata.generation
    verbs: tuple[str, ...] = VERBS
    definition: Object | None = None  # the CustomResourceDefinition of a custom kind
    schema: Schema | None = None  # the structural schema of a custom kind
    custom_type: Type | None = None  # the same as a shape

    @property
    def api_version(self) -> str:
        """The apiVersion of the objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type(self) -> Type:
        """The shape of the objects."""
        if self.custom_type is not None:
            return self.custom_type
        return builtin.struct(self.type_name) if self.type_name else ANY

    @property
    def custom(self) -> bool:
        """Whether a CustomResourceDefinition made it."""
        return self.definition is not None


_STATUS = {"status": ("get", "patch", "update")}
_SCALE = {"scale": ("get", "patch", "update")}
_SHORT_GROUPS = {
    "": "core",
    "rbac.authorization.k8s.io": "rbac",
    "storage.k8s.io": "storage",
    "coordination.k8s.io": "coordination",
    "networking.k8s.io": "networking",
    "discovery.k8s.io": "discovery",
    "events.k8s.io": "events",
    "apiextensions.k8s.io": "apiextensions",
    "authorization.k8s.io": "authorization",
}


def _own(group: str, plural: str, kind: str, **more: Json) -> Resource:
    made = Resource(
        group=group,
        version="v1",
        plural=plural,
        kind=kind,
        singular=kind.lower(),
        list_kind=f"{kind}List",
        type_name=f"{_SHORT_GROUPS.get(group, group)}.v1.{kind}",
        place=(group, plural),
    )
    return attrs.evolve(made, **more)


_RBAC = "rbac.authorization.k8s.io"
_CRD = "apiextensions.k8s.io"
OWN: tuple[Resource, ...] = (
    _own(
        "",
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        subresources={**_STATUS, "finalize": ("update",)},
        verbs=tuple(verb for verb in VERBS if verb != "deletecollection"),
    ),
    _own(
        "",
        "pods",
        "Pod",
        short_names=("po",),
        categories=("all",),
        subresources={**_STATUS, "binding": ("create",), "eviction": ("create",)},
        generation=("spec",),
    ),
    _own(
        "",
        "services",
        "Service",
        short_names=("svc",),
        categories=("all",),
        subresources=_STATUS,
    ),
    _own("", "configmaps", "ConfigMap", short_names=("cm",)),
    _own("", "secrets", "Secret"),
    _own("", "endpoints", "Endpoints", short_names=("ep",)),
    _own(
        "",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        short_names=("pvc",),
        subresources=_STATUS,
    ),
    _own(
        "",
        "persistentvolumes",
        "PersistentVolume",
        namespaced=False,
        short_names=("pv",),
        subresources=_STATUS,
    ),
    _own("", "nodes", "Node", namespaced=False, short_names=("no",), subresources=_STATUS),
    _own("", "events", "Event", short_names=("ev",)),
    _own("", "serviceaccounts", "ServiceAccount", short_names=("sa",)),
    _own(
        "apps",
        "statefulsets",
        "StatefulSet",
        short_names=("sts",),
        categories=("all",),
        subresources={**_STATUS, **_SCALE},
        generation=("spec",),
    ),
    _own("apps", "controllerrevisions", "ControllerRevision"),
    _own(
        "policy",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        short_names=("pdb",),
        subresources=_STATUS,
        generation=("spec",),
    ),
    _own("storage.k8s.io", "storageclasses", "StorageClass", namespaced=False, short_names=("sc",)),
    _own("coordination.k8s.io", "leases", "Lease"),
    _own("events.k8s.io", "events", "Event", short_names=("ev",), place=("", "events")),
    _own(
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        namespaced=False,
        verbs=("create",),
    ),
    _own(_RBAC, "roles", "Role"),
    _own(_RBAC, "rolebindings", "RoleBinding"),
    _own(_RBAC, "clusterroles", "ClusterRole", namespaced=False),
    _own(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _own(
        "networking.k8s.io",
        "networkpolicies",
        "NetworkPolicy",
        short_names=("netpol",),
        generation=("spec",),
    ),
    _own(
        "discovery.k8s.io",
        "endpointslices",
        "EndpointSlice",
        generation=("addressType", "endpoints", "ports"),
    ),
    _own(
        _CRD,
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=_STATUS,
        generation=("spec",),
    ),
)

# Groups that a real server has: a path in one of them that is not served is lacking, not unknown.
_REAL_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        _RBAC,
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)
_REAL_KINDS = frozenset(
    {
        "apiservices",
        "bindings",
        "certificatesigningrequests",
        "componentstatuses",
        "cronjobs",
        "csidrivers",
        "csinodes",
        "csistoragecapacities",
        "daemonsets",
        "deployments",
        "deviceclasses",
        "flowschemas",
        "horizontalpodautoscalers",
        "ingressclasses",
        "ingresses",
        "ipaddresses",
        "jobs",
        "limitranges",
        "localsubjectaccessreviews",
        "mutatingwebhookconfigurations",
        "podtemplates",
        "priorityclasses",
        "prioritylevelconfigurations",
        "replicasets",
        "replicationcontrollers",
        "resourceclaims",
        "resourceclaimtemplates",
        "resourcequotas",
        "resourceslices",
        "runtimeclasses",
        "selfsubjectreviews",
        "selfsubjectrulesreviews",
        "servicecidrs",
        "subjectaccessreviews",
        "tokenreviews",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
        "volumeattachments",
        "volumeattributesclasses",
    }
)


class Kinds:
    """What is served now."""

    def __init__(self) -> None:
        self._served = {(one.group, one.version, one.plural): one for one in OWN}
        self.revision = 0  # grows when the set changes

    def all(self) -> Iterable[Resource]:
        """Every kind and version that is served."""
        return tuple(self._served.values())

    def of(self, group: str, version: str, plural: str) -> Resource:
        """The kind that a path names; 404 if there is none, 501 if only simkube has none."""
        found = self._served.get((group, version, plural))
        if found is not None:
            return found
        if group in _REAL_GROUPS and plural in _REAL_KINDS:
            raise errors.lacking(f"the kind {errors.qualified(plural, group)}")
        raise errors.no_such_resource()

    def knows_version(self, group: str, version: str) -> bool:
        """Whether anything is served in this group and version."""
        return group in _REAL_GROUPS or any(key[:2] == (group, version) for key in self._served)

    def named(self, group: str, kind: str) -> Resource | None:
        """The resource of a kind, whatever its version."""
        return next((one for one in self._served.values() if (one.group, one.kind) == (group, kind)), None)

    def at(self, place: Place) -> Resource | None:
        """The resource in whose form the objects at *place* are stored."""
        return next((one for one in self._served.values() if one.place == place), None)

    def serve(self, resources: Iterable[Resource], place: Place) -> None:
        """Serve exactly *resources* for the custom kind kept at *place*."""
        for key in [k for k, one in self._served.items() if one.custom and one.place == place]:
            del self._served[key]
        for one in resources:
            self._served[one.group, one.version, one.plural] = one
        self.revision += 1


@functools.cache
def own(plural: str, group: str = "") -> Resource:
    """The own kind of this name, for code that is about one kind."""
    return next(one for one in OWN if (one.group, one.plural) == (group, plural))
