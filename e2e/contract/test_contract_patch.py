"""Facts about JSON patches, merge patches and strategic merge patches."""

from __future__ import annotations

from e2e.contract.client import JSON, JSON_PATCH, STRATEGIC_PATCH, Api, Object
from e2e.contract.objects import Space, config_map, pod_spec, service, statefulset


def test_a_merge_patch_merges(api: Api, space: Space) -> None:
    """Maps are merged, null removes, the rest stays."""
    space.config_map(x="1", y="2")

    answer = api.patch(space.path("configmaps", "one"), {"data": {"x": "3", "y": None, "z": "4"}})

    assert answer.status == 200
    assert answer.body["data"] == {"x": "3", "z": "4"}


def test_a_merge_patch_replaces_lists(api: Api, space: Space) -> None:
    """A list in a merge patch takes the place of the whole list."""
    space.made("services", service(ports=[{"name": "a", "port": 1}, {"name": "b", "port": 2}]))

    ports = [{"name": "c", "port": 3}]
    found = api.patch(space.path("services", "one"), {"spec": {"ports": ports}}).body

    assert [one["name"] for one in found["spec"]["ports"]] == ["c"]


def test_a_patch_that_changes_nothing_keeps_the_version(api: Api, space: Space) -> None:
    """A patch to what is there already writes nothing."""
    before = space.config_map(x="1")

    assert api.patch(space.path("configmaps", "one"), {"data": {"x": "1"}}).body == before


def test_a_patch_takes_a_version(api: Api, space: Space) -> None:
    """409 for a patch that names an old resourceVersion."""
    old = space.config_map(x="1")["metadata"]["resourceVersion"]
    path = space.path("configmaps", "one")
    now = api.patch(path, {"data": {"x": "2"}}).body["metadata"]["resourceVersion"]

    stale = api.patch(path, {"metadata": {"resourceVersion": old}, "data": {"x": "3"}})
    fresh = api.patch(path, {"metadata": {"resourceVersion": now}, "data": {"x": "3"}})

    assert (stale.status, stale.reason) == (409, "Conflict")
    assert fresh.status == 200


def test_a_patch_takes_a_uid(api: Api, space: Space) -> None:
    """A patch that names another uid than the object has is refused."""
    space.config_map(x="1")

    answer = api.patch(space.path("configmaps", "one"), {"metadata": {"uid": "other"}, "data": {"x": "2"}})

    assert answer.status in (409, 422)
    assert api.get(space.path("configmaps", "one")).body["data"] == {"x": "1"}


def test_a_patch_of_nothing_is_not_found(api: Api, space: Space) -> None:
    """404 for a patch of an absent object."""
    assert api.patch(space.path("configmaps", "none"), {"data": {"x": "1"}}).status == 404


def test_a_patch_needs_its_media_type(api: Api, space: Space) -> None:
    """415 for a patch as plain JSON."""
    space.config_map()

    answer = api.patch(space.path("configmaps", "one"), {"data": {"x": "1"}}, JSON)

    assert (answer.status, answer.reason) == (415, "UnsupportedMediaType")


def test_a_patch_to_a_wrong_type_is_invalid(api: Api, space: Space) -> None:
    """422, unlike at creation, for a patch that puts a number where a text belongs."""
    space.config_map()

    answer = api.patch(space.path("configmaps", "one"), {"data": {"x": 1}})

    assert (answer.status, answer.reason) == (422, "Invalid")
    assert answer.causes == [("FieldValueInvalid", "patch")]


def test_force_is_for_apply(api: Api, space: Space) -> None:
    """422 for a merge patch with force."""
    space.config_map()

    answer = api.patch(space.path("configmaps", "one"), {"data": {"x": "1"}}, force=True)

    assert answer.causes == [("FieldValueForbidden", "force")]


def _json(api: Api, space: Space, *operations: Object) -> tuple[int, Object]:
    answer = api.patch(space.path("configmaps", "one"), list(operations), JSON_PATCH)
    return answer.status, answer.body.get("data", {})


def test_a_json_patch_adds_replaces_and_removes(api: Api, space: Space) -> None:
    """Operations are carried out in order."""
    space.config_map(x="1", y="2")

    status, data = _json(
        api,
        space,
        {"op": "add", "path": "/data/z", "value": "3"},
        {"op": "replace", "path": "/data/x", "value": "4"},
        {"op": "remove", "path": "/data/y"},
    )

    assert (status, data) == (200, {"x": "4", "z": "3"})


def test_a_json_patch_copies_and_moves(api: Api, space: Space) -> None:
    """`copy` leaves the source, move does not."""
    space.config_map(x="1", y="2")

    _, data = _json(
        api,
        space,
        {"op": "copy", "from": "/data/x", "path": "/data/a"},
        {"op": "move", "from": "/data/y", "path": "/data/b"},
    )

    assert data == {"x": "1", "a": "1", "b": "2"}


def test_a_json_patch_tests(api: Api, space: Space) -> None:
    """422 if a test fails, and nothing of the patch is done."""
    space.config_map(x="1")

    status, _ = _json(
        api,
        space,
        {"op": "add", "path": "/data/y", "value": "2"},
        {"op": "test", "path": "/data/x", "value": "9"},
    )

    assert status == 422
    assert api.get(space.path("configmaps", "one")).body["data"] == {"x": "1"}


def test_a_json_patch_must_fit(api: Api, space: Space) -> None:
    """422 for removing or replacing what is not there."""
    space.config_map(x="1")

    assert _json(api, space, {"op": "remove", "path": "/data/none"})[0] == 422
    assert _json(api, space, {"op": "replace", "path": "/none/x", "value": "1"})[0] == 422


def test_a_json_patch_escapes_slashes(api: Api, space: Space) -> None:
    """~1 in a path is a slash, ~0 a tilde."""
    space.config_map()
    patch = [{"op": "add", "path": "/metadata/annotations", "value": {"a.b/c": "1"}}]
    api.patch(space.path("configmaps", "one"), patch, JSON_PATCH)
    patch = [{"op": "replace", "path": "/metadata/annotations/a.b~1c", "value": "2"}]

    answer = api.patch(space.path("configmaps", "one"), patch, JSON_PATCH)

    assert answer.body["metadata"]["annotations"] == {"a.b/c": "2"}


def test_a_json_patch_appends_to_lists(api: Api, space: Space) -> None:
    """`-` is the place after the last item, a number the place before that item."""
    body = config_map()
    body["metadata"]["finalizers"] = ["a.b/one"]
    space.made("configmaps", body)
    path = space.path("configmaps", "one")
    patch = [
        {"op": "add", "path": "/metadata/finalizers/-", "value": "a.b/two"},
        {"op": "add", "path": "/metadata/finalizers/0", "value": "a.b/zero"},
    ]

    found = api.patch(path, patch, JSON_PATCH).body

    assert found["metadata"]["finalizers"] == ["a.b/zero", "a.b/one", "a.b/two"]
    api.patch(path, {"metadata": {"finalizers": None}})


def _set(api: Api, space: Space, patch: Object) -> Object:
    template = {"spec": {"template": {"spec": patch}}}
    answer = api.patch(space.path("statefulsets", "one"), template, STRATEGIC_PATCH)
    assert answer.status == 200, answer.body
    spec: Object = answer.body["spec"]["template"]["spec"]
    return spec


def _with_two_containers(space: Space) -> None:
    two = [{"name": name, "image": "registry.example/app:1"} for name in ("a", "b")]
    labels = {"app": "one"}
    template = {"metadata": {"labels": labels}, "spec": {**pod_spec(), "containers": two}}
    space.made("statefulsets", statefulset(template=template))


def test_a_strategic_patch_merges_containers_by_name(api: Api, space: Space) -> None:
    """Containers of the same name are merged, new ones are added."""
    _with_two_containers(space)

    spec = _set(
        api,
        space,
        {"containers": [{"name": "b", "image": "new:2"}, {"name": "c", "image": "c:1"}]},
    )

    images = {one["name"]: one["image"] for one in spec["containers"]}
    assert images == {"a": "registry.example/app:1", "b": "new:2", "c": "c:1"}


def test_a_strategic_patch_deletes_items(api: Api, space: Space) -> None:
    """`$patch: delete` removes the item with the merge key."""
    _with_two_containers(space)

    spec = _set(api, space, {"containers": [{"name": "a", "$patch": "delete"}]})

    assert [one["name"] for one in spec["containers"]] == ["b"]


def test_a_strategic_patch_replaces_lists_when_told(api: Api, space: Space) -> None:
    """`$patch: replace` in a list takes the place of the whole list."""
    _with_two_containers(space)

    spec = _set(api, space, {"containers": [{"$patch": "replace"}, {"name": "z", "image": "z:1"}]})

    assert [one["name"] for one in spec["containers"]] == ["z"]


def test_a_strategic_patch_orders_items(api: Api, space: Space) -> None:
    """`$setElementOrder` says in which order the items stand."""
    _with_two_containers(space)

    spec = _set(api, space, {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]})

    assert [one["name"] for one in spec["containers"]] == ["b", "a"]


def test_a_strategic_patch_replaces_lists_without_key(api: Api, space: Space) -> None:
    """Lists without a merge key, as tolerations, are replaced."""
    _with_two_containers(space)
    _set(api, space, {"tolerations": [{"key": "a", "operator": "Exists"}]})

    spec = _set(api, space, {"tolerations": [{"key": "b", "operator": "Exists"}]})

    assert [one["key"] for one in spec["tolerations"]] == ["b"]


def test_a_strategic_patch_of_variables(api: Api, space: Space) -> None:
    """Variables are merged by name inside of a container that is merged by name."""
    _with_two_containers(space)
    one, two = {"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}
    _set(api, space, {"containers": [{"name": "a", "env": [one, two]}]})

    spec = _set(api, space, {"containers": [{"name": "a", "env": [{"name": "ONE", "value": "9"}]}]})

    assert spec["containers"][0]["env"] == [{"name": "ONE", "value": "9"}, two]


def test_a_strategic_patch_retains_keys(api: Api, space: Space) -> None:
    """`$retainKeys` clears what is not named: one kind of volume takes the place of another."""
    _with_two_containers(space)
    _set(api, space, {"volumes": [{"name": "v", "emptyDir": {}}]})
    volume = {"name": "v", "configMap": {"name": "c"}, "$retainKeys": ["name", "configMap"]}

    spec = _set(api, space, {"volumes": [volume]})

    assert sorted(spec["volumes"][0]) == ["configMap", "name"]


def test_a_strategic_patch_removes_by_null(api: Api, space: Space) -> None:
    """`null` removes a field; what has a default gets it again."""
    space.made("statefulsets", statefulset(minReadySeconds=5, revisionHistoryLimit=3))

    patch = {"spec": {"minReadySeconds": None, "revisionHistoryLimit": None}}
    spec = api.patch(space.path("statefulsets", "one"), patch, STRATEGIC_PATCH).body["spec"]

    assert "minReadySeconds" not in spec
    assert spec["revisionHistoryLimit"] == 10


def test_a_strategic_patch_deletes_from_plain_lists(api: Api, space: Space) -> None:
    """`$deleteFromPrimitiveList` takes values out of a list of texts."""
    body = config_map()
    body["metadata"]["finalizers"] = ["a.b/one", "a.b/two"]
    space.made("configmaps", body)
    path = space.path("configmaps", "one")

    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/one"]}}
    found = api.patch(path, patch, STRATEGIC_PATCH).body

    assert found["metadata"]["finalizers"] == ["a.b/two"]
    api.patch(path, {"metadata": {"finalizers": None}})
