"""
An API server in memory with one CassandraCluster in it, for executors to write to.

No controllers run: what an executor wrote is what is there, and nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
import functools
from pathlib import Path
from typing import Any, Final

import yaml

from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.builders.context import Images
from controller.domain.errors import NotFoundError, NotLeadingError
from controller.executors.base import Bodies
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Response
from controller.reconcile.wish import wish
from e2e.simkube.api import ApiServer
from e2e.simkube.faults import Match, RequestFault, Rule
from e2e.simkube.inprocess import InProcess
from e2e.simtime import Simulation

Json = dict[str, Any]

NAMESPACE: Final = "cassandra"
OPERATOR: Final = "casskop"
# Where the operator's pods are.
OPERATORS: Final = "operators"
IMAGES: Final = Images(own="example.org/casskop:1")
RACK: Final = "dc1-rack1"
_CRD = Path(__file__).parents[2] / "manifests" / "crds" / "cassandraclusters.db.orange.com.yaml"


@functools.cache
def _crd() -> Json:
    return dict(yaml.safe_load(_CRD.read_text()))


def cluster_json(name: str = "cc", **spec: Any) -> Json:
    """Return a CassandraCluster of one rack, with *spec* over what it has."""
    return {
        "apiVersion": "db.orange.com/v2",
        "kind": "CassandraCluster",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "cassandraImage": "cassandra:5.0",
            "dataCapacity": "1Gi",
            "dataStorageClass": "standard",
            "nodesPerRacks": 3,
            "topology": {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]},
            **spec,
        },
    }


class Meanwhile:
    """The operator's way to the API server, on which something may happen right before its next write."""

    def __init__(self, inner: InProcess) -> None:
        self._inner = inner
        self.happens: Callable[[], object] | None = None

    def send(self, request: Request) -> Response:
        """Carry *request* out, after what happens meanwhile."""
        if request.method != "GET" and self.happens is not None:
            happens, self.happens = self.happens, None
            happens()
        return self._inner.send(request)

    def stream(self, request: Request, *, silence: float) -> AbstractContextManager[Any]:
        """Open a stream, as the server has it."""
        return self._inner.stream(request, silence=silence)


class Stage:
    """The server, the operator's client (`client`), somebody else's (`user`), and the cluster `cc`."""

    def __init__(self) -> None:
        self.server = ApiServer(Simulation())
        self.leading = True
        self.transport = Meanwhile(InProcess(self.server, agent=OPERATOR))
        self.client = KubeClient(self.transport, fence=self._fence)
        self._others = InProcess(self.server, agent="user")
        self.user = KubeClient(self._others, fence=lambda: None, field_manager="user")
        self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _crd())
        self.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        account = {"metadata": {"name": "cassandra-cluster-node"}}
        self.post(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
        self.cluster = self.make_cluster()

    def _fence(self) -> None:
        if not self.leading:
            raise NotLeadingError("the lease is lost")

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Create *body*, as somebody else; `AssertionError` if the server refuses."""
        answer = self._others.send(Request(method="POST", path=path, body=body))
        assert answer.status < 300, answer.body
        return dict(answer.body)

    def make(self, kind: Kind, body: Mapping[str, Any]) -> Json:
        """Create an object of *kind*, as somebody else, and return it as it is stored."""
        namespace = NAMESPACE if kind.namespaced else None
        return self.post(kind.path(namespace), {"apiVersion": kind.api_version, "kind": kind.kind, **body})

    def make_cluster(self, name: str = "cc", **spec: Any) -> CassandraCluster:
        """Create a CassandraCluster and return it, with the uid that the server gave it."""
        return decode_cluster(self.make(kinds.CASSANDRA_CLUSTER, cluster_json(name, **spec)))

    def read(self, name: str = "cc") -> CassandraCluster:
        """Return a cluster as it is stored now."""
        return decode_cluster(self.there(kinds.CASSANDRA_CLUSTER, name))

    def bodies(self, cluster: CassandraCluster | None = None) -> Bodies:
        """Return what the reconcile would hand to an executor, for the racks as they are stored."""
        cluster = self.cluster if cluster is None else cluster
        live = self.stored(kinds.STATEFULSET, f"{cluster.name}-{RACK}")
        racks = {} if live is None else {RACK: live}
        return wish(cluster, racks, frozenset(), IMAGES, fence=OPERATORS).bodies

    def stored(self, kind: Kind, name: str) -> Json | None:
        """Return an object as it is stored, None if there is none."""
        try:
            return self.user.get(kind, NAMESPACE, name)
        except NotFoundError:
            return None

    def there(self, kind: Kind, name: str) -> Json:
        """Return an object that must be there."""
        found = self.stored(kind, name)
        assert found is not None, f"there is no {kind.kind} {name}"
        return found

    def edit(self, kind: Kind, name: str, patch: Mapping[str, Any], subresource: str | None = None) -> Json:
        """Merge *patch* into an object, as somebody else."""
        request = Request(
            method="PATCH",
            path=kind.path(NAMESPACE, name, subresource),
            headers={"Content-Type": "application/merge-patch+json"},
            body=patch,
        )
        answer = self._others.send(request)
        assert answer.status < 300, answer.body
        return dict(answer.body)

    def remove(self, kind: Kind, name: str, *, orphan: bool = False) -> None:
        """Delete an object at once, as somebody else; with *orphan* what it owns is left to nobody."""
        uid = self.there(kind, name)["metadata"]["uid"]
        propagation = "Orphan" if orphan else "Background"
        self.user.delete(kind, NAMESPACE, name, uid=uid, propagation=propagation, grace_seconds=0)

    def pod(self, name: str, *, labels: Mapping[str, str], owner: Json | None = None, **spec: Any) -> Json:
        """Create a pod with the containers of a Cassandra node, which no kubelet has seen."""
        containers = [{"name": each, "image": "example.org/x:1"} for each in ("cassandra", "sidecar")]
        metadata: Json = {"name": name, "labels": dict(labels)}
        if owner is not None:
            metadata["ownerReferences"] = [_owned_by(owner)]
        return self.make(kinds.POD, {"metadata": metadata, "spec": {"containers": containers, **spec}})

    def fault(self, fault: RequestFault, *, verbs: tuple[str, ...], times: int | None = 1) -> None:
        """Let *fault* strike the operator's next requests of *verbs*."""
        self.server.faults.add(Rule(Match(client=OPERATOR, verbs=verbs), fault, times=times))

    @property
    def writes(self) -> int:
        """How many writes the operator has sent."""
        return self.server.faults.writes[OPERATOR]


def _owned_by(owner: Json) -> Json:
    """Return the reference that makes *owner* the controller of an object."""
    metadata = owner["metadata"]
    kind = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
    return {**kind, "name": metadata["name"], "uid": metadata["uid"], "controller": True}
