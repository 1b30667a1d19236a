"""Each invariant is silent about a sound world, and speaks of one in which it is broken."""

from __future__ import annotations

from collections.abc import Callable
import json
from typing import Any

import attrs
import pytest

from controller.api.v2.names import PAUSED
from e2e.providers.sim_operator import PASSWORD
from e2e.sweep import invariants as inv
from e2e.sweep import leaving_rules as gone
from e2e.sweep import removing_rules as removing
from e2e.sweep import world as places
from e2e.sweep.world import Copies, World, Write
from unit_tests.sweep import operation_cases
from unit_tests.sweep.worlds import (
    CLAIM,
    EXACT,
    LEAVING,
    POD,
    PURGED,
    cluster,
    deletion,
    meta,
    node,
    rack,
    world,
    write,
)


def _record(*joined: str) -> dict[str, Any]:
    return {"metadata": meta("cc-ring"), "data": {"joined": str(list(joined)).replace("'", '"')}}


def _ready(nodes: int, *, observed: int = 1, status: str = "True") -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": "x", "observedGeneration": observed}
    return cluster(status={"readyNodes": nodes, "observedGeneration": observed, "conditions": [ready]})


def _failing(obj: dict[str, Any]) -> dict[str, Any]:
    """Return *obj* with the word that a look at it failed."""
    retrying = {"type": "Progressing", "status": "True", "reason": "Retrying", "observedGeneration": 1}
    status = obj["status"]
    return {**obj, "status": {**status, "conditions": [*status["conditions"], retrying]}}


def _claim(size: str, **more: str) -> dict[str, Any]:
    return {**CLAIM, "spec": {"resources": {"requests": {"storage": size}}, **more}}


def _racked(size: int) -> dict[str, Any]:
    """Return a StatefulSet that says which rack it is of."""
    labels = {"cassandracluster": "cc", "dc-rack": "dc1-r1"}
    return {**rack(size), "metadata": {**meta("cc-r1"), "labels": labels}}


def _noted(copied: dict[str, Any]) -> dict[str, Any]:
    """Return the cluster with a copy of a StatefulSet in its status."""
    kept = {"statefulSetSnapshotBeforeStorageResize": json.dumps(copied)}
    return cluster(status={"cassandraRackStatus": {"dc1-r1": kept}})


# A volume on `node-b`, and a cluster that lost that machine: another node of it is up.
_PLACED = {
    **CLAIM,
    "metadata": {**CLAIM["metadata"], "annotations": {"volume.kubernetes.io/selected-node": "node-b"}},
}
_LOST = world(
    clusters={"cc": cluster(spec={"nodeReplacement": "Automatic"})},
    statefulsets={"cc-r1": rack(2)},
    machines=frozenset({"node-a"}),
    nodes=(node("cc-r1-1", address="b"),),
)


# A cluster whose first node is removed from the ring, and its volume.
_REMOVES = cluster(status={"nodeRemoval": {"hostId": "h9", "place": {"cc-r1-0": "u", "data-cc-r1-0": "c"}}})
_FIRST = {**CLAIM, "metadata": {**CLAIM["metadata"], "name": "data-cc-r1-0"}}


_PAUSED = cluster(metadata={"annotations": {PAUSED: "true"}})


def _orphaning(obj: dict[str, Any]) -> Write:
    body = {**EXACT, "propagationPolicy": "Orphan"}
    return write(places.STATEFULSETS, obj, before=obj, method="DELETE", body=body)


def _copies(*addresses: str) -> tuple[Copies, ...]:
    return (Copies(keyspace="app", holders=frozenset({frozenset(addresses)})),)


NOBODY = world(nodes=())
# One rack of three nodes, which all have a copy of everything.
THREE = world(
    nodes=tuple(node(f"cc-r1-{i}") for i in range(3)),
    copies=_copies("10.0.0.0", "10.0.0.1", "10.0.0.2"),
)
# The rule, a write, the world before it, and what the rule has to say (None: nothing).
WRITES: dict[str, tuple[inv.WriteRule, Write, World, str | None]] = {
    "status alone": (
        inv.spec_is_the_users,
        write(places.CLUSTERS, cluster(status={"phase": "x"}), before=cluster()),
        world(),
        None,
    ),
    "spec written": (
        inv.spec_is_the_users,
        write(places.CLUSTERS, cluster(spec={"x": 1}), before=cluster()),
        world(),
        "spec was written",
    ),
    "grows": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(2), before=rack(1)),
        world(),
        None,
    ),
    "shrinks by one that left": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(nodes=(node(), node("cc-r1-1", mode="DECOMMISSIONED", fresh=True))),
        None,
    ),
    "shrinks by one that never joined": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(nodes=(node(), node("cc-r1-1", mode="JOINING", fresh=True))),
        None,
    ),
    "shrinks by one that was removed from the ring by hand": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(),
        None,
    ),
    "shrinks by one that does not run and is a member": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(nodes=(node(knows=frozenset({"10.0.0.0", "10.0.0.1"})),)),
        "counts on 10.0.0.1",
    ),
    "shrinks while a member is known at an earlier address": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(
            nodes=(
                node(host_id="one", knows=frozenset({"10.0.0.0", "10.0.0.9"}), host_ids={"10.0.0.9": "two"}),
            ),
            disks={"data-cc-r2-0": "two"},
        ),
        None,
    ),
    "shrinks by one whose disk is a member's": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(
            nodes=(
                node(host_id="one", knows=frozenset({"10.0.0.0", "10.0.0.9"}), host_ids={"10.0.0.9": "two"}),
            ),
            disks={"data-cc-r1-1": "two"},
        ),
        "counts on 10.0.0.9",
    ),
    "shrinks by one that hands its data over": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(nodes=(node(), node("cc-r1-1", mode="LEAVING"))),
        "the last one was LEAVING",
    ),
    "shrinks by one that serves": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(nodes=(node(), node("cc-r1-1"))),
        "the last one was NORMAL",
    ),
    "shrinks by one that is a member for others": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(2)),
        world(
            nodes=(node(knows=frozenset({"10.0.0.1"})), node("cc-r1-1", mode="DECOMMISSIONED", fresh=True))
        ),
        "still counts it a member",
    ),
    "shrinks by two": (
        gone.racks_shrink_by_a_node_that_left,
        write(places.STATEFULSETS, rack(1), before=rack(3)),
        world(),
        "from 3 to 1",
    ),
    "claim marked": (
        inv.volumes_are_deleted_by_proof,
        write(places.CLAIMS, CLAIM, before=CLAIM),
        world(),
        None,
    ),
    "claim that grows": (
        inv.volumes_are_deleted_by_proof,
        write(places.CLAIMS, _claim("2Gi"), before=_claim("1Gi")),
        world(),
        None,
    ),
    "claim that shrinks": (
        inv.volumes_are_deleted_by_proof,
        write(places.CLAIMS, _claim("1Gi"), before=_claim("2Gi")),
        world(),
        "was written",
    ),
    "claim of another class": (
        inv.volumes_are_deleted_by_proof,
        write(places.CLAIMS, _claim("2Gi", storageClassName="slow"), before=_claim("1Gi")),
        world(),
        "was written",
    ),
    "claim purged": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, CLAIM),
        attrs.evolve(NOBODY, clusters={"cc": PURGED}),
        None,
    ),
    "claim purged by name": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, CLAIM, exact=False),
        attrs.evolve(NOBODY, clusters={"cc": PURGED}),
        "without preconditions",
    ),
    "claim of a cluster that lives": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, CLAIM),
        NOBODY,
        "has a place",
    ),
    "claim of a node that left": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, {**CLAIM, "metadata": meta("data-cc-r1-1", owned=False)}),
        world(),
        None,
    ),
    "claim on a machine that is gone": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, _PLACED),
        attrs.evolve(_LOST, copies=(Copies(keyspace="app", holders=frozenset({frozenset({"a", "b"})})),)),
        None,
    ),
    "claim with the only copy": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, _PLACED),
        attrs.evolve(_LOST, copies=(Copies(keyspace="app", holders=frozenset({frozenset({"a"})})),)),
        "data of app is nowhere else",
    ),
    "claim on a machine that is there": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, _PLACED),
        attrs.evolve(_LOST, machines=frozenset({"node-a", "node-b"})),
        "its Kubernetes node is there",
    ),
    "claim that nobody asked to give up": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, _PLACED),
        attrs.evolve(_LOST, clusters={"cc": cluster()}),
        "has a place",
    ),
    "claim in use": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, CLAIM),
        world(clusters={"cc": PURGED}),
        "while Cassandra ran",
    ),
    "rack of a purged cluster": (
        inv.nothing_else_is_deleted,
        deletion(places.STATEFULSETS, rack(1)),
        world(clusters={"cc": PURGED}),
        None,
    ),
    "rack taken from its pods": (
        inv.nothing_else_is_deleted,
        _orphaning(_racked(2)),
        world(clusters={"cc": _noted(_racked(2))}),
        None,
    ),
    "rack taken from its pods without a copy": (
        inv.nothing_else_is_deleted,
        _orphaning(_racked(2)),
        world(),
        "without a copy",
    ),
    "rack taken from its pods with an old copy": (
        inv.nothing_else_is_deleted,
        _orphaning(_racked(2)),
        world(clusters={"cc": _noted(_racked(1))}),
        "without a copy",
    ),
    "rack made again": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, _racked(2)),
        world(clusters={"cc": _noted(_racked(2))}, statefulsets={}),
        None,
    ),
    "rack made again too large": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, _racked(4)),
        world(clusters={"cc": _noted(_racked(2))}, statefulsets={}),
        "from 2 to 4",
    ),
    "rack deleted": (
        inv.nothing_else_is_deleted,
        deletion(places.STATEFULSETS, rack(1)),
        world(),
        "was deleted",
    ),
    "empty rack deleted": (
        inv.nothing_else_is_deleted,
        deletion(places.STATEFULSETS, rack(0)),
        world(),
        None,
    ),
    "budget deleted": (
        inv.nothing_else_is_deleted,
        deletion(places.BUDGETS, {"metadata": meta("cc")}),
        world(),
        "was deleted",
    ),
    "pod deleted": (inv.pods_are_deleted_by_proof, deletion(places.PODS, POD, read=True), NOBODY, None),
    "pod deleted by name": (
        inv.pods_are_deleted_by_proof,
        deletion(places.PODS, POD, exact=False, read=True),
        NOBODY,
        "without preconditions",
    ),
    "pod deleted unseen": (
        inv.pods_are_deleted_by_proof,
        deletion(places.PODS, POD),
        NOBODY,
        "without a live read",
    ),
    "node stopped alone": (inv.one_rack_is_down_at_a_time, deletion(places.PODS, POD), world(), None),
    "node stopped beside another": (
        inv.one_rack_is_down_at_a_time,
        deletion(places.PODS, POD),
        world(statefulsets={"cc-r1": rack(1), "cc-r2": rack(1, "cc-r2")}),
        "cc-r2-0 was down",
    ),
    "node stopped, two of three copies stay": (
        inv.a_quorum_stays,
        deletion(places.PODS, POD),
        THREE,
        None,
    ),
    "node stopped beside one that is down": (
        inv.a_quorum_stays,
        deletion(places.PODS, POD),
        attrs.evolve(THREE, nodes=THREE.nodes[:2]),
        "cc-r1-0 was stopped, and 1 of 3 copies of app stay",
    ),
    "node stopped beside one that ends": (
        inv.a_quorum_stays,
        deletion(places.PODS, POD),
        attrs.evolve(THREE, pods={"cc-r1-1": {"metadata": meta("cc-r1-1", **LEAVING)}}),
        "1 of 3 copies",
    ),
    "node stopped that serves nobody": (
        inv.a_quorum_stays,
        deletion(places.PODS, POD),
        attrs.evolve(THREE, nodes=(node(serves=False), *THREE.nodes[1:])),
        None,
    ),
    "node stopped that has the only copy": (
        inv.a_quorum_stays,
        deletion(places.PODS, POD),
        world(copies=_copies("10.0.0.0")),
        None,
    ),
    "node stopped that has no copy": (
        inv.a_quorum_stays,
        deletion(places.PODS, POD),
        world(copies=_copies("10.0.0.1", "10.0.0.2", "10.0.0.3")),
        None,
    ),
    "node joins": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, rack(2), before=rack(1)),
        world(),
        None,
    ),
    "two nodes join": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, rack(3), before=rack(1)),
        world(),
        "at once",
    ),
    "node joins while one starts": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, rack(2), before=rack(1)),
        world(nodes=(node(mode="JOINING"),)),
        "was JOINING",
    ),
    "node joins while one is missing": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, rack(2), before=rack(1)),
        NOBODY,
        "0 of 1 nodes",
    ),
    "node joins while they disagree": (
        inv.one_node_joins_a_ring_that_agrees,
        write(places.STATEFULSETS, rack(3), before=rack(2)),
        world(statefulsets={"cc-r1": rack(2)}, nodes=(node(), node("cc-r1-1"))),
        "did not know all members",
    ),
    "owned": (
        inv.writes_are_for_a_cluster_that_lives,
        write(places.STATEFULSETS, rack(1)),
        world(),
        None,
    ),
    "of a namesake": (
        inv.writes_are_for_a_cluster_that_lives,
        write(places.STATEFULSETS, rack(1), before=rack(1)),
        world(clusters={"cc": cluster(metadata={"uid": "another"})}),
        "is not that cc's",
    ),
    "of nobody": (
        inv.writes_are_for_a_cluster_that_lives,
        write(places.STATEFULSETS, {"metadata": meta("cc-r1", owned=False), "spec": {}}),
        NOBODY,
        "not that cc's",
    ),
    "ready and true": (
        inv.status_claims_what_is_true,
        write(places.CLUSTERS, _ready(1), before=cluster()),
        world(),
        None,
    ),
    "ready and false": (
        inv.status_claims_what_is_true,
        write(places.CLUSTERS, _ready(0), before=cluster()),
        NOBODY,
        "0 of 1 nodes serve",
    ),
    "the last figures beside a failure": (
        inv.status_claims_what_is_true,
        write(places.CLUSTERS, _failing(_ready(1)), before=_ready(1)),
        NOBODY,
        None,
    ),
    "other figures beside a failure": (
        inv.status_claims_what_is_true,
        write(places.CLUSTERS, _failing(_ready(1)), before=_ready(0)),
        NOBODY,
        "status says 1 nodes",
    ),
    "too many nodes": (
        inv.status_claims_what_is_true,
        write(places.CLUSTERS, _ready(1, status="False"), before=cluster()),
        NOBODY,
        "status says 1 nodes",
    ),
    "back in time": (
        inv.status_claims_what_is_true,
        write(places.CLUSTERS, _ready(1), before=_ready(1, observed=2)),
        world(),
        "observedGeneration went from 2 to 1",
    ),
    "fenced": (inv.fence_is_heeded, write(places.PODS, POD, fenced=True), world(), "without the lease"),
    "not fenced": (inv.fence_is_heeded, write(places.PODS, POD), world(), None),
    "secret": (
        inv.secrets_stay_secret,
        write(places.CONFIG_MAPS, {"metadata": meta("x"), "data": {"p": "canary-5f3759df"}}),
        world(),
        "holds the password",
    ),
    "secret of our making": (
        inv.secrets_stay_secret,
        write(places.CLUSTERS, cluster(status={"phase": f"{PASSWORD}-0-0"})),
        world(),
        "holds the password",
    ),
    "no secret": (inv.secrets_stay_secret, write(places.CONFIG_MAPS, _record()), world(), None),
    "one more member": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a", "b"), before=_record("a")),
        world(),
        None,
    ),
    "one member less": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a"), before=_record("a", "cc-r1-0")),
        world(),
        "forgot cc-r1-0, which has a place",
    ),
    "one member less, whose volume is there": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a"), before=_record("a", "cc-r1-1")),
        world(claims={"data-cc-r1-1": CLAIM}),
        "whose volume is there",
    ),
    "one member less, which is down": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a"), before=_record("a", "cc-r1-1")),
        world(nodes=(node(knows=frozenset({"10.0.0.0", "10.0.0.1"})),)),
        "forgot cc-r1-1, and cc-r1-0 counts on 10.0.0.1",
    ),
    "one member less, which was removed": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a"), before=_record("a", "cc-r1-0")),
        world(clusters={"cc": _REMOVES}, nodes=()),
        None,
    ),
    "one member less, which somebody knows yet": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a"), before=_record("a", "cc-r1-0")),
        world(clusters={"cc": _REMOVES}, nodes=(node("cc-r1-1", knows=frozenset({"10.0.0.1", "10.0.0.9"})),)),
        "forgot cc-r1-0, which has a place",
    ),
    "a volume of one that was removed": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, _FIRST),
        world(clusters={"cc": _REMOVES}, claims={"data-cc-r1-0": _FIRST}, nodes=(node("cc-r1-1"),)),
        None,
    ),
    "a volume of one that somebody knows yet": (
        inv.volumes_are_deleted_by_proof,
        deletion(places.CLAIMS, _FIRST),
        world(clusters={"cc": _REMOVES}, nodes=(node("cc-r1-1", knows=frozenset({"10.0.0.1", "10.0.0.9"})),)),
        "its node has a place",
    ),
    "one member less, which has left": (
        gone.members_are_never_forgotten,
        write(places.CONFIG_MAPS, _record("a"), before=_record("a", "cc-r1-1")),
        world(),
        None,
    ),
    "status of a paused cluster": (
        inv.paused_is_left_alone,
        write(places.CLUSTERS, cluster(status={"phase": "x"}), before=cluster()),
        world(clusters={"cc": _PAUSED}),
        None,
    ),
    "paused, and written": (
        inv.paused_is_left_alone,
        write(places.STATEFULSETS, rack(1), before=rack(1)),
        world(clusters={"cc": _PAUSED}),
        "while its cluster was paused",
    ),
    "not paused any more": (
        inv.paused_is_left_alone,
        write(places.STATEFULSETS, rack(1), before=rack(1)),
        world(),
        None,
    ),
    **operation_cases.WRITES,
}
WORLDS: dict[str, tuple[inv.WorldRule, World, World, str | None]] = {
    "one joins": (
        inv.one_topology_change_at_a_time,
        world(),
        world(nodes=(node(), node("cc-r1-1", mode="JOINING"))),
        None,
    ),
    "one is removed that status names": (
        removing.removal_is_noted_before,
        world(clusters={"cc": _REMOVES}),
        world(clusters={"cc": _REMOVES}, nodes=(node(removes="h9"),)),
        None,
    ),
    "another is removed": (
        removing.removal_is_noted_before,
        world(clusters={"cc": _REMOVES}),
        world(clusters={"cc": _REMOVES}, nodes=(node(removes="h7"),)),
        "cc-r1-0 removes h7, and status does not say so",
    ),
    "one leaves that status names": (
        gone.leaving_is_noted_before,
        world(
            clusters={
                "cc": cluster(
                    status={
                        "cassandraRackStatus": {
                            "dc1-rack1": {
                                "podLastOperation": {
                                    "name": "decommission",
                                    "status": "Ongoing",
                                    "pods": ["cc-r1-0"],
                                }
                            }
                        }
                    }
                )
            }
        ),
        world(nodes=(node(mode="LEAVING"),)),
        None,
    ),
    "one leaves that status does not name": (
        gone.leaving_is_noted_before,
        world(),
        world(nodes=(node(mode="LEAVING"),)),
        "status does not say so",
    ),
    "two join": (
        inv.one_topology_change_at_a_time,
        world(),
        world(nodes=(node("cc-r1-1", fresh=True, mode="STARTING"), node("cc-r1-2", mode="JOINING"))),
        "at once",
    ),
    "one ring": (inv.a_cluster_is_one_ring, world(), world(), None),
    "two rings": (
        inv.a_cluster_is_one_ring,
        world(),
        world(nodes=(node(), node("cc-r1-1"))),
        "do not know each other",
    ),
    "a ring that was not heard of yet": (
        inv.a_cluster_is_one_ring,
        world(),
        world(nodes=(node(), node("cc-r1-1", age=5.0))),
        None,
    ),
    "same node": (inv.nodes_keep_their_identity, world(), world(), None),
    "another node": (
        inv.nodes_keep_their_identity,
        world(),
        world(nodes=(node(host_id="new"),)),
        "became another node",
    ),
    "twins": (
        inv.nodes_keep_their_identity,
        world(),
        world(nodes=(node(), node("cc-r1-1", host_id="cc-r1-0-id"))),
        "same host id",
    ),
    "volume stays": (
        inv.volumes_stay,
        world(claims={"data-cc-r1-0": CLAIM}),
        world(claims={"data-cc-r1-0": CLAIM}),
        None,
    ),
    "volume is gone": (inv.volumes_stay, world(claims={"data-cc-r1-0": CLAIM}), world(), "is gone"),
    "volume goes": (
        inv.volumes_stay,
        world(claims={"data-cc-r1-0": CLAIM}),
        world(claims={"data-cc-r1-0": {**CLAIM, "metadata": {**CLAIM["metadata"], **LEAVING}}}),
        "is being deleted",
    ),
    "volume goes with its machine": (
        inv.volumes_stay,
        attrs.evolve(_LOST, claims={"data-cc-r1-0": _PLACED}),
        _LOST,
        None,
    ),
    "volume goes with its cluster": (
        inv.volumes_stay,
        world(claims={"data-cc-r1-0": CLAIM}, clusters={"cc": PURGED}),
        world(clusters={"cc": PURGED}),
        None,
    ),
    "budget stays": (
        inv.the_budget_is_never_absent,
        world(budgets={"cc": {"metadata": meta("cc")}}),
        world(budgets={"cc": {"metadata": meta("cc")}}),
        None,
    ),
    "budget is gone": (
        inv.the_budget_is_never_absent,
        world(budgets={"cc": {"metadata": meta("cc")}}),
        world(),
        "is gone",
    ),
    "budget goes with its cluster": (
        inv.the_budget_is_never_absent,
        world(budgets={"cc": {"metadata": meta("cc")}}),
        world(clusters={}),
        None,
    ),
    **operation_cases.WORLDS,
}


@pytest.mark.parametrize("case", WRITES)
def test_rules_for_writes(case: str) -> None:
    """A rule speaks of the write that breaks it, and of no other."""
    rule, made, before, says = WRITES[case]
    _check(rule(made, before), says)


@pytest.mark.parametrize("case", WORLDS)
def test_rules_for_worlds(case: str) -> None:
    """A rule speaks of the world that breaks it, and of no other."""
    rule, before, after, says = WORLDS[case]
    _check(rule(before, after), says)


@pytest.mark.parametrize("rules", [inv.WRITE_RULES, inv.WORLD_RULES], ids=["writes", "worlds"])
def test_every_rule_is_shown_to_fire(rules: tuple[Callable[..., str | None], ...]) -> None:
    """There is no invariant here that nobody has seen broken."""
    fire = {case[0] for case in (*WRITES.values(), *WORLDS.values()) if case[3] is not None}

    assert set(rules) <= fire


def _check(found: str | None, says: str | None) -> None:
    if says is None:
        assert found is None
    else:
        assert found is not None
        assert says in found
