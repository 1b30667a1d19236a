"""
Calls that last, in a simulation: each has a thread, and only one thread runs at any time.

A call's thread runs until it has to wait for an answer, or sleeps; then the simulation goes on, and the
thread again when it is due. So the history depends on the seed alone, as if there were no threads.
"""

from __future__ import annotations

from collections.abc import Callable
import threading

import httpx

from controller.cassandra.jolokia import Jolokia
from e2e.providers.sim_tap import DeadError
from e2e.simcassandra.exchange import Exchange
from e2e.simcassandra.jolokia import Agent
from e2e.simcassandra.transport import RingTransport, Waiter
from e2e.simtime import Simulation

# In all, as long as the operator's own patience.
_PATIENCE = 7 * 24 * 3600.0


class _Runner:
    """One call's thread, and whose turn it is."""

    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.back = threading.Semaphore(0)
        self.over = threading.Event()


class _Alone(RingTransport):
    """As its base, but for the lock: nobody else runs while a call's thread does.

    *calling* is told the host of each request, and says after how many seconds its connection breaks.
    """

    def __init__(
        self,
        lookup: Callable[[str], Agent | None],
        wait: Waiter,
        calling: Callable[[str], float | None],
    ) -> None:
        super().__init__(lookup, wait)
        self._calling = calling

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry *request* out."""
        lasts = self._calling(request.url.host)
        if lasts is not None:
            request.extensions = {**request.extensions, "timeout": {"read": lasts}}
        return self._handle(request)


class SimCalls:
    """The calls of one life of the operator.

    *ended* is called after each one's end, *calling* before each request with its host: it says after how
    many seconds the connection breaks, None for a good one, or raises what the call gets in its place.
    """

    def __init__(
        self,
        simulation: Simulation,
        lookup: Callable[[str], Agent | None],
        *,
        ended: Callable[[], None],
        calling: Callable[[str], float | None],
    ) -> None:
        self._simulation = simulation
        self._ended = ended
        self._runners: list[_Runner] = []
        self._current: _Runner | None = None
        self._dead = False
        # The operator's own client: only its patience, and its sleep, are simulated.
        self._http = httpx.Client(transport=_Alone(lookup, self._wait, calling), timeout=_PATIENCE)
        self.jolokia = Jolokia(http=self._http, seconds=_PATIENCE, clock=lambda: 0.0, sleep=self._sleep)

    @property
    def parked(self) -> bool:
        """Whether some call waits for its answer, in a thread of its own."""
        return bool(self._runners)

    def spawn(self, name: str, run: Callable[[], None]) -> None:
        """Begin *run* at once; return when it waits for something, or is done.

        Raises `DeadError` if the process ended on the way.
        """
        runner = _Runner()
        self._runners.append(runner)

        def work() -> None:
            runner.turn.acquire()
            try:
                if not self._dead:
                    run()
            finally:
                runner.over.set()
                runner.back.release()

        threading.Thread(target=work, name=name, daemon=True).start()
        self._resume(runner)
        if self._dead:
            raise DeadError

    def kill(self) -> None:
        """End all calls where they are; one of them may be who calls this, and ends by itself."""
        self._dead = True
        for runner in list(self._runners):
            if runner is not self._current:
                self._resume(runner)
        self._http.close()

    def _resume(self, runner: _Runner) -> None:
        """Let *runner* go on until it waits again."""
        if runner.over.is_set():
            return
        before, self._current = self._current, runner
        runner.turn.release()
        runner.back.acquire()
        self._current = before
        if runner.over.is_set():
            self._runners.remove(runner)
            self._ended()

    def _wait(self, exchange: Exchange, seconds: float) -> None:
        """Let the simulation go on until *exchange* is over, or for so many seconds."""
        end = self._simulation.now + seconds
        runner = self._current
        assert runner is not None, "only a call may wait"

        def go_on() -> None:
            if not runner.over.is_set() and not self._dead:
                self._simulation.after(0.0, lambda: self._due(runner))

        exchange.then(go_on)
        self._simulation.after(seconds, lambda: self._due(runner))
        while not exchange.over and self._simulation.now < end:
            self._yield(runner)

    def _sleep(self, seconds: float) -> None:
        runner = self._current
        assert runner is not None, "only a call may sleep"
        end = self._simulation.now + seconds
        self._simulation.after(seconds, lambda: self._due(runner))
        while self._simulation.now < end:
            self._yield(runner)

    def _due(self, runner: _Runner) -> None:
        if not self._dead:
            self._resume(runner)

    def _yield(self, runner: _Runner) -> None:
        """Give the turn back, and wait for the next one; `DeadError` if the process has ended."""
        runner.back.release()
        runner.turn.acquire()
        if self._dead:
            raise DeadError
