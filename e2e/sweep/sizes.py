"""Stories of clusters that get larger or smaller: nodes, racks and data centres that come and go."""

from __future__ import annotations

from typing import Final

from e2e.sweep.probes import all_of, any_of, exists, gone, leaving, racks, ready, says, tidy
from e2e.sweep.samples import dcs_of, is_ready, made, one_dc, rests, runs, sample, single
from e2e.sweep.steps import Delete, Edit, Keyspace, Label, Pause, Story, Until

_SECOND: Final = "solo-dc1-rack1-1"
_DATA: Final = Keyspace(name="app", copies=1, megabytes=300)

SIZES: Final = (
    Story(
        name="scale",
        about="nodesPerRacks from 1 to 2 in three racks",
        given=made(sample(hardAntiAffinity=False)),
        when=(Edit(name="demo", spec={"nodesPerRacks": 2}),),
        end=is_ready("demo", 400.0),
    ),
    Story(
        name="steps",
        about="nodesPerRacks from 1 to 2 to 3 in one rack, the second edit soon after the first",
        given=made(single(hardAntiAffinity=False)),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 2}),
            Pause(seconds=1.5),
            Edit(name="solo", spec={"nodesPerRacks": 3}),
        ),
        end=is_ready("solo", 400.0),
    ),
    Story(
        name="leave",
        about="nodesPerRacks from 3 to 1: two nodes leave, one after the other, and their volumes go",
        given=made(
            single(nodesPerRacks=3, hardAntiAffinity=False),
            Keyspace(name="app", copies=1),
        ),
        when=(Edit(name="solo", spec={"nodesPerRacks": 1}),),
        end=rests("solo"),
    ),
    Story(
        name="return",
        about="nodesPerRacks from 2 to 1, and back to 2 while the node hands its data over",
        given=made(single(nodesPerRacks=2, hardAntiAffinity=False)),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 1}),
            Until(what="the node leaves", probe=leaving("solo", "solo-dc1-rack1-1")),
            Edit(name="solo", spec={"nodesPerRacks": 2}),
        ),
        end=rests("solo"),
        hangs_on_accidents=("operation-", ".dueOperations", ".podLastOperation"),
    ),
    Story(
        name="racks",
        about="a rack that is taken out with its node, and then another one that comes",
        given=made(
            sample("solo", topology=one_dc("rack1", "rack2")),
            Keyspace(name="app", copies=1),
        ),
        when=(
            Edit(name="solo", spec={"topology": one_dc("rack1")}),
            Until(
                what="nothing is left of the rack",
                probe=all_of(ready("solo"), tidy("solo"), racks("solo", "dc1-rack1")),
                seconds=600,
            ),
            Edit(name="solo", spec={"topology": one_dc("rack1", "rack3")}),
        ),
        end=rests("solo"),
    ),
    Story(
        name="regret",
        about="nodesPerRacks from 1 to 2, and back to 1 before the node has joined",
        # Whether it comes to join depends on when that is seen: then it would be a seed.
        given=made(single(hardAntiAffinity=False, autoUpdateSeedList=False)),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 2}),
            Until(what="a second node starts", probe=exists("solo-dc1-rack1-1")),
            Edit(name="solo", spec={"nodesPerRacks": 1}),
        ),
        end=rests("solo"),
        # If it has come to join, a cleanup is offered.
        hangs_on=(
            "labels.operation-",
            "pods/solo-dc1-rack1-0.metadata.annotations",
            "status.dueOperations",
        ),
    ),
    Story(
        name="farewell",
        about="a cluster that is deleted while one of its nodes hands its data over",
        given=made(single(nodesPerRacks=2, hardAntiAffinity=False), _DATA),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 1}),
            Until(
                what="the node leaves, or has left",
                probe=any_of(leaving("solo", _SECOND), lambda world: _SECOND not in world.pods),
            ),
            Delete(kind="cassandraclusters", name="solo"),
        ),
        end=Until(what="all but the volumes is gone", probe=gone("solo")),
    ),
    Story(
        name="leap",
        about="three racks that get larger and another image by one edit",
        given=made(sample(hardAntiAffinity=False), Keyspace(name="app", copies=3, megabytes=100)),
        when=(Edit(name="demo", spec={"nodesPerRacks": 2, "cassandraImage": "cassandra:5.0.7"}),),
        end=runs("demo", "cassandra:5.0.7"),
    ),
    Story(
        name="crowd",
        about="nodesPerRacks from 3 to 2 while a node is repaired: it leaves afterwards",
        given=made(
            single(nodesPerRacks=3, hardAntiAffinity=False), Keyspace(name="app", copies=2, megabytes=400)
        ),
        when=(
            Label(pod="solo-dc1-rack1-0", labels={"operation-name": "repair", "operation-status": "ToDo"}),
            Pause(seconds=1.0),
            Edit(name="solo", spec={"nodesPerRacks": 2}),
        ),
        end=rests("solo"),
        # Which of the two came last hangs on when the first was heard of.
        hangs_on=(".podLastOperation",),
        hangs_on_calls=("operation-", "/operation-result", ".dueOperations"),
    ),
    Story(
        name="far",
        about="a second data centre comes beside one that runs",
        given=made(single()),
        when=(Edit(name="solo", spec={"topology": dcs_of(1, 1)}),),
        end=rests("solo"),
    ),
    Story(
        name="empty",
        about="a data centre that is taken out with its nodes, then emptied, then taken out",
        given=made(sample("solo", topology=dcs_of(1, 1))),
        when=(
            Edit(name="solo", spec={"topology": dcs_of(1)}),
            Until(
                what="that is refused", probe=says("solo", "SpecAccepted", "ChangeRefused", status="False")
            ),
            Edit(name="solo", spec={"topology": dcs_of(1, 0)}),
            rests("solo"),
            Edit(name="solo", spec={"topology": dcs_of(1)}),
        ),
        end=Until(
            what="nothing is left of the data centre, and the cluster is Ready",
            probe=all_of(ready("solo"), tidy("solo"), racks("solo", "dc1-rack1")),
            seconds=600,
        ),
    ),
)
