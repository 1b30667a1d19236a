"""
Settings that a running node can be told, by MBean: what they are at first, and from cassandra.yaml.

Only those that the operator tells nodes; what they do is simulated elsewhere, for two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
import re
from typing import Any

from e2e.simcassandra.deferred import illegal_argument
from e2e.simcassandra.mbean import Reader, Writer
from e2e.simcassandra.node import Node

# By MBean and attribute: the name in cassandra.yaml without its unit, and what an unconfigured 5.0 has.
_STORAGE: Mapping[str, tuple[str, Any]] = {
    "InterDCStreamThroughputMbPerSec": ("inter_dc_stream_throughput_outbound", 200),
    "ConcurrentCompactors": ("concurrent_compactors", 2),
    "ConcurrentViewBuilders": ("concurrent_materialized_view_builders", 1),
    "TombstoneWarnThreshold": ("tombstone_warn_threshold", 1000),
    "TombstoneFailureThreshold": ("tombstone_failure_threshold", 100_000),
    "IncrementalBackupsEnabled": ("incremental_backups", False),
    "CasContentionTimeout": ("cas_contention_timeout", 1800),
    "CounterWriteRpcTimeout": ("counter_write_request_timeout", 5000),
    "RangeRpcTimeout": ("range_request_timeout", 10_000),
    "ReadRpcTimeout": ("read_request_timeout", 5000),
    "RpcTimeout": ("request_timeout", 10_000),
    "TruncateRpcTimeout": ("truncate_request_timeout", 60_000),
    "WriteRpcTimeout": ("write_request_timeout", 2000),
}
_PROXY: Mapping[str, tuple[str, Any]] = {
    "MaxHintWindow": ("max_hint_window", 10_800_000),
    "HintedHandoffEnabled": ("hinted_handoff_enabled", True),
}
_FACTORS = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "MiB/s": 1}
_VALUE = re.compile(r"(\d+)(ms|s|m|h|d|MiB/s)?")


def storage_service() -> tuple[dict[str, Reader], dict[str, Writer]]:
    """Return how they are read and written that belong to StorageService."""
    return _of(_STORAGE)


def storage_proxy() -> tuple[dict[str, Reader], dict[str, Writer]]:
    """Return how they are read and written that belong to StorageProxy."""
    return _of(_PROXY)


def from_yaml(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *settings*, keys of cassandra.yaml, come to, by the names that have no unit in them."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        bare = re.sub(r"_(in_ms|mb_per_sec|megabits_per_sec)$", "", key)
        match = _VALUE.fullmatch(str(value))
        if isinstance(value, bool) or str(value).lower() in {"true", "false"}:
            found[bare] = str(value).lower() == "true"
        elif match is not None:
            found[bare] = int(match[1]) * _FACTORS[match[2] or ""]
    return found


def _of(table: Mapping[str, tuple[str, Any]]) -> tuple[dict[str, Reader], dict[str, Writer]]:
    readers: dict[str, Reader] = {}
    writers: dict[str, Writer] = {}
    for attribute, (name, default) in table.items():
        readers[attribute] = _reader(attribute, name, default)
        writers[attribute] = _writer(attribute, type(default))
    return readers, writers


def _reader(attribute: str, name: str, default: Any) -> Reader:  # noqa: ANN401 -- JSON
    def read(node: Node) -> Any:  # noqa: ANN401 -- JSON
        return node.told.get(attribute, node.config.tunables.get(name, default))

    return read


def _writer(attribute: str, kind: type) -> Writer:
    def write(node: Node, value: Any) -> None:  # noqa: ANN401 -- JSON
        if attribute == "ConcurrentCompactors" and int(value) <= 0:
            raise illegal_argument("Number of concurrent compactors should be greater than 0.")
        node.told[attribute] = str(value).lower() == "true" if kind is bool else int(value)

    return write
