"""
One HTTP exchange with an API server, as values.

This is the seam between what we ask of Kubernetes and how it gets there: the `kubernetes` package in
production, an API server in the same process in simulation. A transport keeps three promises:

- it sends a request once, and never retries by itself;
- every request ends by its deadline, every stream by its silence limit;
- it raises `TransientError` when there was no answer, and returns every answer, whatever its status.

It does not know kinds, and gives no meaning to a status code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import attrs


@attrs.frozen(kw_only=True)
class Request:
    """What is asked: *path* without host, *body* as JSON values, *timeout* in seconds."""

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = None
    timeout: float = 10.0


@attrs.frozen(kw_only=True)
class Response:
    """What was answered: *body* as JSON values, or a `str` if the server did not speak JSON."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = None


class Transport(Protocol):
    """Carries requests to one API server."""

    def send(self, request: Request) -> Response:
        """Send *request* and return the whole answer.

        Raises `TransientError` if no answer came by the deadline: the request may have been carried out.
        """
        ...

    def stream(
        self, request: Request, *, silence: float
    ) -> AbstractContextManager[Response | Iterator[Mapping[str, Any]]]:
        """Open a watch: the decoded events in order, or the refusal as a `Response`.

        The iterator ends when the server ends the stream, and raises `TransientError` when nothing,
        not even a bookmark, came for *silence* seconds. Leaving the context closes the connection.
        """
        ...


@runtime_checkable
class Interruptible(Protocol):
    """What the events of a stream are if another thread can end them."""

    def interrupt(self) -> None:
        """End the iteration, as if the server had ended the stream; callable from any thread."""
        ...
