"""
Stories as data: what a user does, and what must be true at the end.

The steps of *given* make the situation and are swept by no fault; those of *when* are. A step that waits
does so however long the faults make it take, up to its limit.
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
import functools
from typing import Any, Final

import attrs
import yaml

from e2e.providers.sim import MANIFESTS
from e2e.sweep.probes import (
    Probe,
    all_of,
    budget,
    down,
    exists,
    gone,
    image,
    leaving,
    missing,
    nothing_left,
    operated,
    racks,
    ready,
    says,
    sized,
    stopped,
    tidy,
)

# The password of the sample's Secret stands in no other object, ever.
CANARY: Final = "canary-5f3759df"
_NEW: Final = "cassandra:5.0.7"
_NEWER: Final = "cassandra:5.0.8"


@attrs.frozen(kw_only=True)
class Apply:
    """Create an object."""

    object: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Edit:
    """Merge *spec* into a cluster's spec."""

    name: str
    spec: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Delete:
    """Delete an object: kinds are `cassandraclusters` and `pods`."""

    kind: str
    name: str


@attrs.frozen(kw_only=True)
class Label:
    """Put *labels* on a pod, as CassKop's plugin does to ask for an operation on its node."""

    pod: str
    labels: Mapping[str, str]


@attrs.frozen(kw_only=True)
class PowerOff:
    """Take a Kubernetes node's power away."""

    node: str


@attrs.frozen(kw_only=True)
class BringBack:
    """Give it back."""

    node: str


@attrs.frozen(kw_only=True)
class Keyspace:
    """Create a keyspace with so many *copies* in the data centre `dc1`."""

    name: str
    copies: int


@attrs.frozen(kw_only=True)
class Until:
    """Let time pass until *probe* holds, at most *seconds*."""

    what: str
    probe: Probe
    seconds: float = 120.0


@attrs.frozen(kw_only=True)
class Pause:
    """Let *seconds* pass."""

    seconds: float


Step = Apply | Edit | Delete | Label | PowerOff | BringBack | Keyspace | Until | Pause


@attrs.frozen(kw_only=True)
class Story:
    """*end* must hold after the last step, and for good.

    *quiet*: from then on the operator writes nothing. Not so where the kubelet goes on trying something,
    since the operator repeats its words. *hangs_on*: in which paths the end may differ from the one without
    faults, since it hangs on when something was seen; *hangs_on_accidents*: the same, where an accident may
    decide whether a node comes to leave.
    """

    name: str
    about: str
    when: tuple[Step, ...]
    end: Until
    given: tuple[Step, ...] = ()
    quiet: bool = True
    hangs_on: tuple[str, ...] = ()
    hangs_on_accidents: tuple[str, ...] = ()


@functools.cache
def _file(name: str) -> Mapping[str, Any]:
    return dict(yaml.safe_load((MANIFESTS / "samples" / f"{name}.yaml").read_text()))


def secret(name: str = "jolokia-auth") -> Mapping[str, Any]:
    """Return the login for Jolokia."""
    obj = copy.deepcopy(dict(_file("jolokia-secret")))
    obj["metadata"]["name"] = name
    obj["stringData"]["password"] = CANARY
    return obj


def sample(name: str = "demo", **spec: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- any field of a spec
    """Return the three racks of the sample, with *spec* over its spec."""
    obj = copy.deepcopy(dict(_file("cassandracluster")))
    obj["metadata"]["name"] = name
    obj["spec"] |= spec
    return obj


def single(name: str = "solo", **spec: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- as above
    """Return a cluster of one rack, in whichever zone."""
    obj = copy.deepcopy(dict(sample(name, **spec)))
    obj["spec"]["topology"] = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}
    return obj


def dcs_of(*sizes: int) -> Mapping[str, Any]:
    """Return the `topology` of data centres `dc1` and so on with one rack each, of so many nodes."""
    return {
        "dc": [
            {"name": f"dc{i}", "nodesPerRacks": size, "rack": [{"name": "rack1"}]}
            for i, size in enumerate(sizes, start=1)
        ]
    }


def one_dc(*names: str) -> Mapping[str, Any]:
    """Return the `topology` of one data centre with these racks, of one node each."""
    return {"dc": [{"name": "dc1", "nodesPerRacks": 1, "rack": [{"name": name} for name in names]}]}


def _is_ready(name: str, seconds: float = 300.0) -> Until:
    return Until(what=f"{name} is Ready", probe=ready(name), seconds=seconds)


def _made(obj: Mapping[str, Any], *keyspaces: Keyspace) -> tuple[Step, ...]:
    name = obj["metadata"]["name"]
    return (Apply(object=secret()), Apply(object=obj), _is_ready(name), *keyspaces, Pause(seconds=5))


def _rests(name: str, seconds: float = 600.0) -> Until:
    what = f"{name} is Ready, and nothing is left of nodes that it does not ask for"
    return Until(what=what, probe=all_of(ready(name), tidy(name)), seconds=seconds)


def _runs(name: str, wanted: str) -> Until:
    what = "all run the new image, and the cluster is Ready"
    return Until(what=what, probe=all_of(image(name, wanted), ready(name)), seconds=400)


STORIES: Final = (
    Story(
        name="create",
        about="the sample: three racks in three zones",
        when=(Apply(object=secret()), Apply(object=sample())),
        end=_is_ready("demo"),
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
        end=_is_ready("solo"),
    ),
    Story(
        name="secret",
        about="a Secret that is missing, then made",
        when=(
            Apply(object=single()),
            Until(what="the Secret is named", probe=says("solo", "Degraded", "SecretMissing")),
            Apply(object=secret()),
        ),
        end=_is_ready("solo"),
    ),
    Story(
        name="pair",
        about="one rack of two nodes, made at once",
        when=(Apply(object=secret()), Apply(object=single(nodesPerRacks=2, hardAntiAffinity=False))),
        end=_is_ready("solo"),
    ),
    Story(
        name="scale",
        about="nodesPerRacks from 1 to 2 in three racks",
        given=_made(sample(hardAntiAffinity=False)),
        when=(Edit(name="demo", spec={"nodesPerRacks": 2}),),
        end=_is_ready("demo", 400.0),
    ),
    Story(
        name="steps",
        about="nodesPerRacks from 1 to 2 to 3 in one rack, the second edit soon after the first",
        given=_made(single(hardAntiAffinity=False)),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 2}),
            Pause(seconds=1.5),
            Edit(name="solo", spec={"nodesPerRacks": 3}),
        ),
        end=_is_ready("solo", 400.0),
    ),
    Story(
        name="leave",
        about="nodesPerRacks from 3 to 1: two nodes leave, one after the other, and their volumes go",
        given=_made(
            single(nodesPerRacks=3, hardAntiAffinity=False),
            Keyspace(name="app", copies=1),
        ),
        when=(Edit(name="solo", spec={"nodesPerRacks": 1}),),
        end=_rests("solo"),
    ),
    Story(
        name="return",
        about="nodesPerRacks from 2 to 1, and back to 2 while the node hands its data over",
        given=_made(single(nodesPerRacks=2, hardAntiAffinity=False)),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 1}),
            Until(what="the node leaves", probe=leaving("solo", "solo-dc1-rack1-1")),
            Edit(name="solo", spec={"nodesPerRacks": 2}),
        ),
        end=_rests("solo"),
        hangs_on_accidents=("operation-", ".dueOperations", ".podLastOperation"),
    ),
    Story(
        name="racks",
        about="a rack that is taken out with its node, and then another one that comes",
        given=_made(
            {**single(), "spec": {**single()["spec"], "topology": one_dc("rack1", "rack2")}},
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
        end=_rests("solo"),
    ),
    Story(
        name="regret",
        about="nodesPerRacks from 1 to 2, and back to 1 before the node has joined",
        # Whether it comes to join depends on when that is seen: then it would be a seed.
        given=_made(single(hardAntiAffinity=False, autoUpdateSeedList=False)),
        when=(
            Edit(name="solo", spec={"nodesPerRacks": 2}),
            Until(what="a second node starts", probe=exists("solo-dc1-rack1-1")),
            Edit(name="solo", spec={"nodesPerRacks": 1}),
        ),
        end=_rests("solo"),
        # If it has come to join, a cleanup is offered.
        hangs_on=(
            "labels.operation-",
            "pods/solo-dc1-rack1-0.metadata.annotations",
            "status.dueOperations",
        ),
    ),
    Story(
        name="far",
        about="a second data centre comes beside one that runs",
        given=_made(single()),
        when=(Edit(name="solo", spec={"topology": dcs_of(1, 1)}),),
        end=_rests("solo"),
    ),
    Story(
        name="empty",
        about="a data centre that is taken out with its nodes, then emptied, then taken out",
        given=_made({**single(), "spec": {**single()["spec"], "topology": dcs_of(1, 1)}}),
        when=(
            Edit(name="solo", spec={"topology": dcs_of(1)}),
            Until(
                what="that is refused", probe=says("solo", "SpecAccepted", "ChangeRefused", status="False")
            ),
            Edit(name="solo", spec={"topology": dcs_of(1, 0)}),
            _rests("solo"),
            Edit(name="solo", spec={"topology": dcs_of(1)}),
        ),
        end=Until(
            what="nothing is left of the data centre, and the cluster is Ready",
            probe=all_of(ready("solo"), tidy("solo"), racks("solo", "dc1-rack1")),
            seconds=600,
        ),
    ),
    Story(
        name="cleanup",
        about="a cleanup that is asked for by labels on a pod",
        given=_made(single()),
        when=(
            Label(pod="solo-dc1-rack1-0", labels={"operation-name": "cleanup", "operation-status": "ToDo"}),
        ),
        end=Until(
            # A sweep has no threads, so that the answer to a call that lasts is always lost.
            what="the pod says how it ended, and the cluster is Ready",
            probe=all_of(operated("solo-dc1-rack1-0", "Error"), ready("solo")),
            seconds=200,
        ),
        # In whose words the answer was lost depends on how.
        hangs_on=("annotations.cassandraclusters.db.orange.com/operation-result",),
    ),
    Story(
        name="budget",
        about="maxPodUnavailable from 1 to 2 and back, then to 3",
        given=_made(single()),
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
        name="roll",
        about="a new image for three racks, taken node by node",
        given=_made(sample(), Keyspace(name="app", copies=3)),
        when=(Edit(name="demo", spec={"cassandraImage": _NEW}),),
        end=_runs("demo", _NEW),
    ),
    Story(
        name="amend",
        about="a new image for three racks, and yet another one while a node takes the first",
        given=_made(sample(), Keyspace(name="app", copies=3)),
        when=(
            Edit(name="demo", spec={"cassandraImage": _NEW}),
            Pause(seconds=8),
            Edit(name="demo", spec={"cassandraImage": _NEWER}),
        ),
        end=_runs("demo", _NEWER),
    ),
    Story(
        name="quorum",
        about="a new image for a rack of three, of which two may be missing, but for a keyspace's quorum",
        given=_made(
            single(nodesPerRacks=3, maxPodUnavailable=2, hardAntiAffinity=False),
            Keyspace(name="app", copies=3),
        ),
        when=(Edit(name="solo", spec={"cassandraImage": _NEW}),),
        end=_runs("solo", _NEW),
    ),
    Story(
        name="shortage",
        about="a new image for three racks, while a Kubernetes node is lost",
        given=_made(sample(), Keyspace(name="app", copies=3)),
        when=(
            PowerOff(node="node-b"),
            Until(what="its Cassandra is missed", probe=missing("demo")),
            Edit(name="demo", spec={"cassandraImage": _NEW}),
            Pause(seconds=60),
            BringBack(node="node-b"),
        ),
        end=_runs("demo", _NEW),
    ),
    Story(
        name="volumes",
        about="a larger dataCapacity for a rack of two, whose pods go on under another StatefulSet",
        given=_made(single(nodesPerRacks=2, hardAntiAffinity=False)),
        when=(Edit(name="solo", spec={"dataCapacity": "2Gi"}),),
        end=Until(
            what="all volumes have the size, and the cluster is Ready",
            probe=all_of(sized("solo", "2Gi"), ready("solo")),
        ),
    ),
    Story(
        name="stop",
        about="three racks that are stopped with their volumes, then started",
        given=_made(sample()),
        when=(
            Edit(name="demo", spec={"stopped": True}),
            Until(what="nothing runs", probe=stopped("demo"), seconds=300),
            Edit(name="demo", spec={"stopped": False}),
        ),
        end=_is_ready("demo", 400.0),
    ),
    Story(
        name="pod",
        about="a pod that is deleted while it serves",
        given=_made(sample()),
        when=(
            Delete(kind="pods", name="demo-dc1-rack2-0"),
            Until(what="its node is down", probe=down("demo")),
        ),
        end=_is_ready("demo"),
    ),
    Story(
        name="node",
        about="a Kubernetes node that is lost, and returns",
        given=_made(sample()),
        when=(
            PowerOff(node="node-b"),
            Until(what="its Cassandra is missed", probe=missing("demo")),
            Pause(seconds=20),
            BringBack(node="node-b"),
        ),
        end=_is_ready("demo"),
    ),
    Story(
        name="delete",
        about="a cluster that is deleted; its volumes stay",
        given=_made(sample()),
        when=(Delete(kind="cassandraclusters", name="demo"),),
        end=Until(what="all but the volumes is gone", probe=gone("demo")),
    ),
    Story(
        name="purge",
        about="a cluster that is deleted with its volumes (deletePVC), then made anew under its name",
        given=_made(single(deletePVC=True)),
        when=(
            Delete(kind="cassandraclusters", name="solo"),
            Until(what="nothing is left", probe=nothing_left("solo")),
            Apply(object=single(deletePVC=True)),
        ),
        end=_is_ready("solo"),
    ),
    Story(
        name="again",
        about="a cluster that is deleted and made again under its name while the old pods still end",
        given=_made(single()),
        when=(
            Delete(kind="cassandraclusters", name="solo"),
            Pause(seconds=0.5),
            Apply(object=single()),
        ),
        end=_is_ready("solo"),
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
BY_NAME: Final = {story.name: story for story in STORIES}
