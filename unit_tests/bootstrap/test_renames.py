"""Parameters of cassandra.yaml keep their meaning between versions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.bootstrap.renames import RENAMES, Negative, Rename, Unit, UntranslatableError, translate

_PER_MEGABIT = 125_000


@pytest.mark.parametrize(
    ("name", "value", "version", "expected"),
    [
        ("read_request_timeout_in_ms", 5000, (5, 0), ("read_request_timeout", "5000ms")),
        ("read_request_timeout_in_ms", "5000", (4, 1), ("read_request_timeout", "5000ms")),
        ("read_request_timeout_in_ms", 5000, (4, 0), ("read_request_timeout_in_ms", 5000)),
        ("read_request_timeout", "5s", (4, 0), ("read_request_timeout_in_ms", 5000)),
        ("read_request_timeout", "5s", (5, 0), ("read_request_timeout", "5s")),
        ("commitlog_total_space_in_mb", 8192, (4, 1), ("commitlog_total_space", "8192MiB")),
        ("commitlog_total_space", "8GiB", (3, 11), ("commitlog_total_space_in_mb", 8192)),
        ("compaction_throughput_mb_per_sec", 64, (5, 0), ("compaction_throughput", "64MiB/s")),
        (
            "stream_throughput_outbound_megabits_per_sec",
            200,
            (5, 0),
            ("stream_throughput_outbound", "25000000B/s"),
        ),
        (
            "stream_throughput_outbound",
            "24MiB/s",
            (4, 0),
            ("stream_throughput_outbound_megabits_per_sec", 201),
        ),
        ("key_cache_save_period", 14400, (4, 1), ("key_cache_save_period", "14400s")),
        ("key_cache_save_period", "4h", (4, 0), ("key_cache_save_period", 14400)),
        ("enable_materialized_views", True, (4, 1), ("materialized_views_enabled", True)),
        ("materialized_views_enabled", False, (3, 11), ("enable_materialized_views", False)),
        ("roles_update_interval_in_ms", -1, (4, 1), ("roles_update_interval", None)),
        ("roles_update_interval", None, (4, 0), ("roles_update_interval_in_ms", -1)),
        ("cache_load_timeout_seconds", -1, (4, 1), ("cache_load_timeout", "0s")),
        ("num_tokens", 16, (5, 0), ("num_tokens", 16)),
        # Nonsense passes: Cassandra says what is wrong with it.
        ("read_request_timeout_in_ms", True, (4, 1), ("read_request_timeout", True)),
        ("read_request_timeout_in_ms", 5000.0, (4, 1), ("read_request_timeout", "5000ms")),
        ("authenticator", "PasswordAuthenticator", (3, 11), ("authenticator", "PasswordAuthenticator")),
    ],
)
def test_a_parameter_is_said_in_the_words_of_the_version(
    name: str, value: object, version: tuple[int, int], expected: tuple[str, object]
) -> None:
    """Names and units change both ways; what has one name everywhere stays as it is."""
    assert translate(name, value, version) == expected


def test_a_parameter_renamed_twice_is_followed_through() -> None:
    """From the oldest name to the newest, and back."""
    oldest, newest = "compaction_large_partition_warning_threshold_mb", "partition_size_warn_threshold"

    assert translate(oldest, 100, (5, 0)) == (newest, "100MiB")
    assert translate(oldest, 100, (4, 1)) == ("compaction_large_partition_warning_threshold", "100MiB")
    assert translate(newest, "100MiB", (4, 0)) == (oldest, 100)
    assert translate("internode_send_buff_size_in_bytes", 65536, (4, 1)) == (
        "internode_socket_send_buffer_size",
        "65536B",
    )


@pytest.mark.parametrize(
    ("name", "value", "version", "says"),
    [
        ("read_request_timeout", "1500us", (4, 0), "no whole number of ms"),
        ("commitlog_total_space", "1KiB", (4, 0), "no whole number of MiB"),
        ("read_request_timeout", "5 weeks", (4, 0), "its unit is none of"),
        ("read_request_timeout", "soon", (4, 0), "no whole number with a unit"),
        ("read_request_timeout", None, (4, 0), "takes no null"),
        ("read_request_timeout_in_ms", -1, (4, 1), "is negative"),
        ("commitlog_sync_group_window_in_ms", 0.5, (4, 1), "no whole number"),
    ],
)
def test_what_cannot_be_said_is_refused(
    name: str, value: object, version: tuple[int, int], says: str
) -> None:
    """Nothing is rounded or guessed when a value has no exact place in the other version."""
    with pytest.raises(UntranslatableError, match=says):
        translate(name, value, version)


@given(rename=st.sampled_from(RENAMES), number=st.integers(min_value=0, max_value=10**6))
def test_there_and_back_gives_the_same(rename: Rename, number: int) -> None:
    """A number that an old version has comes back as that number from a newer one's words."""
    before = (3, 11) if rename.since == (4, 0) else (4, rename.since[0] - 4)
    value = number if rename.unit is not Unit.SAME else bool(number % 2)

    newer = translate(rename.old, value, rename.since)

    assert newer[0] == rename.new
    assert translate(*newer, before) == (rename.old, value)


@given(
    rename=st.sampled_from(RENAMES),
    number=st.integers(min_value=0, max_value=10**6),
    version=st.sampled_from([(3, 11), (4, 0), (4, 1), (5, 0)]),
)
def test_translating_twice_changes_nothing_more(
    rename: Rename, number: int, version: tuple[int, int]
) -> None:
    """What a version's own words are stays as it is."""
    name, value = translate(rename.old, number, version)

    assert translate(name, value, version) == (name, value)


def test_no_name_is_in_the_table_for_two_things() -> None:
    """Each name stands for one parameter, so the walk through versions has one way to go."""
    assert len({rename.old for rename in RENAMES}) == len(RENAMES)
    assert len({rename.new for rename in RENAMES}) == len(RENAMES)
    assert all(rename.unit is not Unit.SAME for rename in RENAMES if rename.negative is not Negative.REFUSED)
