"""
JSON as Go writes it: compact, members sorted, `<`, `>` and `&` escaped, numbers as Go prints them.

CassKop put such texts into pod templates. A text that differs by a character would restart a database.
"""

from __future__ import annotations

from collections.abc import Mapping
import decimal
import json

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
# Go turns to exponents outside of these.
_SMALL, _LARGE = 1e-6, 1e21
# Beyond this, Go's float64 does not hold every whole number.
_EXACT = 2**53


def dumps(value: object) -> str:
    """Return *value*, made of JSON's types and read-only variants of them, as one line of JSON."""
    match value:
        case Mapping():
            return "{" + ",".join(f"{_text(k)}:{dumps(v)}" for k, v in sorted(value.items())) + "}"
        case list() | tuple():
            return "[" + ",".join(map(dumps, value)) + "]"
        case str():
            return _text(value)
        case float():
            return _float(value)
        case int() if not isinstance(value, bool) and abs(value) > _EXACT:
            return _float(float(value))
        case _:
            return json.dumps(value)


def _text(text: str) -> str:
    """Write a string. Halves of surrogate pairs, which have no place in UTF-8, are replaced."""
    sound = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(sound, ensure_ascii=False).translate(_ESCAPES)


def _float(value: float) -> str:
    """Write a float with the fewest digits that tell it from its neighbours, as Go does."""
    if value == 0:
        return "0"
    if _SMALL <= abs(value) < _LARGE:
        digits = format(decimal.Decimal(repr(value)), "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
