"""
A probe, evaluated only when its outcome can differ from what is already known.

Between two changes of the program every probe gives the same answer, so nothing is scheduled; after a
change the probe runs at its own instants (first delay, then period) until it is settled again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
from typing import Any

from e2e.simtime import Simulation

_FUZZ = 1e-6


class Probe:
    """The probe *definition* of a container that began now; *check* is what it would find.

    *flipped* is called with the new outcome when so many checks in a row say so. A readiness or startup
    probe begins as failed, a liveness probe as succeeded.
    """

    def __init__(
        self,
        simulation: Simulation,
        definition: Mapping[str, Any],
        *,
        check: Callable[[], bool],
        flipped: Callable[[bool], None],
        outcome: bool,
    ) -> None:
        self._simulation = simulation
        self._check = check
        self._flipped = flipped
        self.outcome = outcome
        self._began = simulation.now
        self._delay = float(definition.get("initialDelaySeconds") or 0)
        self._period = float(definition.get("periodSeconds") or 10)
        self._failures = int(definition.get("failureThreshold") or 3)
        self._successes = int(definition.get("successThreshold") or 1)
        # Checks in a row that contradict `outcome`.
        self._against = 0
        self._last = -math.inf
        self._scheduled = False
        self._stopped = False
        self.poke()

    def poke(self) -> None:
        """Say that the check may come out differently now."""
        if not self._stopped and not self._scheduled and self._check() != self.outcome:
            self._schedule()

    def stop(self) -> None:
        """Run no more checks."""
        self._stopped = True

    def _schedule(self) -> None:
        """Run a check at the next of the probe's own instants."""
        self._scheduled = True
        first = self._began + self._delay
        periods = max(0, math.ceil((self._simulation.now - first) / self._period - _FUZZ))
        instant = first + periods * self._period
        if instant <= self._last + _FUZZ:
            instant += self._period
        self._simulation.after(max(0.0, instant - self._simulation.now), self._run)

    def _run(self) -> None:
        self._scheduled = False
        self._last = self._simulation.now
        if self._stopped:
            return
        if self._check() == self.outcome:
            self._against = 0
            return
        self._against += 1
        needed = self._failures if self.outcome else self._successes
        if self._against < needed:
            self._schedule()
            return
        self._against = 0
        self.outcome = not self.outcome
        self._flipped(self.outcome)
        self.poke()
