"""
The way to simulated Cassandra nodes for an operator in another process: an HTTP proxy on 127.0.0.1.

A request names its node by the address in its URL. Nodes that hang take requests and do not answer until they
are let go; who still waits then is answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
import contextlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
from typing import Self
from urllib.parse import urlsplit

from e2e.providers.sim import SimCluster
from e2e.simcassandra.exchange import Exchange


class NodesProxy:
    """Serves the nodes of *sim*; a context manager."""

    def __init__(self, sim: SimCluster) -> None:
        self._at = sim.controllers.agents.at
        self._lock = sim.server.lock
        self._let_go = threading.Event()
        self._hung: frozenset[str] = frozenset()
        handler = type("BoundHandler", (_Handler,), {"owner": self})
        self._server = _Listener(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="nodes", daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; requests under way are dropped."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextlib.contextmanager
    def hanging(self, hosts: Collection[str]) -> Iterator[None]:
        """Let the nodes at *hosts* hang meanwhile."""
        self._let_go.clear()
        self._hung = frozenset(hosts)
        try:
            yield
        finally:
            self._hung = frozenset()
            self._let_go.set()

    def ask(self, host: str, method: str, path: str, body: str, login: str | None) -> Exchange | None:
        """Put a request to the node at *host*, once it does not hang; None where no process runs."""
        if host in self._hung:
            self._let_go.wait()
        with self._lock:
            agent = self._at(host)
            if agent is None or not agent.listening:
                return None
            return agent.take(method, path, body, login)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    """One connection; what a node does not answer at once, or at all, ends it."""

    owner: NodesProxy
    protocol_version = "HTTP/1.1"
    # Without these two every answer waits for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve("")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def _serve(self, body: str) -> None:
        url = urlsplit(self.path)
        login = self.headers.get("Authorization")
        exchange = self.owner.ask(url.hostname or "", self.command, url.path, body, login)
        answer = None if exchange is None else exchange.answer
        if answer is None:
            self.close_connection = True
            return
        content = answer.body.encode()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
