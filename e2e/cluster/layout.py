"""
Where everything of the cluster lives, and how its parts are named and numbered.

Only values: nothing here touches the machine, apart from reading the environment for the place
of the cache folder.
"""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path

BRIDGE = "casskop0"
# The control plane stands on the machine itself, under this address of the bridge.
GATEWAY = "172.30.0.1"
NODE_NETWORK = "172.30.0.0/24"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
SERVICE_API = "10.96.0.1"  # the first address of SERVICE_NETWORK is always the API's Service
API_PORT = 6443
API_URL = f"https://{GATEWAY}:{API_PORT}"
ETCD_CLIENT_URL = "http://127.0.0.1:23790"
ETCD_PEER_URL = "http://127.0.0.1:23800"
REGION = "region-1"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node: a network namespace, a containerd, a kubelet and a kube-proxy."""

    letter: str
    number: int  # from 1; its address and its pods' subnet are made from it

    @property
    def name(self) -> str:
        """The node's name in Kubernetes, e.g. ``node-a``."""
        return f"node-{self.letter}"

    @property
    def zone(self) -> str:
        """The value of its label ``topology.kubernetes.io/zone``."""
        return f"zone-{self.letter}"

    @property
    def namespace(self) -> str:
        """The network namespace; its name also serves for the node's cgroup."""
        return f"casskop-{self.name}"

    @property
    def veth(self) -> str:
        """The machine's end of the cable between the node and the bridge."""
        return f"ck-{self.name}"

    @property
    def address(self) -> str:
        """The node's address on the bridge."""
        return f"172.30.0.{10 + self.number}"

    @property
    def pods(self) -> str:
        """The subnet of the node's pods."""
        return f"10.244.{self.number}.0/24"


NODES = tuple(Node(letter=letter, number=number) for number, letter in enumerate("abc", 1))


def node(name: str) -> Node:
    """Return the node called *name*; KeyError if there is none."""
    return {each.name: each for each in NODES}[name]


def cache_folder() -> Path:
    """The folder for what outlives a cluster: binaries, images, base file systems."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "casskop-e2e"


@dataclass(frozen=True)
class State:
    """The folder of one cluster, and the paths inside it. Nothing is created by asking."""

    root: Path

    @classmethod
    def at(cls, folder: str | None = None) -> State:
        """The state in *folder*, or in the default place under the cache folder."""
        return cls(Path(folder).absolute() if folder else cache_folder() / "state")

    @property
    def logs(self) -> Path:
        """One log a process, ``NAME.log``."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """One record a started process, ``NAME.json``."""
        return self.root / "pids"

    @property
    def pki(self) -> Path:
        """Keys, certificates and tokens."""
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.kubeconfig_of("admin")

    @property
    def audit_log(self) -> Path:
        """Who asked the API for what: one JSON object a line, level Metadata."""
        return self.root / "audit.log"

    @property
    def ready(self) -> Path:
        """Written last by ``up``: where it is missing, a start was not finished."""
        return self.root / "ready"

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of one of the users in :mod:`e2e.cluster.pki`."""
        return self.root / f"{user}.kubeconfig"

    def node_folder(self, which: Node) -> Path:
        """Everything of one node: containerd, kubelet, pods' logs and volumes."""
        return self.root / which.name

    def containerd_socket(self, which: Node) -> Path:
        """Where the node's containerd listens."""
        return self.node_folder(which) / "containerd.sock"

    def volumes(self, which: Node) -> Path:
        """The folder of the node's persistent volumes."""
        return self.node_folder(which) / "volumes"
