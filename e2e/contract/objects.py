"""The objects that facts are about."""

from __future__ import annotations

from typing import Any

import attrs

from e2e.contract.client import Api, Object

_GROUPS = {
    "statefulsets": "apps",
    "controllerrevisions": "apps",
    "poddisruptionbudgets": "policy",
    "leases": "coordination.k8s.io",
    "roles": "rbac.authorization.k8s.io",
    "rolebindings": "rbac.authorization.k8s.io",
    "networkpolicies": "networking.k8s.io",
    "endpointslices": "discovery.k8s.io",
}


@attrs.frozen
class Space:
    """A namespace of a fact's own."""

    api: Api
    name: str

    def path(self, plural: str, name: str = "", *, group: str | None = None) -> str:
        """The path of a collection in the namespace, or of an object."""
        group = _GROUPS.get(plural, "") if group is None else group
        root = f"/apis/{group}/v1" if group else "/api/v1"
        path = f"{root}/namespaces/{self.name}/{plural}"
        return f"{path}/{name}" if name else path

    def made(self, plural: str, body: Object) -> Object:
        """An object created in the namespace."""
        return self.api.made(self.path(plural), body)

    def config_map(self, name: str = "one", **data: str) -> Object:
        """A ConfigMap created in the namespace."""
        return self.made("configmaps", config_map(name, **data))

    def thing_path(self, definition: Object) -> str:
        """The path of the collection of a custom kind in the namespace."""
        spec = definition["spec"]
        return self.path(spec["names"]["plural"], group=spec["group"])

    def made_thing(self, definition: Object, body: Object) -> Object:
        """An object of a custom kind created in the namespace."""
        return self.api.made(self.thing_path(definition), body)

    def remove(self) -> None:
        """Delete the namespace, and take away what would hold it if a fact ended too early."""
        for plural in ("configmaps", "statefulsets", "persistentvolumeclaims"):
            for one in self.api.get(self.path(plural)).body["items"]:
                if one["metadata"].get("finalizers"):
                    path = self.path(plural, one["metadata"]["name"])
                    self.api.patch(path, {"metadata": {"finalizers": None}})
        # There is no kubelet that would confirm their end.
        self.api.delete(self.path("pods"), gracePeriodSeconds=0)
        self.api.delete(f"/api/v1/namespaces/{self.name}")


def config_map(name: str = "one", **data: str) -> Object:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }


def secret(name: str = "one", **labels: str) -> Object:
    """A Secret: nothing in a cluster makes any by itself."""
    return {"metadata": {"name": name, "labels": labels}, "data": {"k": "dg=="}}


def pod_spec(**more: Any) -> Object:
    """The spec of a pod that no scheduler takes."""
    container = {"name": "main", "image": "registry.example/app:1"}
    return {"schedulerName": "nobody", "containers": [container], **more}


def pod(name: str = "one", **more: Any) -> Object:
    """A pod that no scheduler takes."""
    labels = {"app": "fact"}
    return {"metadata": {"name": name, "labels": labels}, "spec": pod_spec(**more)}


def statefulset(name: str = "one", **spec: Any) -> Object:
    """A StatefulSet without pods."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
            **spec,
        },
    }


def claim(name: str = "one", size: str = "1Gi", **spec: Any) -> Object:
    """A PersistentVolumeClaim of a class that does not exist."""
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": "no-such-class",
            **spec,
        },
    }


def service(name: str = "one", **spec: Any) -> Object:
    """A headless Service."""
    return {
        "metadata": {"name": name},
        "spec": {"clusterIP": "None", "ports": [{"port": 9042}], "selector": {"a": "b"}, **spec},
    }


def budget(name: str = "one", **spec: Any) -> Object:
    """A PodDisruptionBudget over the pods that `pod` makes."""
    chosen = {"matchLabels": {"app": "fact"}}
    return {"metadata": {"name": name}, "spec": {"selector": chosen, **spec}}


def owned_by(owner: Object, api_version: str = "v1", **more: Any) -> Object:
    """An owner reference to *owner*."""
    details = owner["metadata"]
    return {
        "apiVersion": api_version,
        "kind": owner["kind"],
        "name": details["name"],
        "uid": details["uid"],
        **more,
    }


def event(about: Object, reason: str, message: str) -> Object:
    """An Event about an object, with the object's namespace."""
    details = about["metadata"]
    kept = ("name", "namespace", "uid")
    return {
        "metadata": {"generateName": f"{details['name']}."},
        "involvedObject": {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            **{key: details[key] for key in kept},
        },
        "type": "Normal",
        "reason": reason,
        "message": message,
        "source": {"component": "fact"},
        "firstTimestamp": details["creationTimestamp"],
        "lastTimestamp": details["creationTimestamp"],
        "count": 1,
    }


def thing(definition: Object, name: str = "one", **spec: Any) -> Object:
    """A `Thing` of *definition*, of size 1 if nothing else is said."""
    return {
        "apiVersion": f"{definition['spec']['group']}/v1",
        "kind": "Thing",
        "metadata": {"name": name},
        "spec": {"size": 1, **spec},
    }


def _texts(*names: str) -> Object:
    return {name: {"type": "string"} for name in names}


def thing_definition(group: str) -> Object:
    """A custom kind with every sort of rule that a schema can have."""
    text, number = {"type": "string"}, {"type": "integer"}
    item = {"type": "object", "required": ["k"], "properties": {"k": text, "v": number}}
    spec = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 0, "maximum": 9, "description": "How big it is."},
            "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "word": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
            "note": {"type": "string", "nullable": True},
            "when": {"type": "string", "format": "date-time"},
            "limit": {"x-kubernetes-int-or-string": True},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "plain": {"type": "array", "items": text, "maxItems": 3},
            "keyed": {
                "type": "array",
                "items": item,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["k"],
            },
            "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
            "counts": {"type": "object", "additionalProperties": number},
            "inner": {
                "type": "object",
                "default": {},
                "properties": {"x": {"type": "string", "default": "y"}},
            },
        },
    }
    status = {
        "type": "object",
        "properties": {
            "size": number,
            "selector": text,
            "phase": text,
            "conditions": {
                "type": "array",
                "items": {"type": "object", "required": ["type"], "properties": _texts("type", "status")},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        },
    }
    root = {"type": "object", "properties": {"spec": spec, "status": status}}
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {"name": "Mode", "type": "string", "jsonPath": ".spec.mode", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    scale = {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}, "scale": scale},
        "additionalPrinterColumns": columns,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing", "shortNames": [f"th{group[:5]}"]},
            "versions": [version],
        },
    }
