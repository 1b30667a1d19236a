"""
Small HTTP servers for probes and metrics: one per port, answering GET and HEAD.

- /healthz and /readyz run named checks: 200 if all pass, 500 if not, with one line per check.
  /healthz/NAME runs one of them.
- /metrics is whatever it is given.
- A server holds a limited number of connections at a time, each for a limited time; more are turned away.
  A slow client costs no more than that.

Checks run on the connection's thread, and must not wait. Nothing here is authenticated or encrypted: no page
may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
import socket
import socketserver
import threading

import attrs
import structlog

from controller.runtime.clock import Clock, RealClock

log = structlog.get_logger(__name__)

# None if all is well, else a sentence that says what is wrong.
Check = Callable[[], str | None]
# The rest of the path after the page's own, without its slash, to the answer.
Page = Callable[[str], "Answer"]

TEXT = "text/plain; charset=utf-8"


@attrs.frozen(kw_only=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    body: bytes = b""


@attrs.frozen(kw_only=True)
class ServerSettings:
    """
    Where to listen, and how much to bear.

    *host* "" is every address, of IPv4 and IPv6; *port* 0 is any free one. At most *connections* at a time,
    each for at most *seconds*; every *look* seconds it is looked whether one is older, or whether to stop.
    """

    host: str = ""
    port: int
    connections: int = 16
    seconds: float = 10.0
    look: float = 0.5


def check_page(checks: Mapping[str, Check]) -> Page:
    """Return a page that runs *checks*, or the one that its path names."""

    def page(rest: str) -> Answer:
        if not rest:
            return _report(checks)
        if rest not in checks:
            return Answer(status=HTTPStatus.NOT_FOUND, body=b"there is no such check\n")
        return _report({rest: checks[rest]})

    return page


def metrics_page(render: Callable[[], bytes], content_type: str) -> Page:
    """Return a page of what *render* returns."""

    def page(_rest: str) -> Answer:
        return Answer(content_type=content_type, body=render())

    return page


def _report(checks: Mapping[str, Check]) -> Answer:
    lines = []
    well = True
    for name, check in checks.items():
        why = _run(name, check)
        well = well and why is None
        lines.append(f"[+] {name}" if why is None else f"[-] {name}: {why}")
    lines.append("ok" if well else "failed")
    return Answer(
        status=HTTPStatus.OK if well else HTTPStatus.INTERNAL_SERVER_ERROR,
        body=("\n".join(lines) + "\n").encode(),
    )


def _run(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception as error:
        log.exception("health check fails", check=name)
        return f"the check raised {type(error).__name__}"


class HealthServer:
    """
    Serves *pages*, by the first segment of the path: `{"healthz": ..., "readyz": ...}`.

    Listens from construction on, so that a port in use is an `OSError` at the start; answers after `start`.
    """

    def __init__(
        self, settings: ServerSettings, pages: Mapping[str, Page], *, clock: Clock | None = None
    ) -> None:
        self._server = _Server(settings, dict(pages), RealClock() if clock is None else clock)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(settings.look,), name=f"http {self.port}", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._server.server_address[1]
        return port

    def start(self) -> None:
        """Answer from now on, in daemon threads."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut open connections; takes about as long as the pause between two looks."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.cut(older_than=0.0)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    # Ending must not wait for clients.
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(self, settings: ServerSettings, pages: dict[str, Page], clock: Clock) -> None:
        self.pages = pages
        self._clock = clock
        self._settings = settings
        # Open connections, and when they were accepted. Invariant: never more than the settings allow.
        self._open: dict[socket.socket, float] = {}
        self._open_lock = threading.Lock()
        dual = not settings.host and socket.has_dualstack_ipv6()
        six = dual or ":" in settings.host
        self.address_family = socket.AF_INET6 if six else socket.AF_INET
        super().__init__((settings.host, settings.port), _Handler, bind_and_activate=False)
        try:
            if dual:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self.server_bind()
            self.server_activate()
        except BaseException:
            self.server_close()
            raise

    def verify_request(self, request: object, _client_address: object) -> bool:
        """Take the connection if there is room for it."""
        assert isinstance(request, socket.socket)
        with self._open_lock:
            if len(self._open) >= self._settings.connections:
                return False
            self._open[request] = self._clock.monotonic()
        # A client that sends or reads nothing is let go by this, one that drips by service_actions.
        request.settimeout(self._settings.seconds)
        return True

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close the connection, which makes room for another."""
        assert isinstance(request, socket.socket)
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut connections that took too long; called at each look."""
        self.cut(older_than=self._settings.seconds)

    def cut(self, *, older_than: float) -> None:
        """Make reads and writes end on connections older than so many seconds."""
        now = self._clock.monotonic()
        with self._open_lock:
            late = [request for request, since in self._open.items() if now - since >= older_than]
        for request in late:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Closed in the meantime, which is as well.
                continue

    def handle_error(self, _request: object, client_address: object) -> None:
        """Say that a connection ended early; by itself it prints a traceback."""
        log.debug("health connection breaks", client=str(client_address))


class _Handler(BaseHTTPRequestHandler):
    # One request per connection: a probe has no more, and a kept connection would hold a place.
    protocol_version = "HTTP/1.0"
    server_version = "casskop"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        """Answer with head and body."""
        answer = self._answer()
        self._send_head(answer)
        self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        """Answer with the head only."""
        self._send_head(self._answer())

    def _answer(self) -> Answer:
        path = self.path.partition("?")[0]
        name, _, rest = path.strip("/").partition("/")
        page = self.server.pages.get(name)
        if page is None:
            return Answer(status=HTTPStatus.NOT_FOUND, body=b"there is no such page\n")
        try:
            return page(rest)
        except Exception:
            log.exception("page fails", path=path)
            return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR, body=b"the page could not be made\n")

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name for it
        """Log nothing: a probe every few seconds is no news."""
