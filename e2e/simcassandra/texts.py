"""How Cassandra and its agent write addresses, sizes, ranges and gossip states."""

from __future__ import annotations

from e2e.simcassandra.gossip import EndpointState, Status
from e2e.simcassandra.node import Node
from e2e.simcassandra.tokens import Layout

STORAGE_PORT = 7000
NATIVE_PORT = 9042


def with_port(address: str) -> str:
    """Return *address* with the port of gossip."""
    return f"{address}:{STORAGE_PORT}"


def inet_key(node: Node, address: str) -> str:
    """Return how an InetAddress looks as a key: the 1.7 agent writes Java's text with its slash."""
    return f"/{address}" if node.config.jolokia.startswith("1.") else address


def slashed(node: Node, address: str) -> str:
    """Return Java's text of an address: the node's own carries its host name."""
    return f"{node.config.hostname}/{address}" if address == node.address else f"/{address}"


def size(number: int) -> str:
    """Return *number* bytes as Cassandra prints them: at most two decimals."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    value = float(number)
    index = 0
    while value >= 1024 and index < len(units) - 1:
        value /= 1024
        index += 1
    return f"{value:.2f}".rstrip("0").rstrip(".") + f" {units[index]}"


def token_range(layout: Layout, start: int, end: int, owners: tuple[str, ...], *, port: bool) -> str:
    """Return a range as `describeRingJMX` writes it; with *port* as `describeRingWithPortJMX`."""
    endpoints = [with_port(a) if port else a for a in owners]
    rpc = [f"{a}:{NATIVE_PORT}" if port else a for a in owners]
    details = ", ".join(
        f"EndpointDetails(host:{shown}, datacenter:{layout.places[a].datacenter}, "
        f"rack:{layout.places[a].rack})"
        for a, shown in zip(owners, endpoints, strict=True)
    )
    return (
        f"TokenRange(start_token:{start}, end_token:{end}, endpoints:[{', '.join(endpoints)}], "
        f"rpc_endpoints:[{', '.join(rpc)}], endpoint_details:[{details}])"
    )


def endpoint_state(node: Node, state: EndpointState) -> str:
    """Return *state* as `getEndpointState` prints it."""
    load = _load(node, state)
    heartbeat = int(node.simulation.now) - state.generation
    lines = {
        "generation": str(state.generation),
        "heartbeat": str(max(0, heartbeat)),
        "LOAD": f"{heartbeat}:{float(load)}",
        "SCHEMA": f"{state.version}:{state.schema}",
        "DC": f"12:{state.place.datacenter}",
        "RACK": f"14:{state.place.rack}",
        "RELEASE_VERSION": f"5:{state.release}",
        "NET_VERSION": "1:12",
        "HOST_ID": f"2:{state.host_id}",
        "RPC_READY": f"{state.version}:{'true' if state.rpc_ready else 'false'}",
        "INTERNAL_ADDRESS_AND_PORT": f"8:{with_port(state.address)}",
        "NATIVE_ADDRESS_AND_PORT": f"3:{state.address}:{NATIVE_PORT}",
    }
    if state.status is not Status.NONE:
        lines["STATUS_WITH_PORT"] = f"{state.version}:{_status(state)}"
        lines["TOKENS"] = f"{state.version}:<hidden>"
    return "".join(f"  {key}:{value}\n" for key, value in lines.items())


def _status(state: EndpointState) -> str:
    if state.status in {Status.SHUTDOWN, Status.HIBERNATE}:
        return f"{state.status.value},true"
    if state.status in {Status.REMOVING, Status.REMOVED}:
        return f"{state.status.value},{state.host_id}"
    token = str(state.tokens[0]) if state.tokens else ""
    return f"{state.status.value},{token}"


def _load(node: Node, state: EndpointState) -> int:
    other = node.network.at(state.address)
    return other.load() if other is not None else 0
