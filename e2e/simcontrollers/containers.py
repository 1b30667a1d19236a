"""One container of a pod: its state as the API shows it, and how long its next restart waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from e2e.simcontrollers import objects
from e2e.simcontrollers.health import Health
from e2e.simcontrollers.objects import Obj
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.programs import End, Program


@attrs.define(kw_only=True, eq=False)
class Container:
    """A container by its *definition* in the pod's spec."""

    definition: Mapping[str, Any]
    init: bool
    # One of waiting, running and terminated, as in the API.
    state: Obj = attrs.field(factory=lambda: {"waiting": {"reason": "PodInitializing"}})
    last_state: Obj = attrs.field(factory=dict)
    restarts: int = 0
    ever_started: bool = False
    program: Program | None = None
    health: Health | None = None
    started_at: float = 0.0
    # Seconds before the next restart, and before the next pull; 0: at once.
    _delay: float = 0.0
    _pull_delay: float = 0.0
    # Each run has a number: what an earlier run scheduled does not touch a later one.
    run: int = 0

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.definition["name"])

    @property
    def image(self) -> str:
        """The container's image."""
        return str(self.definition.get("image") or "")

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return "running" in self.state

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return bool(self.state.get("terminated", {}).get("exitCode") == 0)

    @property
    def ready(self) -> bool:
        """Whether its readiness probe says so, or there is none."""
        return self.health is not None and self.health.ready

    def wait(self, reason: str, message: str = "") -> None:
        """Show it as waiting for *reason*."""
        self.state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}

    def begin(self, program: Program | None, now: float) -> None:
        """Show it as running from *now*."""
        if self.ever_started:
            self.restarts += 1
        self.ever_started = True
        self.program = program
        self.started_at = now
        self.run += 1
        self.state = {"running": {"startedAt": objects.timestamp(now)}}

    def go_on(self, entry: Mapping[str, Any], program: Program | None) -> None:
        """Be as *entry*, its part of the pod's status, has it; *program* is what runs in it."""
        self.state = dict(entry.get("state") or {})
        self.last_state = dict(entry.get("lastState") or {})
        self.restarts = int(entry.get("restartCount") or 0)
        self.ever_started = True
        self.program = program
        self.run += 1
        began = (self.state.get("running") or {}).get("startedAt")
        self.started_at = objects.seconds(began) if began else 0.0

    def end(self, end: End, now: float) -> None:
        """Show it as ended, and stop looking at its health."""
        self.forget_health()
        self.program = None
        terminated: Obj = {
            "exitCode": end.code,
            "reason": "Completed" if end.code == 0 else "Error",
            "startedAt": objects.timestamp(self.started_at),
            "finishedAt": objects.timestamp(now),
        }
        if end.message and self._writes_message():
            terminated["message"] = end.message
        self.state = {"terminated": terminated}

    def back_off(self, now: float, pace: Pace) -> float:
        """Return how long the restart waits, and show that; 0: it starts at once."""
        if now - self.started_at >= pace.restart_backoff_reset:
            self._delay = 0.0
        delay = self._delay
        self._delay = min(pace.restart_backoff_max, max(pace.restart_backoff, delay * 2))
        self.last_state = self.state
        return delay

    def pull_back_off(self, pace: Pace) -> float:
        """Return how long the next pull waits."""
        self._pull_delay = min(pace.restart_backoff_max, max(pace.restart_backoff, self._pull_delay * 2))
        return self._pull_delay

    def pulled(self) -> None:
        """Note that the image is there."""
        self._pull_delay = 0.0

    def forget_health(self) -> None:
        """Look at its health no more."""
        if self.health is not None:
            self.health.stop()
            self.health = None

    def status(self) -> Obj:
        """Return its entry in the pod's status."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image if self.ever_started else "",
            "ready": self.done if self.init else self.ready,
            "started": self.health is not None and self.health.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
        }

    def _writes_message(self) -> bool:
        """An init container leaves its message itself; others only if the log stands in for it."""
        policy = self.definition.get("terminationMessagePolicy", "File")
        return self.init or policy == "FallbackToLogsOnError"
