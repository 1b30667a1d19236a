"""A result that comes later in simulated time: what a blocking JMX call waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")

# What JMX makes of an Error, which is no Exception.
RUNTIME_ERROR = "javax.management.RuntimeErrorException"


class JavaError(Exception):
    """An exception as Java would throw it: *kind* is the class name with its package."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def illegal_argument(message: str) -> JavaError:
    """Return an IllegalArgumentException."""
    return JavaError("java.lang.IllegalArgumentException", message)


def illegal_state(message: str) -> JavaError:
    """Return an IllegalStateException."""
    return JavaError("java.lang.IllegalStateException", message)


def unsupported(message: str) -> JavaError:
    """Return an UnsupportedOperationException."""
    return JavaError("java.lang.UnsupportedOperationException", message)


def runtime_error(message: str) -> JavaError:
    """Return a RuntimeException."""
    return JavaError("java.lang.RuntimeException", message)


def failed_assertion(message: str = "") -> JavaError:
    """Return an AssertionError as JMX wraps it: Cassandra runs with assertions on."""
    text = "java.lang.AssertionError"
    return JavaError(RUNTIME_ERROR, f"{text}: {message}" if message else text)


class Deferred(Generic[V]):
    """A value or a `JavaError` that is set once, and those who wait for it.

    `lost` is set when the process that worked on it died: there will never be an answer.
    """

    def __init__(self) -> None:
        self.done = False
        self.lost = False
        self.value: V | None = None
        self.error: JavaError | None = None
        self._waiting: list[Callable[[Deferred[V]], None]] = []

    def then(self, callback: Callable[[Deferred[V]], None]) -> None:
        """Call *callback* with this result once it is done; at once if it already is."""
        if self.done:
            callback(self)
        else:
            self._waiting.append(callback)

    def resolve(self, value: V) -> None:
        """Set the value; without effect if the result is already set."""
        self._finish(value=value)

    def fail(self, error: JavaError) -> None:
        """Set the error; without effect if the result is already set."""
        self._finish(error=error)

    def lose(self) -> None:
        """Say that no answer will come; without effect if the result is already set."""
        self._finish(lost=True)

    def _finish(self, *, value: V | None = None, error: JavaError | None = None, lost: bool = False) -> None:
        if self.done:
            return
        self.done, self.value, self.error, self.lost = True, value, error, lost
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback(self)
