"""From a spec to names, sizes and objects."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster, ClusterStatus
from controller.api.v2.codec import decode_cluster
from controller.builders.context import Images
from controller.builders.ring import read_ring_configmap
from controller.domain.errors import TerminalError
from controller.reconcile.wish import Wish, wish
from unit_tests.executors.stage import IMAGES, RACK, cluster_json

Json = dict[str, Any]

DCS = {
    "dc": [
        {"name": "dc1", "rack": [{"name": "a"}, {"name": "b"}]},
        {"name": "dc2", "nodesPerRacks": 1, "rack": [{"name": "a"}]},
    ]
}


def cluster(**spec: Any) -> CassandraCluster:
    """Return a cluster with *spec* over that of one rack."""
    obj = cluster_json(**spec)
    obj["metadata"]["uid"] = "cluster-uid"
    return decode_cluster(obj)


def asked(of: CassandraCluster, live: dict[str, Json] | None = None, joined: tuple[str, ...] = ()) -> Wish:
    """Return what *of* asks for."""
    return wish(of, live or {}, frozenset(joined), IMAGES)


def existing(of: CassandraCluster, replicas: int = 1) -> Json:
    """Return the first rack's StatefulSet as it was made for *of*, whole."""
    return copy.deepcopy(dict(asked(of).bodies.statefulset(RACK, replicas)))


def test_racks_come_in_the_order_of_the_spec() -> None:
    """Each with its path, its size and the name of its StatefulSet."""
    found = asked(cluster(topology=DCS)).desired

    assert [(r.name, r.path, r.replicas, r.statefulset) for r in found.racks] == [
        ("dc1-a", "spec.topology.dc[0].rack[0]", 3, "cc-dc1-a"),
        ("dc1-b", "spec.topology.dc[0].rack[1]", 3, "cc-dc1-b"),
        ("dc2-a", "spec.topology.dc[1].rack[0]", 1, "cc-dc2-a"),
    ]


def test_the_same_spec_gives_the_same_wish() -> None:
    """Hashes repeat, whatever the size that a body is asked for: only then does nothing change."""
    one, other = asked(cluster()), asked(cluster())

    assert one.desired == other.desired
    small, large = (one.bodies.statefulset(RACK, n) for n in (1, 3))
    assert (small["spec"]["replicas"], large["spec"]["replicas"]) == (1, 3)
    assert small["metadata"] == large["metadata"]


def test_the_hash_of_a_rack_follows_its_template_not_its_size() -> None:
    """Growing is no new template; another image is."""
    same, other = cluster(nodesPerRacks=5), cluster(cassandraImage="cassandra:5.0.1")
    hashes = [asked(each).desired.racks[0].template_hash for each in (cluster(), same, other)]

    assert hashes[0] == hashes[1] != hashes[2]


def test_the_ring_remembers_who_has_joined() -> None:
    """The ConfigMap carries the pods that have, and its hash changes with them."""
    none, some = asked(cluster()), asked(cluster(), joined=("cc-dc1-rack1-0",))

    ring = some.bodies.shared["ConfigMap/cc-ring"]
    assert read_ring_configmap(ring) == frozenset({"cc-dc1-rack1-0"})
    assert none.desired.shared["ConfigMap/cc-ring"] != some.desired.shared["ConfigMap/cc-ring"]


def test_seeds_are_chosen_once() -> None:
    """They are part of every pod's environment: once a node has joined by those in status, they stay."""
    fresh = asked(cluster())
    kept = attrs.evolve(cluster(topology=DCS), status=ClusterStatus(seed_list=fresh.seeds))

    assert fresh.seeds[0] == "cc-dc1-rack1-0.cc.cassandra"
    assert asked(kept, joined=("cc-dc1-rack1-0",)).seeds == fresh.seeds


def test_a_rack_that_exists_keeps_the_image_it_was_made_with() -> None:
    """A newer operator brings a newer image; the template of a rack that exists does not follow."""
    live = existing(cluster())
    newer = wish(cluster(), {RACK: live}, frozenset(), Images(own="example.org/casskop:2"))

    hashed = live["metadata"]["annotations"][names.TEMPLATE_HASH]
    assert newer.desired.racks[0].template_hash == hashed
    assert newer.desired.racks[0].refusals == ()


@pytest.mark.parametrize(
    "spec",
    [
        {"dataCapacity": "1Mi"},
        {"dataCapacity": "9Gi", "dataStorageClass": "other"},
        {"dataStorageClass": "other"},
        {
            "storageConfigs": [
                {
                    "mountPath": "/x",
                    "name": "more",
                    "pvcSpec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                    },
                }
            ]
        },
    ],
)
def test_volumes_that_exist_do_not_follow_the_spec(spec: Json) -> None:
    """The difference is told by path; what is written has the volumes that are there."""
    live = existing(cluster())

    found = asked(cluster(**spec), {RACK: live})

    assert [refusal.path for refusal in found.desired.racks[0].refusals] == ["spec.dataCapacity"]
    body = found.bodies.statefulset(RACK, 1)
    assert body["spec"]["volumeClaimTemplates"] == live["spec"]["volumeClaimTemplates"]


def test_larger_volumes_are_asked_for_and_the_template_waits() -> None:
    """The plan knows the size and where it stands; what is written has the volumes that are there."""
    live = existing(cluster())

    found = asked(cluster(dataCapacity="9Gi"), {RACK: live})

    (rack,) = found.desired.racks
    assert (rack.capacity, rack.capacity_path, rack.refusals) == ("9Gi", "spec.dataCapacity", ())
    body = found.bodies.statefulset(RACK, 1)
    assert body["spec"]["volumeClaimTemplates"] == live["spec"]["volumeClaimTemplates"]


def test_a_capacity_that_is_only_written_otherwise_is_no_change() -> None:
    """1Gi and 1024Mi are the same size."""
    assert asked(cluster(dataCapacity="1024Mi"), {RACK: existing(cluster())}).desired.racks[0].refusals == ()


def test_a_cluster_of_casskop_keeps_its_template() -> None:
    """Without our annotation the rack is revision 0, rolls as before, and needs no ConfigMap of ours."""
    live = existing(cluster())
    live["metadata"]["annotations"] = {}
    live["spec"]["updateStrategy"] = {"type": "RollingUpdate"}

    found = asked(cluster(), {RACK: live})

    body = found.bodies.statefulset(RACK, 1)
    assert body["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    assert body["metadata"]["annotations"][names.TEMPLATE_REVISION] == "0"
    assert "ConfigMap/cc-ring" not in found.bodies.shared


@pytest.mark.parametrize("annotations", [{}, {names.TEMPLATE_REVISION: "7"}, {names.TEMPLATE_REVISION: "x"}])
def test_a_revision_that_cannot_be_built_stops_everything(annotations: dict[str, str]) -> None:
    """A newer operator made it, or somebody took the annotation: nothing is guessed, and it is told."""
    live = existing(cluster())
    live["metadata"]["annotations"] = annotations

    with pytest.raises(TerminalError, match=names.TEMPLATE_REVISION):
        asked(cluster(), {RACK: live})


@pytest.mark.parametrize(("value", "first"), [(None, True), ("true", False), ("TRUE", False), ("no", True)])
def test_casskops_way_out_of_the_first_pods_flow_is_known(value: str | None, *, first: bool) -> None:
    """The annotation turns it off, and only the word `true` does."""
    obj = cluster_json()
    obj["metadata"]["annotations"] = {} if value is None else {names.NO_FIRST_POD_FLOW: value}

    assert asked(decode_cluster(obj)).desired.first_pods_first is first
