"""
JSON values that are shared between threads and therefore cannot be changed.

They are dicts and lists still: they compare equal to plain ones, go through `json.dumps`, and cost no
more memory. Only changing them is refused, with `TypeError`. A deep copy is plain again.
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
from sys import intern
from typing import Any, NoReturn

# Any JSON value.
Json = Any


class FrozenDict(dict[str, Any]):
    """A JSON object that cannot be changed."""

    __slots__ = ()

    def _refuse(self, *_: Json, **__: Json) -> NoReturn:
        raise TypeError("this object is shared and cannot be changed; take a copy.deepcopy() of it")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(each, memo) for key, each in self.items()}


class FrozenList(list[Any]):
    """A JSON array that cannot be changed."""

    __slots__ = ()

    def _refuse(self, *_: Json, **__: Json) -> NoReturn:
        raise TypeError("this list is shared and cannot be changed; take a copy.deepcopy() of it")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(each, memo) for each in self]


EMPTY = FrozenDict()
_AS_THEY_ARE = frozenset({str, int, float, bool, type(None), FrozenDict, FrozenList})


def freeze(value: Json) -> Json:
    """
    Return *value* as frozen JSON, all the way down; mappings and sequences of any make are taken.

    Keys are interned: each document that is decoded brings its own copy of every key.
    """
    # Most values are scalars, and the checks below are slow to say no.
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Mapping):
        return FrozenDict([(intern(key), freeze(each)) for key, each in value.items()])
    if isinstance(value, list | tuple):
        return FrozenList([freeze(each) for each in value])
    return value
