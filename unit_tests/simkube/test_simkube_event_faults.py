"""Faults of watches: events that are dropped, late, swapped, and streams that end."""

from __future__ import annotations

from controller.kube.transport import Request, Response
from e2e.simkube.api import ApiServer
from e2e.simkube.faults import Drop, End, Hold, Match, Refuse, Rule, Swap
from unit_tests.simkube.simclient import CONFIG_MAPS, client, server, told, watch


def _three(made: ApiServer) -> None:
    for name in "abc":
        client(made).made(name)


def test_a_dropped_event_is_never_given() -> None:
    """The watch goes on after it; other watches are told."""
    made = server()
    version = made.store.version
    mine, other = (watch(made, agent, resourceVersion=version) for agent in ("mine", "other"))
    made.faults.add(Rule(Match(client="mine", name="b"), Drop()))
    _three(made)

    assert told(mine) == [("ADDED", "a"), ("ADDED", "c")]
    assert told(other) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


def test_a_held_event_comes_later_with_all_after_it() -> None:
    """Nothing overtakes it, and the watch is woken when it is due."""
    made = server()
    stream = watch(made, resourceVersion=made.store.version)
    woken: list[float] = []
    stream.on_change = lambda: woken.append(made.simulation.now)
    made.faults.add(Rule(Match(name="b"), Hold(5)))
    _three(made)
    began = made.simulation.now

    assert told(stream) == [("ADDED", "a")]
    assert stream.next_due() == began + 5
    made.simulation.run_until(began + 4.9)
    assert told(stream) == []
    made.simulation.run_until(began + 5)
    assert woken[-1] == began + 5
    assert told(stream) == [("ADDED", "b"), ("ADDED", "c")]


def test_a_swapped_event_comes_after_the_next() -> None:
    """Two events change places; the third comes where it would."""
    made = server()
    stream = watch(made, resourceVersion=made.store.version)
    made.faults.add(Rule(Match(name="a"), Swap()))
    _three(made)

    assert told(stream) == [("ADDED", "b"), ("ADDED", "a"), ("ADDED", "c")]


def test_a_stream_can_end_before_an_event() -> None:
    """Who watches on from the last version gets it then, once."""
    made = server()
    version = made.store.version
    stream = watch(made, resourceVersion=version)
    made.faults.add(Rule(Match(name="b"), End()))
    _three(made)

    events = stream.poll()
    again = watch(made, resourceVersion=events[-1]["object"]["metadata"]["resourceVersion"])

    assert [event["object"]["metadata"]["name"] for event in events] == ["a"]
    assert stream.closed
    assert told(again) == [("ADDED", "b"), ("ADDED", "c")]


def test_events_are_counted_per_client() -> None:
    """Given and dropped events count, so that a sweep can strike each by its number."""

    def run(at: int) -> list[str]:
        made = server()
        stream = watch(made, "mine", resourceVersion=made.store.version)
        made.faults.add(Rule(Match(client="mine"), Drop(), at=at))
        _three(made)
        names = [name for _, name in told(stream)]
        assert made.faults.events["mine"] == 3
        return names

    assert [run(at) for at in (1, 2, 3)] == [["b", "c"], ["a", "c"], ["a", "b"]]


def test_a_watch_can_be_refused() -> None:
    """A rule for the verb `watch` strikes the opening of a stream."""
    made = server()
    made.faults.add(Rule(Match(verbs=("watch",), kinds=("configmaps",)), Refuse(status=429)))
    asked = Request(method="GET", path=CONFIG_MAPS, query={"watch": "1"})

    refused = made.open_watch(asked)

    assert isinstance(refused, Response)
    assert refused.status == 429
    assert not isinstance(made.open_watch(asked), Response)


def test_all_streams_of_a_client_can_be_ended() -> None:
    """`end_watches` ends those that match without an error, as a server that restarts does."""
    made = server()
    mine, other = watch(made, "mine"), watch(made, "other")
    mine.poll()

    made.end_watches(Match(client="mine"))

    assert mine.poll() == []
    assert mine.closed
    assert not other.closed


def test_a_frozen_client_is_told_nothing_until_it_thaws() -> None:
    """Its streams stay open and silent, and then tell everything in order."""
    made = server()
    stream = watch(made, "slow", resourceVersion=made.store.version)
    made.faults.freeze("slow", made.store.version)
    _three(made)

    assert told(stream) == []
    made.thaw("slow")
    assert told(stream) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
