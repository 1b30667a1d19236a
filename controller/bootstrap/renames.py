"""
The names and units of cassandra.yaml, between Cassandra versions.

4.1 gave about a hundred parameters new names, and values with units (`read_request_timeout: 5s` where
4.0 has `read_request_timeout_in_ms: 5000`). The table holds every rename that Cassandra itself carries out
with the value unchanged in meaning; it was read from the annotations of the releases named below.
A parameter that only one version knows is no rename and passes as it is: Cassandra has its own word for it.

Not translated: `keyspace_count_warn_threshold` and `table_count_warn_threshold`, whose meaning changed in
5.0 (it subtracts its own tables from them); 5.0 still understands both.
"""

from __future__ import annotations

from collections.abc import Iterator
import enum
import re

import attrs

Version = tuple[int, int]
NEWEST: Version = (5, 0)  # that the table knows


class Unit(enum.Enum):
    """What one of the old name's plain number means; the value is the unit's name in a new value."""

    SAME = ""  # no number with a unit: the value is the same under both names
    MILLISECOND = "ms"
    SECOND = "s"
    MINUTE = "m"
    BYTE = "B"
    KIBIBYTE = "KiB"
    MEBIBYTE = "MiB"
    MEBIBYTE_PER_SECOND = "MiB/s"
    MEGABIT_PER_SECOND = "Mbit/s"  # never written: new values are bytes per second


class Negative(enum.Enum):
    """What a negative number under the old name becomes under the new one."""

    REFUSED = enum.auto()
    NULL = enum.auto()
    ZERO = enum.auto()


@attrs.frozen(kw_only=True)
class Rename:
    """One parameter's name before and from *since* on; *old* may equal *new* when only the value changed."""

    old: str
    new: str
    unit: Unit = Unit.SAME
    since: Version = (4, 1)
    negative: Negative = Negative.REFUSED


class UntranslatableError(ValueError):
    """A value cannot be said in the other version's words; the message says why."""


# New names whose old name is the new one and the suffix.
_SUFFIXED = {
    (Unit.MILLISECOND, "_in_ms"): """
        cas_contention_timeout commitlog_sync_group_window commitlog_sync_period
        counter_write_request_timeout credentials_validity dynamic_snitch_reset_interval
        dynamic_snitch_update_interval gc_log_threshold gc_warn_threshold hints_flush_period
        internode_streaming_tcp_user_timeout internode_tcp_connect_timeout internode_tcp_user_timeout
        max_hint_window native_transport_idle_timeout periodic_commitlog_sync_lag_block
        permissions_validity range_request_timeout read_request_timeout repair_request_timeout
        request_timeout roles_validity slow_query_log_timeout truncate_request_timeout
        write_request_timeout credentials_update_interval permissions_update_interval
        roles_update_interval""",
    (Unit.MILLISECOND, "_ms"): "cdc_free_space_check_interval",
    (Unit.SECOND, ""): "counter_cache_save_period key_cache_save_period row_cache_save_period",
    (Unit.SECOND, "_in_secs"): "streaming_keep_alive_period",
    (Unit.SECOND, "_in_sec"): "validation_preview_purge_head_start",
    (Unit.SECOND, "_seconds"): "cache_load_timeout",
    (Unit.MINUTE, "_in_minutes"): "index_summary_resize_interval",
    (Unit.BYTE, "_in_bytes"): """
        internode_application_receive_queue_capacity
        internode_application_receive_queue_reserve_endpoint_capacity
        internode_application_receive_queue_reserve_global_capacity
        internode_application_send_queue_capacity
        internode_application_send_queue_reserve_endpoint_capacity
        internode_application_send_queue_reserve_global_capacity
        internode_max_message_size internode_socket_receive_buffer_size
        internode_socket_send_buffer_size native_transport_receive_queue_capacity""",
    (Unit.KIBIBYTE, "_in_kb"): """
        batch_size_fail_threshold batch_size_warn_threshold batchlog_replay_throttle
        column_index_cache_size column_index_size hinted_handoff_throttle max_mutation_size
        trickle_fsync_interval""",
    (Unit.MEBIBYTE, "_in_mb"): """
        cdc_total_space commitlog_segment_size commitlog_total_space counter_cache_size file_cache_size
        index_summary_capacity key_cache_size max_hints_file_size max_value_size memtable_heap_space
        memtable_offheap_space min_free_space_per_drive native_transport_max_frame_size
        networking_cache_size repair_session_space row_cache_size sstable_preemptive_open_interval""",
    (Unit.MEBIBYTE, "_mb"): "compaction_large_partition_warning_threshold prepared_statements_cache_size",
    (Unit.MEBIBYTE_PER_SECOND, "_mb_per_sec"): "compaction_throughput",
    (Unit.MEGABIT_PER_SECOND, "_megabits_per_sec"): """
        inter_dc_stream_throughput_outbound stream_throughput_outbound""",
}

_NEGATIVE = {
    "cache_load_timeout": Negative.ZERO,
    "counter_cache_save_period": Negative.ZERO,
    "key_cache_save_period": Negative.ZERO,
    "row_cache_save_period": Negative.ZERO,
    "validation_preview_purge_head_start": Negative.ZERO,
    "credentials_update_interval": Negative.NULL,
    "index_summary_resize_interval": Negative.NULL,
    "permissions_update_interval": Negative.NULL,
    "roles_update_interval": Negative.NULL,
    "sstable_preemptive_open_interval": Negative.NULL,
}

_IRREGULAR = (
    Rename(old="cross_node_timeout", new="internode_timeout"),
    Rename(old="enable_drop_compact_storage", new="drop_compact_storage_enabled"),
    Rename(old="enable_materialized_views", new="materialized_views_enabled"),
    Rename(old="enable_sasi_indexes", new="sasi_indexes_enabled"),
    Rename(old="enable_scripted_user_defined_functions", new="scripted_user_defined_functions_enabled"),
    Rename(old="enable_transient_replication", new="transient_replication_enabled"),
    Rename(old="enable_user_defined_functions", new="user_defined_functions_enabled"),
    Rename(old="enable_user_defined_functions_threads", new="user_defined_functions_threads_enabled"),
    Rename(
        old="native_transport_max_concurrent_requests_in_bytes",
        new="native_transport_max_request_data_in_flight",
        unit=Unit.BYTE,
        negative=Negative.NULL,
    ),
    Rename(
        old="native_transport_max_concurrent_requests_in_bytes_per_ip",
        new="native_transport_max_request_data_in_flight_per_ip",
        unit=Unit.BYTE,
        negative=Negative.NULL,
    ),
    Rename(
        old="user_defined_function_fail_timeout",
        new="user_defined_functions_fail_timeout",
        unit=Unit.MILLISECOND,
    ),
    Rename(
        old="user_defined_function_warn_timeout",
        new="user_defined_functions_warn_timeout",
        unit=Unit.MILLISECOND,
    ),
    Rename(old="tracetype_query_ttl", new="trace_type_query_ttl", unit=Unit.SECOND),
    Rename(old="tracetype_repair_ttl", new="trace_type_repair_ttl", unit=Unit.SECOND),
    Rename(
        old="internode_recv_buff_size_in_bytes",
        new="internode_socket_receive_buffer_size_in_bytes",
        since=(4, 0),
    ),
    Rename(
        old="internode_send_buff_size_in_bytes",
        new="internode_socket_send_buffer_size_in_bytes",
        since=(4, 0),
    ),
    Rename(
        old="compaction_large_partition_warning_threshold",
        new="partition_size_warn_threshold",
        since=(5, 0),
    ),
    Rename(
        old="compaction_tombstone_warning_threshold",
        new="partition_tombstones_warn_threshold",
        since=(5, 0),
    ),
)


def _table() -> Iterator[Rename]:
    for (unit, suffix), names in _SUFFIXED.items():
        for new in names.split():
            negative = _NEGATIVE.get(new, Negative.REFUSED)
            yield Rename(old=new + suffix, new=new, unit=unit, negative=negative)
    yield from _IRREGULAR


# As in the releases 3.11.19, 4.0.19, 4.1.10 and 5.0.9.
RENAMES: tuple[Rename, ...] = tuple(_table())
_BY_OLD = {rename.old: rename for rename in RENAMES}
_BY_NEW = {rename.new: rename for rename in RENAMES}

_DURATIONS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_SIZES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_RATES = {"B/s": 1, "KiB/s": 2**10, "MiB/s": 2**20}
_MEGABIT = 125_000  # bytes
_QUANTITY = re.compile(r"(\d+)\s*([A-Za-zµ/]+)")


def translate(name: str, value: object, version: Version) -> tuple[str, object]:
    """
    Return *name* and *value* in the words of *version*.

    Raises `UntranslatableError` when the value cannot be said there.
    """
    # A parameter may have been renamed twice, so walk until the version speaks the name.
    while (rename := _BY_OLD.get(name)) is not None and rename.since <= version:
        value = _to_new(rename, value)
        if rename.new == name:
            return name, value
        name = rename.new
    while (rename := _BY_NEW.get(name)) is not None and rename.since > version:
        value = _to_old(rename, value)
        if rename.old == name:
            return name, value
        name = rename.old
    return name, value


def spoken_since(name: str) -> Version | None:
    """Return from which version on *name* is the word for its parameter, or None if it always was one."""
    rename = _BY_NEW.get(name)
    return None if rename is None or rename.old == rename.new else rename.since


def spoken_before(name: str) -> Version | None:
    """Return from which version on *name* is outdated, or None if it is not."""
    rename = _BY_OLD.get(name)
    return None if rename is None or rename.old == rename.new else rename.since


def _to_new(rename: Rename, value: object) -> object:
    if rename.unit is Unit.SAME or value is None:
        return value
    number = _plain_number(value)
    if number is None:
        if isinstance(value, float):
            raise UntranslatableError(f"{value} is no whole number")
        return value  # already with a unit, or nonsense that Cassandra will name
    if number < 0:
        match rename.negative:
            case Negative.NULL:
                return None
            case Negative.ZERO:
                number = 0
            case Negative.REFUSED:
                raise UntranslatableError(f"{number} is negative")
    if rename.unit is Unit.MEGABIT_PER_SECOND:
        return f"{number * _MEGABIT}B/s"
    return f"{number}{rename.unit.value}"


def _to_old(rename: Rename, value: object) -> object:
    if rename.unit is Unit.SAME or _plain_number(value) is not None:
        return value
    if value is None:
        if rename.negative is Negative.REFUSED:
            raise UntranslatableError(f"{rename.old} takes no null")
        return -1
    found = _QUANTITY.fullmatch(str(value).strip())
    if found is None:
        raise UntranslatableError("it is no whole number with a unit")
    number, unit = int(found[1]), found[2]
    if rename.unit in (Unit.MEBIBYTE_PER_SECOND, Unit.MEGABIT_PER_SECOND):
        one = _MEGABIT if rename.unit is Unit.MEGABIT_PER_SECOND else 2**20
        # The old names are no finer than this, and Cassandra rounds here too.
        return round(number * _factor(_RATES, unit) / one)
    units = _SIZES if rename.unit.value in _SIZES else _DURATIONS
    whole, rest = divmod(number * _factor(units, unit), units[rename.unit.value])
    if rest:
        raise UntranslatableError(f"it is no whole number of {rename.unit.value}, the unit of {rename.old}")
    return whole


def _factor(units: dict[str, int], unit: str) -> int:
    if unit not in units:
        raise UntranslatableError(f"its unit is none of {', '.join(units)}")
    return units[unit]


def _plain_number(value: object) -> int | None:
    """The value as a whole number without a unit, or None if it is none. Cassandra reads "5" as 5."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value):
        return int(value)
    return None
