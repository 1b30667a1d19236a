"""
Sets of fields, and how `managedFields` writes them down.

A path is a tuple of elements: `f:name` for a field or map key, `k:{...}` for an item of a list that
has keys, `v:...` for an item of a set. A set of paths is a Python set, so that union, difference and
intersection are Python's.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
import functools
import marshal

import attrs

from e2e.simkube.types import Type, deduce, indexed, item_key
from e2e.simkube.values import Json, Object

Path = tuple[str, ...]
Paths = frozenset[Path]
_REMEMBERED = 4096


def to_tree(paths: Paths) -> Object:
    """The `fieldsV1` of a set of paths, as a new value."""
    tree: Object = marshal.loads(_packed(paths))  # noqa: S302 -- packed by ourselves, below
    return tree


# Most writes of a manager own what its last one did, so both ways are remembered.
@functools.lru_cache(maxsize=_REMEMBERED)
def _packed(paths: Paths) -> bytes:
    tree: Object = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    return marshal.dumps(_tidy(tree))


def _tidy(tree: Object) -> Object:
    # A member without members below it is written as {}, one with members below it by a ".".
    if tree.keys() == {"."}:
        return {}
    return {name: _tidy(node) if name != "." else {} for name, node in tree.items()}


def from_tree(tree: Object) -> Paths:
    """The set of paths that a `fieldsV1` names."""
    return _unpacked(marshal.dumps(tree))


@functools.lru_cache(maxsize=_REMEMBERED)
def _unpacked(packed: bytes) -> Paths:
    return frozenset(_walk(marshal.loads(packed), ()))  # noqa: S302 -- packed by ourselves, above


def _walk(tree: Object, path: Path) -> Iterator[Path]:
    if not tree and path:
        yield path
    for name, node in tree.items():
        if name == ".":
            yield path
        else:
            yield from _walk(node, (*path, name))


def members(type_: Type, value: Json) -> Paths:
    """The fields that *value* sets, as an applied configuration owns them."""
    found: set[Path] = set()
    _members(type_, value, (), found)
    return frozenset(found)


def _members(type_: Type, value: Json, path: Path, found: set[Path]) -> None:
    type_ = _real(type_, value)
    if value is None or type_.atomic or type_.shape == "scalar":
        found.add(path)
    elif isinstance(value, dict):
        for name, item in value.items():
            below = (*path, f"f:{name}")
            _members(type_.child(name), item, below, found)
            if item is None or item == {} or name not in type_.fields:
                found.add(below)
    elif type_.unique or type_.keys:
        for key, item in indexed(type_, value).items():
            below = (*path, key)
            found.add(below)
            if not type_.unique and type_.element is not None:
                _members(type_.element, item, below, found)
    else:
        found.add(path)


def _real(type_: Type, value: Json) -> Type:
    return deduce(value) if type_.shape == "any" else type_


_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bytes": (str,),
    "Time": (str,),
    "MicroTime": (str,),
    "bool": (bool,),
    "boolean": (bool,),
    "int32": (int, float),
    "int64": (int, float),
    "integer": (int, float),
    "number": (int, float),
}
_WANTED = {"boolean": "boolean", "bool": "boolean", "string": "string"}


# A path that is put into words only when something is wrong with what is there.
_Where = tuple["_Where", str] | tuple[()]


def mismatches(type_: Type, value: Json, where: _Where = ()) -> Iterator[str]:
    """What in *value* cannot be of the type, as messages with paths."""
    if value is None or type_.shape == "any":
        return
    if type_.shape == "scalar":
        allowed = _SCALARS.get(type_.scalar)
        if allowed and (not isinstance(value, allowed) or (type(value) is bool) != (bool in allowed)):
            wanted = _WANTED.get(type_.scalar, "numeric (int or float)")
            yield f"{_spelled(where)}: expected {wanted}, got {_kind(value)}"
    elif type_.shape == "list":
        if not isinstance(value, list):
            yield f"{_spelled(where)}: expected list, got {_kind(value)}"
            return
        for item in value:
            key = item_key(type_, item) if type_.keys or type_.unique else ""
            yield from mismatches(type_.element or type_, item, (where, f"[{key}]"))
    elif not isinstance(value, dict):
        yield f"{_spelled(where)}: expected map, got {_kind(value)}"
    else:
        yield from _mismatched_fields(type_, value, where)


def _mismatched_fields(type_: Type, value: Object, where: _Where) -> Iterator[str]:
    for name, item in value.items():
        if type_.shape == "struct" and name not in type_.fields and not type_.open:
            yield f"{_spelled(where)}.{name}: field not declared in schema"
        elif type(item) is not str or type_.child(name).scalar != "string":
            yield from mismatches(type_.child(name), item, (where, f".{name}"))


def _spelled(where: _Where) -> str:
    return _spelled(where[0]) + where[1] if where else ""


def _kind(value: Json) -> str:
    names = {str: "string", bool: "boolean", dict: "map", list: "list"}
    return names.get(type(value), "number")


_ABSENT: Json = object()


class Difference:
    """What changed from one value to another: *changed* is new or different, *removed* is gone."""

    def __init__(self, type_: Type, before: Json, after: Json) -> None:
        self.changed: set[Path] = set()
        self.removed: set[Path] = set()
        self._compare(type_, before, after, ())

    def _compare(self, type_: Type, before: Json, after: Json, path: Path) -> None:
        if before is after or before == after:
            return
        kind = _real(type_, before if after is _ABSENT else after)
        both = before is not _ABSENT and after is not _ABSENT
        if before is None and isinstance(after, dict | list):
            # A null that is there counts as the container, without anything in it.
            self._compare(type_, type(after)(), after, path)
        elif both and type(before) is not type(after):
            self._all(type_, before, path, self.removed)
            self._all(type_, after, path, self.changed)
        elif before is _ABSENT:
            self._all(type_, after, path, self.changed)
        elif after is _ABSENT:
            self._all(type_, before, path, self.removed)
        elif kind.atomic or kind.shape == "scalar":
            self.changed.add(path)
        elif isinstance(after, dict):
            for name in before.keys() | after.keys():
                below = (*path, f"f:{name}")
                old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
                self._compare(kind.child(name), old, new, below)
        elif kind.unique or kind.keys:
            self._lists(kind, before, after, path)
        else:
            self.changed.add(path)

    def _lists(self, kind: Type, before: Json, after: Json, path: Path) -> None:
        old, new = indexed(kind, before), indexed(kind, after)
        for key in old.keys() | new.keys():
            if kind.element is not None:
                one, other = old.get(key, _ABSENT), new.get(key, _ABSENT)
                self._compare(kind.element, one, other, (*path, key))

    def _all(self, type_: Type, value: Json, path: Path, into: set[Path]) -> None:
        """Everything in *value*, the way there included."""
        kind = _real(type_, value)
        into.add(path)
        if kind.atomic or kind.shape == "scalar":
            return
        if isinstance(value, dict):
            for name, item in value.items():
                self._all(kind.child(name), item, (*path, f"f:{name}"), into)
        elif isinstance(value, list) and kind.element is not None and (kind.unique or kind.keys):
            for key, item in indexed(kind, value).items():
                self._all(kind.element, item, (*path, key), into)


def prune(type_: Type, value: Json, doomed: Paths, kept: Paths) -> Json:
    """
    *value* without the fields of *doomed*, as a new value.

    What goes takes with it whatever is in it that nobody owns; what leads to a path in *kept* stays.
    """
    ways = {path[:length] for path in kept for length in range(1, len(path) + 1)}
    through = {path[:length] for path in doomed for length in range(1, len(path))}
    return _Pruning(doomed=doomed, ways=ways, through=through).prune(type_, value, ())


_GONE: Json = object()


@attrs.frozen(kw_only=True)
class _Pruning:
    """One pruning: what goes, what leads to what stays, what leads to what goes."""

    doomed: Paths
    ways: AbstractSet[Path]
    through: AbstractSet[Path]

    def prune(self, type_: Type, value: Json, path: Path) -> Json:
        """*value*, which stays, without what goes in it."""
        kind = _real(type_, value)
        if isinstance(value, dict) and not kind.atomic:
            fields = {
                name: self._left(kind.child(name), item, (*path, f"f:{name}")) for name, item in value.items()
            }
            return {name: item for name, item in fields.items() if item is not _GONE}
        if isinstance(value, list) and (kind.keys or kind.unique) and kind.element is not None:
            items = [self._left(kind.element, item, (*path, item_key(kind, item))) for item in value]
            return [item for item in items if item is not _GONE]
        return value

    def _left(self, type_: Type, value: Json, path: Path) -> Json:
        if path not in self.doomed and path not in self.through:
            return value
        # A named field on the way to what goes counts as going itself; an item of a list does not.
        if path not in self.ways and (path in self.doomed or path[-1].startswith("f:")):
            return _GONE
        return self.prune(type_, value, path)
