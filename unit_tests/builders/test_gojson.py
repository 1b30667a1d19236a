"""JSON that is written as Go writes it."""

from __future__ import annotations

import json
from types import MappingProxyType

from hypothesis import given
import pytest

from controller.builders import gojson
from unit_tests import strategies


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ("<a> & b", r'"\u003ca\u003e \u0026 b"'),
        ("\u2028 é 漢", '"\\u2028 é 漢"'),
        ("\ud800", '"\ufffd"'),
        (16.0, "16"),
        (0.5, "0.5"),
        (-0.0, "0"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-9, "1.5e-9"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (2**53 + 1, "9007199254740992"),
        (12345678901234567890, "12345678901234567000"),
        (MappingProxyType({"a": (1, 2)}), '{"a":[1,2]}'),
    ],
)
def test_texts_are_gos(value: object, text: str) -> None:
    """Numbers go through a 64-bit float, as they did in CassKop."""
    assert gojson.dumps(value) == text


@given(strategies.configs)
def test_it_is_json(value: dict[str, object]) -> None:
    """What is read back is what was written, but for whole numbers without a fraction."""
    assert json.loads(gojson.dumps(value)) == value
