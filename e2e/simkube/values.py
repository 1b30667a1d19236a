"""
JSON values: copies, times and bytes.

Objects in the store are plain dicts that nobody changes after they were stored. Who wants to change
one takes a copy.
"""

from __future__ import annotations

from datetime import UTC, datetime
import json
from typing import Any

# Whatever JSON can hold.
Json = Any
Object = dict[str, Json]
# JSON as an API server writes it, as text.
compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def clone(value: Json) -> Json:
    """A copy of a JSON value that shares nothing changeable with it."""
    kind = type(value)
    if kind is dict:
        return {name: clone(item) for name, item in value.items()}
    if kind is list:
        return [clone(item) for item in value]
    return value


def encode(value: Json) -> bytes:
    """Compact JSON, as an API server sends it."""
    return compact(value).encode()


def second(instant: float) -> str:
    """*instant* in Kubernetes' `Time` form, which has no fractions."""
    return datetime.fromtimestamp(instant, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def microsecond(instant: float) -> str:
    """*instant* in Kubernetes' `MicroTime` form, always with six digits."""
    return datetime.fromtimestamp(instant, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float:
    """The instant that an RFC 3339 *text* names; `ValueError` if it names none."""
    if "T" not in text or not (text.endswith("Z") or text[-6] in "+-"):
        raise ValueError(text)
    return datetime.fromisoformat(text).timestamp()


def dig(value: Json, *names: str) -> Json:
    """What is at the end of a path of *names*, or None if the path ends before."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
