"""What is planned for volumes that are to grow, by value."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.actions import (
    Action,
    ApplyStatefulSet,
    DetachStatefulSet,
    GrowClaim,
    Hold,
    NoteResize,
    Wait,
)
from controller.domain.desired import Desired
from controller.domain.observed import Claim, Copy, Expansion, Observed, Rack, StatefulSet
from controller.domain.plan import storage
from unit_tests.domain.obedient import NOW, desired

SIZES = ("1Gi", "1536Mi", "2Gi", "3Gi")


def claim(rack: int, ordinal: int, *, requested: str = "1Gi", **more: Any) -> Claim:
    """Return a bound claim, as large as is asked for."""
    known = {"capacity": requested, "phase": "Bound", "storage_class": "fast", **more}
    name = f"data-demo-dc1-rack{rack}-{ordinal}"
    return Claim(name=name, uid=f"uid-{name}", requested=requested, **known)


def rack(number: int, *claims: Claim, size: int | None = None, **more: Any) -> Rack:
    """Return a rack with a StatefulSet for as many nodes as there are claims, its volumes of 1Gi."""
    found = StatefulSet(
        name=f"demo-dc1-rack{number}",
        uid=f"uid-{number}",
        resource_version="1",
        generation=4,
        observed_generation=4,
        replicas=len(claims) if size is None else size,
        template_hash="t1",
        template_revision=1,
        update_revision="t1",
        on_delete=True,
        **{"capacity": "1Gi", **more},
    )
    return Rack(statefulset=found, claims=claims)


def wanted(capacity: str | None = "2Gi", racks: int = 1) -> Desired:
    """Return racks of two that ask for volumes of *capacity*."""
    plain = desired((2,) * racks)
    return attrs.evolve(plain, racks=tuple(attrs.evolve(r, capacity=capacity) for r in plain.racks))


def seen(*racks: Rack, expansion: Expansion = Expansion.ALLOWED, **more: Any) -> Observed:
    """Return a snapshot with *racks*, whose class says *expansion*."""
    by_name = {f"dc1-rack{number}": each for number, each in enumerate(racks)}
    return Observed(now=NOW, racks=by_name, expansion={"fast": expansion}, **more)


def asked(actions: list[Action]) -> list[str]:
    """Return the claims that are asked for more."""
    return [action.claim for action in actions if isinstance(action, GrowClaim)]


def test_one_claim_is_the_trial() -> None:
    """The first of the first rack, in the whole cluster; what it has to become stands in the action."""
    observed = seen(rack(0, claim(0, 0), claim(0, 1)), rack(1, claim(1, 0)))

    (action,) = storage.grow(wanted(racks=2), observed)

    assert isinstance(action, GrowClaim)
    assert (action.claim, action.capacity) == ("data-demo-dc1-rack0-0", "2Gi")


def test_nobody_else_is_asked_until_the_trial_has_grown() -> None:
    """However long that takes."""
    trial = claim(0, 0, requested="2Gi", capacity="1Gi")

    (action,) = storage.grow(wanted(), seen(rack(0, trial, claim(0, 1))))

    assert isinstance(action, Wait)
    assert trial.name in action.why


def test_a_size_that_was_a_mistake_is_corrected_before_the_storage_gave_it() -> None:
    """The trial is asked for what is wanted now, which is more than it has, and is the trial of that."""
    trial = claim(0, 0, requested="500Ti", capacity="1Gi", trouble="no space left")
    observed = seen(rack(0, trial, claim(0, 1)))

    (action,) = storage.grow(wanted("2Gi"), observed)

    assert isinstance(action, GrowClaim)
    assert (action.claim, action.capacity, action.instead_of) == (trial.name, "2Gi", "500Ti")
    assert storage.taken_back(wanted("2Gi"), observed) is None
    asks = attrs.evolve(trial, requested="2Gi", trouble=None)
    assert [type(a) for a in storage.grow(wanted("2Gi"), seen(rack(0, asks, claim(0, 1))))] == [Wait]


@pytest.mark.parametrize("size", ["1Gi", "1024Mi"])
def test_a_size_that_is_put_back_is_not_asked_for(size: str) -> None:
    """Kubernetes would refuse it: it is said what becomes of the claim, and nothing is done or waited for."""
    trial = claim(0, 0, requested="500Ti", capacity="1Gi", trouble="no space left")
    observed = seen(rack(0, trial, claim(0, 1)))

    assert storage.grow(wanted(size), observed) == []
    words = storage.taken_back(wanted(size), observed)
    assert words is not None
    assert f"{trial.name} still asks for 500Ti" in words
    assert storage.taken_back(wanted(size), seen(rack(0, claim(0, 0, requested="2Gi")))) is None


@pytest.mark.parametrize("capacity", ["2Gi", "2048Mi", "3Gi"])
def test_all_others_follow(capacity: str) -> None:
    """Together, once the trial has what was asked for, or more."""
    observed = seen(
        rack(0, claim(0, 0, requested="2Gi", capacity=capacity), claim(0, 1)), rack(1, claim(1, 0))
    )

    found = asked(storage.grow(wanted(racks=2), observed))
    assert found == ["data-demo-dc1-rack0-1", "data-demo-dc1-rack1-0"]


def test_a_file_system_that_follows_at_a_restart_is_a_success_of_the_storage() -> None:
    """It is waited for a while, since most grow without; then it is said what to do. Others go on."""
    trial = claim(0, 0, requested="2Gi", capacity="1Gi", restart_since=NOW)
    observed = seen(rack(0, trial, claim(0, 1)))

    first = storage.grow(wanted(), observed)
    late = storage.grow(wanted(), attrs.evolve(observed, now=NOW + dt.timedelta(minutes=5)))

    assert asked(first) == asked(late) == ["data-demo-dc1-rack0-1"]
    assert [a.seconds for a in first if isinstance(a, Wait)] == [180]
    assert [a.reason for a in late if isinstance(a, Hold)] == ["FileSystemResizePending"]


@pytest.mark.parametrize(
    "unasked",
    [
        {"phase": "Pending"},
        {"terminating": True},
        {"requested": "3Gi"},
        {"requested": "2Gi"},
        {"storage_class": None},
    ],
)
def test_who_is_not_asked(unasked: dict[str, Any]) -> None:
    """Claims without a volume, on their way out, large enough, or of no class."""
    assert asked(storage.grow(wanted(), seen(rack(0, claim(0, 0, **unasked))))) == []


def test_missing_and_left_over_claims_are_nobodys() -> None:
    """Only those of places that the rack has count, and one that is missing is not waited for."""
    left_over = claim(0, 2)
    have = rack(0, claim(0, 0, requested="2Gi"), left_over, size=2)

    assert storage.grow(wanted(), seen(have)) == []
    assert [type(a) for a in storage.exchange(wanted(), seen(have))] == [NoteResize]


@pytest.mark.parametrize(
    ("expansion", "said"),
    [(Expansion.FORBIDDEN, "does not allow it"), (Expansion.MISSING, "there is no storage class fast")],
)
def test_a_class_that_does_not_let_them(expansion: Expansion, said: str) -> None:
    """It is said once, with the field, and the size that is the way back; nothing is exchanged."""
    observed = seen(rack(0, claim(0, 0), claim(0, 1)), expansion=expansion)

    (hold,) = storage.grow(wanted(), observed)

    assert isinstance(hold, Hold)
    assert (hold.reason, hold.path) == ("StorageCannotGrow", "spec.dataCapacity")
    assert said in hold.why
    assert "1Gi" in hold.why
    assert storage.exchange(wanted(), observed) == []
    assert not storage.begun(wanted().racks[0], observed.racks["dc1-rack0"])


def test_a_class_that_cannot_be_read_is_tried() -> None:
    """The API server knows, and says."""
    assert asked(storage.grow(wanted(), seen(rack(0, claim(0, 0)), expansion=Expansion.UNREAD)))


def test_a_copy_comes_before_the_exchange() -> None:
    """Until status has one of the very StatefulSet, it stays; its generation goes with the deletion."""
    grown = claim(0, 0, requested="2Gi")

    (note,) = storage.exchange(wanted(), seen(rack(0, grown)))
    (detach,) = storage.exchange(wanted(), seen(rack(0, grown, copied=True)))

    assert isinstance(note, NoteResize)
    assert isinstance(detach, DetachStatefulSet)
    assert (detach.uid, detach.generation) == ("uid-0", 4)


def test_racks_are_exchanged_one_after_the_other() -> None:
    """The second waits for the first; one whose storage takes its time is passed over."""
    both = [rack(i, claim(i, 0, requested="2Gi"), copied=True) for i in (0, 1)]
    slow = rack(0, claim(0, 0, requested="2Gi", capacity="1Gi"))

    first = storage.exchange(wanted(racks=2), seen(*both))
    past = storage.exchange(wanted(racks=2), seen(slow, both[1]))

    assert [a.rack for a in first if isinstance(a, DetachStatefulSet)] == ["dc1-rack0"]
    assert [a.rack for a in past if isinstance(a, DetachStatefulSet)] == ["dc1-rack1"]


@given(
    size=st.integers(0, 3), requests=st.lists(st.sampled_from(SIZES), max_size=3), want=st.sampled_from(SIZES)
)
def test_what_is_apart_is_put_together(size: int, requests: list[str], want: str) -> None:
    """At its size, with volumes of the new one only if all of its claims were asked for it."""
    claims = tuple(claim(0, i, requested=each) for i, each in enumerate(requests))
    apart = Rack(claims=claims, copy=Copy(replicas=size, capacity="1536Mi"))

    (action,) = storage.put_together(wanted(want), seen(apart))

    assert isinstance(action, ApplyStatefulSet)
    assert (action.replicas, action.uid) == (size, None)
    theirs = [SIZES.index(each) for each in requests[:size]]
    grown = all(each >= SIZES.index(want) for each in theirs) and SIZES.index(want) > SIZES.index("1536Mi")
    assert action.capacity == (want if grown else None)


def test_nothing_is_planned_where_all_is_as_asked() -> None:
    """Nor where there are no volumes, or they are larger than the spec says."""
    for want, have in (("1Gi", "1Gi"), ("1024Mi", "1Gi"), ("1Gi", "2Gi"), (None, None)):
        observed = seen(rack(0, claim(0, 0, requested=have or "1Gi"), capacity=have))
        target = wanted(want)

        assert storage.grow(target, observed) == []
        assert storage.exchange(target, observed) == []
        assert not storage.pending(target.racks[0], observed.racks["dc1-rack0"])
