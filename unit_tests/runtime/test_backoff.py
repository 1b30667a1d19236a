"""What a reader may rely on: waits grow to a limit, are spread out, and are forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.runtime.backoff import PER_KEY, RECONNECT, Growth, KeyBackoff, Reconnect


@pytest.mark.parametrize(
    ("growth", "bounds"),
    [
        (PER_KEY, [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (RECONNECT, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]),
        (Growth(first=9, limit=5), [5, 5]),
    ],
)
def test_bounds_double_up_to_the_limit(growth: Growth, bounds: list[float]) -> None:
    """The longest wait after the first, second, third... failure in a row."""
    assert [growth.bound(n + 1) for n in range(len(bounds))] == pytest.approx(bounds)


def test_many_failures_cost_no_more_than_the_limit() -> None:
    """A key may fail for weeks."""
    assert PER_KEY.bound(1_000_000) == 300.0


@pytest.mark.parametrize("wrong", [{"first": 0}, {"factor": 1}, {"limit": 0}])
def test_a_growth_that_does_not_grow_is_refused(wrong: dict[str, float]) -> None:
    """It would be a loop without pause."""
    with pytest.raises(ValueError, match="must be >"):
        Growth(**{"first": 1.0, "limit": 10.0, **wrong})


def test_the_wait_is_drawn_between_nothing_and_the_bound() -> None:
    """Full jitter, from the numbers that were handed in."""
    rolls = iter([0.0, 0.5, 0.999])
    backoff: KeyBackoff[str] = KeyBackoff(roll=lambda: next(rolls))

    assert [backoff.failed("a") for _ in range(3)] == pytest.approx([0.0, 0.5, 1.998])


def test_keys_fail_apart_and_are_forgotten() -> None:
    """One key's failures are not another's, and a success starts anew."""
    backoff: KeyBackoff[str] = KeyBackoff(roll=lambda: 1.0)
    for _ in range(3):
        backoff.failed("a")
    backoff.failed("b")
    assert (backoff.failures("a"), backoff.failures("b"), backoff.failures("c")) == (3, 1, 0)

    backoff.forget("a")
    backoff.forget("never seen")

    assert backoff.failures("a") == 0
    assert backoff.failed("a") == 0.5


def test_a_connection_that_keeps_failing_waits_longer() -> None:
    """Each failure within two minutes of the last attempt counts on."""
    state, waits, now = Reconnect(), [], 0.0
    for _ in range(7):
        state, wait = state.failed(now, 1.0)
        waits.append(wait)
        now += wait + 119.0

    assert waits == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0])


def test_health_is_counted_from_the_end_of_the_wait() -> None:
    """Two minutes without failure after the wait make the next failure a first one."""
    state, _ = Reconnect().failed(0.0, 1.0)
    state, wait = state.failed(1.0, 1.0)

    early, _ = state.failed(1.0 + wait + 119.9, 1.0)
    late, first = state.failed(1.0 + wait + 120.0, 1.0)

    assert early.failures == 3
    assert (late.failures, first) == (1, 0.8)


@given(st.integers(1, 2000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_within_its_bound(failures: int, roll: float) -> None:
    """Whatever is drawn."""
    backoff: KeyBackoff[str] = KeyBackoff(roll=lambda: roll)
    wait = 0.0
    for _ in range(min(failures, 50)):
        wait = backoff.failed("a")

    assert 0 <= wait <= 300
    assert PER_KEY.bound(failures) <= PER_KEY.bound(failures + 1) <= 300
