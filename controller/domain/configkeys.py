"""
When a change of Cassandra's configuration takes effect, and which changes a joined node would not survive.

Keys are paths into `config`, the section first: `cassandra-yaml.num_tokens`. A key that is not in the table
takes effect when the node starts again, as most do. `LIVE` says that Cassandra could be told without that,
by the MBeans of 4.0 to 5.0; which of them the operator tells nodes is in `live`.

`survives` promises to say no to every change after which Cassandra refuses to start on the data it has, or
starts without it, as far as two values show that; and yes to two ways of writing the same. Parameters that
the config builder sets for each node itself, `cluster_name` among them, are not here: a user's are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
import enum

Version = tuple[int, int]


class Applies(enum.Enum):
    """From when on a node goes by a changed value."""

    LIVE = "at once, if Cassandra is told by JMX"
    RESTART = "when the node starts again"
    FIRST_START = "only when a node joins the ring"
    NEVER = "never: the data of the ring is made for the old value"


NUM_TOKENS = "cassandra-yaml.num_tokens"
PARTITIONER = "cassandra-yaml.partitioner"
DATA_FOLDERS = "cassandra-yaml.data_file_directories"
CLUSTER_NAME = "cluster-info.name"
DATACENTER_NAME = "datacenter-info.name"

# Parameters of cassandra.yaml, by their name from 4.1 on and the ending that it had before.
_LIVE = {
    "_in_ms": """
        cas_contention_timeout counter_write_request_timeout range_request_timeout read_request_timeout
        request_timeout truncate_request_timeout write_request_timeout max_hint_window
        credentials_validity permissions_validity roles_validity
        credentials_update_interval permissions_update_interval roles_update_interval""",
    "_in_kb": "batch_size_fail_threshold hinted_handoff_throttle",
    "_in_mb": "counter_cache_size key_cache_size row_cache_size sstable_preemptive_open_interval",
    "_mb_per_sec": "compaction_throughput",
    "_megabits_per_sec": "inter_dc_stream_throughput_outbound stream_throughput_outbound",
    "": """
        concurrent_compactors concurrent_materialized_view_builders concurrent_validations
        counter_cache_save_period key_cache_save_period row_cache_save_period
        hinted_handoff_enabled incremental_backups phi_convict_threshold
        tombstone_failure_threshold tombstone_warn_threshold""",
}
_TABLE: dict[str, Applies] = {
    **{
        f"cassandra-yaml.{name}{ending}": Applies.LIVE
        for old_ending, names in _LIVE.items()
        for name in names.split()
        for ending in {"", old_ending}
    },
    NUM_TOKENS: Applies.FIRST_START,
    "cassandra-yaml.allocate_tokens_for_keyspace": Applies.FIRST_START,
    "cassandra-yaml.allocate_tokens_for_local_replication_factor": Applies.FIRST_START,
    "jvm-options.cassandra_initial_token": Applies.FIRST_START,
    "jvm-server-options.cassandra_initial_token": Applies.FIRST_START,
    PARTITIONER: Applies.NEVER,
    CLUSTER_NAME: Applies.NEVER,
    DATACENTER_NAME: Applies.NEVER,
}
# What joined nodes hold a cluster to.
BOUND = (NUM_TOKENS, PARTITIONER, DATA_FOLDERS, CLUSTER_NAME, DATACENTER_NAME)

_PACKAGE = "org.apache.cassandra.dht."
_FIRST_WITH_16_TOKENS = (4, 0)


def applies(key: str) -> Applies:
    """Return from when on a node goes by a change of *key*."""
    return _TABLE.get(key, Applies.RESTART)


def shipped(version: Version | None) -> Mapping[str, object]:
    """
    Return what holds of `BOUND` where the configuration is silent, with the images of *version*.

    With None the version is not known, nor then its number of tokens.
    """
    values: dict[str, object] = {
        PARTITIONER: "Murmur3Partitioner",
        DATA_FOLDERS: ["/var/lib/cassandra/data"],
    }
    if version is not None:
        values[NUM_TOKENS] = 16 if version >= _FIRST_WITH_16_TOKENS else 256
    return values


def survives(key: str, was: object, shall: object, silent: Mapping[str, object]) -> bool:
    """
    Return whether a node that joined with *was* starts with *shall*; None is for a key that is not written.

    *silent* says what holds then: `shipped`, with the names of the cluster and of the data centre. What is
    not known there is left to Cassandra, which refuses to start itself: a wrong refusal has no way out.
    """
    if key not in BOUND:
        return True
    if was is None and shall is None:
        return True
    old, new = (_meant(key, silent.get(key) if value is None else value) for value in (was, shall))
    if key == DATA_FOLDERS:
        # Further folders do no harm; data in one that is left out would be missed.
        return set(old) <= set(new)
    return not old or old == new


def _meant(key: str, value: object) -> tuple[str, ...]:
    """Return *value* as Cassandra takes it, whatever way it is written; () if it is not known."""
    if value is None:
        return ()
    if key == DATA_FOLDERS:
        folders = value if isinstance(value, list | tuple) else [value]
        return tuple(str(folder).rstrip("/") for folder in folders)
    text = str(value).strip()
    return (text.removeprefix(_PACKAGE) if key == PARTITIONER else text,)
