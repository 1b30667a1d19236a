"""Who is dead, and whose place is taken, by value."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest

from controller.domain.observed import Claim, Container, Copy, Observed, Pod, Rack
from controller.domain.plan import replace
from controller.domain.replacing import Dead, dead, disk, replaced
from controller.domain.ring import Mode, Ring, Silent, View
from unit_tests.domain.obedient import NOW

VICTIM, PEERS = "demo-dc1-rack0-0", ("demo-dc1-rack1-0", "demo-dc1-rack2-0")
OLD = "10.0.0.9"
HOSTS = {OLD: "h0", "10.0.0.1": "h1", "10.0.0.2": "h2"}


def pod(name: str, *, ready: bool, created: dt.datetime = NOW, **more: Any) -> Pod:
    """Return a pod; the peers run at 10.0.0.1 and 10.0.0.2."""
    ip = f"10.0.0.{name[-3]}" if ready else None
    known = {"phase": "Running" if ready else "Pending", "node": "n", "revision": None, **more}
    return Pod(name=name, uid=name, ordinal=0, ip=ip, created=created, ready=ready, **known)


def view(**more: Any) -> View:
    """Return what a peer says that knows the victim, and believes it to be down."""
    known = {"host_ids": HOSTS, "unreachable": frozenset({OLD}), **more}
    return View(mode=Mode.NORMAL, native_transport=True, release_version="5.0.9", **known)


def seen(victim: Pod | None = None, claim: Claim | None = None, **more: Any) -> Observed:
    """Return a ring of three, of which the victim is down, and its pod is new."""
    pods = (victim or pod(VICTIM, ready=False), *(pod(peer, ready=True) for peer in PEERS))
    claims = {VICTIM: (claim or fresh(),)}
    racks = {
        each.name.removeprefix("demo-")[:-2]: Rack(pods=(each,), claims=claims.get(each.name, ()))
        for each in pods
    }
    known: dict[str, Any] = {
        "ring": Ring(answers=dict.fromkeys(PEERS, view())),
        "joined": frozenset({VICTIM, *PEERS}),
        "hosts": {VICTIM: "h0", PEERS[0]: "h1", PEERS[1]: "h2"},
        "addresses": {VICTIM: OLD},
        **more,
    }
    return Observed(now=NOW, racks=racks, **known)


def fresh(**more: Any) -> Claim:
    """Return the victim's claim, made when its pod was."""
    known = {"phase": "Bound", "storage_class": "fast", "created": NOW, **more}
    return Claim(name=f"data-{VICTIM}", uid="c", **known)


def answers(*said: View | Silent) -> Ring:
    """Return what the peers say."""
    return Ring(answers=dict(zip(PEERS, said, strict=True)))


def test_a_member_that_all_believe_to_be_down_is_dead() -> None:
    """It is called by the address that it was last known under."""
    assert dead(VICTIM, seen()) == Dead(pod=VICTIM, address=OLD, host_id="h0")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ring": answers(view(), Silent(why="x"))}, "no majority"),
        ({"ring": answers(view(), view(unreachable=frozenset()))}, "does not believe"),
        (
            {"ring": answers(view(), view(host_ids={k: v for k, v in HOSTS.items() if k != OLD}))},
            "does not know",
        ),
        ({"ring": answers(view(), view(host_ids={**HOSTS, OLD: "another"}))}, "does not know"),
        ({"joined": frozenset(PEERS)}, "not known to have been a member"),
        ({"hosts": {}}, "not known to have been a member"),
        ({"addresses": {}}, "not known to have been a member"),
    ],
)
def test_who_is_not_dead(more: dict[str, Any], why: str) -> None:
    """Silence, a single doubt, another node at that address, and what was never known."""
    found = dead(VICTIM, seen(**more))

    assert isinstance(found, str)
    assert why in found
    assert replaced(seen(**more)) == {}


def test_a_new_disk_takes_the_place_of_its_old_node() -> None:
    """So does a node without a volume, whose disk is as old as its pod."""
    assert replaced(seen()) == {VICTIM: OLD}
    racks = {name: attrs.evolve(rack, claims=()) for name, rack in seen().racks.items()}
    assert replaced(attrs.evolve(seen(), racks=racks)) == {VICTIM: OLD}


_RAN = (Container(name="cassandra", restarts=1),)


@pytest.mark.parametrize(
    ("victim", "claim"),
    [
        (pod(VICTIM, ready=False, terminating=True), fresh()),
        (pod(VICTIM, ready=False, containers=_RAN), fresh()),
        (pod(VICTIM, ready=False), fresh(created=NOW - dt.timedelta(hours=1))),
        (pod(VICTIM, ready=False), fresh(terminating=True)),
    ],
)
def test_an_old_disk_is_its_nodes_own(victim: Pod, claim: Claim) -> None:
    """One that was there before the pod, that Cassandra has seen, or that is about to go."""
    assert replaced(seen(victim, claim)) == {}


def test_a_pod_that_is_deleted_in_its_first_minute_has_its_disk_still() -> None:
    """However young the disk is: it is the one that the node had when it was a member."""
    young = fresh(created=NOW - dt.timedelta(seconds=50))

    assert replaced(seen(claim=young, disks={VICTIM: "c"})) == {}
    assert replaced(seen(claim=young, disks={VICTIM: "another"})) == {VICTIM: OLD}


def test_who_cannot_be_told_yet_is_looked_at_again() -> None:
    """No event says when peers come to believe that a node is down, and Cassandra starts without it."""
    doubted: dict[str, Any] = {"ring": answers(view(), view(unreachable=frozenset()))}
    (wait,) = replace.undecided(seen(**doubted))

    assert wait.seconds is not None
    assert "waits to be told whose place it takes: demo-dc1-rack2-0 does not believe" in wait.why
    # Who can be told is, who was no member has no place to take, and who has started has been prepared.
    runs = pod(VICTIM, ready=False, containers=(Container(name="cassandra", running=True),))
    for others in (
        seen(),
        seen(hosts={}, **doubted),
        seen(joined=frozenset(PEERS), **doubted),
        seen(runs, disks={VICTIM: "another"}, **doubted),
        seen(claim=fresh(created=NOW - dt.timedelta(hours=1)), **doubted),
    ):
        assert not list(replace.undecided(others))


@pytest.mark.parametrize(
    "container",
    [
        Container(name="cassandra", running=True),
        Container(name="cassandra", running=True, restarts=3),
        Container(name="cassandra", exit_code=3),
    ],
)
def test_a_first_start_that_fails_is_tried_again_in_the_same_place(container: Container) -> None:
    """Until the node serves, whatever became of the tries before, and however long ago they were."""
    victim = pod(VICTIM, ready=False, containers=(container,))
    claim = fresh(created=NOW - dt.timedelta(hours=1))

    assert replaced(seen(victim, claim, disks={VICTIM: "another"})) == {VICTIM: OLD}
    assert replaced(seen(pod(VICTIM, ready=True), claim, disks={VICTIM: "another"})) == {}


def test_a_node_without_a_volume_loses_its_disk_with_its_pod() -> None:
    """A claim that is not to be seen is no proof of that where there are to be volumes."""
    victim = pod(VICTIM, ready=False, containers=_RAN)
    none, some = Copy(replicas=1, capacity=None), Copy(replicas=1, capacity="1Gi")

    assert disk(victim, Rack(copy=none)) == VICTIM
    assert disk(victim, Rack(copy=some)) is None
    assert disk(victim, Rack(copy=some, claims=(fresh(),))) == "c"


def test_a_pod_whose_machine_is_gone_is_told_before_it_is_made_anew() -> None:
    """So the next pod finds the word where it looks."""
    stuck = pod(VICTIM, ready=False, node=None, unschedulable="no node fits")
    old = fresh(created=NOW - dt.timedelta(hours=1), node="gone")

    assert replaced(seen(stuck, old, lost_machines=frozenset({"gone"}))) == {VICTIM: OLD}
    assert replaced(seen(stuck, old)) == {}
