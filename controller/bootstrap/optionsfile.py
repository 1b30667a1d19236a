"""
One file of JVM options, as lines that are kept, put or taken away.

The file's own text stays: a line that is replaced becomes a comment, new lines follow at the end.
Cassandra's launcher reads the lines that start with `-`, and no others.
"""

from __future__ import annotations

import re

_REPLACED = "# replaced by the configuration: "
_ADDED = "# From the configuration of the cluster:"
_SHORT = ("-Xms", "-Xmx", "-Xmn", "-Xss", "-Xloggc")


def name_of(line: str) -> str:
    """Return what *line* sets, so that two lines that set the same are known; else the line itself."""
    if line.startswith("-XX:"):
        return "-XX:" + re.split("=", line[4:].lstrip("+-"), maxsplit=1)[0]
    if line.startswith("-D"):
        return line.split("=", 1)[0]
    if line in ("-ea", "-da", "-enableassertions", "-disableassertions"):
        return "-ea"
    return next((short for short in _SHORT if line.startswith(short)), line)


class OptionsFile:
    """The lines of one file while they are being changed."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._added: list[str] = []
        self.changed = False

    def put(self, line: str) -> None:
        """Make *line* stand in the file, in the place of any line that sets the same."""
        if {there for there in self.active() if name_of(there) == name_of(line)} == {line}:
            return  # where it stands: an unlocking flag has to stay before what it unlocks
        self.drop(name_of(line))
        self._added.append(line)
        self.changed = True

    def drop(self, name: str) -> None:
        """Take away every line that sets *name*, as `name_of` gives it."""
        kept = [line for line in self._lines if name_of(line) != name]
        self.changed = self.changed or kept != self._lines
        self._lines = [_REPLACED + line if name_of(line) == name else line for line in self._lines]
        self._added = [line for line in self._added if name_of(line) != name]

    def active(self) -> list[str]:
        """Return the lines that the launcher will read, in order."""
        return [line.rstrip() for line in (*self._lines, *self._added) if line.startswith("-")]

    def text(self) -> str:
        """Return the whole file."""
        tail = ["", _ADDED, *self._added] if self._added else []
        return "\n".join([*self._lines, *tail]) + "\n"
