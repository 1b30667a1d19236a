"""The login that the operator makes for new clusters, and who goes without."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from controller.api.v2 import effective, names
from controller.api.v2.codec import decode_cluster
from controller.domain.errors import NotFoundError
from controller.kube import kinds
from controller.reconcile.login import chosen
from e2e.providers.sim import SimCluster
from e2e.providers.simulated import SimulatedCluster
from unit_tests.executors.stage import NAMESPACE, OPERATOR, Json, cluster_json
from unit_tests.reconcile.casskops import running
from unit_tests.reconcile.simulated import (
    began,
    patch,
    pods,
    ready,
    remove,
    secret,
    small,
    stored,
    there,
    wait,
    warnings,
)
from unit_tests.reconcile.test_rolling import Watch, events, racks

GENERATED = "cc-jolokia"


def password(world: SimCluster) -> str:
    """Return the password in the generated Secret."""
    return base64.b64decode(there(world, kinds.SECRET, GENERATED)["data"]["password"]).decode()


def writes_of_secrets(world: SimCluster) -> list[str]:
    """Return the verbs of all that the operator wrote to Secrets."""
    calls = (record.call for record in world.server.faults.log)
    return [c.verb for c in calls if c.client == OPERATOR and c.kind == "secrets" and c.verb not in READS]


READS = ("get", "list", "watch")


def rack(revision: int | None, asks_for: str | None) -> Json:
    """Return a StatefulSet of a template revision (None: CassKop's) whose pods ask for a Secret's login."""
    reference = {"valueFrom": {"secretKeyRef": {"name": asks_for, "key": "password"}}}
    env = [{"name": "JOLOKIA_PASSWORD", **reference}] if asks_for else []
    annotations = {} if revision is None else {names.TEMPLATE_REVISION: str(revision)}
    container = {"name": "cassandra", "env": env}
    return {
        "metadata": {"name": "cc-dc1-rack1", "annotations": annotations},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


OURS: Json = {"metadata": {"name": GENERATED, "uid": "s", "ownerReferences": [{"uid": "u"}]}}
THEIRS: Json = {"metadata": {"name": GENERATED, "uid": "s"}}


@pytest.mark.parametrize(
    ("spec", "sets", "has_pods", "found", "wanted"),
    [
        # New: nothing of it exists.
        ({}, [], False, None, GENERATED),
        ({"access": {"jolokiaLogin": "None"}}, [], False, None, None),
        ({"imageJolokiaSecret": {"name": "mine"}}, [], False, None, "mine"),
        ({"imageJolokiaSecret": {"name": "mine"}}, [], False, OURS, "mine"),
        ({"imageJolokiaSecret": {"name": ""}}, [], False, None, GENERATED),
        # Of CassKop's, without a login: left so, unless its user asks for one.
        ({}, [rack(None, None)], True, None, None),
        ({}, [rack(None, None)], False, THEIRS, None),
        ({}, [], True, None, None),
        ({"access": {"jolokiaLogin": "Generated"}}, [rack(None, None)], True, None, GENERATED),
        # CassKop's contract: no Secret named, no login.
        ({}, [rack(None, "mine")], True, None, None),
        # A data centre of ours beside CassKop's.
        ({}, [rack(None, None), rack(1, None)], True, None, None),
        # It exists, or it did.
        ({}, [rack(1, GENERATED)], True, OURS, GENERATED),
        ({}, [rack(1, GENERATED)], True, None, GENERATED),
        ({}, [rack(None, GENERATED)], True, None, GENERATED),
        ({}, [], True, OURS, GENERATED),
        # Our nodes do not lose their login by an omission, but by a word.
        ({}, [rack(1, "mine")], True, None, GENERATED),
        ({"access": {"jolokiaLogin": "None"}}, [rack(1, GENERATED)], True, OURS, None),
    ],
)
def test_who_gets_a_login(
    spec: Json,
    sets: list[Json],
    found: Json | None,
    wanted: str | None,
    *,
    has_pods: bool,
) -> None:
    """It is told from what exists, and from nothing else."""
    obj: dict[str, Any] = cluster_json(**spec)
    obj["metadata"]["uid"] = "u"

    cluster = chosen(decode_cluster(obj), statefulsets=sets, pods=has_pods, secret=found)

    assert effective.jolokia_secret(cluster) == wanted


def test_a_new_cluster_asks_for_a_login_of_the_operators_making() -> None:
    """One that is made once, whatever becomes of the operator."""
    world = began(small())
    ready(world)
    before = there(world, kinds.SECRET, GENERATED)

    world.kill_operator()
    world.run(700)

    assert there(world, kinds.SECRET, GENERATED) == before
    assert writes_of_secrets(world) == ["create"]
    assert "imageJolokiaSecret" not in world.cluster("cc")["spec"]
    (node,) = world.controllers.ring.nodes()
    (view,) = SimulatedCluster(world).views("cc").values()
    assert view["mode"] == "NORMAL", node
    world.client.delete(kinds.CASSANDRA_CLUSTER, NAMESPACE, "cc", uid=world.cluster("cc")["metadata"]["uid"])
    world.run(60)
    with pytest.raises(NotFoundError):
        world.client.get(kinds.SECRET, NAMESPACE, GENERATED)


def test_a_login_that_is_deleted_is_made_again_and_rolled() -> None:
    """With another password; nodes take it one by one, and the event says so before it happens."""
    world = began(small(topology=racks(3)))
    ready(world)
    world.run(15)
    old, roll = password(world), Watch(world)

    remove(world, kinds.SECRET, GENERATED)
    world.run(2)
    roll.done()

    assert password(world) != old
    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1
    assert "was deleted" in events(world, "CreateSecret")[-1]
    assert "refuses the login of Secret cc-jolokia" in events(world, "RestartPod")[0]


def test_a_login_that_is_deleted_while_the_operator_is_away_is_made_again() -> None:
    """That nodes ask for it is read from their template."""
    world = began(small())
    ready(world)
    world.kill_operator(away=30)
    remove(world, kinds.SECRET, GENERATED)

    world.run(90)
    ready(world)

    assert writes_of_secrets(world) == ["create", "create"]


def test_a_secret_of_that_name_is_not_taken() -> None:
    """It may be anybody's: it is told, with the field that says otherwise, and left alone."""
    world = began()
    made = {"username": "a", "password": "somebodys-own"}
    world.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": GENERATED}, "stringData": made})
    before = there(world, kinds.SECRET, GENERATED)
    world.apply(small())

    found = wait(world, "cc", "Degraded", "True")

    assert found["reason"] == "SecretTaken"
    assert found["message"].startswith("spec.imageJolokiaSecret.name: ")
    assert len(warnings(world, "SecretTaken")) == 1
    assert there(world, kinds.SECRET, GENERATED) == before
    world.edit("cc", {"imageJolokiaSecret": {"name": GENERATED}})
    ready(world)


def test_a_user_may_go_without_a_login_and_come_back() -> None:
    """Each change restarts the nodes one at a time; the Secret stays, and the operator is never shut out."""
    world = began(small(topology=racks(2)))
    ready(world)
    world.run(15)

    for access in ({"jolokiaLogin": "None"}, {"jolokiaLogin": None}):
        roll = Watch(world)
        world.edit("cc", {"access": access})
        roll.done()
        assert roll.restarted() == set(roll.before)
        assert roll.most_down == 1
        assert not [text for text in events(world, "RestartPod") if "refuses" in text]
    assert writes_of_secrets(world) == ["create"]


def test_a_cluster_may_go_over_to_a_secret_of_the_users() -> None:
    """One that it names wins; the generated one is left where it is."""
    world = began(small())
    ready(world)
    secret(world, username="casskop", password="a-password")

    world.edit("cc", {"imageJolokiaSecret": {"name": "login"}})
    ready(world)
    world.run(60)

    assert wait(world, "cc", "Progressing", "False")["reason"] == "Converged"
    assert stored(world, kinds.SECRET, GENERATED) is not None


def test_it_cannot_be_edited() -> None:
    """An edit under running nodes would lock the operator out of all of them."""
    world = began(small())
    ready(world)

    with pytest.raises(AssertionError, match="immutable"):
        patch(world, kinds.SECRET, GENERATED, {"stringData": {"password": "another"}})


def test_a_cluster_that_casskop_made_without_a_login_is_left_without() -> None:
    """No Secret is made, nothing is written to its StatefulSets, and no pod restarts."""
    adopted = running("twodc")
    uids = adopted.uids()

    adopted.start(120)

    assert adopted.writes.seen == []
    assert adopted.uids() == uids
    assert writes_of_secrets(adopted.sim) == []
    assert adopted.sim.condition("twodc", "Progressing")["reason"] == "Converged"


def test_pods_are_the_same_after_nothing_happened() -> None:
    """A generated login is no reason to restart: hours later the nodes are those that were made."""
    world = began(small())
    ready(world)
    before = pods(world)

    world.run(7200)

    assert pods(world) == before
