"""
`CassandraCluster.status`: what the operator says, in CassKop's fields and words, and conditions.

The words are texts, not enums, in the fields: a word that another version wrote is kept, not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import enum

import attrs

from controller.api.v2.fields import doc
from controller.api.v2.jsonvalues import EMPTY


class Phase(enum.StrEnum):
    """Where a cluster or a rack is in its life."""

    INITIALIZING = "Initializing"
    RUNNING = "Running"
    PENDING = "Pending"
    # All its pods are taken away, on the user's word.
    STOPPED = "Stopped"


class SubPhase(enum.StrEnum):
    """Where an Initializing cluster or rack is."""

    FIRST_POD_PER_RACK = "FirstPodPerRack"
    NEXT_POD_PER_RACK = "NextPodPerRack"


class ActionName(enum.StrEnum):
    """What is or was done to a cluster or a rack."""

    INITIALIZING = "Initializing"
    UPDATE_CONFIG_MAP = "UpdateConfigMap"
    UPDATE_DOCKER_IMAGE = "UpdateDockerImage"
    UPDATE_SEED_LIST = "UpdateSeedList"
    ROLLING_RESTART = "RollingRestart"
    UPDATE_RESOURCES = "UpdateResources"
    UPDATE_STATEFUL_SET = "UpdateStatefulSet"
    SCALE_UP = "ScaleUp"
    SCALE_DOWN = "ScaleDown"
    DELETE_DC = "ActionDeleteDC"
    DELETE_RACK = "ActionDeleteRack"
    CORRECT_CRD_CONFIG = "CorrectCRDConfig"
    STORAGE_UPSIZE = "StorageUpsize"
    STOP = "Stop"
    START = "Start"


class ActionStatus(enum.StrEnum):
    """How far an action or a pod operation is."""

    TO_DO = "ToDo"
    ONGOING = "Ongoing"
    CONTINUE = "Continue"
    CONFIGURING = "Configuring"
    FINALIZING = "Finalizing"
    DONE = "Done"
    MANUAL = "Manual"
    ERROR = "Error"
    PAUSED = "Paused"


class OperationName(enum.StrEnum):
    """What is done to one Cassandra node."""

    CLEANUP = "cleanup"
    REBUILD = "rebuild"
    UPGRADE_SSTABLES = "upgradesstables"
    REMOVE = "remove"
    DECOMMISSION = "decommission"


@attrs.frozen(kw_only=True)
class LastAction:
    """The last action on a rack."""

    name: str | None = attrs.field(default=None, metadata=doc("Name of the action."))
    status: str | None = attrs.field(default=None, metadata=doc("How far it is."))
    start_time: dt.datetime | None = attrs.field(default=None, metadata=doc("When it began."))
    end_time: dt.datetime | None = attrs.field(default=None, metadata=doc("When it ended."))
    updated_nodes: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("Kept for compatibility; never written.")
    )


@attrs.frozen(kw_only=True)
class PodLastOperation:
    """The last operation on nodes of a rack."""

    name: str | None = attrs.field(default=None, metadata=doc("Name of the operation."))
    status: str | None = attrs.field(default=None, metadata=doc("How far it is."))
    start_time: dt.datetime | None = attrs.field(default=None, metadata=doc("When it began."))
    end_time: dt.datetime | None = attrs.field(default=None, metadata=doc("When it ended."))
    pods: tuple[str, ...] = attrs.field(default=(), metadata=doc("Pods it runs on."))
    pods_ok: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("Pods on which it succeeded.", json="podsOK")
    )
    pods_ko: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("Pods on which it failed.", json="podsKO")
    )
    operator_name: str | None = attrs.field(
        default=None, metadata=doc("Pod of the operator that started it.")
    )


@attrs.frozen(kw_only=True)
class RackStatus:
    """What is known of a rack."""

    phase: str | None = attrs.field(default=None, metadata=doc("Where the rack is in its life."))
    initializing_sub_phase: str | None = attrs.field(
        default=None, metadata=doc("Where it is while it is Initializing.")
    )
    cassandra_last_action: LastAction = attrs.field(
        factory=LastAction, metadata=doc("The last action on the rack.", always=True)
    )
    pod_last_operation: PodLastOperation = attrs.field(
        factory=PodLastOperation, metadata=doc("The last operation on nodes of the rack.", always=True)
    )
    stateful_set_snapshot_before_storage_resize: str | None = attrs.field(
        default=None, metadata=doc("The StatefulSet, as JSON, while its volumes grow.")
    )
    taken_over_template: str | None = attrs.field(
        default=None,
        metadata=doc(
            "Hash of the template that CassKop's StatefulSet had when it was what the spec asks for. From"
            " then on what differs is somebody's edit, and is carried out."
        ),
    )
    taken_over_contents: str | None = attrs.field(
        default=None,
        metadata=doc(
            "Hash of what the ConfigMap of CassKop's pods held when the operator first saw it. Another one"
            " from then on is somebody's edit, and is carried out."
        ),
    )
    was_empty: bool = attrs.field(
        default=False,
        metadata=doc(
            "Whether it has yet to get its nodes in a data centre that has some: those that join take ranges"
            " from the others, which are to be cleaned."
        ),
    )


@attrs.frozen(kw_only=True)
class DueOperation:
    """An operation that is due on many nodes, and that some of them have yet to carry out."""

    name: str | None = attrs.field(default=None, metadata=doc("Name of the operation."))
    argument: str | None = attrs.field(default=None, metadata=doc("Its argument, if it has one."))
    dc: str | None = attrs.field(
        default=None, metadata=doc("Data centre whose nodes are meant. If absent: all.")
    )
    since: dt.datetime | None = attrs.field(default=None, metadata=doc("Since when it is due."))
    done: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("Pods on which it is over, or was turned down by the user.")
    )
    offered: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("Pods on which the user was offered it, and may start it.")
    )


@attrs.frozen(kw_only=True)
class NodeRemoval:
    """A dead node that is being taken out of the ring for its user."""

    host_id: str = attrs.field(default="", metadata=doc("Its host id.", always=True))
    argument: str = attrs.field(default="", metadata=doc("What its user gave as operation-argument."))
    place: Mapping[str, str] = attrs.field(
        default=EMPTY, metadata=doc("Pod and volume claims that are taken away after it: uids by name.")
    )
    through: str = attrs.field(default="", metadata=doc("The pod that it is removed through.", always=True))
    through_uid: str = attrs.field(default="", metadata=doc("The uid of that pod.", always=True))
    since: dt.datetime | None = attrs.field(default=None, metadata=doc("When it was begun there."))


@attrs.frozen(kw_only=True)
class NodeStatus:
    """What is known of a Cassandra node."""

    host_id: str | None = attrs.field(default=None, metadata=doc("Its host id."))
    node_ip: str | None = attrs.field(default=None, metadata=doc("Its IP address."))
    release_version: str | None = attrs.field(
        default=None, metadata=doc("The version of Cassandra that it said it runs.")
    )
    disk: str | None = attrs.field(
        default=None,
        metadata=doc("The uid of the claim that its data is on, or of its pod if it has no volume."),
    )


@attrs.frozen(kw_only=True)
class NodeRestart:
    """A node that is being restarted."""

    pod: str = attrs.field(default="", metadata=doc("Its pod.", always=True))
    uid: str = attrs.field(default="", metadata=doc("The uid of the pod that goes.", always=True))
    since: dt.datetime | None = attrs.field(default=None, metadata=doc("When it was asked to go."))


@attrs.frozen(kw_only=True)
class RollStatus:
    """How far a roll is. It is there while one is under way."""

    message: str | None = attrs.field(default=None, metadata=doc("How far it is, in words."))
    nodes: int = attrs.field(default=0, metadata=doc("Nodes that there are.", always=True))
    updated_nodes: int = attrs.field(
        default=0, metadata=doc("Nodes that run with the wanted template.", always=True)
    )
    restarts: int = attrs.field(default=0, metadata=doc("Restarts that were timed.", always=True))
    seconds_per_restart: int | None = attrs.field(
        default=None, metadata=doc("How long they took on average, until all peers knew the node again.")
    )
    together: int | None = attrs.field(
        default=None,
        metadata=doc("How many nodes go together, if the ring does not let as many go as are allowed to."),
    )
    restarting: tuple[NodeRestart, ...] = attrs.field(
        default=(), metadata=doc("Nodes that are being restarted.")
    )
    start_time: dt.datetime | None = attrs.field(default=None, metadata=doc("When it began."))
    estimated_end: dt.datetime | None = attrs.field(
        default=None, metadata=doc("When it will be over, if it goes on as before.")
    )


@attrs.frozen(kw_only=True)
class Condition:
    """One condition, by the conventions of Kubernetes."""

    type: str = attrs.field(
        default="", metadata=doc("What the condition is about, such as Ready.", always=True)
    )
    status: str = attrs.field(
        default="Unknown", metadata=doc("Whether it holds.", always=True, enum=("True", "False", "Unknown"))
    )
    reason: str = attrs.field(default="", metadata=doc("One word on why, for programs.", always=True))
    message: str = attrs.field(default="", metadata=doc("A sentence on why, for people.", always=True))
    last_transition_time: dt.datetime | None = attrs.field(
        default=None, metadata=doc("When `status` last changed.")
    )
    observed_generation: int | None = attrs.field(
        default=None, metadata=doc("Generation of the spec that it speaks of.", format="int64")
    )


@attrs.frozen(kw_only=True)
class Streaming:
    """How far a node that joins or leaves is with its data, looked at once a minute."""

    pod: str = attrs.field(default="", metadata=doc("Pod of the node.", always=True))
    bytes: int | None = attrs.field(
        default=None, metadata=doc("Bytes that went, of the streams under way.", format="int64")
    )
    total_bytes: int | None = attrs.field(
        default=None, metadata=doc("All bytes of the streams under way.", format="int64")
    )
    bytes_per_second: int | None = attrs.field(
        default=None, metadata=doc("Bytes in a second, since the last look.", format="int64")
    )
    seconds_left: int | None = attrs.field(
        default=None, metadata=doc("Seconds that are left at this rate.", format="int64")
    )
    measured_at: dt.datetime | None = attrs.field(default=None, metadata=doc("When that was so."))


@attrs.frozen(kw_only=True)
class PendingChange:
    """An edit of the spec that waits for approval."""

    hash: str = attrs.field(
        default="", metadata=doc("What an approval has to name: this edit, in this state of the cluster.")
    )
    changes: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("Fields that the edit changes; numbers and switches with their values.")
    )
    generation: int = attrs.field(
        default=0, metadata=doc("Generation of the spec that has the edit.", format="int64")
    )


@attrs.frozen(kw_only=True)
class ClusterStatus:
    """Everything that the operator says about a cluster."""

    phase: str | None = attrs.field(default=None, metadata=doc("Where the cluster is in its life."))
    initializing_sub_phase: str | None = attrs.field(
        default=None, metadata=doc("Where it is while it is Initializing.")
    )
    last_cluster_action: str | None = attrs.field(default=None, metadata=doc("The last action."))
    last_cluster_action_status: str | None = attrs.field(
        default=None, metadata=doc("How far that action is.")
    )
    seed_list: tuple[str, ...] = attrs.field(
        default=(), metadata=doc("The seed nodes; may be edited.", json="seedlist")
    )
    cassandra_node_status: Mapping[str, NodeStatus] = attrs.field(
        default=EMPTY, metadata=doc("What is known of each node, by pod.")
    )
    cassandra_rack_status: Mapping[str, RackStatus] = attrs.field(
        default=EMPTY, metadata=doc("What is known of each rack, by `<dc>-<rack>`.")
    )
    rollout: RollStatus | None = attrs.field(
        default=None, metadata=doc("How far nodes are restarted for a change, while they are.")
    )
    conditions: tuple[Condition, ...] = attrs.field(
        default=(), metadata=doc("What is the case now, and why.", list_key="type")
    )
    observed_generation: int | None = attrs.field(
        default=None, metadata=doc("Generation of the spec that was last worked on.", format="int64")
    )
    due_operations: tuple[DueOperation, ...] = attrs.field(
        default=(),
        metadata=doc("Operations on nodes that follow from changes of the ring, until all are done."),
    )
    node_removal: NodeRemoval | None = attrs.field(
        default=None,
        metadata=doc("The dead node that is being taken out of the ring; absent if none is."),
    )
    pending_change: PendingChange | None = attrs.field(
        default=None, metadata=doc("The edit that waits for approval, with `spec.changePolicy: Approve`.")
    )
    ready_nodes: int | None = attrs.field(default=None, metadata=doc("Nodes that are ready."))
    wanted_nodes: int | None = attrs.field(default=None, metadata=doc("Nodes that the spec asks for."))
    streaming: Streaming | None = attrs.field(
        default=None, metadata=doc("How far the node that joins or leaves is; absent if none does.")
    )
