"""The login for Jolokia, from a Secret that may be missing, wrong, forbidden or changed."""

from __future__ import annotations

import base64
from typing import Any

import attrs
import pytest

from controller.api.v2.codec import decode_cluster
from controller.cassandra.jolokia import Credentials
from controller.domain.errors import TransientError
from controller.domain.observed import Obstacle
from controller.kube import kinds
from controller.reconcile.credentials import PATH, Logins
from controller.runtime.store import Key
from e2e.simkube.faults import Refuse
from unit_tests.executors.stage import NAMESPACE, Stage, cluster_json

CLUSTER = decode_cluster(cluster_json(imageJolokiaSecret={"name": "login"}))
GOOD = {"username": "someone", "password": "a-password"}


def secret(stage: Stage, **data: str) -> None:
    """Create the Secret with *data*."""
    stage.make(kinds.SECRET, {"metadata": {"name": "login"}, "stringData": data})


class Versions:
    """Which version of the Secret the store shows: the newest, unless it lags."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __call__(self, key: Key) -> str | None:
        """Return the version of the Secret called *key*."""
        assert key == Key(NAMESPACE, "login")
        found = self._stage.stored(kinds.SECRET, key.name)
        return None if found is None else found["metadata"]["resourceVersion"]


@pytest.fixture
def heard() -> list[str]:
    """Return the passwords that were told, so that they can be kept out of logs."""
    return []


@pytest.fixture
def logins(stage: Stage, heard: list[str]) -> Logins:
    """Return the logins of all clusters, over that server."""
    return Logins(stage.client, Versions(stage), heard.append)


def obstacle(found: object) -> Obstacle:
    """Return *found*, which must be an obstacle that leads to the field."""
    assert isinstance(found, Obstacle)
    assert found.path == PATH
    assert found.why.startswith(f"{PATH}: ")
    return found


def test_a_cluster_that_names_no_secret_needs_no_login(logins: Logins) -> None:
    """Its agents ask for none."""
    assert logins.of(decode_cluster(cluster_json())) is None


def test_a_good_secret_is_a_login(
    stage: Stage,
    logins: Logins,
    heard: list[str],
) -> None:
    """The password is told to whoever keeps it out of logs before anybody gets it."""
    secret(stage, **GOOD)

    assert logins.of(CLUSTER) == Credentials(username="someone", password="a-password")
    assert heard == ["a-password"]


def test_a_missing_secret_is_named(stage: Stage, logins: Logins) -> None:
    """With its namespace and what it must hold; once it is there it is used."""
    missing = obstacle(logins.of(CLUSTER))

    assert missing.reason == "SecretMissing"
    assert "no Secret login in namespace cassandra" in missing.why
    secret(stage, **GOOD)
    assert isinstance(logins.of(CLUSTER), Credentials)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"username": "someone"}, "no password"),
        ({"password": "a-password"}, "no username"),
        ({"username": "", "password": ""}, "no username and no password"),
        ({"other": "a-password"}, "no username and no password"),
    ],
)
def test_an_incomplete_secret_is_told_by_what_it_lacks(
    stage: Stage,
    logins: Logins,
    data: dict[str, str],
    says: str,
) -> None:
    """The keys that are missing or empty are named, and values never are."""
    secret(stage, **data)

    found = obstacle(logins.of(CLUSTER))

    assert found.reason == "SecretIncomplete"
    assert says in found.why
    assert "a-password" not in found.why


def test_a_password_that_is_no_text_is_told(stage: Stage, logins: Logins) -> None:
    """Bytes that are no UTF-8 cannot go into a header."""
    data = {"username": "someone", "password": base64.b64encode(b"\xff\xfe").decode()}
    stage.make(kinds.SECRET, {"metadata": {"name": "login"}, "data": data | {"username": "c29tZW9uZQ=="}})

    assert obstacle(logins.of(CLUSTER)).reason == "SecretIncomplete"


def test_a_secret_that_may_not_be_read_is_told(stage: Stage, logins: Logins) -> None:
    """A missing right is the installer's to put right: it is an obstacle with the server's words."""
    secret(stage, **GOOD)
    stage.fault(Refuse(status=403), verbs=("get",))

    found = obstacle(logins.of(CLUSTER))

    assert found.reason == "SecretUnreadable"
    assert "may not read Secret login" in found.why
    assert isinstance(logins.of(CLUSTER), Credentials)


def test_no_answer_is_no_missing_secret(stage: Stage, logins: Logins) -> None:
    """A server that is busy says nothing about the Secret: the reconcile is tried again."""
    secret(stage, **GOOD)
    stage.fault(Refuse(status=503), verbs=("get",))

    with pytest.raises(TransientError):
        logins.of(CLUSTER)


def _refuse_reads(stage: Stage) -> None:
    stage.fault(Refuse(status=500), verbs=("get",), times=None)


def test_a_secret_is_read_once_for_each_version(
    stage: Stage,
    logins: Logins,
) -> None:
    """As long as it does not change nobody asks for it; a change is taken up at once."""
    secret(stage, **GOOD)
    before = logins.of(CLUSTER)
    _refuse_reads(stage)
    assert logins.of(CLUSTER) == before

    stage.server.faults.clear()
    stage.edit(kinds.SECRET, "login", {"stringData": {"password": "another"}})
    assert logins.of(CLUSTER) == Credentials(username="someone", password="another")


def test_a_secret_that_goes_is_missing_again(stage: Stage, logins: Logins) -> None:
    """What was known of it is forgotten."""
    secret(stage, **GOOD)
    logins.of(CLUSTER)
    stage.remove(kinds.SECRET, "login")

    assert obstacle(logins.of(CLUSTER)).reason == "SecretMissing"


def test_clusters_share_nothing_but_a_secret(stage: Stage, logins: Logins) -> None:
    """Another namespace's Secret of the same name is another one."""
    secret(stage, **GOOD)
    obj: dict[str, Any] = cluster_json(imageJolokiaSecret={"name": "login"})
    obj["metadata"]["namespace"] = "elsewhere"
    asked: list[Key] = []

    def version(key: Key) -> str | None:
        asked.append(key)
        return None

    found = Logins(stage.client, version).of(decode_cluster(obj))

    assert asked == [Key("elsewhere", "login")]
    assert obstacle(found).reason == "SecretMissing"
    assert isinstance(logins.of(CLUSTER), Credentials)


def test_the_login_of_a_cluster_that_is_gone_is_not_kept(stage: Stage, logins: Logins) -> None:
    """It goes with the last cluster that named the Secret."""
    secret(stage, **GOOD)
    other = attrs.evolve(CLUSTER, metadata=attrs.evolve(CLUSTER.metadata, name="other"))
    logins.of(CLUSTER)
    logins.of(other)
    _refuse_reads(stage)

    logins.forget(Key(NAMESPACE, CLUSTER.name))
    assert isinstance(logins.of(other), Credentials)

    logins.forget(Key(NAMESPACE, "other"))
    with pytest.raises(TransientError):
        logins.of(other)


def test_who_names_no_secret_any_more_leaves_its_login(stage: Stage, logins: Logins) -> None:
    """It is read again if it is named again."""
    secret(stage, **GOOD)
    logins.of(CLUSTER)
    _refuse_reads(stage)

    assert logins.of(decode_cluster(cluster_json())) is None

    with pytest.raises(TransientError):
        logins.of(CLUSTER)
