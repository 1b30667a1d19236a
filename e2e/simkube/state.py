"""
What all parts of the server share: the objects, the kinds, the clock and the source of names.

Everything that looks random comes from the simulation's seed.
"""

from __future__ import annotations

import random
import uuid

from e2e.simkube.kinds import Kinds, Resource
from e2e.simkube.metadata import ALPHABET
from e2e.simkube.store import Store
from e2e.simkube.values import microsecond, second
from e2e.simtime import Simulation


class State:
    """One server's state."""

    def __init__(self, simulation: Simulation, window: int) -> None:
        self.simulation = simulation
        self.store = Store(window)
        self.kinds = Kinds()
        # Of its own, so that the number of names drawn changes nobody else's history.
        self._random = random.Random(simulation.random.getrandbits(64))  # noqa: S311 -- names must repeat, not surprise

    def uid(self) -> str:
        """A new uid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """What generateName appends."""
        return "".join(self._random.choices(ALPHABET, k=length))

    def now(self) -> str:
        """Now, as a `Time`."""
        return second(self.simulation.now)

    def micro_now(self) -> str:
        """Now, as a `MicroTime`."""
        return microsecond(self.simulation.now)

    def stored_as(self, resource: Resource) -> Resource:
        """The resource in whose form the objects of *resource* are stored."""
        return self.kinds.at(resource.place) or resource
