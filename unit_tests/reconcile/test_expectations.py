"""When a write counts as seen, and what is remembered of those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from controller.executors.base import Written
from controller.kube import kinds
from controller.reconcile.expectations import PATIENCE_SECONDS, Expectations, Lookup

Json = dict[str, Any]


def written(name: str = "a", version: str | None = "7", uid: str = "u") -> Written:
    """Return what a write left behind; without *version* it was a deletion."""
    return Written(kind=kinds.SERVICE, namespace="prod", name=name, uid=uid, resource_version=version)


def stored(version: str, uid: str = "u", **metadata: str) -> Json:
    """Return the object as a store has it."""
    return {"metadata": {"uid": uid, "resourceVersion": version, **metadata}}


def showing(**objects: Json | None) -> Lookup:
    """Return a lookup in stores that hold *objects* by name."""
    return lambda write: objects.get(write.name)


@pytest.mark.parametrize(
    ("write", "shown", "seen"),
    [
        (written(), None, False),
        (written(), stored("6"), False),
        (written(), stored("7"), True),
        (written(), stored("8"), True),
        # Versions are numbers, not texts.
        (written(version="10"), stored("9"), False),
        (written(version="9"), stored("10"), True),
        # Where they are no numbers, only the very one counts.
        (written(version="b"), stored("c"), False),
        (written(version="b"), stored("b"), True),
        # Another object of the name: ours is gone, and that is newer than our write.
        (written(), stored("1", uid="other"), True),
        (written(version=None), stored("6"), False),
        (written(version=None), None, True),
        (written(version=None), stored("6", uid="other"), True),
        (written(version=None), stored("6", deletionTimestamp="2026-01-01T00:00:00Z"), True),
    ],
)
def test_when_a_write_is_seen(write: Written, shown: Json | None, *, seen: bool) -> None:
    """A store that shows less than the write is behind; one that shows it or more is not."""
    expectations = Expectations()
    expectations.expect("key", write, now=0)

    unseen = expectations.unseen("key", showing(a=shown))

    assert [each.written for each in unseen] == ([] if seen else [write])


def test_what_was_seen_once_is_forgotten() -> None:
    """A store that falls back later does not bring it back."""
    expectations = Expectations()
    expectations.expect("key", written(), now=0)

    assert not expectations.unseen("key", showing(a=stored("7")))
    assert not expectations.unseen("key", showing())


def test_the_newest_write_of_an_object_counts() -> None:
    """It takes the place of earlier ones, with a deadline of its own; other objects keep theirs."""
    expectations = Expectations()
    expectations.expect("key", written(version="7"), now=0)
    expectations.expect("key", written("b"), now=1)
    expectations.expect("key", written(version="9"), now=2)

    unseen = expectations.unseen("key", showing(a=stored("8")))

    assert [(each.written.name, each.deadline) for each in unseen] == [
        ("b", 1 + PATIENCE_SECONDS),
        ("a", 2 + PATIENCE_SECONDS),
    ]


def test_clusters_do_not_wait_for_each_other() -> None:
    """What one key expects, and forgets, is nothing to another."""
    expectations = Expectations()
    expectations.expect("one", written(), now=0)
    expectations.expect("other", written(), now=0)
    expectations.forget("one")

    assert not expectations.unseen("one", showing())
    assert len(expectations.unseen("other", showing())) == 1
