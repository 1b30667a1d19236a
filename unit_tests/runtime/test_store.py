"""What a reader may rely on: a store is whole, its indexes agree with it, and every change is told once."""

from __future__ import annotations

import threading

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest
from structlog.testing import capture_logs

from controller.runtime.clock import SteppedClock
from controller.runtime.store import Change, Entry, Key, Store


@attrs.frozen
class Thing:
    """A stored object: where it is, and whose."""

    name: str
    owners: tuple[str, ...] = ()


def entry(name: str, version: str = "1", *owners: str) -> Entry[Thing]:
    """A thing at a version, with its owners."""
    return Entry(Key("ns", name), version, Thing(name, owners))


def thing_store() -> tuple[Store[Thing], list[Change[Thing]]]:
    """A store indexed by owner, and the list that its changes are told to."""
    store: Store[Thing] = Store(indexers={"owner": lambda thing: thing.owners}, clock=SteppedClock())
    changes: list[Change[Thing]] = []
    store.listen(changes.append)
    return store, changes


def change(name: str, old: Thing | None, new: Thing | None) -> Change[Thing]:
    """A change as the store tells it."""
    return Change(key=Key("ns", name), old=old, new=new)


def test_what_was_put_in_comes_out() -> None:
    """The very object, by name, and the version it was seen at."""
    store, changes = thing_store()
    first = entry("a", "7")

    assert store.upsert(first) == change("a", None, Thing("a"))

    assert store.get(Key("ns", "a")) is first.value
    assert store.version(Key("ns", "a")) == "7"
    assert len(store) == 1
    assert changes == [change("a", None, Thing("a"))]


def test_what_is_not_there_is_none() -> None:
    """An unknown name is no error; an unknown index is one."""
    store, _ = thing_store()

    assert store.get(Key("ns", "a")) is None
    assert store.version(Key("ns", "a")) is None
    assert store.find("owner", "nobody") == ()
    with pytest.raises(KeyError):
        store.find("colour", "red")


def test_numbers_of_objects_are_sorted_by_name() -> None:
    """No answer depends on who came first."""
    store, _ = thing_store()
    for name in ("c", "a", "b"):
        store.upsert(entry(name, "1", "x"))

    assert store.keys() == (Key("ns", "a"), Key("ns", "b"), Key("ns", "c"))
    assert [thing.name for thing in store.list()] == ["a", "b", "c"]
    assert [thing.name for thing in store.find("owner", "x")] == ["a", "b", "c"]


def test_the_same_version_is_no_change() -> None:
    """An event that comes twice is told once."""
    store, changes = thing_store()
    store.upsert(entry("a"))

    assert store.upsert(entry("a")) is None
    assert len(changes) == 1


def test_an_update_is_told_with_both_sides_and_moves_the_index() -> None:
    """Under the old value it is found no more."""
    store, changes = thing_store()
    store.upsert(entry("a", "1", "x", "y"))

    store.upsert(entry("a", "2", "y", "z"))

    assert changes[1] == change("a", Thing("a", ("x", "y")), Thing("a", ("y", "z")))
    found = {owner: len(store.find("owner", owner)) for owner in "xyz"}
    assert found == {"x": 0, "y": 1, "z": 1}


def test_a_deletion_is_told_once() -> None:
    """And a second one is nothing."""
    store, changes = thing_store()
    store.upsert(entry("a", "1", "x"))

    assert store.delete(Key("ns", "a")) == change("a", Thing("a", ("x",)), None)
    assert store.delete(Key("ns", "a")) is None

    assert store.get(Key("ns", "a")) is None
    assert store.find("owner", "x") == ()
    assert len(changes) == 2


def test_replacing_tells_the_difference() -> None:
    """New, changed and vanished objects, sorted by name; unchanged ones stay the objects they were."""
    store, changes = thing_store()
    for each in (entry("gone"), entry("kept"), entry("moved", "1", "x")):
        store.upsert(each)
    kept = store.get(Key("ns", "kept"))
    changes.clear()

    store.replace([entry("moved", "2", "y"), entry("kept"), entry("fresh")])

    assert changes == [
        change("fresh", None, Thing("fresh")),
        change("gone", Thing("gone"), None),
        change("moved", Thing("moved", ("x",)), Thing("moved", ("y",))),
    ]
    assert store.get(Key("ns", "kept")) is kept
    assert store.find("owner", "x") == ()
    assert store.find("owner", "y") == (Thing("moved", ("y",)),)


def test_a_store_is_synced_by_its_first_whole_list() -> None:
    """Single events do not make it so, an empty list does."""
    store, _ = thing_store()
    store.upsert(entry("a"))
    before = (store.synced, store.wait_synced(0.0))

    store.replace([])

    assert before == (False, False)
    assert (store.synced, store.wait_synced(0.0)) == (True, True)


def test_who_waits_for_the_sync_is_woken() -> None:
    """Without polling."""
    store: Store[Thing] = Store()
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(store.wait_synced(None)))
    thread.start()

    store.replace([])
    thread.join(5)

    assert results == [True]


def test_a_listener_sees_the_store_after_the_change() -> None:
    """It may read what it was told of."""
    store, _ = thing_store()
    seen: list[Thing | None] = []
    store.listen(lambda told: seen.append(store.get(told.key)))

    store.upsert(entry("a"))
    store.delete(Key("ns", "a"))

    assert seen == [Thing("a"), None]


def test_a_listener_that_raises_stops_nothing() -> None:
    """The other listeners hear of the change, and the log has the traceback."""
    store: Store[Thing] = Store()
    changes: list[Change[Thing]] = []

    def broken(_change: Change[Thing]) -> None:
        raise RuntimeError("boom")

    store.listen(broken)
    store.listen(changes.append)

    with capture_logs() as logs:
        store.upsert(entry("a"))

    assert len(changes) == 1
    assert [(line["event"], line["name"]) for line in logs] == [("store listener fails", "a")]


def test_an_indexer_that_raises_leaves_the_store_as_it_was() -> None:
    """Neither the objects nor an index are changed by half."""

    def owners(thing: Thing) -> tuple[str, ...]:
        if thing.name == "bad":
            raise ValueError("no owner")
        return thing.owners

    store: Store[Thing] = Store(indexers={"owner": owners})
    store.upsert(entry("a", "1", "x"))

    with pytest.raises(ValueError, match="no owner"):
        store.upsert(entry("bad"))
    with pytest.raises(ValueError, match="no owner"):
        store.replace([entry("bad")])

    assert store.list() == (Thing("a", ("x",)),)
    assert store.find("owner", "x") == (Thing("a", ("x",)),)
    assert not store.synced


def test_a_reader_never_sees_half_a_replacement() -> None:
    """While two lists take turns, every reader gets one or the other."""
    store: Store[Thing] = Store(indexers={"owner": lambda thing: thing.owners})
    lists = [[entry(f"{side}{n}", side, side) for n in range(20)] for side in "ab"]
    store.replace(lists[0])
    wrong: list[set[str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            sides = {thing.owners[0] for thing in store.list()}
            if len(sides) != 1 or len(store.find("owner", "a")) not in (0, 20):
                wrong.append(sides)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(200):
        store.replace(lists[turn % 2])
    done.set()
    for reader in readers:
        reader.join(5)

    assert not wrong


names = st.sampled_from("abc")
owners = st.lists(st.sampled_from("xyz"), max_size=2).map(tuple)
entries = st.builds(
    lambda name, version, its: Entry(Key("ns", name), version, Thing(name, its)),
    names,
    st.sampled_from("12"),
    owners,
)
operations = st.one_of(
    st.tuples(st.just("upsert"), entries),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("replace"), st.lists(entries, max_size=3, unique_by=lambda e: e.key)),
)


@given(st.lists(operations, max_size=30))
def test_a_listener_can_keep_a_copy(steps: list[tuple[str, object]]) -> None:
    """Applying every change that was told gives what the store has, and so do its indexes."""
    store, changes = thing_store()
    for name, what in steps:
        match name, what:
            case "upsert", Entry():
                store.upsert(what)
            case "delete", str():
                store.delete(Key("ns", what))
            case _, list():
                store.replace(what)
    copy: dict[Key, Thing] = {}
    for told in changes:
        assert copy.get(told.key) == told.old
        if told.new is None:
            del copy[told.key]
        else:
            copy[told.key] = told.new

    assert tuple(copy[key] for key in sorted(copy)) == store.list()
    for owner in "xyz":
        assert store.find("owner", owner) == tuple(t for t in store.list() if owner in t.owners)
