"""
A small Jolokia on loopback: it answers what it is told to, or fails to answer in one of the usual ways.

The shapes of its answers are those recorded from the agents 1.7 and 2.6 on real nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import json
import socket
import threading
from typing import Any
from urllib.parse import unquote

import attrs

_BEAN = "org.apache.cassandra.db:type=StorageService"
Reply = Callable[["FakeJolokia", socket.socket, str], None]


@attrs.define
class FakeJolokia:
    """
    One node's Jolokia.

    *mode* is its OperationMode, None while Cassandra has not registered its MBeans. *header* is the value
    of Authorization that it wants. *reply* does the answering. What was asked for is in *paths*.
    """

    mode: str | None = "NORMAL"
    native: bool = True
    header: str | None = None
    reply: Reply = attrs.field(default=lambda fake, connection, request: fake.answer(connection, request))
    drain: str = "null"
    paths: list[str] = attrs.field(factory=list)
    requests: list[str] = attrs.field(factory=list)
    port: int = 0

    def answer(self, connection: socket.socket, request: str) -> None:
        """Answer as an agent does."""
        if self.header is not None and f"Authorization: {self.header}\r\n" not in request:
            send(connection, 401, "", ('Www-authenticate: Basic realm="jolokia"',))
            return
        path = self.paths[-1]
        if "/exec/" in path:
            send(connection, 200, self.executed())
        else:
            send(connection, 200, json.dumps(self.read(path), separators=(",", ":")))

    def executed(self) -> str:
        """Carry out a drain, or refuse it with the error in `drain`."""
        if self.drain != "null":
            return self.drain
        self.mode = "DRAINED"
        return '{"request":{"type":"exec","operation":"drain"},"value":null,"timestamp":1,"status":200}'

    def read(self, path: str) -> dict[str, Any]:
        """Read attributes: one as a plain value, several as an object."""
        names = path.rpartition("/")[2].split(",")
        asked: Any = names if len(names) > 1 else names[0]
        request = {"mbean": _BEAN, "attribute": asked, "type": "read"}
        if self.mode is None:
            return {
                "request": request,
                "error_type": "javax.management.InstanceNotFoundException",
                "error": f"javax.management.InstanceNotFoundException : {_BEAN}",
                "status": 404,
            }
        known = {"OperationMode": self.mode, "NativeTransportRunning": self.native}
        value = {name: known[name] for name in names} if len(names) > 1 else known[names[0]]
        return {"request": request, "value": value, "timestamp": 1790000000, "status": 200}


def send(connection: socket.socket, status: int, body: str, headers: tuple[str, ...] = ()) -> None:
    """Send an answer as the JDK's server does to HTTP/1.0, and close."""
    head = "\r\n".join([f"HTTP/1.1 {status} X", "Content-type: text/plain; charset=utf-8", *headers, "", ""])
    connection.sendall((head + body).encode())


@contextlib.contextmanager
def serving(fake: FakeJolokia) -> Iterator[FakeJolokia]:
    """Let *fake* answer on a port of its own, which is put into it."""
    listener = socket.create_server(("127.0.0.1", 0))
    fake.port = listener.getsockname()[1]
    open_connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_connections.append(connection)
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = ""
            while "\r\n\r\n" not in request:
                request += connection.recv(4096).decode()
            fake.requests.append(request)
            fake.paths.append(unquote(request.split(" ", 2)[1]))
            fake.reply(fake, connection, request)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        # Wakes accept, and whoever still waits on a connection.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def hang(_: FakeJolokia, connection: socket.socket, __: str) -> None:
    """Take the request and never answer: what an agent does whose threads are all held."""
    connection.recv(1)


def drip(_: FakeJolokia, connection: socket.socket, __: str) -> None:
    """Answer without end, a little at a time."""
    while True:
        connection.sendall(b".")
        threading.Event().wait(0.1)


def hang_up(_: FakeJolokia, __: socket.socket, ___: str) -> None:
    """Close without an answer."""


def garbage(_: FakeJolokia, connection: socket.socket, __: str) -> None:
    """Answer something that is no HTTP."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def plain_text(_: FakeJolokia, connection: socket.socket, __: str) -> None:
    """Refuse as Jolokia 2 does: with HTTP 400 and no JSON."""
    send(connection, 400, "Invalid path")
