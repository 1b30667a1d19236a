"""
The simulated demo as a moving picture for the README: `python -m e2e.demo.recording FILE.svg`.

It is drawn from what the demo really showed, in simulated time; the same seed gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
from html import escape
import logging
from pathlib import Path
import sys

import attrs
import structlog

from e2e.demo import sim
from e2e.providers.simulated import SimulatedCluster

COLUMNS, ROWS = 112, 15
_CELL, _LINE, _MARGIN = 7.0, 16, 14
# Simulated seconds a second of the picture, and how long it stands still at the end.
SPEED, REST_SECONDS = 8.0, 5.0
# Simulated seconds that a picture stands at least.
SHORTEST = 3.0
_BACK, _TEXT, _DIM, _BOLD = "#10151c", "#d5dde6", "#7d8a99", "#7fd1b9"


@attrs.frozen
class Frame:
    """What stood on the screen from *at*, in simulated seconds: a heading, and lines below it."""

    at: float
    heading: str
    lines: tuple[str, ...]


class Recorder:
    """A screen that keeps each picture."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heading = ""
        self.frames: list[Frame] = []

    def step(self, text: str) -> None:
        """Begin a new heading."""
        self._heading = f"[{self._clock():5.0f} s] {text}"

    def say(self, *lines: str) -> None:
        """Leave out what is for a terminal only."""

    def draw(self, lines: Sequence[str]) -> None:
        """Keep a picture, if it is a new one and the last one has stood long enough to be read."""
        kept = tuple(line[:COLUMNS] for line in lines[: ROWS - 1])
        last = self.frames[-1] if self.frames else None
        if last is not None and last.heading == self._heading:
            if last.lines == kept:
                return
            if self._clock() - last.at < SHORTEST:
                self.frames[-1] = Frame(last.at, self._heading, kept)
                return
        self.frames.append(Frame(self._clock(), self._heading, kept))


def svg(frames: Sequence[Frame]) -> str:
    """Return an animated SVG of *frames*, which loops for ever."""
    end = (frames[-1].at - frames[0].at) / SPEED + REST_SECONDS
    starts = [(frame.at - frames[0].at) / SPEED / end * 100 for frame in frames]
    width, height = COLUMNS * _CELL + 2 * _MARGIN, ROWS * _LINE + 2 * _MARGIN
    rules, pictures = [], []
    for number, (frame, start) in enumerate(zip(frames, starts, strict=True)):
        until = starts[number + 1] if number + 1 < len(starts) else 100.0
        rules.append(_rule(number, start, until, end))
        pictures.append(f'<g id="f{number}">{"".join(_text(frame))}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
        "<title>A ring is made, scaled and rolled; its operator dies, a node is lost and comes back</title>"
        f"<style>text{{font:12px ui-monospace,Menlo,Consolas,monospace;white-space:pre;fill:{_TEXT}}}"
        f".h{{fill:{_BOLD};font-weight:bold}}.d{{fill:{_DIM}}}g{{visibility:hidden}}{''.join(rules)}</style>"
        f'<rect width="100%" height="100%" rx="8" fill="{_BACK}"/>{"".join(pictures)}</svg>\n'
    )


def _rule(number: int, start: float, until: float, seconds: float) -> str:
    """Return the rules that show one picture from *start* to *until*, in percent of the whole."""
    shown = f"{start:.2f}%,{until - 0.01:.2f}%{{visibility:visible}}"
    hidden = f"{until:.2f}%,100%{{visibility:hidden}}" if until < 100 else ""
    before = f"0%,{start - 0.01:.2f}%{{visibility:hidden}}" if start > 0.01 else ""
    return (
        f"@keyframes k{number}{{{before}{shown}{hidden}}}"
        f"#f{number}{{animation:k{number} {seconds:.1f}s step-end infinite}}"
    )


def _text(frame: Frame) -> Iterator[str]:
    for row, line in enumerate((frame.heading, *frame.lines)):
        style = ' class="h"' if row == 0 else ' class="d"' if line.startswith("    ") else ""
        y = _MARGIN + (row + 1) * _LINE - 4
        yield f'<text x="{_MARGIN}" y="{y}"{style} xml:space="preserve">{escape(line)}</text>'


def main() -> int:
    """Write the picture to the file that is named."""
    _, target = sys.argv
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    cluster = sim.six_nodes()
    began = cluster.simulation.now
    screen = Recorder(lambda: cluster.simulation.now - began)
    sim.Demo(SimulatedCluster(cluster), screen, contextlib.nullcontext(), lambda: cluster.run(0.5)).show()
    Path(target).write_text(svg(screen.frames))
    print(f"{target}: {len(screen.frames)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
