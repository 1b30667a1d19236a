"""What a reader may rely on: frozen JSON is JSON in every respect but that it cannot be changed."""

from __future__ import annotations

from collections.abc import Callable
import copy
import json
from types import MappingProxyType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.kube.frozen import FrozenDict, FrozenList, freeze

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=20
)


@given(json_values)
def test_freezing_changes_nothing_that_can_be_seen(value: Any) -> None:
    """It equals what it was made from, both ways, and encodes alike."""
    frozen = freeze(value)

    assert frozen == value
    assert value == frozen
    assert json.dumps(frozen) == json.dumps(value)
    assert freeze(frozen) is frozen


@given(json_values)
def test_a_deep_copy_is_plain_again(value: Any) -> None:
    """It may be changed, all the way down, and the original does not notice."""
    frozen = freeze(value)
    copied = copy.deepcopy(frozen)

    assert copied == value
    assert not any(isinstance(each, FrozenDict | FrozenList) for each in walk(copied))
    assert all(isinstance(each, FrozenDict | FrozenList) for each in walk(frozen))


def walk(value: Any) -> list[Any]:
    """Return the dicts and lists in *value*."""
    if isinstance(value, dict):
        return [value, *(each for inner in value.values() for each in walk(inner))]
    if isinstance(value, list):
        return [value, *(each for inner in value for each in walk(inner))]
    return []


def test_read_only_mappings_and_tuples_are_taken() -> None:
    """What others hold read-only comes out as JSON."""
    frozen = freeze(MappingProxyType({"a": ({"b": 1},)}))

    assert frozen == {"a": [{"b": 1}]}
    assert isinstance(frozen["a"], FrozenList)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("a", 2),
        lambda d: d.__delitem__("a"),
        lambda d: d.__ior__({"b": 1}),
        lambda d: d.clear(),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.setdefault("b", 1),
        lambda d: d.update(b=1),
    ],
)
def test_an_object_cannot_be_changed(change: Callable[[Any], object]) -> None:
    """Every way that a dict has is refused, and nothing has changed."""
    frozen = freeze({"a": 1})

    with pytest.raises(TypeError, match="cannot be changed"):
        change(frozen)

    assert frozen == {"a": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.__setitem__(0, 2),
        lambda x: x.__delitem__(0),
        lambda x: x.__iadd__([1]),
        lambda x: x.__imul__(2),
        lambda x: x.append(1),
        lambda x: x.clear(),
        lambda x: x.extend([1]),
        lambda x: x.insert(0, 1),
        lambda x: x.pop(),
        lambda x: x.remove(1),
        lambda x: x.reverse(),
        lambda x: x.sort(),
    ],
)
def test_a_list_cannot_be_changed(change: Callable[[Any], object]) -> None:
    """Every way that a list has is refused, and nothing has changed."""
    frozen = freeze([1])

    with pytest.raises(TypeError, match="cannot be changed"):
        change(frozen)

    assert frozen == [1]


def test_joining_gives_something_plain() -> None:
    """`|`, unpacking and shallow copies are the ordinary way to something that may be changed."""
    joined = freeze({"a": 1}) | {"b": 2}
    added = [1, *freeze([2])]
    joined["c"] = 3
    added.append(3)

    assert joined == {"a": 1, "b": 2, "c": 3}
    assert added == [1, 2, 3]
    assert type(copy.copy(freeze({}))) is dict
    assert type(copy.copy(freeze([]))) is list
