"""The patch that makes one status of another."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.reconcile.finish import difference

Json = dict[str, Any]

# Values as encoded statuses have them: no nulls, since an absent field is left out.
leaves = (
    st.integers(0, 3) | st.text("ab", max_size=2) | st.booleans() | st.lists(st.integers(0, 2), max_size=2)
)
statuses = st.dictionaries(
    st.sampled_from("pqr"),
    st.recursive(
        leaves, lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3), max_leaves=6
    ),
)


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7386 says."""
    if not isinstance(patch, dict):
        return patch
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(statuses, statuses)
def test_the_patch_makes_the_new_of_the_old(old: Json, new: Json) -> None:
    """Applied as the API server does, it leaves exactly the new status."""
    assert merged(old, difference(old, new)) == new


@given(statuses)
def test_equal_statuses_need_no_patch(status: Json) -> None:
    """What did not change is not written."""
    assert difference(status, copy.deepcopy(status)) == {}


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({"phase": "Pending"}, {"phase": "Running"}, {"phase": "Running"}),
        ({"a": 1, "b": 2}, {"b": 2}, {"a": None}),
        (
            {"racks": {"r1": {"p": 1, "q": 2}}},
            {"racks": {"r1": {"p": 1, "q": 3}}},
            {"racks": {"r1": {"q": 3}}},
        ),
        ({"racks": {"r1": 1}}, {"racks": {}}, {"racks": {"r1": None}}),
        ({"seeds": [1, 2]}, {"seeds": [1]}, {"seeds": [1]}),
        ({}, {"nodes": {"a": {"ip": "x"}}}, {"nodes": {"a": {"ip": "x"}}}),
    ],
)
def test_only_what_changed_is_in_the_patch(old: Json, new: Json, patch: Json) -> None:
    """So fields of other writers, which neither status knows, stay as they are."""
    assert difference(old, new) == patch
