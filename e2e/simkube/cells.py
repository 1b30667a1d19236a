"""What stands in the rows of `kubectl get`, kind by kind."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from e2e.simkube.values import Json, Object, dig, encode, parse_time

_NONE = "<none>"
_MOST_SHOWN = 3


@attrs.frozen
class Row:
    """One object, seen at *now*."""

    found: Object
    now: float

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.found["metadata"]["name"])

    @property
    def age(self) -> str:
        """How old the object is."""
        return self.since(self.found["metadata"].get("creationTimestamp"))

    def since(self, time: str | None) -> str:
        """How long ago *time* was."""
        return duration(self.now - parse_time(time)) if time else "<unknown>"

    def at(self, *names: str) -> Json:
        """What stands at a path of the object."""
        return dig(self.found, *names)


def duration(seconds: float) -> str:
    """A duration of two units at most, as kubectl writes it."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    minutes, hours = whole // 60, whole // 3600
    days = hours // 24
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(most: int, unit: str, rest: int, rest_unit: str) -> str:
    return f"{most}{unit}{rest}{rest_unit}" if rest else f"{most}{unit}"


def go_text(value: Json) -> str:
    """A value as Go prints it: text bare, the rest as JSON."""
    return value if isinstance(value, str) else encode(value).decode()


def _joined(items: Iterable[str], empty: str = _NONE) -> str:
    return ",".join(items) or empty


def _few(items: list[str]) -> str:
    """At most three, and how many more there are."""
    if len(items) <= _MOST_SHOWN:
        return _joined(items)
    return ",".join(items[:_MOST_SHOWN]) + f" + {len(items) - _MOST_SHOWN} more..."


def plain(row: Row) -> list[Json]:
    """Kinds without columns of their own."""
    return [row.name, row.age]


def created(row: Row) -> list[Json]:
    """Kinds that show when they were created."""
    return [row.name, row.found["metadata"].get("creationTimestamp")]


def pod(row: Row) -> list[Json]:
    """Pods."""
    statuses = row.at("status", "containerStatuses") or []
    ready = sum(bool(one.get("ready")) for one in statuses)
    total = len(row.at("spec", "containers") or [])
    restarts = sum(one.get("restartCount", 0) for one in statuses)
    return [
        row.name,
        f"{ready}/{total}",
        _pod_status(row.found),
        str(restarts),
        row.age,
        row.at("status", "podIP") or _NONE,
        row.at("spec", "nodeName") or _NONE,
        row.at("status", "nominatedNodeName") or _NONE,
        _NONE,
    ]


def _pod_status(found: Object) -> str:
    status = found.get("status") or {}
    text = status.get("reason") or status.get("phase") or ""
    for one in status.get("containerStatuses") or ():
        state = one.get("state") or {}
        text = dig(state, "waiting", "reason") or dig(state, "terminated", "reason") or text
    total = len(dig(found, "spec", "initContainers") or ())
    for index, one in enumerate(status.get("initContainerStatuses") or ()):
        state = one.get("state") or {}
        if dig(state, "terminated", "exitCode") == 0:
            continue
        if reason := dig(state, "terminated", "reason") or dig(state, "waiting", "reason"):
            text = f"Init:{reason}" if reason != "PodInitializing" else f"Init:{index}/{total}"
        else:
            text = f"Init:{index}/{total}"
        break
    if found["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(text)


def statefulset(row: Row) -> list[Json]:
    """StatefulSets."""
    wanted = row.at("spec", "replicas")
    containers = row.at("spec", "template", "spec", "containers") or []
    return [
        row.name,
        f"{row.at('status', 'readyReplicas') or 0}/{wanted if wanted is not None else 1}",
        row.age,
        _joined(one["name"] for one in containers),
        _joined(one.get("image", "") for one in containers),
    ]


def revision(row: Row) -> list[Json]:
    """ControllerRevisions."""
    owner = next((one for one in row.at("metadata", "ownerReferences") or () if one.get("controller")), None)
    text = _NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = owner["kind"].lower()
        text = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [row.name, text, row.found.get("revision", 0), row.age]


def service(row: Row) -> list[Json]:
    """Services."""
    ports = [f"{one['port']}/{one['protocol']}" for one in row.at("spec", "ports") or ()]
    selector = row.at("spec", "selector") or {}
    return [
        row.name,
        row.at("spec", "type"),
        row.at("spec", "clusterIP") or _NONE,
        _joined(row.at("spec", "externalIPs") or ()),
        _joined(ports),
        row.age,
        _joined(f"{key}={value}" for key, value in sorted(selector.items())),
    ]


_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(modes: Iterable[str] | None) -> str:
    return ",".join(_MODES[name] for name in _MODES if name in (modes or ()))


def claim(row: Row) -> list[Json]:
    """PersistentVolumeClaims."""
    volume_name = row.at("spec", "volumeName") or ""
    deleted = row.found["metadata"].get("deletionTimestamp")
    return [
        row.name,
        "Terminating" if deleted else row.at("status", "phase") or "",
        volume_name,
        (row.at("status", "capacity", "storage") or "") if volume_name else "",
        _modes(row.at("status", "accessModes")) if volume_name else "",
        row.at("spec", "storageClassName") or "",
        row.at("spec", "volumeAttributesClassName") or "<unset>",
        row.age,
        row.at("spec", "volumeMode") or "<unset>",
    ]


def volume(row: Row) -> list[Json]:
    """PersistentVolumes."""
    claimed = row.at("spec", "claimRef") or {}
    deleted = row.found["metadata"].get("deletionTimestamp")
    return [
        row.name,
        row.at("spec", "capacity", "storage") or "",
        _modes(row.at("spec", "accessModes")),
        row.at("spec", "persistentVolumeReclaimPolicy") or "",
        "Terminating" if deleted else row.at("status", "phase") or "",
        f"{claimed['namespace']}/{claimed['name']}" if claimed else "",
        row.at("spec", "storageClassName") or "",
        row.at("spec", "volumeAttributesClassName") or "<unset>",
        row.at("status", "reason") or "",
        row.age,
        row.at("spec", "volumeMode") or "<unset>",
    ]


def budget(row: Row) -> list[Json]:
    """PodDisruptionBudgets."""
    least, most = row.at("spec", "minAvailable"), row.at("spec", "maxUnavailable")
    return [
        row.name,
        "N/A" if least is None else str(least),
        "N/A" if most is None else str(most),
        row.at("status", "disruptionsAllowed") or 0,
        row.age,
    ]


def namespace(row: Row) -> list[Json]:
    """Namespaces."""
    return [row.name, row.at("status", "phase"), row.age]


_ROLE = "node-role.kubernetes.io/"


def node(row: Row) -> list[Json]:
    """Nodes."""
    conditions = row.at("status", "conditions") or ()
    ready = next((one["status"] for one in conditions if one["type"] == "Ready"), None)
    status = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    if row.at("spec", "unschedulable"):
        status += ",SchedulingDisabled"
    labels = row.at("metadata", "labels") or {}
    roles = sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))
    addresses = {one["type"]: one["address"] for one in row.at("status", "addresses") or ()}
    info = row.at("status", "nodeInfo") or {}
    return [
        row.name,
        status,
        _joined(roles),
        row.age,
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def event(row: Row) -> list[Json]:
    """Events."""
    about = row.found.get("involvedObject") or {}
    first = row.found.get("firstTimestamp") or row.found.get("eventTime")
    last = dig(row.found, "series", "lastObservedTime") or row.found.get("lastTimestamp") or first
    source = row.at("source", "component") or row.found.get("reportingComponent") or ""
    host = row.at("source", "host") or row.found.get("reportingInstance")
    count = dig(row.found, "series", "count") or row.found.get("count") or 1
    return [
        row.since(last),
        row.found.get("type", ""),
        row.found.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        f"{source}, {host}" if host else source,
        (row.found.get("message") or "").strip(),
        row.since(first),
        count,
        row.name,
    ]


def config_map(row: Row) -> list[Json]:
    """ConfigMaps."""
    count = len(row.found.get("data") or ()) + len(row.found.get("binaryData") or ())
    return [row.name, count, row.age]


def secret(row: Row) -> list[Json]:
    """Secrets."""
    return [row.name, row.found.get("type"), len(row.found.get("data") or ()), row.age]


def service_account(row: Row) -> list[Json]:
    """ServiceAccounts."""
    return [row.name, len(row.found.get("secrets") or ()), row.age]


def lease(row: Row) -> list[Json]:
    """Leases."""
    return [row.name, row.at("spec", "holderIdentity") or "", row.age]


def storage_class(row: Row) -> list[Json]:
    """StorageClasses."""
    default = "storageclass.kubernetes.io/is-default-class"
    marked = (row.at("metadata", "annotations") or {}).get(default) == "true"
    return [
        f"{row.name} (default)" if marked else row.name,
        row.found.get("provisioner"),
        row.found.get("reclaimPolicy"),
        row.found.get("volumeBindingMode"),
        bool(row.found.get("allowVolumeExpansion")),
        row.age,
    ]


def binding(row: Row) -> list[Json]:
    """RoleBindings and ClusterRoleBindings."""
    role = row.found["roleRef"]
    names: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for one in row.found.get("subjects") or ():
        namespaced = f"{one.get('namespace', '')}/{one['name']}"
        names[one["kind"]].append(namespaced if one["kind"] == "ServiceAccount" else one["name"])
    listed = [", ".join(names[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [row.name, f"{role['kind']}/{role['name']}", row.age, *listed]


def endpoints(row: Row) -> list[Json]:
    """Endpoints."""
    shown: list[str] = []
    for subset in row.found.get("subsets") or ():
        addresses = [one["ip"] for one in subset.get("addresses") or ()]
        ports = [one["port"] for one in subset.get("ports") or ()]
        shown += [f"{ip}:{port}" for port in ports for ip in addresses] if ports else addresses
    return [row.name, _few(shown), row.age]


def endpoint_slice(row: Row) -> list[Json]:
    """EndpointSlices."""
    ports = [str(one.get("port", "*")) for one in row.found.get("ports") or ()]
    addresses = [ip for one in row.found.get("endpoints") or () for ip in one["addresses"]]
    return [
        row.name,
        row.found.get("addressType"),
        _joined(ports, "<unset>"),
        _few(addresses) if addresses else "<unset>",
        row.age,
    ]


def network_policy(row: Row) -> list[Json]:
    """NetworkPolicies."""
    labels = row.at("spec", "podSelector", "matchLabels") or {}
    return [row.name, _joined(f"{k}={v}" for k, v in sorted(labels.items())), row.age]
