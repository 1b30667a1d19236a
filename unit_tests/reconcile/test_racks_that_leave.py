"""Racks that were taken out of the spec: what of them is remembered, and until when."""

from __future__ import annotations

import json
from typing import Any

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import ClusterStatus
from controller.api.v2.codec import decode_cluster
from controller.domain.changes import Facts
from controller.reconcile.accepted import Chosen, accepted_text, choose
from controller.reconcile.wish import wish
from unit_tests.executors.stage import IMAGES, cluster_json

Json = dict[str, Any]


def stored(*racks: str, annotation: str | None = None, **spec: Any) -> Json:
    """Return a cluster whose only data centre has *racks*, with *annotation* as its last accepted spec."""
    dc = {"name": "dc1", "nodesPerRacks": 1, "rack": [{"name": rack} for rack in racks]}
    obj = cluster_json(topology={"dc": [dc]}, **spec)
    annotations = {} if annotation is None else {names.LAST_APPLIED: annotation}
    obj["metadata"] |= {"uid": "u", "resourceVersion": "5", "generation": 2, "annotations": annotations}
    return obj


def chosen(obj: Json, *there: str) -> Chosen:
    """Return what is gone by for *obj* while the racks *there* exist."""

    def facts(cluster: object) -> Facts:
        text = obj["metadata"]["annotations"].get(names.LAST_APPLIED) or "{}"
        nodes = {f"dc1-{rack}": 1 for rack in there}
        return Facts(nodes=nodes, leaving=frozenset(json.loads(text).get("leaving", ())))

    return choose(obj, facts)


def accepted(found: Chosen) -> str:
    """Return the annotation that *found* leads to."""
    assert found.remember is not None
    return accepted_text(found.remember)


def racks(found: Chosen) -> list[str]:
    """Return the racks that are carried out."""
    assert found.cluster.spec.topology is not None
    return [rack.name for rack in found.cluster.spec.topology.dc[0].rack]


def test_a_rack_stays_known_until_nothing_of_it_exists() -> None:
    """An operator that starts anew still knows how its nodes are made, and that they are to go."""
    three = accepted_text(stored("a", "b", "c"))

    first = chosen(stored("a", "c", annotation=three), "a", "b", "c")
    again = chosen(stored("a", "c", annotation=accepted(first)), "a", "b", "c")
    gone = chosen(stored("a", "c", annotation=accepted(again)), "a", "c")

    assert (racks(first), first.leaving, first.refused) == (["a", "c", "b"], frozenset({"dc1-b"}), False)
    assert (racks(again), again.leaving) == (["a", "c", "b"], frozenset({"dc1-b"}))
    assert (racks(gone), gone.leaving) == (["a", "c"], frozenset())
    assert accepted(gone) == accepted_text(stored("a", "c"))


def test_a_rack_that_is_put_back_is_as_before() -> None:
    """Its nodes are wanted again."""
    leaving = accepted(chosen(stored("a", annotation=accepted_text(stored("a", "b"))), "a", "b"))

    back = chosen(stored("a", "b", annotation=leaving), "a", "b")

    assert (racks(back), back.leaving) == (["a", "b"], frozenset())
    assert accepted(back) == accepted_text(stored("a", "b"))


def test_another_edit_does_not_stop_a_rack_that_leaves() -> None:
    """Neither one that is refused, nor one that makes no sense, nor a rack that comes meanwhile."""
    leaving = accepted(
        chosen(stored("a", "x", annotation=accepted_text(stored("a", "x", "b"))), "a", "x", "b")
    )

    renamed = chosen(stored("a", "y", annotation=leaving), "a", "x", "b")
    senseless = chosen(stored("a", "x", annotation=leaving, dataCapacity="1.2.3Gi"), "a", "x", "b")
    wider = chosen(stored("a", "x", "c", annotation=leaving), "a", "x", "b")

    assert (renamed.refused, racks(renamed), renamed.leaving) == (True, ["a", "x", "b"], frozenset({"dc1-b"}))
    assert (senseless.refused, senseless.leaving) == (True, frozenset({"dc1-b"}))
    assert (wider.refused, racks(wider), wider.leaving) == (False, ["a", "x", "c", "b"], frozenset({"dc1-b"}))


def test_a_rack_that_leaves_is_wanted_with_no_nodes_and_as_no_seed() -> None:
    """It keeps its template; the seeds are those of the racks that stay, once it is gone."""
    cluster = decode_cluster(stored("a", "b", autoUpdateSeedList=True))
    seeds = wish(cluster, {}, frozenset(), IMAGES).seeds
    running = attrs.evolve(cluster, status=ClusterStatus(seed_list=seeds))
    members = frozenset({"cc-dc1-a-0", "cc-dc1-b-0"})

    before = wish(running, {}, members, IMAGES)
    during = wish(running, {}, members, IMAGES, leaving=frozenset({"dc1-b"}))
    after = wish(running, {}, frozenset({"cc-dc1-a-0"}), IMAGES, leaving=frozenset({"dc1-b"}))

    rack = during.desired.racks[1]
    assert (rack.name, rack.path, rack.replicas, rack.leaves) == (
        "dc1-b",
        "spec.topology.dc[0].rack",
        0,
        True,
    )
    assert rack.template_hash == before.desired.racks[1].template_hash
    assert before.seeds == during.seeds == seeds
    assert during.desired.seeds == members
    assert after.seeds == ("cc-dc1-a-0.cc.cassandra",)


def test_another_order_changes_nothing() -> None:
    """Racks are told apart by name: those that change places keep their templates and seeds."""
    cluster = decode_cluster(stored("a", "b", autoUpdateSeedList=True))
    seeds = wish(cluster, {}, frozenset(), IMAGES).seeds
    members = frozenset({"cc-dc1-a-0", "cc-dc1-b-0"})

    def hashes(*order: str) -> dict[str, str]:
        obj = decode_cluster(stored(*order, autoUpdateSeedList=True))
        made = wish(attrs.evolve(obj, status=ClusterStatus(seed_list=seeds)), {}, members, IMAGES)
        assert made.seeds == seeds
        return {rack.name: rack.template_hash for rack in made.desired.racks}

    assert hashes("a", "b") == hashes("b", "a")
