"""A program that ends soon after it was started, and says why: what is not simulated is refused."""

from __future__ import annotations

from collections.abc import Callable

from e2e.simcontrollers.programs import End
from e2e.simtime import Simulation

_SECONDS = 1.0


class Failing:
    """Ends with code 1 and *message* a second after somebody listens; it is never ready."""

    started = ready = live = False

    def __init__(self, simulation: Simulation, message: str) -> None:
        self._simulation = simulation
        self._end = End(code=1, message=message)
        self._ended = False
        self._listeners: list[Callable[[End], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Never call *listener*: nothing changes before the end."""

    def on_end(self, listener: Callable[[End], None]) -> None:
        """Call *listener* at the end."""
        self._listeners.append(listener)
        if len(self._listeners) == 1:
            self._simulation.after(_SECONDS, self.kill)

    def pre_stop(self, done: Callable[[], None]) -> None:
        """There is nothing to be done before it ends."""
        done()

    def terminate(self) -> None:
        """End now."""
        self.kill()

    def kill(self) -> None:
        """End now, once."""
        if not self._ended:
            self._ended = True
            for listener in self._listeners:
                listener(self._end)
