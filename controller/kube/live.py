"""
A transport over urllib3, to an `Endpoint`.

- Who we are is asked of the endpoint before each request: it exchanges tokens as it sees fit.
- Every answer is read to its end or its connection is closed: none is lost to the pool.
- Nothing is repeated: urllib3 would send a PUT again whose answer was lost, behind our back.

The deadline of a request counts from its start to the last byte of the answer. Two things are outside of
it: the name service, when the API server's address is a name, and an exec plug-in that hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
import json
import threading
import time
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

import controller
from controller.domain.errors import TransientError
from controller.kube.encoding import encode
from controller.kube.endpoint import Endpoint
from controller.kube.sockets import socket_options
from controller.kube.transport import Request, Response

CONNECT_SECONDS = 2.0
_CHUNK = 65_536


class RequestMetrics(Protocol):
    """What a transport counts, as client-go does."""

    def answered(self, *, method: str, host: str, code: str, seconds: float) -> None:
        """A request was answered with *code*, or "<error>" if it was not; a watch when it opened."""


class NoRequestMetrics:
    """Counts nothing."""

    def answered(self, *, method: str, host: str, code: str, seconds: float) -> None:
        """Do nothing."""


class LiveTransport:
    """
    Connections to the API server at *endpoint*.

    *pool_size* is how many connections are kept; more are opened when needed, and closed after use. It
    should be no less than the threads that use it. Safe to use from any thread.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        pool_size: int,
        metrics: RequestMetrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._server = endpoint.server.rstrip("/")
        self._host = urlsplit(self._server).netloc
        self._pool = endpoint.pool(size=pool_size, socket_options=socket_options())
        self._metrics: RequestMetrics = NoRequestMetrics() if metrics is None else metrics
        self._monotonic = monotonic
        # One at a time: an exec plug-in that is due should be run by one thread, not by all.
        self._authorising = threading.Lock()

    def send(self, request: Request) -> Response:
        """Send *request* as `Transport` says; header names of the answer are in lower case."""
        deadline = self._monotonic() + request.timeout
        answer = self._open(request)
        try:
            body = b"".join(_chunks(answer, lambda: deadline - self._monotonic()))
        except (HTTPError, OSError) as error:
            raise _no_answer(request, error) from error
        finally:
            # Read to its end it has gone back to the pool already; else it must not.
            if answer.connection is not None:
                answer.close()
            answer.release_conn()
        return _response(answer, body)

    def stream(self, request: Request, *, silence: float) -> LiveStream:
        """Open a watch as `Transport` says; the iterator can be ended by `interrupt`, from any thread."""
        return LiveStream(lambda: self._open(request), request=request, silence=silence)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._pool.clear()

    def _open(self, request: Request) -> urllib3.BaseHTTPResponse:
        began = self._monotonic()
        code = "<error>"
        try:
            answer = self._pool.urlopen(
                request.method,
                self._url(request),
                body=None if request.body is None else encode(request.body),
                headers=self._headers(request),
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, request.timeout), total=request.timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            code = str(answer.status)
        except (HTTPError, OSError) as error:
            raise _no_answer(request, error) from error
        finally:
            self._metrics.answered(
                method=request.method,
                host=self._host,
                code=code,
                seconds=self._monotonic() - began,
            )
        return answer

    def _url(self, request: Request) -> str:
        query = f"?{urlencode(request.query)}" if request.query else ""
        return f"{self._server}{request.path}{query}"

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": f"casskop/{controller.__version__}"}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        headers.update(request.headers)
        with self._authorising:
            authorization = self._endpoint.authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        return headers


class LiveStream:
    """
    One watch: a context that gives its `LiveEvents`, or the refusal as a `Response`.

    The connection is opened on entering, and closed on leaving.
    """

    def __init__(
        self,
        connect: Callable[[], urllib3.BaseHTTPResponse],
        *,
        request: Request,
        silence: float,
    ) -> None:
        self._connect = connect
        self._request = request
        self._silence = silence
        self._answer: urllib3.BaseHTTPResponse | None = None

    def __enter__(self) -> Response | LiveEvents:
        answer = self._answer = self._connect()
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return LiveEvents(answer, request=self._request, silence=self._silence)
        try:
            body = b"".join(_chunks(answer, lambda: self._request.timeout))
        except (HTTPError, OSError) as error:
            self._close()
            raise _no_answer(self._request, error) from error
        return _response(answer, body)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()
            answer.release_conn()


class LiveEvents(Iterator[Mapping[str, Any]]):
    """The events of one watch, until the server ends it or `interrupt` does."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, *, request: Request, silence: float) -> None:
        self._answer = answer
        self._request = request
        self._lines = _lines(_chunks(answer, lambda: silence))
        self._interrupted = threading.Event()

    def __next__(self) -> Mapping[str, Any]:
        """Return the next event as `Transport.stream` says."""
        try:
            event: Mapping[str, Any] = json.loads(next(self._lines))
        except (HTTPError, OSError, ValueError) as error:
            if self._interrupted.is_set():
                raise StopIteration from None
            raise _no_answer(self._request, error) from error
        if self._interrupted.is_set():
            raise StopIteration
        return event

    def interrupt(self) -> None:
        """End the iteration, as if the server had ended the stream; callable from any thread."""
        self._interrupted.set()
        try:
            # Unlike closing, it wakes a thread that reads, and leaves the closing to that thread.
            self._answer.shutdown()
        except (OSError, RuntimeError, ValueError):
            # It was over already.
            return


def _chunks(answer: urllib3.BaseHTTPResponse, patience: Callable[[], float]) -> Iterator[bytes]:
    """
    Yield what comes as it comes; *patience* says how many seconds to wait for the next piece.

    Raises `TimeoutError` when it has run out.
    """
    while True:
        seconds = patience()
        if seconds <= 0:
            raise TimeoutError
        connection = answer.connection
        # None once all was read, or when the server closes the connection after this answer; then
        # what was set for the headers holds for each piece.
        sock = None if connection is None else getattr(connection, "sock", None)
        if sock is not None:
            sock.settimeout(seconds)
        chunk = answer.read1(_CHUNK)
        if not chunk:
            return
        yield chunk


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield whole lines; raises `ValueError` if the last one is not whole."""
    rest: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest.append(first)
        for other in others:
            line = b"".join(rest)
            rest = [other]
            if line.strip():
                yield line
    if b"".join(rest).strip():
        raise ValueError("it ended in the middle of an event")


def _response(answer: urllib3.BaseHTTPResponse, body: bytes) -> Response:
    content: Any = None
    if body:
        try:
            content = json.loads(body)
        except ValueError:
            content = body.decode(errors="replace")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status=answer.status, headers=headers, body=content)


def _no_answer(request: Request, error: Exception) -> TransientError:
    """Say that there was no answer, without the words of libraries: they quote addresses at length."""
    match error:
        case ReadTimeoutError() | TimeoutError():
            why = "nothing came in time"
        case ValueError():
            why = "what came was not JSON events"
        case _:
            why = type(error).__name__
    return TransientError(f"no answer to {request.method} {request.path}: {why}")
