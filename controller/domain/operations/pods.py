"""
What a pod says of operations on its node: labels, which are the user's, and the operator's own memory.

The labels are CassKop's protocol. Anybody may overwrite them, so what is under way stands in an annotation
as well, written in the same step and before Cassandra is asked for anything.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import json
from typing import Final

import attrs

from controller.api.v2 import names

TODO: Final = "ToDo"
ONGOING: Final = "Ongoing"
DONE: Final = "Done"
ERROR: Final = "Error"
MANUAL: Final = "Manual"
PAUSED: Final = "Paused"
# Nothing that users ask for: a label tells of it while the node leaves, and status is what it goes by.
DECOMMISSION: Final = "decommission"
# What stands in the annotation for the removal of a node alone.
_OF_REMOVALS: Final = ("host_id", "place")


@attrs.frozen(kw_only=True)
class Running:
    """An operation that was begun on a node and whose end has not been seen.

    *began* is when, as text; *restarts* is how often the container of Cassandra had been restarted then,
    None if whoever began it did not note that. *host_id* is the node that is being removed, and *place* what
    is to be taken away after it: uids by name, of its volumes and its pod.
    """

    name: str
    argument: str = ""
    began: str = ""
    restarts: int | None = None
    host_id: str = ""
    place: Mapping[str, str] = attrs.field(factory=dict)

    def text(self) -> str:
        """Return the value of the annotation."""
        values = attrs.asdict(self)
        return json.dumps({k: v for k, v in values.items() if v or k not in _OF_REMOVALS}, sort_keys=True)


@attrs.frozen(kw_only=True)
class PodOperation:
    """A pod's labels of operations; *running* is what is under way, *request* who asked for the labels."""

    name: str = ""
    status: str = ""
    argument: str = ""
    running: Running | None = None
    request: str | None = None

    @property
    def waits(self) -> bool:
        """Whether the user, or the operator for them, asks for an operation now."""
        return self.status == TODO


def read(labels: Mapping[str, str], annotations: Mapping[str, str]) -> PodOperation:
    """Return what a pod's metadata says.

    `Ongoing` without our annotation is an operation that CassKop began: it is taken over.
    """
    name = labels.get(names.OPERATION_NAME, "")
    status = labels.get(names.OPERATION_STATUS, "")
    argument = labels.get(names.OPERATION_ARGUMENT, "")
    running = _running(annotations.get(names.OPERATION))
    if running is None and status == ONGOING and name:
        running = Running(name=name, argument=argument, began=labels.get(names.OPERATION_START, ""))
    return PodOperation(
        name=name,
        status=status,
        argument=argument,
        running=running,
        request=annotations.get(names.OPERATION_REQUEST),
    )


def leaves(begun: dt.datetime | None) -> dict[str, str]:
    """Return the labels that CassKop puts on a pod whose node is asked to leave the ring."""
    labels = {names.OPERATION_NAME: DECOMMISSION, names.OPERATION_STATUS: ONGOING}
    return labels if begun is None else {**labels, names.OPERATION_START: label_time(begun)}


def label_time(now: dt.datetime) -> str:
    """Return an instant as CassKop's labels have it, in UTC."""
    return now.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S")


def _running(text: str | None) -> Running | None:
    if text is None:
        return None
    try:
        values = json.loads(text)
        return Running(
            name=str(values["name"]),
            argument=str(values["argument"]),
            began=str(values["began"]),
            restarts=int(values["restarts"]),
            host_id=str(values.get("host_id", "")),
            place={str(name): str(uid) for name, uid in values.get("place", {}).items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        # Somebody wrote into it. The labels say what they say.
        return None
