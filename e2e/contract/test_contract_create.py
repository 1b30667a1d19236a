"""Facts about creating objects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import re
import time
import uuid

from e2e.contract.client import Api
from e2e.contract.objects import Space, config_map, secret


def test_a_new_object_has_uid_version_and_time(space: Space) -> None:
    """POST answers 201 with the object, its uid, resourceVersion and creationTimestamp."""
    details = space.config_map(x="1")["metadata"]

    assert str(uuid.UUID(details["uid"])) == details["uid"]
    assert int(details["resourceVersion"]) > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", details["creationTimestamp"])


def test_creation_time_is_the_server_s(space: Space) -> None:
    """A creationTimestamp, uid or generation that the client sends is not taken."""
    body = config_map()
    body["metadata"] |= {"creationTimestamp": "2001-01-01T00:00:00Z", "uid": "mine"}

    details = space.made("configmaps", body)["metadata"]

    assert not details["creationTimestamp"].startswith("2001")
    assert details["uid"] != "mine"


def test_kind_and_version_may_be_left_out(space: Space) -> None:
    """The path says what is created: kind and apiVersion are filled in."""
    found = space.made("configmaps", {"metadata": {"name": "bare"}})

    assert (found["kind"], found["apiVersion"]) == ("ConfigMap", "v1")


def test_the_namespace_is_filled_in(space: Space) -> None:
    """An object without a namespace gets that of the path."""
    assert space.config_map()["metadata"]["namespace"] == space.name


def test_another_namespace_than_the_path_s_is_refused(api: Api, space: Space) -> None:
    """400 if the body names another namespace than the path."""
    body = config_map()
    body["metadata"]["namespace"] = "other"

    answer = api.post(space.path("configmaps"), body)

    assert (answer.status, answer.reason) == (400, "BadRequest")


def test_a_taken_name_is_refused(api: Api, space: Space) -> None:
    """409 AlreadyExists, with name and kind in the details; the object stays as it was."""
    space.config_map(x="1")

    answer = api.post(space.path("configmaps"), config_map(x="2"))

    assert (answer.status, answer.reason) == (409, "AlreadyExists")
    assert answer.body["details"] == {"name": "one", "kind": "configmaps"}
    assert api.get(space.path("configmaps", "one")).body["data"] == {"x": "1"}


def test_details_of_a_group_name_the_group(api: Api, space: Space) -> None:
    """A Status about a kind of a group has the group in its details and its message."""
    answer = api.get(space.path("statefulsets", "none"))

    assert answer.body["details"] == {"name": "none", "group": "apps", "kind": "statefulsets"}
    assert answer.message == 'statefulsets.apps "none" not found'


def test_generate_name_appends_five_letters(space: Space) -> None:
    """`generateName` makes a name of it and five more characters, and is kept."""
    details = space.made("configmaps", {"metadata": {"generateName": "made-"}})["metadata"]

    assert re.fullmatch(r"made-[a-z0-9]{5}", details["name"])
    assert details["generateName"] == "made-"


def test_a_name_is_required(api: Api, space: Space) -> None:
    """422 without name and generateName."""
    answer = api.post(space.path("configmaps"), {"metadata": {}})

    assert answer.status == 422
    assert answer.causes == [("FieldValueRequired", "metadata.name")]


def test_names_are_dns_subdomains(api: Api, space: Space) -> None:
    """422 for a name with capitals, underscores or more than 253 characters."""
    for name in ("Capital", "under_score", "a" * 254, "-a", "a."):
        answer = api.post(space.path("configmaps"), {"metadata": {"name": name}})

        assert (answer.status, answer.reason) == (422, "Invalid"), name
        assert answer.causes == [("FieldValueInvalid", "metadata.name")]


def test_label_keys_and_values_are_checked(api: Api, space: Space) -> None:
    """422 for label keys and values with signs that they may not have."""
    for labels in ({"a b": "c"}, {"a": "b c"}, {"/a": "b"}, {"a": "b" * 64}):
        answer = api.post(space.path("configmaps"), {"metadata": {"name": "x", "labels": labels}})

        assert answer.causes == [("FieldValueInvalid", "metadata.labels")], labels


def test_a_key_with_two_slashes_is_no_qualified_name(api: Api, space: Space) -> None:
    """The text tells what a qualified name is, and not which part is wrong."""
    body = {"metadata": {"name": "x", "labels": {"a/b/c": "d"}}}

    answer = api.post(space.path("configmaps"), body)

    assert answer.status == 422
    assert "a qualified name must consist of alphanumeric characters" in answer.message
    assert "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')" in answer.message


def test_annotation_values_are_free(space: Space) -> None:
    """Annotations hold any text; only their keys are checked."""
    notes = {"example.org/any": "{\n  any thing: ü}"}

    found = space.made("configmaps", {"metadata": {"name": "x", "annotations": notes}})

    assert found["metadata"]["annotations"] == notes


def test_annotations_have_a_size(api: Api, space: Space) -> None:
    """422 for more than 256 KiB of annotations."""
    notes = {"example.org/big": "x" * (256 * 1024)}

    answer = api.post(space.path("configmaps"), {"metadata": {"name": "x", "annotations": notes}})

    assert answer.causes == [("FieldValueTooLong", "metadata.annotations")]


def test_finalizers_are_qualified(api: Api, space: Space) -> None:
    """422 for a finalizer without a domain."""
    body = {"metadata": {"name": "x", "finalizers": ["mine"]}}

    answer = api.post(space.path("configmaps"), body)

    assert answer.causes == [("FieldValueInvalid", "metadata.finalizers[0]")]


def test_a_namespace_must_exist(api: Api) -> None:
    """404 about the namespace, not the kind."""
    answer = api.post("/api/v1/namespaces/no-such-namespace/configmaps", config_map())

    assert answer.status == 404
    assert answer.body["details"] == {"name": "no-such-namespace", "kind": "namespaces"}


def test_a_version_cannot_be_chosen(api: Api, space: Space) -> None:
    """500 if a new object names a resourceVersion."""
    body = config_map()
    body["metadata"]["resourceVersion"] = "1"

    assert api.post(space.path("configmaps"), body).status == 500


def test_an_object_of_another_kind_is_refused(api: Api, space: Space) -> None:
    """400 if kind or apiVersion do not fit the path."""
    for body in ({**config_map(), "kind": "Secret"}, {**config_map(), "apiVersion": "v2"}):
        answer = api.post(space.path("configmaps"), body)

        assert (answer.status, answer.reason) == (400, "BadRequest")


def test_bad_json_is_refused(api: Api, space: Space) -> None:
    """400 for a body that is no JSON."""
    answer = api.call("POST", space.path("configmaps"), "{bad")

    assert (answer.status, answer.reason) == (400, "BadRequest")


def test_a_field_of_the_wrong_type_is_refused(api: Api, space: Space) -> None:
    """400, not 422, for a number where a text belongs."""
    answer = api.post(space.path("configmaps"), {"metadata": {"name": "x"}, "data": {"x": 1}})

    assert (answer.status, answer.reason) == (400, "BadRequest")


def test_unknown_fields_go_with_a_warning(api: Api, space: Space) -> None:
    """An unknown field is left out, and a Warning header names it."""
    answer = api.post(space.path("configmaps"), {"metadata": {"name": "x"}, "nonsense": 1})

    assert answer.status == 201
    assert "nonsense" not in answer.body
    assert answer.headers["Warning"] == '299 - "unknown field \\"nonsense\\""'


def test_strict_validation_refuses_unknown_fields(api: Api, space: Space) -> None:
    """400 with fieldValidation=Strict, naming the field."""
    body = {"metadata": {"name": "x"}, "nonsense": 1}

    answer = api.post(space.path("configmaps"), body, fieldValidation="Strict")

    assert answer.status == 400
    assert 'unknown field "nonsense"' in answer.message


def test_validation_can_ignore_unknown_fields(api: Api, space: Space) -> None:
    """No warning with fieldValidation=Ignore."""
    body = {"metadata": {"name": "x"}, "nonsense": 1}

    answer = api.post(space.path("configmaps"), body, fieldValidation="Ignore")

    assert answer.status == 201
    assert "Warning" not in answer.headers


def test_nulls_are_left_out(space: Space) -> None:
    """A null field of a kind of Kubernetes' own is as if it were not there."""
    found = space.made("configmaps", {"metadata": {"name": "x", "labels": None}, "data": None})

    assert "data" not in found
    assert "labels" not in found["metadata"]


def test_empty_maps_and_lists_are_left_out(space: Space) -> None:
    """Empty labels, annotations, finalizers and data do not come back."""
    metadata = {"name": "x", "labels": {}, "annotations": {}, "finalizers": []}

    found = space.made("configmaps", {"metadata": metadata, "data": {}})

    assert "data" not in found
    assert not {"labels", "annotations", "finalizers"} & found["metadata"].keys()


def test_versions_grow_over_all_kinds(space: Space) -> None:
    """A later write of any kind has a higher resourceVersion."""
    first = space.config_map()
    second = space.made("secrets", secret())
    third = space.config_map("two")

    versions = [int(one["metadata"]["resourceVersion"]) for one in (first, second, third)]
    assert versions == sorted(versions)
    assert len(set(versions)) == 3


def test_only_one_of_many_creations_wins(api: Api, space: Space) -> None:
    """Of creations of the same name at once one gets 201, all others 409."""
    clients = [api.another() for _ in range(6)]
    path = space.path("configmaps")
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda one: one.post(path, config_map()).status, clients))
    for client in clients:
        client.close()

    assert sorted(answers) == [201, 409, 409, 409, 409, 409]


def test_dry_run_creates_nothing(api: Api, space: Space) -> None:
    """dryRun=All answers as if it had been done, and does not do it."""
    answer = api.post(space.path("configmaps"), config_map(x="1"), dryRun="All")

    assert answer.status == 201
    assert answer.body["metadata"]["uid"]
    assert "resourceVersion" not in answer.body["metadata"]
    assert api.get(space.path("configmaps", "one")).status == 404


def test_dry_run_validates(api: Api, space: Space) -> None:
    """dryRun=All refuses what would be refused."""
    answer = api.post(space.path("configmaps"), {"metadata": {"name": "A"}}, dryRun="All")

    assert answer.status == 422


def test_dry_run_knows_one_value(api: Api, space: Space) -> None:
    """422 for another value of dryRun than All."""
    answer = api.post(space.path("configmaps"), config_map(), dryRun="Some")

    assert answer.causes == [("FieldValueNotSupported", "dryRun")]


def test_creation_time_has_whole_seconds_near_now(space: Space) -> None:
    """`creationTimestamp` is the present, within a minute."""
    text = space.config_map()["metadata"]["creationTimestamp"]
    made = time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone

    assert abs(made - time.time()) < 60


def test_a_collection_over_all_namespaces_takes_nothing(api: Api) -> None:
    """405 for POST of a namespaced kind without a namespace in the path."""
    answer = api.post("/api/v1/configmaps", config_map())

    assert (answer.status, answer.reason) == (405, "MethodNotAllowed")
