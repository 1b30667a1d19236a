"""Random walks repeat, come home, and can fail."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
import multiprocessing

import pytest

from e2e.sweep import walks
from e2e.sweep.__main__ import main
from e2e.sweep.mutants import MUTANTS
from e2e.sweep.steps import Edit

# Short ones: of racks and data centres, of a new image while a machine is lost, of a stop.
NUMBERS = (3, 5, 16)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_walk_comes_home_with_all_invariants_kept(number: int) -> None:
    """Whatever the user asked for in between, and whichever faults struck meanwhile."""
    found = walks.play(number)

    assert found.problems == ()
    assert found.faults


def test_the_same_number_gives_the_same_walk() -> None:
    """Byte for byte, with the same faults at the same points; another number gives another one."""
    one, again = walks.play(NUMBERS[0]), walks.play(NUMBERS[0])

    assert one == again
    assert walks.walk(NUMBERS[0]).when != walks.walk(NUMBERS[1]).when


@pytest.mark.parametrize("number", range(40))
def test_the_way_home_puts_back_every_field_that_was_edited(number: int) -> None:
    """But for a restart, which cannot be taken back; what was merged in is taken out."""
    *way, _ = steps = [step.spec for step in walks.walk(number).when if isinstance(step, Edit)]
    edited = {field for spec in way for field in spec} - {"restartedAt"}
    # With a data centre that came, the way home has two edits.
    home = {**steps[-2], **steps[-1]}

    assert edited <= set(home)
    assert "dc2" not in str(home.get("topology"))


def test_a_planted_bug_does_not_come_home() -> None:
    """An operator that deletes pods by their name breaks an invariant on a walk."""
    (bug,) = [mutant for mutant in MUTANTS if mutant.name == "deletes-pods-by-name"]
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=forked, initializer=bug.plant) as pool:
        found = list(pool.map(walks.play, NUMBERS))

    assert any("pods_are_deleted_by_proof" in problem for walk in found for problem in walk.problems)


@pytest.mark.parametrize("text", ["x", "3-1", "-1", "0-x"])
def test_a_walk_without_a_number_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2 and what numbers look like, and nothing is played."""
    assert main([f"--walk={text}"]) == 2
    assert "walks have numbers" in capsys.readouterr().err
