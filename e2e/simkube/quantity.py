"""Kubernetes quantities in the form in which an API server writes them: `1000m` is `1`, `1024Mi` is `1Gi`."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
import re

_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FORM = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei)|([numkMGTPE])|[eE]([+-]?\d+))?")
_SMALLEST = Decimal("1E-9")


def parse(text: str) -> Decimal:
    """The amount that *text* says; `ValueError` if it is no quantity."""
    return _split(text)[0]


def _split(text: str) -> tuple[Decimal, str]:
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    number = Decimal(match[1])
    if match[2]:
        return number * 1024 ** _BINARY.index(match[2]), "binary"
    if match[4]:
        return number.scaleb(int(match[4])), "exponent"
    return number.scaleb(_DECIMAL[match[3] or ""]), "decimal"


def canonical(text: str) -> str:
    """*text* with the largest unit that needs no fraction; `ValueError` if it is no quantity."""
    amount, form = _split(text)
    amount = amount.quantize(_SMALLEST, rounding=ROUND_UP)
    if not amount:
        return "0"
    if form == "binary" and abs(amount) >= 1024 and amount == amount.to_integral_value():
        return _binary(int(amount))
    if form == "binary" and amount == amount.to_integral_value():
        return str(int(amount))
    return _with_exponent(amount, plain=form == "exponent")


def _binary(amount: int) -> str:
    unit = 0
    while amount % 1024 == 0 and unit < len(_BINARY) - 1:
        amount //= 1024
        unit += 1
    return f"{amount}{_BINARY[unit]}"


def _with_exponent(amount: Decimal, *, plain: bool) -> str:
    exponent = -9
    digits = int(amount.scaleb(9))
    while digits % 1000 == 0 and exponent < 18:
        digits //= 1000
        exponent += 3
    if plain:
        return f"{digits}e{exponent}" if exponent else str(digits)
    unit = next(name for name, power in _DECIMAL.items() if power == exponent)
    return f"{digits}{unit}"
