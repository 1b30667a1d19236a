"""
When controllers look: some time after each change, each at most once for all changes until then.

Changes of objects that no controller knows cost one poll and no step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import attrs

from controller.domain.errors import TransientError
from controller.kube.transport import Request, Response, Transport
from e2e.simcontrollers.view import View
from e2e.simtime import Simulation

_RETRY = 1.0


@attrs.define(kw_only=True, eq=False)
class _Entry:
    step: Callable[[], None]
    lag: float
    scheduled: bool = False


class Loop:
    """Runs controllers' steps on *simulation*, each with *view* up to date.

    Whoever knows of a change calls `wake`; with *resync* a full look is taken every so many seconds.
    """

    def __init__(self, simulation: Simulation, view: View, *, resync: float | None = None) -> None:
        self._simulation = simulation
        self._view = view
        self._entries: dict[str, _Entry] = {}
        self._looking = False
        # The view's revision at the last look that woke the controllers.
        self._seen = 0
        if resync is not None:
            self._resync(resync)

    def add(self, name: str, step: Callable[[], None], *, lag: float) -> None:
        """Let the controller *name* take its *step* *lag* seconds after a change."""
        self._entries[name] = _Entry(step=step, lag=lag)

    def slow(self, name: str, lag: float) -> None:
        """Let the controller *name* be *lag* seconds late from now on."""
        self._entries[name].lag = lag

    def wake(self) -> None:
        """Say that something may have changed."""
        if not self._looking:
            self._looking = True
            self._simulation.after(0.0, self._look)

    def wake_all(self) -> None:
        """Let every controller look, whether or not anything changed."""
        for entry in self._entries.values():
            self._schedule(entry, entry.lag)

    def after(self, seconds: float) -> None:
        """Let every controller look in *seconds*."""
        self._simulation.after(seconds, self.wake_all)

    def _look(self) -> None:
        """Let the controllers take their steps if anything they know of changed."""
        self._looking = False
        try:
            self._view.refresh()
        except TransientError:
            self._simulation.after(_RETRY, self.wake)
            return
        if self._view.revision != self._seen:
            self._seen = self._view.revision
            self.wake_all()

    def _schedule(self, entry: _Entry, seconds: float) -> None:
        if not entry.scheduled:
            entry.scheduled = True
            self._simulation.after(seconds, lambda: self._run(entry))

    def _run(self, entry: _Entry) -> None:
        entry.scheduled = False
        try:
            self._view.refresh()
            entry.step()
        except TransientError:
            # No answer: what was done shows at the next look.
            self._schedule(entry, _RETRY)

    def _resync(self, seconds: float) -> None:
        def again() -> None:
            self.wake_all()
            self._simulation.after(seconds, again)

        self._simulation.after(seconds, again)


class Notifying:
    """A `Transport` that calls *wake* after each write; for servers that tell nobody of changes."""

    def __init__(self, transport: Transport, wake: Callable[[], None]) -> None:
        self._transport = transport
        self._wake = wake

    def send(self, request: Request) -> Response:
        """Send *request* on."""
        try:
            return self._transport.send(request)
        finally:
            # A write without an answer may have been carried out.
            if request.method != "GET":
                self._wake()

    def stream(
        self, request: Request, *, silence: float
    ) -> AbstractContextManager[Response | Iterator[Mapping[str, Any]]]:
        """Open the stream."""
        return self._transport.stream(request, silence=silence)
