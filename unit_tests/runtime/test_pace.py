"""What a reader may rely on: no more requests a second than allowed, first come, first served."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.runtime.clock import SteppedClock
from controller.runtime.pace import Pace


def test_a_burst_goes_at_once_and_then_one_at_a_time() -> None:
    """Who has no patience is told so, and loses nothing."""
    clock = SteppedClock()
    pace = Pace(clock=clock, rate=2.0, burst=3)

    assert [pace.take(0.0) for _ in range(4)] == [True, True, True, False]
    clock.advance(0.5)
    assert [pace.take(0.0) for _ in range(2)] == [True, False]


def test_what_is_not_used_is_saved_up_to_the_burst() -> None:
    """A quiet hour does not become a storm."""
    clock = SteppedClock()
    pace = Pace(clock=clock, rate=2.0, burst=3)
    clock.advance(3600.0)

    assert sum(pace.take(0.0) for _ in range(10)) == 3


def test_who_waits_goes_when_it_is_their_turn() -> None:
    """In the order in which they came."""
    clock = SteppedClock()
    pace = Pace(clock=clock, rate=1.0, burst=1)
    pace.take(0.0)
    gone: list[str] = []

    def go(name: str) -> None:
        assert pace.take(10.0)
        gone.append(name)

    threads = []
    for place, name in enumerate(("first", "second"), start=1):
        threads.append(threading.Thread(target=go, args=(name,)))
        threads[-1].start()
        clock.await_deadline(float(place))
    assert not pace.take(1.5)

    for thread, name in zip(threads, ("first", "second"), strict=True):
        clock.advance(1.0)
        thread.join(10)
        assert gone[-1] == name
    assert gone == ["first", "second"]


@given(
    rate=st.floats(0.5, 100.0),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0.0, 3.0), max_size=80),
)
def test_never_more_than_the_burst_and_the_rate(rate: float, burst: int, pauses: list[float]) -> None:
    """Over any stretch of time, whoever asks whenever."""
    clock = SteppedClock()
    pace = Pace(clock=clock, rate=rate, burst=burst)
    sent: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        if pace.take(0.0):
            sent.append(clock.monotonic())

    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + (sent[last] - start) * rate + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_no_requests_at_all_is_no_pace(rate: float, burst: int) -> None:
    """It would be a silent stop."""
    with pytest.raises(ValueError, match="are no pace"):
        Pace(clock=SteppedClock(), rate=rate, burst=burst)
