"""
The network: a bridge on the machine, and a namespace with one cable to it for every node.

Pods of one node reach those of another by static routes over the bridge. There is no way from a
pod out of the machine: nothing translates their addresses.
"""

from __future__ import annotations

from collections.abc import Iterator

from e2e.cluster.layout import (
    BRIDGE,
    GATEWAY,
    NODE_NETWORK,
    NODES,
    SERVICE_NETWORK,
    Node,
    State,
)
from e2e.cluster.shell import run

Argv = tuple[str, ...]


def bridge_plan(state: State) -> Iterator[Argv]:
    """The commands that make the bridge; its alias says whose cluster this is."""
    length = NODE_NETWORK.rpartition("/")[2]
    yield ("ip", "link", "add", BRIDGE, "type", "bridge")
    yield ("ip", "link", "set", BRIDGE, "alias", str(state.root))
    yield ("ip", "addr", "add", f"{GATEWAY}/{length}", "dev", BRIDGE)
    yield ("ip", "link", "set", BRIDGE, "up")


def node_plan(node: Node) -> Iterator[Argv]:
    """The commands that make one node's namespace and join it to the bridge."""
    inside = ("ip", "-n", node.namespace)
    length = NODE_NETWORK.rpartition("/")[2]
    yield ("ip", "netns", "add", node.namespace)
    yield (
        *("ip", "link", "add", node.veth, "type", "veth"),
        *("peer", "name", "eth0", "netns", node.namespace),
    )
    yield ("ip", "link", "set", node.veth, "master", BRIDGE, "up")
    yield (*inside, "addr", "add", f"{node.address}/{length}", "dev", "eth0")
    yield (*inside, "link", "set", "eth0", "up")
    yield (*inside, "link", "set", "lo", "up")
    yield (*inside, "route", "add", "default", "via", GATEWAY)
    for other in NODES:
        if other != node:
            yield (*inside, "route", "add", other.pods, "via", other.address)
    # A new namespace forwards nothing, and the node is the router of its pods.
    yield (*_inside(node), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    yield ("ip", "route", "add", node.pods, "via", node.address)


def service_plan() -> Iterator[Argv]:
    """
    The commands that let the machine reach Services.

    kube-proxy runs on nodes only; the first node translates for the machine as well.
    """
    yield ("ip", "route", "add", SERVICE_NETWORK, "via", NODES[0].address)


def create(state: State) -> None:
    """Make the whole network; Trouble if any of it is there already."""
    for argv in bridge_plan(state):
        run(*argv)
    for node in NODES:
        for argv in node_plan(node):
            run(*argv)
    for argv in service_plan():
        run(*argv)


def remove() -> None:
    """Remove whatever there is of the network; routes go with the bridge."""
    for node in NODES:
        run("ip", "link", "del", node.veth, check=False)
        run("ip", "netns", "del", node.namespace, check=False)
    run("ip", "link", "del", BRIDGE, check=False)


def owner() -> str | None:
    """The state folder of the cluster whose bridge stands, or None when there is no bridge."""
    shown = run("ip", "-d", "link", "show", BRIDGE, check=False)
    if shown.returncode:
        return None
    return parse_alias(shown.stdout)


def parse_alias(text: str) -> str:
    """Return the alias in the output of ``ip link show``, or an empty string."""
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "alias":
            return rest.strip()
    return ""


def processes_inside(node: Node) -> list[int]:
    """The ids of all processes in the node's namespace (not those in its pods' namespaces)."""
    shown = run("ip", "netns", "pids", node.namespace, check=False)
    return [int(word) for word in shown.stdout.split()]


def cut(node: Node) -> None:
    """Unplug the node: nothing gets to it or out of it, its pods go on running."""
    run("ip", "link", "set", node.veth, "down")


def join(node: Node) -> None:
    """Plug the node in again."""
    run("ip", "link", "set", node.veth, "up")


def _inside(node: Node) -> Argv:
    return ("nsenter", f"--net=/run/netns/{node.namespace}")
