"""
A whole cluster in one process and one thread, in simulated time, with the operator in it.

API server, StatefulSets, kubelets, Cassandra nodes and the operator itself are stepped in an order that
only the seed decides. The operator is the real one from its reflectors to its clients: only its threads
are replaced by steps, and its sockets by function calls. Killing it loses everything that it remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import functools
import itertools
from pathlib import Path
from typing import Any

import attrs

from controller.api import crd as definitions
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.transport import Request, Response
from controller.reconcile.trail import Trail
from e2e.providers.sim_operator import IMAGE, NAMESPACE, SimOperator
from e2e.providers.sim_tap import NoTap, Tap
from e2e.simcontrollers.assembly import Controllers
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.pace import Pace
from e2e.simkube.api import FIRST_NAMESPACES, ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simkube.watch import Watch
from e2e.simtime import EPOCH, Simulation

__all__ = ["IMAGE", "MANIFESTS", "NAMESPACE", "Home", "SimCluster"]

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"


class Shared:
    """A watch that shows the objects as they are stored, not copies of them."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._watch.closed

    def poll(self) -> list[dict[str, Any]]:
        """Return the events since the last time."""
        return self._watch.poll_shared()


@attrs.frozen(kw_only=True)
class Home:
    """Where and when an operator lives: its namespace, its image, and the instant at which time begins.

    An *empty* one has no Kubernetes node and no StorageClass, and nobody is started: that is left to whoever
    puts in what there is.
    """

    namespace: str = NAMESPACE
    image: str = IMAGE
    began: float = EPOCH
    empty: bool = False


class SimCluster:
    """Three nodes in three zones, with the CRD installed and the operator running; or another *home*.

    *tap* hears of all that any life of the operator does. With *holds* it holds calls that last, each in a
    thread, and hears their answers; without, it has no threads, and such an answer is lost. *lasts* says how
    many seconds a round of questions to nodes takes, by a text with the cluster's name in it; without, none.
    *trail* hears of what is decided and done, in any life.
    """

    def __init__(  # noqa: PLR0913 -- each is a way to make it another world, all by name
        self,
        seed: int = 0,
        *,
        pace: Pace | None = None,
        images: Images | None = None,
        tap: Tap | None = None,
        holds: bool = False,
        lasts: Callable[[str], float] | None = None,
        trail: Trail | None = None,
        home: Home | None = None,
    ) -> None:
        self._holds = holds
        self._lasts = lasts
        self._trail = trail
        self._home = home = home or Home()
        self.namespace = home.namespace
        self.simulation = Simulation(seed)
        self.simulation.run_until(home.began)
        self.server = ApiServer(self.simulation)
        user = InProcess(self.server, agent="user")
        self.client = KubeClient(user, fence=lambda: None, field_manager="user")
        self.controllers = Controllers(
            InProcess(self.server, agent="controllers", shares=True),
            self.simulation,
            pace=pace,
            images=images,
            open_watch=self._open_watch,
        )
        self.server.on_change(self._changed)
        self.transport = user
        if not home.empty:
            self._furnish()
        self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
        if self.namespace not in FIRST_NAMESPACES:
            self.post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        account = {"metadata": {"name": "cassandra-cluster-node"}}
        self.post(f"/api/v1/namespaces/{self.namespace}/serviceaccounts", account)
        self._tap: Tap = tap or NoTap()
        self._lives = itertools.count()
        self.writes = 0
        # At this write of the operator's, counted over all its lives, it is killed.
        self.kill_at_write: int | None = None
        self.operator: SimOperator | None = None
        if not home.empty:
            self.start_operator()

    def _furnish(self) -> None:
        """Put in what a Kubernetes of three nodes has."""
        for letter in "abc":
            zone = {
                "topology.kubernetes.io/zone": f"zone-{letter}",
                "topology.kubernetes.io/region": "region-1",
            }
            self.controllers.nodes.add(f"node-{letter}", labels=zone)
        self.controllers.add_class("standard", default=True)

    def start_operator(self) -> None:
        """Start a new life of the operator."""
        self.operator = SimOperator(
            self.server,
            self.controllers,
            next(self._lives),
            tap=self._tap,
            after_write=self._wrote,
            holds=self._holds,
            lasts=self._lasts,
            trail=self._trail,
            namespace=self.namespace,
            image=self._home.image,
        )

    @property
    def parked(self) -> bool:
        """Whether threads of the operator's calls wait for something: a fork would lose them."""
        return self.operator is not None and self.operator.parked

    def kill_operator(self, *, away: float = 1.0) -> None:
        """Kill the operator; another starts in its place in *away* seconds."""
        if self.operator is not None:
            self.operator.kill()
            self.operator = None
        self.simulation.after(away, self.start_operator)

    def _wrote(self) -> None:
        """Count a write of any life of the operator, and kill it if this is the one."""
        self.writes += 1
        if self.writes == self.kill_at_write:
            self.kill_operator()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create *body*; `AssertionError` if the server refuses."""
        answer = self.transport.send(Request(method="POST", path=path, body=body))
        assert answer.status < 300, answer.body
        return dict(answer.body)

    def apply(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Create a CassandraCluster or Secret in the namespace, as a user does."""
        plural = {"CassandraCluster": "apis/db.orange.com/v2", "Secret": "api/v1"}[obj["kind"]]
        names = {"CassandraCluster": "cassandraclusters", "Secret": "secrets"}[obj["kind"]]
        metadata = {**obj["metadata"], "namespace": self.namespace}
        return self.post(f"/{plural}/namespaces/{self.namespace}/{names}", {**obj, "metadata": metadata})

    def edit(self, name: str, spec: Mapping[str, Any]) -> None:
        """Merge *spec* into a cluster's spec, as `kubectl patch` does."""
        request = Request(
            method="PATCH",
            path=kinds.CASSANDRA_CLUSTER.path(self.namespace, name),
            headers={"Content-Type": "application/merge-patch+json"},
            body={"spec": spec},
        )
        answer = self.transport.send(request)
        assert answer.status < 300, answer.body

    def cluster(self, name: str) -> dict[str, Any]:
        """Return a CassandraCluster as it is stored."""
        return self.client.get(kinds.CASSANDRA_CLUSTER, self.namespace, name)

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        """Return a condition of a cluster, an empty one if there is none."""
        conditions = (self.cluster(name).get("status") or {}).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {"status": "Unknown", "message": ""})

    def run_until(self, probe: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Let time pass until *probe* is true; `AssertionError` with *what* after *seconds*."""
        end = self.simulation.now + seconds
        while not probe():
            due = self.simulation.next_due()
            assert due is not None, f"{what}: nothing will ever happen any more"
            assert due <= end, f"{what}: not within {seconds:g} simulated seconds"
            self.run(max(due - self.simulation.now, 0.25))

    def run(self, seconds: float) -> None:
        """Let *seconds* of simulated time pass."""
        self.simulation.run_until(self.simulation.now + seconds)

    def _open_watch(self, request: Request) -> Shared | Response:
        """Open a watch for controllers, which change no object that they are shown."""
        watch = self.server.open_watch(request)
        return watch if isinstance(watch, Response) else Shared(watch)

    def _changed(self) -> None:
        self.controllers.loop.wake()


@functools.cache
def crd() -> Mapping[str, Any]:
    """Return the CRD that is installed on real clusters: `manifests/crds` is made from it."""
    return definitions.definition()
