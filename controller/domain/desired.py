"""
What a spec asks for, rack by rack, in the terms of a plan.

It carries no objects: only names, sizes, and the hashes of what the builders made, so that a plan can be
computed and compared without building anything.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.domain.availability import Consistency
from controller.domain.origins import Origins
from controller.domain.releases import Line


@attrs.frozen(kw_only=True)
class Refusal:
    """A change of the spec that existing objects cannot follow: *path* to look at, *why* to read.

    *reason* is the word for it in conditions.
    """

    path: str
    why: str
    reason: str = "ChangeHeldBack"


@attrs.frozen(kw_only=True)
class DesiredRack:
    """One rack. *path* is where the spec speaks of it, `spec.topology.dc[0].rack[1]`.

    *refusals* are parts of the spec that this rack, as it exists, cannot follow. One that *leaves* was taken
    out of the spec, *path* is that of the list, and what becomes of it is that it is emptied and deleted.
    """

    name: str
    path: str
    replicas: int
    template_hash: str
    statefulset: str
    # Pods with a smaller ordinal keep their template.
    partition: int = 0
    # The name that status has for what differs from the stored template; None if nothing does.
    change: str | None = None
    # What can be wrong with a template: equal in racks whose pods run the same programs alike.
    recipe: str = ""
    # The line of Cassandra that its image brings, None if that is not told.
    line: Line | None = None
    refusals: tuple[Refusal, ...] = ()
    # A hash of what its pods' ConfigMap holds, None if they have none or it cannot be read.
    contents: str | None = None
    leaves: bool = False
    # How many pods of the rack have to run for all of its seeds to run.
    seed_places: int = 0
    # The size of the data volumes, None without any, and where it is written.
    capacity: str | None = None
    capacity_path: str = "spec.dataCapacity"
    # Which fields the parts of its pods come from.
    origins: Origins = attrs.field(factory=Origins)


@attrs.frozen(kw_only=True)
class Rollout:
    """How many nodes may be restarted together, and what has to hold meanwhile.

    *most* is `maxPodUnavailable`, in the whole cluster. With *share*, a percentage, it is that of the
    rack's nodes instead. *strict* waits where there is no proof; *unlocked* goes on where there is none,
    or the proof is that it harms.
    """

    most: int = 1
    share: int | None = None
    consistency: Consistency = Consistency.LOCAL_QUORUM
    strict: bool = False
    paused: bool = False
    unlocked: bool = False


@attrs.frozen(kw_only=True)
class Desired:
    """A whole cluster: *shared* maps `Kind/name` to the hash of the object that should be there.

    *first_pods_first* is CassKop's flow: one pod in every rack before any rack gets its second. *seeds* are
    the pods that starting nodes turn to, and others by whatever name; with *seeds_follow* they are chosen
    anew once nodes have come or gone.
    """

    name: str
    racks: tuple[DesiredRack, ...]
    shared: Mapping[str, str] = attrs.field(factory=dict)
    first_pods_first: bool = True
    rollout: Rollout = attrs.field(factory=Rollout)
    # How many threads a cleanup may use; 0 leaves it to Cassandra.
    cleanup_threads: int = 0
    seeds: frozenset[str] = frozenset()
    seeds_follow: bool = False
    stopped: bool = False
    # Whether operations that follow from changes of the ring begin by themselves.
    auto_pilot: bool = False
    # Whether members that are dead for good are replaced without being asked for.
    replaces: bool = False
    # Restarts that are asked for at a time that has yet to come, by the path of that time.
    restarts_ahead: Mapping[str, dt.datetime] = attrs.field(factory=dict)
    # How often Cassandra may restart in a pod that has another node's address; 0 is any number of times.
    restarts_allowed: int = 0

    def wanted_nodes(self) -> int:
        """Return the number of Cassandra nodes that the spec asks for."""
        return sum(rack.replicas for rack in self.racks)
