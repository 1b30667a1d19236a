"""
What was read of objects that clusters name in their specs: once for each version, and no longer than needed.

An object may be named by several clusters. What is kept of it goes with the last cluster that named it, so
that nothing, and no password, of a cluster that is gone stays in memory.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from controller.runtime.store import Key

T = TypeVar("T")


class Named(Generic[T]):
    """What was made of each object, and of which version; one for all clusters and workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Key, tuple[str, T]] = {}
        # Invariant: what is in _made is named by a cluster in here; each names one object at most.
        self._names: dict[Key, Key] = {}

    def get(self, cluster: Key, name: Key, version: str) -> T | None:
        """Return what was made of the object called *name* at *version*, which *cluster* names; else None."""
        with self._lock:
            if name in self._made:
                self._name(cluster, name)
            known = self._made.get(name)
        return known[1] if known is not None and known[0] == version else None

    def keep(self, cluster: Key, name: Key, version: str, made: T) -> None:
        """Keep what was made of the object called *name*, which *cluster* names."""
        with self._lock:
            self._name(cluster, name)
            self._made[name] = (version, made)

    def forget(self, cluster: Key) -> None:
        """Drop what only *cluster* named: it is gone, or names nothing any more."""
        with self._lock:
            self._leave(cluster)

    def drop(self, name: Key) -> None:
        """Drop what was made of an object that is gone."""
        with self._lock:
            self._made.pop(name, None)
            self._names = {cluster: named for cluster, named in self._names.items() if named != name}

    def __len__(self) -> int:
        return len(self._made)

    def _name(self, cluster: Key, name: Key) -> None:
        if self._names.get(cluster) != name:
            self._leave(cluster)
            self._names[cluster] = name

    def _leave(self, cluster: Key) -> None:
        name = self._names.pop(cluster, None)
        if name is not None and name not in self._names.values():
            self._made.pop(name, None)
