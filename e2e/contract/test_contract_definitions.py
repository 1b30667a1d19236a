"""Facts about CustomResourceDefinitions: how kinds come, change and go."""

from __future__ import annotations

from collections.abc import Iterator
import secrets

import pytest

from e2e.contract.client import Api, Object, eventually
from e2e.contract.objects import Space, thing, thing_definition

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _one(space: Space, things: Object) -> str:
    return f"{space.thing_path(things)}/one"


@pytest.fixture
def definition(api: Api) -> Iterator[Object]:
    """A definition of a fact's own that is not created yet; it is deleted afterwards."""
    made = thing_definition(f"d{secrets.token_hex(4)}.example.org")
    yield made
    api.delete(f"{_DEFINITIONS}/{made['metadata']['name']}")


def _established(api: Api, definition: Object) -> Object:
    path = f"{_DEFINITIONS}/{definition['metadata']['name']}"

    def conditions() -> dict[str, str]:
        listed = api.get(path).body["status"].get("conditions") or []
        return {one["type"]: one["status"] for one in listed}

    eventually(lambda: conditions().get("Established") == "True")
    spec = definition["spec"]
    for version in spec["versions"]:
        served = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
        eventually(lambda served=served: api.get(served).status == 200)
    found: Object = api.get(path).body
    return found


def test_a_definition_is_established(api: Api, definition: Object) -> None:
    """Soon after its creation a definition has accepted names and is Established."""
    created = api.made(_DEFINITIONS, definition)
    found = _established(api, definition)

    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    assert created["spec"]["names"] == {**definition["spec"]["names"], **names}
    assert created["spec"]["conversion"] == {"strategy": "None"}
    assert found["status"]["acceptedNames"] == created["spec"]["names"]
    assert found["status"]["storedVersions"] == ["v1"]
    assert {one["type"] for one in found["status"]["conditions"]} >= {"NamesAccepted", "Established"}


def test_a_definition_is_named_after_its_kind(api: Api, definition: Object) -> None:
    """422 unless the name is <plural>.<group>."""
    definition["metadata"]["name"] = f"others.{definition['spec']['group']}"

    answer = api.post(_DEFINITIONS, definition)

    assert answer.status == 422
    assert ("FieldValueInvalid", "metadata.name") in answer.causes


def test_a_schema_must_be_structural(api: Api, definition: Object) -> None:
    """422 for a field without a type."""
    root = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["properties"]["spec"]["properties"]["loose"] = {"description": "anything"}

    answer = api.post(_DEFINITIONS, definition)

    assert answer.status == 422
    where = "spec.validation.openAPIV3Schema.properties[spec].properties[loose].type"
    fields = {field.replace("versions[0].schema", "validation") for _, field in answer.causes}
    assert where in fields


def test_one_version_is_stored(api: Api, definition: Object) -> None:
    """422 for a definition without a storage version."""
    definition["spec"]["versions"][0]["storage"] = False

    answer = api.post(_DEFINITIONS, definition)

    assert ("FieldValueInvalid", "spec.versions") in answer.causes


def test_a_definition_takes_its_objects_along(api: Api, space: Space, definition: Object) -> None:
    """Deleting a definition deletes its objects; the kind is unknown when it is gone."""
    api.made(_DEFINITIONS, definition)
    _established(api, definition)
    space.made_thing(definition, thing(definition))
    path = f"{_DEFINITIONS}/{definition['metadata']['name']}"

    answer = api.delete(path)

    assert answer.status == 200
    eventually(lambda: api.get(path).status == 404)
    eventually(lambda: api.get(_one(space, definition)).status == 404)


def test_a_definition_waits_for_its_objects(api: Api, space: Space, definition: Object) -> None:
    """While an object has finalizers its definition stays, marked."""
    api.made(_DEFINITIONS, definition)
    _established(api, definition)
    body = thing(definition)
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    space.made_thing(definition, body)
    path = f"{_DEFINITIONS}/{definition['metadata']['name']}"

    api.delete(path)

    eventually(lambda: api.get(_one(space, definition)).body["metadata"].get("deletionTimestamp"))
    assert api.get(path).body["metadata"]["deletionTimestamp"]
    api.patch(_one(space, definition), {"metadata": {"finalizers": None}})
    eventually(lambda: api.get(path).status == 404)


def test_a_schema_can_change(api: Api, space: Space, definition: Object) -> None:
    """After a change of the definition new fields are kept and new rules hold."""
    api.made(_DEFINITIONS, definition)
    _established(api, definition)
    version = definition["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["fresh"] = {"type": "string"}
    path = f"{_DEFINITIONS}/{definition['metadata']['name']}"
    api.patch(path, {"spec": {"versions": [version]}})

    def created() -> bool:
        name = f"n{secrets.token_hex(3)}"
        body = thing(definition, fresh="x")
        body["metadata"]["name"] = name
        answer = api.post(space.thing_path(definition), body)
        # For a moment after the change it may answer that it is not ready for the kind.
        return "fresh" in (answer.body.get("spec") or {})

    eventually(created)


def test_several_versions_show_the_same_objects(api: Api, space: Space, definition: Object) -> None:
    """Without conversion an object is the same in all versions but for its apiVersion."""
    second = {**definition["spec"]["versions"][0], "name": "v2", "storage": False}
    definition["spec"]["versions"].append(second)
    api.made(_DEFINITIONS, definition)
    _established(api, definition)
    made = space.made_thing(definition, thing(definition))
    other = _one(space, definition).replace("/v1/", "/v2/")

    found = api.get(other).body

    assert found["apiVersion"].endswith("/v2")
    assert found["spec"] == made["spec"]
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    assert api.patch(other, {"spec": {"size": 5}}).status == 200
    assert api.get(_one(space, definition)).body["spec"]["size"] == 5
