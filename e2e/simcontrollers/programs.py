"""
What runs in containers, as the kubelet sees it: something that starts, shows its health, and ends.

The kubelet knows no Cassandra: it asks a `Programs` for the program of a container, and watches it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs


@attrs.frozen(kw_only=True)
class Start:
    """A container that is about to start: its pod, image and environment, all references resolved.

    *claims* are the uids of the claims by volume name; *restarts* counts the container's earlier runs.
    """

    pod: Mapping[str, Any]
    container: str
    image: str
    environment: Mapping[str, str]
    ip: str
    claims: Mapping[str, str]
    restarts: int = 0


@attrs.frozen(kw_only=True)
class End:
    """How a container ended; *message* is what it left for the termination message, if anything."""

    code: int
    message: str = ""


class Program(Protocol):
    """A running container."""

    @property
    def started(self) -> bool:
        """Whether a startup probe would succeed now."""
        ...

    @property
    def ready(self) -> bool:
        """Whether a readiness probe would succeed now."""
        ...

    @property
    def live(self) -> bool:
        """Whether a liveness probe would succeed now."""
        ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever one of the three may have changed."""
        ...

    def on_end(self, listener: Callable[[End], None]) -> None:
        """Call *listener* when the program ends by itself, or because it was stopped."""
        ...

    def pre_stop(self, done: Callable[[], None]) -> None:
        """Run the preStop hook, and call *done* after it."""
        ...

    def terminate(self) -> None:
        """Ask it to end, as SIGTERM does."""
        ...

    def kill(self) -> None:
        """End it, as SIGKILL does."""
        ...


class Programs(Protocol):
    """Knows what runs in which container."""

    def init(self, start: Start, waited: float) -> End | None:
        """Return how an init container that began *waited* seconds ago ended; None if it still runs."""
        ...

    def start(self, start: Start) -> Program | None:
        """Start a main container; None for one that just runs, is always healthy, and ends when told."""
        ...

    def go_on(self, start: Start) -> Program | None:
        """Return what runs in a container that was found running, or done; None as for `start`."""
        ...

    def forget(self, pod_uid: str) -> None:
        """The pod is gone for good, with all that it kept for itself."""
        ...
