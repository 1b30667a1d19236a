"""
A pod that ran before anybody looked: it goes on from the state that its status tells.

Nothing is started and nothing said before something changes; from then on it is a pod like any other.
"""

from __future__ import annotations

from typing import Final

from e2e.simcontrollers import objects
from e2e.simcontrollers.objects import Obj
from e2e.simcontrollers.podrun import PodRun

# What a status that does not tell of an init container comes to once the others run.
_COMPLETED: Final[Obj] = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}


class FoundPod(PodRun):
    """A pod with an address, whose containers all run and are healthy."""

    def _come_up(self) -> None:
        host, status = self._host, objects.status(self._pod)
        self._ip = str(status["podIP"])
        host.addresses.hold(self._ip)
        if status.get("startTime"):
            self._began = objects.seconds(status["startTime"])
        self._note_claims()
        told = {
            part: {entry["name"]: entry for entry in status.get(part) or ()}
            for part in ("initContainerStatuses", "containerStatuses")
        }
        for container in self._all:
            host.images.pull(self.node, container.image)
            start = self._start(container, lambda: None)
            program = None if start is None else host.programs.go_on(start)
            if container.init:
                container.go_on(told["initContainerStatuses"].get(container.name) or _COMPLETED, None)
            else:
                container.go_on(told["containerStatuses"].get(container.name) or {}, program)
                self._watch(container, program, found=True)
        self._written = self._status()
