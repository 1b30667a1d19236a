"""
The server over HTTP on 127.0.0.1, at the pace of the real clock.

- One thread a connection; the requests themselves are carried out one after the other.
- A thread of its own moves the simulation as real time passes, *speed* times as fast, so that what is due
  happens.
- Json bearer token is accepted; there is no TLS. It is for tests on one machine.
"""

from __future__ import annotations

from collections.abc import Callable
import functools
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import select
import socket
import threading
import time
import traceback
from typing import Self
import urllib.parse

from controller.kube.transport import Request, Response
from e2e.simkube import errors, protobuf
from e2e.simkube.api import ApiServer
from e2e.simkube.encoding import Answer
from e2e.simkube.faults import NoAnswerError
from e2e.simkube.options import is_watch
from e2e.simkube.values import Json, Object, encode
from e2e.simkube.watch import Watch

TOKEN = "simkube"
# How long a quiet stream goes without a look at whether its client is still there.
_LOOK_SECONDS = 1.0
# The longest step of the simulation while nothing is due.
_IDLE_SECONDS = 0.25
_LONGEST_LINE = 65_536
# How long a stream that has news waits for more, so that many changes are one wake-up of its thread.
_GATHER_SECONDS = 0.001


class PortInUseError(Exception):
    """Another program listens on the port that was asked for."""


class HttpServer:
    """Serves *api* from `start` to `stop`; usable as a context manager."""

    def __init__(self, api: ApiServer, *, port: int = 0, speed: float = 1.0) -> None:
        self.api = api
        # Simulated seconds per second; it may be changed at any time.
        self.speed = speed
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        handler = type("BoundHandler", (_Handler,), {"owner": self})
        try:
            self._http = _Listener(("127.0.0.1", port), handler)
        except OSError as error:
            raise PortInUseError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}") from None
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [
            threading.Thread(target=self._http.serve_forever, name="simkube-http", daemon=True),
            threading.Thread(target=self._keep_pace, name="simkube-clock", daemon=True),
        ]

    def start(self) -> Self:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()
        return self

    def check(self) -> None:
        """Raise `RuntimeError` if the simulation has failed, and time stands still."""
        if self._failure is not None:
            raise RuntimeError(f"the simulation failed: {self._failure!r}") from self._failure

    def stop(self) -> None:
        """Answer no more; open streams end."""
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.close_connections()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def _keep_pace(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 -- whoever owns the server is told by `check`
            self._failure = error

    def _run(self) -> None:
        simulation = self.api.simulation
        last = time.monotonic()
        while not self._stopping.is_set():
            with self.api.lock:
                now = time.monotonic()
                simulation.run_until(simulation.now + (now - last) * self.speed)
                last = now
                due = simulation.next_due()
                wait = _IDLE_SECONDS if due is None else (due - simulation.now) / self.speed
            self._stopping.wait(min(max(wait, 0.001), _IDLE_SECONDS))


# What socketserver may hand over; here it is always a socket.
Connection = Json


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Connection, client_address: object) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Connection, client_address: object) -> None:
        """A client that goes away in mid-answer is no error of ours."""

    def close_connections(self) -> None:
        """End every connection, so that no client waits for an answer that will not come."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    owner: HttpServer
    protocol_version = "HTTP/1.1"
    # Without these two every answer waits for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    # The header of the request, by names in small letters.
    fields: dict[str, str]
    raw_requestline: bytes  # set by the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        """Be quiet."""

    def parse_request(self) -> bool:
        """Read a request's head.

        The base class does it with a parser for e-mail, which takes longer than most requests do.
        """
        words = self.raw_requestline.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            self.close_connection = True
            return False
        self.command, self.path, self.request_version = words
        self.fields = {}
        while (line := self.rfile.readline(_LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            self.fields[name.lower()] = value.strip()
        asked = self.fields.get("connection", "").lower()
        self.close_connection = asked == "close" or (words[2] == "HTTP/1.0" and asked != "keep-alive")
        if self.fields.get("expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        return True

    def _serve(self) -> None:
        length = int(self.fields.get("content-length") or 0)
        content = self.rfile.read(length) if length else b""
        path, _, query = self.path.partition("?")
        try:
            body = self._decoded(path, content)
        except errors.StatusError as error:
            self._send(Answer(status=error.code, body=error.body()))
            return
        request = Request(
            method=self.command,
            path=urllib.parse.unquote(path) if "%" in path else path,
            query=_parsed(query) if query else {},
            headers=self.fields,
            body=body,
        )
        try:
            if is_watch(request):
                self._stream(request)
            else:
                answer = self.owner.api.answer(request, body=body)
                time.sleep(answer.delay)
                self._send(answer)
        except NoAnswerError as error:
            if error.silent:
                self._wait_for_the_client_to_go()
            self.close_connection = True
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:  # noqa: BLE001 -- a bug must not look like a server that is gone
            traceback.print_exc()
            text = f"bug in simkube: {error!r}"
            self._send(Answer(status=500, body=errors.StatusError(500, "InternalError", text).body()))

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for a method named after the verb.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _decoded(self, path: str, content: bytes) -> Json:
        if not content:
            return None
        media = (self.fields.get("content-type") or "application/json").partition(";")[0].strip()
        if media == protobuf.MEDIA:
            return self.owner.api.read_protobuf(path, content)
        if media not in _MEDIA:
            raise errors.unsupported_media_type()
        try:
            return json.loads(content)
        except ValueError as error:
            if "yaml" in media:
                raise errors.lacking("bodies in YAML: send JSON, which is YAML too") from None
            raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from None

    def _send(self, answer: Answer) -> None:
        media, content = answer.content()
        phrase = _PHRASES.get(answer.status, "")
        head = [f"HTTP/1.1 {answer.status} {phrase}", f"Content-Type: {media}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head.append(f"Content-Length: {len(content)}\r\n\r\n")
        # One write: a second one would be a packet of its own.
        text = "\r\n".join(head).encode("latin-1", "replace")
        self.wfile.write(text if self.command == "HEAD" else text + content)

    def _stream(self, request: Request) -> None:
        watch = self.owner.api.open_watch(request)
        if isinstance(watch, Response):
            content = Answer(status=watch.status, headers=watch.headers, body=watch.body)
            self._send(content)
            return
        try:
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            self._feed(watch)
        finally:
            self.owner.api.close_watch(watch)

    def _feed(self, watch: Watch) -> None:
        api = self.owner.api
        changed = threading.Event()
        watch.on_change = changed.set
        while not self.owner.stopping:
            changed.clear()
            with api.lock:
                content = watch.poll_bytes()
                wait = watch.next_due() - api.simulation.now
            if content:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))
                self.wfile.flush()
            if watch.closed:
                self.wfile.write(b"0\r\n\r\n")
                return
            if not content and self._client_gone():
                break
            if changed.wait(min(max(wait, 0.01), _LOOK_SECONDS)):
                time.sleep(_GATHER_SECONDS)
        self.close_connection = True

    def _client_gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _wait_for_the_client_to_go(self) -> None:
        while not self.owner.stopping and not self._client_gone():
            time.sleep(0.05)


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


# Clients send the same parameters again and again. Nobody changes the result.
@functools.lru_cache(maxsize=1024)
def _parsed(query: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


_MEDIA = frozenset(
    {
        "application/json",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "application/yaml",
    }
)


def kubeconfig(url: str) -> Object:
    """A kubeconfig for a server at *url*, as kubectl and client libraries read it."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "simkube", "cluster": {"server": url}}],
        "users": [{"name": "anybody", "user": {"token": TOKEN}}],
        "contexts": [{"name": "simkube", "context": {"cluster": "simkube", "user": "anybody"}}],
        "current-context": "simkube",
    }


def kubeconfig_text(url: str) -> str:
    """The same as the text of a file."""
    return encode(kubeconfig(url)).decode()
