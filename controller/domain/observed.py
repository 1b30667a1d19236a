"""
The snapshot that a plan is made from.

It is made once per reconcile, before any decision, and never changes afterwards. What could not be
read is there as a value that says so; a field never holds a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import enum

import attrs

from controller.api.v2.cluster import Streaming
from controller.domain.leaving import Leaving
from controller.domain.live import Attribute, Telling, Value
from controller.domain.operations.pods import PodOperation
from controller.domain.operations.seen import Operations
from controller.domain.ownership import Ownership, Unread
from controller.domain.ring import Answer, Ring

# Bad options, a bad configuration and unreadable data end Cassandra within seconds of its start.
_REFUSES_WITHIN = dt.timedelta(seconds=10)


@attrs.frozen(kw_only=True)
class Container:
    """One container's state as the kubelet reports it.

    *reason* and *message* are the kubelet's words for a container that waits or has ended (for one
    that runs: None); *last_words* is what it left behind when it last ended.
    """

    name: str
    running: bool = False
    ready: bool = False
    # Whether it passed its startup probe since it last began, and when that was.
    started: bool = False
    since: dt.datetime | None = None
    restarts: int = 0
    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None
    last_words: str | None = None
    # Whether the kernel ended it last, since it took more memory than its limit.
    out_of_memory: bool = False
    init: bool = False


@attrs.frozen(kw_only=True)
class Pod:
    """One pod of a rack.

    *ready* is the readiness of its `cassandra` container alone, *ready_since* when all its containers became
    ready; None if they are not.
    """

    name: str
    uid: str
    ordinal: int
    phase: str
    ip: str | None
    node: str | None
    revision: str | None
    created: dt.datetime | None
    terminating: bool = False
    # When one that is being deleted is to be gone, the time that it has for that included.
    gone_by: dt.datetime | None = None
    ready: bool = False
    ready_since: dt.datetime | None = None
    unschedulable: str | None = None
    # Since when its kubelet cannot begin with its containers; None if it can.
    held_since: dt.datetime | None = None
    containers: tuple[Container, ...] = ()
    operation: PodOperation = attrs.field(factory=PodOperation)
    # What its node had before it was told something else than its configuration says.
    before: Mapping[Attribute, Value] = attrs.field(factory=dict)

    @property
    def restarts(self) -> int:
        """How often the container of Cassandra was restarted."""
        return sum(c.restarts for c in self.containers if c.name == "cassandra")

    @property
    def cassandra_runs(self) -> bool:
        """Whether the Cassandra process is up, ready or not."""
        return any(c.name == "cassandra" and c.running for c in self.containers)

    def cassandra_started(self, now: dt.datetime) -> bool:
        """Whether Cassandra takes part in the ring, or has run for long enough to have refused to."""
        return self.ready or any(
            c.running
            and (c.started or (not c.restarts and c.since is not None and now - c.since >= _REFUSES_WITHIN))
            for c in self.containers
            if c.name == "cassandra"
        )


@attrs.frozen(kw_only=True)
class StatefulSet:
    """A rack's StatefulSet, as stored. *replicas* is what is asked of it, not what runs.

    While its cluster is stopped that is the number of its places, and *running* how many pods are asked for.
    """

    name: str
    uid: str
    resource_version: str
    generation: int
    observed_generation: int
    replicas: int
    template_hash: str | None
    template_revision: int
    update_revision: str | None
    on_delete: bool
    terminating: bool = False
    # The name of the last change of the template, as status has it; None if it never changed.
    change: str | None = None
    # JSON paths of fields we own that no longer carry our values: somebody edited them.
    drift: tuple[str, ...] = ()
    # Pods by uid that were made from an older template: those whose nodes have been told all that is new in
    # it, and those that need no more than to be told.
    told: frozenset[str] = frozenset()
    # Whether pods that serve were made from what is the newest template, but for when they are to restart.
    tried: bool = False
    untold: Mapping[str, Telling] = attrs.field(factory=dict)
    # The size that new data volumes get; None if there are none.
    capacity: str | None = None
    # Whether the next write makes it wait for the operator: what differs was asked for by its user.
    released: bool = False
    # Whether status holds a copy of it, but for its size, from which it can be made again.
    copied: bool = False
    running: int = attrs.field()

    @running.default
    def _all(self) -> int:
        return self.replicas

    @property
    def stopped(self) -> bool:
        """Whether pods are kept away from it."""
        return self.running < self.replicas

    @property
    def settled(self) -> bool:
        """Whether the StatefulSet controller has seen the newest spec."""
        return self.observed_generation >= self.generation

    @property
    def waits_for_us(self) -> bool:
        """Whether a new template restarts nothing before the operator does.

        One of CassKop's would roll by itself; it is made to wait together with its first new template.
        """
        return self.on_delete or self.template_revision != 0 or self.released

    def outdates(self, pod: Pod) -> bool:
        """Tell whether *pod* runs with something else than the newest template says."""
        if pod.uid in self.untold:
            return True
        older = self.update_revision is not None and pod.revision != self.update_revision
        return older and pod.uid not in self.told


@attrs.frozen(kw_only=True)
class Claim:
    """A PersistentVolumeClaim of a rack.

    *requested* and *capacity* are sizes, what is asked for and what there is. *trouble* is what the storage
    says of a growth that fails; *restart_since* is since when its file system waits for a start of the pod.
    """

    name: str
    uid: str
    phase: str
    storage_class: str | None
    terminating: bool = False
    requested: str | None = None
    capacity: str | None = None
    trouble: str | None = None
    created: dt.datetime | None = None
    # The Kubernetes node that its volume was made for, if it was made for one.
    node: str | None = None
    restart_since: dt.datetime | None = None


@attrs.frozen(kw_only=True)
class Copy:
    """A StatefulSet that is only a copy in status: taken away, to be made again; as `StatefulSet`."""

    replicas: int
    capacity: str | None


@attrs.frozen(kw_only=True)
class Rack:
    """What exists of one rack; *statefulset* is None if there is none yet, or only a *copy* of it."""

    statefulset: StatefulSet | None = None
    pods: tuple[Pod, ...] = ()
    claims: tuple[Claim, ...] = ()
    copy: Copy | None = None

    @property
    def size(self) -> int:
        """How many nodes the StatefulSet is for, also while it is taken away."""
        if self.statefulset is not None:
            return self.statefulset.replicas
        return self.copy.replicas if self.copy is not None else 0

    def claims_of(self, pod: str) -> tuple[Claim, ...]:
        """Return the claims of the pod called *pod*: their names end in its own."""
        return tuple(claim for claim in self.claims if claim.name.endswith(f"-{pod}"))


@attrs.frozen(kw_only=True)
class SharedObject:
    """A Service, PodDisruptionBudget or ConfigMap of the cluster: what it was made from, and edits."""

    hash: str | None
    drift: tuple[str, ...] = ()


class Expansion(enum.Enum):
    """What a storage class says of volumes that are to grow."""

    ALLOWED = enum.auto()
    FORBIDDEN = enum.auto()
    # There is no such class.
    MISSING = enum.auto()
    # The operator may not read classes.
    UNREAD = enum.auto()


@attrs.frozen(kw_only=True)
class Obstacle:
    """Something outside the cluster's own objects that a person has to put right.

    *path* is the JSON path of the field that refers to it; *why* says what is wrong and what to do.
    """

    reason: str
    path: str
    why: str


@attrs.frozen(kw_only=True)
class Observed:
    """Everything a plan may look at.

    *shared* is keyed by `Kind/name`, *racks* by `<dc>-<rack>`. *joined* holds the pods that are known
    to have been members at some time, by name, without those that are *gone*: out of the ring, for good.
    *recorded* is what the ring's ConfigMap says of it, *hosts* the last known host id of each.
    """

    now: dt.datetime
    racks: Mapping[str, Rack] = attrs.field(factory=dict)
    shared: Mapping[str, SharedObject] = attrs.field(factory=dict)
    ring: Ring = attrs.field(factory=Ring)
    joined: frozenset[str] = frozenset()
    recorded: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    hosts: Mapping[str, str] = attrs.field(factory=dict)
    # The address of each under which it was last a member.
    addresses: Mapping[str, str] = attrs.field(factory=dict)
    # The uid of the disk that each had then: of its claim, or of its pod if it had no volume.
    disks: Mapping[str, str] = attrs.field(factory=dict)
    # Kubernetes nodes that are no more, of those that volumes of pods that find no place were made for.
    lost_machines: frozenset[str] = frozenset()
    # The node that is on its way out, and what it says itself: it is not asked about others.
    leaving: Leaving | None = None
    leaver: Answer | None = None
    # Who owns what, if a node is about to be taken down; None when nobody was asked.
    ownership: Ownership | Unread | None = None
    # Which classes let volumes grow, of those that claims wait for; others were not looked at.
    expansion: Mapping[str, Expansion] = attrs.field(factory=dict)
    # How many bytes of data each node holds, by pod, of those that say so; read when a node may leave.
    loads: Mapping[str, int] = attrs.field(factory=dict)
    # How far the node that joins or leaves is with its data, as status is to have it.
    streaming: Streaming | None = None
    obstacles: tuple[Obstacle, ...] = ()
    operations: Operations = attrs.field(factory=Operations)
    # The uids of shared objects that are there and not asked for, by `Kind/name`.
    surplus: Mapping[str, str] = attrs.field(factory=dict)
    # The name of the Secret with the generated login, if it is to be there and is not.
    missing_login: str | None = None

    def pods(self) -> tuple[Pod, ...]:
        """Return every pod, rack by rack."""
        return tuple(pod for rack in self.racks.values() for pod in rack.pods)

    def claims_of(self, pod: str) -> tuple[Claim, ...]:
        """Return the claims of the pod called *pod*, be there such a pod or not."""
        return tuple(claim for rack in self.racks.values() for claim in rack.claims_of(pod))

    def members(self) -> frozenset[str]:
        """Return the pods that are proven members now: ready, and agreed on by every answering node."""
        return frozenset(
            pod.name
            for pod in self.pods()
            if pod.ready and not pod.terminating and pod.ip and self.ring.not_joined(pod.name, pod.ip) is None
        )
