"""
The shape of objects: what fields there are, what they hold, and how lists and maps are merged.

One vocabulary for Kubernetes' own kinds (`builtin.py`) and for custom ones (`schema.py`), so that
patching, server-side apply and field ownership are written once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from json.encoder import encode_basestring_ascii

import attrs

from e2e.simkube.values import Json, Object

_compact = json.JSONEncoder(separators=(",", ":")).encode


@attrs.frozen(kw_only=True, eq=False)
class Type:
    """
    What a value may be.

    *shape* is struct (known fields), map (any keys, like values), list, scalar, or any (no schema).
    """

    shape: str
    scalar: str = ""  # of a scalar: string, int32, int64, bool, bytes, Time, Quantity...
    name: str = ""  # of a struct of Kubernetes' own
    fields: Mapping[str, Field] = attrs.field(factory=dict)
    element: Type | None = None  # of a map or list
    atomic: bool = False  # owned and replaced as a whole
    keys: tuple[str, ...] = ()  # of a list: the fields that tell its items apart
    unique: bool = False  # of a list: a set of scalars
    merge_key: str = ""  # strategic merge patch: the field that tells items apart
    merges: bool = False  # strategic merge patch: a list that is merged, not replaced
    retains_keys: bool = False  # strategic merge patch: a union, which $retainKeys cleans up
    open: bool = False  # unknown fields are kept

    def child(self, name: str) -> Type:
        """The type of a field or of a map's values."""
        field = self.fields.get(name)
        if field is not None:
            return field.type
        return self.element or ANY


@attrs.frozen(kw_only=True, eq=False)
class Field:
    """A field of a struct, with what Go's encoder does to it."""

    type: Type
    pointer: bool = False
    omit: bool = False  # left out when empty
    omit_struct: bool = False  # left out also when it is an empty struct
    enum: tuple[str, ...] = ()
    default: Json = None
    required: bool = False
    wire: tuple[int, ...] = ()  # protobuf field numbers on the way to it


ANY = Type(shape="any", open=True)


def deduce(found: Json) -> Type:
    """The type of a value that has no schema: maps merge, lists are replaced."""
    if isinstance(found, dict):
        return _ANY_MAP
    if isinstance(found, list):
        return _ANY_LIST
    return _ANY_SCALAR


_ANY_MAP = Type(shape="map", element=ANY, open=True)
_ANY_LIST = Type(shape="list", element=ANY, atomic=True)
_ANY_SCALAR = Type(shape="scalar", scalar="any")


def item_key(type_: Type, item: Json) -> str:
    """How the ownership of an item of an associative list or a set is written down."""
    if type_.unique:
        return f"v:{_compact(item)}"
    fields = type_.element.fields if type_.element is not None else {}
    parts = []
    for name in sorted(type_.keys):
        value = item.get(name) if isinstance(item, dict) else None
        if value is None and name in fields:
            value = fields[name].default
        # Nearly all keys are names; the encoder proper is much slower.
        parts.append(f'"{name}":{encode_basestring_ascii(value) if type(value) is str else _compact(value)}')
    return f"k:{{{','.join(parts)}}}"


def indexed(type_: Type, items: Sequence[Json]) -> dict[str, Json]:
    """The items of an associative list or set by their key; the first of a kind wins."""
    found: dict[str, Json] = {}
    for item in items:
        found.setdefault(item_key(type_, item), item)
    return found


def empty(found: Json) -> bool:
    """Whether Go's encoder takes a value for empty."""
    return found is None or found in ("", 0, False) or (isinstance(found, list | dict) and not found)


def struct_fields(type_: Type, found: Object) -> list[str]:
    """The names in *found* that *type_* does not know."""
    if type_.shape != "struct" or type_.open:
        return []
    return [name for name in found if name not in type_.fields]
