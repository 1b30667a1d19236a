"""Which changes of the configuration take effect when, and which would keep a joined node from starting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.configkeys import (
    BOUND,
    CLUSTER_NAME,
    DATA_FOLDERS,
    DATACENTER_NAME,
    NUM_TOKENS,
    PARTITIONER,
    Applies,
    applies,
    shipped,
    survives,
)

_MURMUR = "org.apache.cassandra.dht.Murmur3Partitioner"
_DATA = "/var/lib/cassandra/data"
SILENT = {**shipped((5, 0)), CLUSTER_NAME: "demo", DATACENTER_NAME: "dc1"}


@pytest.mark.parametrize(
    ("key", "when"),
    [
        ("cassandra-yaml.read_request_timeout", Applies.LIVE),
        ("cassandra-yaml.read_request_timeout_in_ms", Applies.LIVE),
        ("cassandra-yaml.stream_throughput_outbound_megabits_per_sec", Applies.LIVE),
        ("cassandra-yaml.concurrent_compactors", Applies.LIVE),
        ("cassandra-yaml.concurrent_reads", Applies.RESTART),
        ("cassandra-yaml.authenticator", Applies.RESTART),
        ("jvm-server-options.max_heap_size", Applies.RESTART),
        ("cassandra-yaml.unheard_of", Applies.RESTART),
        ("cassandra-yaml.num_tokens", Applies.FIRST_START),
        ("cassandra-yaml.allocate_tokens_for_local_replication_factor", Applies.FIRST_START),
        ("cassandra-yaml.partitioner", Applies.NEVER),
        ("cluster-info.name", Applies.NEVER),
    ],
)
def test_a_key_says_when_it_takes_effect(key: str, when: Applies) -> None:
    """Under its old name and its new one; what is not known needs a restart."""
    assert applies(key) is when


@pytest.mark.parametrize(
    ("key", "was", "shall", "well"),
    [
        (NUM_TOKENS, 16, 8, False),
        (NUM_TOKENS, 8, None, False),
        (NUM_TOKENS, None, 8, False),
        (NUM_TOKENS, None, 16, True),
        (NUM_TOKENS, 16, None, True),
        (NUM_TOKENS, 16, "16", True),
        (PARTITIONER, "Murmur3Partitioner", "RandomPartitioner", False),
        (PARTITIONER, None, _MURMUR, True),
        (PARTITIONER, _MURMUR, "Murmur3Partitioner", True),
        (PARTITIONER, None, "ByteOrderedPartitioner", False),
        (CLUSTER_NAME, None, "other", False),
        (CLUSTER_NAME, "other", None, False),
        (CLUSTER_NAME, None, "demo", True),
        (DATACENTER_NAME, None, "dc2", False),
        (DATA_FOLDERS, [_DATA, "/data2"], None, False),
        (DATA_FOLDERS, None, ["/data2"], False),
        (DATA_FOLDERS, None, [_DATA, "/data2"], True),
        (DATA_FOLDERS, None, [f"{_DATA}/"], True),
        (DATA_FOLDERS, ["/a", "/b"], ["/b", "/a"], True),
        # Not used: the config builder sets it on every node.
        ("cassandra-yaml.cluster_name", None, "other", True),
        ("cassandra-yaml.concurrent_reads", 1, 2, True),
    ],
)
def test_a_node_survives_a_change_or_does_not(key: str, was: object, shall: object, well: bool) -> None:  # noqa: FBT001 -- a column
    """Two ways to write the same are no change; what is not bound may be corrected at any time."""
    assert survives(key, was, shall, SILENT) is well


def test_an_older_image_has_other_tokens() -> None:
    """3.11 ships with 256: writing that down changes nothing there."""
    assert survives(NUM_TOKENS, None, 256, shipped((3, 11)))
    assert not survives(NUM_TOKENS, None, 256, shipped((4, 0)))


def test_what_is_not_known_is_left_to_cassandra() -> None:
    """It refuses to start with another number itself; a wrong refusal of ours would have no way out."""
    unknown = shipped(None)

    assert survives(NUM_TOKENS, None, 8, unknown)
    assert not survives(NUM_TOKENS, 16, 8, unknown)
    assert not survives(NUM_TOKENS, 16, None, unknown)


_VALUES = st.none() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())


@given(st.sampled_from(BOUND), _VALUES, st.sampled_from([None, (3, 11), (4, 0), (5, 0)]))
def test_no_change_breaks_nothing(key: str, value: object, version: tuple[int, int] | None) -> None:
    """Whatever stands in it: a spec that is applied again is never refused."""
    assert survives(key, value, value, shipped(version))


@given(st.sampled_from(BOUND), _VALUES, _VALUES)
def test_what_is_refused_is_bound_and_can_be_taken_back(key: str, was: object, shall: object) -> None:
    """The way out of every refusal is to write what was there."""
    if not survives(key, was, shall, SILENT):
        assert applies(key) is not Applies.LIVE
        assert survives(key, was, was, SILENT)
