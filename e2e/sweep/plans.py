"""
Plans: which fault strikes at which point of which story, and their names.

A point is a write, a read, an event, a question to a Cassandra node, or a call to one that lasts. Each kind
is numbered from 1, in the order in which the fault-free story comes to its points. A plan is one fault at one
point; its id replays it: `create/write/17/kill-unanswered`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

WRITE, READ, EVENT, NODE, CALL = "write", "read", "event", "node", "call"

# What can happen at each kind of point; the sentences are what the documentation shows.
FAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    WRITE: {
        "kill-before": "the operator dies before it sends the write",
        "kill-unanswered": "the write is carried out, and the operator dies before it has the answer",
        "kill-answered": "the operator has the answer, and dies before it does anything else",
        "lose": "the write is carried out, and the answer is lost",
        "conflict": "the write is refused with 409",
        "busy": "for 5 seconds all writes are refused with 429 and Retry-After: 5",
        "error": "the write is refused with 500",
        "hang": "the write is not carried out and never answered",
        "fence": "the lease is lost between plan and write; a successor leads 15 seconds later",
        "late": "the operator dies, and its write still arrives, 25 seconds later",
        "stale": "lists and watches show nothing newer than before this write, for 12 seconds",
        "stale-restart": "the operator dies unanswered; its successor sees the past for 20 seconds",
        "crash": "a Cassandra process dies, and the kubelet starts it again",
        "outage": "a Kubernetes node, and so its zone, has no power for 60 seconds",
        "undo": "the user takes the latest edit back, and makes it again 15 seconds later",
    },
    READ: {
        "error": "the read is answered with 500",
        "hang": "the read is never answered",
    },
    EVENT: {
        "drop": "the event is lost; 20 seconds later the watch expires",
        "hold": "the event, and those of its kind after it, come 3 seconds later",
        "swap": "the event comes after the next one of its kind; 20 seconds later the watch expires",
        "end": "the watch ends before the event",
    },
    NODE: {
        "mute": "the node does not answer the operator for 20 seconds",
        "cut": "the connection breaks, once",
        "half": "for 3 seconds the node says that it knows nobody",
    },
    CALL: {
        "unsent": "the connection breaks before the node hears of it",
        "unheard": "the node does it, and the connection breaks at once",
        "dropped": "the node does it, and the connection breaks after 3 seconds",
    },
}


class UnknownPlanError(ValueError):
    """There is no such plan; the message says which part is unknown."""


@attrs.frozen(kw_only=True, order=True)
class Plan:
    """One *fault* at the point *number* of *kind* in *story*."""

    story: str
    kind: str
    number: int
    fault: str

    @property
    def id(self) -> str:
        """Return the name that replays it."""
        return f"{self.story}/{self.kind}/{self.number}/{self.fault}"


def parse(text: str) -> Plan:
    """Return the plan with the id *text*; raises `UnknownPlanError`."""
    parts = text.split("/")
    if len(parts) != 4:
        raise UnknownPlanError(f"{text}: a plan is story/kind/number/fault")
    story, kind, number, fault = parts
    if kind not in FAULTS:
        raise UnknownPlanError(f"{text}: kinds of points are {', '.join(FAULTS)}")
    if fault not in FAULTS[kind]:
        raise UnknownPlanError(f"{text}: faults at a {kind} are {', '.join(FAULTS[kind])}")
    if not number.isdigit() or int(number) < 1:
        raise UnknownPlanError(f"{text}: points are numbered from 1")
    return Plan(story=story, kind=kind, number=int(number), fault=fault)
