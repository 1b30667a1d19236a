"""What a reader may rely on: a long call is held once, never waited for, and its end is not missed."""

from __future__ import annotations

from collections.abc import Callable
import contextvars
import gc
import threading
import weakref

import attrs
import pytest
from structlog.testing import capture_logs

from controller.domain.errors import TransientError
from controller.runtime.clock import SteppedClock
from controller.runtime.held_calls import (
    CallBegun,
    CallFailed,
    CallKnown,
    CallRefused,
    CallReturned,
    Held,
    HeldCalls,
    NoHeldCallsMetrics,
)


class _Gauge:
    def __init__(self) -> None:
        self.values: list[int] = []

    def held(self, count: int) -> None:
        self.values.append(count)


@attrs.define
class Rig:
    """Held calls whose threads are run by hand."""

    calls: HeldCalls[str, int]
    clock: SteppedClock
    woken: list[str]
    gauge: _Gauge
    threads: list[Callable[[], None]]


def rig(*, limit: int = 64, remember: int = 1000) -> Rig:
    """No call ends before `threads` are run."""
    clock, gauge = SteppedClock(), _Gauge()
    woken: list[str] = []
    threads: list[Callable[[], None]] = []
    calls: HeldCalls[str, int] = HeldCalls(
        wake=woken.append,
        clock=clock,
        limit=limit,
        remember=remember,
        metrics=gauge,
        spawn=lambda _name, run: threads.append(run),
    )
    return Rig(calls, clock, woken, gauge, threads)


def test_a_call_is_held_until_it_ends() -> None:
    """Then its value is in the ledger, and its key is woken."""
    it = rig()
    it.clock.advance(5.0)
    assert it.calls.start("op-1", "cluster", lambda: 42) == CallBegun()
    assert it.calls.held() == (Held(call_id="op-1", key="cluster", since=5.0),)
    assert it.calls.is_held("op-1")
    assert (it.calls.result("op-1"), it.woken) == (None, [])

    it.clock.advance(3600.0)
    it.threads.pop()()

    ended = CallReturned(call_id="op-1", key="cluster", value=42, seconds=3600.0)
    assert it.calls.result("op-1") == ended
    assert it.calls.results("cluster") == (ended,)
    assert it.calls.results("another") == ()
    assert not it.calls.is_held("op-1")
    assert it.woken == ["cluster"]
    assert it.gauge.values == [0, 1, 0]


def test_a_call_that_is_not_to_wake_wakes_nobody() -> None:
    """Its result is in the ledger for who looks."""
    it = rig()
    it.calls.start("op-1", "cluster", lambda: 42, wakes=False)

    it.threads.pop()()

    assert it.calls.results("cluster") != ()
    assert it.woken == []


def test_a_call_that_raises_has_failed() -> None:
    """With its error, and the key is woken all the same."""
    it = rig()
    error = TransientError("connection reset")

    def fail() -> int:
        raise error

    it.calls.start("op-1", "cluster", fail)
    with capture_logs() as logs:
        it.threads.pop()()

    assert it.calls.result("op-1") == CallFailed(call_id="op-1", key="cluster", error=error, seconds=0.0)
    assert it.woken == ["cluster"]
    assert [line["log_level"] for line in logs] == ["debug"]


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit(3)])
def test_whatever_ends_a_call_frees_its_place(error: BaseException) -> None:
    """A bug is logged as one, since nobody else sees its traceback."""
    it = rig(limit=1)

    def fail() -> int:
        raise error

    it.calls.start("op-1", "cluster", fail)
    with capture_logs() as logs:
        it.threads.pop()()

    assert logs[0]["event"] == "held call raises"
    assert isinstance(it.calls.result("op-1"), CallFailed)
    assert it.calls.start("op-2", "cluster", lambda: 1) == CallBegun()


def test_the_ledger_does_not_keep_frames_alive() -> None:
    """An error is remembered without what was on the stack when it was raised."""

    class Big:
        """Something that a call works with."""

    seen: list[weakref.ref[Big]] = []
    it = rig()

    def fail() -> int:
        big = Big()
        seen.append(weakref.ref(big))
        try:
            return {"another": 1}["first"]
        except KeyError as cause:
            raise TransientError("second") from cause

    it.calls.start("op-1", "cluster", fail)
    it.threads.pop()()
    gc.collect()

    assert isinstance(it.calls.result("op-1"), CallFailed)
    assert seen[0]() is None


def test_an_operation_is_called_once() -> None:
    """Neither while it is held nor after it ended, until it is forgotten."""
    it = rig()
    it.calls.start("op-1", "cluster", lambda: 1)
    assert it.calls.start("op-1", "cluster", lambda: 2) == CallKnown()
    it.threads.pop()()
    assert it.calls.start("op-1", "cluster", lambda: 3) == CallKnown()
    assert not it.threads

    it.calls.forget("op-1")
    it.calls.forget("never known")

    assert it.calls.result("op-1") is None
    assert it.calls.start("op-1", "cluster", lambda: 4) == CallBegun()


def test_a_full_house_refuses() -> None:
    """With a reason; room comes back with the end of a call."""
    it = rig(limit=2)
    it.calls.start("op-1", "a", lambda: 1)
    it.calls.start("op-2", "b", lambda: 2)
    assert it.calls.start("op-3", "c", lambda: 3) == CallRefused(why="2 calls are held already")

    it.threads[0]()

    assert it.calls.start("op-3", "c", lambda: 3) == CallBegun()


def test_the_ledger_is_bounded() -> None:
    """The oldest result goes first."""
    it = rig(remember=2)
    for n in range(3):
        it.calls.start(n, "cluster", lambda: 1)
        it.threads.pop()()

    assert [it.calls.result(n) is None for n in range(3)] == [True, False, False]


def test_letting_go_waits_for_nothing() -> None:
    """No call is begun any more; those under way end unheard, and wake nobody."""
    it = rig()
    it.calls.start("op-1", "cluster", lambda: 1)

    it.calls.let_go()

    assert it.calls.start("op-2", "cluster", lambda: 2) == CallRefused(why="the operator is stopping")
    assert it.calls.is_held("op-1")
    it.threads.pop()()
    assert it.woken == []


def test_without_threads_to_be_had_nothing_is_held() -> None:
    """The machine's limit is a refusal like ours."""

    def spawn(_name: str, _run: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    calls: HeldCalls[str, int] = HeldCalls(wake=lambda _key: None, clock=SteppedClock(), spawn=spawn)

    start = calls.start("op-1", "cluster", lambda: 1)

    assert start == CallRefused(why="no thread could be started: can't start new thread")
    assert calls.held() == ()
    assert isinstance(calls._metrics, NoHeldCallsMetrics)


def test_a_wake_that_raises_is_logged() -> None:
    """The result is in the ledger, so the next look finds it."""
    threads: list[Callable[[], None]] = []

    def wake(_key: str) -> None:
        raise RuntimeError("queue is gone")

    calls: HeldCalls[str, int] = HeldCalls(
        wake=wake, clock=SteppedClock(), spawn=lambda _name, run: threads.append(run)
    )
    calls.start("op-1", "cluster", lambda: 1)
    with capture_logs() as logs:
        threads.pop()()

    assert logs[-1]["event"] == "held call cannot wake its key"
    assert calls.result("op-1") is not None


def test_a_call_runs_in_a_daemon_thread_with_the_caller_s_context() -> None:
    """So its log lines say whose it is, and it never holds up the end of the process."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    woken = threading.Event()
    calls: HeldCalls[str, tuple[str, bool, str]] = HeldCalls(
        wake=lambda _key: woken.set(), clock=SteppedClock()
    )

    def look() -> tuple[str, bool, str]:
        thread = threading.current_thread()
        return variable.get(), thread.daemon, thread.name

    token = variable.set("cluster a")
    calls.start("op-1", "cluster", look)
    variable.reset(token)
    assert woken.wait(10)

    result = calls.result("op-1")
    assert isinstance(result, CallReturned)
    assert result.value == ("cluster a", True, "call op-1")
