"""An API server on loopback with our CRD, and operators against it: in this process, or as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any
import urllib.error
import urllib.request

import attrs
import yaml

from controller.app import Operator, build
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.kube.transport import Request
from controller.runtime.clock import RealClock
from controller.runtime.stop import StepOutcome, StopSignal
from controller.settings import Address, Settings
from controller.telemetry.redaction import Redactor
from e2e.simkube.api import ApiServer
from e2e.simkube.faults import Faults
from e2e.simkube.server import HttpServer, kubeconfig_text
from e2e.simtime import Simulation

NAMESPACE = "cassandra"
MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
LOOPBACK = Address(host="127.0.0.1", port=0)
# Attempts follow one another after 1.2 to 1.44 s, and a busy machine may hold a renewal up for 6 s.
LEASE_SECONDS = 9.0
# The first word of the operator's user agent, by which faults and counts know it.
CLIENT = "casskop"


def eventually(true: Callable[[], bool], what: str, *, seconds: float = 15.0) -> None:
    """Wait until something that another thread or process does has come *true*."""
    pause = threading.Event()
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        pause.wait(0.02)


@attrs.define
class Cluster:
    """The API server, as a user and a test see it."""

    server: HttpServer
    kubeconfig: Path

    @property
    def faults(self) -> Faults:
        """What may go wrong."""
        return self.server.api.faults

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the server past all faults of the operator; `AssertionError` if it refuses."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = self.server.api.handle(
            Request(method=method, path=path, headers={"Content-Type": kind}, body=body)
        )
        assert answer.status < 300, answer.body
        return answer.body

    def items(self, kind: Kind) -> list[Any]:
        """Return all objects of *kind* in the namespace."""
        found: list[Any] = self.ask("GET", kind.path(NAMESPACE))["items"]
        return found

    def lease(self) -> dict[str, Any]:
        """Return what the operator's Lease says; empty if there is none."""
        return next((each["spec"] for each in self.items(kinds.LEASE)), {})

    def holder(self) -> str:
        """Return who holds the lease, "" if nobody."""
        return str(self.lease().get("holderIdentity") or "")

    def create_cluster(self, name: str, **spec: Any) -> None:
        """Create a CassandraCluster of one node, the sample one with *spec* over it, as a user does."""
        obj = yaml.safe_load((MANIFESTS / "samples" / "cassandracluster.yaml").read_text())
        obj["metadata"] |= {"name": name, "namespace": NAMESPACE}
        del obj["spec"]["imageJolokiaSecret"]
        obj["spec"] |= {"topology": {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}, **spec}
        self.ask("POST", kinds.CASSANDRA_CLUSTER.path(NAMESPACE), obj)

    def create_pod(self, *, address: str) -> None:
        """Create the first pod of the one StatefulSet, running at *address*, as Kubernetes does."""
        (owner,) = self.items(kinds.STATEFULSET)
        metadata, template = owner["metadata"], owner["spec"]["template"]
        reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "controller": True}
        name = f"{metadata['name']}-0"
        body = {
            "metadata": {
                "name": name,
                "labels": template["metadata"]["labels"],
                "ownerReferences": [reference | {key: metadata[key] for key in ("name", "uid")}],
            },
            "spec": {"containers": [{"name": "cassandra", "image": "cassandra:5.0"}]},
        }
        self.ask("POST", kinds.POD.path(NAMESPACE), body)
        container = {"name": "cassandra", "ready": True, "restartCount": 0, "image": "i", "imageID": "i"}
        status = {"phase": "Running", "podIP": address, "containerStatuses": [container]}
        self.ask("PATCH", kinds.POD.path(NAMESPACE, name, "status"), {"status": status})

    def writes(self) -> list[tuple[str, str, int]]:
        """Return what operators wrote, but for leases: verb, kind and the status of the answer."""
        with self.server.api.lock:
            return [
                (record.call.verb, record.call.kind, record.status)
                for record in self.faults.log
                if record.call.client == CLIENT and record.call.kind != "leases"
            ]

    def settings(self, pod: str, **more: Any) -> Settings:
        """Return settings of an operator in the pod of that name."""
        settings = Settings(
            namespace=NAMESPACE,
            own_namespace=NAMESPACE,
            pod_name=pod,
            image="casskop:test",
            metrics=LOOPBACK,
            health=LOOPBACK,
            kubeconfig=str(self.kubeconfig),
            workers=4,
            lease_seconds=LEASE_SECONDS,
        )
        return attrs.evolve(settings, **more)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Serve an API server with what a cluster needs but pods; its kubeconfig is in *folder*."""
    simulation = Simulation()
    simulation.now = time.time()
    with HttpServer(ApiServer(simulation)) as server:
        path = folder / "kubeconfig"
        path.write_text(kubeconfig_text(server.url))
        cluster = Cluster(server, path)
        definition = yaml.safe_load((MANIFESTS / "crds" / "cassandraclusters.db.orange.com.yaml").read_text())
        cluster.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        standard = {"metadata": {"name": "standard"}, "provisioner": "none"}
        cluster.ask("POST", kinds.STORAGE_CLASS.path(), standard)
        yield cluster


@attrs.define
class Replica:
    """An operator in this process."""

    operator: Operator
    stop: StopSignal
    lost: list[str]
    thread: threading.Thread
    # Set when it says that it knows everything.
    known: threading.Event
    ended: tuple[StepOutcome, ...] | None = None

    def page(self, path: str) -> tuple[int, str]:
        """Return status and body of a page of health, or of metrics."""
        metrics, health = self.operator.servers
        return page(metrics.port if path == "/metrics" else health.port, path)

    def leads(self) -> bool:
        """Whether it may act now."""
        return self.operator.election.may_act()

    def end(self, why: str = "the test is over") -> float:
        """Stop it in order, as a signal does; return how many seconds that took."""
        began = time.monotonic()
        self.stop.request(why)
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.ended = self.operator.shutdown().run()
        return time.monotonic() - began


def page(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a page on loopback."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def start(settings: Settings) -> Replica:
    """Build an operator and run it."""
    clock = RealClock()
    stop = StopSignal(clock=clock)
    lost: list[str] = []

    def on_lost(why: str) -> None:
        lost.append(why)
        stop.request(f"the lease is lost: {why}")

    known = threading.Event()
    operator = build(
        settings, clock=clock, stop=stop, redactor=Redactor(), on_lost=on_lost, on_known=known.set
    )
    thread = threading.Thread(target=operator.run, name="operator", daemon=True)
    thread.start()
    return Replica(operator, stop, lost, thread, known)


@attrs.define
class Process:
    """An operator as a process of its own, and its log."""

    process: subprocess.Popen[str]
    lines: list[dict[str, Any]] = attrs.field(factory=list)
    reader: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))

    def said(self, event: str) -> dict[str, Any] | None:
        """Return the first line of its log about *event*."""
        return next((line for line in list(self.lines) if line["event"] == event), None)

    def wait(self, seconds: float) -> int:
        """Return its exit code, at most *seconds* from now; all of its log has come then."""
        code = self.process.wait(seconds)
        self.reader.join(10)
        return code


@contextmanager
def process(cluster: Cluster, pod: str, **more: str) -> Iterator[Process]:
    """
    Run `casskop operator` as a pod of that name does, with *more* in its environment.

    It is killed at the end if it still runs.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(cluster.kubeconfig),
        "WATCH_NAMESPACE": NAMESPACE,
        "POD_NAMESPACE": NAMESPACE,
        "POD_NAME": pod,
        **more,
    }
    flags = ["--metrics-addr=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0"]
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-m", "controller", "operator", *flags, f"--lease-seconds={LEASE_SECONDS}"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as popen:
        running = Process(popen)
        try:
            yield running
        finally:
            popen.kill()
