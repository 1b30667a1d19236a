"""
An API server's refusal as one of the errors that the reconcile loop knows.

The sentence of an error says what was asked and what the server said to it, short enough for a condition
or an event. It holds no values: a server quotes what it refuses, and that may be a password that somebody
wrote into an environment variable.

What an answer means:

- 404 is "not there" only if the server says so about an object. That it does not know the kind, or that
  something on the way knows no such page, is no proof of anything, and may be better later.
- 401 may be better later: tokens are exchanged while we run.
- 422 about `metadata.uid` or `metadata.resourceVersion` is a conflict: it is how a patch with a
  precondition fails.
- 500 about a "typed patch object" is no failure of the server: what was applied does not fit its schema,
  and will not the next time.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
import re
from typing import Any

from controller.domain.errors import (
    ConflictError,
    ExpiredError,
    NotFoundError,
    OperatorError,
    TerminalError,
    TransientError,
)
from controller.kube.encoding import Json
from controller.kube.transport import Response

# What of the server's words goes into an error: the rest is in the server's own log.
LONGEST = 300

# `Invalid value: "x": why` and its relatives. The value is quoted, or JSON, or one word; of JSON nobody
# knows where it ends, so everything up to the last bracket goes.
_QUOTED = re.compile(
    r"(?P<label>(?:Invalid|Unsupported|Duplicate) value|Not found): "
    r"(?:\"(?:[^\"\\]|\\.)*\"|\{.*\}|\[.*\]|[^\s:,]+)"
)
# `expected string, got ...`: the value as Go shows it, to the end of the line.
_GOT = re.compile(r", got .*")
# How the server begins when it cannot read what was applied as an object of its kind. Its status is 500,
# without a reason: only the words tell.
_UNREADABLE = "failed to create typed patch object"
# The server's text for "I know no such kind", which otherwise looks like "no such object".
_UNKNOWN_KIND = "the server could not find the requested resource"
_SERVER_ERRORS = 500
_TRANSIENT = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class AlreadyExistsError(ConflictError):
    """An object of that name is there already."""


class DisruptionBudgetError(TransientError):
    """A PodDisruptionBudget does not allow the eviction now."""


class ForbiddenError(TerminalError):
    """We have no right to do this (HTTP 403): a role of ours lacks it."""


class UnknownKindError(TransientError):
    """The server does not have this kind, or not yet: a CustomResourceDefinition may be missing."""


class TooNewError(TransientError):
    """The server's cache has not reached the resourceVersion that was asked for."""


def error_of(response: Response, *, what: str) -> OperatorError | None:
    """Return the error that *response* is, None for a success; *what* was asked, as `get Pod a/b`."""
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    body = response.body if isinstance(response.body, Mapping) else {}
    status = body if body.get("kind") == "Status" else {}
    return _classify(response.status, status, what=what, retry_after=_retry_after(response, status))


def check(response: Response, *, what: str) -> Json:
    """Return the body of a success; raise the error that *response* is otherwise."""
    error = error_of(response, what=what)
    if error is not None:
        raise error
    return response.body


def _classify(code: int, status: Mapping[str, Any], *, what: str, retry_after: float | None) -> OperatorError:
    reason = str(status.get("reason") or "")
    text = f"{what}: {_said(code, reason, status)}"
    error = TerminalError if _is_unreadable(code, status) else _particular(code, reason, _causes(status))
    if error is None:
        error = TransientError if code in _TRANSIENT or code >= _SERVER_ERRORS else TerminalError
    if error is NotFoundError and status.get("message") == _UNKNOWN_KIND:
        error = UnknownKindError
    return error(text, retry_after=retry_after) if issubclass(error, TransientError) else error(text)


def _particular(code: int, reason: str, causes: frozenset[tuple[str, str]]) -> type[OperatorError] | None:
    """Return the class of an answer that means more than its hundreds do."""
    match code:
        case HTTPStatus.NOT_FOUND:
            return NotFoundError if reason == "NotFound" else UnknownKindError
        case HTTPStatus.CONFLICT:
            return AlreadyExistsError if reason == "AlreadyExists" else ConflictError
        case HTTPStatus.GONE:
            return ExpiredError
        case HTTPStatus.FORBIDDEN if ("reason", "NamespaceTerminating") not in causes:
            return ForbiddenError
        case HTTPStatus.TOO_MANY_REQUESTS if ("reason", "DisruptionBudget") in causes:
            return DisruptionBudgetError
        case HTTPStatus.GATEWAY_TIMEOUT if ("reason", "ResourceVersionTooLarge") in causes:
            return TooNewError
        case HTTPStatus.UNPROCESSABLE_ENTITY if causes & _PRECONDITIONS:
            return ConflictError
        case _:
            return None


_PRECONDITIONS = frozenset({("field", "metadata.uid"), ("field", "metadata.resourceVersion")})


def _is_unreadable(code: int, status: Mapping[str, Any]) -> bool:
    """Whether the server could not read what was applied: its fault by the status, ours by the words."""
    return code == HTTPStatus.INTERNAL_SERVER_ERROR and str(status.get("message")).startswith(_UNREADABLE)


def _details(status: Mapping[str, Any]) -> Mapping[str, Any]:
    details = status.get("details")
    return details if isinstance(details, Mapping) else {}


def _causes(status: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return what the causes say, as pairs such as `("field", "metadata.uid")`."""
    causes = _details(status).get("causes")
    return frozenset(
        (key, value)
        for cause in (causes if isinstance(causes, list) else ())
        for key, value in cause.items()
        if isinstance(value, str) and key != "message"
    )


def _said(code: int, reason: str, status: Mapping[str, Any]) -> str:
    """Return the server's words: first line only (the rest are dumps), no values, not too long."""
    name = "Invalid" if _is_unreadable(code, status) else reason or _phrase(code)
    message = str(status.get("message") or "").partition("\n")[0]
    if not message or _details(status).get("kind") in ("secrets", "Secret"):
        return f"{name} (HTTP {code})"
    message = _GOT.sub(", got another value", _QUOTED.sub(r"\g<label>", message))
    if len(message) > LONGEST:
        message = message[:LONGEST].rstrip() + "…"
    return f"{name}: {message}"


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "unknown answer"


def _retry_after(response: Response, status: Mapping[str, Any]) -> float | None:
    """Return the delay that the server asked for; it may also be a date, which we do not read."""
    header = next((v for k, v in response.headers.items() if k.lower() == "retry-after"), None)
    if header is not None and header.strip().isdecimal():
        return float(header)
    seconds = _details(status).get("retryAfterSeconds")
    return float(seconds) if isinstance(seconds, int) and seconds > 0 else None
