"""
Objects and their recent past.

- One version number grows over all kinds; every write takes the next one.
- Stored objects are never changed: a write stores a new one.
- The past is kept for a window of changes per kind. Within it any version can be listed and watched
  from; a version before it is refused with 410, never answered wrongly.

It knows no rules: whether a write is allowed is decided before.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
import marshal
import zlib

from e2e.simkube import errors
from e2e.simkube.values import Object, encode

# (group, plural): where the objects of a kind are kept, whatever version they are asked in.
Place = tuple[str, str]
# (namespace, name); the namespace of cluster-scoped objects is "".
Key = tuple[str, str]


# So many changes of a kind are kept as they are, for those who watch; older states are kept packed.
RECENT = 128


class Version:
    """One stored state of one object, with its encodings made at most once while it is recent."""

    __slots__ = ("_bytes", "_object", "_packed", "_past", "number")

    def __init__(self, stored: Object, number: int) -> None:
        self._object: Object | None = stored  # never changed, never handed out for change
        self.number = number
        self._bytes: bytes | None = None
        self._packed: bytes | None = None
        self._past: bytes | None = None  # all that is left of it, once it is of the past

    @property
    def object(self) -> Object:
        """The object, which nobody may change."""
        return self.copy() if self._object is None else self._object

    def copy(self) -> Object:
        """The object, as a copy that the caller may change."""
        if self._past is not None:
            packed = zlib.decompress(self._past)
        elif self._packed is not None:
            packed = self._packed
        else:
            packed = self._packed = marshal.dumps(self._object)
        copied: Object = marshal.loads(packed)  # noqa: S302 -- packed by ourselves
        return copied

    def tail(self) -> bytes:
        """The object as JSON without its kind and apiVersion."""
        if self._bytes is not None:
            return self._bytes
        made = encode({k: v for k, v in self.object.items() if k not in ("kind", "apiVersion")})
        if self._past is None:
            self._bytes = made
        return made

    def bytes(self) -> bytes:
        """The object as JSON."""
        found = self.object
        head = encode({"kind": found["kind"], "apiVersion": found["apiVersion"]})
        return head[:-1] + b"," + self.tail()[1:]

    def settle(self) -> None:
        """Become small: it is not what is stored any more, and hardly anybody will ask for it."""
        if self._past is None:
            packed = marshal.dumps(self._object) if self._packed is None else self._packed
            self._past = zlib.compress(packed, level=1)
            self._object = self._packed = self._bytes = None


class Change:
    """One write: *before* is None for a creation; *after* of a deletion is the last state."""

    __slots__ = ("after", "before", "deleted", "key", "number")

    def __init__(self, key: Key, before: Version | None, after: Version, *, deleted: bool = False) -> None:
        self.key = key
        self.number = after.number
        self.before = before
        self.after = after
        self.deleted = deleted


class Table:
    """The objects of one kind in order of namespace and name, and their recent changes."""

    def __init__(self, floor: int) -> None:
        self.objects: dict[Key, Version] = {}
        self.keys: list[Key] = []  # the keys of `objects`, sorted
        self.changes: list[Change] = []  # by number, all of them above `floor`
        self.floor = floor  # nothing can be read or watched from before this version
        self.lost = 0  # the number of the newest change that is forgotten

    def within(self, namespace: str | None) -> list[Key]:
        """The keys of one namespace, or of all for None."""
        if namespace is None:
            return self.keys
        first = bisect.bisect_left(self.keys, (namespace, ""))
        last = bisect.bisect_left(self.keys, (namespace + "\0", ""))
        return self.keys[first:last]

    def put(self, key: Key, version: Version) -> Change:
        """Store *version* and remember the change."""
        before = self.objects.get(key)
        if before is None:
            bisect.insort(self.keys, key)
        self.objects[key] = version
        return self._remember(Change(key, before, version))

    def drop(self, key: Key, last: Version) -> Change:
        """Remove an object; *last* is what those who watch are shown."""
        before = self.objects.pop(key)
        del self.keys[bisect.bisect_left(self.keys, key)]
        return self._remember(Change(key, before, last, deleted=True))

    def _remember(self, change: Change) -> Change:
        self.changes.append(change)
        if len(self.changes) > RECENT:
            # Each state of the past is what some change found: none is left out.
            old = self.changes[-RECENT - 1]
            if old.before is not None:
                old.before.settle()
            if old.deleted:
                old.after.settle()
        return change

    def forget(self, upto: int) -> None:
        """Forget the changes up to version *upto*."""
        self.floor = max(self.floor, upto)
        first = self._first_after(upto)
        if first:
            self.lost = self.changes[first - 1].number
        del self.changes[:first]

    def after(self, number: int) -> list[Change]:
        """The changes after version *number*, which must not be below the floor."""
        return self.changes[self._first_after(number) :]

    def _first_after(self, number: int) -> int:
        return bisect.bisect_right(self.changes, number, key=lambda change: change.number)

    def at(self, number: int) -> Table:
        """The table as it was at version *number*, which must not be below the floor."""
        past = Table(self.floor)
        past.objects = dict(self.objects)
        for change in reversed(self.after(number)):
            if change.before is None:
                del past.objects[change.key]
            else:
                past.objects[change.key] = change.before
        past.keys = sorted(past.objects)
        return past


class Store:
    """All tables. *window* is how many changes of a kind are remembered."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.version = 1
        self._tables: dict[Place, Table] = {}
        self._floor = 0
        self._listeners: list[Callable[[Place, Change], None]] = []

    def listen(self, listener: Callable[[Place, Change], None]) -> None:
        """Call *listener* after every change."""
        self._listeners.append(listener)

    def places(self) -> Iterable[Place]:
        """Where anything was ever kept."""
        return tuple(self._tables)

    def table(self, place: Place) -> Table:
        """The objects kept at *place*."""
        table = self._tables.get(place)
        if table is None:
            table = self._tables[place] = Table(self._floor)
        return table

    def get(self, place: Place, key: Key) -> Version | None:
        """The object of this key, if there is one."""
        return self.table(place).objects.get(key)

    def each(self, place: Place, namespace: str | None = None) -> Iterator[Version]:
        """The objects of a kind in order of namespace and name."""
        table = self.table(place)
        for key in table.within(namespace):
            yield table.objects[key]

    def put(self, place: Place, key: Key, stored: Object) -> Version:
        """Create or replace an object. *stored* gets its resourceVersion and is the store's from now."""
        version = self._next(stored)
        self._publish(place, self.table(place).put(key, version))
        return version

    def drop(self, place: Place, key: Key, state: Object | None = None) -> Version:
        """Remove an object; the answer is its last state, or *state*, at the removal's version."""
        table = self.table(place)
        last = self._next(table.objects[key].copy() if state is None else state)
        self._publish(place, table.drop(key, last))
        return last

    def read(self, place: Place, number: int) -> Table:
        """The table at version *number*; 410 if changes after it are forgotten."""
        table = self.table(place)
        if number < table.lost:
            raise _too_old(number, table)
        if number == self.version or not table.changes or table.changes[-1].number <= number:
            return table
        return table.at(number)

    def check_known(self, place: Place, number: int) -> None:
        """410 if *number* is before what is remembered, whether anything has changed since or not."""
        table = self.table(place)
        if number < table.floor:
            raise _too_old(number, table)

    def compact(self) -> None:
        """Forget the whole past of all kinds, as etcd does every five minutes."""
        self._floor = self.version
        for table in self._tables.values():
            table.forget(self.version)

    def _next(self, stored: Object) -> Version:
        self.version += 1
        stored["metadata"]["resourceVersion"] = str(self.version)
        return Version(stored, self.version)

    def _publish(self, place: Place, change: Change) -> None:
        table = self.table(place)
        # Cut in halves, so that a change costs the same however long the server has run.
        if len(table.changes) > 2 * self.window:
            table.forget(table.changes[-self.window - 1].number)
        for listener in self._listeners:
            listener(place, change)


def _too_old(number: int, table: Table) -> errors.StatusError:
    return errors.expired(f"The resourceVersion for the provided list is too old: {number} ({table.floor})")
