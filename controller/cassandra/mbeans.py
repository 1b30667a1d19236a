"""
The MBean attributes that the operator reads, with how to read them out of an answer.

Names and shapes hold for Cassandra 4.0, 4.1 and 5.0. `HostIdMap`, which CassKop reads, is gone in 5.0;
`EndpointToHostId` exists in all of them, and lists joining nodes too.
"""

from __future__ import annotations

from collections.abc import Mapping
import re
from typing import Any, Final

from controller.domain.ring import Mode, View
from controller.domain.streaming import Transfer

STORAGE_SERVICE: Final = "org.apache.cassandra.db:type=StorageService"
STORAGE_PROXY: Final = "org.apache.cassandra.db:type=StorageProxy"
GOSSIPER: Final = "org.apache.cassandra.net:type=Gossiper"
THREADING: Final = "java.lang:type=Threading"
SNITCH: Final = "org.apache.cassandra.db:type=EndpointSnitchInfo"
STREAM_MANAGER: Final = "org.apache.cassandra.net:type=StreamManager"
STORAGE_METRICS: Final = "org.apache.cassandra.metrics:type=Storage,name=Load"

# One multi-attribute read: none of these throws on a running node, so none spoils the others.
VIEW_ATTRIBUTES: Final = (
    "OperationMode",
    "NativeTransportRunning",
    "ReleaseVersion",
    "EndpointToHostId",
    "JoiningNodes",
    "LeavingNodes",
    "MovingNodes",
    "UnreachableNodes",
)


def view(values: Mapping[str, Any]) -> View:
    """Turn the values of `VIEW_ATTRIBUTES` into a `View`.

    Raises `ValueError` if one is missing or has another shape: half an answer is no answer.
    """
    return View(
        mode=Mode.of(_typed(values, "OperationMode", str)),
        native_transport=_typed(values, "NativeTransportRunning", bool),
        release_version=_typed(values, "ReleaseVersion", str),
        host_ids={str(k): str(v) for k, v in _typed(values, "EndpointToHostId", dict).items()},
        joining=_addresses(values, "JoiningNodes"),
        leaving=_addresses(values, "LeavingNodes"),
        moving=_addresses(values, "MovingNodes"),
        unreachable=_addresses(values, "UnreachableNodes"),
    )


def _addresses(values: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(str(address) for address in _typed(values, name, list))


def _typed(values: Mapping[str, Any], name: str, kind: type[Any]) -> Any:  # noqa: ANN401 -- JSON
    value = values.get(name)
    if not isinstance(value, kind):
        # A ValueError, since it is the node's answer that is wrong and not our call.
        raise ValueError(f"{name} is {type(value).__name__}, not {kind.__name__}")  # noqa: TRY004 -- see above
    return value


# Who owns what: not part of the view, since it is large and only asked for before a node goes down.
TOKENS: Final = "TokenToEndpointMap"
KEYSPACES: Final = "NonLocalStrategyKeyspaces"
SCHEMAS: Final = "SchemaVersions"
STREAMS: Final = "CurrentStreams"
COMPACTION_MANAGER: Final = "org.apache.cassandra.db:type=CompactionManager"
COMPACTIONS: Final = "Compactions"
# The bytes of live data files; what else is on the disk is in no metric.
LOAD: Final = "Count"
# Known from 4.0 on; what 3.11 has instead is large, and says less.
REPLICATION: Final = "getKeyspaceReplicationInfo(java.lang.String)"
RANGES: Final = "describeRingJMX(java.lang.String)"
DC_OF: Final = "getDatacenter(java.lang.String)"
RACK_OF: Final = "getRack(java.lang.String)"

_OVER: Final = frozenset({"COMPLETE", "FAILED", "ABORTED"})


def tokens(value: object) -> dict[int, str]:
    """Read `TokenToEndpointMap`: token to address. Raises `ValueError` for another shape or partitioner."""
    owners = _typed({TOKENS: value}, TOKENS, dict)
    return {int(token): str(address) for token, address in owners.items()}


def keyspaces(value: object) -> tuple[str, ...]:
    """Read `NonLocalStrategyKeyspaces`. Raises `ValueError` for another shape."""
    return tuple(str(name) for name in _typed({KEYSPACES: value}, KEYSPACES, list))


_RANGE: Final = re.compile(r"end_token:(?P<end>-?\d+)\W*endpoints:\[(?P<nodes>[^\]]*)\]")


def holders(value: object) -> dict[int, frozenset[str]]:
    """Read `describeRingJMX`: the addresses that hold the range that ends at a token.

    Raises `ValueError` for another shape, or a range that is told twice.
    """
    found: dict[int, frozenset[str]] = {}
    for text in _typed({RANGES: value}, RANGES, list):
        told = _RANGE.search(str(text))
        if told is None or int(told["end"]) in found:
            raise ValueError(f"{str(text)[:80]!r} is no range of its own")
        nodes = (node.strip() for node in told["nodes"].split(","))
        found[int(told["end"])] = frozenset(node for node in nodes if node)
    return found


def schemas(value: object) -> dict[str, frozenset[str]]:
    """Read `SchemaVersions`: version to addresses; those that are down say nothing.

    Raises `ValueError` for another shape.
    """
    versions = _typed({SCHEMAS: value}, SCHEMAS, dict)
    return {str(v): frozenset(map(str, who)) for v, who in versions.items() if v != "UNREACHABLE"}


def transfer(value: object) -> Transfer | None:
    """Read `CurrentStreams`: the bytes of plans that still stream, both ways; None if none does.

    Raises `ValueError` for another shape.
    """
    plans = [
        plan
        for plan in _typed({STREAMS: value}, STREAMS, list)
        if any(session.get("state") not in _OVER for session in plan.get("sessions") or ())
    ]
    if not plans:
        return None
    return Transfer(
        done=sum(_typed(plan, f"current{way}Bytes", int) for plan in plans for way in ("Rx", "Tx")),
        total=sum(_typed(plan, f"total{way}Bytes", int) for plan in plans for way in ("Rx", "Tx")),
    )


def load(value: object) -> int:
    """Read how many bytes of data a node holds. Raises `ValueError` for another shape."""
    return int(_typed({LOAD: value}, LOAD, int))


def streams(value: object) -> tuple[str, ...]:
    """Read `CurrentStreams`: what each plan is for that still streams.

    Finished plans stay in the list for long, some without any session: they do not count. Raises
    `ValueError` for another shape.
    """
    plans = _typed({STREAMS: value}, STREAMS, list)
    return tuple(
        str(plan.get("description"))
        for plan in plans
        if any(session.get("state") not in _OVER for session in plan.get("sessions") or ())
    )


# What every thread does, without locks; it answers in every Java that Cassandra runs with.
THREADS: Final = "dumpAllThreads(boolean,boolean)"
_SERVICE: Final = "org.apache.cassandra.service.StorageService"
_REPAIR: Final = "Repair#"


def busy(value: object) -> frozenset[str]:
    """Read the threads of a node: the methods of StorageService that are being carried out.

    A repair has threads of its own, named `Repair#` and its number, as long as it runs: they are `repair`.
    Raises `ValueError` for another shape.
    """
    found: set[str] = set()
    for thread in _typed({THREADS: value}, THREADS, list):
        if str(_typed(thread, "threadName", str)).startswith(_REPAIR):
            found.add("repair")
        for frame in _typed(thread, "stackTrace", list):
            if frame.get("className") == _SERVICE:
                found.add(str(frame.get("methodName")))
    return frozenset(found)


def tasks(value: object) -> tuple[str, ...]:
    """Read `Compactions`: what each piece of work on sstables is. Raises `ValueError` for another shape."""
    return tuple(str(each.get("taskType")) for each in _typed({COMPACTIONS: value}, COMPACTIONS, list))
