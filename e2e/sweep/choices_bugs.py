"""Planted bugs of clusters whose users hold the operator back, as in `bugs`."""

from __future__ import annotations

from controller.domain import pause
from controller.reconcile import approval
from e2e.sweep.bugs import replace


def takes_no_notice_of_a_pause() -> None:
    """Go on with a cluster that its user has paused."""
    replace(pause, "paused", lambda _: lambda *_: False)


def does_not_wait_for_approval() -> None:
    """Carry out at once what is to wait until somebody has approved it."""
    replace(approval, "pending", lambda _: lambda *_: None)
