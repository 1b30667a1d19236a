"""
Cassandra's lines of releases, such as 4.1: which follow each other, and which may be gone back to.

What the nodes run is what they say themselves; what an image brings is told by its tag or by
`serverVersion`, if at all. It promises to tell only lines that Cassandra has or is about to have: a tag of
somebody's own numbering is no version, and nothing is refused for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.api.v2.version import numbers, product_version

Line = tuple[int, int]

# To which lines Cassandra can be upgraded directly: what its own upgrade tests cover.
_NEXT: dict[Line, tuple[Line, ...]] = {
    (2, 1): ((2, 2), (3, 0), (3, 11)),
    (2, 2): ((3, 0), (3, 11)),
    (3, 0): ((3, 11), (4, 0), (4, 1)),
    (3, 11): ((4, 0), (4, 1)),
    (4, 0): ((4, 1), (5, 0)),
    (4, 1): ((5, 0),),
    (5, 0): (),
}
_NEWEST = max(_NEXT)
# Pairs of a line and an older one that reads what it writes, while 5.0 keeps to the old format.
_READ_BY: frozenset[tuple[Line, Line]] = frozenset({((5, 0), (4, 1)), ((5, 0), (4, 0)), ((4, 1), (4, 0))})


def line_of(release: str) -> Line | None:
    """Return the line of *release*, such as 4.1.10; None if it is none of Cassandra's.

    The one major release after the newest known one counts, whatever its minor number.
    """
    found = numbers(release)
    if found is None:
        return None
    major, minor = found
    if major == 3:  # noqa: PLR2004 -- 3.1 to 3.11 were one line
        return (3, 11) if minor else (3, 0)
    known = found in _NEXT or (found > _NEWEST and major - _NEWEST[0] <= 1)
    return found if known else None


def told(server_version: str | None, image: str) -> Line | None:
    """Return the line that an image brings, as far as it is told; `serverVersion` is the user's word."""
    return line_of(product_version(server_version, image))


def can_follow(old: Line, new: Line) -> bool:
    """Return whether Cassandra can be upgraded from *old* to *new* in one step."""
    if old == new or new in _NEXT.get(old, ()):
        return True
    return new > max(_NEWEST, old) and new[0] - old[0] <= 1


def can_read(old: Line, new: Line, *, format_kept: bool) -> bool:
    """Return whether a node of the line *old* reads what one of *new*, a newer line, has written.

    *format_kept*: 5.0 still writes as 4.x does (`storage_compatibility_mode`), and has never done otherwise.
    """
    return (new, old) in _READ_BY and (format_kept or new < (5, 0))


def way(old: Line, new: Line) -> Line | None:
    """Return the newest line by way of which *old* gets to *new*, None if there is none."""
    steps = [line for line in _NEXT.get(old, ()) if can_follow(line, new)]
    return max(steps, default=None)


def lines(releases: Iterable[str]) -> frozenset[Line]:
    """Return the lines of *releases*; those that are unknown are left out."""
    return frozenset(line for release in releases if (line := line_of(release)) is not None)


def text(line: Line) -> str:
    """Return a line as it is written: `4.1`."""
    return f"{line[0]}.{line[1]}"
