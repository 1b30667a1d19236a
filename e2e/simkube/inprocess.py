"""
A transport to a server in the same process: no sockets, no threads, simulated time only.

A request takes no time. Waiting on a stream moves the simulation: whoever iterates over a watch is the
one who waits, so the next due callback runs. A program that does several things at once in one
simulation opens watches itself (`ApiServer.open_watch`) and polls them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib

import attrs

from controller.domain.errors import TransientError
from controller.kube.transport import Request, Response
from e2e.simkube.api import ApiServer
from e2e.simkube.faults import NoAnswerError
from e2e.simkube.values import Json, clone
from e2e.simkube.watch import Watch


@attrs.frozen
class InProcess:
    """The `Transport` to *server*; *agent* is the user agent, by which faults tell clients apart.

    With *shares*, objects in answers are the store's own, for a client that changes none.
    """

    server: ApiServer
    agent: str = "in-process"
    shares: bool = False

    def send(self, request: Request) -> Response:
        """Carry out *request* now; `TransientError` where a fault swallows the answer."""
        try:
            named = self._named(request)
            answer = self.server.answer(named, body=clone(request.body))
        except NoAnswerError as error:
            raise TransientError(str(error)) from None
        if answer.delay:
            simulation = self.server.simulation
            simulation.run_until(simulation.now + min(answer.delay, request.timeout))
            if answer.delay > request.timeout:
                raise TransientError(f"no answer within {request.timeout:g} seconds")
        return answer.shared() if self.shares else answer.response()

    @contextlib.contextmanager
    def stream(
        self, request: Request, *, silence: float
    ) -> Iterator[Response | Iterator[Mapping[str, Json]]]:
        """Open a watch; the iterator moves the simulation until there is something to give."""
        try:
            watch = self.server.open_watch(self._named(request))
        except NoAnswerError as error:
            raise TransientError(str(error)) from None
        if isinstance(watch, Response):
            yield watch
            return
        try:
            yield self._events(watch, silence)
        finally:
            self.server.close_watch(watch)

    def _named(self, request: Request) -> Request:
        if any(name.lower() == "user-agent" for name in request.headers):
            return request
        return attrs.evolve(request, headers={**request.headers, "User-Agent": self.agent})

    def _events(self, watch: Watch, silence: float) -> Iterator[Mapping[str, Json]]:
        simulation = self.server.simulation
        heard = simulation.now
        while True:
            events = watch.poll()
            if events:
                heard = simulation.now
            yield from events
            if watch.closed:
                return
            if events:
                continue
            limit = heard + silence
            due = simulation.next_due()
            if due is not None and due <= min(limit, watch.next_due()):
                simulation.step()
            elif watch.next_due() <= limit:
                simulation.run_until(watch.next_due())
            else:
                simulation.run_until(limit)
                if not (late := watch.poll()):
                    raise TransientError(f"nothing came for {silence:g} seconds")
                heard = simulation.now
                yield from late
