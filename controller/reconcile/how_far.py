"""Ask the node that joins or leaves how far it is with its data: seldom, and for people only."""

from __future__ import annotations

from controller.api.v2.cluster import Streaming
from controller.cassandra.jolokia import Credentials, Endpoint
from controller.domain.observed import Observed
from controller.domain.streaming import due, measured, mover
from controller.reconcile.questions import Questions
from controller.runtime.store import Key


def how_far(
    questions: Questions, key: Key, seen: Observed, previous: Streaming | None, login: Credentials | None
) -> Streaming | None:
    """Return what status is to say of it; *previous* is what it says. Without an answer it stays so.

    Raises `Asking` while the node is being asked.
    """
    pod = mover(seen)
    found = None
    if pod is not None and pod.ip and due(previous, seen):
        found = questions.transfer(key, Endpoint(host=pod.ip, credentials=login))
    return measured(previous, found, seen)
