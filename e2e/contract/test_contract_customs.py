"""Facts about custom objects: pruning, defaults, validation, status, scale, ownership."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.contract.client import STRATEGIC_PATCH, Answer, Api, Object, eventually
from e2e.contract.objects import Space, config_map, owned_by, thing


def _post(api: Api, space: Space, things: Object, **spec: Any) -> Answer:
    return api.post(space.thing_path(things), thing(things, **spec))


def _one(space: Space, things: Object) -> str:
    return f"{space.thing_path(things)}/one"


def test_unknown_fields_are_pruned(api: Api, space: Space, things: Object) -> None:
    """Fields that the schema does not have go, with a warning; preserved ones stay."""
    answer = _post(api, space, things, nonsense=1, free={"any": {"thing": [1]}})

    assert answer.status == 201
    assert "nonsense" not in answer.body["spec"]
    assert answer.body["spec"]["free"] == {"any": {"thing": [1]}}
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.nonsense\\""'


def test_strict_validation_names_pruned_fields(api: Api, space: Space, things: Object) -> None:
    """400 with fieldValidation=Strict."""
    answer = api.post(space.thing_path(things), thing(things, nonsense=1), fieldValidation="Strict")

    assert answer.status == 400
    assert 'unknown field "spec.nonsense"' in answer.message


def test_defaults_are_filled_in(api: Api, space: Space, things: Object) -> None:
    """Defaults of the schema appear at creation, nested ones too."""
    spec = _post(api, space, things).body["spec"]

    assert spec == {"size": 1, "mode": "a", "inner": {"x": "y"}}


def test_null_of_a_field_with_default_is_the_default(api: Api, space: Space, things: Object) -> None:
    """A null where nulls are not allowed goes and the default takes its place; a nullable one stays."""
    spec = _post(api, space, things, mode=None, note=None).body["spec"]

    assert spec["mode"] == "a"
    assert spec["note"] is None


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"size": "1"}, ("FieldValueTypeInvalid", "spec.size")),
        ({"size": 1.5}, ("FieldValueTypeInvalid", "spec.size")),
        ({"size": -1}, ("FieldValueInvalid", "spec.size")),
        ({"size": 10}, ("FieldValueInvalid", "spec.size")),
        ({"mode": "c"}, ("FieldValueNotSupported", "spec.mode")),
        ({"word": "ABC"}, ("FieldValueInvalid", "spec.word")),
        ({"word": "abcdef"}, ("FieldValueTooLong", "spec.word")),
        ({"when": "yesterday"}, ("FieldValueTypeInvalid", "spec.when")),
        ({"plain": ["a", "b", "c", "d"]}, ("FieldValueTooMany", "spec.plain")),
        ({"keyed": [{"v": 1}]}, ("FieldValueRequired", "spec.keyed[0].k")),
        ({"keyed": [{"k": "a"}, {"k": "a"}]}, ("FieldValueDuplicate", "spec.keyed[1]")),
        ({"set": ["a", "a"]}, ("FieldValueDuplicate", "spec.set[1]")),
        ({"counts": {"a": "b"}}, ("FieldValueTypeInvalid", "spec.counts.a")),
        ({"limit": True}, ("FieldValueTypeInvalid", "spec.limit")),
    ],
)
def test_values_follow_the_schema(
    api: Api, space: Space, things: Object, spec: Object, cause: tuple[str, str]
) -> None:
    """422 with the field and the reason for a value that the schema does not allow."""
    answer = _post(api, space, things, **spec)

    assert answer.status == 422
    assert cause in answer.causes


def test_required_fields_are_required(api: Api, space: Space, things: Object) -> None:
    """422 for a field that is missing."""
    body = thing(things)
    del body["spec"]["size"]

    answer = api.post(space.thing_path(things), body)

    assert answer.causes == [("FieldValueRequired", "spec.size")]


def test_int_or_string_takes_both(api: Api, space: Space, things: Object) -> None:
    """A number stays a number, a text a text."""
    assert _post(api, space, things, limit=3).body["spec"]["limit"] == 3
    answer = api.patch(_one(space, things), {"spec": {"limit": "30%"}})
    assert answer.body["spec"]["limit"] == "30%"


def test_a_custom_object_has_a_full_head(api: Api, space: Space, things: Object) -> None:
    """400 without kind or apiVersion, unlike kinds of Kubernetes' own; 422 for another kind."""
    path = space.thing_path(things)
    for missing in ("kind", "apiVersion"):
        body = thing(things)
        del body[missing]

        assert api.post(path, body).status == 400, missing
    answer = api.post(path, {**thing(things), "kind": "Other"})

    assert answer.causes == [("FieldValueInvalid", "kind")]


def test_put_needs_a_version(api: Api, space: Space, things: Object) -> None:
    """422 for PUT of a custom object without resourceVersion."""
    _post(api, space, things)

    answer = api.put(_one(space, things), thing(things, size=2))

    assert answer.causes == [("FieldValueInvalid", "metadata.resourceVersion")]


def test_generation_counts_changes_of_the_spec(api: Api, space: Space, things: Object) -> None:
    """It grows with the spec, not with labels and not with the status."""
    made = _post(api, space, things).body["metadata"]["generation"]
    path = _one(space, things)

    labelled = api.patch(path, {"metadata": {"labels": {"a": "b"}}}).body["metadata"]["generation"]
    status = api.patch(f"{path}/status", {"status": {"phase": "x"}}).body["metadata"]["generation"]
    changed = api.patch(path, {"spec": {"size": 2}}).body["metadata"]["generation"]

    assert (made, labelled, status, changed) == (1, 1, 1, 2)


def test_the_status_is_written_below_status_only(api: Api, space: Space, things: Object) -> None:
    """A status in POST, PUT or PATCH of the object is left out, a spec below /status too."""
    body = {**thing(things), "status": {"phase": "mine"}}
    made = api.post(space.thing_path(things), body).body
    path = _one(space, things)

    patched = api.patch(path, {"status": {"phase": "mine"}}).body
    below = api.patch(f"{path}/status", {"spec": {"size": 7}, "status": {"phase": "theirs"}}).body

    assert "status" not in made
    assert "status" not in patched
    assert (below["spec"]["size"], below["status"]) == (1, {"phase": "theirs"})


def test_the_status_path_changes_no_labels(api: Api, space: Space, things: Object) -> None:
    """Of a custom object the status path changes nothing of the metadata."""
    _post(api, space, things)

    patch = {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "x"}}
    found = api.patch(f"{_one(space, things)}/status", patch).body

    assert "labels" not in found["metadata"]


def test_the_status_follows_its_schema(api: Api, space: Space, things: Object) -> None:
    """422 for a value that the schema of the status does not allow; unknown fields are pruned."""
    _post(api, space, things)
    path = f"{_one(space, things)}/status"

    assert api.patch(path, {"status": {"size": "big"}}).status == 422
    assert api.patch(path, {"status": {"nonsense": 1}}).body.get("status", {}) == {}


def test_the_scale_of_a_custom_object(api: Api, space: Space, things: Object) -> None:
    """/scale shows and writes the fields that the definition names."""
    _post(api, space, things, size=3)
    path = _one(space, things)
    api.patch(f"{path}/status", {"status": {"size": 2, "selector": "a=b"}})

    scale = api.get(f"{path}/scale").body
    scale["spec"]["replicas"] = 5
    answer = api.put(f"{path}/scale", scale)

    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["status"] == {"replicas": 2, "selector": "a=b"}
    assert answer.status == 200
    assert api.get(path).body["spec"]["size"] == 5


def test_the_scale_follows_the_schema(api: Api, space: Space, things: Object) -> None:
    """422 for a number of replicas that the object may not have."""
    _post(api, space, things)

    answer = api.patch(f"{_one(space, things)}/scale", {"spec": {"replicas": 77}})

    assert answer.status == 422
    assert api.get(_one(space, things)).body["spec"]["size"] == 1


def test_items_of_custom_lists_have_their_kind(api: Api, space: Space, things: Object) -> None:
    """Unlike those of Kubernetes' own kinds."""
    _post(api, space, things)

    body = api.get(space.thing_path(things)).body

    assert body["kind"] == "ThingList"
    assert [one["kind"] for one in body["items"]] == ["Thing"]


def test_custom_objects_have_no_strategic_patch(api: Api, space: Space, things: Object) -> None:
    """415 for a strategic merge patch."""
    _post(api, space, things)

    answer = api.patch(_one(space, things), {"spec": {"size": 2}}, STRATEGIC_PATCH)

    assert answer.status == 415


def test_keyed_items_are_applied_by_key(api: Api, space: Space, things: Object) -> None:
    """Two managers own items of one list of type map, and members of one of type set."""
    path = _one(space, things)
    first = thing(things, keyed=[{"k": "a", "v": 1}], set=["x"])
    second = {**thing(things), "spec": {"keyed": [{"k": "b", "v": 2}], "set": ["y"]}}

    api.apply(path, first, manager="first")
    spec = api.apply(path, second, manager="second").body["spec"]
    again = api.apply(path, thing(things), manager="first").body["spec"]

    assert spec["keyed"] == [{"k": "a", "v": 1}, {"k": "b", "v": 2}]
    assert spec["set"] == ["x", "y"]
    assert (again["keyed"], again["set"]) == ([{"k": "b", "v": 2}], ["y"])


def test_plain_lists_are_applied_as_a_whole(api: Api, space: Space, things: Object) -> None:
    """A list without a type belongs to one manager."""
    path = _one(space, things)
    api.apply(path, thing(things, plain=["a"]), manager="first")

    answer = api.apply(path, thing(things, plain=["b"]), manager="second")

    assert (answer.status, answer.causes) == (409, [("FieldManagerConflict", ".spec.plain")])


def test_unknown_fields_of_a_custom_kind_are_no_apply(api: Api, space: Space, things: Object) -> None:
    """500 for an apply with a field that the schema does not have."""
    answer = api.apply(_one(space, things), thing(things, nonsense=1), manager="me")

    assert answer.status == 500
    assert ".spec.nonsense: field not declared in schema" in answer.message


def test_a_custom_status_can_be_applied(api: Api, space: Space, things: Object) -> None:
    """Conditions of a status are applied by their type."""
    _post(api, space, things)
    path = f"{_one(space, things)}/status"

    def apply(manager: str, kind: str) -> Answer:
        head = {name: thing(things)[name] for name in ("apiVersion", "kind", "metadata")}
        status = {"conditions": [{"type": kind, "status": "True"}]}
        return api.apply(path, {**head, "status": status}, manager=manager)

    apply("first", "A")
    found = apply("second", "B").body

    assert [one["type"] for one in found["status"]["conditions"]] == ["A", "B"]


def test_custom_objects_own(api: Api, space: Space, things: Object) -> None:
    """Dependents of a custom object are collected when it goes."""
    owner = _post(api, space, things).body
    body = config_map("child")
    body["metadata"]["ownerReferences"] = [owned_by(owner, owner["apiVersion"])]
    space.made("configmaps", body)

    api.delete(_one(space, things))

    # A real collector looks for new kinds twice a minute.
    child = space.path("configmaps", "child")
    eventually(lambda: api.get(child).status == 404, seconds=90)


def test_custom_objects_are_watched(api: Api, space: Space, things: Object) -> None:
    """Changes of custom objects are told, those of the status too."""
    path = space.thing_path(things)
    version = api.get(path).body["metadata"]["resourceVersion"]
    with api.watch(path, resourceVersion=version) as stream:
        made = _post(api, space, things).body
        status = api.patch(f"{path}/one/status", {"status": {"phase": "x"}}).body
        api.delete(f"{path}/one")

        assert stream.next() == {"type": "ADDED", "object": made}
        assert stream.next() == {"type": "MODIFIED", "object": status}
        assert stream.next()["type"] == "DELETED"
