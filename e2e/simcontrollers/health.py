"""The health of one run of a container: its startup, readiness and liveness probes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from e2e.simcontrollers.probes import Probe
from e2e.simcontrollers.programs import Program
from e2e.simtime import Simulation


class Health:
    """Probes of the container *definition*, which has just started *program*.

    None as a program is always healthy. *changed* is called when `started` or `ready` changed, *failed*
    with the reason when the container is to be restarted. One that is *found* has been healthy for long.
    """

    def __init__(  # noqa: PLR0913 -- what it looks at, and who hears of it
        self,
        simulation: Simulation,
        definition: Mapping[str, Any],
        program: Program | None,
        *,
        changed: Callable[[], None],
        failed: Callable[[str], None],
        found: bool = False,
    ) -> None:
        self._simulation = simulation
        self._definition = definition
        self._program = program
        self._changed = changed
        self._failed = failed
        self._stopped = False
        self._probes: list[Probe] = []
        self.started = False
        self.ready = False
        startup = definition.get("startupProbe")
        if found:
            self._begin_others(ready=True)
        elif startup:
            self._add(startup, lambda p: p.started, self._startup_flipped, outcome=False)
            self._expect_startup(startup)
        else:
            self._begin_others()

    def poke(self) -> None:
        """Say that a probe may come out differently now."""
        for probe in list(self._probes):
            probe.poke()

    def stop(self) -> None:
        """Probe no more."""
        self._stopped = True
        for probe in self._probes:
            probe.stop()

    def _add(
        self,
        definition: Mapping[str, Any],
        check: Callable[[Program], bool],
        flipped: Callable[[bool], None],
        *,
        outcome: bool,
    ) -> None:
        program = self._program
        self._probes.append(
            Probe(
                self._simulation,
                definition,
                check=lambda: program is None or check(program),
                flipped=flipped,
                outcome=outcome,
            )
        )

    def _startup_flipped(self, succeeded: bool) -> None:  # noqa: FBT001 -- a probe's callback
        if succeeded and not self.started:
            self._begin_others()
            self._changed()

    def _begin_others(self, *, ready: bool = False) -> None:
        """Begin the probes that wait for the startup probe."""
        self.started = True
        readiness = self._definition.get("readinessProbe")
        liveness = self._definition.get("livenessProbe")
        self.ready = ready or not readiness
        if readiness:
            self._add(readiness, lambda p: p.ready, self._ready_flipped, outcome=ready)
        if liveness:
            self._add(liveness, lambda p: p.live, self._live_flipped, outcome=True)

    def _ready_flipped(self, ready: bool) -> None:  # noqa: FBT001 -- a probe's callback
        self.ready = ready
        self._changed()

    def _live_flipped(self, live: bool) -> None:  # noqa: FBT001 -- a probe's callback
        if not live:
            self._fail("liveness")

    def _expect_startup(self, definition: Mapping[str, Any]) -> None:
        """Give the container up if its startup probe has not succeeded by its last attempt."""
        seconds = float(definition.get("initialDelaySeconds") or 0)
        attempts = int(definition.get("failureThreshold") or 3)
        seconds += attempts * float(definition.get("periodSeconds") or 10)

        def check() -> None:
            if not self._stopped and not self.started:
                self._fail("startup")

        self._simulation.after(seconds, check)

    def _fail(self, which: str) -> None:
        name = self._definition.get("name")
        self._failed(f"Container {name} failed {which} probe, will be restarted")
