"""
Kubernetes' own types, as `types.json` records them, and the reading of objects by them.

`types.json` is made by `types.go` from the Go types and OpenAPI definitions of Kubernetes 1.34: one
line a type. Reading does what Go's decoder and encoder do to an object that passes through a server:
unknown fields go, nulls go, fields that are always written appear, quantities take their canonical
form. It knows no rules about values.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
import functools
import importlib.resources
import json

from e2e.simkube import errors, quantity
from e2e.simkube.types import ANY, Field, Type
from e2e.simkube.values import Json, Object, microsecond, parse_time, second


@functools.cache
def _recorded() -> Mapping[str, Mapping[str, Json]]:
    text = importlib.resources.files("e2e.simkube").joinpath("types.json").read_text()
    recorded: Mapping[str, Mapping[str, Json]] = json.loads(text)
    return recorded


@functools.cache
def struct(name: str) -> Type:
    """The struct type of this name, such as `core.v1.Pod`."""
    recorded = _recorded()[name]
    facts = recorded.get("", {})
    required = facts.get("required", ())
    fields = {key: _field(entry, required=key in required) for key, entry in recorded.items() if key}
    return Type(shape="struct", name=name, fields=fields, atomic=facts.get("map") == "atomic")


def _field(entry: Mapping[str, Json], *, required: bool) -> Field:
    return Field(
        type=_type(entry, str(entry.get("of", ""))),
        pointer=entry.get("pointer", False),
        omit="omitempty" in entry or "omitzero" in entry,
        omit_struct="omitzero" in entry,
        enum=tuple(entry.get("enum", ())),
        default=entry.get("default"),
        required=required,
        wire=tuple(entry.get("wire", ())),
    )


def _type(entry: Mapping[str, Json], wrapping: str) -> Type:
    if wrapping.startswith("map of "):
        return Type(shape="map", element=_type(entry, wrapping[7:]))
    if wrapping == "map":
        return Type(shape="map", element=_type(entry, ""), atomic=entry.get("map") == "atomic")
    patch = str(entry.get("patch", ""))
    if wrapping == "list":
        kind = entry.get("list", "atomic")
        return Type(
            shape="list",
            element=_type({"type": entry["type"]}, ""),
            atomic=kind == "atomic",
            keys=tuple(entry.get("keys", ())) if kind == "map" else (),
            unique=kind == "set",
            merges="merge" in patch,
            merge_key=entry.get("merge", ""),
        )
    if entry["type"].startswith("#"):
        inner = struct(entry["type"][1:])
        if entry.get("map") == "atomic" and not inner.atomic:
            return Type(shape="struct", name=inner.name, fields=inner.fields, atomic=True)
        return inner
    if entry["type"] == "any":
        return ANY
    return Type(shape="scalar", scalar=entry["type"])


# The way to a value, put into words only when something is wrong with it.
_Where = tuple["_Where", str] | tuple[()]


def _spelled(where: _Where) -> str:
    return _spelled(where[0]) + where[1] if where else ""


_NOTHING: Object = {}


class Reader:
    """
    Reads one object; *unknown* collects the fields that its kind does not have.

    What is the very same value as in *known*, which has been read before, is taken as it is.
    """

    def __init__(self, known: Object = _NOTHING) -> None:
        self.unknown: list[str] = []
        self._known = known

    def read(self, type_: Type, found: Json, where: _Where = (), known: Json = None) -> Json:
        """*found* as a server would write it back; 400 if it is of the wrong type."""
        shape = type_.shape
        if shape == "scalar":
            return _SCALARS[type_.scalar](found, where)
        if shape == "struct":
            return self._struct(type_, found, where, known if where else self._known)
        if shape == "any":
            return found
        element = type_.element or ANY
        if shape == "list" and type(found) is list:
            return [self.read(element, item, (where, f"[{i}]")) for i, item in enumerate(found)]
        if shape == "map" and type(found) is dict:
            return {k: self.read(element, item, where) for k, item in found.items()}
        raise _mismatch(found, where, shape)

    def _struct(self, type_: Type, found: Json, where: _Where, known: Json) -> Object:
        if found is None:
            found = {}
        if type(found) is not dict:
            raise _mismatch(found, where, type_.name)
        known = known or _NOTHING
        fields = type_.fields
        result: Object = {}
        for name, value in found.items():
            field = fields.get(name)
            if field is None:
                self.unknown.append(f"{_spelled(where)}.{name}".removeprefix("."))
            elif value is not None:
                before = known.get(name)
                # Most values are texts, or have not changed: no need to look further.
                if value is before or (type(value) is str and field.type.scalar == "string"):
                    read = value
                else:
                    read = self.read(field.type, value, (where, f".{name}"), before)
                if not field.omit or not _left_out(field, read):
                    result[name] = read
        for name, make in _always(type_):
            if name not in result:
                result[name] = make()
        return result


def _left_out(field: Field, value: Json) -> bool:
    if type(value) in (list, dict):
        return not value and field.type.shape != "struct"
    return not field.pointer and (value is None or value in ("", 0, False))


@functools.cache
def _always(type_: Type) -> Sequence[tuple[str, Callable[[], Json]]]:
    """The fields that Go's encoder writes whatever they hold, with their empty values."""
    makers: dict[str, Callable[[], Json]] = {}
    for name, field in type_.fields.items():
        inner = field.type
        if inner.shape == "struct" and not field.pointer:
            if not field.omit_struct:
                makers[name] = functools.partial(Reader().read, inner, {})
        elif not field.omit or (
            inner.scalar in ("Time", "MicroTime") and not field.pointer and not field.omit_struct
        ):
            # Times are structs to Go, so omitempty does not leave them out.
            zero = None if field.pointer else _ZEROS.get(inner.scalar)
            makers[name] = functools.partial(_same, zero)
    return tuple(makers.items())


def _same(value: Json) -> Json:
    return value


_ZEROS: Mapping[str, Json] = {
    "string": "",
    "int32": 0,
    "int64": 0,
    "bool": False,
    "Quantity": "0",
    "IntOrString": 0,
}


def _mismatch(found: Json, where: _Where, wanted: str) -> errors.StatusError:
    names: Mapping[type, str] = {
        dict: "object",
        list: "array",
        str: "string",
        bool: "bool",
        int: "number",
        float: "number",
        type(None): "null",
    }
    return errors.bad_request(
        f"json: cannot unmarshal {names[type(found)]} into Go struct field "
        f"{_spelled(where).removeprefix('.')} of type {wanted}"
    )


def _string(found: Json, where: _Where) -> Json:
    if type(found) is str:
        return found
    raise _mismatch(found, where, "string")


def _bytes(found: Json, where: _Where) -> Json:
    text = _string(found, where)
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise errors.bad_request("illegal base64 data at input byte 0") from None
    return text


def _integer(bits: int) -> Callable[[Json, _Where], Json]:
    limit = 1 << (bits - 1)

    def read(found: Json, where: _Where) -> Json:
        if type(found) is float and found.is_integer():
            found = int(found)
        if type(found) is int and -limit <= found < limit:
            return found
        raise _mismatch(found, where, f"int{bits}")

    return read


def _bool(found: Json, where: _Where) -> Json:
    if type(found) is bool:
        return found
    raise _mismatch(found, where, "bool")


def _time(write: Callable[[float], str]) -> Callable[[Json, _Where], Json]:
    def read(found: Json, where: _Where) -> Json:
        if found is None:
            return None
        try:
            return write(parse_time(_string(found, where)))
        except ValueError:
            raise errors.bad_request(
                f'parsing time "{found}" as "2006-01-02T15:04:05Z07:00": cannot parse'
            ) from None

    return read


def _micro_time(found: Json, where: _Where) -> Json:
    # Go parses a MicroTime with exactly six digits; other forms that RFC 3339 allows are refused.
    text = _string(found, where)
    try:
        if "." in text and len(text.partition(".")[2].rstrip("Z").partition("+")[0]) == 6:
            return microsecond(parse_time(text))
    except ValueError:
        pass
    raise errors.bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse')


def _quantity(found: Json, where: _Where) -> Json:
    text = str(found) if type(found) in (int, float) else _string(found, where)
    try:
        return quantity.canonical(text)
    except ValueError as error:
        raise errors.bad_request(str(error)) from None


def _int_or_string(found: Json, where: _Where) -> Json:
    if type(found) is int or type(found) is str:
        return found
    raise _mismatch(found, where, "intstr.IntOrString")


def _anything(found: Json, where: _Where) -> Json:
    return found


_SCALARS: Mapping[str, Callable[[Json, _Where], Json]] = {
    "string": _string,
    "int32": _integer(32),
    "int64": _integer(64),
    "bool": _bool,
    "bytes": _bytes,
    "Time": _time(second),
    "MicroTime": _micro_time,
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "any": _anything,
}
