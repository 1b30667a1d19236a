"""What a reader may rely on: what is sent is read as what was meant, by readers of JSON and of YAML alike."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
import pytest
import yaml

from controller.kube.encoding import encode

# What the two disagree about, and what either refuses.
SPECIAL = st.sampled_from('\0\t\n\r"\\\x1f\x7f\x85\x9f\u2028\u2029\ufeff\ufffe\uffff😀\U0010ffff:#é字')
CHARACTERS = st.characters(exclude_categories=["Cs"]) | SPECIAL
TEXTS = st.text(CHARACTERS, max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_readers_of_json_and_of_yaml_read_the_same(value: object) -> None:
    """Whatever characters are in it: PyYAML refuses what Go's YAML refuses."""
    sent = encode(value)

    assert json.loads(sent) == value
    assert yaml.safe_load(sent) == value


def test_characters_beyond_the_first_plane_stand_for_themselves() -> None:
    """As two escapes they would be refused: YAML knows no halves of characters."""
    assert encode({"motd": "😀"}) == '{"motd":"😀"}'.encode()


def test_what_yaml_does_not_print_is_escaped() -> None:
    """Raw, a control character is an error, and a line separator is read as a space."""
    assert encode("\x7f\x85\u2028\ufeff") == rb'"\u007f\u0085\u2028\ufeff"'


def test_half_a_character_becomes_the_replacement_character() -> None:
    """Python may hold one, UTF-8 may not; Go does the same."""
    assert json.loads(encode("a\ud83db")) == "a\ufffdb"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_has_no_number_for_is_a_bug(number: float) -> None:
    """It is refused here, and not by the server."""
    with pytest.raises(ValueError, match="JSON"):
        encode({"seconds": number})
