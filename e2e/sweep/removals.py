"""Stories of nodes that are dead for good, and are removed from the ring by labels on a peer of theirs."""

from __future__ import annotations

from typing import Final

from e2e.sweep.disruptions import SYSTEM
from e2e.sweep.probes import all_of, missing, operated, placeless, ready, removing, replaced
from e2e.sweep.samples import made, sample
from e2e.sweep.steps import (
    AddMachine,
    Delete,
    Keyspace,
    Pause,
    PowerOff,
    Remove,
    RemoveMachine,
    Replicate,
    Step,
    Story,
    Until,
)

_VICTIM: Final = "demo-dc1-rack2-0"
_PEER: Final = "demo-dc1-rack1-0"
# A machine is gone for good, with the volume of the node that was on it; there is another one in its zone.
_DEAD: Final[tuple[Step, ...]] = (
    *made(sample(), Keyspace(name="app", copies=2)),
    *(Replicate(name=name, copies=2) for name in SYSTEM),
    Pause(seconds=5),
    PowerOff(node="node-b"),
    Until(what="its Cassandra is missed", probe=missing("demo")),
    Delete(kind="pods", name=_VICTIM, force=True),
    Until(what="the next pod finds no place", probe=placeless(_VICTIM)),
    AddMachine(node="node-d", zone="zone-b"),
    RemoveMachine(node="node-b"),
    Pause(seconds=20),
)
_ANEW: Final = Until(
    what="another Cassandra has its place, nobody knows the dead one, and the cluster is Ready",
    probe=all_of(ready("demo"), replaced("demo")),
    seconds=600,
)

# By a record of the past, the new node may first wait to be told whom it replaces, and says so.
_TOLD: Final = (".initContainerStatuses",)

REMOVALS: Final = (
    Story(
        name="remove",
        about="a node that is dead for good is removed by labels, and a new one takes its place",
        given=_DEAD,
        when=(Remove(cluster="demo", pod=_VICTIM, through=_PEER),),
        end=_ANEW,
        hangs_on=_TOLD,
    ),
    Story(
        name="widow",
        about="the pod through which a dead node is removed is lost in the middle of it",
        given=_DEAD,
        when=(
            Remove(cluster="demo", pod=_VICTIM, through=_PEER),
            Until(what="that has begun", probe=removing("demo")),
            Delete(kind="pods", name=_PEER, force=True),
        ),
        end=_ANEW,
        hangs_on=_TOLD,
    ),
    Story(
        name="alone",
        about="a dead node is removed by its host id alone; then its user deletes pod and volume",
        given=_DEAD,
        when=(
            Remove(cluster="demo", pod=_VICTIM, through=_PEER, alone=True),
            Until(what="that is done", probe=operated(_PEER, "Done")),
            Delete(kind="persistentvolumeclaims", name=f"data-{_VICTIM}"),
            Delete(kind="pods", name=_VICTIM, force=True),
        ),
        end=_ANEW,
        hangs_on=_TOLD,
    ),
)
