"""
What an API server says when it refuses: `Status` objects with their codes, reasons and causes.

Each function makes one kind of refusal; the wording is that of Kubernetes where clients show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json

import attrs

from e2e.simkube.values import Json, Object, compact


@attrs.frozen
class Cause:
    """One field that is wrong, and why."""

    reason: str
    message: str
    field: str

    def body(self) -> Object:
        """The cause as it stands in a `Status`."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class StatusError(Exception):
    """A refusal. *details* is the `details` of the `Status`, *headers* go with the response."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def body(self) -> Object:
        """The `Status` to send."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def _about(name: str, kind: str, group: str, **more: Json) -> Object:
    details: Object = {"name": name} if name else {}
    if group:
        details["group"] = group
    return {**details, "kind": kind, **more}


def qualified(plural: str, group: str) -> str:
    """A resource or kind with its group, as messages write it: `statefulsets.apps`."""
    return f"{plural}.{group}" if group else plural


def not_found(plural: str, group: str, name: str) -> StatusError:
    """404: no object of this name."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, details=_about(name, plural, group))


def no_such_resource() -> StatusError:
    """404: the group is known, the resource is not."""
    message = "the server could not find the requested resource"
    return StatusError(404, "NotFound", message, details={})


def already_exists(plural: str, group: str, name: str) -> StatusError:
    """409: the name is taken."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details=_about(name, plural, group))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(plural: str, group: str, name: str, why: str = STALE) -> StatusError:
    """409: somebody else wrote first, or a precondition does not hold."""
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details=_about(name, plural, group))


def bad_request(message: str) -> StatusError:
    """400: the request itself makes no sense."""
    return StatusError(400, "BadRequest", message)


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422: the object is well formed and wrong."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{qualified(kind, group)} "{name}" is invalid: {text}'
    bodies = [cause.body() for cause in causes]
    details = _about(name, kind, group, causes=bodies)
    return StatusError(422, "Invalid", message, details=details)


def unprocessable() -> StatusError:
    """422: a JSON patch that does not fit the object."""
    message = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", message, details={})


def forbidden(plural: str, group: str, name: str, why: str, **details: Json) -> StatusError:
    """403: an admission rule says no."""
    message = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    return StatusError(403, "Forbidden", message, details=_about(name, plural, group, **details))


def method_not_allowed() -> StatusError:
    """405: the resource has no such verb."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, details={})


def not_acceptable(
    message: str = "406: Not Acceptable\n\nAvailable representations: application/json",
) -> StatusError:
    """406: none of the media types that the client accepts can be sent."""
    return StatusError(406, "NotAcceptable", message, details={})


def unsupported_media_type(message: str = "415: Unsupported Media Type") -> StatusError:
    """415: the body is of a media type that this verb does not read."""
    return StatusError(415, "UnsupportedMediaType", message, details={})


def expired(message: str) -> StatusError:
    """410: the version asked for is no longer known."""
    return StatusError(410, "Expired", message)


def too_large_version(asked: int, current: int) -> StatusError:
    """504: the version asked for has not happened yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return StatusError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {asked}, current: {current}",
        details={"causes": [cause], "retryAfterSeconds": 1},
        headers={"Retry-After": "1"},
    )


def too_many_requests(message: str, *, seconds: int, **details: Json) -> StatusError:
    """429: not now, ask again in *seconds* (0: no such hint)."""
    headers = {"Retry-After": str(seconds)} if seconds else {}
    if seconds:
        details["retryAfterSeconds"] = seconds
    return StatusError(429, "TooManyRequests", message, details=details, headers=headers)


def lacking(what: str) -> StatusError:
    """501: a real API server does this, simkube does not."""
    return StatusError(501, "NotImplemented", f"simkube lacks {what}", details={})


class Problems:
    """Collects what is wrong with an object, field by field."""

    def __init__(self) -> None:
        self.causes: list[Cause] = []

    def __bool__(self) -> bool:
        return bool(self.causes)

    def required(self, field: str, why: str = "") -> None:
        """*field* must be given."""
        message = f"Required value: {why}" if why else "Required value"
        self.causes.append(Cause("FieldValueRequired", message, field))

    def invalid(self, field: str, value: Json, why: str) -> None:
        """*field* has a *value* that it may not have."""
        message = f"Invalid value: {shown(value)}: {why}"
        self.causes.append(Cause("FieldValueInvalid", message, field))

    def wrong_type(self, field: str, found: str, why: str) -> None:
        """*field* cannot hold what was *found* in it: the type, or the text of a format."""
        message = f"Invalid value: {shown(found)}: {why}"
        self.causes.append(Cause("FieldValueTypeInvalid", message, field))

    def forbidden(self, field: str, why: str) -> None:
        """*field* may not be given, or not be changed."""
        self.causes.append(Cause("FieldValueForbidden", f"Forbidden: {why}", field))

    def duplicate(self, field: str, value: Json) -> None:
        """*field* repeats a *value* that must be unique."""
        self.causes.append(Cause("FieldValueDuplicate", f"Duplicate value: {shown(value)}", field))

    def unsupported(self, field: str, value: Json, supported: Sequence[str]) -> None:
        """*field* has a *value* outside of a closed set."""
        names = ", ".join(json.dumps(name) for name in supported)
        message = f"Unsupported value: {shown(value)}: supported values: {names}"
        self.causes.append(Cause("FieldValueNotSupported", message, field))

    def not_found(self, field: str, value: Json) -> None:
        """*field* names something that is not there."""
        self.causes.append(Cause("FieldValueNotFound", f"Not found: {shown(value)}", field))

    def too_long(self, field: str, limit: int) -> None:
        """*field* is longer than *limit* bytes."""
        message = f"Too long: may not be more than {limit} bytes"
        self.causes.append(Cause("FieldValueTooLong", message, field))

    def too_many(self, field: str, count: int, limit: int) -> None:
        """*field* has more items than *limit*."""
        message = f"Too many: {count}: must have at most {limit} items"
        self.causes.append(Cause("FieldValueTooMany", message, field))


def shown(value: Json) -> str:
    """A value as messages show it."""
    return compact(value)
