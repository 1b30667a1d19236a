"""
Strategic merge patch: like a merge patch, but lists with a merge key are merged item by item.

Its directives are `$patch: delete|replace|merge`, `$deleteFromPrimitiveList/<field>`,
`$setElementOrder/<field>` and `$retainKeys`.
"""

from __future__ import annotations

from collections.abc import Sequence

from e2e.simkube import errors
from e2e.simkube.types import Type
from e2e.simkube.values import Json, Object, clone

_PATCH = "$patch"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


def merge(found: Json, patch: Json, type_: Type) -> Json:
    """*found* with *patch* merged in, as a new value; 400 for a directive that does not exist."""
    if not isinstance(patch, dict) or type_.shape not in ("struct", "map", "any"):
        return clone(patch)
    found = found if isinstance(found, dict) else {}
    directive = patch.get(_PATCH, "merge")
    if directive == "replace":
        return {name: clone(value) for name, value in patch.items() if name != _PATCH}
    if directive == "delete":
        return {}
    if directive != "merge":
        raise errors.bad_request(f"Unknown patch type found: {directive}")
    result = _retained(found, patch)
    for name, value in patch.items():
        if name.startswith(_DELETE):
            field = name.removeprefix(_DELETE)
            result[field] = [one for one in result.get(field) or [] if one not in value]
        elif not name.startswith("$"):
            _merge_field(result, name, value, patch, type_.child(name))
    for name, value in patch.items():
        field = name.removeprefix(_ORDER)
        if name.startswith(_ORDER) and isinstance(result.get(field), list):
            result[field] = _ordered(result[field], value, type_.child(field))
    return result


def _retained(found: Object, patch: Object) -> Object:
    if _RETAIN not in patch:
        return dict(found)
    return {name: value for name, value in found.items() if name in patch[_RETAIN]}


def _merge_field(result: Object, name: str, value: Json, patch: Object, type_: Type) -> None:
    if value is None:
        result.pop(name, None)
    elif isinstance(value, list) and type_.merges:
        result[name] = _merge_list(result.get(name) or [], value, type_)
    elif isinstance(value, dict):
        merged = merge(result.get(name), value, type_)
        if value.get(_PATCH) == "delete":
            result.pop(name, None)
        else:
            result[name] = _without_nulls(merged) if name not in result else merged
    else:
        result[name] = clone(value)


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {k: _without_nulls(item) for k, item in value.items() if item is not None}
    return value


def _merge_list(found: list[Json], patch: list[Json], type_: Type) -> list[Json]:
    key, element = type_.merge_key, type_.element
    if not key:
        return found + [one for one in patch if one not in found]
    result = list(found)
    for one in patch:
        if not isinstance(one, dict):
            raise errors.bad_request("expected a map in the patch of a list with a merge key")
        if _PATCH in one and key not in one:
            if one[_PATCH] == "replace":
                return [clone(item) for item in patch if _PATCH not in item]
            raise errors.bad_request(f"delete patch type with no merge key {key} defined")
        if key not in one:
            raise errors.bad_request(f"map does not contain declared merge key: {key}")
        at = next((i for i, item in enumerate(result) if item.get(key) == one[key]), None)
        if one.get(_PATCH) == "delete":
            result = [item for item in result if item.get(key) != one[key]]
        elif at is None:
            result.append(_without_nulls({k: v for k, v in one.items() if k != _PATCH}))
        elif element is not None:
            result[at] = merge(result[at], one, element)
    return result


def _ordered(items: list[Json], order: Sequence[Json], type_: Type) -> list[Json]:
    """*items* with those that *order* names in its order, the others where they were among them."""
    key = type_.merge_key

    def identity(item: Json) -> Json:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(one) for one in order]
    named = sorted(
        (item for item in items if identity(item) in wanted),
        key=lambda item: wanted.index(identity(item)),
    )
    result: list[Json] = []
    for item in items:
        if identity(item) in wanted:
            # Take named ones up to and including this place, keeping the others' places.
            if named:
                result.append(named.pop(0))
        else:
            result.append(item)
    return result + named
