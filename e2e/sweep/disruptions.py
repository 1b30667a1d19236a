"""Stories of nodes that stop and start again, because they have to or by accident."""

from __future__ import annotations

from typing import Final

from e2e.simcassandra.keyspaces import SYSTEM_KEYSPACES
from e2e.sweep.probes import all_of, down, missing, placeless, ready, replaced, says, serving, sized, stopped
from e2e.sweep.samples import dcs_of, is_ready, made, runs, sample, single
from e2e.sweep.steps import (
    AddMachine,
    BringBack,
    Delete,
    Edit,
    Keyspace,
    Pause,
    PowerOff,
    RemoveMachine,
    Replicate,
    Story,
    Until,
)

_NEW: Final = "cassandra:5.0.7"
_NEWER: Final = "cassandra:5.0.8"
# Those of Cassandra's own that have one copy unless somebody says otherwise.
SYSTEM: Final = tuple(keyspace.name for keyspace in SYSTEM_KEYSPACES)

DISRUPTIONS: Final = (
    Story(
        name="roll",
        about="a new image for three racks, taken node by node",
        given=made(sample(), Keyspace(name="app", copies=3)),
        when=(Edit(name="demo", spec={"cassandraImage": _NEW}),),
        end=runs("demo", _NEW),
    ),
    Story(
        name="amend",
        about="a new image for three racks, and yet another one while a node takes the first",
        given=made(sample(), Keyspace(name="app", copies=3)),
        when=(
            Edit(name="demo", spec={"cassandraImage": _NEW}),
            Pause(seconds=8),
            Edit(name="demo", spec={"cassandraImage": _NEWER}),
        ),
        end=runs("demo", _NEWER),
    ),
    Story(
        name="quorum",
        about="a new image for a rack of three, of which two may be missing, but for a keyspace's quorum",
        given=made(
            single(nodesPerRacks=3, maxPodUnavailable=2, hardAntiAffinity=False),
            Keyspace(name="app", copies=3),
        ),
        when=(Edit(name="solo", spec={"cassandraImage": _NEW}),),
        end=runs("solo", _NEW),
    ),
    Story(
        name="twins",
        about="a new image for two data centres of two nodes: one after the other",
        given=made(
            sample("solo", hardAntiAffinity=False, topology=dcs_of(2, 2)),
            Keyspace(name="app", copies=2, dcs=("dc1", "dc2")),
        ),
        when=(Edit(name="solo", spec={"cassandraImage": _NEW}),),
        end=runs("solo", _NEW),
    ),
    Story(
        name="shortage",
        about="a new image for three racks, while a Kubernetes node is lost",
        given=made(sample(), Keyspace(name="app", copies=3)),
        when=(
            PowerOff(node="node-b"),
            Until(what="its Cassandra is missed", probe=missing("demo")),
            Edit(name="demo", spec={"cassandraImage": _NEW}),
            Pause(seconds=60),
            BringBack(node="node-b"),
        ),
        end=runs("demo", _NEW),
    ),
    Story(
        name="volumes",
        about="a larger dataCapacity for a rack of two, whose pods go on under another StatefulSet",
        given=made(single(nodesPerRacks=2, hardAntiAffinity=False)),
        when=(Edit(name="solo", spec={"dataCapacity": "2Gi"}),),
        end=Until(
            what="all volumes have the size, and the cluster is Ready",
            probe=all_of(sized("solo", "2Gi"), ready("solo")),
        ),
    ),
    Story(
        name="stop",
        about="three racks that are stopped with their volumes, then started",
        given=made(sample()),
        when=(
            Edit(name="demo", spec={"stopped": True}),
            Until(what="nothing runs", probe=stopped("demo"), seconds=300),
            Edit(name="demo", spec={"stopped": False}),
        ),
        end=is_ready("demo", 400.0),
    ),
    Story(
        name="pod",
        about="a pod that is deleted while it serves",
        given=made(sample()),
        when=(
            Delete(kind="pods", name="demo-dc1-rack2-0"),
            Until(what="its node is down", probe=down("demo")),
        ),
        end=is_ready("demo"),
    ),
    Story(
        name="disk",
        about="a node loses its volume, and with it its pod: another one takes the place of the member",
        given=made(single(nodesPerRacks=2, hardAntiAffinity=False, autoUpdateSeedList=False)),
        when=(
            Delete(kind="persistentvolumeclaims", name="data-solo-dc1-rack1-1"),
            Delete(kind="pods", name="solo-dc1-rack1-1"),
            Until(what="its node is down", probe=down("solo")),
        ),
        end=Until(
            what="another Cassandra has its place, nobody knows the dead one, and the cluster is Ready",
            probe=all_of(ready("solo"), replaced("solo")),
            seconds=600,
        ),
    ),
    Story(
        name="node",
        about="a Kubernetes node that is lost, and returns",
        given=made(sample()),
        when=(
            PowerOff(node="node-b"),
            Until(what="its Cassandra is missed", probe=missing("demo")),
            Pause(seconds=20),
            BringBack(node="node-b"),
        ),
        end=is_ready("demo"),
    ),
    Story(
        name="lost",
        about="a Kubernetes node is silent, then gone for good, with its volume: its Cassandra is replaced",
        given=(
            *made(sample(nodeReplacement="Automatic"), Keyspace(name="app", copies=3)),
            *(Replicate(name=name, copies=3) for name in SYSTEM),
            Pause(seconds=5),
        ),
        when=(
            PowerOff(node="node-b"),
            Until(what="its Cassandra is missed", probe=missing("demo")),
            Delete(kind="pods", name="demo-dc1-rack2-0", force=True),
            Until(what="the next pod finds no place", probe=placeless("demo-dc1-rack2-0")),
            # As long as the machine may come back, nothing is given up.
            Pause(seconds=20),
            # Of this the node that is down has the only copy of some data, by all that the ring says.
            Keyspace(name="log", copies=1),
            Pause(seconds=5),
            AddMachine(node="node-d", zone="zone-b"),
            RemoveMachine(node="node-b"),
            Until(
                what="the loss is named",
                probe=all_of(says("demo", "Degraded", "NodeLost"), serving("demo", 2)),
            ),
            Replicate(name="log", copies=3),
        ),
        end=Until(
            what="another Cassandra has its place, and the cluster is Ready",
            probe=all_of(ready("demo"), replaced("demo")),
            seconds=600,
        ),
    ),
)
