"""
Python's cycle collector and millions of small dicts that never form a cycle.

With Python's own thresholds the collector walks through everything that is stored again and again, which
takes a third of the server's time with 10,000 objects. The thresholds belong to the process, so a program
that runs simkube sets them; the library does not.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import gc

# How many containers may be made, less those that are gone, before the youngest are looked at.
ALLOCATIONS = 100_000


def relax_collection() -> None:
    """Let the collector of this process look for cycles seldom; what has none is freed at once anyway."""
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])


@contextlib.contextmanager
def eager_collection() -> Iterator[None]:
    """Python's own thresholds for a while, to see what they cost."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
