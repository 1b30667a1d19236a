"""Names of plans: what a failing line prints is what replays it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from e2e.sweep import selection
from e2e.sweep.plans import FAULTS, Plan, UnknownPlanError, parse

_POINTS = st.sampled_from([(kind, fault) for kind, faults in FAULTS.items() for fault in faults])


@given(story=st.sampled_from(["create", "scale"]), point=_POINTS, number=st.integers(1, 10_000))
def test_an_id_leads_back_to_its_plan(story: str, point: tuple[str, str], number: int) -> None:
    """Whatever a sweep prints, `--plan` understands."""
    plan = Plan(story=story, kind=point[0], number=number, fault=point[1])

    assert parse(plan.id) == plan


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("create/write/1", "story/kind/number/fault"),
        ("create/wrote/1/lose", "kinds of points"),
        ("create/write/1/drop", "faults at a write"),
        ("create/write/0/lose", "numbered from 1"),
        ("create/write/x/lose", "numbered from 1"),
    ],
)
def test_what_is_no_plan_is_refused_by_its_part(text: str, says: str) -> None:
    """The message names the part that is wrong."""
    with pytest.raises(UnknownPlanError, match=says):
        parse(text)


@pytest.mark.parametrize("kind", FAULTS)
def test_taking_turns_leaves_no_point_and_no_fault_out(kind: str) -> None:
    """The usual sweep strikes at every point, and each fault strikes at some of any six in a row."""
    faults = [
        {
            fault
            for fault in FAULTS[kind]
            if selection.rotating(Plan(story="s", kind=kind, number=number, fault=fault))
        }
        for number in range(1, 7)
    ]

    assert all(faults)
    assert set.union(*faults) == set(FAULTS[kind])


def test_a_quick_sweep_kills_after_every_write_and_repeats_itself() -> None:
    """Two quick sweeps run the same plans."""
    plans = [
        Plan(story="s", kind=kind, number=number, fault=fault)
        for number in range(1, 60)
        for kind, faults in FAULTS.items()
        for fault in faults
    ]
    first, second = selection.quick(), selection.quick()
    chosen = [plan for plan in plans if first(plan)]

    assert chosen == [plan for plan in plans if second(plan)]
    assert {plan.number for plan in chosen if plan.fault == "kill-unanswered"} == set(range(1, 60))
    assert {plan.kind for plan in chosen} == set(FAULTS)
