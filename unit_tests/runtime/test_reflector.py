"""What a reader may rely on: a store follows its server through whatever happens between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
import random
import threading
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from structlog.testing import capture_logs

from controller.domain.errors import ConflictError, NotFoundError, TerminalError, TransientError
from controller.runtime.clock import START, SteppedClock
from controller.runtime.list_watch import List, ListWatchSettings, Watch
from controller.runtime.reflector import NoReflectorMetrics, Page, Reflector
from controller.runtime.store import Change, Key, Store
from unit_tests.runtime.toy_server import ToyServer, bookmark, event, gone, thing

Answer = Page | Exception | list[Mapping[str, Any] | Exception]


@attrs.define
class Script:
    """A source whose answers are known beforehand: a page, an error, or the events of a watch."""

    answers: list[Answer]
    requests: list[List | Watch] = attrs.field(factory=list)
    closed: int = 0

    def list_page(self, request: List) -> Page:
        """Return the next answer, which is a page."""
        answer = self._next(request)
        assert isinstance(answer, Page)
        return answer

    @contextmanager
    def watch(self, request: Watch) -> Iterator[Iterator[Mapping[str, Any]]]:
        """Yield the next answer, which is events."""
        answer = self._next(request)
        assert isinstance(answer, list)
        try:
            yield self._events(answer)
        finally:
            self.closed += 1

    def _next(self, request: List | Watch) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _events(self, answer: list[Mapping[str, Any] | Exception]) -> Iterator[Mapping[str, Any]]:
        for each in answer:
            if isinstance(each, Exception):
                raise each
            yield each


class _Counts:
    """Counts calls by name, and keeps the last argument."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("listed", "watched", "expired", "failed"), 0)
        self.last: dict[str, float] = {}

    def listed(self) -> None:
        self.counts["listed"] += 1

    def watched(self) -> None:
        self.counts["watched"] += 1

    def expired(self) -> None:
        self.counts["expired"] += 1

    def failed(self) -> None:
        self.counts["failed"] += 1

    def event(self, at: float) -> None:
        self.last["event"] = at

    def objects(self, count: int) -> None:
        self.last["objects"] = count


@attrs.define
class Rig:
    """A reflector without threads, and everything around it."""

    reflector: Reflector[Mapping[str, Any]]
    store: Store[Mapping[str, Any]]
    clock: SteppedClock
    changes: list[Change[Mapping[str, Any]]]
    counts: _Counts

    def steps(self, count: int) -> None:
        """Step so often, through the sleeps."""
        for _ in range(count):
            self.clock.advance_to(self.reflector.step())

    def names(self) -> list[str]:
        """The names in the store, with the versions."""
        return [f"{key.name}:{self.store.version(key)}" for key in self.store]


def keep(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Transform nothing."""
    return item


def rig(
    source: Script | ToyServer,
    *,
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]] = keep,
    page_size: int = 2,
    watch_list: bool = False,
) -> Rig:
    """Put a reflector between *source* and a store; its sleeps are half their bound."""
    clock, counts = SteppedClock(), _Counts()
    store: Store[Mapping[str, Any]] = Store(clock=clock)
    changes: list[Change[Mapping[str, Any]]] = []
    store.listen(changes.append)
    reflector = Reflector(
        kind="pods",
        source=source,
        store=store,
        transform=transform,
        clock=clock,
        roll=lambda: 0.5,
        settings=ListWatchSettings(page_size=page_size, short_watch=0.0, watch_list=watch_list),
        metrics=counts,
    )
    return Rig(reflector, store, clock, changes, counts)


def page(*names: str, version: str = "5", token: str = "") -> Page:
    """A page of objects, all at version 1."""
    return Page(items=[thing(name, 1) for name in names], version=version, continue_token=token)


def test_a_list_is_stored_when_its_last_page_came() -> None:
    """Not before: half a list would look like deletions."""
    it = rig(Script([page("a", "b", token="t"), page("c")]))

    it.steps(2)
    assert (it.names(), it.store.synced) == ([], False)

    it.steps(1)
    assert (it.names(), it.store.synced) == (["a:1", "b:1", "c:1"], True)


def test_events_change_the_store_and_move_the_version() -> None:
    """Additions, changes and deletions; bookmarks only move the version."""
    source = Script(
        [
            page("a", "b"),
            [
                event("ADDED", thing("c", 6)),
                event("MODIFIED", thing("a", 7)),
                event("DELETED", thing("b", 8)),
                bookmark(9),
            ],
            [],
        ]
    )
    it = rig(source)
    it.steps(4)

    assert it.names() == ["a:7", "c:6"]
    assert [(c.key.name, c.old is None, c.new is None) for c in it.changes[2:]] == [
        ("c", True, False),
        ("a", False, False),
        ("b", False, True),
    ]
    assert [request.version for request in source.requests] == ["0", "5", "9"]
    assert source.closed == 2


@pytest.mark.parametrize("reason", ["Expired", "Gone", "SomethingElse"])
def test_an_expired_watch_finds_what_vanished(reason: str) -> None:
    """The next list is compared with the store: who is missing was deleted, who is the same is not told."""
    it = rig(Script([page("a", "b"), [event("ADDED", thing("c", 6)), gone(reason)], page("b", version="9")]))
    it.steps(3)
    it.changes.clear()

    it.steps(1)

    assert it.names() == ["b:1"]
    assert [(c.key.name, c.new) for c in it.changes] == [("a", None), ("c", None)]
    assert it.counts.counts == {"listed": 2, "watched": 1, "expired": 1, "failed": 0}


@pytest.mark.parametrize(
    "error",
    [
        {"reason": "Expired", "message": "by reason alone"},
        {"code": 410, "message": "by code alone"},
    ],
)
def test_an_expiry_is_known_by_reason_or_code(error: Mapping[str, Any]) -> None:
    """Servers and proxies do not always say both."""
    source = Script([page("a"), [event("ERROR", error)], page("a")])
    rig(source).steps(4)

    assert [type(request) for request in source.requests] == [List, Watch, List]


@pytest.mark.parametrize(
    ("status", "slept", "then"),
    [
        ({"code": 429, "message": "slow", "details": {"retryAfterSeconds": 7}}, 7.0, Watch),
        ({"code": 500, "message": "broken"}, 0.4, Watch),
        ({"code": 408, "reason": "Timeout"}, 0.4, Watch),
        ({}, 0.4, Watch),
        ({"code": 403, "message": "no"}, 0.4, List),
    ],
)
def test_error_events_mean_what_statuses_mean(status: Mapping[str, Any], slept: float, then: type) -> None:
    """What may pass is tried again where it was, what will not is begun anew."""
    source = Script([page("a"), [event("ERROR", status)], page("a") if then is List else []])
    it = rig(source)
    it.steps(2)
    began = it.clock.monotonic()

    due = it.reflector.step()
    it.clock.advance_to(due)
    it.steps(2)

    assert due - began == pytest.approx(slept)
    assert isinstance(source.requests[-1], then)
    assert it.counts.counts["failed"] == 1


@pytest.mark.parametrize(
    ("error", "version"),
    [
        (TransientError("reset"), "0"),
        (TransientError("Timeout: Too large resource version: 9, current: 1"), ""),
        (TerminalError("forbidden"), "0"),
        (NotFoundError("no such kind"), "0"),
        (ConflictError("odd, but it is an answer"), "0"),
    ],
)
def test_a_failed_list_is_asked_for_again(error: Exception, version: str) -> None:
    """For the newest if the version was too new for the server."""
    source = Script([error, page("a")])
    it = rig(source)
    it.steps(4)

    assert it.names() == ["a:1"]
    assert source.requests[1] == List(version=version, limit=2)


def test_an_object_that_cannot_be_read_is_not_left_out() -> None:
    """The request fails as a whole, loudly, and the store keeps what it had."""

    def transform(item: Mapping[str, Any]) -> Mapping[str, Any]:
        if item.get("poison"):
            raise ValueError("what is this")
        return item

    poison = thing("b", 6, poison=True)
    bad = Page(items=[poison], version="6")
    it = rig(
        Script([page("a"), [event("MODIFIED", poison)], [gone()], bad, page("a", "b")]), transform=transform
    )

    with capture_logs() as logs:
        it.steps(8)
        assert it.names() == ["a:1"]
        it.steps(1)

    assert it.names() == ["a:1", "b:1"]
    bugs = [line for line in logs if line["event"] == "reflector fails"]
    assert [(line["log_level"], str(line["exc_info"])) for line in bugs] == [("error", "what is this")] * 2


def test_an_event_of_an_unknown_type_is_a_failure() -> None:
    """It may have been a change, so the watch is asked again from before it."""
    source = Script([page("a"), [event("SURPRISE", thing("a", 6))], []])
    rig(source).steps(5)

    assert source.requests[1:] == [
        Watch(version="5", timeout_seconds=450, silence=150.0),
        Watch(version="5", timeout_seconds=450, silence=150.0),
    ]


def test_a_list_may_come_as_a_watch() -> None:
    """It is stored when its end is marked, as one; changes that come before are part of it."""
    source = Script(
        [
            [
                event("ADDED", thing("b", 3)),
                event("ADDED", thing("a", 1)),
                event("ADDED", thing("z", 2)),
                event("MODIFIED", thing("a", 6)),
                event("DELETED", thing("z", 7)),
                event("DELETED", thing("never", 7)),
                bookmark(7),
                bookmark(8, ends_list=True),
                event("ADDED", thing("c", 9)),
            ],
            [],
        ]
    )
    it = rig(source, watch_list=True)
    it.steps(3)

    assert [c.key.name for c in it.changes] == ["a", "b", "c"]
    assert it.names() == ["a:6", "b:3", "c:9"]
    assert [request.version for request in source.requests] == ["", "9"]
    assert it.counts.counts == {"listed": 1, "watched": 2, "expired": 0, "failed": 0}


def test_a_watch_list_that_breaks_leaves_the_store_alone() -> None:
    """Before its end it is half a list."""
    half: list[Mapping[str, Any] | Exception] = [event("ADDED", thing("b", 3)), TransientError("reset")]
    whole: list[Mapping[str, Any] | Exception] = [event("ADDED", thing("a", 3)), bookmark(5, ends_list=True)]
    it = rig(Script([half, whole]), watch_list=True)

    it.steps(2)
    assert (it.names(), it.store.synced) == ([], False)

    it.steps(2)
    assert (it.names(), it.store.synced) == (["a:3"], True)


def test_kinds_without_namespace_have_an_empty_one() -> None:
    """Their objects say nothing of one."""
    item = {"metadata": {"name": "node-1", "resourceVersion": "3"}}
    it = rig(Script([Page(items=[item], version="5")]))
    it.steps(2)

    assert it.store.keys() == (Key("", "node-1"),)


def test_events_and_objects_are_counted() -> None:
    """The time of the last event is the wall clock's, since people compare it with theirs."""
    it = rig(Script([page("a", "b"), [bookmark(6)]]))
    it.steps(2)
    it.clock.advance(30.0)
    it.steps(1)

    assert it.counts.last == {"objects": 2, "event": START.timestamp() + 30.0}


def test_counting_is_optional() -> None:
    """Without metrics everything works the same."""
    server = ToyServer(faults=["500", "list-410"])
    server.put("a")
    clock = SteppedClock()
    store: Store[Mapping[str, Any]] = Store(clock=clock)
    reflector = Reflector(
        kind="pods", source=server, store=store, transform=keep, clock=clock, roll=lambda: 0.5
    )
    for _ in range(8):
        clock.advance_to(reflector.step())

    assert len(store) == 1
    assert isinstance(reflector._metrics, NoReflectorMetrics)


def test_a_step_before_its_time_does_nothing() -> None:
    """A simulator may step as often as it likes."""
    source = Script([TransientError("reset")])
    it = rig(source)
    it.steps(1)
    due = it.reflector.step()

    assert due == pytest.approx(0.4)
    assert it.reflector.step() == due
    assert len(source.requests) == 1


def test_silence_is_told() -> None:
    """For the health check: a sentence once nothing was heard for too long."""
    it = rig(Script([page("a"), [bookmark(6)]]))
    it.steps(3)
    it.clock.advance(300.0)
    assert it.reflector.health(300.0) is None

    it.clock.advance(1.0)

    assert it.reflector.health(300.0) == "nothing was heard of pods for 301 s"


def test_trouble_is_told_until_it_is_over() -> None:
    """For whoever asks why the store is not there yet."""
    it = rig(Script([TransientError("no answer"), page("a")]))
    told = [it.reflector.trouble]
    it.steps(2)
    told.append(it.reflector.trouble)
    it.clock.advance(60.0)
    it.steps(2)
    told.append(it.reflector.trouble)

    assert told == [None, "no answer", None]
    assert it.store.synced


# -- with its thread


class _Blocking:
    """A source whose watches block until they are interrupted or fed."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.events: list[Mapping[str, Any]] = []
        self.interrupted = False
        self.reading = threading.Event()

    def list_page(self, request: List) -> Page:
        return Page(items=[thing("a", 1)], version="5")

    @contextmanager
    def watch(self, request: Watch) -> Iterator[Iterator[Mapping[str, Any]]]:
        yield self._events()

    def _events(self) -> Iterator[Mapping[str, Any]]:
        while True:
            with self.condition:
                self.reading.set()
                self.condition.wait_for(lambda: self.events or self.interrupted, 10)
                if self.interrupted:
                    raise TransientError("interrupted")
                each = self.events.pop(0)
            yield each

    def feed(self, each: Mapping[str, Any]) -> None:
        with self.condition:
            self.events.append(each)
            self.condition.notify_all()

    def interrupt(self) -> None:
        with self.condition:
            self.interrupted = True
            self.condition.notify_all()


def threaded(
    source: _Blocking | Script, clock: SteppedClock, interrupt: Callable[[], None] | None = None
) -> tuple[Reflector[Mapping[str, Any]], Store[Mapping[str, Any]]]:
    """A reflector that has been started."""
    store: Store[Mapping[str, Any]] = Store()
    reflector = Reflector(
        kind="pods",
        source=source,
        store=store,
        transform=keep,
        clock=clock,
        roll=lambda: 0.5,
        interrupt=interrupt,
    )
    reflector.start()
    return reflector, store


def test_a_thread_follows_the_server_until_it_is_stopped() -> None:
    """Stopping interrupts a read that would last for minutes."""
    source = _Blocking()
    reflector, store = threaded(source, SteppedClock(), source.interrupt)
    assert store.wait_synced(10)
    changed = threading.Event()
    store.listen(lambda _change: changed.set())
    source.feed(event("ADDED", thing("b", 6)))
    assert changed.wait(10)
    assert reflector.health(300.0) is None

    reflector.stop()

    assert reflector.join(10)
    assert reflector.health(300.0) is None
    assert len(store) == 2


def test_a_thread_without_interruption_ends_at_the_next_event() -> None:
    """Which is not applied any more."""
    source = _Blocking()
    reflector, store = threaded(source, SteppedClock())
    assert store.wait_synced(10)
    assert source.reading.wait(10)

    reflector.stop()
    assert not reflector.join(0)
    source.feed(event("ADDED", thing("b", 6)))

    assert reflector.join(10)
    assert len(store) == 1


def test_a_sleeping_thread_is_stopped_at_once() -> None:
    """And it had slept for as long as the step said."""
    clock = SteppedClock()
    source = Script([TransientError("reset", retry_after=60.0), TransientError("reset", retry_after=90.0)])
    reflector, _ = threaded(source, clock)
    clock.await_deadline(60.0)
    clock.advance(60.0)
    clock.await_deadline(150.0)

    reflector.stop()

    assert reflector.join(10)
    assert len(source.requests) == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_told() -> None:
    """A reflector that ended by itself is not healthy; one that was never started has not ended."""
    clock = SteppedClock()
    idle = rig(Script([])).reflector
    reflector = Reflector(
        kind="pods", source=_Deadly(), store=Store(), transform=keep, clock=clock, roll=lambda: 0.5
    )
    reflector.start()

    assert reflector.join(10)
    assert reflector.health(300.0) == "the reflector of pods has ended"
    assert idle.join(0)
    assert idle.health(300.0) is None


class _Deadly:
    """A source that ends its thread."""

    def list_page(self, request: List) -> Page:
        raise SystemExit

    def watch(self, request: Watch) -> AbstractContextManager[Iterator[Mapping[str, Any]]]:
        raise SystemExit


# -- any history

names = st.sampled_from("abcde")
deeds = st.one_of(
    st.tuples(st.just("put"), names),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("compact"), st.just("")),
    st.tuples(st.just("step"), st.just("")),
    st.tuples(
        st.just("fault"),
        st.sampled_from(["list-410", "list-504", "500", "watch-410", "event-410", "cut", "twice"]),
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(deeds, max_size=60),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_the_store_ends_as_the_server(
    history: list[tuple[str, str]],
    page_size: int,
    watch_list: bool,  # noqa: FBT001 -- Hypothesis passes it so
    knows_watch_list: bool,  # noqa: FBT001 -- as above
    dice: random.Random,
) -> None:
    """Once the faults stop it is equal within a few steps, and whoever listened has the same copy."""
    server = ToyServer(knows_watch_list=knows_watch_list)
    it = rig(server, page_size=page_size, watch_list=watch_list)
    for deed, what in history:
        match deed:
            case "put":
                server.put(what)
            case "delete":
                server.delete(what)
            case "compact":
                server.compact()
            case "fault":
                server.faults.insert(dice.randint(0, len(server.faults)), what)
            case _:
                it.steps(1)
    server.faults.clear()
    server.put("last")
    it.steps(14)

    copy: dict[str, Mapping[str, Any]] = {}
    for change in it.changes:
        assert copy.get(change.key.name) == change.old
        if change.new is None:
            del copy[change.key.name]
        else:
            copy[change.key.name] = change.new
    assert {key.name: it.store.get(key) for key in it.store} == server.objects
    assert copy == server.objects
