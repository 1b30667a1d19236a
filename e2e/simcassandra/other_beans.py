"""The MBeans beside StorageService: gossip, failure detection, streams, compactions, the snitch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from e2e.simcassandra import compaction, removal, storage_reads, texts, threads, tunables
from e2e.simcassandra.deferred import JavaError
from e2e.simcassandra.mbean import MBean, overload
from e2e.simcassandra.node import Node
from e2e.simcassandra.tokens import Place

STRING = "java.lang.String"

Args = Sequence[Any]


def beans() -> dict[str, MBean]:
    """Return them by name."""
    readers, writers = tunables.storage_proxy()
    return {
        "org.apache.cassandra.db:type=StorageProxy": MBean(
            attributes={"SchemaVersions": storage_reads.schema_versions, **readers}, writers=writers
        ),
        "org.apache.cassandra.net:type=FailureDetector": _failure_detector(),
        "org.apache.cassandra.net:type=Gossiper": _gossiper(),
        "org.apache.cassandra.net:type=StreamManager": MBean(
            attributes={
                "CurrentStreams": lambda n: [plan.describe(n) for plan in n.streams],
                "StreamingStatsEnabled": lambda _: True,
                "StreamingSlowEventsLogTimeout": lambda _: "10s",
                "NotificationInfo": lambda _: [],
            }
        ),
        "org.apache.cassandra.db:type=CompactionManager": MBean(
            attributes={
                "Compactions": lambda n: [c.describe() for c in n.compactions],
                "CompactionSummary": lambda n: [
                    f"{c.kind.value}@{c.compaction_id}({c.keyspace}, {c.table}, "
                    f"{c.work.completed}/{int(c.work.total)})bytes"
                    for c in n.compactions
                ],
            },
            operations={"stopCompaction": (overload(STRING, lambda n, a: compaction.stop(n, str(a[0]))),)},
        ),
        "org.apache.cassandra.db:type=EndpointSnitchInfo": _snitch(),
        "java.lang:type=Threading": threads.bean(),
        "java.lang:type=Runtime": MBean(
            attributes={
                "StartTime": lambda n: int(n.started_at * 1000),
                "Uptime": lambda n: int((n.simulation.now - n.started_at) * 1000),
                "VmVersion": lambda _: "17.0.15",
            }
        ),
    }


def _failure_detector() -> MBean:
    def set_phi(node: Node, value: Any) -> None:  # noqa: ANN401 -- JSON
        node.phi = float(value)
        node.network.phi_changed(node)

    return MBean(
        attributes={
            "SimpleStates": lambda n: {texts.slashed(n, a): _word(up=up) for a, up in _states(n).items()},
            "SimpleStatesWithPort": lambda n: {
                f"{texts.slashed(n, a)}:{texts.STORAGE_PORT}": _word(up=up) for a, up in _states(n).items()
            },
            "AllEndpointStates": _all_states,
            "UpEndpointCount": lambda n: sum(_states(n).values()),
            "DownEndpointCount": lambda n: sum(not up for up in _states(n).values()),
            "PhiConvictThreshold": lambda n: n.phi,
        },
        writers={"PhiConvictThreshold": set_phi},
        operations={"getEndpointState": (overload(STRING, _endpoint_state),)},
    )


def _word(*, up: bool) -> str:
    return "UP" if up else "DOWN"


def _states(node: Node) -> dict[str, bool]:
    node.view.purge(node.simulation.now)
    return {
        address: address == node.address or node.view.up.get(address, False)
        for address in sorted(node.view.states)
    }


def _all_states(node: Node) -> str:
    return "".join(
        f"{texts.slashed(node, address)}\n{texts.endpoint_state(node, node.view.states[address])}"
        for address in sorted(node.view.states)
    )


def _endpoint_state(node: Node, args: Args) -> str:
    state = node.view.states.get(str(args[0]))
    if state is None:
        raise _no_state('"endpointState"')
    return texts.endpoint_state(node, state)


def _gossiper() -> MBean:
    return MBean(
        attributes={
            "Seeds": lambda n: [texts.with_port(a) for a in n.seeds if a != n.address],
            "ReleaseVersionsWithPort": _releases,
        },
        operations={
            "assassinateEndpoint": (overload(STRING, lambda n, a: removal.assassinate(n, str(a[0]))),),
            "getEndpointDowntime": (overload(STRING, _downtime),),
            "getCurrentGenerationNumber": (overload(STRING, _generation),),
            "reloadSeeds": (overload("", lambda n, _: _reload_seeds(n)),),
            "compareGossipAndTokenMetadata": (overload("", lambda _n, _a: {}),),
        },
    )


def _reload_seeds(node: Node) -> list[str]:
    """Resolve the seeds again, and gossip with who is new; a list without others changes nothing."""
    found = node.seeds if node.config.resolve is None else node.config.resolve()
    if any(address != node.address for address in found):
        node.seeds = found
        node.network.meet(node)
    return [f"/{address}:7000" for address in node.seeds if address != node.address]


def _releases(node: Node) -> dict[str, list[str]]:
    releases: dict[str, list[str]] = {}
    for address in node.view.live_nodes():
        state = node.state if address == node.address else node.view.states.get(address)
        if state is not None:
            releases.setdefault(state.release, []).append(texts.with_port(address))
    return releases


def _downtime(node: Node, args: Args) -> int:
    """Return for how many milliseconds the endpoint has been unreachable."""
    since = node.view.unreachable.get(str(args[0]))
    return 0 if since is None else int((node.simulation.now - since) * 1000)


def _generation(node: Node, args: Args) -> int:
    state = node.view.states.get(str(args[0]))
    if state is None:
        raise _no_state('the return value of "java.util.concurrent.ConcurrentMap.get(Object)"')
    return state.generation


def _no_state(what: str) -> JavaError:
    """Return what becomes of a question about a node that gossip does not know."""
    return JavaError(
        "java.lang.NullPointerException",
        f'Cannot invoke "org.apache.cassandra.gms.EndpointState.getHeartBeatState()" because {what} is null',
    )


def _snitch() -> MBean:
    def place(node: Node, args: Args) -> Place:
        state = node.view.states.get(str(args[0]))
        return state.place if state is not None else Place(datacenter="UNKNOWN_DC", rack="r1")

    return MBean(
        attributes={
            "Datacenter": lambda n: n.place.datacenter,
            "Rack": lambda n: n.place.rack,
            "SnitchName": lambda _: "org.apache.cassandra.locator.GossipingPropertyFileSnitch",
        },
        operations={
            "getDatacenter": (overload(STRING, lambda n, a: place(n, a).datacenter),),
            "getRack": (overload(STRING, lambda n, a: place(n, a).rack),),
        },
    )
