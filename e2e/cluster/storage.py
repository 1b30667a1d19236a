"""
Volumes: two storage classes over Rancher's local-path-provisioner, and who may do what for them.

A volume is a folder on one node that any user id may write, as many real clusters have it. The
provisioner cannot grow volumes; :mod:`e2e.cluster.resizer` plays that part.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e.cluster.api import Api, Json
from e2e.cluster.layout import NODES, State
from e2e.cluster.nodes import PAUSE_IMAGE
from e2e.cluster.pki import USERS

NAMESPACE = "local-path-storage"
PROVISIONER_NAME = "rancher.io/local-path"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "patch", "update", "delete"]

SETUP = '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n'
TEARDOWN = '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n'


def rule(groups: list[str], resources: list[str], verbs: list[str]) -> Json:
    """One rule of a ClusterRole."""
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


# What the harness' own users may do, by their key in pki.USERS.
ROLES: dict[str, list[Json]] = {
    "dns": [
        rule([""], ["services", "pods", "namespaces"], ["list", "watch"]),
        rule(["discovery.k8s.io"], ["endpointslices"], ["list", "watch"]),
    ],
    "provisioner": [
        rule([""], ["nodes", "persistentvolumeclaims", "configmaps", "pods/log"], _READ),
        rule([""], ["persistentvolumes", "pods"], _READ + _WRITE),
        rule([""], ["events"], ["create", "patch"]),
        rule(["storage.k8s.io"], ["storageclasses"], _READ),
    ],
    "resizer": [
        rule([""], ["persistentvolumeclaims"], _READ),
        rule([""], ["persistentvolumeclaims/status", "persistentvolumes"], ["patch"]),
        rule([""], ["events"], ["create"]),
        rule(["storage.k8s.io"], ["storageclasses"], _READ),
    ],
}


def storage_class(name: str, *, grows: bool, default: bool) -> Json:
    """One storage class: bound to a node when the first pod that uses the volume is placed."""
    marked = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": marked},
        "provisioner": PROVISIONER_NAME,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": grows,
    }


def objects() -> list[tuple[str, Json]]:
    """All objects of the harness in the order of their making, each with its path in the API."""
    made: list[tuple[str, Json]] = []
    for user in USERS:
        if user.key in ROLES:
            made += _role(f"casskop-e2e:{user.key}", user.name, ROLES[user.key])
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    made.append((f"/api/v1/namespaces/{NAMESPACE}", namespace))
    helper = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-path-config", "namespace": NAMESPACE},
        "data": {"setup": SETUP, "teardown": TEARDOWN},
    }
    made.append((f"/api/v1/namespaces/{NAMESPACE}/configmaps/local-path-config", helper))
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "helper", "namespace": NAMESPACE},
    }
    made.append((f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/helper", account))
    for each in (
        storage_class("standard", grows=True, default=True),
        storage_class("fixed", grows=False, default=False),
    ):
        made.append((f"/apis/storage.k8s.io/v1/storageclasses/{each['metadata']['name']}", each))
    return made


def apply(api: Api) -> None:
    """Bring all objects of the harness to the cluster."""
    for path, body in objects():
        api.apply(path, body)


def write_config(state: State) -> None:
    """Write the provisioner's configuration: where each node keeps its volumes."""
    paths = [{"node": each.name, "paths": [str(state.volumes(each))]} for each in NODES]
    (state.root / "provisioner.json").write_text(json.dumps({"nodePathMap": paths}))
    helper: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper"},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "helper", "image": PAUSE_IMAGE, "imagePullPolicy": "IfNotPresent"}],
        },
    }
    (state.root / "helper-pod.json").write_text(json.dumps(helper))


def provisioner(binary: Path, state: State) -> tuple[str, ...]:
    """The provisioner's command line; it runs on the machine, its helper pods on the nodes."""
    return (
        *(str(binary), "start", f"--config={state.root}/provisioner.json"),
        f"--kubeconfig={state.kubeconfig_of('provisioner')}",
        *(f"--namespace={NAMESPACE}", f"--provisioner-name={PROVISIONER_NAME}"),
        *(f"--helper-image={PAUSE_IMAGE}", f"--helper-pod-file={state.root}/helper-pod.json"),
        "--service-account-name=helper",
    )


def _role(name: str, user: str, rules: list[Json]) -> list[tuple[str, Json]]:
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    return [
        (f"{RBAC}/clusterroles/{name}", role),
        (f"{RBAC}/clusterrolebindings/{name}", binding),
    ]
