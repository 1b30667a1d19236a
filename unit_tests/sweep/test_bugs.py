"""Planted bugs: each finds the part of the operator that it breaks."""

from __future__ import annotations

import os

import pytest

from e2e.sweep.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_can_be_planted(mutant: Mutant) -> None:
    """In a process of its own, since it stays there; a part that has another name by now is missed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            mutant.plant()
            code = 0
        finally:
            os._exit(code)

    assert os.waitpid(child, 0)[1] == 0
