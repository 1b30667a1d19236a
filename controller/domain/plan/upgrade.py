"""
What has to hold before the first node takes another line of Cassandra, such as 4.1 after 4.0.

Between nodes of different lines nothing is streamed, repaired or altered, so that all of it has to be over:
every node answers, they agree on the schema, and nothing is streamed or rewritten. Afterwards, and where the
image does not tell its version, a restart is like any other. `unlockNextOperation` overrules it.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.domain import releases
from controller.domain.actions import Wait
from controller.domain.desired import Desired
from controller.domain.observed import Observed
from controller.domain.ownership import Ownership, Unread
from controller.domain.releases import Line

# Nothing tells of the end of a stream, of a repair, or of an ALTER.
SECONDS = 10.0
# What Cassandra does all the time, and again after a restart.
_EVERYDAY = frozenset(
    {"Compaction", "Tombstone Compaction", "Flush", "Write", "Index summary redistribution"}
    | {f"{cache} cache save" for cache in ("Key", "Row", "Counter")}
)


@attrs.frozen(kw_only=True)
class Upgrade:
    """A change of the line that nodes run. *begun*: some node runs the new one."""

    old: Line
    new: Line
    begun: bool

    def __str__(self) -> str:
        verb = "upgraded" if self.new > self.old else "taken back"
        return f"Cassandra is {verb} from {releases.text(self.old)} to {releases.text(self.new)}"


def upgrade(new: Line | None, observed: Observed) -> Upgrade | None:
    """Return the change of line that the image of line *new* is; None if it is none, or cannot be told."""
    running = releases.lines(view.release_version for view in observed.ring.views().values())
    others = running - {new}
    if new is None or not others:
        return None
    return Upgrade(old=min(others), new=new, begun=new in running)


def before_the_first(change: Upgrade, desired: Desired, observed: Observed) -> Iterator[Wait]:
    """Yield what has to be over before *change* begins; nothing if it may, or has."""
    if change.begun or desired.rollout.unlocked:
        return
    for why in _unfit(observed):
        yield Wait(seconds=SECONDS, why=f"before {change}: {why}")


def _unfit(observed: Observed) -> Iterator[str]:
    silent = sorted(observed.joined - observed.ring.views().keys())
    if silent:
        yield f"{', '.join(silent)} has to answer the operator"
    found = observed.ownership
    if not isinstance(found, Ownership):
        yield found.why if isinstance(found, Unread) else "it is not known yet who owns what"
        return
    if len(found.schemas) > 1:
        yield "the nodes have to agree on the schema"
    for stream in found.streams[:1]:
        yield f"{stream.pod} has to end its streams ({stream.what})"
    for work in [task for task in found.tasks if task.what not in _EVERYDAY][:1]:
        yield f"{work.pod} has to end what it does with its data ({work.what})"
