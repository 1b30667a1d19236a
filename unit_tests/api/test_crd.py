"""The CustomResourceDefinition: what it must say, and that it says what the codec reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import assume, given
import jsonschema
import kubernetes_validate  # type: ignore[import-untyped] # the package has no types
import yaml

from controller.api import crd
from controller.api.v2.codec import decode_cluster
from controller.api.v2.problems import InvalidClusterError
from unit_tests import strategies

Schema = dict[str, Any]

FILE = Path(__file__).parents[2] / "manifests" / "crds" / "cassandraclusters.db.orange.com.yaml"
INT_OR_STRING = "x-kubernetes-int-or-string"

formats = jsonschema.FormatChecker()


@formats.checks("int32")
def is_int32(value: object) -> bool:
    """As an API server checks it."""
    return not isinstance(value, int | float) or -(2**31) <= value < 2**31


@formats.checks("int64")
def is_int64(value: object) -> bool:
    """As an API server checks it."""
    return not isinstance(value, int | float) or -(2**63) <= value < 2**63


VALIDATOR = jsonschema.Draft202012Validator(crd.object_schema(), format_checker=formats)


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every schema inside *schema* with its path."""
    yield path, schema
    for name, member in schema.get("properties", {}).items():
        yield from nodes(member, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


def test_the_manifest_is_what_the_api_types_say() -> None:
    """`make manifests` writes it anew."""
    assert FILE.read_text() == crd.render()


def test_an_api_server_takes_the_definition() -> None:
    """It is of the official schema, and names what CassKop's named."""
    definition = yaml.safe_load(crd.render())

    kubernetes_validate.validate(definition, "1.34", strict=True)

    names = definition["spec"]["names"]
    (version,) = definition["spec"]["versions"]
    assert definition["spec"]["group"] == "db.orange.com"
    assert (names["plural"], names["shortNames"]) == ("cassandraclusters", ["cassc", "casscs"])
    assert (version["name"], version["subresources"]) == ("v2", {"status": {}})
    columns = {column["name"]: column["jsonPath"] for column in version["additionalPrinterColumns"]}
    assert columns == {
        "Phase": ".status.phase",
        "Action": ".status.lastClusterAction",
        "Ready": ".status.readyNodes",
        "Wanted": ".status.wantedNodes",
        "Age": ".metadata.creationTimestamp",
    }


def test_the_schema_is_structural() -> None:
    """Every value has one type, or is an int-or-string."""
    for path, schema in nodes(crd.object_schema()):
        assert INT_OR_STRING in schema or "type" in schema, path
        assert not (INT_OR_STRING in schema and "type" in schema), path
        assert not ("properties" in schema and "additionalProperties" in schema), path


def test_unknown_members_of_spec_and_of_kubernetes_types_are_kept() -> None:
    """Fields of CassKop's past, and of Kubernetes' future, do not vanish from what users stored."""
    spec = crd.object_schema()["properties"]["spec"]
    keep = "x-kubernetes-preserve-unknown-fields"

    assert spec[keep] is True
    assert spec["properties"]["config"] == {
        "description": "Configuration by section, such as `cassandra-yaml` and `jvm-options`.",
        "type": "object",
        keep: True,
    }
    assert spec["properties"]["sidecarConfigs"]["items"][keep] is True


def test_there_are_casskops_defaults_and_no_others() -> None:
    """A default in a schema is written into what users stored."""
    defaults = {path: schema["default"] for path, schema in nodes(crd.object_schema()) if "default" in schema}

    assert defaults == {
        ".spec.runAsUser": 999,
        ".spec.fsGroup": 1,
        ".spec.serverType": "cassandra",
        ".spec.backRestSidecar.enabled": True,
    }


def test_there_are_casskops_rules_and_no_others() -> None:
    """What CassKop let through must not be refused by an API server now."""
    rules = ("pattern", "enum", "minimum", "maximum")
    spec = crd.object_schema()["properties"]["spec"]
    found = {
        path: {rule: schema[rule] for rule in rules if rule in schema}
        for path, schema in nodes(spec)
        if any(rule in schema for rule in rules) and INT_OR_STRING not in schema
    }

    capacity = {"pattern": "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"}
    assert found == {
        ".runAsUser": {"minimum": 1},
        ".fsGroup": {"minimum": 1},
        ".serverType": {"enum": ["cassandra", "dse"]},
        ".dataCapacity": capacity,
        ".storageConfigs[].name": {
            "pattern": r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
        },
        ".topology.dc[].name": {"pattern": "^[^-]+$"},
        ".topology.dc[].dataCapacity": capacity,
        ".topology.dc[].rack[].name": {"pattern": "^[^-]+$"},
    }


def test_every_field_is_described() -> None:
    """`kubectl explain` has a sentence for each."""
    properties = crd.object_schema()["properties"]
    for part in ("spec", "status"):
        for name, schema in properties[part]["properties"].items():
            assert schema["description"], f"{part}.{name}"


def test_conditions_are_a_map_by_type() -> None:
    """So that others may set conditions of theirs beside ours."""
    conditions = crd.object_schema()["properties"]["status"]["properties"]["conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == conditions["items"]["required"] == ["type"]


@given(strategies.clusters)
def test_valid_clusters_pass_the_schema(obj: Schema) -> None:
    """What admission finds nothing wrong with can be stored."""
    VALIDATOR.validate(obj)


@given(strategies.mangled_clusters())
def test_what_an_api_server_stores_can_be_read(obj: Schema) -> None:
    """The schema lets nothing through that the codec refuses."""
    stored = as_stored({"apiVersion": "v", "kind": "k", "metadata": {"name": "a"}, "spec": obj.get("spec")})
    assume(VALIDATOR.is_valid(stored))

    try:
        decode_cluster(stored)
    except InvalidClusterError as error:
        raise AssertionError(error.problems) from error


def as_stored(value: Any) -> Any:
    """Write whole numbers without a fraction, as an API server stores them."""
    match value:
        case dict():
            return {key: as_stored(member) for key, member in value.items()}
        case list():
            return [as_stored(item) for item in value]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case _:
            return value
