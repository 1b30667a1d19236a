"""The attributes of StorageService: what a node says of itself and of the ring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from e2e.simcassandra import removal, texts
from e2e.simcassandra.compaction import rerate as rerate_compactions
from e2e.simcassandra.deferred import failed_assertion
from e2e.simcassandra.gossip import View
from e2e.simcassandra.keyspaces import LOCAL_KEYSPACES
from e2e.simcassandra.mbean import Reader, Writer
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node
from e2e.simcassandra.streaming import rerate as rerate_streams
from e2e.simcassandra.tokens import SimpleStrategy, ownership
from e2e.simcassandra.tunables import storage_service

# Megabits in a mebibyte.
_MEGABITS = 8.388608
_INTER_DC = "inter_dc_mebibytes"

Addresses = Callable[[View], Iterable[str]]


def attributes(line: tuple[int, int]) -> dict[str, Reader]:
    """Return the attributes of the releases of *line*."""
    readers = {**_lists(), **_host_ids(), **_self(), **_ring(), **_settings(), **storage_service()[0]}
    if line > (4, 0):
        # The old name says megabytes, and means megabits as well.
        readers["StreamThroughputMbitPerSec"] = readers["StreamThroughputMbPerSec"]
        readers["StreamThroughputMebibytesPerSec"] = lambda n: round(n.stream_megabits / _MEGABITS)
        readers["InterDCStreamThroughputMebibytesPerSec"] = lambda n: n.told.get(_INTER_DC, 24)
    if line >= (5, 0):
        readers |= {
            "BootstrapFailed": lambda n: n.bootstrap_failed,
            "BootstrapState": lambda n: n.volume.bootstrap.value,
            "Decommissioning": lambda n: n.decommissioning,
            "DecommissionFailed": lambda n: n.mode is Mode.DECOMMISSION_FAILED,
        }
    else:
        readers["HostIdMap"] = readers["EndpointToHostId"]
    return readers


def writers(line: tuple[int, int]) -> dict[str, Writer]:
    """Return the attributes that can be written in the releases of *line*."""

    def compaction(node: Node, value: Any) -> None:  # noqa: ANN401 -- JSON
        node.compaction_megabytes = int(value)
        rerate_compactions(node)

    def streaming(node: Node, value: Any) -> None:  # noqa: ANN401 -- JSON
        node.stream_megabits = value if isinstance(value, float) else int(value)
        rerate_streams(node)

    def mebibytes(node: Node, value: Any) -> None:  # noqa: ANN401 -- JSON
        streaming(node, int(value) * _MEGABITS)

    def between_dcs(node: Node, value: Any) -> None:  # noqa: ANN401 -- JSON
        node.told[_INTER_DC] = int(value)

    newer = {
        "StreamThroughputMbitPerSec": streaming,
        "StreamThroughputMebibytesPerSec": mebibytes,
        "InterDCStreamThroughputMebibytesPerSec": between_dcs,
    }
    return {
        **storage_service()[1],
        "CompactionThroughputMbPerSec": compaction,
        "StreamThroughputMbPerSec": streaming,
        **(newer if line > (4, 0) else {}),
    }


def _lists() -> dict[str, Reader]:
    """The lists of nodes, each also with ports."""

    def unreachable(view: View) -> list[str]:
        return sorted(view.unreachable)

    lists: dict[str, Addresses] = {
        "LiveNodes": View.live_nodes,
        "UnreachableNodes": unreachable,
        "JoiningNodes": lambda v: sorted(v.joining),
        "LeavingNodes": lambda v: sorted(v.leaving),
        "MovingNodes": lambda v: sorted(v.moving),
    }
    readers: dict[str, Reader] = {}
    for name, of in lists.items():
        readers[name] = _reader(of, lambda address: address)
        readers[f"{name}WithPort"] = _reader(of, texts.with_port)
    return readers


def _reader(of: Addresses, shown: Callable[[str], str]) -> Reader:
    def read(node: Node) -> list[str]:
        node.view.purge(node.simulation.now)
        return [shown(address) for address in of(node.view)]

    return read


def _host_ids() -> dict[str, Reader]:
    def known(node: Node) -> Mapping[str, str]:
        node.view.purge(node.simulation.now)
        return dict(sorted(node.view.host_ids.items()))

    return {
        "EndpointToHostId": known,
        "EndpointWithPortToHostId": lambda n: {texts.with_port(a): h for a, h in known(n).items()},
        "HostIdToEndpoint": lambda n: {h: a for a, h in known(n).items()},
        "HostIdToEndpointWithPort": lambda n: {h: texts.with_port(a) for a, h in known(n).items()},
        "LocalHostId": lambda n: n.volume.host_id,
    }


def _self() -> dict[str, Reader]:
    """What the node says of itself."""
    joined = {
        Mode.NORMAL,
        Mode.LEAVING,
        Mode.MOVING,
        Mode.DECOMMISSION_FAILED,
        Mode.DRAINING,
        Mode.DRAINED,
    }
    return {
        "OperationMode": lambda n: n.mode.value,
        "ReleaseVersion": lambda n: n.release.text,
        "SchemaVersion": lambda n: n.schema_version(),
        "ClusterName": lambda n: n.config.cluster_name,
        "Joined": lambda n: n.mode in joined,
        "Starting": lambda n: n.mode is Mode.STARTING,
        "Initialized": lambda n: n.state is not None,
        "NativeTransportRunning": lambda n: n.native_transport,
        "GossipRunning": lambda n: n.gossiping,
        "Drained": lambda n: n.drained,
        "Draining": lambda n: n.mode is Mode.DRAINING,
        "DrainProgress": lambda n: f"Drained 0/{14 if n.drained else 0} ColumnFamilies",
        "BootstrapMode": lambda n: n.mode is Mode.JOINING,
        "LoadString": lambda n: texts.size(n.load()),
        "RemovalStatus": lambda n: removal.removal_status(n, with_port=False),
        "RemovalStatusWithPort": lambda n: removal.removal_status(n, with_port=True),
        "SnapshotDetails": _snapshots,
    }


def _ring() -> dict[str, Reader]:
    """What the node says of the ring and of its keyspaces."""
    return {
        "Keyspaces": lambda n: [*_replicated(n), *LOCAL_KEYSPACES],
        "NonSystemKeyspaces": _replicated,
        "NonLocalStrategyKeyspaces": _replicated,
        "Tokens": _tokens,
        "TokenToEndpointMap": lambda n: _token_map(n, lambda a: a),
        "TokenToEndpointWithPortMap": lambda n: _token_map(n, texts.with_port),
        "LoadMap": lambda n: _load_map(n, lambda a: a),
        "LoadMapWithPort": lambda n: _load_map(n, texts.with_port),
        "Ownership": lambda n: {texts.inet_key(n, a): s for a, s in _primary(n).items()},
        "OwnershipWithPort": lambda n: {f"/{texts.with_port(a)}": share for a, share in _primary(n).items()},
        "OutstandingSchemaVersions": lambda n: _outstanding(n, lambda a: a),
        "OutstandingSchemaVersionsWithPort": lambda n: _outstanding(n, texts.with_port),
    }


def _settings() -> dict[str, Reader]:
    return {
        "LoggingLevels": lambda n: dict(n.logging),
        "PartitionerName": lambda _: "org.apache.cassandra.dht.Murmur3Partitioner",
        "AllDataFileLocations": lambda _: ["/var/lib/cassandra/data"],
        "ConcurrentCompactors": lambda _: 1,
        "CompactionThroughputMbPerSec": lambda n: n.compaction_megabytes,
        "StreamThroughputMbPerSec": lambda n: round(n.stream_megabits),
    }


def _replicated(node: Node) -> list[str]:
    return node.schema.names() if node.schema is not None else []


def _tokens(node: Node) -> list[str]:
    """Return its own tokens, also after it left; one that has not joined yet stumbles over the question."""
    if node.mode in {Mode.STARTING, Mode.JOINING, Mode.JOINING_FAILED} and not node.view.is_member(
        node.address
    ):
        raise failed_assertion()
    return [str(token) for token in sorted(node.volume.tokens)]


def _token_map(node: Node, shown: Callable[[str], str]) -> dict[str, str]:
    layout = node.view.layout()
    return {str(token): shown(owner) for token, owner in zip(layout.tokens, layout.owners, strict=True)}


def _load_map(node: Node, shown: Callable[[str], str]) -> dict[str, str]:
    loads = {}
    for address in node.view.live_nodes():
        peer = node.network.at(address)
        if peer is not None:
            loads[shown(address)] = texts.size(peer.load())
    return loads


def _primary(node: Node) -> dict[str, float]:
    return ownership(node.view.layout(), SimpleStrategy(factor=1))


def schema_versions(node: Node) -> dict[str, list[str]]:
    """Return who has which schema, as the node hears it; those who are down are UNREACHABLE."""
    versions: dict[str, list[str]] = {}
    for address in sorted({*node.view.live_nodes(), *node.view.unreachable}):
        state = node.state if address == node.address else node.view.states.get(address)
        down = address in node.view.unreachable
        version = "UNREACHABLE" if down or state is None else state.schema
        if address == node.address and node.state is None:
            version = node.schema_version()
        versions.setdefault(version, []).append(address)
    return versions


def _outstanding(node: Node, shown: Callable[[str], str]) -> dict[str, list[str]]:
    versions = schema_versions(node)
    own = node.schema_version()
    return {
        version: [shown(a) for a in addresses]
        for version, addresses in versions.items()
        if version not in (own, "UNREACHABLE")
    }


def _snapshots(node: Node) -> dict[str, Any]:
    """Nest each snapshot once per index column, as Jolokia does with tabular data."""
    result: dict[str, Any] = {}
    for name, snapshot in node.volume.snapshots.items():
        for row in snapshot.values():
            columns = [name, name, row["Keyspace name"], row["Column family name"]]
            columns += [row["True size"], row["Size on disk"], row["Creation time"]]
            columns.append(str(row["Expiration time"] or "null"))
            if "Ephemeral" in row:
                columns.append(row["Ephemeral"])
            level = result
            for column in columns[:-1]:
                level = level.setdefault(column, {})
            level[columns[-1]] = row
    return result
