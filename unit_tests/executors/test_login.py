"""What is promised of the Secret with the generated login, against an API server."""

from __future__ import annotations

import base64

import pytest

from controller.domain.actions import CreateSecret
from controller.domain.errors import ConflictError, NotLeadingError, TransientError
from controller.executors.login import LoginSecrets, password
from controller.kube import kinds
from e2e.simkube.faults import LoseAnswer
from unit_tests.executors.stage import Stage

ACTION = CreateSecret(name="cc-jolokia", why="a test")


def secrets_of(stage: Stage, heard: list[str]) -> LoginSecrets:
    """Return the executor, with passwords that can be told apart."""
    return LoginSecrets(client=stage.client, password=lambda: f"number-{len(heard)}", on_secret=heard.append)


def test_the_secret_is_made_whole_and_belongs_to_the_cluster(stage: Stage) -> None:
    """It goes with the cluster, cannot be edited, and its password was told before it was used."""
    heard: list[str] = []

    written = secrets_of(stage, heard)(ACTION, stage.bodies())

    stored = stage.there(kinds.SECRET, "cc-jolokia")
    metadata = stored["metadata"]
    assert (written.uid, written.resource_version) == (metadata["uid"], metadata["resourceVersion"])
    assert [owner["uid"] for owner in metadata["ownerReferences"]] == [stage.cluster.metadata.uid]
    assert {key: base64.b64decode(value).decode() for key, value in stored["data"].items()} == {
        "username": "casskop",
        "password": "number-0",
    }
    assert stored["immutable"] is True
    assert heard == ["number-0"]


def test_one_that_exists_is_never_written(stage: Stage) -> None:
    """Whoever made it."""
    before = stage.make(kinds.SECRET, {"metadata": {"name": "cc-jolokia"}, "stringData": {"a": "b"}})

    with pytest.raises(ConflictError):
        secrets_of(stage, [])(ACTION, stage.bodies())

    assert stage.there(kinds.SECRET, "cc-jolokia") == before


def test_a_lost_answer_leaves_one_password(stage: Stage) -> None:
    """What was made is found the next time, and stays."""
    heard: list[str] = []
    stage.fault(LoseAnswer(), verbs=("create",))
    with pytest.raises(TransientError):
        secrets_of(stage, heard)(ACTION, stage.bodies())
    before = stage.there(kinds.SECRET, "cc-jolokia")

    with pytest.raises(ConflictError):
        secrets_of(stage, heard)(ACTION, stage.bodies())

    assert stage.there(kinds.SECRET, "cc-jolokia") == before


def test_who_does_not_lead_makes_none(stage: Stage) -> None:
    """As with every write."""
    stage.leading = False

    with pytest.raises(NotLeadingError):
        secrets_of(stage, [])(ACTION, stage.bodies())

    assert stage.stored(kinds.SECRET, "cc-jolokia") is None


def test_passwords_are_long_and_never_the_same() -> None:
    """In characters that mean nothing to shells, properties files and HTTP."""
    made = {password() for _ in range(100)}

    assert len(made) == 100
    assert all(len(each) >= 32 and each.replace("-", "").replace("_", "").isalnum() for each in made)
