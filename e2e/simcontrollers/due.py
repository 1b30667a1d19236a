"""What a controller has yet to look at, as the work queue of a real one."""

from __future__ import annotations

from collections.abc import Callable

from e2e.simcontrollers.index import Key


class Due:
    """The keys of objects that a look may find something to do for: all others are at rest.

    Who looks in this order at these alone writes the same, in the same order, as who looks at all.
    """

    def __init__(self) -> None:
        self._keys: set[Key] = set()

    def add(self, key: Key) -> None:
        """Have the object looked at in the next step."""
        self._keys.add(key)

    def each(self, look: Callable[[Key], bool]) -> None:
        """Call *look* for each, by namespace and name; who is not at rest after it (False) stays due."""
        for key in sorted(self._keys):
            self._keys.discard(key)
            rests = False
            try:
                rests = look(key)
            finally:
                if not rests:
                    self._keys.add(key)
