"""
Bring the cluster up and take it down.

``up`` on a running cluster changes nothing; on what a crash or an interruption left it first
clears that away. ``down`` works on whatever is there. One lock keeps two of them apart. Neither
touches the cache of binaries and images.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
import shutil
import sys
import time

from e2e.cluster import (
    binaries,
    cache,
    cgroups,
    controlplane,
    deps,
    leftovers,
    loader,
    network,
    nodes,
    pki,
    processes,
    storage,
)
from e2e.cluster.api import Api
from e2e.cluster.layout import NODES, Node, State, cache_folder
from e2e.cluster.shell import Trouble, wait_for
from e2e.images import pause

CONTROL_PLANE = ("etcd", "apiserver", "controller-manager", "scheduler", "dns")
HELPERS = ("provisioner", "resizer")


class Progress:
    """Prints a line a stage, with the seconds it took."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def done(self, what: str) -> None:
        """Say that a stage is over."""
        now = time.monotonic()
        print(f"{what:<48} {now - self._last:6.1f} s  ({now - self._began:5.1f} s)", flush=True)
        self._last = now


def alone() -> AbstractContextManager[None]:
    """Hold the machine's one lock for ``up`` and ``down``; Trouble if somebody has it."""
    busy = "another up or down is under way: wait until it has ended"
    return cache.locked(cache_folder() / "lock", busy)


def up(state: State) -> None:
    """Have the cluster run, whatever was there before."""
    deps.require_root()
    deps.require(deps.PROGRAMS)
    with alone():
        _check_owner(state)
        if running(state):
            print("the cluster is running already")
        else:
            _start(state)
        print(f"export KUBECONFIG={state.kubeconfig}", flush=True)


def down(state: State) -> None:
    """Stop and remove the cluster and its state."""
    deps.require_root()
    with alone():
        _check_owner(state)
        progress = Progress()
        _clear(state)
        progress.done("everything of the cluster is gone")


def running(state: State) -> bool:
    """Whether a start was finished and all that it started still runs."""
    wanted = {*CONTROL_PLANE, *HELPERS, *(name for n in NODES for name in node_processes(n))}
    alive = {name for name, process in processes.recorded(state).items() if process.alive}
    if not (state.ready.exists() and wanted <= alive):
        return False
    with Api(state.kubeconfig) as api:
        return api.ready()


def node_processes(node: Node) -> tuple[str, str, str]:
    """The names of the processes of one node."""
    return (f"{node.name}-containerd", f"{node.name}-kubelet", f"{node.name}-proxy")


def start_kubelet(kube: Path, node: Node, state: State) -> None:
    """Start the node's kubelet."""
    name = f"{node.name}-kubelet"
    argv = nodes.kubelet(kube, node, state)
    processes.start(state, name, argv, namespace=node.namespace)


def start_resizer(state: State) -> None:
    """Start the harness' own part of the storage driver, from this checkout."""
    checkout = Path(__file__).parents[2]
    argv = (sys.executable, "-m", "e2e.cluster.resizer", state.kubeconfig_of("resizer"))
    processes.start(state, "resizer", ("env", f"PYTHONPATH={checkout}", *argv))


def _start(state: State) -> None:
    kube, provisioner = binaries.kube(), binaries.provisioner()
    archive = pause.build()
    progress = Progress()
    if state.root.exists() or network.owner() is not None:
        _clear(state)
        progress.done("cleared away what was there")
    state.root.mkdir(parents=True)
    network.create(state)
    progress.done("network")
    pki.create(state)
    controlplane.write_config(state)
    storage.write_config(state)
    progress.done("keys and configuration")
    processes.start(state, "etcd", controlplane.etcd(kube, state))
    processes.start(state, "apiserver", controlplane.apiserver(kube, state))
    for node in NODES:
        nodes.prepare(node, state)
        argv = nodes.containerd(node, state)
        processes.start(state, f"{node.name}-containerd", argv, namespace=node.namespace)
    _wait_for_containerds(state)
    loader.load(state, [archive])
    progress.done("containerd on every node")
    with Api(state.kubeconfig) as api:
        wait_for(
            "an answer of the API server",
            lambda: _alive(state, "etcd", "apiserver") and api.ready(),
            timeout=120,
            hint=f"see {state.logs}/apiserver.log",
        )
        progress.done("API server")
        _start_rest(state, kube, provisioner)
        storage.apply(api)
        progress.done("controllers, kubelets and storage classes")
        _wait_for_nodes(state, api)
        progress.done(f"{len(NODES)} nodes ready")
    state.ready.touch()


def _start_rest(state: State, kube: Path, provisioner: Path) -> None:
    for name, argv in (
        ("controller-manager", controlplane.controller_manager(kube, state)),
        ("scheduler", controlplane.scheduler(kube, state)),
        ("dns", controlplane.dns(kube, state)),
        ("provisioner", storage.provisioner(provisioner, state)),
    ):
        processes.start(state, name, argv)
    for node in NODES:
        start_kubelet(kube, node, state)
        argv = nodes.kube_proxy(kube, node, state)
        processes.start(state, f"{node.name}-proxy", argv, namespace=node.namespace)
    start_resizer(state)


def _wait_for_containerds(state: State) -> None:
    def all_listen() -> bool:
        return all(_answers(node, state) for node in NODES)

    hint = f"see {state.logs}/node-a-containerd.log"
    wait_for("an answer of every containerd", all_listen, timeout=60, hint=hint)


def _answers(node: Node, state: State) -> bool:
    if not _alive(state, f"{node.name}-containerd"):
        return False
    try:
        loader.ctr(node, state, "version", timeout=5)
    except Trouble:
        return False
    return True


def _alive(state: State, *names: str) -> bool:
    """Whether these processes live; Trouble if one has ended, as then waiting is in vain."""
    known = processes.recorded(state)
    for name in names:
        if not known[name].alive:
            raise Trouble(f"{name} has ended: see {state.logs}/{name}.log")
    return True


def _wait_for_nodes(state: State, api: Api) -> None:
    def ready() -> bool:
        _alive(state, *CONTROL_PLANE, *HELPERS, *(p for node in NODES for p in node_processes(node)))
        listed = api.get("/api/v1/nodes")["items"]
        conditions = [
            condition["status"]
            for each in listed
            for condition in each["status"].get("conditions", [])
            if condition["type"] == "Ready"
        ]
        accounts = api.get("/api/v1/namespaces/default/serviceaccounts")["items"]
        return conditions == ["True"] * len(NODES) and bool(accounts)

    wait_for("every node Ready", ready, timeout=120, hint=f"see {state.logs}/node-*-kubelet.log")


def _check_owner(state: State) -> None:
    owner = network.owner()
    if owner is not None and owner != str(state.root):
        raise Trouble(
            f"a cluster with its state in {owner} has this machine's network: stop it with "
            f"`python -m e2e.cluster --state {owner} down`"
        )


def _clear(state: State) -> None:
    leftovers.stop_everything(state)
    leftovers.unmount(state.root)
    for node in NODES:
        cgroups.remove(node)
    network.remove()
    leftovers.remove_strays(state.root)
    if state.root.exists():
        shutil.rmtree(state.root)
