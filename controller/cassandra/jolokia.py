"""
Jolokia: JMX over HTTP, the only way in which the operator talks to a Cassandra node.

It promises that every call ends by its deadline, that credentials go into a header and nowhere else,
and that an answer is either the value asked for or one of two errors. Jolokia 1.7 answers HTTP 200 to
everything but a missing login and puts the outcome into the body; 2.x uses HTTP 400 with plain text
for bad requests. Both are understood. It retries reads once, since a read changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
import socket
import time
from typing import Any, Final, Protocol

import attrs
import httpx
import tenacity

from controller.domain.errors import OperatorError, TransientError

PORT: Final = 8778
_OK: Final = 200
_UNAUTHORIZED: Final = 401
# A probe after two idle minutes, then each half, and given up after four without an answer.
_KEEP_ALIVE: Final = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
]


@attrs.frozen(kw_only=True)
class Credentials:
    """Basic authentication; never printed. *source* is where people find it."""

    username: str
    password: str = attrs.field(repr=False)
    source: str = attrs.field(default="spec.imageJolokiaSecret", eq=False)


@attrs.frozen(kw_only=True)
class Endpoint:
    """A node's agent: where it listens, and as whom to ask (None: it asks for no login)."""

    host: str
    port: int = PORT
    credentials: Credentials | None = None

    @property
    def url(self) -> str:
        """Return the agent's address, IPv6 hosts in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/jolokia/"


class JolokiaError(OperatorError):
    """The agent answered, and what it answered is an error; *kind* is the Java class if it said one."""

    def __init__(self, message: str, *, status: int, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class CallCounter(Protocol):
    """Where calls are counted: by MBean, `success` or `error`, and seconds taken."""

    def jolokia_call(self, mbean: str, result: str, seconds: float) -> None:
        """Count one call."""
        ...


@attrs.frozen(kw_only=True)
class Jolokia:
    """A client for the agents of all nodes; safe to share between threads."""

    http: httpx.Client
    counter: CallCounter | None = None
    seconds: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def over(
        cls,
        transport: httpx.BaseTransport | None = None,
        *,
        read_seconds: float = 5.0,
        connections: int = 4096,
        counter: CallCounter | None = None,
    ) -> Jolokia:
        """Return a client; *transport* None means real sockets.

        *read_seconds* is how long an agent may take to answer, in all and for each part; connecting
        may take 2 s. *connections* is how many questions may be under way at once; those to hosts that hang
        must leave room for others, or these would fail for want of one.
        """
        http = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(read_seconds, connect=2.0),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=16),
            # Proxies and .netrc of the environment are not for traffic inside the cluster.
            trust_env=False,
        )
        return cls(http=http, counter=counter, seconds=read_seconds)

    @classmethod
    def patient(cls, seconds: float) -> Jolokia:
        """Return a client for calls that may last up to *seconds*, over sockets of their own.

        A node that went away without a word is noticed by the kernel within some minutes.
        """
        transport = httpx.HTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
            socket_options=_KEEP_ALIVE,
        )
        return cls.over(transport, read_seconds=seconds)

    def read(self, endpoint: Endpoint, mbean: str, attributes: Sequence[str]) -> dict[str, Any]:
        """Read *attributes* of *mbean* in one request and return them by name.

        Raises `TransientError` if the agent gave no answer or no JSON, twice; `JolokiaError` if it
        refused.
        """
        body = {"type": "read", "mbean": mbean, "attribute": list(attributes)}
        value = self._retrying()(self._call, endpoint, body, mbean, _value)
        if not isinstance(value, dict):
            raise TransientError(f"{endpoint.host} answered {type(value).__name__}, not attributes")
        return value

    def bulk(self, endpoint: Endpoint, requests: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Send *requests* at once and return, in their order, each one's value or `JolokiaError`.

        Only for requests that may be repeated: the whole is retried once, like `read`. Raises as `read`.
        """
        if not requests:
            return []
        answers = self._retrying()(self._call, endpoint, list(requests), "bulk", _values)
        if len(answers) != len(requests):
            raise TransientError(f"{endpoint.host} answered {len(answers)} of {len(requests)} requests")
        return list(answers)

    def execute(self, endpoint: Endpoint, mbean: str, operation: str, arguments: Sequence[object]) -> Any:  # noqa: ANN401 -- JSON
        """Execute *operation* once and return its value; it may go on whatever comes back.

        Never repeated here: `TransientError` says that the answer is lost, not that nothing was done.
        Raises `JolokiaError` if the node says that it failed.
        """
        body = {"type": "exec", "mbean": mbean, "operation": operation, "arguments": list(arguments)}
        return self._call(endpoint, body, mbean, _value)

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def _retrying(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(2),
            wait=tenacity.wait_fixed(0.2),
            sleep=self.sleep,
            reraise=True,
        )

    def _call(
        self, endpoint: Endpoint, body: object, name: str, read: Callable[[Endpoint, int, str], Any]
    ) -> Any:  # noqa: ANN401 -- JSON
        """Post *body* and return what *read* makes of the answer; counted as *name* either way."""
        began = self.clock()
        result = "error"
        try:
            value = read(endpoint, *self._post(endpoint, body))
            result = "success"
        finally:
            if self.counter is not None:
                self.counter.jolokia_call(name, result, self.clock() - began)
        return value

    def _post(self, endpoint: Endpoint, body: object) -> tuple[int, str]:
        """Return the HTTP status and the text of the answer."""
        login = endpoint.credentials
        auth = (
            httpx.BasicAuth(login.username, login.password) if login is not None else httpx.USE_CLIENT_DEFAULT
        )
        try:
            with self.http.stream("POST", endpoint.url, json=body, auth=auth) as response:
                text = self._text(response, self.clock() + self.seconds)
        except httpx.TimeoutException as error:
            raise TransientError(f"Jolokia at {endpoint.host} did not answer in time") from error
        except httpx.HTTPError as error:
            raise TransientError(f"Jolokia at {endpoint.host} cannot be reached: {error}") from error
        return response.status_code, text

    def _text(self, response: httpx.Response, deadline: float) -> str:
        """Return the body, which is UTF-8; httpx.ReadTimeout if it comes so slowly that it never ends."""
        parts = []
        for part in response.iter_bytes():
            # The client's own limit is for each part: an agent that trickles would never reach it.
            if self.clock() > deadline:
                raise httpx.ReadTimeout("the answer does not end", request=response.request)
            parts.append(part)
        return b"".join(parts).decode(errors="replace")


def _value(endpoint: Endpoint, code: int, body: str) -> Any:  # noqa: ANN401 -- JSON
    """Return the value in an answer with HTTP status *code*, or raise what it says."""
    return _outcome(endpoint, code, _decoded(endpoint, code, body))


def _values(endpoint: Endpoint, code: int, body: str) -> list[Any]:
    """Return the value or the error of each answer to a bulk request."""
    answers = _decoded(endpoint, code, body)
    if not isinstance(answers, list):
        # It refuses all of them alike.
        raise TransientError(
            f"{endpoint.host} gave one answer to many requests: {_outcome(endpoint, code, answers)}"
        )
    found: list[Any] = []
    for answer in answers:
        try:
            found.append(_outcome(endpoint, code, answer))
        except JolokiaError as error:
            found.append(error)
    return found


def _decoded(endpoint: Endpoint, code: int, body: str) -> Any:  # noqa: ANN401 -- JSON
    """Return the JSON of an answer, or raise what came in its place."""
    if code == _UNAUTHORIZED:
        source = endpoint.credentials.source if endpoint.credentials else "spec.imageJolokiaSecret"
        raise JolokiaError(f"Jolokia at {endpoint.host} refuses the login of {source}", status=_UNAUTHORIZED)
    try:
        # The agent labels JSON as text/plain, so the header is no guide.
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        text = " ".join(body.split())[:200]
        if code == _OK:
            raise TransientError(f"Jolokia at {endpoint.host} answered no JSON: {text}") from error
        raise JolokiaError(
            f"Jolokia at {endpoint.host}: HTTP {code} {text}",
            status=code,
        ) from error


def _outcome(endpoint: Endpoint, code: int, answer: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return the value in one answer, or raise what it says."""
    if not isinstance(answer, dict):
        raise TransientError(f"Jolokia at {endpoint.host} answered {type(answer).__name__}")
    status = answer.get("status", code)
    if status != _OK or "error" in answer:
        raise JolokiaError(
            str(answer.get("error") or f"status {status} without an error text"),
            status=status if isinstance(status, int) else 0,
            kind=str(answer.get("error_type") or ""),
        )
    return answer.get("value")
