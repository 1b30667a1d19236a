"""Planted bugs of dead nodes that are removed, as in `bugs`: each breaks the operator in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controller.domain import removing
from controller.domain import status as statuses
from controller.domain.plan import removed
from e2e.sweep.bugs import replace


def empties_places_too_early() -> None:
    """Take the dead node's volume away as soon as Cassandra was asked to remove it."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def outcome(*_: object) -> removing.Out:
            return removing.Out(why="it was asked for")

        return outcome

    replace(removed, "outcome", make)


def forgets_what_a_lost_pod_removed() -> None:
    """Keep in mind that a node is removed only as long as the pod is there through which it is."""

    def make(inner: Callable[..., Any]) -> Callable[..., Any]:
        def with_removal(observed: Any, now: Any) -> Any:  # noqa: ANN401 -- as the real one
            return None if removing.orphan(observed) is not None else inner(observed, now)

        return with_removal

    replace(statuses, "with_removal", make)


def asks_before_status_tells() -> None:
    """Ask Cassandra to remove a node before status says so."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *_: None

    replace(statuses, "with_removal", make)
    replace(
        removed,
        "unheard",
        lambda inner: lambda *given: _at_once(inner(*given)),
    )


def _at_once(found: Any) -> Any:  # noqa: ANN401 -- actions
    return None if found and "noted in status" in found[0].why else found
