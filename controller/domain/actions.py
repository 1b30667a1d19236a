"""
Everything the operator may do to a cluster, as data.

An action says what is to be done and why; the why is a sentence that a user reads in an event. The set
is closed: an executor that forgets one does not type-check.
"""

from __future__ import annotations

from collections.abc import Mapping
import enum

import attrs

from controller.domain.live import Attribute, Setting, Value
from controller.domain.operations.kinds import NodeOperation


@attrs.frozen(kw_only=True)
class ApplyObject:
    """Create or correct an object that all racks share: Services, disruption budget, the ring's ConfigMap.

    *forgets* names the nodes that are proven to have left, and that the record of members may lose.
    """

    kind: str
    name: str
    why: str
    forgets: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class DeleteObject:
    """Delete an object of the cluster's that all racks shared and that the spec no longer asks for."""

    kind: str
    name: str
    uid: str
    why: str


@attrs.frozen(kw_only=True)
class CreateSecret:
    """Make the Secret with the login that nodes ask for; one that exists is never written."""

    name: str
    why: str


@attrs.frozen(kw_only=True)
class ApplyStatefulSet:
    """Create a rack's StatefulSet, or bring it to a size and the wanted template.

    *uid* is the StatefulSet that the decision was made on, None when there was none. *capacity* is the
    size of its data volumes, where one is made again with larger ones.
    """

    rack: str
    replicas: int
    uid: str | None
    why: str
    capacity: str | None = None


@attrs.frozen(kw_only=True)
class DeletePod:
    """Delete a pod in which Cassandra does not run, so that it is made again.

    It gets the newest template, and another address.
    """

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
class Tune:
    """Tell a running node what its configuration says by now; it is not restarted for it.

    *before* is what of it has to be noted first: what the node had when it had not been told anything.
    """

    pod: str
    uid: str
    ip: str
    settings: tuple[Setting, ...]
    before: Mapping[Attribute, Value]
    why: str


@attrs.frozen(kw_only=True)
class ReloadSeeds:
    """Tell a running node to read its seed list anew, since it does not know a member that runs."""

    pod: str
    uid: str
    ip: str
    why: str


@attrs.frozen(kw_only=True)
class Decommission:
    """Ask a Cassandra node to hand its data to the others and to leave the ring; it may take hours.

    *call_id* names this one try: it is made at most once by a process. *labels* are put on the pod.
    """

    rack: str
    pod: str
    uid: str
    ip: str
    release: str
    call_id: str
    why: str
    labels: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ShrinkStatefulSet:
    """Take the last place from a rack, whose node is not in the ring; *why* carries the proof.

    *uid* is the StatefulSet's, *replicas* its new size; *pod_uid* is None if there was no pod.
    *left* tells that the node was a member and has left; else it never joined, and must not have by now.
    """

    rack: str
    statefulset: str
    uid: str
    replicas: int
    pod: str
    pod_uid: str | None
    left: bool
    why: str


@attrs.frozen(kw_only=True)
class DeleteClaim:
    """Delete a volume of a node that is out of the ring and has no pod; *why* carries the proof."""

    claim: str
    uid: str
    pod: str
    statefulset: str
    why: str


@attrs.frozen(kw_only=True)
class DeleteStatefulSet:
    """Delete the StatefulSet of a rack that is empty and no longer asked for."""

    rack: str
    statefulset: str
    uid: str
    why: str


@attrs.frozen(kw_only=True)
class GrowClaim:
    """Ask for a larger volume; the storage gives it in its own time, and no pod restarts.

    With *instead_of*, it is that much that the claim asks for, and has not got.
    """

    claim: str
    uid: str
    capacity: str
    why: str
    instead_of: str | None = None


@attrs.frozen(kw_only=True)
class NoteResize:
    """Write a copy of a rack's StatefulSet in status; only with it may the StatefulSet be taken away."""

    rack: str
    why: str


@attrs.frozen(kw_only=True)
class DetachStatefulSet:
    """Delete a StatefulSet and leave its pods running, to make it again with larger volumes for new pods.

    *generation* is that of the StatefulSet whose copy is in status.
    """

    rack: str
    statefulset: str
    uid: str
    generation: int
    why: str


@attrs.frozen(kw_only=True)
class StopRack:
    """Take all pods of a rack away, and keep its *size*, number of places, for when it starts."""

    rack: str
    statefulset: str
    uid: str
    size: int
    why: str


@attrs.frozen(kw_only=True)
class StartRack:
    """Have *replicas* of the *size* places of a stopped rack run."""

    rack: str
    statefulset: str
    uid: str
    size: int
    replicas: int
    why: str


@attrs.frozen(kw_only=True)
class ReleasePlace:
    """Delete the volume and the pod of a node that is dead for good; *claims* are uids by name.

    *why* carries the proof that its data is elsewhere. *removed* tells that the node is out of the ring: then
    its pod may have a place, is ended at once, and may be gone already, where *uid* is None.
    """

    pod: str
    uid: str | None
    claims: Mapping[str, str]
    why: str
    removed: bool = False


class LeaveStep(enum.StrEnum):
    """What is noted in status of a node that leaves, before anything is done about it."""

    BEGIN = "LeaveBegins"
    PROVEN = "LeaveProven"
    END = "LeaveEnds"
    UNDO = "LeaveUndone"


@attrs.frozen(kw_only=True)
class NoteLeaving:
    """Write in status how far a node is on its way out of its rack; nothing else may be done before."""

    rack: str
    pod: str
    step: LeaveStep
    why: str


class OperationStep(enum.StrEnum):
    """What is noted on a pod of an operation on its node."""

    ASK = "OperationAsked"
    BEGIN = "OperationBegins"
    DONE = "OperationDone"
    FAILED = "OperationFailed"
    STOPPED = "OperationStopped"


@attrs.frozen(kw_only=True)
class MarkOperation:
    """Write on a pod how far an operation on its node is: what is to be remembered before it is done.

    *labels* and *annotations* are set, or removed where None; *expected* are labels that have to be as
    they were when the decision was made. *again* tells that a pod only gets back what one of its name had:
    users have been told.
    """

    rack: str
    pod: str
    uid: str
    step: OperationStep
    name: str
    labels: Mapping[str, str | None]
    annotations: Mapping[str, str | None]
    expected: Mapping[str, str]
    why: str
    again: bool = False


@attrs.frozen(kw_only=True)
class RunOperation:
    """Ask the Cassandra node in a pod for an operation, which may take days.

    *call_id* names this one try: it is made at most once by a process. *threads* is how many threads a
    cleanup may use, 0 for Cassandra's own choice; *tag* names a snapshot that has no name.
    """

    pod: str
    uid: str
    ip: str
    operation: NodeOperation
    call_id: str
    threads: int
    tag: str
    why: str


@attrs.frozen(kw_only=True)
class StopOperation:
    """Ask the Cassandra node in a pod to stop what it is at for *operation*; it may take some seconds."""

    pod: str
    uid: str
    ip: str
    operation: NodeOperation
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


Write = (
    ApplyObject
    | DeleteObject
    | CreateSecret
    | ApplyStatefulSet
    | DeletePod
    | RestartPod
    | Tune
    | ReloadSeeds
    | Decommission
    | ShrinkStatefulSet
    | DeleteClaim
    | DeleteStatefulSet
    | MarkOperation
    | RunOperation
    | GrowClaim
    | DetachStatefulSet
    | StopRack
    | StartRack
    | StopOperation
    | ReleasePlace
)
Action = Write | NoteLeaving | NoteResize | Wait | Hold
