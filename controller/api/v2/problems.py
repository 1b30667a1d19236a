"""
What is wrong with a CassandraCluster, as values.

A problem names a field by its JSON path and says in one sentence what is wrong and what to do about it.
All problems of an object are reported together; nobody has to correct one to learn of the next.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

PathStep = str | int


@attrs.frozen(kw_only=True, order=True)
class Problem:
    """One thing that is wrong: *path* such as `spec.topology.dc[0].rack[1].name`, *message* to read."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidClusterError(ValueError):
    """An object cannot be read as a CassandraCluster; *problems* says why, field by field."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def render_path(steps: Iterable[PathStep]) -> str:
    """Write a path as people do: members after a dot, positions and unusual keys in brackets."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "").replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text or "the object"
