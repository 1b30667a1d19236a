"""
JSON values that nobody can change.

What a user wrote in terms of Kubernetes itself (a container, a toleration) is kept as JSON, read-only.
`thaw` gives plain dicts and lists again, always fresh, for objects that are built from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# A JSON object, read-only. Values are scalars, tuples and further JsonMaps.
JsonMap = Mapping[str, Any]

EMPTY: JsonMap = MappingProxyType({})
# What most values are: asked first, since asking for the abstract Mapping takes several times as long.
_SCALARS = (str, int, float, type(None))


def freeze(value: object, *, drop_null: bool = False) -> object:
    """Return *value* with its objects and lists made read-only, at every depth.

    With *drop_null*, members that are null are left out: Kubernetes reads them as absent.
    """
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Mapping):
        members = value.items()
        return MappingProxyType(
            {k: freeze(v, drop_null=drop_null) for k, v in members if not (drop_null and v is None)}
        )
    if isinstance(value, list | tuple):
        return tuple(freeze(item, drop_null=drop_null) for item in value)
    return value


def thaw(value: JsonMap) -> dict[str, Any]:
    """Return *value* as plain dicts and lists that share nothing with it."""
    return {k: _thaw(v) for k, v in value.items()}


def _thaw(value: object) -> object:
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Mapping):
        return thaw(value)
    if isinstance(value, list | tuple):
        return [_thaw(item) for item in value]
    return value
