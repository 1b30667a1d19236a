"""
Calls to nodes that are over in a moment, unless the node hangs: made beside the worker, which never waits.

Its end wakes nobody: whoever plans such a call looks again anyway, whether the node has changed. What it
failed with is raised in the next reconcile that wants the same, once; the one after that calls again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from controller.domain.errors import TransientError
from controller.runtime.held_calls import CallFailed, CallRefused, HeldCalls
from controller.runtime.inquiries import Asking
from controller.runtime.store import Key

# How soon to look whether a node that hangs has been given up.
_LOOK_SECONDS: Final = 5.0


def check(calls: HeldCalls[Key, str | None], call_id: Hashable) -> None:
    """Raise `Asking` while the call is under way, and what the last one failed with."""
    if calls.is_held(call_id):
        raise Asking(_LOOK_SECONDS)
    result = calls.result(call_id)
    calls.forget(call_id)
    if isinstance(result, CallFailed):
        raise result.error


def make(
    calls: HeldCalls[Key, str | None], call_id: Hashable, key: Key, function: Callable[[], None], *, pod: str
) -> None:
    """Begin the call; `TransientError` if no further one can be held. `check` comes before."""
    began = calls.start(call_id, key, function, wakes=False)
    if isinstance(began, CallRefused):
        raise TransientError(f"{pod} is not asked yet: {began.why}")
    if not calls.is_held(call_id):
        # Where calls are made on the spot.
        check(calls, call_id)
