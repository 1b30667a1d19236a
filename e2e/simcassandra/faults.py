"""
What can go wrong with a node's Jolokia, by address and for a time.

The node itself goes on; only its agent answers wrongly, late or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import enum
import math
from typing import Any

import attrs

from e2e.simtime import Simulation


class Kind(enum.Enum):
    """How the agent misbehaves."""

    # It accepts the request, does nothing, and never answers.
    HANG = "hang"
    # It carries the request out, and the answer is lost.
    LOSE_ANSWER = "lose answer"
    # Nothing listens at its port.
    REFUSE = "refuse"
    # It answers with HTTP 200 and something that is not JSON.
    GARBAGE = "garbage"
    # It answers with HTTP 500 and a page of text.
    SERVER_ERROR = "server error"
    # It answers, but some attributes have the values of `values`.
    OVERRIDE = "override"


@attrs.frozen(kw_only=True)
class Fault:
    """A misbehaviour until the instant *until*; *values* are the attributes that OVERRIDE replaces."""

    kind: Kind
    until: float = math.inf
    values: Mapping[str, Any] = attrs.field(factory=dict)


class Faults:
    """The faults of all agents; a fault survives the process, since it belongs to the address."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._faults: dict[str, list[Fault]] = {}
        self._listeners: list[Callable[[str], None]] = []

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Call *listener* with an address whenever its faults change."""
        self._listeners.append(listener)

    def add(
        self,
        address: str,
        kind: Kind,
        *,
        seconds: float = math.inf,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Let the agent at *address* misbehave for *seconds* from now."""
        fault = Fault(kind=kind, until=self._simulation.now + seconds, values=values or {})
        self._faults.setdefault(address, []).append(fault)
        self._tell(address)
        if not math.isinf(seconds):
            self._simulation.after(seconds, lambda: self._tell(address))

    def clear(self, address: str) -> None:
        """Let the agent at *address* behave."""
        self._faults.pop(address, None)
        self._tell(address)

    def of(self, address: str) -> list[Fault]:
        """Return the faults at *address* that are in force now."""
        return [f for f in self._faults.get(address, []) if f.until > self._simulation.now]

    def has(self, address: str, kind: Kind) -> bool:
        """Return whether a fault of *kind* is in force at *address*."""
        return any(fault.kind is kind for fault in self.of(address))

    def _tell(self, address: str) -> None:
        for listener in list(self._listeners):
            listener(address)
