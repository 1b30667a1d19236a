"""
Kubernetes quantities: `500m`, `1Gi`, `1e3`.

Reading is strict: what an API server would refuse is refused here, with words that help. Quantities are
compared as decimals, so `1024Mi` equals `1Gi`. `canonical` writes a quantity the way an API server
stores it, so that what we send and what we read back are the same text.
"""

from __future__ import annotations

import decimal
import functools
import re

_FORM = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_SCALE = {suffix: decimal.Decimal(10) ** power for power, suffix in _DECIMAL.items()} | {
    suffix: decimal.Decimal(1024) ** power for power, suffix in enumerate(_BINARY)
}
_NANO = decimal.Decimal("1e-9")
# An API server caps what is larger; nobody means it.
_LIMIT = decimal.Decimal(2**63)
_LONGEST = 64
_LARGEST_EXPONENT = 40
_CONTEXT = decimal.Context(prec=160)


class QuantityError(ValueError):
    """A text is no Kubernetes quantity; the message says why and how one looks."""


def parse(quantity: object) -> decimal.Decimal:
    """Return the value of *quantity*, a text or a whole number, in units (bytes, cores).

    Finer than a billionth is rounded away from zero, as in Kubernetes. Raises `QuantityError`.
    """
    return _read(quantity)[0]


def canonical(quantity: object) -> str:
    """Return *quantity* as an API server stores it: `0.5` as `500m`, `1024Mi` as `1Gi`.

    Raises `QuantityError`.
    """
    value, form = _read(quantity)
    if form == "binary" and abs(value) >= 1024 and value == value.to_integral_value():  # noqa: PLR2004 # one Ki
        whole, power = int(value), 0
        while whole % 1024 == 0 and power + 1 < len(_BINARY):
            whole, power = whole // 1024, power + 1
        return f"{whole}{_BINARY[power]}"
    whole, power = int(_CONTEXT.divide(value, _NANO)), -9
    if whole == 0:
        return "0"
    while whole % 1000 == 0 and power < max(_DECIMAL):
        whole, power = whole // 1000, power + 3
    if form == "exponent":
        return f"{whole}e{power}" if power else str(whole)
    return f"{whole}{_DECIMAL[power]}"


def _read(quantity: object) -> tuple[decimal.Decimal, str]:
    """Return the value and the family of suffixes it was written in."""
    if isinstance(quantity, bool) or not isinstance(quantity, str | int):
        raise QuantityError("is not a quantity; write a text such as 500m, 2 or 1Gi")
    return _read_text(str(quantity))


# A cluster's volumes are all of a few sizes, and each is looked at in every reconcile.
@functools.lru_cache(maxsize=256)
def _read_text(text: str) -> tuple[decimal.Decimal, str]:
    match = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise QuantityError(f"{text[:_LONGEST]!r} is not a quantity; write a number such as 500m, 2 or 1Gi")
    scale, form = decimal.Decimal(1), "decimal"
    if match["exponent"] is not None:
        form = "exponent"
        exponent = int(match["exponent"])
        if abs(exponent) > _LARGEST_EXPONENT:
            raise QuantityError(f"{text!r} is out of range; write a number such as 500m, 2 or 1Gi")
        scale = _CONTEXT.scaleb(decimal.Decimal(1), exponent)
    elif match["suffix"] is not None:
        form = "binary" if match["suffix"] in _BINARY else "decimal"
        scale = _SCALE[match["suffix"]]
    value = _CONTEXT.multiply(decimal.Decimal(match["number"]), scale)
    value = value.quantize(_NANO, rounding=decimal.ROUND_UP, context=_CONTEXT)
    if abs(value) >= _LIMIT:
        raise QuantityError(f"{text!r} is too large; the largest possible is below 8Ei")
    return value, form
