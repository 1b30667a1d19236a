"""
What must be true at every moment, whatever happens: each a small pure function with the reason for it.

A rule returns None, or a sentence on what was seen. Rules for writes judge one write of the operator's by
the world as it was when the write came; rules for worlds compare two moments. `docs/sweep.md` says which
invariant of the design each of them stands for, and which have no operation to apply to yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import itertools
import json
from typing import Final

from controller.api.v2.names import PAUSED
from controller.api.v2.quantity import parse
from controller.builders.places import places as places_of
from e2e.providers.sim_operator import PASSWORD
from e2e.sweep import world as places
from e2e.sweep.leaving_rules import (
    leaving_is_noted_before,
    members_are_never_forgotten,
    racks_shrink_by_a_node_that_left,
)
from e2e.sweep.operation_rules import (
    done_is_done,
    operations_are_not_cut_short,
    operations_keep_their_limits,
)
from e2e.sweep.removing_rules import removal_is_noted_before
from e2e.sweep.replacing_rules import machine_is_gone, not_given_up
from e2e.sweep.world import Object, World, Write, condition, label, size, wanted_size

WriteRule = Callable[[Write, World], str | None]
WorldRule = Callable[[World, World], str | None]

# Which field of a world holds the objects of a place.
PLACES: Final[Mapping[tuple[str, str], str]] = {
    places.CLUSTERS: "clusters",
    places.STATEFULSETS: "statefulsets",
    places.PODS: "pods",
    places.CLAIMS: "claims",
    places.BUDGETS: "budgets",
    places.CONFIG_MAPS: "config_maps",
}
_CANARIES: Final = ("canary-5f3759df", PASSWORD)
# Who starts is heard of within seconds; if not, the operator helps after half a minute of service.
_HEARD_OF_SECONDS: Final = 75.0
_FAILED: Final = "Retrying"
_SERVING: Final = frozenset({"NORMAL", "LEAVING"})
_ON_THE_MOVE: Final = frozenset({"JOINING", "LEAVING", "MOVING"})


# -- writes of the operator


def spec_is_the_users(write: Write, world: World) -> str | None:
    """I5: whatever the operator writes of a cluster, its spec stays as it was."""
    if write.place != places.CLUSTERS or write.before is None:
        return None
    return None if write.before.get("spec") == write.after.get("spec") else f"{write.name}: spec was written"


def volumes_are_deleted_by_proof(write: Write, world: World) -> str | None:
    """I1: a volume claim is deleted by UID and version, with its cluster or after its node has left.

    Or it is on a machine that is no more, and all of its data is elsewhere. Nobody runs on it any more.
    Other writes of the operator's leave its spec alone, or ask for more.
    """
    if write.place != places.CLAIMS:
        return None
    if write.request.method != "DELETE":
        good = write.before is not None and _only_larger(write.before["spec"], write.after["spec"])
        return None if good else f"the spec of volume claim {write.name} was written"
    if not _exactly(write):
        return f"volume claim {write.name} was deleted without preconditions"
    gone = _goes_with_its_volumes(world.clusters.get(label(write.after)))
    if not gone and _has_a_place(write.name, write.after, world):
        why = not_given_up(write.after, world)
        if why is not None:
            return f"volume claim {write.name} was deleted, and {why}"
    if any(write.name.endswith(f"-{node.pod}") for node in world.nodes):
        return f"volume claim {write.name} was deleted while Cassandra ran on it"
    return None


def nothing_else_is_deleted(write: Write, world: World) -> str | None:
    """I1: besides pods and volumes only StatefulSets are deleted, by UID, empty or with their cluster.

    Or without their pods, by UID and version, while a copy stands in status that is true to the letter.
    """
    if write.request.method != "DELETE" or write.place in (places.PODS, places.CLAIMS):
        return None
    cluster = world.clusters.get(label(write.after))
    empty = write.before is not None and size(write.before) == 0
    if write.place == places.STATEFULSETS and (empty or _goes_with_its_volumes(cluster)):
        given = (write.request.body or {}).get("preconditions") or {}
        return None if given.get("uid") else f"StatefulSet {write.name} was deleted without its UID"
    orphan = (write.request.body or {}).get("propagationPolicy") == "Orphan"
    if write.place == places.STATEFULSETS and orphan and write.before is not None:
        copy = _copy(write.before, world)
        return (
            None
            if copy is not None and copy["spec"] == write.before["spec"] and _exactly(write)
            else f"StatefulSet {write.name} was taken from its pods without a copy of it"
        )
    return f"{write.place[1]} {write.name} was deleted"


def pods_are_deleted_by_proof(write: Write, world: World) -> str | None:
    """I1: a pod is deleted by UID and version, after a live read of it."""
    if write.request.method != "DELETE" or write.place != places.PODS:
        return None
    if not _exactly(write):
        return f"pod {write.name} was deleted without preconditions"
    return None if write.read else f"pod {write.name} was deleted without a live read before"


def one_rack_is_down_at_a_time(write: Write, world: World) -> str | None:
    """I2: a node that serves is only stopped while no node of another rack is down, whatever the cause."""
    if write.request.method != "DELETE" or write.place != places.PODS:
        return None
    if not any(node.pod == write.name and node.serves for node in world.nodes):
        return None
    cluster = label(write.after)
    up = {node.pod for node in world.nodes_of(cluster) if node.mode == "NORMAL" and node.serves}
    up -= {name for name, pod in world.pods.items() if pod["metadata"].get("deletionTimestamp")}
    for rack in world.racks_of(cluster):
        name = rack["metadata"]["name"]
        down = {f"{name}-{i}" for i in range(size(rack))} - up
        if down and name != write.name.rpartition("-")[0]:
            return f"{write.name} was stopped while {', '.join(sorted(down))} was down"
    return None


def a_quorum_stays(write: Write, world: World) -> str | None:
    """I2: a node that serves is only stopped if clients at a quorum do not notice, whoever else is down.

    Data with so few copies that no restart can be hidden is not spoken of.
    """
    if write.request.method != "DELETE" or write.place != places.PODS:
        return None
    ending = {name for name, pod in world.pods.items() if pod["metadata"].get("deletionTimestamp")}
    serving = {n.address: n.pod for n in world.nodes if n.mode == "NORMAL" and n.serves}
    up = {address for address, pod in serving.items() if pod not in ending}
    stopped = {address for address in up if serving[address] == write.name}
    for copies in world.copies:
        for holders in copies.holders:
            needed = len(holders) // 2 + 1
            left = len(holders & up - stopped)
            if holders & stopped and len(holders) > needed > left:
                return (
                    f"{write.name} was stopped, and {left} of {len(holders)} copies of {copies.keyspace} stay"
                )
    return None


def one_node_joins_a_ring_that_agrees(write: Write, world: World) -> str | None:
    """I3: a rack grows by one, and only when all nodes there are serve and know each other."""
    if write.place != places.STATEFULSETS:
        return None
    # One that was taken apart is as large as its copy.
    had = write.before or _copy(write.after, world)
    old = 0 if had is None else places_of(had)
    new = places_of(write.after)
    if new <= old:
        return None
    if new != old + 1:
        return f"{write.name} went from {old} to {new} nodes at once"
    cluster = label(write.after)
    # What ends on its own, such as nodes of an earlier cluster of that name, is none of this ring.
    ending = {name for name, pod in world.pods.items() if pod["metadata"].get("deletionTimestamp")}
    nodes = tuple(node for node in world.nodes_of(cluster) if node.pod not in ending)
    members = {node.address for node in nodes}
    asked = sum(size(rack) for rack in world.racks_of(cluster))
    if len(nodes) != asked:
        return f"{write.name} grew while {len(nodes)} of {asked} nodes of {cluster} ran"
    for node in nodes:
        if node.mode != "NORMAL" or not node.serves:
            return f"{write.name} grew while {node.pod} was {node.mode}"
        if not members <= node.knows:
            return f"{write.name} grew while {node.pod} did not know all members"
    return None


def writes_are_for_a_cluster_that_lives(write: Write, world: World) -> str | None:
    """I10, and stale deletions: what is written belongs to the very cluster of that name, and it lives."""
    owner = label(write.after)
    if write.place in (places.PODS, places.CLAIMS) or not owner:
        return None
    cluster = world.clusters.get(owner)
    uids = {o.get("uid") for o in write.after["metadata"].get("ownerReferences") or ()}
    # What is made for a cluster that went meanwhile, the garbage collector takes: it names its owner.
    if cluster is not None and cluster["metadata"]["uid"] not in uids:
        other = write.before is not None and label(write.before) == owner
        return f"{write.place[1]} {write.name} is not that {owner}'s" if other or not uids else None
    return None if uids else f"{write.place[1]} {write.name} has no owner"


def status_claims_what_is_true(write: Write, world: World) -> str | None:
    """I9: Ready only if all nodes of that spec serve; no more members than there are; no later generation.

    Who says in status that a look failed has seen nothing: the figures beside it stay those of the last one.
    """
    if write.place != places.CLUSTERS or write.before is None:
        return None
    if write.before.get("status") == write.after.get("status"):
        return None
    status = write.after.get("status") or {}
    generation = write.after["metadata"].get("generation", 0)
    observed, before = (o.get("observedGeneration") or 0 for o in (status, write.before.get("status") or {}))
    if not before <= observed <= generation:
        return f"observedGeneration went from {before} to {observed} at generation {generation}"
    # One that leaves serves until it is out.
    serving = sum(n.mode in _SERVING and n.serves for n in world.nodes_of(write.name))
    claimed = status.get("readyNodes") or 0
    if condition(write.after, "Progressing").get("reason") == _FAILED and _claims(write.before) == _claims(
        write.after
    ):
        return None
    if claimed > serving and not write.after["metadata"].get("deletionTimestamp"):
        return f"status says {claimed} nodes, {serving} serve"
    ready = condition(write.after, "Ready")
    if ready["status"] == "True" and ready.get("observedGeneration") == generation:
        wanted = wanted_size(write.after)
        if serving < wanted:
            return f"status says Ready, and {serving} of {wanted} nodes serve"
    return None


def paused_is_left_alone(write: Write, world: World) -> str | None:
    """I5: of a cluster that its user has paused, the operator writes the status and nothing else.

    Edits of the spec come after it, to the same object: who has seen them has seen it.
    """
    cluster = world.clusters.get(label(write.after))
    if write.place == places.CLUSTERS or cluster is None:
        return None
    paused = (cluster["metadata"].get("annotations") or {}).get(PAUSED) == "true"
    return f"{write.place[1]} {write.name} was written while its cluster was paused" if paused else None


def fence_is_heeded(write: Write, world: World) -> str | None:
    """Two operators: who was told that the lease is lost writes nothing more."""
    return f"{write.name} was written without the lease" if write.fenced else None


def secrets_stay_secret(write: Write, world: World) -> str | None:
    """A password of Jolokia, the user's or the operator's, is in no object but its Secret."""
    written = json.dumps(write.after)
    return f"{write.name} holds the password" if any(c in written for c in _CANARIES) else None


# -- the world from one moment to the next


def one_topology_change_at_a_time(before: World, after: World) -> str | None:
    """I3: at most one node of a ring joins, leaves or moves, one that is about to join counted."""
    for cluster in sorted({node.cluster for node in after.nodes}):
        moving = [n.pod for n in after.nodes_of(cluster) if n.mode in _ON_THE_MOVE or n.fresh]
        if len(moving) > 1:
            return f"{' and '.join(moving)} at once"
    return None


def a_cluster_is_one_ring(before: World, after: World) -> str | None:
    """I4: the members of a cluster know each other; nobody began a second ring.

    A node that has just started may not have been heard of yet, and may need help to be.
    """
    for cluster in sorted({node.cluster for node in after.nodes}):
        members = [
            node for node in after.nodes_of(cluster) if node.mode == "NORMAL" and node.age > _HEARD_OF_SECONDS
        ]
        for one, other in itertools.combinations(members, 2):
            if other.address not in one.knows and one.address not in other.knows:
                return f"{one.pod} and {other.pod} are members, and do not know each other"
    return None


def nodes_keep_their_identity(before: World, after: World) -> str | None:
    """I4: a pod's node comes back with the host id that it had, and no two share one."""
    ids = [node.host_id for node in after.nodes if node.host_id is not None]
    if len(ids) != len(set(ids)):
        return "two processes have the same host id"
    known = {node.pod: node.host_id for node in before.nodes if node.host_id is not None}
    for node in after.nodes:
        if node.host_id is not None and known.get(node.pod, node.host_id) != node.host_id:
            return f"{node.pod} became another node"
    return None


def volumes_stay(before: World, after: World) -> str | None:
    """I1: a volume claim that was there is there, with the same UID, unless its node has no place now.

    Or none that it could be on: its machine is gone.
    """
    for name, claim in before.claims.items():
        leaving = bool(claim["metadata"].get("deletionTimestamp"))
        if leaving or _goes_with_its_volumes(before.clusters.get(label(claim))):
            continue
        if label(claim) in before.clusters and not _has_a_place(name, claim, before):
            continue
        if machine_is_gone(claim, before):
            continue
        now = after.claims.get(name)
        if now is None or now["metadata"]["uid"] != claim["metadata"]["uid"]:
            return f"volume claim {name} is gone"
        if now["metadata"].get("deletionTimestamp"):
            return f"volume claim {name} is being deleted"
    return None


def the_budget_is_never_absent(before: World, after: World) -> str | None:
    """A disruption budget once made is there as long as its cluster: a drain may come at any instant."""
    for name, old in before.budgets.items():
        cluster = after.clusters.get(label(old))
        lives = cluster is not None and not cluster["metadata"].get("deletionTimestamp")
        same = cluster is not None and any(
            o.get("uid") == cluster["metadata"]["uid"] for o in old["metadata"].get("ownerReferences") or ()
        )
        if lives and same and name not in after.budgets:
            return f"disruption budget {name} is gone"
    return None


WRITE_RULES: Final[tuple[WriteRule, ...]] = (
    spec_is_the_users,
    racks_shrink_by_a_node_that_left,
    volumes_are_deleted_by_proof,
    nothing_else_is_deleted,
    pods_are_deleted_by_proof,
    one_rack_is_down_at_a_time,
    a_quorum_stays,
    one_node_joins_a_ring_that_agrees,
    writes_are_for_a_cluster_that_lives,
    status_claims_what_is_true,
    paused_is_left_alone,
    fence_is_heeded,
    secrets_stay_secret,
    members_are_never_forgotten,
    done_is_done,
    operations_are_not_cut_short,
)
# These judge by who runs, or by what is asked for now. Nobody knows what changed in the very same moment.
OF_THIS_MOMENT: Final[frozenset[WriteRule]] = frozenset(
    {
        one_rack_is_down_at_a_time,
        a_quorum_stays,
        one_node_joins_a_ring_that_agrees,
        status_claims_what_is_true,
        racks_shrink_by_a_node_that_left,
        done_is_done,
    }
)
WORLD_RULES: Final[tuple[WorldRule, ...]] = (
    one_topology_change_at_a_time,
    leaving_is_noted_before,
    removal_is_noted_before,
    a_cluster_is_one_ring,
    nodes_keep_their_identity,
    volumes_stay,
    the_budget_is_never_absent,
    operations_keep_their_limits,
)


def _claims(cluster: Object) -> tuple[object, object]:
    """Return how many nodes serve by the status of *cluster*, and whether that is Ready."""
    return (cluster.get("status") or {}).get("readyNodes"), condition(cluster, "Ready")["status"]


def _copy(statefulset: Object, world: World) -> Object | None:
    """Return the copy of *statefulset* that its cluster keeps in status, None if there is none."""
    cluster = world.clusters.get(label(statefulset)) or {}
    rack = (statefulset["metadata"].get("labels") or {}).get("dc-rack")
    found = ((cluster.get("status") or {}).get("cassandraRackStatus") or {}).get(rack) or {}
    text = found.get("statefulSetSnapshotBeforeStorageResize")
    copy: Object | None = json.loads(text) if text else None
    return copy


def _only_larger(before: Object, after: Object) -> bool:
    """Whether the spec of a claim is as it was, but for a request for at least as much."""
    if before == after:
        return True
    sizes = [parse(spec["resources"]["requests"]["storage"]) for spec in (before, after)]
    same = {key: value for key, value in before.items() if key != "resources"} == {
        key: value for key, value in after.items() if key != "resources"
    }
    return same and sizes[1] >= sizes[0]


def _exactly(write: Write) -> bool:
    """Whether a deletion names the object by UID and version."""
    given = (write.request.body or {}).get("preconditions") or {}
    return bool(given.get("uid")) and bool(given.get("resourceVersion"))


def _goes_with_its_volumes(cluster: Object | None) -> bool:
    """Whether the cluster is being deleted, and wants its volumes to go with it."""
    if cluster is None or not cluster["metadata"].get("deletionTimestamp"):
        return False
    return (cluster.get("spec") or {}).get("deletePVC") is True


def _has_a_place(name: str, claim: Object, world: World) -> bool:
    """Whether a StatefulSet of its cluster has a pod for the claim, or one that the spec asks for will."""
    rest, _, ordinal = name.rpartition("-")
    if not ordinal.isdecimal():
        return True
    for rack in world.racks_of(label(claim)):
        if rest.endswith(f"-{rack['metadata']['name']}"):
            return int(ordinal) < places_of(rack)
    cluster = world.clusters.get(label(claim))
    asked = () if cluster is None else places.rack_names(cluster)
    return any(rest.endswith(f"-{rack}") for rack in asked)
