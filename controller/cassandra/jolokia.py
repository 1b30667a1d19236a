"""
Jolokia: JMX over HTTP, the only way in which the operator talks to a Cassandra node.

It promises that every call ends by its deadline, that credentials go into a header and nowhere else,
and that an answer is either the value asked for or one of two errors. Jolokia 1.7 answers HTTP 200 to
everything but a missing login and puts the outcome into the body; 2.x uses HTTP 400 with plain text
for bad requests. Both are understood. It retries reads once, since a read changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
import time
from typing import Any, Final, Protocol

import attrs
import httpx
import tenacity

from controller.domain.errors import OperatorError, TransientError

PORT: Final = 8778
_OK: Final = 200
_UNAUTHORIZED: Final = 401


@attrs.frozen(kw_only=True)
class Credentials:
    """Basic authentication; never printed."""

    username: str
    password: str = attrs.field(repr=False)


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
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def over(
        cls,
        transport: httpx.BaseTransport | None = None,
        *,
        read_seconds: float = 5.0,
        connections: int = 64,
        counter: CallCounter | None = None,
    ) -> Jolokia:
        """Return a client; *transport* None means real sockets.

        *read_seconds* is how long an agent may take to answer; connecting may take 2 s.
        """
        http = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(read_seconds, connect=2.0),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=16),
            # Proxies and .netrc of the environment are not for traffic inside the cluster.
            trust_env=False,
        )
        return cls(http=http, counter=counter)

    def read(self, endpoint: Endpoint, mbean: str, attributes: Sequence[str]) -> dict[str, Any]:
        """Read *attributes* of *mbean* in one request and return them by name.

        Raises `TransientError` if the agent gave no answer or no JSON, twice; `JolokiaError` if it
        refused.
        """
        body = {"type": "read", "mbean": mbean, "attribute": list(attributes)}
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(2),
            wait=tenacity.wait_fixed(0.2),
            sleep=self.sleep,
            reraise=True,
        )
        value = retrying(self._call, endpoint, body)
        if not isinstance(value, dict):
            raise TransientError(f"{endpoint.host} answered {type(value).__name__}, not attributes")
        return value

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def _call(self, endpoint: Endpoint, body: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        """Post one request and return its value, counted either way."""
        began = self.clock()
        result = "error"
        try:
            value = self._post(endpoint, body)
            result = "success"
        finally:
            if self.counter is not None:
                self.counter.jolokia_call(str(body["mbean"]), result, self.clock() - began)
        return value

    def _post(self, endpoint: Endpoint, body: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        login = endpoint.credentials
        auth = (
            httpx.BasicAuth(login.username, login.password) if login is not None else httpx.USE_CLIENT_DEFAULT
        )
        try:
            response = self.http.post(endpoint.url, json=body, auth=auth)
        except httpx.TimeoutException as error:
            raise TransientError(f"Jolokia at {endpoint.host} did not answer in time") from error
        except httpx.HTTPError as error:
            raise TransientError(f"Jolokia at {endpoint.host} cannot be reached: {error}") from error
        return _value(endpoint, response)


def _value(endpoint: Endpoint, response: httpx.Response) -> Any:  # noqa: ANN401 -- JSON
    """Return the value in *response*, or raise what it says."""
    if response.status_code == _UNAUTHORIZED:
        raise JolokiaError(
            f"Jolokia at {endpoint.host} refuses the login of spec.imageJolokiaSecret",
            status=_UNAUTHORIZED,
        )
    try:
        # The agent labels JSON as text/plain, so the header is no guide.
        answer = json.loads(response.text)
    except ValueError as error:
        text = " ".join(response.text.split())[:200]
        if response.status_code == _OK:
            raise TransientError(f"Jolokia at {endpoint.host} answered no JSON: {text}") from error
        raise JolokiaError(
            f"Jolokia at {endpoint.host}: HTTP {response.status_code} {text}",
            status=response.status_code,
        ) from error
    if not isinstance(answer, dict):
        raise TransientError(f"Jolokia at {endpoint.host} answered {type(answer).__name__}")
    status = answer.get("status", response.status_code)
    if status != _OK or "error" in answer:
        raise JolokiaError(
            str(answer.get("error") or f"status {status} without an error text"),
            status=status if isinstance(status, int) else 0,
            kind=str(answer.get("error_type") or ""),
        )
    return answer.get("value")
