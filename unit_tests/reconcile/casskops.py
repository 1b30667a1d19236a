"""
A cluster that CassKop made and runs, in the simulator, with nobody at work.

The CassandraCluster, and the objects of one rack, are the recorded ones. Those of further racks are built:
`unit_tests/builders/test_golden` proves them equal to what CassKop makes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from controller.api.v2 import effective, names
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.builders.context import Images
from controller.builders.statefulset import build_statefulset
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Response
from controller.reconcile import snapshot
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.sim_tap import NoTap
from unit_tests.builders.test_golden import recorded

Json = dict[str, Any]
OURS = (names.TEMPLATE_REVISION, names.TEMPLATE_HASH, names.OBJECT_HASH)


class Writes(NoTap):
    """Notes each write of the operator's to StatefulSets and pods."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def answered(self, life: int, request: Request, answer: Response) -> None:
        """Note it."""
        last = request.path.split("?")[0]
        if request.method != "GET" and ("/statefulsets" in last or "/pods" in last):
            self.seen.append((request.method, last))


@attrs.frozen
class Adopted:
    """A simulation, the cluster in it, and what the operator wrote to its StatefulSets and pods."""

    sim: SimCluster
    name: str
    writes: Writes

    def statefulsets(self) -> dict[str, Json]:
        """Return the StatefulSets by name."""
        return self._all(kinds.STATEFULSET)

    def pods(self) -> dict[str, Json]:
        """Return the pods by name."""
        return self._all(kinds.POD)

    def uids(self) -> dict[str, str]:
        """Return the uids of the pods by name: who runs still runs."""
        return {name: pod["metadata"]["uid"] for name, pod in self.pods().items()}

    def images(self) -> set[str]:
        """Return the images that Cassandra runs from."""
        containers = (c for pod in self.pods().values() for c in pod["spec"]["containers"])
        return {c["image"] for c in containers if c["name"] == "cassandra"}

    def status(self) -> Json:
        """Return the cluster's status."""
        return dict(self.sim.cluster(self.name).get("status") or {})

    def set_status(self, status: Mapping[str, Any]) -> None:
        """Merge into the cluster's status, as CassKop's last pass would have left it."""
        self.sim.client.patch_status(kinds.CASSANDRA_CLUSTER, NAMESPACE, self.name, status)

    def start(self, seconds: float = 60) -> None:
        """Start the operator, and let it work for some time."""
        self.sim.start_operator()
        self.sim.run(seconds)

    def _all(self, kind: Kind) -> dict[str, Json]:
        labels = f"{names.CLUSTER}={self.name}"
        items = self.sim.client.list_page(kind, NAMESPACE, label_selector=labels).items
        return {obj["metadata"]["name"]: dict(obj) for obj in items}


def running(case: str, *, racks: int | None = None) -> Adopted:
    """Return the recorded *case* as CassKop leaves it when all nodes of its first *racks* racks run."""
    adopted = _began(case, nodes=True)
    seeds = recorded(case, "cassandracluster")["status"]["seedlist"]
    _start(adopted, adopted.sim.cluster(case), seeds, racks)
    adopted.set_status(_done(adopted, seeds))
    return adopted


def pending(case: str) -> Adopted:
    """Return the recorded *case* with a StatefulSet for each rack, and no node that its pods could run on."""
    adopted = _began(case, nodes=False)
    status = recorded(case, "cassandracluster")["status"]
    obj = adopted.sim.cluster(case)
    for dc, rack, _ in rack_sizes(obj):
        made = statefulset(case, obj, dc, rack, status["seedlist"])
        adopted.sim.post(f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets", made)
    adopted.sim.run(30)
    adopted.set_status(status)
    return adopted


def _began(case: str, *, nodes: bool) -> Adopted:
    """Return a simulation with the recorded CassandraCluster and its shared objects, and no operator."""
    writes = Writes()
    sim = SimCluster(0, tap=writes)
    assert sim.operator is not None
    sim.operator.kill()
    sim.operator = None
    if not nodes:
        for letter in "abc":
            sim.controllers.nodes.remove(f"node-{letter}")
    for zone in "abc" if nodes else "":
        for number in range(5):
            labels = {
                "topology.kubernetes.io/zone": f"zone-{zone}",
                "topology.kubernetes.io/region": "region-1",
            }
            sim.controllers.nodes.add(f"node-{zone}{number}", labels=labels | {"region": "b", "zone": "b1"})
    sim.controllers.add_class("fast")
    _references(sim)
    cluster = recorded(case, "cassandracluster")
    cluster.pop("status")
    stored = sim.apply(cluster)
    _shared(sim, case, stored["metadata"]["uid"])
    return Adopted(sim, case, writes)


def rack_sizes(obj: Json) -> Iterator[tuple[str, str, int]]:
    """Yield data centre, rack and size of each rack that the spec of *obj* asks for."""
    cluster = with_defaults(decode_cluster(obj), revision=0)
    for dc, rack in effective.racks(cluster):
        yield dc.name, rack.name, effective.nodes_per_rack(cluster, dc)


def statefulset(case: str, obj: Json, dc: str, rack: str, seeds: list[str]) -> Json:
    """Return the StatefulSet of a rack as CassKop made it, of size 1: recorded if it was, else built."""
    made = recorded(case, "statefulset")
    if made["metadata"]["labels"][names.DC_RACK] != names.rack_name(dc, rack):
        own = Images(own="never/used:1")
        made = build_statefulset(
            decode_cluster(obj), dc, rack, replicas=1, seeds=seeds, revision=0, images=own
        )
        for key in OURS:
            made["metadata"]["annotations"].pop(key, None)
    made["metadata"]["ownerReferences"][0]["uid"] = obj["metadata"]["uid"]
    made["spec"]["replicas"] = 1
    return made


def _references(sim: SimCluster) -> None:
    """Create what the recorded clusters refer to."""
    login = {key: base64.b64encode(b"casskop").decode() for key in ("username", "password")}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "jolokia-auth"}, "data": login}
    sim.post(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    scripts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cassandra-configmap-v1"}}
    sim.post(f"/api/v1/namespaces/{NAMESPACE}/configmaps", scripts)
    account = {"metadata": {"name": "my-account"}}
    sim.post(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)


def _shared(sim: SimCluster, case: str, uid: str) -> None:
    """Create the recorded Services and the disruption budget."""
    for kind, path in (
        ("service", f"/api/v1/namespaces/{NAMESPACE}/services"),
        (f"service.{case}-exporter-jmx", f"/api/v1/namespaces/{NAMESPACE}/services"),
        ("poddisruptionbudget", f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"),
    ):
        obj = recorded(case, kind)
        obj["metadata"]["ownerReferences"][0]["uid"] = uid
        sim.post(path, obj)


def _start(adopted: Adopted, obj: Json, seeds: list[str], racks: int | None) -> None:
    """Bring up rack after rack, node after node."""
    sim = adopted.sim
    for dc, rack, size in list(rack_sizes(obj))[:racks]:
        made = statefulset(adopted.name, obj, dc, rack, seeds)
        name = made["metadata"]["name"]
        sim.post(f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets", made)
        for replicas in range(1, size + 1):
            grow(adopted, name, replicas)


def grow(adopted: Adopted, name: str, replicas: int) -> None:
    """Bring a StatefulSet to a size, and wait until its last pod is ready."""
    sim = adopted.sim
    sim.client.merge_patch(kinds.STATEFULSET, NAMESPACE, name, {"spec": {"replicas": replicas}})
    pod = f"{name}-{replicas - 1}"

    def up() -> bool:
        found = adopted.pods().get(pod)
        return found is not None and snapshot.pod(found).ready

    sim.run_until(up, seconds=900, what=f"{pod} is ready")
    sim.run(5)


def _done(adopted: Adopted, seeds: list[str]) -> Json:
    """Return the status of CassKop once everything runs."""
    times = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:10:00Z"}
    action = {"name": "Initializing", "status": "Done", **times}
    racks = {
        made["metadata"]["labels"][names.DC_RACK]: {
            "phase": "Running",
            "cassandraLastAction": action,
            "podLastOperation": {},
        }
        for made in adopted.statefulsets().values()
    }
    hosts = {node.address: node.volume.host_id for node in adopted.sim.controllers.ring.nodes()}
    nodes = {
        name: {"nodeIp": pod["status"]["podIP"], "hostId": hosts[pod["status"]["podIP"]]}
        for name, pod in adopted.pods().items()
    }
    return {
        "phase": "Running",
        "lastClusterAction": "Initializing",
        "lastClusterActionStatus": "Done",
        "seedlist": seeds,
        "cassandraRackStatus": racks,
        "cassandraNodeStatus": nodes,
    }
