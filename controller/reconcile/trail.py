"""
Who wants to know what is decided and done as it happens: simulations and tests.

The operator itself has events, conditions and log lines for that, and nobody listens here.
"""

from __future__ import annotations

from typing import Protocol

from controller.domain.actions import Action, NoteLeaving, NoteResize, Write
from controller.runtime.store import Key


class Trail(Protocol):
    """Hears of each reconcile, in the thread that carries it out; it must not raise."""

    def decided(self, key: Key, actions: tuple[Action, ...]) -> None:
        """These *actions* were planned for the cluster *key*; none of them has begun."""

    def did(self, key: Key, action: Write | NoteLeaving | NoteResize) -> None:
        """This *action* was carried out; what is noted is written with the status, right after."""


class NoTrail:
    """Hears nothing."""

    def decided(self, key: Key, actions: tuple[Action, ...]) -> None:
        """Let it pass."""

    def did(self, key: Key, action: Write | NoteLeaving | NoteResize) -> None:
        """Let it pass."""
