"""Which changes of the configuration running nodes can be told, and what exactly they are told."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain import live
from controller.domain.configkeys import Applies, applies
from controller.domain.live import Attribute, between, decode_before, encode_before, setting

WORDS = st.text("abcdefgh:=,. ", min_size=1)
NUMBERS = st.integers(0, 10**9)


def yaml(**settings: Any) -> dict[str, Any]:
    """Return a configuration with these parameters of cassandra.yaml."""
    return {"cluster-info": {"name": "cc"}, "cassandra-yaml": settings}


@pytest.mark.parametrize(
    ("name", "value", "attribute", "told"),
    [
        ("compaction_throughput", "64MiB/s", "CompactionThroughputMbPerSec", 64),
        ("compaction_throughput_mb_per_sec", 64, "CompactionThroughputMbPerSec", 64),
        ("stream_throughput_outbound", "24MiB/s", "StreamThroughputMebibytesPerSec", 24),
        ("stream_throughput_outbound_megabits_per_sec", "200", "StreamThroughputMbPerSec", 200),
        (
            "inter_dc_stream_throughput_outbound_megabits_per_sec",
            100,
            "InterDCStreamThroughputMbPerSec",
            100,
        ),
        ("concurrent_compactors", 4, "ConcurrentCompactors", 4),
        ("read_request_timeout", "7s", "ReadRpcTimeout", 7000),
        ("read_request_timeout", "7500ms", "ReadRpcTimeout", 7500),
        ("read_request_timeout_in_ms", 7000, "ReadRpcTimeout", 7000),
        ("max_hint_window", "3h", "MaxHintWindow", 10_800_000),
        ("hinted_handoff_enabled", "false", "HintedHandoffEnabled", False),
        ("incremental_backups", True, "IncrementalBackupsEnabled", True),
        ("phi_convict_threshold", 12, "PhiConvictThreshold", 12),
    ],
)
def test_what_nodes_are_told(name: str, value: object, attribute: str, told: object) -> None:
    """Names and units of all versions come to one number in the attribute's unit."""
    found = setting(name, value)

    assert found is not None
    assert (found.attribute.name, found.value) == (attribute, told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_tokens", 8),
        ("concurrent_reads", 64),
        # It can be told, and not be asked.
        ("hinted_handoff_throttle", "1MiB"),
        # Not in the attribute's unit, or no value at all.
        ("compaction_throughput", "64MB/s"),
        ("compaction_throughput", "0.5MiB/s"),
        ("compaction_throughput", 64),
        ("stream_throughput_outbound", "200Mbit/s"),
        ("read_request_timeout", 7000),
        ("read_request_timeout", "soon"),
        ("read_request_timeout", "0ms"),
        ("concurrent_compactors", 0),
        ("concurrent_compactors", True),
        ("incremental_backups", "perhaps"),
        ("hinted_handoff_enabled", None),
    ],
)
def test_what_takes_a_restart(name: str, value: object) -> None:
    """What cannot be told exactly, or not be proven."""
    assert setting(name, value) is None


def test_the_tables_agree() -> None:
    """All that nodes are told is known to apply at once, if they are told."""
    assert live.keys()
    for name in live.keys():  # noqa: SIM118 -- a function
        assert applies(f"cassandra-yaml.{name}") is Applies.LIVE, name


def test_what_lies_between_two_configurations() -> None:
    """Only what changed is told; one thing that takes a restart makes it one."""
    old = yaml(compaction_throughput="16MiB/s", concurrent_reads=32)

    told = between(old, yaml(compaction_throughput="64MiB/s", concurrent_reads=32, concurrent_compactors=2))

    assert told is not None
    assert [(s.key, s.value) for s in told] == [("compaction_throughput", 64), ("concurrent_compactors", 2)]
    assert between(old, old) == ()
    assert between(old, yaml(compaction_throughput="64MiB/s", concurrent_reads=64)) is None
    assert between(old, yaml(concurrent_reads=32)) is None
    assert between(old, {**old, "jvm-server-options": {"max_heap_size": "1G"}}) is None


def test_another_name_for_the_same_is_no_removal() -> None:
    """A parameter may get its new name, and another value with it."""
    old, new = yaml(read_request_timeout_in_ms=5000), yaml(read_request_timeout="7s")

    told = between(old, new)

    assert told is not None
    assert [(s.key, s.value) for s in told] == [("read_request_timeout", 7000)]


@given(
    st.dictionaries(
        st.builds(Attribute, mbean=WORDS, name=st.from_regex(r"[A-Za-z]+", fullmatch=True)), NUMBERS
    )
)
def test_what_was_before_is_kept_on_the_pod(before: dict[Attribute, int]) -> None:
    """It is read as it was written, and what is noted already is older and stays."""
    text = encode_before(None, before)

    assert decode_before(text) == before
    assert decode_before(encode_before(text, dict.fromkeys(before, 7))) == before


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", '{"a": "b"}', '{"no colon": 7}'])
def test_a_note_that_cannot_be_read_is_none(text: str | None) -> None:
    """Somebody else may write annotations too."""
    assert decode_before(text) == {}
