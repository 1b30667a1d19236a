"""The Helm chart, as far as it can be told without Helm; `e2e/real/test_chart.py` renders it."""

from __future__ import annotations

import json
from pathlib import Path
import re

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "charts" / "casskop"
MANIFESTS = ROOT / "manifests"


def test_the_chart_has_no_objects_of_its_own() -> None:
    """It renders the manifests themselves, so that the two cannot differ."""
    assert (CHART / "manifests").resolve() == MANIFESTS
    assert (CHART / "crds").resolve() == MANIFESTS / "crds"
    for template in (CHART / "templates").iterdir():
        assert not re.search(r"^kind:", template.read_text(), re.MULTILINE), template.name


def test_every_manifest_is_in_the_chart() -> None:
    """What `kubectl apply -k manifests` installs, and the admission policy."""
    text = "".join(template.read_text() for template in (CHART / "templates").iterdir())
    named = set(re.findall(r"manifests/[a-z-]+/[a-z-]+\.yaml", text))

    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    installed = {f"manifests/{path}" for path in kustomization["resources"] if not path.startswith("crds/")}
    assert named == installed | {"manifests/admission/policy.yaml"}


def test_every_value_is_used() -> None:
    """And none is used that has no default."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    text = "".join(template.read_text() for template in (CHART / "templates").iterdir())
    used = set(re.findall(r"\.Values\.([a-zA-Z.]+)", text))

    image = {f"image.{name}" for name in values.pop("image")}
    assert used == set(values) | image


def test_every_value_is_in_the_schema_and_no_other() -> None:
    """So that a value that nothing reads is refused by Helm, by its name."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    # What a chart hands down to all charts in it, Helm puts in by itself.
    assert set(values) == set(schema["properties"]) - {"global"}
    image = schema["properties"]["image"]
    assert set(values["image"]) == set(image["properties"])
    assert schema["additionalProperties"] is image["additionalProperties"] is False


def test_the_defaults_are_those_of_the_manifests() -> None:
    """Resources and log level."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    deployment = yaml.safe_load((MANIFESTS / "operator" / "deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert values["resources"] == container["resources"]
    assert values["replicas"] == deployment["spec"]["replicas"]
    assert {v["name"]: v.get("value") for v in container["env"]}["LOG_LEVEL"] == values["logLevel"]
