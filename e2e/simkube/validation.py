"""Validation of custom objects by their structural schema."""

from __future__ import annotations

import base64
import binascii
from datetime import date
import re

from e2e.simkube.errors import Problems, shown
from e2e.simkube.schema import Schema, type_of
from e2e.simkube.types import item_key
from e2e.simkube.values import Json, Object, parse_time

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_NAMES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_INT_LIMITS = {"int32": 1 << 31, "int64": 1 << 63}


def validate(schema: Schema, value: Json, where: str, problems: Problems) -> None:
    """Report where *value* does not fit *schema*."""
    if value is None:
        if not schema.nullable:
            _wrong_type(schema, value, where, problems)
        return
    if not _fits(schema, value):
        _wrong_type(schema, value, where, problems)
        return
    _enum(schema, value, where, problems)
    if isinstance(value, dict):
        _object(schema, value, where, problems)
    elif isinstance(value, list):
        _array(schema, value, where, problems)
    elif isinstance(value, str):
        _string(schema, value, where, problems)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(schema, value, where, problems)
    _juncts(schema, value, where, problems)


def _fits(schema: Schema, value: Json) -> bool:
    if schema.int_or_string:
        return isinstance(value, int | str) and not isinstance(value, bool)
    wanted = _TYPES.get(schema.type)
    if wanted is None:
        return True
    if isinstance(value, bool):
        return schema.type == "boolean"
    if schema.type == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, wanted)


def _wrong_type(schema: Schema, value: Json, where: str, problems: Problems) -> None:
    wanted = "integer,string" if schema.int_or_string else schema.type
    kind = _NAMES[type(value)]
    problems.wrong_type(where, kind, f'{_named(where)} must be of type {wanted}: "{kind}"')


def _named(where: str) -> str:
    return f"{where} in body"


def _enum(schema: Schema, value: Json, where: str, problems: Problems) -> None:
    allowed = schema.raw.get("enum")
    if allowed is not None and value not in allowed:
        problems.unsupported(where, value, [_text(one) for one in allowed])


def _text(value: Json) -> str:
    return value if isinstance(value, str) else shown(value)


def _object(schema: Schema, value: Object, where: str, problems: Problems) -> None:
    for name in schema.required:
        if name not in value:
            problems.required(f"{where}.{name}" if where else name)
    count = len(value)
    most, least = schema.raw.get("maxProperties"), schema.raw.get("minProperties")
    if most is not None and count > most:
        problems.invalid(where, count, f"must have at most {most} items")
    if least is not None and count < least:
        problems.invalid(where, shown(value), f"{_named(where)} should have at least {least} properties")
    for name, one in value.items():
        inner = schema.properties.get(name) or schema.additional
        if inner is not None:
            validate(inner, one, f"{where}.{name}" if where else name, problems)


def _array(schema: Schema, value: list[Json], where: str, problems: Problems) -> None:
    most, least = schema.raw.get("maxItems"), schema.raw.get("minItems")
    if most is not None and len(value) > most:
        problems.too_many(where, len(value), most)
    if least is not None and len(value) < least:
        problems.invalid(where, len(value), f"{_named(where)} should have at least {least} items")
    if schema.items is not None:
        for index, one in enumerate(value):
            validate(schema.items, one, f"{where}[{index}]", problems)
    _unique(schema, value, where, problems)


def _unique(schema: Schema, value: list[Json], where: str, problems: Problems) -> None:
    if schema.raw.get("x-kubernetes-list-type") not in ("map", "set"):
        return
    kind = type_of(schema)
    seen: set[str] = set()
    for index, one in enumerate(value):
        key = item_key(kind, one)
        if key in seen:
            shown_key = one if kind.unique else {name: one.get(name) for name in kind.keys}
            problems.duplicate(f"{where}[{index}]", shown_key)
        seen.add(key)


def _string(schema: Schema, value: str, where: str, problems: Problems) -> None:
    raw = schema.raw
    most, least = raw.get("maxLength"), raw.get("minLength")
    # A real server reports the first of these only.
    if most is not None and len(value) > most:
        problems.too_long(where, most)
    elif least is not None and len(value) < least:
        problems.invalid(where, value, f"{_named(where)} should be at least {least} chars long")
    elif schema.pattern is not None and not schema.pattern.search(value):
        problems.invalid(where, value, f"{_named(where)} should match '{raw['pattern']}'")
    form = raw.get("format")
    if form in _FORMATS and not _FORMATS[form](value):
        problems.wrong_type(where, value, f"{_named(where)} must be of type {form}: {shown(value)}")


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text))


def _is_bytes(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


_FORMATS = {"date-time": _is_time, "date": _is_date, "byte": _is_bytes}


def _number(schema: Schema, value: float, where: str, problems: Problems) -> None:
    raw = schema.raw
    least, most, step = raw.get("minimum"), raw.get("maximum"), raw.get("multipleOf")
    if least is not None:
        strict = raw.get("exclusiveMinimum")
        if value < least or (strict and value == least):
            text = "greater than" if strict else "greater than or equal to"
            problems.invalid(where, value, f"{_named(where)} should be {text} {_plain(least)}")
    if most is not None:
        strict = raw.get("exclusiveMaximum")
        if value > most or (strict and value == most):
            text = "less than" if strict else "less than or equal to"
            problems.invalid(where, value, f"{_named(where)} should be {text} {_plain(most)}")
    if step and value % step:
        problems.invalid(where, value, f"{_named(where)} should be a multiple of {_plain(step)}")
    limit = _INT_LIMITS.get(raw.get("format", ""))
    if limit is not None and not -limit <= value < limit:
        problems.invalid(where, value, f"{_named(where)} must be of type {raw['format']}")


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _juncts(schema: Schema, value: Json, where: str, problems: Problems) -> None:
    for one in schema.juncts.get("allOf", ()):
        validate(one, value, where, problems)
    texts = {
        "anyOf": f"{_named(where)} must validate at least one schema (anyOf)",
        "oneOf": f"{_named(where)} must validate one and only one schema (oneOf)",
        "not": f"{_named(where)} must not validate the schema (not)",
    }
    for name, text in texts.items():
        if name not in schema.juncts:
            continue
        fitting = sum(_valid(one, value, where) for one in schema.juncts[name])
        right = {"anyOf": fitting > 0, "oneOf": fitting == 1, "not": fitting == 0}[name]
        if not right:
            problems.invalid(where, "", text)


def _valid(schema: Schema, value: Json, where: str) -> bool:
    problems = Problems()
    validate(schema, value, where, problems)
    return not problems
