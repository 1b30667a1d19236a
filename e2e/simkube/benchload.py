"""
What the benchmark sends: the traffic of an operator, of controllers and of kubelets, in a fixed order.

Nothing is random: the same count of requests is the same requests. However long it runs, the number of
objects stays what it was after `fill`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import itertools
from typing import Any

from controller.kube.transport import Request, Response

Object = dict[str, Any]
Send = Callable[[Request], Response]

_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
# Objects of a namespace: one rack of Cassandra with what surrounds it, many times over.
_PODS, _CLAIMS, _CONFIGS, _SECRETS = 40, 40, 18, 1
_IN_NAMESPACE = _PODS + _CLAIMS + _CONFIGS + _SECRETS + 2  # a namespace and a StatefulSet

# How often each operation comes in twenty requests.
MIX: tuple[str, ...] = (
    *("get a pod",) * 5,
    *("list pods by label",) * 3,
    *("patch a pod's status",) * 4,
    *("apply a ConfigMap",) * 2,
    "apply a StatefulSet unchanged",
    "apply a changed StatefulSet",
    "patch a StatefulSet's status",
    "replace a pod",
    "create a Secret",
    "delete a Secret",
)


class Load:
    """One client. *sent* counts its requests."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._namespaces = 0
        self._turn = 0
        # Names are never used twice, so that creations and deletions can be measured alone.
        self._made = itertools.count()
        self._kept: list[tuple[int, int]] = []
        self.sent = 0

    def fill(self, count: int) -> int:
        """Store about *count* objects; the exact number is returned.

        They begin as `run` leaves them, with all their fields and owners, so that a server does not get
        slower only because its objects have grown.
        """
        self._namespaces = max(count // _IN_NAMESPACE, 1)
        for number in range(self._namespaces):
            self._write("POST", "/api/v1/namespaces", {"metadata": {"name": f"n{number}"}})
            for index in range(_PODS):
                self._write("POST", _path(number, "pods"), _pod(index))
                self._patch_pod(_path(number, "pods", f"p{index}"))
            for index in range(_CLAIMS):
                self._write("POST", _path(number, "persistentvolumeclaims"), _claim(index))
            for index in range(_CONFIGS):
                self._apply_config(number, _config(index, "0"))
            for index in range(_SECRETS):
                self._write("POST", _path(number, "secrets"), _secret(f"s{index}"))
            self._apply_set(number, 0)
            self._patch_set(number)
        return self._namespaces * _IN_NAMESPACE

    def run(self, names: Sequence[str], count: int) -> int:
        """Carry out *count* operations, in turn those of *names*; the number of requests sent."""
        before = self.sent
        for index in range(count):
            self._turn += 1
            OPERATIONS[names[index % len(names)]](self)
        return self.sent - before

    @property
    def _where(self) -> int:
        """The namespace whose turn it is; all of them come before the first comes again."""
        return self._turn * 7 % self._namespaces

    @property
    def _which(self) -> int:
        return self._turn // self._namespaces

    def _write(self, method: str, path: str, body: Object | None = None, **more: Any) -> Response:  # noqa: ANN401 -- query parameters
        media = more.pop("media", "application/json")
        query = {key: str(value) for key, value in more.items()}
        headers = {"Content-Type": media, "User-Agent": "bench"}
        self.sent += 1
        answer = self._send(Request(method=method, path=path, query=query, headers=headers, body=body))
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body}")
        return answer

    def get_pod(self) -> None:
        """GET of one object."""
        self._write("GET", _path(self._where, "pods", f"p{self._which % _PODS}"))

    def list_pods(self) -> None:
        """A list of a tenth of a namespace's pods."""
        self._write("GET", _path(self._where, "pods"), labelSelector=f"part={self._which % 10}")

    def list_all(self) -> None:
        """A page of a hundred pods over all namespaces."""
        self._write("GET", "/api/v1/pods", limit=100)

    def patch_status(self) -> None:
        """What a kubelet writes."""
        self._patch_pod(_path(self._where, "pods", f"p{self._which % _PODS}"))

    def _patch_pod(self, path: str) -> None:
        ready = {"type": "Ready", "status": str(self._turn % 2 == 0), "reason": f"r{self._turn}"}
        status = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [ready]}
        self._write("PATCH", f"{path}/status", {"status": status}, media=_MERGE)

    def apply_config(self) -> None:
        """Server-side apply that changes something."""
        self._apply_config(self._where, _config(self._which % _CONFIGS, str(self._turn)))

    def _apply_config(self, number: int, body: Object) -> None:
        path = _path(number, "configmaps", body["metadata"]["name"])
        self._write("PATCH", path, body, media=_APPLY, fieldManager="operator", force=True)

    def apply_same_set(self) -> None:
        """Server-side apply of what is there."""
        self._apply_set(self._where, 0)

    def apply_other_set(self) -> None:
        """Server-side apply of a change, and of the change back."""
        self._apply_set(self._where, self._turn)
        self._apply_set(self._where, 0)

    def _apply_set(self, number: int, replicas: int) -> None:
        path = f"/apis/apps/v1/namespaces/n{number}/statefulsets/rack"
        body = _set(replicas)
        self._write("PATCH", path, body, media=_APPLY, fieldManager="operator", force=True)

    def patch_set_status(self) -> None:
        """What the StatefulSet controller writes."""
        self._patch_set(self._where)

    def _patch_set(self, number: int) -> None:
        path = f"/apis/apps/v1/namespaces/n{number}/statefulsets/rack/status"
        status = {"replicas": 1, "readyReplicas": self._turn % 2, "collisionCount": self._turn}
        self._write("PATCH", path, {"status": status}, media=_MERGE)

    def replace_pod(self) -> None:
        """GET and PUT of what was read, with one label changed."""
        path = _path(self._where, "pods", f"p{self._which % _PODS}")
        found: Any = self._write("GET", path).body
        found["metadata"]["labels"]["turn"] = str(self._turn)
        self._write("PUT", path, found)

    def create_secret(self) -> None:
        """POST of a new object."""
        number, where = next(self._made), self._where
        self._kept.append((where, number))
        self._write("POST", _path(where, "secrets"), _secret(f"made{number}"))
        # Creations alone must not fill the server.
        if len(self._kept) > 1000:
            self.delete_secret()

    def delete_secret(self) -> None:
        """DELETE of an object that was created before."""
        if not self._kept:
            self.create_secret()
        where, number = self._kept.pop()
        self._write("DELETE", _path(where, "secrets", f"made{number}"))


OPERATIONS: Mapping[str, Callable[[Load], None]] = {
    "get a pod": Load.get_pod,
    "list pods by label": Load.list_pods,
    "list 100 of all pods": Load.list_all,
    "patch a pod's status": Load.patch_status,
    "apply a ConfigMap": Load.apply_config,
    "apply a StatefulSet unchanged": Load.apply_same_set,
    "apply a changed StatefulSet": Load.apply_other_set,
    "patch a StatefulSet's status": Load.patch_set_status,
    "replace a pod": Load.replace_pod,
    "create a Secret": Load.create_secret,
    "delete a Secret": Load.delete_secret,
}


def _path(number: int, plural: str, name: str = "") -> str:
    path = f"/api/v1/namespaces/n{number}/{plural}"
    return f"{path}/{name}" if name else path


def _spec() -> Object:
    """A pod template about as large as that of a Cassandra node."""
    variables = [{"name": f"VARIABLE_{index}", "value": str(index)} for index in range(8)]
    mounts = [{"name": "data", "mountPath": "/var/lib/cassandra"}, {"name": "conf", "mountPath": "/conf"}]
    resources = {"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "1", "memory": "4Gi"}}
    main = {
        "name": "cassandra",
        "image": "registry.example/cassandra:5.0",
        "env": variables,
        "ports": [{"name": "cql", "containerPort": 9042}, {"name": "jolokia", "containerPort": 8778}],
        "volumeMounts": mounts,
        "resources": resources,
        "readinessProbe": {"exec": {"command": ["/ready"]}, "periodSeconds": 10},
    }
    sidecar = {"name": "logs", "image": "registry.example/logs:1", "volumeMounts": mounts[:1]}
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "c0"}}]
    return {"containers": [main, sidecar], "volumes": volumes}


def _pod(index: int) -> Object:
    labels = {"app": "cassandra", "part": str(index % 10), "turn": "0"}
    return {"metadata": {"name": f"p{index}", "labels": labels}, "spec": _spec()}


def _set(replicas: int) -> Object:
    labels = {"app": "cassandra"}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "rack", "labels": labels},
        "spec": {
            "replicas": replicas,
            "serviceName": "rack",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _spec()},
        },
    }


def _claim(index: int) -> Object:
    requests = {"storage": "10Gi"}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": requests}}
    return {"metadata": {"name": f"data-p{index}"}, "spec": spec}


def _config(index: int, value: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"c{index}"},
        "data": {"cassandra.yaml": "cluster_name: one\n" * 20, "turn": value},
    }


def _secret(name: str) -> Object:
    return {"metadata": {"name": name}, "data": {"password": "c2VjcmV0"}}
