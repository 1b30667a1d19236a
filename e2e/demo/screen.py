"""
What a demo prints: steps, and a picture of the state.

On a terminal the picture is drawn over itself; without one each line that is new is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import os
import shutil
import sys
import textwrap
from typing import Protocol

_BOLD, _DIM, _OFF = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Display(Protocol):
    """Where a demo shows what happens."""

    def step(self, text: str) -> None:
        """Say what happens next."""

    def say(self, *lines: str) -> None:
        """Say *lines*, which stay."""

    def draw(self, lines: Sequence[str]) -> None:
        """Show the state as it is now."""


class Screen:
    """Prints to standard output; *clock* returns the seconds since the beginning, as the demo counts them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # What was asked to be drawn last, and the rows that stand for it on the terminal.
        self._wanted: list[str] = []
        self._drawn: list[str] = []
        self._live = sys.stdout.isatty()

    @property
    def live(self) -> bool:
        """Whether somebody watches on a terminal."""
        return self._live

    def step(self, text: str) -> None:
        """Print what happens next."""
        self._drawn = self._wanted = []
        line = f"[{self._clock():5.0f} s] {text}"
        print(f"\n{_BOLD}{line}{_OFF}" if self._live else f"\n{line}", flush=True)

    def say(self, *lines: str) -> None:
        """Print *lines*, which stay."""
        self._drawn = self._wanted = []
        print("\n".join(lines), flush=True)

    def draw(self, lines: Sequence[str]) -> None:
        """Show *lines*, if they changed."""
        wanted = list(lines)
        if wanted == self._wanted:
            return
        self._wanted = list(wanted)
        if self._live:
            if self._drawn:
                print(f"\x1b[{len(self._drawn)}F\x1b[J", end="")
            wanted = fitted(wanted, shutil.get_terminal_size())
            print("\n".join(_DIM * line.startswith("    ") + line + _OFF for line in wanted), flush=True)
        else:
            fresh = [line for line in wanted if line not in self._drawn]
            if fresh:
                print("\n".join(fresh), flush=True)
        self._drawn = wanted


def fitted(lines: Sequence[str], size: os.terminal_size) -> list[str]:
    """Return *lines* as rows of a terminal of this *size*.

    A row that the terminal itself wraps would be two, and the picture would creep down the screen. Long lines
    go on in further rows, as many as there is room for.
    """
    wide = max(size.columns - 1, 20)
    for rows in (6, 3, 2):
        found = [row for line in lines for row in _rows(line, wide, rows)]
        if len(found) < size.lines:
            return found
    return [line[:wide] for line in lines]


def _rows(line: str, wide: int, most: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line, wide, subsequent_indent=f"{indent}  ", max_lines=most, placeholder=" …", drop_whitespace=True
    ) or [""]
