"""A request that is under way to an agent, and the HTTP answer that may come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs


@attrs.frozen(kw_only=True)
class HttpAnswer:
    """An HTTP answer: *body* is text, JSON or not."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = attrs.field(factory=dict)


class Exchange:
    """A request that was sent, and its answer once there is one.

    `answer` is None until then; `broken` says that the connection ended without one.
    """

    def __init__(self) -> None:
        self.answer: HttpAnswer | None = None
        self.broken = False
        self._waiting: list[Callable[[], None]] = []

    @property
    def over(self) -> bool:
        """Whether there is an answer, or never will be."""
        return self.answer is not None or self.broken

    def then(self, callback: Callable[[], None]) -> None:
        """Call *callback* once it is over; at once if it already is."""
        if self.over:
            callback()
        else:
            self._waiting.append(callback)

    def finish(self, answer: HttpAnswer | None) -> None:
        """Give *answer*; None breaks the connection. Without effect if it is over."""
        if self.over:
            return
        self.answer, self.broken = answer, answer is None
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()
