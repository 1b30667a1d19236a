"""Which pods are made again since they have another's address, and what is said of others, by value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.actions import Action, ApplyStatefulSet, DeletePod, Hold, Wait
from controller.domain.desired import Desired
from controller.domain.leaving import Leaving
from controller.domain.observed import Claim, Container, Observed, Pod, Rack, StatefulSet
from controller.domain.plan import crossed, needs_ownership, plan
from controller.domain.ring import Mode, Ring, Silent, View
from unit_tests.domain.obedient import LONG_AGO, NOW, desired

NAMES = tuple(f"demo-dc1-rack{n}-0" for n in range(4))
FIRST, SECOND, THIRD, FOURTH = NAMES
# Where the ring knows each node.
IPS = {name: f"10.0.0.{n}" for n, name in enumerate(NAMES)}
HOSTS = {name: f"h{n}" for n, name in enumerate(NAMES)}
KNOWN = {IPS[name]: HOSTS[name] for name in NAMES}
REASON = "AddressOfAnotherNode"


def wanted(allowed: int = 3, **more: Any) -> Desired:
    """Return four racks of one, in which Cassandra may restart so often."""
    return attrs.evolve(desired((1, 1, 1, 1)), restarts_allowed=allowed, **more)


def view(**more: Any) -> View:
    """Return what a node says that knows everybody at their old addresses."""
    known = {"host_ids": KNOWN, **more}
    return View(mode=Mode.NORMAL, native_transport=True, release_version="5.0.9", **known)


def container(restarts: int = 4, **more: Any) -> Container:
    """Return a container of Cassandra that has ended and waits to be started again."""
    known = {"restarts": restarts, "reason": "CrashLoopBackOff", "exit_code": 3, **more}
    return Container(name="cassandra", **known)


def up(name: str) -> Pod:
    """Return a pod that serves, at its old address."""
    return pod(name, ip=IPS[name], ready=True, containers=(Container(name="cassandra", running=True),))


def pod(name: str, *, ip: str | None, **more: Any) -> Pod:
    """Return a pod in which Cassandra ends again and again, at *ip*."""
    known = {
        "phase": "Running",
        "node": "n",
        "revision": "t1",
        "containers": (container(),),
        "uid": f"uid-{name}",
        **more,
    }
    return Pod(name=name, ordinal=0, ip=ip, created=LONG_AGO, **known)


def seen(*down: Pod, claims: Mapping[str, tuple[Claim, ...]] | None = None, **more: Any) -> Observed:
    """Return the ring, in which all serve but for the pods that are *down*."""
    pods = {name: up(name) for name in NAMES} | {each.name: each for each in down}
    racks = {}
    for name, each in pods.items():
        statefulset = StatefulSet(
            name=name[:-2],
            uid=f"uid-{name[:-2]}",
            resource_version="1",
            generation=1,
            observed_generation=1,
            replicas=1,
            template_hash="t1",
            template_revision=1,
            update_revision="t1",
            on_delete=True,
        )
        racks[name.removeprefix("demo-")[:-2]] = Rack(
            statefulset=statefulset,
            pods=(each,),
            claims=(claims or {}).get(name, (claim(name),)),
        )
    known = {
        "ring": Ring(answers={name: view() for name in NAMES if pods[name].ready}),
        "shared": {},
        "joined": frozenset(NAMES),
        "hosts": HOSTS,
        "addresses": IPS,
        **more,
    }
    return Observed(now=NOW, racks=racks, **known)


def claim(name: str, **more: Any) -> Claim:
    """Return the claim of a pod's data."""
    return Claim(name=f"data-{name}", uid="c", phase="Bound", storage_class="fast", **more)


def swapped(restarts: int = 4) -> tuple[Pod, Pod]:
    """Return the first two pods with each other's addresses."""
    containers = (container(restarts),)
    return (
        pod(FIRST, ip=IPS[SECOND], containers=containers),
        pod(SECOND, ip=IPS[FIRST], containers=containers),
    )


def alone(first: Pod | None = None, **more: Any) -> Observed:
    """Return the ring in which *first* has the address of the second, which finds no place."""
    lost = pod(SECOND, ip=None, node=None, unschedulable="no node fits", containers=())
    return seen(first or swapped()[0], lost, **more)


def deleted(actions: list[Action] | tuple[Action, ...]) -> list[str]:
    """Return the uids of the pods that are to be deleted."""
    return [action.uid for action in actions if isinstance(action, DeletePod)]


def test_one_of_two_is_made_again() -> None:
    """The sentence says whose address it is, who knows so, and what stays; nothing else is begun."""
    target = attrs.evolve(wanted(), shared={})

    actions = plan(target, seen(*swapped()))

    assert deleted(actions) == [f"uid-{FIRST}"]
    assert all(isinstance(action, DeletePod | Hold) for action in actions)
    for word in (FIRST, SECOND, IPS[SECOND], THIRD, "4 restarts", "same volume", crossed.PATH):
        assert word in actions[0].why
    assert not needs_ownership(target, seen(*swapped()))


@pytest.mark.parametrize(("allowed", "restarts", "expected"), [(3, 4, 1), (3, 3, 0), (1, 2, 1), (0, 99, 0)])
def test_how_often_it_may_restart(allowed: int, restarts: int, expected: int) -> None:
    """CassKop's count: more often than the field says, and never if that is 0; then it is told what to do."""
    observed = seen(*swapped(restarts))

    actions = crossed.mend(wanted(allowed), observed)

    assert len(deleted(actions)) == expected
    if not expected:
        holds = [action for action in actions if isinstance(action, Hold)]
        assert [hold.reason for hold in holds] == [REASON, REASON]
        said = "after more than" if allowed else f"kubectl delete pod {FIRST}"
        assert said in holds[0].why


def test_a_pod_in_its_own_place_hides_no_other() -> None:
    """One that ends for another reason, before it in the order, is passed over."""
    elsewhere = pod(FIRST, ip=IPS[FIRST])
    third = pod(THIRD, ip=IPS[SECOND])
    second = pod(SECOND, ip="10.0.9.9")

    assert deleted(crossed.mend(wanted(), seen(elsewhere, second, third))) == [f"uid-{THIRD}"]


BAD_IMAGE = Container(name="backrest-sidecar", reason="ImagePullBackOff", message="no such image")
REFUSES = Container(name="bootstrap", init=True, reason="CrashLoopBackOff", exit_code=1, restarts=9)


@pytest.mark.parametrize(
    "more",
    [
        {"ip": None},
        {"ready": True},
        {"terminating": True},
        {"unschedulable": "no node fits", "node": None},
        {"containers": (container(running=True, reason=None),)},
        {"containers": (container(reason="ImagePullBackOff", message="no such image"),)},
        {"containers": (container(reason="CreateContainerConfigError", message="no such Secret"),)},
        {"containers": (container(reason="PodInitializing", exit_code=None),)},
        {"containers": (container(), BAD_IMAGE)},
        {"containers": (REFUSES, container())},
    ],
)
def test_what_a_new_pod_would_not_mend(more: dict[str, Any]) -> None:
    """Pods that serve, run, go, or have another trouble are neither deleted nor spoken of."""
    first = attrs.evolve(swapped()[0], **more)

    assert crossed.mend(wanted(), alone(first)) == []


MOVED = {**{ip: host for ip, host in KNOWN.items() if host != "h1"}, "10.0.9.9": "h1"}


@pytest.mark.parametrize(
    "more",
    [
        {"ring": Ring(answers={THIRD: Silent(why="x"), FOURTH: Silent(why="y")})},
        {"ring": Ring(answers={THIRD: view(), FOURTH: view(host_ids={**KNOWN, IPS[SECOND]: "h0"})})},
        {"ring": Ring(answers={THIRD: view(), FOURTH: view(host_ids=MOVED)})},
        {"ring": Ring(answers={THIRD: view(host_ids={**KNOWN, "10.0.9.9": "h1"})})},
        {"ring": Ring(answers={THIRD: view(host_ids={**KNOWN, IPS[SECOND]: "a-stranger"})})},
        {"ring": Ring(answers={THIRD: attrs.evolve(view(), mode=Mode.JOINING)})},
        {"hosts": {name: host for name, host in HOSTS.items() if name != FIRST}},
        {"hosts": {name: host for name, host in HOSTS.items() if name != SECOND}},
    ],
)
def test_what_is_no_proof(more: dict[str, Any]) -> None:
    """Silence, views that differ, an owner that has moved, a stranger, and who was never known."""
    assert crossed.mend(wanted(), alone(**more)) == []


def test_who_does_not_know_the_address_says_nothing() -> None:
    """One view that knows it is enough, as long as no other knows better."""
    less = {ip: host for ip, host in KNOWN.items() if host != "h1"}
    ring = Ring(answers={THIRD: view(host_ids=less), FOURTH: view()})

    (delete,) = crossed.mend(wanted(), alone(ring=ring))

    assert deleted([delete]) == [f"uid-{FIRST}"]
    assert FOURTH in delete.why


def test_an_address_that_is_shared_is_not_crossed() -> None:
    """On the network of its machine another pod would have the same one."""
    shares = pod(FIRST, ip=IPS[THIRD])

    assert crossed.mend(wanted(), seen(shares)) == []


@pytest.mark.parametrize("claims", [(), (claim(FIRST, terminating=True),), (claim(SECOND),)])
def test_data_that_would_go_with_the_pod_stays(claims: tuple[Claim, ...]) -> None:
    """It is said that a deletion takes it away, and left to its user; else it would be deleted."""
    assert deleted(crossed.mend(wanted(), alone())) == [f"uid-{FIRST}"]

    (hold,) = crossed.mend(wanted(), alone(claims={FIRST: claims}))

    assert isinstance(hold, Hold)
    assert (hold.reason, hold.path) == (REASON, crossed.PATH)
    assert "takes its data away" in hold.why


@pytest.mark.parametrize(
    ("first", "waits"),
    [
        (pod(FIRST, ip=IPS[SECOND], terminating=True), True),
        (pod(FIRST, ip=None, phase="Pending", containers=()), True),
        (pod(FIRST, ip="10.0.9.9", containers=(Container(name="cassandra", running=True, since=NOW),)), True),
        (
            pod(FIRST, ip="10.0.9.9", containers=(Container(name="cassandra", running=True, started=True),)),
            False,
        ),
        (pod(FIRST, ip="10.0.9.9", containers=(container(1),)), False),
        (pod(FIRST, ip=None, node=None, unschedulable="no node fits", containers=()), False),
        (pod(FIRST, ip="10.0.9.9", containers=(container(1, running=True, reason=None),)), False),
        # Nobody knows what became of a machine that is silent.
        (pod(FIRST, ip="10.0.9.9", terminating=True, containers=(container(0, running=True),)), False),
    ],
)
def test_the_next_one_waits_for_the_last_one(first: Pod, *, waits: bool) -> None:
    """Until that is up, or has failed by itself, or cannot come: what is stuck holds nobody up."""
    actions = crossed.mend(wanted(), seen(first, swapped()[1]))

    assert deleted(actions) == ([] if waits else [f"uid-{SECOND}"])
    if waits:
        assert isinstance(actions[0], Wait)
        assert FIRST in actions[0].why


def test_new_nodes_are_not_waited_for() -> None:
    """One that was never a member was not made again: its pod may be there, starting, or not."""
    starts = pod(FOURTH, ip=None, containers=())
    hosts = {name: host for name, host in HOSTS.items() if name != FOURTH}
    beginning = seen(*swapped(), starts, hosts=hosts)
    rack = attrs.evolve(beginning.racks["dc1-rack3"], pods=())
    missing = attrs.evolve(beginning, racks={**beginning.racks, "dc1-rack3": rack})

    assert deleted(crossed.mend(wanted(), beginning)) == [f"uid-{FIRST}"]
    assert deleted(crossed.mend(wanted(), missing)) == [f"uid-{FIRST}"]


def test_a_pod_that_has_yet_to_be_made_is_waited_for() -> None:
    """Unless its StatefulSet waits for an earlier one to be ready, as CassKop's do."""
    gone = seen(*swapped())
    rack = attrs.evolve(gone.racks["dc1-rack0"], pods=())
    missing = attrs.evolve(gone, racks={**gone.racks, "dc1-rack0": rack})
    before = alone()
    first = before.racks["dc1-rack0"]
    assert first.statefulset is not None
    larger = attrs.evolve(first, statefulset=attrs.evolve(first.statefulset, replicas=2, running=2))
    hosts = {**HOSTS, "demo-dc1-rack0-1": "h9"}
    ordered = attrs.evolve(before, racks={**before.racks, "dc1-rack0": larger}, hosts=hosts)

    (wait,) = crossed.mend(wanted(), missing)

    assert isinstance(wait, Wait)
    assert f"pod {FIRST} is being created" in wait.why
    assert deleted(crossed.mend(wanted(), ordered)) == [f"uid-{FIRST}"]


def test_a_corrected_template_comes_first() -> None:
    """Pods that cannot start get it, and may need no more than that."""
    racks = tuple(attrs.evolve(rack, template_hash="t2") for rack in wanted().racks)
    target = wanted(racks=racks, shared={})

    actions = plan(target, seen(*swapped()))

    assert deleted(actions) == []
    assert {type(action) for action in actions} == {ApplyStatefulSet}


def test_a_stopped_cluster_is_left_alone() -> None:
    """Its pods go in any case."""
    assert deleted(plan(wanted(stopped=True, shared={}), seen(*swapped()))) == []


def test_who_leaves_is_left_alone_and_holds_nobody_up() -> None:
    """Others that have another's address are made again meanwhile."""
    leaving = Leaving(rack="dc1-rack0", pod=FIRST)

    first, *others = wanted().racks
    target = wanted(racks=(attrs.evolve(first, replicas=0), *others), shared={})
    silent = Silent(why="it is down")

    actions = plan(target, seen(*swapped(), leaving=leaving, leaver=silent))

    assert deleted(actions) == [f"uid-{SECOND}"]


@st.composite
def rings(draw: st.DrawFn) -> Observed:
    """Return a ring whose pods have come back with any addresses, in any state of their containers."""
    down = []
    for name in draw(st.sets(st.sampled_from(NAMES))):
        restarts = draw(st.integers(0, 5))
        running = draw(st.booleans())
        ends = container(restarts, running=running, reason=None if running else "CrashLoopBackOff")
        ip = draw(st.sampled_from((*IPS.values(), "10.0.9.9", None)))
        down.append(pod(name, ip=ip, containers=(ends,), terminating=draw(st.booleans())))
    return seen(*sorted(down, key=lambda each: each.name))


@given(observed=rings(), allowed=st.integers(0, 4))
def test_whatever_came_back_at_most_one_goes_and_for_its_reason(observed: Observed, allowed: int) -> None:
    """It does not run, restarted too often, and everybody who knows its address knows another one there."""
    actions = crossed.mend(wanted(allowed), observed)

    gone = deleted(actions)
    assert len(gone) <= 1
    for each in (p for p in observed.pods() if p.uid in gone):
        assert 0 < allowed < each.restarts
        assert not any((each.ready, each.cassandra_runs, each.terminating))
        assert each.ip in KNOWN
        assert KNOWN[each.ip] != HOSTS[each.name]


@given(observed=rings())
def test_a_pod_that_was_just_made_again_is_not_deleted(observed: Observed) -> None:
    """The count is its own: with another uid it begins anew, whatever address it got."""
    uids = deleted(crossed.mend(wanted(1), observed))
    racks = {
        name: attrs.evolve(
            rack,
            pods=tuple(
                attrs.evolve(p, uid="another", containers=(container(0, reason=None, exit_code=None),))
                if p.uid in uids
                else p
                for p in rack.pods
            ),
        )
        for name, rack in observed.racks.items()
    }

    assert "another" not in deleted(crossed.mend(wanted(1), attrs.evolve(observed, racks=racks)))
    if uids:
        assert deleted(crossed.mend(wanted(1), attrs.evolve(observed, racks=racks))) == []
