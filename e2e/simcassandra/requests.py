"""
What the agent takes for a request, and how an answer repeats it.

A body is taken or refused as a whole: one part of a bulk request that is no request spoils all of it,
and the refusal repeats nothing. The words are those of the 1.7 agent.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any

from e2e.simcassandra.mbean import BadRequestError

Request = dict[str, Any]

_TYPES = frozenset({"read", "write", "exec", "list", "search", "version"})
_ABOUT_AN_MBEAN = frozenset({"read", "write", "exec"})
_REPEATED = ("mbean", "attribute", "operation", "arguments", "value", "path", "type")


class NotARequestError(BadRequestError):
    """The body is refused before any part of it is carried out."""


def parse(body: str) -> tuple[list[Request], bool]:
    """Return the requests in *body*, and whether it is a bulk request.

    Raises `NotARequestError`.
    """
    try:
        parsed = json.loads(body)
    except ValueError:
        raise NotARequestError("Invalid JSON request java.io.InputStreamReader@5cdd3dc4") from None
    if isinstance(parsed, list):
        for one in parsed:
            if not isinstance(one, dict):
                shown = json.dumps(parsed, separators=(",", ":"))
                raise NotARequestError(
                    f"Not a request within the list of requests {shown}. Expected map, but found: {one}"
                )
        return [_checked(one) for one in parsed], True
    if not isinstance(parsed, dict):
        raise NotARequestError(f"Invalid JSON Request {parsed}")
    return [_checked(parsed)], False


def from_path(path: str) -> Request:
    """Return the request that a GET of *path*, below the agent's own, means.

    It is `<type>/<mbean>/<attribute>,<attribute>` or `exec/<mbean>/<operation>/<argument>...`; an empty
    one asks for the version. Raises `NotARequestError`.
    """
    kind, *rest = [part for part in path.split("/") if part] or ["version"]
    request: Request = {"type": kind}
    if kind in _ABOUT_AN_MBEAN and not rest:
        raise NotARequestError(f"Invalid arguments in pathinfo {path} for command {kind.upper()}")
    if rest:
        request["mbean"] = rest[0]
    if len(rest) > 1 and kind == "exec":
        request |= {"operation": rest[1], "arguments": rest[2:]}
    elif len(rest) > 1:
        names = rest[1].split(",")
        request["attribute"] = names if len(names) > 1 else names[0]
    return _checked(request)


def repeated(request: Mapping[str, Any]) -> Request:
    """Return *request* as an answer repeats it: without what the agent keeps to itself, and empty lists."""
    return {key: request[key] for key in _REPEATED if key in request and request[key] != []}


def _checked(request: Request) -> Request:
    kind = request.get("type")
    if kind is None:
        raise NotARequestError("No type given")
    if kind not in _TYPES:
        raise NotARequestError(f"No type with name '{kind}' exists")
    if kind in _ABOUT_AN_MBEAN:
        name = request.get("mbean")
        if name is None:
            raise NotARequestError("Objectname can not be null")
        if "=" not in str(name):
            raise NotARequestError("Invalid object name. Key properties cannot be empty")
    return request
