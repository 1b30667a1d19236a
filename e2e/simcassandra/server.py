"""
The agents over real HTTP and in real time: for a demonstration, or for a client in another process.

The model itself has no threads. Here one thread lets simulated time follow the machine's clock, and
others take requests; a lock lets one of them touch the simulation at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
import time
from types import TracebackType
from typing import Self

from e2e.simcassandra.exchange import Exchange
from e2e.simcassandra.jolokia import Agent
from e2e.simtime import Simulation

# The longest nap between two looks at what is due, in seconds.
_NAP = 0.5


class RealPace:
    """Lets *simulation* go at *speed* simulated seconds a second; a context manager.

    Whoever touches the simulation meanwhile does so inside `touch`.
    """

    def __init__(self, simulation: Simulation, *, speed: float = 1.0) -> None:
        self._simulation = simulation
        self._speed = speed
        self._changed = threading.Condition()
        self._stopped = False
        self._began = (time.monotonic(), simulation.now)
        self._thread = threading.Thread(target=self._run, name="real-pace", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._began = (time.monotonic(), self._simulation.now)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and wait until the thread has."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def touch(self, act: Callable[[], Exchange]) -> Exchange:
        """Bring the simulation up to now, and run *act* on it."""
        with self._changed:
            self._simulation.run_until(self._now())
            exchange = act()
            self._changed.notify_all()
            return exchange

    def _now(self) -> float:
        real, simulated = self._began
        return simulated + (time.monotonic() - real) * self._speed

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                self._simulation.run_until(self._now())
                due = self._simulation.next_due()
                nap = _NAP if due is None else (due - self._now()) / self._speed
                self._changed.wait(min(_NAP, max(0.0, nap)))


class AgentServer:
    """Serves the agent that *find* returns at *host* and *port* (0: a free one); a context manager."""

    def __init__(
        self,
        find: Callable[[], Agent | None],
        pace: RealPace,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        class Handler(_Handler):
            agent = staticmethod(find)
            real_pace = pace

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        """The address that a client asks."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/jolokia/"

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; requests under way are dropped."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection; where no process runs it is closed without an answer."""

    agent: Callable[[], Agent | None]
    real_pace: RealPace
    protocol_version = "HTTP/1.1"
    # Buffered writes, so that an answer is one packet.
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve("")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def log_message(self, *_: object) -> None:
        """Keep quiet: the answers tell."""

    def _serve(self, body: str) -> None:
        agent = self.agent()
        if agent is None or not agent.listening:
            self.close_connection = True
            return
        over = threading.Event()

        def act() -> Exchange:
            exchange = agent.take(self.command, self.path, body, self.headers.get("Authorization"))
            exchange.then(over.set)
            return exchange

        exchange = self.real_pace.touch(act)
        over.wait()
        answer = exchange.answer
        if answer is None:
            self.close_connection = True
            return
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
