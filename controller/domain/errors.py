"""
The classes of failure that the reconcile loop knows.

What is none of these is a bug: it is logged with its traceback and retried slowly.
Nothing here carries a secret: messages go to conditions and events as they are.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something failed in a way that the loop has an answer to."""


class ConflictError(OperatorError):
    """Somebody else wrote first (HTTP 409): read again and decide again, at once."""


class TransientError(OperatorError):
    """It may work later: retried with a growing delay.

    *retry_after* is the delay in seconds that the other side asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TerminalError(OperatorError):
    """It will fail again until the spec, or an object it refers to, changes (HTTP 400, 403, 422)."""


class NotFoundError(OperatorError):
    """The object is not there (HTTP 404)."""


class ExpiredError(OperatorError):
    """A resourceVersion or continue token is too old (HTTP 410): list anew."""


class NotLeadingError(OperatorError):
    """The lease may be lost: nothing was sent, and nothing may be."""
