"""All simulated controllers of one cluster, put together."""

from __future__ import annotations

from collections.abc import Callable

from controller.kube.transport import Request, Response, Transport
from e2e.simcassandra.jolokia import Agents
from e2e.simcassandra.ring import Ring
from e2e.simcontrollers.addresses import Addresses
from e2e.simcontrollers.cassandra_pods import CassandraPods
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.disruption import DisruptionController
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.kubelet import Kubelets
from e2e.simcontrollers.loop import Loop
from e2e.simcontrollers.nodes import Nodes
from e2e.simcontrollers.objects import CLASSES, WATCHED
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.podrun import Host
from e2e.simcontrollers.programs import Programs
from e2e.simcontrollers.scheduler import Scheduler
from e2e.simcontrollers.statefulset import StatefulSetController
from e2e.simcontrollers.view import View, Watching
from e2e.simcontrollers.volumes import VolumeController
from e2e.simtime import Simulation


class Controllers:
    """The controllers of the cluster behind *transport*, with Cassandra nodes of their own `ring`.

    Whoever makes the server lets it call `loop.wake` on every change; where that cannot be had, *pace*
    names a `resync`. *open_watch*, if the server offers it, spares listing everything at each look.
    *programs*, if given, says what runs in containers in place of Cassandra.
    """

    def __init__(  # noqa: PLR0913 -- each has a default that fits
        self,
        transport: Transport,
        simulation: Simulation,
        *,
        pace: Pace | None = None,
        images: Images | None = None,
        open_watch: Callable[[Request], Watching | Response] | None = None,
        programs: Programs | None = None,
    ) -> None:
        self.pace = pace or Pace()
        self.images = images or Images()
        self.view = View(transport, WATCHED, open_watch=open_watch)
        self.loop = Loop(simulation, self.view, resync=self.pace.resync)
        self.ring = Ring(simulation, self.pace.ring)
        self.agents = Agents(self.ring.at, self.ring.faults)
        self._transport = transport
        self._simulation = simulation
        kubelet = self._client("kubelet")
        self.pods = CassandraPods(self.ring, self.agents, kubelet, self.view)
        self.addresses = Addresses()
        self._host = Host(
            client=kubelet,
            view=self.view,
            simulation=simulation,
            pace=self.pace,
            programs=programs or self.pods,
            images=self.images,
            addresses=self.addresses,
        )
        self.kubelets = Kubelets(self._host)
        self.nodes = Nodes(self._host, self.kubelets, self.loop)
        self.volumes = VolumeController(
            self._client("volumes"), self.view, simulation, self.pace, lost=self.pods.lose
        )
        self._register()

    def add_class(
        self,
        name: str,
        *,
        expands: bool = True,
        default: bool = False,
        mode: str = "WaitForFirstConsumer",
    ) -> None:
        """Make a StorageClass of volumes on one node."""
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
        self._client("test").create(
            CLASSES,
            {
                "metadata": {"name": name, "annotations": annotations},
                "provisioner": "simulated.example.com/local",
                "volumeBindingMode": mode,
                "allowVolumeExpansion": expands,
                "reclaimPolicy": "Delete",
            },
        )

    def _client(self, name: str) -> Client:
        return Client(self._transport, self._simulation, name)

    def _register(self) -> None:
        view, simulation, pace = self.view, self._simulation, self.pace
        sets = StatefulSetController(
            self._client("statefulset-controller"), view, simulation, self.loop.after
        )
        budgets = DisruptionController(
            self._client("disruption-controller"), view, simulation, self.loop.after
        )
        scheduler = Scheduler(self._client("default-scheduler"), view, simulation)
        self.loop.add("statefulset", sets.step, lag=pace.controller_lag)
        self.loop.add("volumes", self.volumes.step, lag=pace.controller_lag)
        self.loop.add("disruption", budgets.step, lag=pace.controller_lag)
        self.loop.add("nodes", self.nodes.step, lag=pace.controller_lag)
        self.loop.add("scheduler", scheduler.step, lag=pace.scheduler_lag)
        self.loop.add("kubelet", self.kubelets.step, lag=pace.kubelet_lag)
