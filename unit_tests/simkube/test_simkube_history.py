"""How far back the past goes, and what becomes of those who come too late for it."""

from __future__ import annotations

import pytest

from unit_tests.simkube.simclient import CONFIG_MAPS, client, names, server, told, watch


def test_a_forgotten_version_cannot_be_listed() -> None:
    """410 Expired for a list at an exact version before the compaction."""
    made = server()
    sender = client(made)
    old = sender.made("a")["metadata"]["resourceVersion"]
    sender.made("b")
    before = sender.get(CONFIG_MAPS, resourceVersion=old, resourceVersionMatch="Exact")

    made.compact()
    after = sender.get(CONFIG_MAPS, resourceVersion=old, resourceVersionMatch="Exact")

    assert names(before) == ["a"]
    assert (after.status, after.body["reason"]) == (410, "Expired")


def test_a_slow_cache_outlives_a_compaction() -> None:
    """A client held at a version that is forgotten since still reads it, as from a cache of its own."""
    made = server()
    client(made).made("a")
    made.faults.freeze("slow", made.store.version)
    made.compact()
    stale = client(made, "slow").get(CONFIG_MAPS, resourceVersion="0")
    client(made).made("b")

    assert names(stale) == ["a"]
    assert names(client(made, "slow").get(CONFIG_MAPS, resourceVersion="0")) == ["a"]


def test_a_watch_from_a_forgotten_version_is_told_so() -> None:
    """One ERROR event with a Status of code 410, and the stream ends."""
    made = server()
    old = client(made).made("a")["metadata"]["resourceVersion"]
    client(made).made("b")
    made.compact()

    stream = watch(made, resourceVersion=old)
    (event,) = stream.poll()

    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert stream.closed


def test_a_page_of_a_forgotten_list_can_be_gone_on_with() -> None:
    """410 with a token that continues at the newest version, as a real server offers it."""
    made = server()
    sender = client(made)
    for name in "abcd":
        sender.made(name)
    token = sender.get(CONFIG_MAPS, limit=2).body["metadata"]["continue"]
    sender.made("e")
    made.compact()

    expired = sender.get(CONFIG_MAPS, limit=2, **{"continue": token})
    rest = sender.get(CONFIG_MAPS, **{"continue": expired.body["metadata"]["continue"]})

    assert (expired.status, expired.body["reason"]) == (410, "Expired")
    assert names(rest) == ["c", "d", "e"]


def test_an_open_watch_that_has_seen_all_survives_a_compaction() -> None:
    """Compaction ends nobody who has kept up."""
    made = server()
    stream = watch(made)
    client(made).made("a")
    told(stream)

    made.compact()
    client(made).made("b")

    assert told(stream) == [("ADDED", "b")]


def test_a_slow_watch_is_told_that_it_is_too_late() -> None:
    """A watch that did not read before the compaction gets 410, and never a gap."""
    made = server()
    stream = watch(made, resourceVersion=made.store.version)
    client(made).made("a")
    made.compact()
    client(made).made("b")

    (event,) = stream.poll()

    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert stream.closed
    assert stream.poll() == []


def test_a_slow_watch_within_the_window_misses_nothing() -> None:
    """However many changes of the window it did not read, it gets all of them in order."""
    made = server(window=200)
    sender = client(made)
    stream = watch(made, resourceVersion=made.store.version)
    sender.made("a", x="0")
    for number in range(150):
        sender.merge(f"{CONFIG_MAPS}/a", {"data": {"x": f"{number + 1}"}})

    events = stream.poll()

    assert [event["object"]["data"]["x"] for event in events] == [str(number) for number in range(151)]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


def test_the_window_bounds_what_is_remembered() -> None:
    """After many changes a kind keeps at most twice its window, and a watch of before gets 410."""
    made = server(window=50)
    sender = client(made)
    stream = watch(made, resourceVersion=made.store.version)
    sender.made("a", x="0")
    for number in range(500):
        sender.merge(f"{CONFIG_MAPS}/a", {"data": {"x": str(number)}})

    table = made.store.table(("", "configmaps"))
    assert len(table.changes) <= 101
    assert stream.poll()[0]["object"]["code"] == 410


def test_other_kinds_do_not_push_out_the_past() -> None:
    """The window is a kind's own: many changes of another kind cost a watch nothing."""
    made = server(window=50)
    sender = client(made)
    stream = watch(made, resourceVersion=made.store.version)
    sender.made("a")
    for number in range(300):
        sender.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": f"s{number}"}})

    assert told(stream) == [("ADDED", "a")]


@pytest.mark.parametrize("back", [1, 5, 20])
def test_the_past_is_as_it_was(back: int) -> None:
    """A list at a version of the window holds what there was then, deleted objects too."""
    made = server()
    sender = client(made)
    states = []
    for number in range(30):
        name = f"n{number % 7}"
        path = f"{CONFIG_MAPS}/{name}"
        if sender.get(path).status == 404:
            sender.made(name, x=str(number))
        elif number % 3:
            sender.merge(path, {"data": {"x": str(number)}})
        else:
            sender.delete(path)
        body = sender.get(CONFIG_MAPS).body
        states.append((made.store.version, body["items"]))

    version, items = states[-back]
    found = sender.get(CONFIG_MAPS, resourceVersion=version, resourceVersionMatch="Exact")

    assert found.body["items"] == items


def test_a_watch_that_is_closed_gives_nothing_more() -> None:
    """After `close_watch` changes are no longer given or kept for it."""
    made = server()
    stream = watch(made)
    made.close_watch(stream)
    client(made).made("a")

    assert stream.closed
    assert stream.poll() == []


def test_bookmarks_let_a_quiet_watch_outlive_a_compaction() -> None:
    """The version of a bookmark is later than the changes of other kinds, so it is not forgotten."""
    made = server()
    stream = watch(made, allowWatchBookmarks="true")
    stream.poll()
    for number in range(5):
        client(made).post("/api/v1/namespaces/default/secrets", {"metadata": {"name": f"s{number}"}})
    made.simulation.run_until(made.simulation.now + 60)
    (bookmark,) = [event for event in stream.poll() if event["type"] == "BOOKMARK"]
    made.compact()

    again = watch(made, resourceVersion=bookmark["object"]["metadata"]["resourceVersion"])
    client(made).made("a")

    assert told(again) == [("ADDED", "a")]
