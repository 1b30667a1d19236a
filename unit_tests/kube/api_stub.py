"""
An API server that does what it is told: real HTTP on 127.0.0.1, scripted answers, no Kubernetes.

Each request takes the next item of the script, or the last one again. It is remembered with the number
of its connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import itertools
import json
import socket
import threading
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import attrs


@attrs.frozen(kw_only=True)
class Asked:
    """A request as it came: *body* is what *raw* says as JSON, *connection* counts connections from 0."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    raw: bytes
    connection: int


@attrs.frozen
class Answer:
    """A whole answer; *body* is JSON, or text to be sent as it is."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Hang:
    """Take the request and never answer."""


@attrs.frozen
class Drop:
    """Take the request and close the connection."""


@attrs.frozen
class Trickle:
    """Promise a long body and send a byte of it each *pause* seconds."""

    pause: float


@attrs.frozen(kw_only=True)
class Stream:
    """
    Send *pieces*, each as a chunk, and then: `end` the stream, `cut` the connection, or `hang`.

    A piece that is no bytes is an event, and gets its line. *after_first* is called after the first.
    """

    pieces: Sequence[Any]
    then: str = "end"
    after_first: Callable[[], None] = lambda: None


Behaviour = Answer | Hang | Drop | Trickle | Stream


class ApiStub:
    """The server; used as a context."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: list[Behaviour] = [Answer({})]
        self.connections = 0
        self.closing = threading.Event()
        self.idle = threading.Condition()
        self._numbers = itertools.count()
        self._sockets: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def answers(self, *behaviours: Behaviour) -> None:
        """Do *behaviours* in turn, and the last of them from then on."""
        self.script = list(behaviours)

    def next(self, asked: Asked) -> Behaviour:
        """Return what to do with a request."""
        with self.idle:
            self.asked.append(asked)
            self.idle.notify_all()
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def open_sockets(self) -> int:
        """Return how many connections are open now."""
        with self.idle:
            return len(self._sockets)

    def wait_closed(self, count: int, *, seconds: float = 5.0) -> bool:
        """Wait until at most *count* connections are open; whether that came."""
        with self.idle:
            return self.idle.wait_for(lambda: len(self._sockets) <= count, seconds)

    def wait_asked(self, count: int, *, seconds: float = 5.0) -> bool:
        """Wait until *count* requests have come; whether they did."""
        with self.idle:
            return self.idle.wait_for(lambda: len(self.asked) >= count, seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with self.idle:
            for each in self._sockets:
                # Wakes the thread that reads from it, which then closes it.
                with _ignoring_os_errors():
                    each.shutdown(socket.SHUT_RDWR)
        assert self.wait_closed(0)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def opened(self, connection: socket.socket) -> int:
        """Note a connection and return its number."""
        with self.idle:
            self.connections += 1
            self._sockets.add(connection)
            return next(self._numbers)

    def closed(self, connection: socket.socket) -> None:
        """Note the end of a connection."""
        with self.idle:
            self._sockets.discard(connection)
            self.idle.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(_Handler):
            api = stub

        return Handler


class _Handler(BaseHTTPRequestHandler):
    api: ApiStub
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._number = self.api.opened(self.connection)

    def finish(self) -> None:
        with _ignoring_os_errors():
            super().finish()
        self.connection.close()
        self.api.closed(self.connection)

    def handle(self) -> None:
        with _ignoring_os_errors():
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _do(self) -> None:
        split = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(
            method=self.command,
            path=split.path,
            query=dict(parse_qsl(split.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(data) if data else None,
            raw=data,
            connection=self._number,
        )
        match self.api.next(asked):
            case Answer(body=body, status=status, headers=headers):
                text = body if isinstance(body, str) else json.dumps(body)
                self._head(status, {"Content-Length": str(len(text.encode())), **headers})
                self.wfile.write(text.encode())
            case Hang():
                self._hang()
            case Drop():
                self.close_connection = True
            case Trickle(pause=pause):
                self._head(200, {"Content-Length": "100000"})
                while not self.api.closing.wait(pause):
                    self.wfile.write(b" ")
                    self.wfile.flush()
            case Stream() as stream:
                self._stream(stream)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 -- names that http.server looks for

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, stream: Stream) -> None:
        self._head(200, {"Transfer-Encoding": "chunked"})
        self.wfile.flush()
        for index, piece in enumerate(stream.pieces):
            data = piece if isinstance(piece, bytes) else json.dumps(piece).encode() + b"\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
            if index == 0:
                stream.after_first()
        match stream.then:
            case "end":
                self.wfile.write(b"0\r\n\r\n")
            case "cut":
                self.close_connection = True
            case _:
                self._hang()

    def _hang(self) -> None:
        """Wait until the client, or `ApiStub.__exit__`, ends the connection."""
        self.connection.recv(1)
        self.close_connection = True


@contextmanager
def _ignoring_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        # The other side has gone, as tests have it do.
        return


def status(code: int, reason: str, message: str = "", **details: object) -> Answer:
    """Return a refusal as the API server puts it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }
    return Answer(body, code)
