"""The optional admission policy: that it is generated, and speaks with the operator's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from controller.domain import policy
from controller.domain.changes import TOLD_BY_NODES, Rule

MANIFEST = Path(__file__).parents[2] / "manifests" / "admission" / "policy.yaml"


def test_the_manifest_is_what_is_generated() -> None:
    """`python -m controller.domain.policy > manifests/admission/policy.yaml` keeps it so."""
    assert MANIFEST.read_text() == policy.render()


def test_it_is_not_installed_by_default() -> None:
    """Who wants it applies it: the operator does without."""
    listed: dict[str, Any] = yaml.safe_load((MANIFEST.parents[1] / "kustomization.yaml").read_text())

    assert not [resource for resource in listed["resources"] if resource.startswith("admission")]


def test_every_rule_on_changes_has_its_words_in_the_policy() -> None:
    """A sentence that is changed in one place is changed in both, up to where its first value stands.

    What turns on what nodes have told is for the operator alone.
    """
    text = "\n".join(check.messages for check in policy.checks())

    for rule in set(Rule) - TOLD_BY_NODES:
        literal = rule.value.replace("{key}", "num_tokens").partition("{")[0]
        assert literal in text, rule


def test_no_name_means_something_else_to_yaml() -> None:
    """`n` and `y` are read as booleans by some readers: names of variables are words, each once."""
    names = [variable["name"] for variable in policy.definition()["spec"]["variables"]]

    assert len(names) == len(set(names))
    assert all(len(name) > 2 and name not in ("yes", "off") for name in names)
