"""
How a copy of one kind is kept up to date: the next request as a function of what came of the last.

- First a list in pages at resourceVersion "0" (whatever a cache of the server has), then watches from
  the version of that list on, one after the other.
- Versions never go back: after an expiry the list asks for nothing older than what was seen; only if
  that is refused it asks for "" (the newest, at the server's cost).
- A watch that ends without error is opened again at once; every failure waits, longer each time.
- With *watch_list* the list comes as the beginning of a watch, one object after the other, so that no
  more than one is ever held whole. A server that refuses this is not asked for it again; one that does
  not come to the end of it, a few times in a row, is asked for a list instead.

Nothing here waits, asks or draws numbers: the instant and one number in [0, 1) come in with each step.
Objects do not pass through here; `controller.runtime.reflector` carries requests out and keeps them.
"""

from __future__ import annotations

from typing import assert_never

import attrs

from controller.runtime.backoff import Reconnect

# After so many failures in a row, objects are asked for as a list: progress is better than thrift.
MOST_WATCH_LISTS = 3
# A server may ask for patience, but nothing else wakes a reflector that sleeps too long.
LONGEST_RETRY_AFTER = 300.0


@attrs.frozen(kw_only=True)
class ListWatchSettings:
    """
    How lists and watches are asked for.

    *watch_seconds* are the bounds between which the server is asked to end each watch. *silence* is
    after how many seconds without any event, bookmarks included, a connection counts as dead; a server
    that sends no bookmarks needs a longer one. *short_watch*: a watch that ends before that many
    seconds with nothing in it is a failure.
    """

    page_size: int = 500
    watch_seconds: tuple[float, float] = (300.0, 600.0)
    silence: float = 150.0
    short_watch: float = 1.0
    watch_list: bool = False


# -- what is asked


@attrs.frozen(kw_only=True)
class List:
    """
    Ask for a page of the list.

    *version* "" leaves the choice, and the newest state, to the server. *limit* None means no paging.
    With a *continue_token*, *version* is "": the token stands for it.
    """

    version: str
    limit: int | None
    continue_token: str = ""


@attrs.frozen(kw_only=True)
class Watch:
    """
    Ask for the events after *version*, bookmarks among them.

    The server is to end it after *timeout_seconds*; the client gives up after *silence* seconds
    without an event. With *initial_events* the objects come first, nothing older than *version*, and
    then a bookmark with the annotation `k8s.io/initial-events-end`.
    """

    version: str
    timeout_seconds: int
    silence: float
    initial_events: bool = False


@attrs.frozen(kw_only=True)
class Sleep:
    """Ask for nothing for *seconds*; then say `Rested`."""

    seconds: float
    why: str


Request = List | Watch
Step = List | Watch | Sleep


# -- what came of it


@attrs.frozen
class Rested:
    """Nothing was asked: this is the beginning, or the end of a sleep."""


@attrs.frozen(kw_only=True)
class Paged:
    """A page of the list came; *continue_token* is "" with the last one."""

    version: str
    continue_token: str = ""


@attrs.frozen(kw_only=True)
class Ended:
    """
    The watch ended without error after *seconds*, with *events* in it, bookmarks included.

    *seen* is the last version seen in it, "" if none; *synced* whether its initial events were whole.
    Both mean the same in `Expired`, `Failed` and `Refused`, where they are empty for a list.
    """

    events: int
    seconds: float
    seen: str = ""
    synced: bool = False


@attrs.frozen(kw_only=True)
class Expired:
    """The version or the continue token is too old (HTTP 410, or an ERROR event that says so)."""

    seen: str = ""
    synced: bool = False


@attrs.frozen(kw_only=True)
class Failed:
    """
    No answer, an answer that may be better later (429, 5xx), or one that could not be read.

    *too_new*: the server has not reached the version that was asked for.
    """

    why: str
    retry_after: float | None = None
    too_new: bool = False
    seen: str = ""
    synced: bool = False


@attrs.frozen(kw_only=True)
class Refused:
    """The request will be refused again as it is (HTTP 4xx other than 410 and 429)."""

    why: str
    seen: str = ""
    synced: bool = False


Outcome = Rested | Paged | Ended | Expired | Failed | Refused


# -- the step


@attrs.frozen(kw_only=True)
class State:
    """Where one reflector stands, between two requests."""

    settings: ListWatchSettings
    # What is being done, or will be after a sleep.
    doing: Request
    # With which version the current list began; a later page does not tell.
    list_version: str
    # Whether lists may come as a watch. Once false it stays so.
    watch_list: bool
    # The newest version known, by list, event or bookmark. "" until the first list is whole.
    seen: str = ""
    reconnect: Reconnect = attrs.field(factory=Reconnect)


def first_state(settings: ListWatchSettings) -> State:
    """Return the state in which nothing is known; its first outcome is `Rested`."""
    if settings.watch_list:
        # As a watch the newest state costs the server no more than an older one.
        doing: Request = _watch(settings, "", 0.0, initial_events=True)
        version = ""
    else:
        doing = List(version="0", limit=settings.page_size)
        version = "0"
    return State(settings=settings, doing=doing, list_version=version, watch_list=settings.watch_list)


def next_step(state: State, outcome: Outcome, now: float, roll: float) -> tuple[State, Step]:
    """
    Return what to do after *outcome*, and the state to hand in with the outcome of that.

    *now* is a monotonic instant, *roll* a fresh number in [0, 1).
    """
    match outcome:
        case Rested():
            return _again(state, roll)
        case Paged():
            return _paged(state, outcome, roll)
        case Ended() | Expired() | Failed() | Refused():
            state = _note(state, outcome, roll)
        case _:
            assert_never(outcome)
    match outcome:
        case Ended():
            return _ended(state, outcome, now, roll)
        case Expired():
            return _expired(state, now, roll)
        case Failed():
            return _failed(state, outcome, now, roll)
        case Refused():
            return _refused(state, outcome, now, roll)
        case _:
            assert_never(outcome)


def _do(state: State, request: Request) -> tuple[State, Step]:
    return attrs.evolve(state, doing=request), request


def _begin(state: State, version: str, roll: float) -> tuple[State, Step]:
    """Get all objects, at *version* or newer."""
    if not state.watch_list:
        return _list(state, version)
    request = _watch(state.settings, version, roll, initial_events=True)
    return _do(attrs.evolve(state, list_version=version), request)


def _list(state: State, version: str) -> tuple[State, Step]:
    """Get all objects, at *version* or newer, in pages."""
    request = List(version=version, limit=state.settings.page_size)
    return _do(attrs.evolve(state, list_version=version), request)


def _watch(settings: ListWatchSettings, version: str, roll: float, *, initial_events: bool = False) -> Watch:
    low, high = settings.watch_seconds
    return Watch(
        version=version,
        timeout_seconds=round(low + (high - low) * roll),
        silence=settings.silence,
        initial_events=initial_events,
    )


def _again(state: State, roll: float) -> tuple[State, Step]:
    """Do what was to be done before the sleep."""
    match state.doing:
        case Watch(version=version, initial_events=initial_events):
            return _do(state, _watch(state.settings, version, roll, initial_events=initial_events))
        case List() as request:
            return _do(state, request)
        case _:
            assert_never(state.doing)


def _paged(state: State, page: Paged, roll: float) -> tuple[State, Step]:
    if page.continue_token:
        return _do(
            state,
            List(
                version="",
                limit=state.settings.page_size,
                continue_token=page.continue_token,
            ),
        )
    state = attrs.evolve(state, seen=page.version)
    return _do(state, _watch(state.settings, state.seen, roll))


def _note(state: State, outcome: Ended | Expired | Failed | Refused, roll: float) -> State:
    """Keep what a watch taught, and let it count as a plain watch once it has synced."""
    if outcome.seen:
        state = attrs.evolve(state, seen=outcome.seen)
    if isinstance(state.doing, Watch) and (outcome.synced or not state.doing.initial_events):
        state = attrs.evolve(state, doing=_watch(state.settings, state.seen, roll))
    return state


def _is_plain_watch(state: State) -> bool:
    """Whether the copy is whole and only to be followed."""
    return isinstance(state.doing, Watch) and not state.doing.initial_events


def _ended(state: State, outcome: Ended, now: float, roll: float) -> tuple[State, Step]:
    if not _is_plain_watch(state):
        # It took the request for a common watch, or lost its way: there is no second try.
        return _without_watch_list(state, roll)
    if not outcome.events and outcome.seconds < state.settings.short_watch:
        return _rest(state, None, now, roll, why="the watch ended at once")
    return _do(state, _watch(state.settings, state.seen, roll))


def _expired(state: State, now: float, roll: float) -> tuple[State, Step]:
    if _is_plain_watch(state):
        reconnect, seconds = state.reconnect.failed(now, roll)
        state, step = _begin(attrs.evolve(state, reconnect=reconnect), state.seen, roll)
        # The first is the server's right. Again at once, it would be a loop of whole lists.
        if reconnect.failures > 1:
            return state, Sleep(seconds=seconds, why="the version expired again")
        return state, step
    if isinstance(state.doing, List) and state.doing.limit is not None and state.doing.continue_token:
        # The pages took longer than the server remembers: take all at once.
        return _do(state, List(version=state.list_version, limit=None))
    if state.list_version:
        return _begin(state, "", roll)
    return _rest(state, None, now, roll, why="the newest version expired")


def _failed(state: State, outcome: Failed, now: float, roll: float) -> tuple[State, Step]:
    if isinstance(state.doing, Watch) and state.doing.initial_events:
        if outcome.too_new:
            # It cannot tell when its cache has caught up, and would say so for ever.
            state, _ = _without_watch_list(state, roll)
        elif state.reconnect.failed(now, roll)[0].failures >= MOST_WATCH_LISTS:
            state, _ = _list(state, state.list_version or state.seen or "0")
    elif outcome.too_new:
        if _is_plain_watch(state):
            # The server's state went back, as after a restored backup: what we hold may be wrong.
            state, _ = _begin(state, state.seen, roll)
        elif state.list_version:
            return _begin(state, "", roll)
    return _rest(state, outcome.retry_after, now, roll, why=outcome.why)


def _refused(state: State, outcome: Refused, now: float, roll: float) -> tuple[State, Step]:
    if isinstance(state.doing, Watch) and state.doing.initial_events:
        return _without_watch_list(state, roll)
    if _is_plain_watch(state):
        version = state.seen
    else:
        # Neither the token nor a version that we made up may be the reason a second time.
        version = state.list_version if state.list_version == "0" else ""
    state, _ = _begin(state, version, roll)
    return _rest(state, None, now, roll, why=outcome.why)


def _without_watch_list(state: State, roll: float) -> tuple[State, Step]:
    return _begin(attrs.evolve(state, watch_list=False), state.seen or "0", roll)


def _rest(
    state: State, retry_after: float | None, now: float, roll: float, *, why: str
) -> tuple[State, Step]:
    """Wait before what `state.doing` says is done."""
    reconnect, seconds = state.reconnect.failed(now, roll)
    if retry_after is not None:
        seconds = min(retry_after, LONGEST_RETRY_AFTER)
    return attrs.evolve(state, reconnect=reconnect), Sleep(seconds=seconds, why=why)
