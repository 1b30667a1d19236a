"""
Reading Kubernetes' protobuf, which some kubectl commands send for Kubernetes' own kinds.

Only reading: answers are JSON, which those clients accept. The field numbers are in `types.json`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
import functools
import json

import attrs

from e2e.simkube import errors
from e2e.simkube.builtin import struct
from e2e.simkube.types import Field, Type
from e2e.simkube.values import Json, Object, microsecond, second

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def decode(content: bytes, type_name: str) -> Object:
    """The object that *content* holds; 400 if it is not one of this type."""
    if not content.startswith(_MAGIC):
        raise errors.bad_request("provided data does not appear to be a protobuf message")
    try:
        envelope = dict(_parts(content[len(_MAGIC) :]))
        head = dict(_parts(envelope.get(1, b"")))
        found = _message(struct(type_name), envelope.get(2, b""))
    except (IndexError, ValueError, TypeError) as error:
        raise errors.bad_request(f"malformed protobuf message: {error}") from None
    for number, name in ((1, "apiVersion"), (2, "kind")):
        if head.get(number):
            found[name] = head[number].decode()
    return found


def _parts(content: bytes) -> Iterator[tuple[int, Json]]:
    """Field numbers and raw values, in order."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield number, value
        elif kind == _BYTES:
            length, at = _varint(content, at)
            if at + length > len(content):
                raise ValueError("a field is longer than the message")
            yield number, content[at : at + length]
            at += length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = content[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


@attrs.frozen(eq=False)
class _Layout:
    """A message: its own fields, and messages that JSON does not show as such."""

    fields: dict[int, tuple[str, Field]]
    inlined: dict[int, _Layout]


@functools.cache
def _layout(type_: Type) -> _Layout:
    top = _Layout({}, {})
    for name, field in type_.fields.items():
        layout = top
        for number in field.wire[:-1]:
            layout = layout.inlined.setdefault(number, _Layout({}, {}))
        if field.wire:
            layout.fields[field.wire[-1]] = (name, field)
    return top


def _message(type_: Type, content: bytes) -> Object:
    found: Object = {}
    _fill(found, _layout(type_), content)
    return found


def _fill(found: Object, layout: _Layout, content: bytes) -> None:
    for number, raw in _parts(content):
        if number in layout.inlined:
            _fill(found, layout.inlined[number], raw)
        elif number in layout.fields:
            name, field = layout.fields[number]
            type_ = field.type
            if type_.shape == "list":
                found.setdefault(name, []).append(_value(type_.element or type_, raw))
            elif type_.shape == "map":
                entry = dict(_parts(raw))
                inner = _value(type_.element or type_, entry.get(2, b""))
                found.setdefault(name, {})[entry.get(1, b"").decode()] = inner
            else:
                found[name] = _value(type_, raw)


def _value(type_: Type, raw: Json) -> Json:
    if type_.shape == "struct":
        return _message(type_, raw)
    if type_.shape == "list":
        # The values of a map of lists are messages with the items as their first field.
        return [_value(type_.element or type_, item) for _, item in _parts(raw)]
    match type_.scalar:
        case "bool":
            return bool(raw)
        case "int32" | "int64":
            return raw - (1 << 64) if raw >> 63 else raw
        case "string":
            return raw.decode() if isinstance(raw, bytes) else raw
        case "bytes":
            return base64.b64encode(raw).decode()
        case "Quantity":
            return dict(_parts(raw)).get(1, b"").decode()
        case "Time" | "MicroTime":
            return _time(raw, micro=type_.scalar == "MicroTime")
        case "IntOrString":
            parts = dict(_parts(raw))
            return parts.get(3, b"").decode() if parts.get(1) else parts.get(2, 0)
        case _:
            return json.loads(dict(_parts(raw)).get(1, b"null") or b"null")


def _time(raw: bytes, *, micro: bool) -> str | None:
    parts = dict(_parts(raw))
    if not parts:
        return None
    seconds = parts.get(1, 0)
    seconds -= 1 << 64 if seconds >> 63 else 0
    if micro:
        return microsecond(seconds + parts.get(2, 0) / 1e9)
    return second(seconds)
