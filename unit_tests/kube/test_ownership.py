"""What a reader may rely on: ownership moves once, as a whole, and what is not ours to move stays."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2 import names
from controller.kube.ownership import take_over

SPARED = f"f:{names.CASSKOP_LAST_APPLIED}"


def entry(manager: str, operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    """Return an entry of managedFields."""
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


CASSKOP = entry(
    "casskop",
    "Update",
    {
        "f:metadata": {"f:annotations": {".": {}, SPARED: {}}, "f:labels": {".": {}, "f:app": {}}},
        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {'k:{"name":"x"}': {".": {}, "f:image": {}}}}},
    },
)
STATUS = entry("kube-controller-manager", "Update", {"f:status": {"f:replicas": {}}}, subresource="status")


def taken(managed: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """Return managedFields after the patch."""
    patch = take_over(managed, resource_version="7", makers={"casskop"}, **more)
    assert patch is not None
    assert patch[1] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert (patch[0]["op"], patch[0]["path"]) == ("replace", "/metadata/managedFields")
    entries: list[dict[str, Any]] = patch[0]["value"]
    return entries


def test_the_fields_of_the_maker_become_ours() -> None:
    """As an applied set of ours; the maker keeps the annotation that it would need to come back."""
    status, left, ours = taken([CASSKOP, STATUS])

    assert status == STATUS
    assert left == {**CASSKOP, "fieldsV1": {"f:metadata": {"f:annotations": {SPARED: {}}}}}
    assert (ours["manager"], ours["operation"], ours["apiVersion"]) == ("casskop-py", "Apply", "apps/v1")
    assert ours["fieldsV1"] == {
        "f:metadata": {"f:annotations": {".": {}}, "f:labels": {".": {}, "f:app": {}}},
        "f:spec": CASSKOP["fieldsV1"]["f:spec"],
    }


def test_it_is_done_once() -> None:
    """After it there is nothing more to move."""
    assert take_over(taken([CASSKOP, STATUS]), resource_version="8", makers={"casskop"}) is None


@pytest.mark.parametrize(
    "managed",
    [
        [],
        [STATUS],
        [entry("kubectl", "Update", {"f:spec": {}})],
        [entry("casskop", "Apply", {"f:spec": {}})],
        [entry("casskop", "Update", {"f:status": {}}, subresource="status")],
        [entry("casskop", "Update", {})],
        [entry("casskop", "Update", {"f:metadata": {"f:annotations": {SPARED: {}}}})],
    ],
)
def test_what_is_not_the_makers_is_left_alone(managed: list[dict[str, Any]]) -> None:
    """Others' entries, applied ones, status, and what is spared are nothing to move."""
    assert take_over(managed, resource_version="7", makers={"casskop"}) is None


def test_what_we_applied_already_is_joined() -> None:
    """Also when we came first: there is one applied set of ours afterwards, with both in it."""
    ours = entry("casskop-py", "Apply", {"f:spec": {"f:updateStrategy": {}}}, time="2026-02-01T00:00:00Z")

    after = [each for each in taken([CASSKOP, ours]) if each["operation"] == "Apply"]

    assert len(after) == 1
    assert set(after[0]["fieldsV1"]["f:spec"]) == {"f:replicas", "f:template", "f:updateStrategy"}
    assert after[0]["time"] == "2026-02-01T00:00:00Z"


def test_fields_at_another_version_of_the_api_are_let_go() -> None:
    """Their paths may mean something else; they are left to nobody, and so to whoever sends them next."""
    older = entry("casskop", "Update", {"f:spec": {"f:old": {}}}, apiVersion="apps/v1beta1")

    after = taken([CASSKOP, older])

    assert [each["operation"] for each in after] == ["Update", "Apply"]
    assert "f:old" not in after[1]["fieldsV1"]["f:spec"]


field_sets: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "f:c", "."]), inner),
    max_leaves=10,
)


def paths(fields: dict[str, Any], *way: str) -> set[tuple[str, ...]]:
    """Return the leaves of a set of fields."""
    found = {leaf for key, below in fields.items() for leaf in paths(below, *way, key)}
    return found or ({way} if way else set())


@given(field_sets, field_sets, field_sets)
def test_no_field_is_lost(theirs: dict[str, Any], ours: dict[str, Any], spared: dict[str, Any]) -> None:
    """Each field of the maker is ours or still its own afterwards, and ours stay ours."""
    managed = [entry("casskop", "Update", theirs), entry("casskop-py", "Apply", ours)]
    patch = take_over(managed, resource_version="7", makers={"casskop"}, spared=spared)
    if patch is None:
        return
    after = patch[0]["value"]

    covered = {
        way[:end] for each in after for way in paths(each["fieldsV1"]) for end in range(1, len(way) + 1)
    }
    assert paths(theirs) | paths(ours) <= covered
    assert sum(each["operation"] == "Apply" for each in after) == 1
