"""
Our own writes that the stores have not seen yet.

A plan made from a store that lags behind our last write would do it again, or worse. So a cluster whose
writes are not visible yet is not planned again: it waits until the store shows each object at the version
we got, or a newer one. It promises nothing about other people's writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import threading
from typing import Any

import attrs

from controller.executors.base import Written

Lookup = Callable[[Written], Mapping[str, Any] | None]

# Watch events come within milliseconds. After this the store is brought up to date by a live read.
PATIENCE_SECONDS = 10.0


@attrs.frozen(kw_only=True)
class Expected:
    """A write, and until when (monotonic seconds) the store may take to show it."""

    written: Written
    deadline: float


class Expectations:
    """What each cluster waits to see; shared by all workers, each key held by one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[object, tuple[Expected, ...]] = {}

    def expect(self, key: object, written: Written, now: float) -> None:
        """Remember *written* until it is seen; a newer write to the same object replaces it."""
        expected = Expected(written=written, deadline=now + PATIENCE_SECONDS)
        with self._lock:
            others = tuple(e for e in self._by_key.get(key, ()) if not _same(e.written, written))
            self._by_key[key] = (*others, expected)

    def unseen(self, key: object, lookup: Lookup) -> tuple[Expected, ...]:
        """Return what the stores do not show yet, and forget the rest."""
        with self._lock:
            waiting = tuple(e for e in self._by_key.get(key, ()) if not _seen(e.written, lookup(e.written)))
            if waiting:
                self._by_key[key] = waiting
            else:
                self._by_key.pop(key, None)
        return waiting

    def forget(self, key: object) -> None:
        """Drop everything about *key*: its cluster is gone, or was just read live."""
        with self._lock:
            self._by_key.pop(key, None)


def _same(one: Written, other: Written) -> bool:
    return (one.kind, one.namespace, one.name) == (other.kind, other.namespace, other.name)


def _seen(written: Written, stored: Mapping[str, Any] | None) -> bool:
    """Tell whether *stored* is the object as we left it, or something newer."""
    if written.resource_version is None:
        # Deleted: seen once it is gone, on its way out, or replaced by another of the same name.
        return (
            stored is None
            or stored["metadata"]["uid"] != written.uid
            or bool(stored["metadata"].get("deletionTimestamp"))
        )
    if stored is None:
        return False
    if stored["metadata"]["uid"] != written.uid:
        return True
    return _not_older(stored["metadata"]["resourceVersion"], written.resource_version)


def _not_older(have: str, wanted: str) -> bool:
    """Compare two versions of one object; wrong answers cost a wait, so integers may be trusted here."""
    if have == wanted or not (have.isdigit() and wanted.isdigit()):
        return have == wanted
    return int(have) >= int(wanted)
