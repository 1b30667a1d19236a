"""What a reader may rely on about Kubernetes quantities."""

from __future__ import annotations

import decimal

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2 import quantity

QUANTITIES = st.from_regex(
    r"[+-]?([0-9]{1,6}(\.[0-9]{0,4})?|\.[0-9]{1,4})(Ki|Mi|Gi|Ti|[numkMGT]|e[0-9]|E-?[0-9])?", fullmatch=True
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0.5", "500m"),
        ("500m", "500m"),
        ("2", "2"),
        (2, "2"),
        ("2000m", "2"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1000Mi", "1000Mi"),
        ("512Ki", "512Ki"),
        ("1023", "1023"),
        ("1000", "1k"),
        ("1500", "1500"),
        ("100000000", "100M"),
        ("1e3", "1e3"),
        ("12e4", "120e3"),
        ("1E", "1E"),
        ("0Gi", "0"),
        ("0.0000000001", "1n"),
        ("+1", "1"),
        ("-1Gi", "-1Gi"),
        ("1.", "1"),
        (".5", "500m"),
    ],
)
def test_a_quantity_is_written_as_an_api_server_stores_it(written: object, stored: str) -> None:
    """`canonical` gives the text that comes back from an API server."""
    assert quantity.canonical(written) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 Gi",
        "Gi",
        "1gi",
        "1.2.3",
        "1Gi1",
        "--1",
        "1e",
        "one",
        "1i",
        " 1",
        "1\n",
        "1e99",
        "9Ei",
        "1" * 80,
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    """The message shows how a quantity looks, or how large it may be."""
    with pytest.raises(quantity.QuantityError, match=r"1Gi|8Ei"):
        quantity.parse(text)


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}])
def test_only_texts_and_whole_numbers_are_quantities(value: object) -> None:
    """Nothing is coerced."""
    with pytest.raises(quantity.QuantityError):
        quantity.parse(value)


def test_quantities_compare_as_numbers() -> None:
    """Two ways of writing one amount are equal, and a suffix does not fool an order."""
    assert quantity.parse("1024Mi") == quantity.parse("1Gi")
    assert quantity.parse("1G") < quantity.parse("1Gi")
    assert quantity.parse("100m") == decimal.Decimal("0.1")


@given(QUANTITIES)
def test_canonical_keeps_the_value_and_is_stable(text: str) -> None:
    """Writing anew changes neither the amount nor, the second time, the text."""
    stored = quantity.canonical(text)

    assert quantity.parse(stored) == quantity.parse(text)
    assert quantity.canonical(stored) == stored
