"""All stories, by name; here are those of clusters that are made, corrected and deleted."""

from __future__ import annotations

from typing import Final

from e2e.sweep.choices import CHOICES
from e2e.sweep.disruptions import DISRUPTIONS
from e2e.sweep.probes import all_of, budget, gone, nothing_left, ready, says
from e2e.sweep.removals import REMOVALS
from e2e.sweep.samples import is_ready, made, sample, secret, single
from e2e.sweep.sizes import SIZES
from e2e.sweep.steps import Apply, Delete, Edit, Pause, Story, Until
from e2e.sweep.upkeep import UPKEEP

_LIVES: Final = (
    Story(
        name="create",
        about="the sample: three racks in three zones",
        when=(Apply(object=secret()), Apply(object=sample())),
        end=is_ready("demo"),
    ),
    Story(
        name="image",
        about="an image that does not exist, then one that does",
        when=(
            Apply(object=secret()),
            Apply(object=single(cassandraImage="cassandra:no-such-tag")),
            Until(what="the image is named", probe=says("solo", "Degraded", "ImageCannotBePulled")),
            Edit(name="solo", spec={"cassandraImage": "cassandra:5.0"}),
        ),
        end=is_ready("solo"),
    ),
    Story(
        name="secret",
        about="a Secret that is missing, then made",
        when=(
            Apply(object=single()),
            Until(what="the Secret is named", probe=says("solo", "Degraded", "SecretMissing")),
            Apply(object=secret()),
        ),
        end=is_ready("solo"),
    ),
    Story(
        name="pair",
        about="one rack of two nodes, made at once",
        when=(Apply(object=secret()), Apply(object=single(nodesPerRacks=2, hardAntiAffinity=False))),
        end=is_ready("solo"),
    ),
    Story(
        name="budget",
        about="maxPodUnavailable from 1 to 2 and back, then to 3",
        given=made(single()),
        when=(
            Edit(name="solo", spec={"maxPodUnavailable": 2}),
            Pause(seconds=1.0),
            Edit(name="solo", spec={"maxPodUnavailable": 1}),
            Pause(seconds=1.0),
            Edit(name="solo", spec={"maxPodUnavailable": 3}),
        ),
        end=Until(
            what="the budget is 3, and the cluster Ready", probe=all_of(budget("solo", 3), ready("solo"))
        ),
    ),
    Story(
        name="delete",
        about="a cluster that is deleted; its volumes stay",
        given=made(sample()),
        when=(Delete(kind="cassandraclusters", name="demo"),),
        end=Until(what="all but the volumes is gone", probe=gone("demo")),
    ),
    Story(
        name="purge",
        about="a cluster that is deleted with its volumes (deletePVC), then made anew under its name",
        given=made(single(deletePVC=True)),
        when=(
            Delete(kind="cassandraclusters", name="solo"),
            Until(what="nothing is left", probe=nothing_left("solo")),
            Apply(object=single(deletePVC=True)),
        ),
        end=is_ready("solo"),
    ),
    Story(
        name="again",
        about="a cluster that is deleted and made again under its name while the old pods still end",
        given=made(single()),
        when=(
            Delete(kind="cassandraclusters", name="solo"),
            Pause(seconds=0.5),
            Apply(object=single()),
        ),
        end=is_ready("solo"),
    ),
    Story(
        name="neighbours",
        about="a cluster that cannot start, beside one that is made meanwhile",
        when=(
            Apply(object=secret()),
            Apply(object=single("bad", cassandraImage="cassandra:no-such-tag")),
            Apply(object=single("good")),
        ),
        end=Until(
            what="good is Ready, and bad says why it is not",
            probe=all_of(ready("good"), says("bad", "Degraded", "ImageCannotBePulled")),
        ),
        quiet=False,
    ),
)
STORIES: Final = (*_LIVES, *SIZES, *DISRUPTIONS, *REMOVALS, *UPKEEP, *CHOICES)
BY_NAME: Final = {story.name: story for story in STORIES}
