"""Reading and making Kubernetes objects that are plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import Any

import attrs

Obj = dict[str, Any]


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of object, by where the API serves it."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """Return the path of all, of those in *namespace*, or of the one called *name*."""
        parts = ["/apis", self.group] if self.group else ["/api"]
        parts.append(self.version)
        if self.namespaced and namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if sub:
            parts.append(sub)
        return "/".join(parts)


PODS = Kind(plural="pods", kind="Pod")
NODES = Kind(plural="nodes", kind="Node", namespaced=False)
EVENTS = Kind(plural="events", kind="Event")
SECRETS = Kind(plural="secrets", kind="Secret")
CONFIG_MAPS = Kind(plural="configmaps", kind="ConfigMap")
CLAIMS = Kind(plural="persistentvolumeclaims", kind="PersistentVolumeClaim")
VOLUMES = Kind(plural="persistentvolumes", kind="PersistentVolume", namespaced=False)
CLASSES = Kind(plural="storageclasses", kind="StorageClass", group="storage.k8s.io", namespaced=False)
SETS = Kind(plural="statefulsets", kind="StatefulSet", group="apps")
REVISIONS = Kind(plural="controllerrevisions", kind="ControllerRevision", group="apps")
BUDGETS = Kind(plural="poddisruptionbudgets", kind="PodDisruptionBudget", group="policy")

# All that the controllers look at.
WATCHED = (PODS, NODES, CLAIMS, VOLUMES, CLASSES, SETS, REVISIONS, BUDGETS)


def meta(obj: Mapping[str, Any]) -> Obj:
    """Return the object's metadata."""
    found: Obj = obj.get("metadata") or {}
    return found


def name(obj: Mapping[str, Any]) -> str:
    """Return the object's name."""
    return str(meta(obj)["name"])


def namespace(obj: Mapping[str, Any]) -> str:
    """Return the object's namespace, empty if it has none."""
    return str(meta(obj).get("namespace") or "")


def uid(obj: Mapping[str, Any]) -> str:
    """Return the object's uid."""
    return str(meta(obj).get("uid") or "")


def labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the object's labels."""
    return meta(obj).get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the object's annotations."""
    return meta(obj).get("annotations") or {}


def terminating(obj: Mapping[str, Any]) -> bool:
    """Return whether the object is marked for deletion."""
    return bool(meta(obj).get("deletionTimestamp"))


def spec(obj: Mapping[str, Any]) -> Obj:
    """Return the object's spec."""
    found: Obj = obj.get("spec") or {}
    return found


def status(obj: Mapping[str, Any]) -> Obj:
    """Return the object's status."""
    found: Obj = obj.get("status") or {}
    return found


def controller_uid(obj: Mapping[str, Any]) -> str | None:
    """Return the uid of the object's controlling owner."""
    for owner in meta(obj).get("ownerReferences") or []:
        if owner.get("controller"):
            return str(owner["uid"])
    return None


def owner_reference(kind: Kind, obj: Mapping[str, Any]) -> Obj:
    """Return a reference that makes *obj* the controller of what carries it."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": name(obj),
        "uid": uid(obj),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """Return the object's condition of type *kind*."""
    return next((c for c in status(obj).get("conditions") or [] if c["type"] == kind), None)


def holds(obj: Mapping[str, Any], kind: str) -> bool:
    """Return whether the object's condition of type *kind* is True."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def ready(pod: Mapping[str, Any]) -> bool:
    """Return whether *pod* is running and ready."""
    return status(pod).get("phase") == "Running" and holds(pod, "Ready")


def set_condition(conditions: Iterable[Mapping[str, Any]], new: Mapping[str, Any]) -> list[Obj]:
    """Return *conditions* with *new* in place of the one of its type.

    The transition time of a condition whose status is the same stays.
    """
    kept: list[Obj] = []
    added = dict(new)
    for old in conditions:
        if old["type"] != new["type"]:
            kept.append(dict(old))
        elif old.get("status") == new.get("status") and "lastTransitionTime" in old:
            added["lastTransitionTime"] = old["lastTransitionTime"]
    return [*kept, added]


def timestamp(instant: float) -> str:
    """Return *instant* as Kubernetes writes times."""
    return dt.datetime.fromtimestamp(int(instant), tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """Return the instant that *text* names."""
    return dt.datetime.fromisoformat(text).timestamp()


def matches(selector: Mapping[str, Any] | None, found: Mapping[str, str]) -> bool:
    """Return whether labels *found* are what *selector* asks for; None selects nothing."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(found.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(one, found) for one in selector.get("matchExpressions") or [])


def _expression(one: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    value, values = found.get(one["key"]), one.get("values") or []
    match one["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
        case other:
            raise ValueError(f"no operator {other}")


_UNITS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def size(text: object) -> int:
    """Return the bytes that a quantity such as `10Gi` names."""
    word = str(text)
    digits = word.rstrip("kMGTi")
    return int(float(digits) * _UNITS[word[len(digits) :]])


def gibibytes(number: int) -> str:
    """Return *number* bytes as a quantity, in Gi where it comes out even."""
    return f"{number // 2**30}Gi" if number % 2**30 == 0 else str(number)
