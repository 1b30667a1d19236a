"""Facts about server-side apply and the ownership of fields."""

from __future__ import annotations

from typing import Any

from controller.kube.encoding import encode
from e2e.contract.client import APPLY_PATCH, Answer, Api, Object
from e2e.contract.objects import Space, config_map, pod_spec, statefulset


def _apply(api: Api, space: Space, manager: str, body: Object, **query: Any) -> Answer:
    plural = "statefulsets" if body["kind"] == "StatefulSet" else "configmaps"
    path = space.path(plural, body["metadata"]["name"])
    return api.apply(path, body, manager=manager, **query)


def _fields(found: Object, manager: str) -> Object:
    """The fieldsV1 of a manager."""
    entries = found["metadata"].get("managedFields") or []
    return next((one["fieldsV1"] for one in entries if one["manager"] == manager), {})


def test_apply_creates(api: Api, space: Space) -> None:
    """Apply of an absent object creates it: 201."""
    answer = _apply(api, space, "me", config_map(x="1"))

    assert answer.status == 201
    assert answer.body["data"] == {"x": "1"}


def test_apply_again_changes_nothing(api: Api, space: Space) -> None:
    """The same apply twice keeps the resourceVersion."""
    first = _apply(api, space, "me", config_map(x="1"))

    second = _apply(api, space, "me", config_map(x="1"))

    assert second.status == 200
    assert second.body == first.body


def test_apply_owns_what_it_sends(api: Api, space: Space) -> None:
    """`managedFields` lists the fields of the configuration under its manager, as Apply."""
    found = _apply(api, space, "me", config_map(x="1")).body

    (entry,) = found["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("me", "Apply")
    assert (entry["apiVersion"], entry["fieldsType"]) == ("v1", "FieldsV1")
    assert entry["fieldsV1"] == {"f:data": {"f:x": {}}}


def test_update_owns_what_it_changes(api: Api, space: Space) -> None:
    """Other writes are noted as Update, under the manager that the client names."""
    space.config_map(x="1", y="2")
    answer = api.patch(space.path("configmaps", "one"), {"data": {"x": "3"}}, fieldManager="changer")

    assert _fields(answer.body, "changer") == {"f:data": {"f:x": {}}}


def test_the_manager_is_the_user_agent_by_default(space: Space) -> None:
    """Without fieldManager the first part of the user agent is the manager."""
    (entry,) = space.config_map(x="1")["metadata"]["managedFields"]

    assert (entry["manager"], entry["operation"]) == ("contract", "Update")


def test_apply_needs_a_manager(api: Api, space: Space) -> None:
    """422 for an apply without fieldManager."""
    path = space.path("configmaps", "one")

    answer = api.patch(path, config_map(), APPLY_PATCH)

    assert answer.causes == [("FieldValueRequired", "fieldManager")]


def test_what_another_owns_is_a_conflict(api: Api, space: Space) -> None:
    """409 with a cause for each field, and nothing changes."""
    _apply(api, space, "first", config_map(x="1", y="1"))

    answer = _apply(api, space, "second", config_map(x="2", y="2", z="2"))

    assert (answer.status, answer.reason) == (409, "Conflict")
    assert answer.causes == [
        ("FieldManagerConflict", ".data.x"),
        ("FieldManagerConflict", ".data.y"),
    ]
    assert 'conflicts with "first"' in answer.message
    assert api.get(space.path("configmaps", "one")).body["data"] == {"x": "1", "y": "1"}


def test_the_same_value_is_no_conflict(api: Api, space: Space) -> None:
    """Two managers may own a field together when they agree on its value."""
    _apply(api, space, "first", config_map(x="1"))

    found = _apply(api, space, "second", config_map(x="1")).body

    owned: Object = {"f:data": {"f:x": {}}}
    assert _fields(found, "first") == _fields(found, "second") == owned


def test_force_takes_the_field(api: Api, space: Space) -> None:
    """With force the value is written and the field changes hands."""
    _apply(api, space, "first", config_map(x="1", y="1"))

    found = _apply(api, space, "second", config_map(x="2"), force=True).body

    assert found["data"] == {"x": "2", "y": "1"}
    assert _fields(found, "first") == {"f:data": {"f:y": {}}}
    assert _fields(found, "second") == {"f:data": {"f:x": {}}}


def test_what_is_no_longer_sent_goes(api: Api, space: Space) -> None:
    """A field that its only owner leaves out of the next apply is removed."""
    _apply(api, space, "me", config_map(x="1", y="1"))

    assert _apply(api, space, "me", config_map(x="1")).body["data"] == {"x": "1"}


def test_what_another_owns_too_stays(api: Api, space: Space) -> None:
    """A field that one of two owners leaves out stays, and is the other's."""
    _apply(api, space, "first", config_map(x="1", y="1"))
    _apply(api, space, "second", config_map(y="1"))

    found = _apply(api, space, "first", config_map(x="1")).body

    assert found["data"] == {"x": "1", "y": "1"}
    assert _fields(found, "first") == {"f:data": {"f:x": {}}}


def test_what_an_update_made_is_not_removed(api: Api, space: Space) -> None:
    """Fields of an object made by POST do not go when an apply leaves them out."""
    space.config_map(x="1", y="1")
    _apply(api, space, "me", config_map(x="1"))

    assert _apply(api, space, "me", config_map()).body["data"] == {"x": "1", "y": "1"}


def test_an_update_takes_fields_from_appliers(api: Api, space: Space) -> None:
    """A patch by somebody else is never a conflict: the field changes hands."""
    _apply(api, space, "me", config_map(x="1", y="1"))

    found = api.patch(space.path("configmaps", "one"), {"data": {"x": "2"}}, fieldManager="other").body

    assert _fields(found, "me") == {"f:data": {"f:y": {}}}


def test_a_manager_without_fields_goes(api: Api, space: Space) -> None:
    """A manager that owns nothing any more has no entry."""
    space.config_map(x="1")
    _apply(api, space, "me", config_map(x="1"))

    body = config_map()
    del body["data"]
    found = _apply(api, space, "me", body).body

    managers = [one["manager"] for one in found["metadata"]["managedFields"]]
    assert managers == ["contract"]


def test_containers_are_applied_by_name(api: Api, space: Space) -> None:
    """Two managers can own different containers of one list."""
    _apply(api, space, "first", statefulset())
    extra = {"name": "extra", "image": "registry.example/extra:1"}
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "one"},
        "spec": {"template": {"spec": {"containers": [extra]}}},
    }

    found = _apply(api, space, "second", body).body

    names = [one["name"] for one in found["spec"]["template"]["spec"]["containers"]]
    assert sorted(names) == ["extra", "main"]
    again = _apply(api, space, "first", statefulset())
    assert again.status == 200
    assert again.body["spec"] == found["spec"]


def test_an_item_goes_with_its_defaults(api: Api, space: Space) -> None:
    """A port that is no longer applied goes with all that the server filled in."""
    labels = {"app": "one"}

    def with_port(number: int) -> Object:
        ports = [{"containerPort": number}]
        container = {"name": "main", "image": "registry.example/app:1", "ports": ports}
        spec = {**pod_spec(), "containers": [container]}
        return statefulset(template={"metadata": {"labels": labels}, "spec": spec})

    _apply(api, space, "me", with_port(1))

    found = _apply(api, space, "me", with_port(2)).body

    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": 2, "protocol": "TCP"}]


def test_owners_of_items_are_written_by_key(api: Api, space: Space) -> None:
    """An item of a list is owned as k:{...} of its keys, atomic fields as a whole."""
    found = _apply(api, space, "me", statefulset()).body

    spec = _fields(found, "me")["f:spec"]
    assert spec["f:selector"] == {}
    containers = spec["f:template"]["f:spec"]["f:containers"]
    assert containers == {'k:{"name":"main"}': {".": {}, "f:image": {}, "f:name": {}}}


def test_unknown_fields_are_no_apply(api: Api, space: Space) -> None:
    """500, with the path, for a field that the kind does not have."""
    answer = _apply(api, space, "me", {**config_map(), "nonsense": 1})

    assert answer.status == 500
    assert ".nonsense: field not declared in schema" in answer.message


def test_managed_fields_are_not_applied(api: Api, space: Space) -> None:
    """400 for a configuration with managedFields."""
    body = config_map()
    body["metadata"]["managedFields"] = [{"manager": "me"}]

    assert _apply(api, space, "me", body).status == 400


def test_apply_checks_a_version(api: Api, space: Space) -> None:
    """409 for an apply that names an old resourceVersion."""
    old = space.config_map(x="1")["metadata"]["resourceVersion"]
    api.patch(space.path("configmaps", "one"), {"data": {"x": "2"}})
    body = config_map(y="1")
    body["metadata"]["resourceVersion"] = old

    answer = _apply(api, space, "me", body)

    assert (answer.status, answer.reason) == (409, "Conflict")


def test_ownership_can_be_cleared(api: Api, space: Space) -> None:
    """A patch of managedFields to a list with one empty entry clears them."""
    space.config_map(x="1")

    patch: Object = {"metadata": {"managedFields": [{}]}}
    found = api.patch(space.path("configmaps", "one"), patch).body

    assert "managedFields" not in found["metadata"]


def test_an_unowned_object_is_owned_by_its_past(api: Api, space: Space) -> None:
    """The first apply to an object without managedFields leaves the old fields to a past owner."""
    space.config_map(x="1", y="1")
    path = space.path("configmaps", "one")
    api.patch(path, {"metadata": {"managedFields": [{}]}})

    found = _apply(api, space, "me", config_map(x="1")).body

    assert found["data"] == {"x": "1", "y": "1"}
    past = _fields(found, "before-first-apply")
    assert past == {"f:data": {".": {}, "f:x": {}, "f:y": {}}}


def test_the_status_is_owned_below_status(api: Api, space: Space) -> None:
    """An apply to /status owns only status fields, and its entry names the subresource."""
    space.made("statefulsets", statefulset())
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "one"},
        "spec": {"replicas": 7},
        "status": {"replicas": 0, "conditions": [{"type": "Fact", "status": "True"}]},
    }

    path = f"{space.path('statefulsets', 'one')}/status"
    found = api.apply(path, body, manager="me", force=True).body

    (entry,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == "me"]
    assert entry["subresource"] == "status"
    assert list(entry["fieldsV1"]) == ["f:status"]
    assert found["spec"]["replicas"] == 0


def test_dry_run_applies_nothing(api: Api, space: Space) -> None:
    """dryRun=All shows what an apply would do, conflicts too, and does not do it."""
    before = _apply(api, space, "first", config_map(x="1")).body

    shown = _apply(api, space, "first", config_map(x="2"), dryRun="All")
    refused = _apply(api, space, "second", config_map(x="3"), dryRun="All")

    assert shown.body["data"] == {"x": "2"}
    assert refused.status == 409
    assert api.get(space.path("configmaps", "one")).body == before


def test_apply_checks_the_kind(api: Api, space: Space) -> None:
    """400 for a configuration of another kind or without one."""
    path = space.path("configmaps", "one")
    body = config_map()
    del body["kind"]

    assert api.apply(path, body, manager="me").status == 400


def test_apply_with_a_uid_creates_nothing(api: Api, space: Space) -> None:
    """409 for an apply that names the uid of an object that is gone: nothing is made."""
    body = config_map(x="1")
    body["metadata"]["uid"] = "8e6f1c52-1111-4222-8333-444455556666"

    answer = _apply(api, space, "me", body, force="true")

    assert answer.status == 409
    assert api.get(space.path("configmaps", "one")).status == 404


def test_apply_with_the_uid_of_another_changes_nothing(api: Api, space: Space) -> None:
    """422 about metadata.uid for an apply that names another object's uid; nothing changes."""
    made = space.config_map(x="2")
    body = config_map(x="1")
    body["metadata"]["uid"] = "8e6f1c52-1111-4222-8333-444455556666"

    answer = _apply(api, space, "me", body, force="true")

    assert (answer.status, answer.reason) == (422, "Invalid")
    assert answer.causes == [("FieldValueInvalid", "metadata.uid")]
    assert api.get(space.path("configmaps", "one")).body["data"] == made["data"]


def test_odd_characters_survive_an_apply(api: Api, space: Space) -> None:
    """Apply reads YAML: what the operator's encoding writes for it is stored as it was meant."""
    odd = {
        "quotes": "\"'`\\",
        "lines": "one\r\ntwo\ttabbed\n",
        "letters": "Zürich 東京 \U0001f98e",
        "separators": "a\u2028b\u2029c\u0085d\u00a0e",
        "controls": "\u0001\u001b\u007f",
        "yaml": "no: # [x] {y} & *z !t | > % @",
    }

    # Not the client's own, whose escapes for what is beyond U+FFFF are none in YAML.
    text = encode(config_map(**odd)).decode()
    answer = api.apply(space.path("configmaps", "one"), text, manager="me")

    assert answer.status == 201
    assert answer.body["data"] == odd
    assert api.get(space.path("configmaps", "one")).body["data"] == odd
