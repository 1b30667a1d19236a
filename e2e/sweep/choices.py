"""Stories of users who hold the operator back, or have it go another way than by default."""

from __future__ import annotations

from typing import Any, Final

from controller.api.v2.names import PAUSED
from e2e.sweep.disruptions import SYSTEM
from e2e.sweep.probes import all_of, on_image, pending, ready, says, serving, tuned
from e2e.sweep.samples import is_ready, made, runs, sample, single
from e2e.sweep.steps import Annotate, Approve, Delete, Edit, Keyspace, Pause, Replicate, Story, Until

_NEW: Final = "cassandra:5.0.7"


def _pair(partition: int) -> dict[str, Any]:
    """Return the topology of one rack of two nodes, of which so many keep their template."""
    rack = {"name": "rack1", "rollingPartition": partition}
    return {"dc": [{"name": "dc1", "nodesPerRacks": 2, "rack": [rack]}]}


def _without_login() -> dict[str, Any]:
    """Return a cluster that names no Secret, and so gets one."""
    obj = dict(single())
    obj["spec"].pop("imageJolokiaSecret")
    return obj


CHOICES: Final = (
    Story(
        name="shelf",
        about="a new image for three racks of two, each of which may go at once",
        given=(
            *made(
                sample(nodesPerRacks=2, hardAntiAffinity=False, rollout={"strategy": "RackAtOnce"}),
                Keyspace(name="app", copies=3),
            ),
            *(Replicate(name=name, copies=3) for name in SYSTEM),
            Pause(seconds=5),
        ),
        when=(Edit(name="demo", spec={"cassandraImage": _NEW}),),
        end=runs("demo", _NEW),
    ),
    Story(
        name="canary",
        about="a new image for the second node of a rack alone, then for the first as well",
        given=made(sample("solo", hardAntiAffinity=False, topology=_pair(0))),
        when=(
            Edit(name="solo", spec={"cassandraImage": _NEW, "topology": _pair(1)}),
            Until(
                what="the second node runs it",
                probe=all_of(on_image("solo-dc1-rack1-1", _NEW), serving("solo", 2)),
                seconds=300,
            ),
            Edit(name="solo", spec={"topology": _pair(0)}),
        ),
        end=runs("solo", _NEW),
    ),
    Story(
        name="tune",
        about="a throughput that running nodes are told, and another one a moment later",
        given=made(single(nodesPerRacks=2, hardAntiAffinity=False)),
        when=(
            Edit(name="solo", spec={"config": {"cassandra-yaml": {"compaction_throughput": "32MiB/s"}}}),
            Pause(seconds=1),
            Edit(name="solo", spec={"config": {"cassandra-yaml": {"compaction_throughput": "16MiB/s"}}}),
        ),
        end=Until(
            what="all nodes compact at that rate, and the cluster is Ready",
            probe=all_of(tuned("solo", 16), ready("solo")),
            seconds=300,
        ),
        # Who starts anew has it from its file, and was told nothing.
        hangs_on_accidents=("pods/solo-", "Revision", "Replicas"),
    ),
    Story(
        name="pause",
        about="a new image while the cluster is paused, and then it is not any more",
        given=made(single()),
        when=(
            Annotate(name="solo", annotations={PAUSED: "true"}),
            Until(what="it says so", probe=says("solo", "Paused", "Annotated")),
            Edit(name="solo", spec={"cassandraImage": _NEW}),
            Pause(seconds=5),
            Annotate(name="solo", annotations={PAUSED: None}),
        ),
        end=runs("solo", _NEW),
    ),
    Story(
        name="approve",
        about="a new image that waits for approval, and gets it",
        given=made(single(changePolicy="Approve")),
        when=(
            Edit(name="solo", spec={"cassandraImage": _NEW}),
            Until(what="it waits", probe=pending("solo")),
            Approve(name="solo"),
        ),
        end=runs("solo", _NEW),
        # What is made once more, in a cluster that is another by then, is approved by another name.
        hangs_on_accidents=("/approved",),
    ),
    Story(
        name="login",
        about="the operator's own login for Jolokia is deleted: there is another, and the node takes it",
        given=made(_without_login()),
        when=(Delete(kind="secrets", name="solo-jolokia"),),
        end=is_ready("solo"),
        # Each password is another one, and makes another template.
        hangs_on=("secrets/solo-jolokia.data", "controller-revision-hash", "template-hash", "Revision"),
    ),
)
