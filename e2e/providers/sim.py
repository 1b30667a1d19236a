"""
A whole cluster in one process and one thread, in simulated time, with the operator in it.

API server, StatefulSets, kubelets, Cassandra nodes and the operator itself are stepped in an order that
only the seed decides. The operator is the real one from its reflectors to its clients: only its threads
are replaced by steps, and its sockets by function calls. Killing it loses everything that it remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import contextlib
import datetime as dt
import itertools
from pathlib import Path
import threading
from typing import Any

import attrs
import yaml

from controller.builders.context import Images as OperatorImages
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import Core, assemble, metadata_only, selector
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.events import EventRecorder
from controller.kube.transport import Request, Response
from controller.kube.watch import KindSource
from controller.runtime.list_watch import ListWatchSettings
from controller.runtime.reflector import Reflector
from e2e.simcassandra.transport import RingTransport, hanging_up
from e2e.simcontrollers.assembly import Controllers
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.pace import Pace
from e2e.simkube.api import ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simkube.watch import Watch as ServerWatch
from e2e.simtime import EPOCH, Simulation

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
IMAGE = "casskop:sim"
NAMESPACE = "cassandra"
# From a change to the operator's look at it: a network and a thread away.
LAG = 0.01


@attrs.frozen
class SimClock:
    """The operator's clock: simulated time, in which nothing may wait."""

    simulation: Simulation

    def monotonic(self) -> float:
        """Return simulated seconds."""
        return self.simulation.now - EPOCH

    def now(self) -> dt.datetime:
        """Return the simulated wall clock."""
        return dt.datetime.fromtimestamp(self.simulation.now, dt.UTC)

    def wait_until(self, condition: threading.Condition, deadline: float | None) -> None:  # noqa: ARG002
        """Refuse: with one thread, a wait would be for ever."""
        raise RuntimeError("nothing may wait in a simulation")


class DeadError(BaseException):
    """The operator's process has ended in the middle of what it was doing.

    Not an `Exception`, so that nothing in the operator can go on as if it were a failed request.
    """


class MortalTransport:
    """The operator's way to the API server, which counts its writes and ends with its life.

    *after_write* is called with the number of each write, from 1, right after it was carried out.
    """

    def __init__(self, inner: InProcess, after_write: Callable[[int], None]) -> None:
        self._inner = inner
        self._after_write = after_write
        self.alive = True
        self.writes = 0

    def send(self, request: Request) -> Response:
        """Carry *request* out; `DeadError` for a dead operator, before or right after a write."""
        self._check()
        answer = self._inner.send(request)
        if request.method != "GET":
            self.writes += 1
            self._after_write(self.writes)
            self._check()
        return answer

    def stream(
        self, request: Request, *, silence: float
    ) -> contextlib.AbstractContextManager[Response | Iterator[Mapping[str, Any]]]:
        """Open a stream, as the server has it."""
        self._check()
        return self._inner.stream(request, silence=silence)

    def _check(self) -> None:
        if not self.alive:
            raise DeadError


class PolledTransport:
    """A transport whose streams give what has come so far, and end: so a reflector can be stepped.

    Behind them one watch stays open, for the one reflector that uses this transport.
    """

    def __init__(self, server: ApiServer, agent: str) -> None:
        self._server = server
        self._inner = InProcess(server, agent=agent)
        self._agent = agent
        self._open: ServerWatch | None = None

    def send(self, request: Request) -> Response:
        """Carry *request* out now."""
        return self._inner.send(request)

    @contextlib.contextmanager
    def stream(self, request: Request, *, silence: float) -> Iterator[Response | Iterator[Mapping[str, Any]]]:
        """Yield the events since the last time, or the refusal."""
        if self._open is None or self._open.closed:
            named = attrs.evolve(request, headers={**request.headers, "User-Agent": self._agent})
            opened = self._server.open_watch(named)
            if isinstance(opened, Response):
                yield opened
                return
            self._open = opened
        try:
            yield iter(self._open.poll())
        except Exception:
            # As a broken connection: the next watch begins where this one was understood.
            self.close()
            raise

    def close(self) -> None:
        """Let go of the open watch."""
        if self._open is not None:
            self._server.close_watch(self._open)
            self._open = None


class SimOperator:
    """One life of the operator. It ends by being dropped: nothing is handed to the next one."""

    def __init__(
        self, server: ApiServer, controllers: Controllers, life: int, after_write: Callable[[int], None]
    ) -> None:
        self._simulation = server.simulation
        clock = SimClock(self._simulation)
        self.transport = MortalTransport(InProcess(server, agent="casskop"), after_write)
        client = KubeClient(self.transport, fence=lambda: None)
        jolokia = Jolokia.over(RingTransport(controllers.agents.at, hanging_up))
        ids = itertools.count()
        self.recorder = EventRecorder(client, instance=f"casskop-{life}", clock=clock)
        self.core: Core = assemble(
            client=client,
            nodes=Nodes(attrs.evolve(jolokia, sleep=lambda _: None), threads=0),
            recorder=self.recorder,
            images=OperatorImages(own=IMAGE),
            clock=clock,
            roll=self._simulation.random.random,
            new_id=lambda: f"{life}-{next(ids)}",
        )
        self._streams = {kind: PolledTransport(server, "casskop") for kind in self.core.stores.by_kind()}
        self._reflectors = [
            Reflector(
                kind=kind.plural,
                source=KindSource(
                    self._streams[kind],
                    kind,
                    namespace=NAMESPACE,
                    label_selector=selector(kind),
                    metadata_only=metadata_only(kind),
                ),
                store=store,
                transform=kind.transform,
                clock=clock,
                roll=self._simulation.random.random,
                settings=ListWatchSettings(short_watch=0.0),
            )
            for kind, store in self.core.stores.by_kind().items()
        ]
        self._due: float | None = None
        self.wake()

    def kill(self) -> None:
        """End this life: nothing of it runs any more."""
        self.transport.alive = False
        for stream in self._streams.values():
            stream.close()

    def wake(self) -> None:
        """Say that something changed: the operator looks a moment later."""
        self._look_in(LAG)

    def _look_in(self, seconds: float) -> None:
        due = self._simulation.now + seconds
        if self.transport.alive and (self._due is None or due < self._due):
            self._due = due
            self._simulation.after(seconds, self._look)

    def _look(self) -> None:
        if not self.transport.alive or self._due is None or self._simulation.now < self._due:
            return
        self._due = None
        # The process ended on the way; its successor is somebody else's matter.
        with contextlib.suppress(DeadError):
            self._work()

    def _work(self) -> None:
        now = self._simulation.now - EPOCH
        waits = [self._settle(reflector, now) for reflector in self._reflectors]
        while self.core.workers.run_one():
            pass
        while (after := self.recorder.step()) is not None:
            if after > now:
                waits.append(after)
                break
        due = [w for w in (*waits, self.core.queue.next_due()) if w is not None and w > now]
        if due:
            # Not below what a float of this size can tell apart, or time would stand still.
            self._look_in(max(min(due) - now, 0.001))

    def _settle(self, reflector: Reflector[Any], now: float) -> float | None:
        """Let *reflector* take in all that there is; return when it wants to try again, if later."""
        # A list, its pages, and a watch that gives what there is: more only while it is catching up.
        for _ in range(4):
            due = reflector.step()
            if due > now:
                return due
        return None


class SimCluster:
    """Three nodes in three zones, with the CRD installed and the operator running."""

    def __init__(self, seed: int = 0, *, pace: Pace | None = None, images: Images | None = None) -> None:
        self.simulation = Simulation(seed)
        self.server = ApiServer(self.simulation)
        user = InProcess(self.server, agent="user")
        self.client = KubeClient(user, fence=lambda: None, field_manager="user")
        self.controllers = Controllers(
            InProcess(self.server, agent="controllers"),
            self.simulation,
            pace=pace,
            images=images,
            open_watch=self.server.open_watch,
        )
        self.server.on_change(self._changed)
        for letter in "abc":
            zone = {
                "topology.kubernetes.io/zone": f"zone-{letter}",
                "topology.kubernetes.io/region": "region-1",
            }
            self.controllers.nodes.add(f"node-{letter}", labels=zone)
        self.controllers.add_class("standard", default=True)
        self.transport = user
        self.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
        self.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        account = {"metadata": {"name": "cassandra-cluster-node"}}
        self.post(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
        self._lives = itertools.count()
        self.writes = 0
        # At this write of the operator's, counted over all its lives, it is killed.
        self.kill_at_write: int | None = None
        self.operator: SimOperator | None = None
        self.start_operator()

    def start_operator(self) -> None:
        """Start a new life of the operator."""
        self.operator = SimOperator(self.server, self.controllers, next(self._lives), lambda _: self._wrote())

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
        metadata = {**obj["metadata"], "namespace": NAMESPACE}
        return self.post(f"/{plural}/namespaces/{NAMESPACE}/{names}", {**obj, "metadata": metadata})

    def edit(self, name: str, spec: Mapping[str, Any]) -> None:
        """Merge *spec* into a cluster's spec, as `kubectl patch` does."""
        request = Request(
            method="PATCH",
            path=kinds.CASSANDRA_CLUSTER.path(NAMESPACE, name),
            headers={"Content-Type": "application/merge-patch+json"},
            body={"spec": spec},
        )
        answer = self.transport.send(request)
        assert answer.status < 300, answer.body

    def cluster(self, name: str) -> dict[str, Any]:
        """Return a CassandraCluster as it is stored."""
        return self.client.get(kinds.CASSANDRA_CLUSTER, NAMESPACE, name)

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

    def _changed(self) -> None:
        self.controllers.loop.wake()
        operator = getattr(self, "operator", None)
        if operator is not None:
            operator.wake()


def crd() -> dict[str, Any]:
    """Return the CRD that is installed on real clusters."""
    path = MANIFESTS / "crds" / "cassandraclusters.db.orange.com.yaml"
    return dict(yaml.safe_load(path.read_text()))
