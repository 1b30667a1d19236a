"""
The running cluster as tests see it: find it, look at it, and hurt its nodes.

Every fault has its remedy beside it. A fault ends with ``down`` at the latest.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from pathlib import Path
import signal
import subprocess

from e2e.cluster import binaries, cgroups, lifecycle, loader, network, processes
from e2e.cluster.layout import NODES, Node, State, node
from e2e.cluster.processes import Process
from e2e.cluster.shell import Trouble, run


def processes_alive(state: State) -> dict[str, bool]:
    """Every process that was started for the cluster, and whether it still runs."""
    return {name: process.alive for name, process in processes.recorded(state).items()}


@dataclass(frozen=True)
class LocalCluster:
    """A handle to the running cluster; nodes are named ``node-a``, ``node-b``, ``node-c``."""

    state: State

    @classmethod
    def find(cls, folder: str | None = None) -> LocalCluster:
        """The cluster with its state in *folder* (default place if None); Trouble if none runs."""
        state = State.at(folder)
        if not lifecycle.running(state):
            raise Trouble("no cluster runs: start it with `python -m e2e.cluster up`")
        return cls(state)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state.kubeconfig

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, one JSON object a line."""
        return self.state.audit_log

    @property
    def node_names(self) -> tuple[str, ...]:
        """The names of all nodes."""
        return tuple(each.name for each in NODES)

    def kubectl(
        self, *argv: str, stdin: str | None = None, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator; *timeout* is in seconds, Trouble when it fails."""
        kube = binaries.kube()
        options = ("kubectl", f"--kubeconfig={self.kubeconfig}")
        return run(kube, *options, *argv, stdin=stdin, timeout=timeout, check=check)

    def load_images(self, *archives: Path) -> list[str]:
        """Load image archives where they are missing; a line about each load that was needed."""
        return loader.load(self.state, list(archives))

    def partition(self, name: str) -> None:
        """Unplug a node's network: its pods go on, nobody reaches them, nor they anybody."""
        network.cut(node(name))

    def heal(self, name: str) -> None:
        """Plug a partitioned node in again."""
        network.join(node(name))

    @contextlib.contextmanager
    def partitioned(self, name: str) -> Iterator[None]:
        """Partition a node for the length of a ``with`` block."""
        self.partition(name)
        try:
            yield
        finally:
            self.heal(name)

    def pause_kubelet(self, name: str) -> None:
        """Freeze a kubelet: the node turns NotReady, its pods go on."""
        self._kubelet(node(name)).signal(signal.SIGSTOP)

    def resume_kubelet(self, name: str) -> None:
        """Let a frozen kubelet go on."""
        self._kubelet(node(name)).signal(signal.SIGCONT)

    def kill_kubelet(self, name: str) -> None:
        """Kill a kubelet; its pods go on."""
        processes.kill([self._kubelet(node(name))])

    def start_kubelet(self, name: str) -> None:
        """Start the kubelet of a node where it was killed."""
        lifecycle.start_kubelet(binaries.kube(), node(name), self.state)

    def power_off(self, name: str) -> None:
        """Take a node away at once: kubelet, all containers' processes and the network."""
        self.partition(name)
        self.kill_kubelet(name)
        cgroups.kill_members(node(name))

    def power_on(self, name: str) -> None:
        """Bring a node back after :meth:`power_off`; its volumes are as they were."""
        self.heal(name)
        self.start_kubelet(name)

    def _kubelet(self, which: Node) -> Process:
        return processes.recorded(self.state)[f"{which.name}-kubelet"]
