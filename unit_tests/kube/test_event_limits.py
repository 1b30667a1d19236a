"""What a reader may rely on: however much happens, an object gets few events, and none is miscounted."""

from __future__ import annotations

from collections import Counter

import attrs
from hypothesis import given
from hypothesis import strategies as st

from controller.kube import kinds
from controller.kube.event_limits import (
    BURST,
    COMBINED,
    MOST_ALIKE,
    MOST_KNOWN,
    REFILL_SECONDS,
    WINDOW_SECONDS,
    Counted,
    Dropped,
    Event,
    Limits,
    Regarding,
    Type,
)

CLUSTER = Regarding(kind=kinds.CASSANDRA_CLUSTER, namespace="prod", name="cc", uid="u")
EVENT = Event(regarding=CLUSTER, type=Type.NORMAL, reason="ApplyStatefulSet", note="first rack")


def note(text: object) -> Event:
    """Return an event like others but for its note."""
    return attrs.evolve(EVENT, note=str(text))


def counted(verdict: Counted | Dropped) -> Counted:
    """Return a verdict that lets the event pass."""
    assert isinstance(verdict, Counted)
    return verdict


def test_the_same_event_is_counted() -> None:
    """Within ten minutes of the last it is the same one; later it is a new one."""
    limits = Limits()

    first = counted(limits.admit(EVENT, 0))
    again = counted(limits.admit(EVENT, WINDOW_SECONDS))
    later = counted(limits.admit(EVENT, 2 * WINDOW_SECONDS + 1))

    assert (first.count, again.count, later.count) == (1, 2, 1)
    assert first.identity == again.identity
    assert first.note == "first rack"


def test_events_that_differ_in_more_than_the_note_are_others() -> None:
    """Each reason, type, action and object has a count of its own."""
    limits = Limits()
    others = [
        EVENT,
        attrs.evolve(EVENT, reason="Other"),
        attrs.evolve(EVENT, type=Type.WARNING),
        attrs.evolve(EVENT, action="Other"),
        attrs.evolve(EVENT, regarding=attrs.evolve(CLUSTER, uid="v")),
    ]

    verdicts = [counted(limits.admit(event, 0)) for event in others]

    assert [verdict.count for verdict in verdicts] == [1] * 5
    assert len({verdict.identity for verdict in verdicts}) == 5


def test_from_the_tenth_on_events_alike_are_one() -> None:
    """They differ in their note only, so the tenth and all after it are counted together."""
    limits = Limits()

    verdicts = [counted(limits.admit(note(number), 0)) for number in range(MOST_ALIKE + 2)]

    assert [verdict.count for verdict in verdicts] == [1] * 10 + [2, 3]
    assert [verdict.note for verdict in verdicts[8:10]] == ["8", f"{COMBINED}9"]
    assert len({verdict.identity for verdict in verdicts}) == 10


def test_after_a_quiet_time_notes_are_told_apart_again() -> None:
    """Ten minutes without one like it, and the next is itself."""
    limits = Limits()
    for number in range(MOST_ALIKE):
        limits.admit(note(number), 0)

    assert counted(limits.admit(note("x"), WINDOW_SECONDS)).note == f"{COMBINED}x"
    assert counted(limits.admit(note("y"), 2 * WINDOW_SECONDS + 1)).note == "y"


def test_an_object_gets_a_burst_and_then_one_at_a_time() -> None:
    """A burst at once, one each half a minute afterwards; the next that passes tells how many there were."""
    limits = Limits()
    verdicts = [limits.admit(EVENT, 0) for _ in range(BURST + 5)]

    assert all(isinstance(verdict, Counted) for verdict in verdicts[:BURST])
    assert all(isinstance(verdict, Dropped) for verdict in verdicts[BURST:])
    assert isinstance(limits.admit(EVENT, REFILL_SECONDS - 1), Dropped)
    assert counted(limits.admit(EVENT, REFILL_SECONDS)).count == BURST + 7
    assert isinstance(limits.admit(EVENT, REFILL_SECONDS), Dropped)


def test_warnings_have_room_of_their_own() -> None:
    """A flood of good news does not hide bad news about the same object, nor another object's."""
    limits = Limits()
    for _ in range(BURST + 1):
        limits.admit(EVENT, 0)

    assert isinstance(limits.admit(attrs.evolve(EVENT, type=Type.WARNING), 0), Counted)
    other = attrs.evolve(EVENT, regarding=attrs.evolve(CLUSTER, name="other"))
    assert isinstance(limits.admit(other, 0), Counted)


def test_what_is_known_is_bounded() -> None:
    """Ten thousand objects leave no more behind than the limit, and the latest are the ones known."""
    limits = Limits()
    for number in range(MOST_KNOWN + 100):
        limits.admit(attrs.evolve(EVENT, regarding=attrs.evolve(CLUSTER, uid=str(number))), 0)

    for known in (limits._buckets, limits._alike, limits._series):
        assert len(known._items) == MOST_KNOWN
    latest = attrs.evolve(EVENT, regarding=attrs.evolve(CLUSTER, uid=str(MOST_KNOWN + 99)))
    assert counted(limits.admit(latest, 0)).count == 2


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(0, 14), st.sampled_from("uv")), max_size=120))
def test_the_limits_hold_whatever_happens(history: list[tuple[float, int, str]]) -> None:
    """No object gets more than its burst and what was refilled since; no identity counts backwards."""
    limits, now = Limits(), 0.0
    sent: Counter[str] = Counter()
    for pause, number, uid in history:
        now += pause
        event = attrs.evolve(note(number), regarding=attrs.evolve(CLUSTER, uid=uid))
        verdict = limits.admit(event, now)
        if isinstance(verdict, Counted):
            sent[uid] += 1
            assert verdict.count >= 1
            assert verdict.note.removeprefix(COMBINED) == event.note
        assert sent[uid] <= BURST + now / REFILL_SECONDS
