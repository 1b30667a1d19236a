"""
What rendering has to say: problems, which stop it, and warnings, which do not.

A line names the place in CONFIG_FILE_DATA that it speaks of, as a path of names joined by dots.
Values are named only where they cannot be secrets: durations, sizes, switches.
"""

from __future__ import annotations

from collections.abc import Iterable
import difflib

import attrs


@attrs.frozen
class Findings:
    """Collects lines in the order in which they are found."""

    problems: list[str] = attrs.field(factory=list, init=False)
    warnings: list[str] = attrs.field(factory=list, init=False)

    def at(self, path: str) -> Place:
        """Return *path* as a place that things can be found at."""
        return Place(self, path)


@attrs.frozen
class Place:
    """One place in CONFIG_FILE_DATA, or a name of the environment, and where to say what is found there."""

    findings: Findings
    path: str

    def at(self, key: str) -> Place:
        """Return the place of *key* below this one."""
        return Place(self.findings, f"{self.path}.{key}")

    def item(self, number: int) -> Place:
        """Return the place of an item of the list that is here."""
        return Place(self.findings, f"{self.path}[{number}]")

    def problem(self, sentence: str) -> None:
        """Note something that makes rendering impossible."""
        self.findings.problems.append(f"{self.path}: {sentence}")

    def warning(self, sentence: str) -> None:
        """Note something that a user would want to know, and that stops nothing."""
        self.findings.warnings.append(f"{self.path}: {sentence}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean …?)" for the nearest known name, or nothing when none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f" (did you mean {near[0]}?)" if near else ""
