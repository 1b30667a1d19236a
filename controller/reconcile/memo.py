"""
The last result of a pure computation for each cluster, kept while what it was made from stays the same.

It is a saving and nothing else: whoever forgets everything in it computes the same again. What a
computation depends on is named by its caller, whole, and compared by value.
"""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import threading
from typing import Generic, TypeVar

from controller.runtime.store import Key

T = TypeVar("T")


def digest(made_from: object) -> bytes:
    """Return a short stand-in for a value of frozen classes, tuples and lists, equal for equal values.

    Inputs are large and results are small: kept whole, they would be most of the operator's memory.
    """
    return hashlib.sha256(repr(made_from).encode()).digest()


class Memo(Generic[T]):
    """One result for each key, shared by all workers; each key is held by one of them at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Key, tuple[object, T]] = {}

    def get(self, key: Key, made_from: object, make: Callable[[], T]) -> T:
        """Return what *make* returned for an equal *made_from*, or what it returns now."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept[0] == made_from:
            return kept[1]
        made = make()
        with self._lock:
            self._kept[key] = (made_from, made)
        return made

    def forget(self, key: Key) -> None:
        """Drop what is kept for *key*: its cluster is gone."""
        with self._lock:
            self._kept.pop(key, None)
