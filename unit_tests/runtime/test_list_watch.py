"""What a reader may rely on: after each thing that can happen to a request, the next one is known."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.runtime.list_watch import (
    MOST_WATCH_LISTS,
    Ended,
    Expired,
    Failed,
    List,
    ListWatchSettings,
    Outcome,
    Paged,
    Refused,
    Rested,
    Sleep,
    State,
    Step,
    Watch,
    first_state,
    next_step,
)

LIST = List(version="0", limit=500)


def watch(version: str, *, initial_events: bool = False, timeout: int = 450) -> Watch:
    """A watch as it comes out of a roll of 0.5."""
    return Watch(version=version, timeout_seconds=timeout, silence=150.0, initial_events=initial_events)


def run(*outcomes: Outcome, watch_list: bool = False, roll: float = 0.5) -> list[Step]:
    """Return the steps that follow *outcomes*, ten seconds apart."""
    state, steps = first_state(ListWatchSettings(watch_list=watch_list)), []
    for n, outcome in enumerate(outcomes):
        state, step = next_step(state, outcome, n * 10.0, roll)
        steps.append(step)
    return steps


def watching(version: str = "5") -> tuple[State, Step]:
    """The state in which a whole list came and the first watch is asked for."""
    state, _ = next_step(first_state(ListWatchSettings()), Rested(), 0.0, 0.5)
    return next_step(state, Paged(version=version), 0.0, 0.5)


# -- lists


def test_first_comes_a_list_in_pages_from_any_cache() -> None:
    """Version 0 on the first page, the token alone on the others, then a watch from the list's version."""
    steps = run(
        Rested(),
        Paged(version="5", continue_token="two"),
        Paged(version="5", continue_token="three"),
        Paged(version="5"),
    )

    assert steps == [
        LIST,
        List(version="", limit=500, continue_token="two"),
        List(version="", limit=500, continue_token="three"),
        watch("5"),
    ]


def test_an_expiry_between_pages_takes_all_at_once() -> None:
    """From the same version, without paging; if that is too old as well, the newest in pages."""
    steps = run(
        Rested(),
        Paged(version="5", continue_token="two"),
        Expired(),
        Expired(),
        Paged(version="9"),
    )

    assert steps[2:] == [
        List(version="0", limit=None),
        List(version="", limit=500),
        watch("9"),
    ]


def test_the_newest_that_expires_is_waited_for() -> None:
    """There is nothing else to ask for, and it is not asked in a loop."""
    steps = run(Rested(), Expired(), Expired(), Rested())

    assert steps == [
        LIST,
        List(version="", limit=500),
        Sleep(seconds=0.4, why="the newest version expired"),
        List(version="", limit=500),
    ]


def test_a_failed_page_is_asked_for_again_after_a_wait() -> None:
    """The pages that came are not asked for again."""
    page = List(version="", limit=500, continue_token="two")
    steps = run(
        Rested(), Paged(version="5", continue_token="two"), Failed(why="reset"), Rested(), Paged(version="5")
    )

    assert steps[1:] == [page, Sleep(seconds=0.4, why="reset"), page, watch("5")]


@pytest.mark.parametrize(
    ("outcomes", "again"),
    [
        ([Refused(why="no")], LIST),
        ([Paged(version="5", continue_token="two"), Refused(why="no")], LIST),
        ([Expired(), Refused(why="no")], List(version="", limit=500)),
    ],
)
def test_a_refused_list_begins_again_after_a_wait(outcomes: list[Outcome], again: List) -> None:
    """From its first page: the token may be the reason, and rights may come later."""
    steps = run(Rested(), *outcomes, Rested())

    assert steps[-2:] == [Sleep(seconds=0.4, why="no"), again]


def test_a_refused_version_is_not_asked_for_twice() -> None:
    """A server that does not understand the version we saw is asked for the newest."""
    state, _ = watching("strange")
    state, step = next_step(state, Expired(), 0.0, 0.5)
    assert step == List(version="strange", limit=500)

    state, step = next_step(state, Refused(why="invalid"), 0.0, 0.5)
    assert isinstance(step, Sleep)
    _, step = next_step(state, Rested(), 0.0, 0.5)

    assert step == List(version="", limit=500)


# -- watches


def test_a_watch_that_ends_is_opened_again_at_once() -> None:
    """From the last version seen in it, bookmarks included; from its own if it was quiet."""
    steps = run(
        Rested(),
        Paged(version="5"),
        Ended(events=3, seconds=400.0, seen="8", synced=True),
        Ended(events=0, seconds=400.0, synced=True),
    )

    assert steps[2:] == [watch("8"), watch("8")]


@pytest.mark.parametrize(("roll", "timeout"), [(0.0, 300), (0.5, 450), (0.999, 600)])
def test_watches_end_at_random_times(roll: float, timeout: int) -> None:
    """So that those of many clients do not end together."""
    assert run(Rested(), Paged(version="5"), roll=roll)[1] == watch("5", timeout=timeout)


def test_a_watch_that_ends_at_once_is_a_failure() -> None:
    """A server that only says good bye is not asked in a loop; one event makes the difference."""
    quick = Ended(events=0, seconds=0.2, synced=True)

    steps = run(Rested(), Paged(version="5"), quick, Rested(), attrs.evolve(quick, events=1))

    assert steps[2:] == [Sleep(seconds=0.4, why="the watch ended at once"), watch("5"), watch("5")]


def test_a_failed_watch_goes_on_where_it_was() -> None:
    """After a wait that doubles while it keeps failing."""
    steps = run(
        Rested(),
        Paged(version="5"),
        Failed(why="reset", seen="7", synced=True),
        Rested(),
        Failed(why="reset", synced=True),
        Rested(),
    )

    assert steps[2:] == [
        Sleep(seconds=0.4, why="reset"),
        watch("7"),
        Sleep(seconds=0.8, why="reset"),
        watch("7"),
    ]


def test_health_starts_the_waits_anew() -> None:
    """Two minutes without failure after many failures."""
    state, _ = watching()
    now = 0.0
    for _ in range(8):
        state, step = next_step(state, Failed(why="reset", synced=True), now, 1.0)
        state, _ = next_step(state, Rested(), now, 1.0)
    assert step == Sleep(seconds=30.0, why="reset")

    now += 30.0 + 120.0
    _, step = next_step(state, Failed(why="reset", synced=True), now, 1.0)

    assert step == Sleep(seconds=0.8, why="reset")


@pytest.mark.parametrize(("asked", "slept"), [(7.0, 7.0), (0.0, 0.0), (3600.0, 300.0)])
def test_the_server_may_ask_for_patience(asked: float, slept: float) -> None:
    """Retry-After instead of our wait, within reason: nothing else wakes a reflector."""
    state, _ = watching()

    _, step = next_step(state, Failed(why="busy", retry_after=asked, synced=True), 0.0, 0.5)

    assert step == Sleep(seconds=slept, why="busy")


def test_an_expired_watch_lists_nothing_older_than_was_seen() -> None:
    """At once; then the newest if even that is refused, for either reason."""
    for refusal in (Expired(), Failed(why="Too large resource version", too_new=True)):
        steps = run(Rested(), Paged(version="5"), Expired(seen="8", synced=True), refusal, Paged(version="9"))

        assert steps[2:] == [List(version="8", limit=500), List(version="", limit=500), watch("9")]


def test_a_watch_that_keeps_expiring_waits() -> None:
    """Else it would be a loop of whole lists."""
    state, _ = watching()
    state, _ = next_step(state, Expired(synced=True), 0.0, 0.5)
    state, _ = next_step(state, Paged(version="5"), 1.0, 0.5)

    state, step = next_step(state, Expired(synced=True), 2.0, 0.5)
    _, then = next_step(state, Rested(), 3.0, 0.5)

    assert step == Sleep(seconds=0.8, why="the version expired again")
    assert then == List(version="5", limit=500)


def test_a_refused_watch_lists_again_after_a_wait() -> None:
    """Whatever made it refuse the watch is not cured by asking the same."""
    steps = run(Rested(), Paged(version="5"), Refused(why="no", seen="6", synced=True), Rested())

    assert steps[2:] == [Sleep(seconds=0.4, why="no"), List(version="6", limit=500)]


def test_a_server_that_went_back_in_time_is_listed() -> None:
    """A watch from a version that it has not reached: a backup was restored, and what we hold is wrong."""
    gone_back = Failed(why="Too large resource version", too_new=True, synced=True)

    steps = run(Rested(), Paged(version="50"), gone_back, Rested(), gone_back, Paged(version="7"))

    assert steps[2:] == [
        Sleep(seconds=0.4, why="Too large resource version"),
        List(version="50", limit=500),
        List(version="", limit=500),
        watch("7"),
    ]


def test_the_newest_cannot_be_too_new() -> None:
    """A server that says so all the same is waited for."""
    too_new = Failed(why="Too large resource version", too_new=True)

    steps = run(Rested(), too_new, too_new, Rested())

    assert steps[1:] == [
        List(version="", limit=500),
        Sleep(seconds=0.4, why="Too large resource version"),
        List(version="", limit=500),
    ]


# -- lists that come as a watch


def test_a_watch_list_is_one_request() -> None:
    """The newest objects first, then common watches from where it ended."""
    steps = run(Rested(), Ended(events=9, seconds=400.0, seen="8", synced=True), watch_list=True)

    assert steps == [watch("", initial_events=True), watch("8")]


@pytest.mark.parametrize("outcome", [Refused(why="unknown field"), Ended(events=4, seconds=300.0)])
def test_a_server_without_watch_list_is_asked_once(outcome: Outcome) -> None:
    """It refuses, or takes it for a common watch: then lists for good."""
    steps = run(Rested(), outcome, Paged(version="5"), Expired(seen="6", synced=True), watch_list=True)

    assert steps == [
        watch("", initial_events=True),
        LIST,
        watch("5"),
        List(version="6", limit=500),
    ]


def test_a_broken_watch_list_is_tried_again() -> None:
    """That the network failed says nothing about the server."""
    steps = run(Rested(), Failed(why="reset"), Rested(), watch_list=True)

    assert steps[1:] == [Sleep(seconds=0.4, why="reset"), watch("", initial_events=True)]


def test_a_watch_list_that_breaks_too_often_becomes_a_list() -> None:
    """Twice it is tried again; then the objects come as a list, and the next time as a watch again."""
    broken = Failed(why="nothing came in time")
    steps = run(
        *(Rested(), broken) * MOST_WATCH_LISTS,
        *(Rested(), Paged(version="5"), Expired(), Rested()),
        watch_list=True,
    )

    asked = [step for step in steps if not isinstance(step, Sleep)]
    assert asked == [
        *[watch("", initial_events=True)] * MOST_WATCH_LISTS,
        List(version="0", limit=500),
        watch("5"),
        watch("5", initial_events=True),
    ]


def test_a_server_that_cannot_tell_when_its_cache_is_new_enough_is_asked_for_lists() -> None:
    """It would say so each time; later ones are lists, too."""
    too_new = Failed(why="Too large resource version", too_new=True)
    steps = run(*(Rested(), too_new, Rested(), Paged(version="5"), Expired(), Rested()), watch_list=True)

    asked = [step for step in steps if not isinstance(step, Sleep)]
    assert asked == [
        watch("", initial_events=True),
        List(version="0", limit=500),
        watch("5"),
        List(version="5", limit=500),
    ]


def test_a_watch_list_that_breaks_after_its_list_is_a_watch() -> None:
    """It goes on from the last version seen, without the objects."""
    steps = run(Rested(), Failed(why="reset", seen="8", synced=True), Rested(), watch_list=True)

    assert steps[1:] == [Sleep(seconds=0.4, why="reset"), watch("8")]


def test_an_expired_watch_is_listed_by_a_watch() -> None:
    """Nothing older than was seen, then the newest; and the newest that expires is waited for."""
    steps = run(
        Rested(),
        Ended(events=9, seconds=400.0, seen="8", synced=True),
        Expired(seen="9", synced=True),
        Expired(),
        Expired(),
        Rested(),
        watch_list=True,
    )

    assert steps[2:] == [
        watch("9", initial_events=True),
        watch("", initial_events=True),
        Sleep(seconds=0.8, why="the newest version expired"),
        watch("", initial_events=True),
    ]


# -- always

outcomes = st.one_of(
    st.builds(Paged, version=st.sampled_from("12"), continue_token=st.sampled_from(["", "t"])),
    st.builds(
        Ended,
        events=st.integers(0, 2),
        seconds=st.sampled_from([0.0, 400.0]),
        seen=st.sampled_from(["", "3"]),
        synced=st.booleans(),
    ),
    st.builds(Expired, synced=st.booleans()),
    st.builds(Failed, why=st.just("f"), too_new=st.booleans(), synced=st.booleans()),
    st.builds(Refused, why=st.just("r"), synced=st.booleans()),
)


@given(st.lists(outcomes, min_size=1, max_size=40), st.booleans())
def test_failures_never_make_a_loop(happened: list[Outcome], watch_list: bool) -> None:  # noqa: FBT001
    """However they come, five failures in a row have a pause among them, and a sleep ends in a request."""
    state = first_state(ListWatchSettings(watch_list=watch_list))
    state, step = next_step(state, Rested(), 0.0, 0.5)
    failures = 0
    for outcome in happened:
        if isinstance(step, Sleep):
            failures = 0
            state, step = next_step(state, Rested(), 0.0, 0.5)
        assert isinstance(step, List | Watch)
        if isinstance(outcome, Ended if isinstance(step, List) else Paged):
            continue  # no answer to this request
        failures = 0 if isinstance(outcome, Paged | Ended) else failures + 1
        state, step = next_step(state, outcome, 0.0, 0.5)
        assert isinstance(step, Sleep) or failures < 5
        if isinstance(step, List) and step.continue_token:
            assert step.version == ""
