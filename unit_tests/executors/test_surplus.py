"""What is promised of objects that go because nobody asks for them any more."""

from __future__ import annotations

import pytest

from controller.domain.actions import ApplyObject, DeleteObject
from controller.domain.errors import ConflictError
from controller.executors.objects import Objects
from controller.executors.surplus import Surplus
from controller.kube import kinds
from unit_tests.executors.stage import Json, Stage

NAME = "cc-nodes"


def made(stage: Stage) -> Json:
    """Return the cluster's NetworkPolicy, which was just made."""
    Objects(stage.client)(ApplyObject(kind="NetworkPolicy", name=NAME, why="a test"), stage.bodies())
    return stage.there(kinds.NETWORK_POLICY, NAME)


def action(uid: str) -> DeleteObject:
    """Return the action that deletes the policy with *uid*."""
    return DeleteObject(kind="NetworkPolicy", name=NAME, uid=uid, why="a test")


def test_it_is_deleted(stage: Stage) -> None:
    """And reported as gone."""
    uid = made(stage)["metadata"]["uid"]

    written = Surplus(stage.client)(action(uid), stage.bodies())

    assert stage.stored(kinds.NETWORK_POLICY, NAME) is None
    assert (written.uid, written.resource_version) == (uid, None)


def test_another_one_of_that_name_stays(stage: Stage) -> None:
    """A name is no proof."""
    made(stage)

    with pytest.raises(ConflictError, match="another one"):
        Surplus(stage.client)(action("of-an-earlier-one"), stage.bodies())

    assert stage.stored(kinds.NETWORK_POLICY, NAME) is not None


def test_one_that_was_given_away_stays(stage: Stage) -> None:
    """Without our owner reference it is somebody's."""
    uid = made(stage)["metadata"]["uid"]
    stage.edit(kinds.NETWORK_POLICY, NAME, {"metadata": {"ownerReferences": None}})

    with pytest.raises(ConflictError, match="not this cluster's"):
        Surplus(stage.client)(action(uid), stage.bodies())

    assert stage.stored(kinds.NETWORK_POLICY, NAME) is not None


def test_one_that_changes_meanwhile_is_looked_at_again(stage: Stage) -> None:
    """What was looked at is what is deleted."""
    uid = made(stage)["metadata"]["uid"]
    stage.transport.happens = lambda: stage.edit(
        kinds.NETWORK_POLICY, NAME, {"metadata": {"labels": {"team": "blue"}}}
    )

    with pytest.raises(ConflictError):
        Surplus(stage.client)(action(uid), stage.bodies())

    assert stage.stored(kinds.NETWORK_POLICY, NAME) is not None


def test_one_that_is_gone_is_a_conflict(stage: Stage) -> None:
    """The next plan is made without it."""
    with pytest.raises(ConflictError, match="gone"):
        Surplus(stage.client)(action("u"), stage.bodies())
