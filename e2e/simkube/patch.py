"""
Patches: JSON patch and JSON merge patch; strategic merge patch is in `strategic.py`.

A patch is carried out on a copy: one that does not fit changes nothing.
"""

from __future__ import annotations

from e2e.simkube import errors, strategic
from e2e.simkube.kinds import Resource
from e2e.simkube.values import Json, Object, clone

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
MEDIA = (JSON, MERGE, STRATEGIC, APPLY)


def patched(found: Object, body: Json, media: str, resource: Resource) -> Json:
    """*found* with the patch carried out, as a new value."""
    if media == JSON:
        return json_patch(clone(found), body)
    if not isinstance(body, dict):
        raise errors.bad_request("a merge patch must be an object")
    if media == MERGE:
        return merge_patch(found, body)
    if resource.custom:
        raise errors.unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: "
            f"{JSON}, {MERGE}, {APPLY}"
        )
    return strategic.merge(found, body, resource.type)


def merge_patch(found: Json, patch: Json) -> Json:
    """RFC 7386: objects are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(found: Json, operations: Json) -> Json:
    """RFC 6902, in order; 422 at the first operation that does not fit."""
    if not isinstance(operations, list):
        raise errors.bad_request("a JSON patch must be a list of operations")
    root = {"": found}
    for operation in operations:
        try:
            _carry_out(root, operation)
        except (KeyError, IndexError, TypeError, ValueError):
            raise errors.unprocessable() from None
    return root[""]


def _carry_out(root: dict[str, Json], operation: Object) -> None:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            _add(root, path, clone(operation["value"]))
        case "remove":
            _remove(root, path)
        case "replace":
            _get(root, path)
            _replace(root, path, clone(operation["value"]))
        case "move":
            moved = _remove(root, _pointer(operation["from"]))
            _add(root, path, moved)
        case "copy":
            _add(root, path, clone(_get(root, _pointer(operation["from"]))))
        case "test":
            if not _equal(_get(root, path), operation["value"]):
                raise ValueError(path)
        case _:
            raise ValueError(operation["op"])


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(text)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")]


def _index(items: list[Json], part: str) -> int:
    index = int(part)
    if index < 0 or index >= len(items) or not part.isdecimal():
        raise IndexError(part)
    return index


def _step(value: Json, part: str) -> Json:
    return value[_index(value, part)] if isinstance(value, list) else value[part]


def _get(root: Json, path: list[str]) -> Json:
    for part in path:
        root = _step(root, part)
    return root


def _add(root: Json, path: list[str], value: Json) -> None:
    parent, last = _get(root, path[:-1]), path[-1]
    if not isinstance(parent, list):
        _mapping(parent)[last] = value
    elif last == "-":
        parent.append(value)
    elif last.isdecimal() and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise IndexError(last)


def _replace(root: Json, path: list[str], value: Json) -> None:
    parent, last = _get(root, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[_index(parent, last)] = value
    else:
        _mapping(parent)[last] = value


def _remove(root: Json, path: list[str]) -> Json:
    parent, last = _get(root, path[:-1]), path[-1]
    if isinstance(parent, list):
        return parent.pop(_index(parent, last))
    return _mapping(parent).pop(last)


def _mapping(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


def _equal(one: Json, other: Json) -> bool:
    """Equality of JSON values: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
