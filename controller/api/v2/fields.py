"""
How a field of the API is described, in one place: its meaning, its JSON name and its schema.

The codec reads the JSON names from here, the CRD is generated from here, and so they cannot differ.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import attrs

from controller.api.v2.jsonvalues import JsonMap

_WORD = re.compile(r"_(\w)")


def doc(text: str, *, json: str | None = None, always: bool = False, **schema: object) -> JsonMap:
    """Describe a field, for `attrs.field(metadata=…)`.

    *text* is what a user reads in `kubectl explain`. *json* is the JSON name when it is not the camel
    case of the attribute's; *always* says that it is written even when it holds its default; *schema* is
    what the field's type does not say (`minimum`, `enum`, …).
    """
    return MappingProxyType({"doc": text, "json": json, "always": always, "schema": MappingProxyType(schema)})


def json_name(field: attrs.Attribute[Any]) -> str:
    """Return the name of *field* in JSON."""
    return field.metadata.get("json") or _WORD.sub(lambda match: match[1].upper(), field.name)


def always_written(field: attrs.Attribute[Any]) -> bool:
    """Return whether *field* is written even when it holds its default."""
    return bool(field.metadata.get("always"))


def json_names(cls: type[attrs.AttrsInstance]) -> dict[str, str]:
    """Return the JSON name of each attribute of *cls*."""
    return {field.name: json_name(field) for field in attrs.fields(cls)}
