"""Stories of operations on nodes, which users ask for by labels, or the operator for them."""

from __future__ import annotations

from typing import Final

from e2e.sweep.probes import all_of, any_of, at_work, operated, ready, settled
from e2e.sweep.samples import dcs_of, made, runs, sample, single
from e2e.sweep.steps import Edit, Keyspace, Label, Pause, Replicate, Story, Until

_SOLO: Final = "solo-dc1-rack1-0"
_RACKS: Final = tuple(f"demo-dc1-rack{i}-0" for i in (1, 2, 3))
# What takes a node some seconds to go through.
_DATA: Final = Keyspace(name="app", copies=1, megabytes=600)
# What tells how an operation came out.
_OUTCOME: Final = ("operation-status", "/operation-result", ".podLastOperation", ".dueOperations")


def _ask(pod: str, name: str, status: str = "ToDo", argument: str = "") -> Label:
    labels = {"operation-name": name, "operation-argument": argument, "operation-status": status}
    return Label(pod=pod, labels=labels)


def _begins(pod: str, method: str) -> Until:
    return Until(what="it runs, or is over", probe=any_of(at_work(pod, method), settled(pod)))


def _over(*asked: str, cluster: str = "demo") -> Until:
    """Return the wait until what was asked of these pods is over, for good or with a reason."""
    probes = [settled(pod) for pod in asked]
    what = "what was asked for is over, and the cluster is Ready"
    return Until(what=what, probe=all_of(*probes, ready(cluster)), seconds=400)


UPKEEP: Final = (
    Story(
        name="cleanup",
        about="a cleanup that is asked for by labels on a pod",
        given=made(single(), _DATA),
        when=(_ask(_SOLO, "cleanup"),),
        end=_over(_SOLO, cluster="solo"),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="upkeep",
        about="compaction, cleanup and a scrub of one keyspace in three racks, then a flush and a snapshot",
        given=made(sample(), Keyspace(name="app", copies=2, megabytes=600)),
        when=(
            _ask(_RACKS[0], "compact", argument="app"),
            _ask(_RACKS[1], "cleanup"),
            Pause(seconds=0.5),
            _ask(_RACKS[2], "scrub", argument="app"),
            _over(*_RACKS),
            _ask(_RACKS[0], "flush", argument="app"),
            _ask(_RACKS[1], "snapshot", argument="before"),
        ),
        end=_over(*_RACKS),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="repair",
        about="repairs of two nodes, asked for at once: one follows the other",
        given=made(sample(), Keyspace(name="app", copies=2, megabytes=200)),
        when=(_ask(_RACKS[0], "repair", argument="full.app"), _ask(_RACKS[1], "repair", argument="full.app")),
        end=_over(_RACKS[0], _RACKS[1]),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="halt",
        about="a scrub that is paused while it runs, then asked for again",
        given=made(single(), _DATA),
        when=(
            _ask(_SOLO, "scrub"),
            _begins(_SOLO, "scrub"),
            _ask(_SOLO, "scrub", "Paused"),
            # Of a pause that is heard of too late nothing is left.
            Until(what="it does not run", probe=any_of(operated(_SOLO, "Paused"), settled(_SOLO))),
            _ask(_SOLO, "scrub"),
        ),
        end=_over(_SOLO, cluster="solo"),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="rebuild",
        about="a node of a new data centre fetches the data of the other one",
        given=(
            *made(sample("solo", topology=dcs_of(1, 1)), _DATA),
            Replicate(name="app", copies=1, dcs=("dc1", "dc2")),
            Pause(seconds=5),
        ),
        when=(_ask("solo-dc2-rack1-0", "rebuild", argument="dc1"),),
        end=_over("solo-dc2-rack1-0", cluster="solo"),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="pilot",
        about="a rack gets larger, and with autoPilot its old node is cleaned up",
        given=made(single(hardAntiAffinity=False, autoPilot=True), _DATA),
        when=(Edit(name="solo", spec={"nodesPerRacks": 2}),),
        end=Until(
            what="both nodes serve, and the cleanup is over",
            probe=all_of(ready("solo"), settled(_SOLO), settled("solo-dc1-rack1-1")),
            seconds=400,
        ),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="major",
        about="Cassandra 5.0 for 4.1: with autoPilot what it writes anew is asked for",
        given=made(single(cassandraImage="cassandra:4.1.10", autoPilot=True), _DATA),
        when=(Edit(name="solo", spec={"cassandraImage": "cassandra:5.0.9"}),),
        end=Until(
            what="it runs, and has its files in the new format",
            probe=all_of(runs("solo", "cassandra:5.0.9").probe, settled(_SOLO)),
            seconds=600,
        ),
        hangs_on_calls=_OUTCOME,
    ),
    Story(
        name="patience",
        about="a new image while a node compacts: it is restarted afterwards",
        given=made(single(), Keyspace(name="app", copies=1, megabytes=1500)),
        when=(
            _ask(_SOLO, "compact", argument="app"),
            # What has not begun when its pod is restarted goes with the pod's labels.
            _begins(_SOLO, "forceKeyspaceCompaction"),
            Edit(name="solo", spec={"cassandraImage": "cassandra:5.0.7"}),
        ),
        end=runs("solo", "cassandra:5.0.7"),
        hangs_on_calls=_OUTCOME,
    ),
)
