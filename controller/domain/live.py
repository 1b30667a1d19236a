"""
Settings that running nodes can be told, so that a change of them restarts nothing.

- Only what a node can also be asked for is here: a value that cannot be read back is never proven. So the
  throttle of hinted handoff is not, and a value that does not fit the attribute's unit is not either.
- What a node was told lasts until its Cassandra starts again; a new pod has it from its configuration.

The attributes are those of Cassandra 4.0 to 5.0; where a node lacks one, it takes a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import json
import re
from typing import Any

import attrs

Value = int | float | bool

_STORAGE_SERVICE = "org.apache.cassandra.db:type=StorageService"
_STORAGE_PROXY = "org.apache.cassandra.db:type=StorageProxy"
_FAILURE_DETECTOR = "org.apache.cassandra.net:type=FailureDetector"
_SECTION = "cassandra-yaml"
_NUMBER = re.compile(r"(-?\d+)\s*([A-Za-z/]*)")


@attrs.frozen(kw_only=True)
class Attribute:
    """An MBean's attribute that can be read and written."""

    mbean: str
    name: str

    def __str__(self) -> str:
        return f"{self.mbean}:{self.name}"


@attrs.frozen(kw_only=True)
class Setting:
    """What a node is to be told: *value* for *attribute*; *key* is the user's word for it."""

    key: str
    attribute: Attribute
    value: Value


@attrs.frozen(kw_only=True)
class Telling:
    """What a pod's node has yet to be told. *before* is what attributes were that nobody was told yet.

    *unread*: it does not say what it has; then nothing is known of it.
    """

    settings: tuple[Setting, ...] = ()
    before: Mapping[Attribute, Value] = attrs.field(factory=dict)
    unread: str | None = None


@attrs.frozen(kw_only=True)
class _Key:
    """A parameter of cassandra.yaml: how its values are written for which attribute."""

    name: str
    read: Callable[[str, object], tuple[str, Value] | None]
    mbean: str = _STORAGE_SERVICE


def _plain(attribute: str, *, least: int = 1) -> Callable[[str, object], tuple[str, Value] | None]:
    def read(_: str, value: object) -> tuple[str, Value] | None:
        number = _int(value)
        return None if number is None or number < least else (attribute, number)

    return read


def _switch(attribute: str) -> Callable[[str, object], tuple[str, Value] | None]:
    def read(_: str, value: object) -> tuple[str, Value] | None:
        word = str(value).lower()
        return (attribute, word == "true") if word in {"true", "false"} else None

    return read


def _milliseconds(attribute: str) -> Callable[[str, object], tuple[str, Value] | None]:
    units = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

    def read(ending: str, value: object) -> tuple[str, Value] | None:
        found = _with_unit(value)
        if found is None:
            return None
        number, unit = found
        # The old name has the unit in it, and the new name's values in them.
        factor = units.get(unit or "ms") if ending else units.get(unit)
        return (attribute, number * factor) if factor is not None and number > 0 else None

    return read


def _rate(**by_unit: str) -> Callable[[str, object], tuple[str, Value] | None]:
    """Return how a rate is read: *by_unit* has the attribute for `megabits` and for `mebibytes`."""
    units = {"MiB/s": "mebibytes"}
    endings = {"_mb_per_sec": "mebibytes", "_megabits_per_sec": "megabits"}

    def read(ending: str, value: object) -> tuple[str, Value] | None:
        found = _with_unit(value)
        if found is None:
            return None
        number, unit = found
        word = endings.get(ending) if ending and not unit else units.get(unit)
        attribute = by_unit.get(word or "")
        return (attribute, number) if attribute and number >= 0 else None

    return read


_KEYS = {
    key.name: key
    for key in (
        _Key(name="compaction_throughput", read=_rate(mebibytes="CompactionThroughputMbPerSec")),
        _Key(
            name="stream_throughput_outbound",
            read=_rate(megabits="StreamThroughputMbPerSec", mebibytes="StreamThroughputMebibytesPerSec"),
        ),
        _Key(
            name="inter_dc_stream_throughput_outbound",
            read=_rate(
                megabits="InterDCStreamThroughputMbPerSec", mebibytes="InterDCStreamThroughputMebibytesPerSec"
            ),
        ),
        _Key(name="concurrent_compactors", read=_plain("ConcurrentCompactors")),
        _Key(name="concurrent_materialized_view_builders", read=_plain("ConcurrentViewBuilders")),
        _Key(name="tombstone_warn_threshold", read=_plain("TombstoneWarnThreshold", least=0)),
        _Key(name="tombstone_failure_threshold", read=_plain("TombstoneFailureThreshold", least=0)),
        _Key(name="incremental_backups", read=_switch("IncrementalBackupsEnabled")),
        _Key(name="cas_contention_timeout", read=_milliseconds("CasContentionTimeout")),
        _Key(name="counter_write_request_timeout", read=_milliseconds("CounterWriteRpcTimeout")),
        _Key(name="range_request_timeout", read=_milliseconds("RangeRpcTimeout")),
        _Key(name="read_request_timeout", read=_milliseconds("ReadRpcTimeout")),
        _Key(name="request_timeout", read=_milliseconds("RpcTimeout")),
        _Key(name="truncate_request_timeout", read=_milliseconds("TruncateRpcTimeout")),
        _Key(name="write_request_timeout", read=_milliseconds("WriteRpcTimeout")),
        _Key(name="max_hint_window", read=_milliseconds("MaxHintWindow"), mbean=_STORAGE_PROXY),
        _Key(name="hinted_handoff_enabled", read=_switch("HintedHandoffEnabled"), mbean=_STORAGE_PROXY),
        _Key(
            name="phi_convict_threshold",
            read=_plain("PhiConvictThreshold", least=5),
            mbean=_FAILURE_DETECTOR,
        ),
    )
}
_ENDINGS = ("", "_in_ms", "_mb_per_sec", "_megabits_per_sec")


def keys() -> frozenset[str]:
    """Return the parameters of cassandra.yaml that are here, by the names that they have from 4.1 on."""
    return frozenset(_KEYS)


def setting(name: str, value: object) -> Setting | None:
    """Return what a node is told for a parameter of cassandra.yaml; None if that cannot be."""
    for ending in _ENDINGS:
        key = _KEYS.get(name.removesuffix(ending)) if name.endswith(ending) else None
        if key is not None and (found := key.read(ending, value)) is not None:
            attribute, number = found
            return Setting(key=name, attribute=Attribute(mbean=key.mbean, name=attribute), value=number)
    return None


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Setting, ...] | None:
    """Return what nodes with the configuration *old* are to be told to go by *new*; None: that is not all.

    Configurations are sections by file. A parameter that is taken out leaves Cassandra's own value, which
    nobody here knows: that takes a restart.
    """
    if {k: v for k, v in old.items() if k != _SECTION} != {k: v for k, v in new.items() if k != _SECTION}:
        return None
    before, after = old.get(_SECTION) or {}, new.get(_SECTION) or {}
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return None
    found: list[Setting] = []
    for name, value in _changed(before, after):
        one = setting(name, value)
        if one is None:
            return None
        found.append(one)
    told = {_bare(one.key) for one in found}
    gone = {_bare(name) for name in before if name not in after}
    return tuple(found) if gone <= told else None


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name in sorted(after):
        if name not in before or before[name] != after[name]:
            yield name, after[name]


def _bare(name: str) -> str:
    """Return the name that a parameter has from 4.1 on."""
    for ending in _ENDINGS[1:]:
        if name.endswith(ending) and name.removesuffix(ending) in _KEYS:
            return name.removesuffix(ending)
    return name


def _int(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return int(str(value))
    except ValueError:
        return None


def _with_unit(value: object) -> tuple[int, str] | None:
    if isinstance(value, bool):
        return None
    found = _NUMBER.fullmatch(str(value).strip())
    return (int(found[1]), found[2]) if found else None


def decode_before(text: object) -> dict[Attribute, Value]:
    """Read the annotation that has what attributes were; what cannot be read is not there."""
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    split = ((name.rpartition(":"), value) for name, value in found.items())
    return {
        Attribute(mbean=mbean, name=name): value
        for (mbean, colon, name), value in split
        if colon and isinstance(value, int | float)
    }


def encode_before(noted: object, before: Mapping[Attribute, Value]) -> str:
    """Return the annotation that has *before* beside what is *noted* already, which is older."""
    whole = {**before, **decode_before(noted)}
    return json.dumps({str(key): value for key, value in whole.items()}, sort_keys=True)
