"""Facts about the settings that the operator tells running nodes: each is had as it was told, and at once."""

from __future__ import annotations

import pytest

from controller.cassandra import node
from controller.domain.live import Attribute, Setting, setting
from e2e.contract_jolokia.agents import STORAGE, Json, Ring
from e2e.contract_jolokia.test_jolokia_operator import client, endpoint

TOLD: tuple[tuple[str, Json], ...] = (
    ("compaction_throughput_mb_per_sec", 17),
    ("stream_throughput_outbound_megabits_per_sec", 170),
    ("inter_dc_stream_throughput_outbound_megabits_per_sec", 171),
    ("concurrent_compactors", 3),
    ("concurrent_materialized_view_builders", 2),
    ("tombstone_warn_threshold", 999),
    ("tombstone_failure_threshold", 99_999),
    ("incremental_backups", True),
    ("cas_contention_timeout_in_ms", 1801),
    ("counter_write_request_timeout_in_ms", 5001),
    ("range_request_timeout_in_ms", 10_001),
    ("read_request_timeout_in_ms", 5001),
    ("request_timeout_in_ms", 10_001),
    ("truncate_request_timeout_in_ms", 60_001),
    ("write_request_timeout_in_ms", 2001),
    ("max_hint_window_in_ms", 10_800_001),
    ("hinted_handoff_enabled", False),
    ("phi_convict_threshold", 9),
)
# In mebibytes from 4.1 on.
SINCE_4_1: tuple[tuple[str, Json], ...] = (
    ("stream_throughput_outbound", "17MiB/s"),
    ("inter_dc_stream_throughput_outbound", "19MiB/s"),
)


def known(ring: Ring, attribute: Attribute) -> Json:
    """Return what the first node has for *attribute*; None if it does not say."""
    answer = node.ask_values(client(ring), endpoint(ring.first), [attribute])
    assert not isinstance(answer, str), answer
    return answer.get(attribute)


def write(ring: Ring, attribute: Attribute, value: Json) -> Json:
    """Tell the first node; return the whole answer."""
    body = {"type": "write", "mbean": attribute.mbean, "attribute": attribute.name, "value": value}
    return ring.first.ask(body)


@pytest.mark.parametrize("told", [*TOLD, *SINCE_4_1], ids=lambda told: str(told[0]))
def test_a_node_has_what_it_was_told(ring: Ring, told: tuple[str, Json]) -> None:
    """It says so at once, and can be told the old value again, where it says what that is."""
    wanted = setting(*told)
    assert isinstance(wanted, Setting)
    if told in SINCE_4_1 and ring.first.read("ReleaseVersion").startswith("4.0"):
        assert known(ring, wanted.attribute) is None
        return
    before = known(ring, wanted.attribute)

    assert write(ring, wanted.attribute, wanted.value)["status"] == 200
    assert known(ring, wanted.attribute) == wanted.value

    if before is not None:
        write(ring, wanted.attribute, before)
        assert known(ring, wanted.attribute) == before


def test_a_value_that_cassandra_refuses_changes_nothing(ring: Ring) -> None:
    """The answer is an error."""
    attribute = Attribute(mbean=STORAGE, name="ConcurrentCompactors")
    before = known(ring, attribute)

    assert write(ring, attribute, 0)["status"] != 200

    assert known(ring, attribute) == before
