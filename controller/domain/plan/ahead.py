"""
Restarts that are asked for at a time that has yet to come: they are carried out then, and told until then.

A date far ahead is most often a slip of the hand. Were it carried out at once, it would be later than any
other that is asked for from then on, and those would do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
import datetime as dt
from typing import Final

from controller.domain.actions import Hold
from controller.domain.desired import Desired
from controller.domain.observed import Observed

# By how much the clock of whoever writes a date may be ahead of ours.
_CLOCKS_DIFFER: Final = dt.timedelta(minutes=5)
# Clocks are set, so that nobody sleeps until a day that is far away.
_LOOK_SECONDS: Final = 3600.0


def has_come(at: dt.datetime, now: dt.datetime) -> bool:
    """Tell whether a restart that is asked for *at* a time is due."""
    return at - now <= _CLOCKS_DIFFER


def ahead(desired: Desired, observed: Observed) -> Iterator[Hold]:
    """Yield what is to be told of restarts that are not due yet; nothing else waits for them."""
    for path, at in sorted(desired.restarts_ahead.items()):
        seconds = (at - observed.now - _CLOCKS_DIFFER).total_seconds()
        yield Hold(
            reason="RestartAhead",
            path=path,
            why=f"{path} is {at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}, which has yet to come: nodes are"
            " restarted for it then. Put the present there if it is to be now, or take it out",
            seconds=min(max(seconds, 1.0), _LOOK_SECONDS),
        )
