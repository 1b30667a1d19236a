"""
Structural schemas of custom kinds: compiled once, then used to prune, default and validate.

A schema that says something which is not understood here is refused with 501 when the
CustomResourceDefinition is written: nothing is half checked. CEL rules (`x-kubernetes-validations`)
are among that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import re

import attrs

from e2e.simkube import errors
from e2e.simkube.types import ANY, Field, Type
from e2e.simkube.values import Json, Object

_UNDERSTOOD = frozenset(
    {
        "additionalProperties",
        "allOf",
        "anyOf",
        "default",
        "description",
        "enum",
        "example",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "externalDocs",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "nullable",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
    }
)
FORMATS = frozenset({"byte", "date", "date-time", "double", "float", "int32", "int64", "password"})
# Formats that a real server checks and this one does not.
_UNCHECKED = frozenset(
    {
        "bsonobjectid",
        "cidr",
        "creditcard",
        "datetime",
        "duration",
        "email",
        "hexcolor",
        "hostname",
        "ipv4",
        "ipv6",
        "isbn",
        "isbn10",
        "isbn13",
        "k8s-long-name",
        "k8s-short-name",
        "mac",
        "rgbcolor",
        "ssn",
        "uri",
        "uuid",
        "uuid3",
        "uuid4",
        "uuid5",
    }
)
_EMBEDDED = ("apiVersion", "kind", "metadata")


@attrs.frozen(kw_only=True, eq=False)
class Schema:
    """One level of a structural schema. *raw* holds the rules about values as they were written."""

    raw: Mapping[str, Json]
    type: str = ""
    properties: Mapping[str, Schema] = attrs.field(factory=dict)
    additional: Schema | None = None
    items: Schema | None = None
    # Value rules of allOf, anyOf, oneOf, not.
    juncts: Mapping[str, Sequence[Schema]] = attrs.field(factory=dict)
    preserves: bool = False
    embedded: bool = False
    int_or_string: bool = False
    nullable: bool = False
    pattern: re.Pattern[str] | None = None
    required: tuple[str, ...] = ()

    @property
    def has_default(self) -> bool:
        """Whether the schema gives a default."""
        return "default" in self.raw


def compile_schema(raw: Json, where: str = "") -> Schema:
    """*raw* as a `Schema`; 501 if it says what is not understood here."""
    if not isinstance(raw, dict):
        raise errors.bad_request(f"the schema at {where or 'the top'} is no object")
    for name in raw:
        if name not in _UNDERSTOOD:
            raise errors.lacking(f"the schema keyword {name} (at {where or 'the top'})")
    if raw.get("format") in _UNCHECKED:
        raise errors.lacking(f"checks of the format {raw['format']} (at {where})")
    additional = raw.get("additionalProperties")
    juncts = {
        name: [compile_schema(one, where) for one in raw[name]]
        for name in ("allOf", "anyOf", "oneOf")
        if name in raw
    }
    if "not" in raw:
        juncts["not"] = [compile_schema(raw["not"], where)]
    properties = {
        name: compile_schema(one, f"{where}.{name}") for name, one in (raw.get("properties") or {}).items()
    }
    return Schema(
        raw=raw,
        type=raw.get("type", ""),
        properties=properties,
        additional=compile_schema(additional, f"{where}.*") if _is_schema(additional) else None,
        items=compile_schema(raw["items"], f"{where}[]") if raw.get("items") else None,
        juncts=juncts,
        preserves=bool(raw.get("x-kubernetes-preserve-unknown-fields")) or additional is True,
        embedded=bool(raw.get("x-kubernetes-embedded-resource")),
        int_or_string=bool(raw.get("x-kubernetes-int-or-string")),
        nullable=bool(raw.get("nullable")),
        pattern=_pattern(raw["pattern"]) if raw.get("pattern") else None,
        required=tuple(raw.get("required") or ()),
    )


def _is_schema(found: Json) -> bool:
    return isinstance(found, dict)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise errors.lacking(f"the pattern {text!r}, which Python cannot read ({error})") from None


def type_of(schema: Schema) -> Type:
    """The shape of the values, for merging and field ownership."""
    if schema.int_or_string:
        return Type(shape="scalar", scalar="IntOrString")
    atomic = schema.raw.get("x-kubernetes-map-type") == "atomic"
    if schema.items is not None:
        return _list_type(schema, schema.items)
    if schema.properties or schema.embedded:
        fields = {name: Field(type=type_of(one)) for name, one in schema.properties.items()}
        return Type(shape="struct", fields=fields, atomic=atomic, open=schema.preserves)
    if schema.additional is not None:
        return Type(shape="map", element=type_of(schema.additional), atomic=atomic)
    if schema.preserves or schema.type in ("", "array"):
        return ANY
    if schema.type == "object":
        return Type(shape="map", element=ANY, atomic=atomic)
    return Type(shape="scalar", scalar=schema.type)


def _list_type(schema: Schema, items: Schema) -> Type:
    kind = schema.raw.get("x-kubernetes-list-type", "atomic")
    return Type(
        shape="list",
        element=type_of(items),
        atomic=kind == "atomic",
        unique=kind == "set",
        keys=tuple(schema.raw.get("x-kubernetes-list-map-keys") or ()) if kind == "map" else (),
    )


def prune(schema: Schema, value: Json, where: str, unknown: list[str]) -> Json:
    """*value* without the fields that the schema does not have; their paths go into *unknown*."""
    if isinstance(value, list) and schema.items is not None:
        items = schema.items
        return [prune(items, one, f"{where}[{i}]", unknown) for i, one in enumerate(value)]
    if not isinstance(value, dict) or schema.int_or_string:
        return value
    result: Object = {}
    for name, one in value.items():
        path = f"{where}.{name}" if where else name
        inner = schema.properties.get(name) or schema.additional
        if inner is not None:
            result[name] = prune(inner, one, path, unknown)
        elif schema.preserves or (schema.embedded and name in _EMBEDDED):
            result[name] = one
        else:
            unknown.append(path)
    return result


def default(schema: Schema, value: Json) -> None:
    """Fill the defaults of the schema into *value*."""
    if isinstance(value, dict):
        _default_fields(schema, value)
    elif isinstance(value, list) and schema.items is not None:
        for one in value:
            default(schema.items, one)


def _default_fields(schema: Schema, value: Object) -> None:
    for name, inner in schema.properties.items():
        if name in value and value[name] is None and not inner.nullable:
            # A null where none may be counts as nothing.
            del value[name]
        if name not in value and inner.has_default:
            value[name] = _copied(inner.raw["default"])
        if name in value:
            default(inner, value[name])
    if schema.additional is not None:
        for name, one in value.items():
            if name not in schema.properties:
                default(schema.additional, one)


def _copied(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
