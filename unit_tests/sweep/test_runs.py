"""Runs repeat: in one process, in two, and whether forked from a trunk or replayed from the beginning."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from e2e.sweep.__main__ import main
from e2e.sweep.endstate import differences
from e2e.sweep.explore import Explorer
from e2e.sweep.plans import FAULTS, Plan, parse
from e2e.sweep.run import Outcome, Run, replay
from e2e.sweep.stories import BY_NAME

STORY = BY_NAME["secret"]
PLANS = (
    "secret/write/6/kill-unanswered",
    "secret/write/7/late",
    "secret/read/4/error",
    "secret/event/9/drop",
    "secret/node/1/mute",
)


@pytest.fixture(scope="module")
def trunk() -> Outcome:
    """The story without any fault."""
    return replay(STORY, None, reference=None)


def test_the_same_seed_gives_the_same_history(trunk: Outcome) -> None:
    """Byte for byte: two runs have one hash over every change, its time and its author."""
    again = replay(STORY, None, reference=trunk.end)

    assert again.history == trunk.history
    assert again == trunk


def test_another_process_gives_the_same_history(trunk: Outcome) -> None:
    """Nothing depends on how Python orders sets in one process."""
    code = (
        "from e2e.sweep.run import replay; from e2e.sweep.stories import BY_NAME;"
        "print(replay(BY_NAME['secret'], None, reference=None).history)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    found = subprocess.run(  # noqa: S603 -- our own interpreter, our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=110
    )

    assert found.stdout.split()[-1] == trunk.history


def test_another_seed_gives_another_history_and_the_same_end(trunk: Outcome) -> None:
    """Chance changes the way, not where it leads."""
    other = replay(STORY, None, seed=1, reference=trunk.end)

    assert other.history != trunk.history
    assert other.violations == ()


def test_a_forked_plan_is_what_its_replay_is(trunk: Outcome) -> None:
    """What a sweep finds, `--plan` finds: the histories are equal."""
    chosen = {parse(text) for text in PLANS}
    found = Explorer(STORY, jobs=1, reference=trunk.end, select=chosen.__contains__).explore()

    assert {verdict.plan for verdict in found.verdicts} == chosen
    assert found.trunk.history == trunk.history
    for verdict in found.verdicts:
        replayed = replay(STORY, verdict.plan, reference=trunk.end)
        assert verdict.history == replayed.history
        assert verdict.problems == tuple(map(str, replayed.violations)) == ()


def test_a_plan_that_strikes_while_a_call_lasts_is_what_its_replay_is() -> None:
    """A fork would lose the thread of the call: such a plan is played from the beginning."""
    story = BY_NAME["halt"]
    lasting: list[Plan] = []

    def decide(kind: str, number: int) -> str | None:
        if run.parked and kind in {"write", "event", "node"}:
            fault = {"write": "kill-answered", "event": "hold", "node": "mute"}[kind]
            lasting.append(Plan(story="halt", kind=kind, number=number, fault=fault))
        return None

    run = Run(story, decide)
    end = run.play().end
    chosen = {next(plan for plan in lasting if plan.kind == kind) for kind in ("write", "event", "node")}
    chosen |= {parse(f"halt/call/2/{fault}") for fault in FAULTS["call"]}
    found = Explorer(story, jobs=2, reference=end, select=chosen.__contains__).explore()

    assert {verdict.plan for verdict in found.verdicts} == chosen
    for verdict in found.verdicts:
        replayed = replay(story, verdict.plan, reference=end)
        assert verdict.history == replayed.history
        assert verdict.problems == tuple(map(str, replayed.violations)) == ()


def test_an_end_that_differs_fails_the_plan(trunk: Outcome) -> None:
    """A sweep can fail: with another end to compare with, the forked plan says so."""
    doctored = {**trunk.end, "services/solo": None}
    only = Plan(story="secret", kind="write", number=20, fault="lose")
    found = Explorer(STORY, jobs=1, reference=doctored, select=only.__eq__).explore()

    assert [plan for plan, _ in found.problems()] == ["secret/none", only.id]
    assert all("it_ends_as_without_faults" in text for _, text in found.problems())


def test_points_are_counted_as_covered_once(trunk: Outcome) -> None:
    """Two faults at one point cover one point."""
    chosen = {parse("secret/write/21/lose"), parse("secret/write/21/error")}
    found = Explorer(STORY, jobs=2, reference=trunk.end, select=chosen.__contains__).explore()

    assert found.covered("write") == 1
    assert found.covered("event") == 0
    assert trunk.points["write"] > 20


def test_differences_name_the_place() -> None:
    """What differs is named by its path; equal parts are not."""
    found = list(differences({"a": {"b": [1, 2], "c": 3}}, {"a": {"b": [1, 5], "c": 3, "d": 4}}))

    assert found == ["a.b[1] is 5, without faults 2", "a.d is 4, without faults absent"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--plan", "nosuch/write/1/lose"], "there is no story nosuch"),
        (["--plan", "create/write/1/nosuch"], "faults at a write"),
        (["--story", "nosuch"], "there is no story nosuch"),
    ],
)
def test_a_wrong_command_line_ends_with_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not exist is named, with what there is, and the exit code is 2."""
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
