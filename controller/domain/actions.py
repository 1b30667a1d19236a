"""
Everything the operator may do to a cluster, as data.

An action says what is to be done and why; the why is a sentence that a user reads in an event. The set
is closed: an executor that forgets one does not type-check.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class ApplyObject:
    """Create or correct an object that all racks share: Services, disruption budget, the ring's ConfigMap."""

    kind: str
    name: str
    why: str


@attrs.frozen(kw_only=True)
class ApplyStatefulSet:
    """Create a rack's StatefulSet, or bring it to a size and the wanted template.

    *uid* is the StatefulSet that the decision was made on, None when there was none.
    """

    rack: str
    replicas: int
    uid: str | None
    why: str


@attrs.frozen(kw_only=True)
class DeletePod:
    """Delete a pod in which Cassandra does not run, so that it is made again from the newest template."""

    pod: str
    uid: str
    why: str


@attrs.frozen(kw_only=True)
class RestartPod:
    """Delete a pod in which Cassandra may run, so that it is made again from the newest template.

    Cassandra is drained and stopped in its own time. *why* carries the proof that it may go down.
    """

    pod: str
    uid: str
    why: str


@attrs.frozen(kw_only=True)
class Wait:
    """Nothing may be done now: something is under way.

    A watch event wakes the cluster; *seconds* is only for what no event tells, None where one will.
    """

    seconds: float | None
    why: str


@attrs.frozen(kw_only=True)
class Hold:
    """Nothing may be done until a person changes something.

    *reason* is a CamelCase word for conditions, *path* the JSON path of the field to look at.
    """

    reason: str
    path: str
    why: str
    seconds: float | None = None


Action = ApplyObject | ApplyStatefulSet | DeletePod | RestartPod | Wait | Hold
Write = ApplyObject | ApplyStatefulSet | DeletePod | RestartPod
