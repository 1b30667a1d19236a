"""
The volumes of a Cassandra pod, and where containers see them.

A further volume of the user's that is mounted where Cassandra would see one of our empty directories
takes its place, in every container.
"""

from __future__ import annotations

from typing import Any

from controller.api.v2 import names
from controller.builders.context import Context, Storage
from controller.builders.resources import canonical_resources

Mount = dict[str, Any]
Volume = dict[str, Any]

_CONFIG_MAP_MODE = 0o755
_TOKEN_SECONDS = 3607

CONFIG: Mount = {"name": "bootstrap", "mountPath": "/etc/cassandra"}
LIBRARIES: Mount = {"name": "extra-lib", "mountPath": "/extra-lib"}
TOOLS: Mount = {"name": "tools", "mountPath": "/opt/bin"}
DATA: Mount = {"name": names.DATA, "mountPath": names.DATA_PATH}
TEMPORARY: Mount = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 # a path in the container
LOG: Mount = {"name": "log", "mountPath": "/var/log/cassandra"}
OUTPUT: Mount = {"name": "bootstrap", "mountPath": "/bootstrap"}
USER_SCRIPTS: Mount = {"name": names.USER_SCRIPTS, "mountPath": "/configmap"}
RING: Mount = {"name": names.RING, "mountPath": "/ring", "readOnly": True}
TOKEN: Mount = {
    "name": names.BACKREST_TOKEN,
    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    "readOnly": True,
}


def cassandra_mounts(context: Context) -> list[Mount]:
    """Return the mounts of `cassandra`, the user's further volumes last."""
    own = [CONFIG, LIBRARIES, TOOLS, *data_mount(context), TEMPORARY, LOG]
    replaced = _replaced(context)
    return [
        *(mount for mount in own if mount["name"] not in replaced),
        *({"name": volume.name, "mountPath": volume.mount_path} for volume in context.storage.extra),
    ]


def data_mount(context: Context) -> list[Mount]:
    """Return the mount of the data directory, if Cassandra has one."""
    return [DATA] if context.storage.mounted else []


def seen_by_others(context: Context, mounts: list[Mount]) -> list[Mount]:
    """Return *mounts* of any other container, with volumes that took another's place."""
    replaced = _replaced(context)
    return [{**mount, "name": replaced.get(mount["name"], mount["name"])} for mount in mounts]


def pod_volumes(context: Context) -> list[Volume]:
    """Return the volumes of the pod, but for those that claim templates make."""
    spec, replaced = context.cluster.spec, _replaced(context)
    directories = [*names.EMPTY_DIRS, *([names.DATA] if context.storage.scratch else [])]
    volumes: list[Volume] = [{"name": name, "emptyDir": {}} for name in directories if name not in replaced]
    if spec.config_map_name:
        source = {"name": spec.config_map_name, "defaultMode": _CONFIG_MAP_MODE}
        volumes.append({"name": names.USER_SCRIPTS, "configMap": source})
    if context.hardened:
        ring = {"name": names.ring_configmap(context.cluster.name), "optional": True}
        volumes.append({"name": names.RING, "configMap": ring})
        if spec.back_rest_sidecar and spec.back_rest_sidecar.enabled:
            volumes.append(_token_volume())
    return volumes


def claim_templates(context: Context) -> list[dict[str, Any]]:
    """Return the claim templates: `data` first, then the user's further volumes."""
    storage, labels = context.storage, context.selector_labels
    specs = {volume.name: canonical_resources(volume.pvc_spec) for volume in storage.extra}
    if storage.capacity:
        specs = {names.DATA: _data_claim(storage)} | specs
    return [{"metadata": {"name": name, "labels": labels}, "spec": spec} for name, spec in specs.items()]


def _data_claim(storage: Storage) -> dict[str, Any]:
    spec = canonical_resources(
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage.capacity}}}
    )
    return spec | ({"storageClassName": storage.storage_class} if storage.storage_class else {})


def _replaced(context: Context) -> dict[str, str]:
    """Return which empty directories give way to a further volume, and to which."""
    by_path = {volume.mount_path: volume.name for volume in context.storage.extra}
    scratch = [DATA] if context.storage.scratch else []
    own = [CONFIG, LIBRARIES, TOOLS, TEMPORARY, LOG, *scratch]
    return {
        str(mount["name"]): by_path[str(mount["mountPath"])] for mount in own if mount["mountPath"] in by_path
    }


def _token_volume() -> Volume:
    """Return the API token of the pod's service account, for the backup sidecar alone.

    It reads the Secrets of backups with it. What Kubernetes would put into every container goes only there.
    """
    root = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}
    return {
        "name": names.BACKREST_TOKEN,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
                {"configMap": root},
                {"downwardAPI": {"items": [namespace]}},
            ]
        },
    }
