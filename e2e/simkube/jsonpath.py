"""The JSON paths of printer columns: `.a.b`, `.a[0]`, `.a['b.c']`, `.a[*].b`, `.a[?(@.b=="c")].d`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import re

from e2e.simkube import errors
from e2e.simkube.values import Json

_PART = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\]\\])+)"""
    r"""|\[(?P<index>-?\d+)\]"""
    r"""|\[(?P<quote>['"])(?P<quoted>.+?)(?P=quote)\]"""
    r"""|\[(?P<all>\*)\]"""
    r"""|\[\?\(@\.(?P<key>[^=!]+?)\s*(?P<operator>==|!=)\s*(?P<value>.+?)\)\]"""
)
Step = Callable[[Json], Iterable[Json]]


def compile_path(text: str) -> Callable[[Json], list[Json]]:
    """What finds the values at a path; 501 for a path that uses more than is understood here."""
    inner = text.removeprefix("{").removesuffix("}")
    steps: list[Step] = []
    at = 0
    while at < len(inner):
        match = _PART.match(inner, at)
        if match is None:
            raise errors.lacking(f"the JSON path {text}")
        steps.append(_step(match))
        at = match.end()

    def find(value: Json) -> list[Json]:
        found = [value]
        for step in steps:
            found = [inner for one in found for inner in step(one)]
        return found

    return find


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None or match["quoted"] is not None:
        name = (match["name"] or match["quoted"]).replace("\\.", ".")
        if name == "*":
            return _each
        return lambda value: [value[name]] if isinstance(value, dict) and name in value else []
    if match["index"] is not None:
        index = int(match["index"])
        return lambda value: value[index : index + 1 or None] if isinstance(value, list) else []
    if match["all"] is not None:
        return _each
    wanted = match["value"].strip("'\"")
    equal = match["operator"] == "=="
    way = match["key"].split(".")

    def chosen(value: Json) -> Iterator[Json]:
        for one in value if isinstance(value, list) else ():
            found = one
            for name in way:
                found = found.get(name) if isinstance(found, dict) else None
            if (_text(found) == wanted) is equal:
                yield one

    return chosen


def _each(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
