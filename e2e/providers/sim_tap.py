"""
How faults get between one life of the operator and the world: a `Tap` hears of all that it is about to do.

What a tap raises reaches the operator in place of an answer; a tap that does nothing is `NoTap`.
"""

from __future__ import annotations

from typing import Protocol

from controller.kube.transport import Request, Response


class DeadError(BaseException):
    """The operator's process has ended in the middle of what it was doing.

    Not an `Exception`, so that nothing in the operator can go on as if it were a failed request.
    """


class Tap(Protocol):
    """Hears of what the operator does; what it raises reaches the operator in place of an answer."""

    def fence(self, life: int) -> None:
        """Life number *life* asks whether it may write; raise `NotLeadingError` if not."""

    def sending(self, life: int, request: Request) -> None:
        """Life number *life* is about to send *request* to the API server."""

    def answered(self, life: int, request: Request, answer: Response) -> None:
        """The API server answered, and the operator does not know yet."""

    def asking(self, life: int, host: str) -> None:
        """Life number *life* is about to ask the Cassandra node at *host*."""

    def calling(self, life: int, host: str) -> float | None:
        """Life number *life* is about to call the node at *host* for something that lasts.

        Return after how many seconds the connection breaks, if there is no answer before; None: it does not.
        """


class NoTap:
    """Hears nothing and does nothing."""

    def fence(self, life: int) -> None:
        """Let it write."""

    def sending(self, life: int, request: Request) -> None:
        """Let it pass."""

    def answered(self, life: int, request: Request, answer: Response) -> None:
        """Let it pass."""

    def asking(self, life: int, host: str) -> None:
        """Let it pass."""

    def calling(self, life: int, host: str) -> float | None:  # noqa: ARG002 -- the tap's form
        """Let it last."""
        return None
