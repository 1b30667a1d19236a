"""A plain HTTP client for facts: no retries, no caches, nothing between a fact and the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import http.client
import json
import queue
import socket
import threading
import time
from typing import Any, Self
import urllib.parse

import attrs

from e2e.contract.login import Login

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
# How long a fact waits for what must come, and how long it listens for what must not.
PATIENCE = 20.0
QUIET = 0.4

Object = dict[str, Any]


@attrs.frozen(kw_only=True)
class Answer:
    """What came back: *body* decoded if it was JSON, else as text."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def reason(self) -> str:
        """The reason of a `Status`."""
        return str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        """The message of a `Status`."""
        return str(self.body.get("message", ""))

    @property
    def causes(self) -> list[tuple[str, str]]:
        """(reason, field) of every cause of a `Status`, sorted."""
        causes = (self.body.get("details") or {}).get("causes") or []
        return sorted({(one["reason"], one["field"]) for one in causes})


class Stream:
    """An open watch, read by a thread of its own."""

    def __init__(self, connection: http.client.HTTPConnection, response: Any) -> None:
        self._connection = connection
        self._response = response
        self._socket: socket.socket = connection.sock
        self._events: queue.Queue[Object | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The socket first: it frees a reader that waits on it.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._response.close()
        self._connection.close()
        self._socket.close()

    def next(self, seconds: float = PATIENCE) -> Object:
        """The next event; AssertionError if the stream ends, queue.Empty if nothing comes."""
        event = self._events.get(timeout=seconds)
        assert event is not None, "the stream ended"
        return event

    def take(self, count: int) -> list[tuple[str, str]]:
        """(type, name) of the next *count* events."""
        events = [self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    def quiet(self, seconds: float = QUIET) -> bool:
        """Whether nothing comes for a while."""
        try:
            self._events.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def rest(self, seconds: float = PATIENCE) -> list[Object]:
        """Everything until the server ends the stream."""
        return list(iter(lambda: self._events.get(timeout=seconds), None))

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            for line in self._response:
                self._events.put(json.loads(line))
        self._events.put(None)


# Servers close connections that nobody uses; other tests may run for minutes between two facts.
KEPT_SECONDS = 20.0


class Api:
    """One API server. *agent* is the user agent that requests carry."""

    def __init__(self, login: Login, *, agent: str = "contract/1") -> None:
        self._login = login
        self._headers = {"User-Agent": agent}
        if login.token:
            self._headers["Authorization"] = f"Bearer {login.token}"
        self._idle: http.client.HTTPConnection | None = None
        self._used = 0.0

    def another(self, agent: str = "contract/1") -> Api:
        """A client of the same server with a connection and a user agent of its own."""
        return Api(self._login, agent=agent)

    def close(self) -> None:
        """Close the connection that is kept for the next request."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def call(  # noqa: PLR0913 -- what a request can have
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = JSON,
        accept: str = JSON,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Send one request and return its answer, whatever it is."""
        if time.monotonic() - self._used > KEPT_SECONDS:
            self.close()
        connection = self._idle or self._connect()
        self._idle, self._used = connection, time.monotonic()
        sent = {**self._headers, "Accept": accept, **(headers or {})}
        content = None
        if body is not None:
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            sent["Content-Type"] = media
        connection.request(method, _with_query(path, query), content, sent)
        response = connection.getresponse()
        text = response.read().decode()
        found = json.loads(text) if response.headers.get_content_type() == JSON else text
        return Answer(status=response.status, headers=dict(response.headers), body=found)

    def get(self, path: str, **query: Any) -> Answer:
        """Read."""
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Answer:
        """Create."""
        return self.call("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any) -> Answer:
        """Replace."""
        return self.call("PUT", path, body, **query)

    def patch(self, path: str, body: Any, media: str = MERGE_PATCH, **query: Any) -> Answer:
        """Change by a patch, a merge patch if nothing else is said."""
        return self.call("PATCH", path, body, media=media, **query)

    def apply(self, path: str, body: Any, *, manager: str, **query: Any) -> Answer:
        """Server-side apply."""
        return self.call("PATCH", path, body, media=APPLY_PATCH, fieldManager=manager, **query)

    def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        """Delete."""
        return self.call("DELETE", path, body, **query)

    def made(self, path: str, body: Any, **query: Any) -> Object:
        """Create what a fact needs, and return it."""
        answer = self.post(path, body, **query)
        assert answer.status == 201, answer.body
        found: Object = answer.body
        return found

    def watch(self, path: str, *, accept: str = JSON, **query: Any) -> Stream:
        """Open a watch that the server must accept."""
        connection = self._connect()
        headers = {**self._headers, "Accept": accept}
        connection.request("GET", _with_query(path, {"watch": "1", **query}), headers=headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        return Stream(connection, response)

    def _connect(self) -> http.client.HTTPConnection:
        host, port, context = self._login.url.hostname or "", self._login.url.port, self._login.context
        if context is None:
            return http.client.HTTPConnection(host, port, timeout=PATIENCE)
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)


def _with_query(path: str, query: Mapping[str, Any]) -> str:
    found = {key: _text(value) for key, value in query.items() if value is not None}
    return f"{path}?{urllib.parse.urlencode(found)}" if found else path


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def eventually(ask: Any, *, seconds: float = PATIENCE) -> Any:
    """What *ask* returns once it is true; AssertionError if that takes too long."""
    end = time.monotonic() + seconds
    for pause in _pauses():
        found = ask()
        if found:
            return found
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(pause)
    raise AssertionError


def _pauses() -> Iterator[float]:
    pause = 0.01
    while True:
        yield pause
        pause = min(pause * 2, 0.5)
