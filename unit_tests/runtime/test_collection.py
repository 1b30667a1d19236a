"""What a reader may rely on: what stays is not walked through again, and garbage is still collected."""

from __future__ import annotations

from collections.abc import Iterator
import gc
import weakref

import pytest

from controller.runtime.collection import spare_what_stays


class Node:
    """One that may be part of a cycle."""

    other: Node | None = None


def cycle() -> Node:
    """Return one of two that hold each other."""
    one, two = Node(), Node()
    one.other, two.other = two, one
    return one


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """Leave the process of all tests as it was."""
    yield
    gc.unfreeze()


def test_what_is_there_is_left_out_of_later_collections() -> None:
    """That is why they are short: the collector does not even know of it."""
    stays = cycle()
    spare_what_stays()

    assert not any(known is stays for known in gc.get_objects())
    assert gc.get_freeze_count() > 1000


def test_garbage_from_before_is_collected_and_not_kept_for_ever() -> None:
    """What nobody holds at that moment is gone."""
    gone = weakref.ref(cycle())
    spare_what_stays()

    assert gone() is None


def test_garbage_from_afterwards_is_collected() -> None:
    """Cycles that are made and dropped later, as exceptions are, do not add up."""
    spare_what_stays()
    gone = weakref.ref(cycle())
    gc.collect()

    assert gone() is None


def test_what_was_there_is_freed_when_nobody_holds_it() -> None:
    """An object of a store that is replaced by a newer one does not stay for ever."""
    stays = Node()
    gone = weakref.ref(stays)
    spare_what_stays()
    del stays

    assert gone() is None
