"""When the place of a dead node is given away, and what is said when it is not, by value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from controller.domain.actions import ReleasePlace
from controller.domain.availability import Keyspace, Place
from controller.domain.availability.replication import NetworkTopology
from controller.domain.desired import Desired, DesiredRack
from controller.domain.leaving import Leaving
from controller.domain.observed import Observed
from controller.domain.ownership import Ownership, Unread
from controller.domain.plan import replace
from unit_tests.domain.test_replacing import HOSTS, OLD, PEERS, VICTIM, answers, fresh, pod, seen, view

PLACES = {address: Place(dc="dc1", rack=f"rack{number}") for number, address in enumerate(sorted(HOSTS))}


def wanted(*, automatic: bool = True) -> Desired:
    """Return what is asked for: three racks of one."""
    racks = tuple(
        DesiredRack(
            name=f"dc1-rack{n}",
            path=f"spec.topology.dc[0].rack[{n}]",
            replicas=1,
            template_hash="t",
            statefulset=f"demo-dc1-rack{n}",
        )
        for n in range(3)
    )
    return Desired(name="demo", racks=racks, replaces=automatic)


def lost(*, copies: int = 3, schemas: Mapping[str, frozenset[str]] | None = None, **more: Any) -> Observed:
    """Return a ring of three in which the machine of one is no more, and all data has so many copies."""
    stuck = pod(VICTIM, ready=False, node=None, unschedulable="no node fits")
    keyspace = Keyspace(name="app", replication=NetworkTopology(factors={"dc1": copies}))
    owned = Ownership(
        tokens=dict(zip((0, 100, 200), sorted(HOSTS), strict=True)),
        places=PLACES,
        keyspaces=(keyspace,),
        schemas=schemas or {},
    )
    known = {"lost_machines": frozenset({"gone"}), "ownership": owned, **more}
    return seen(stuck, fresh(node="gone"), **known)


def test_it_is_given_away_with_its_proof() -> None:
    """Pod and claim by uid; the machine stands in the event."""
    (action,) = replace.step(wanted(), lost())

    assert isinstance(action, ReleasePlace)
    assert (action.pod, dict(action.claims)) == (VICTIM, {f"data-{VICTIM}": "c"})
    assert "node gone" in action.why
    assert list(replace.offers(wanted(), lost())) == []


def test_without_leave_it_is_offered() -> None:
    """With what to do; nobody is asked who owns what."""
    (hold,) = replace.offers(wanted(automatic=False), lost())

    assert replace.step(wanted(automatic=False), lost()) == []
    assert not replace.asks(wanted(automatic=False), lost())
    assert (hold.reason, hold.path) == ("NodeLost", "spec.nodeReplacement")
    assert f"kubectl delete pvc data-{VICTIM}" in hold.why


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"copies": 1}, "data of app may be nowhere else"),
        ({"ownership": Unread(why="nobody answers")}, "nobody answers"),
        ({"ownership": None}, "nobody was asked"),
        ({"schemas": {"a": frozenset({"10.0.0.1"}), "b": frozenset({"10.0.0.2"})}}, "agree on the schema"),
        ({"leaving": Leaving(rack="dc1-rack1", pod=PEERS[0])}, "on its way out"),
        ({"ring": answers(view(), view(joining=frozenset({"10.0.0.7"})))}, "one topology change at a time"),
        ({"ring": answers(view(), view(unreachable=frozenset()))}, "does not believe"),
        ({"joined": frozenset({VICTIM, *PEERS, "demo-dc1-rack3-0"})}, "demo-dc1-rack3-0 is down, too"),
    ],
)
def test_what_it_waits_for(more: dict[str, Any], why: str) -> None:
    """The only copy, silence, other changes, a doubt, another node that is down: each is named."""
    observed = lost(**more)

    assert replace.step(wanted(), observed) == []
    (hold,) = replace.offers(wanted(), observed)
    assert hold.reason == "NodeLost"
    assert why in hold.why


@pytest.mark.parametrize(
    "change",
    [
        {"node": "elsewhere"},
        {"unschedulable": None},
        {"terminating": True},
    ],
)
def test_who_may_yet_find_a_place_is_not_lost(change: dict[str, Any]) -> None:
    """One that was placed, one that the scheduler has not refused, one that is about to go."""
    observed = lost()
    racks = dict(observed.racks)
    rack = racks["dc1-rack0"]
    racks["dc1-rack0"] = attrs.evolve(rack, pods=(attrs.evolve(rack.pods[0], **change),))
    observed = attrs.evolve(observed, racks=racks)

    assert replace.step(wanted(), observed) == []
    assert list(replace.offers(wanted(), observed)) == []


def test_a_machine_that_is_there_is_no_loss() -> None:
    """Silent is not gone; which machines to ask for is what the plan says."""
    observed = lost(lost_machines=frozenset())

    assert replace.step(wanted(), observed) == []
    assert list(replace.offers(wanted(), observed)) == []
    assert replace.suspects(observed) == {"gone"}
    assert OLD in HOSTS
