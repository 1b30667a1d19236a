"""What a template is asked to do beyond its fields: restarts, contents, and the names of changes."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

import attrs
import pytest

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.reconcile.wish import Wish, wish
from unit_tests.executors.stage import IMAGES, RACK, Json, cluster_json

NOW = dt.datetime(2026, 3, 1, 12, 0, 0, tzinfo=dt.UTC)
LATER = "2026-03-02T12:00:00Z"
THEN = NOW + dt.timedelta(days=2)


def cluster(*, rack: Json | None = None, dc: Json | None = None, **spec: Any) -> CassandraCluster:
    """Return a cluster of one rack, with fields for its rack, its data centre and its spec."""
    topology = {"dc": [{"name": "dc1", "rack": [{"name": "rack1", **(rack or {})}], **(dc or {})}]}
    obj = cluster_json(topology=topology, **spec)
    obj["metadata"]["uid"] = "cluster-uid"
    return decode_cluster(obj)


def asked(of: CassandraCluster, live: Json | None = None, **more: Any) -> Wish:
    """Return what *of* asks for now."""
    return wish(of, {} if live is None else {RACK: live}, frozenset(), IMAGES, **{"now": NOW, **more})


def body(of: CassandraCluster, live: Json | None = None, **more: Any) -> Json:
    """Return the rack's StatefulSet as it would be written."""
    return copy.deepcopy(dict(asked(of, live, **more).bodies.statefulset(RACK, 1)))


def label(statefulset: Json) -> str | None:
    """Return when the pods were last asked to restart."""
    found: str | None = statefulset["spec"]["template"]["metadata"]["labels"].get(names.ROLLING_RESTART)
    return found


def test_a_flag_is_dated_once_and_remembered_in_the_same_write() -> None:
    """Label and acknowledgement come together; the same flag then asks for nothing more."""
    plain = body(cluster())
    flagged = cluster(rack={"rollingRestart": True})
    written = body(flagged, plain)

    assert label(written) == "20260301T120000"
    assert written["metadata"]["annotations"][names.RESTART_SEEN] == "true"
    assert written["metadata"]["annotations"][names.LAST_CHANGE] == "RollingRestart"
    assert body(flagged, written, now=NOW + dt.timedelta(days=1)) == written


def test_a_flag_can_be_set_again_after_it_was_taken_away() -> None:
    """Taking it away changes no template; setting it again dates a new restart."""
    flagged = cluster(rack={"rollingRestart": True})
    first = body(flagged, body(cluster()))
    cleared = body(cluster(), first)

    assert label(cleared) == label(first)
    assert cleared["metadata"]["annotations"][names.RESTART_SEEN] == "false"
    assert (
        cleared["metadata"]["annotations"][names.TEMPLATE_HASH]
        == first["metadata"]["annotations"][names.TEMPLATE_HASH]
    )
    assert label(body(flagged, cleared, now=NOW + dt.timedelta(hours=1))) == "20260301T130000"


@pytest.mark.parametrize("kept", ["20270101T000000", "20260301T120000"])
def test_a_clock_that_was_wrong_does_not_swallow_a_restart(kept: str) -> None:
    """A label of the future, or of this very second, is followed by a later one."""
    live = body(cluster())
    live["spec"]["template"]["metadata"]["labels"][names.ROLLING_RESTART] = kept

    found = label(body(cluster(rack={"rollingRestart": True}), live))

    assert found is not None
    assert found > kept


@pytest.mark.parametrize(
    "of",
    [
        cluster(restartedAt=LATER),
        cluster(dc={"restartedAt": LATER}),
        cluster(rack={"restartedAt": LATER}),
        cluster(restartedAt="2026-01-01T00:00:00Z", dc={"restartedAt": "2026-03-02T13:00:00+01:00"}),
    ],
)
def test_the_latest_date_counts(of: CassandraCluster) -> None:
    """Dates of cluster, data centre and rack are one question, in whatever time zone they are written."""
    assert label(body(of, body(cluster()), now=THEN)) == "20260302T120000"


def test_an_earlier_date_or_none_restarts_nothing() -> None:
    """What was restarted stays so when the field goes, or goes back."""
    dated = body(cluster(restartedAt=LATER), body(cluster()), now=THEN)

    for of in (cluster(), cluster(restartedAt="2026-01-01T00:00:00Z")):
        assert body(of, dated)["spec"]["template"] == dated["spec"]["template"]


@pytest.mark.parametrize(
    ("of", "path"),
    [
        (cluster(restartedAt=LATER), "spec.restartedAt"),
        (cluster(dc={"restartedAt": LATER}), "spec.topology.dc[0].restartedAt"),
        (cluster(rack={"restartedAt": LATER}), "spec.topology.dc[0].rack[0].restartedAt"),
    ],
)
def test_a_date_that_has_yet_to_come_is_waited_for(of: CassandraCluster, path: str) -> None:
    """It is named until then, and any other counts meanwhile; clocks may differ by some minutes."""
    came = dt.datetime(2026, 3, 2, 11, 56, tzinfo=dt.UTC)
    live = body(cluster())

    assert label(body(of, live)) is None
    assert set(asked(of, live).desired.restarts_ahead) == {path}
    other = attrs.evolve(of, spec=attrs.evolve(of.spec, restarted_at=NOW))
    assert label(body(other, live)) == ("20260301T120000")
    assert label(body(of, live, now=came)) == "20260302T120000"
    assert not asked(of, live, now=came).desired.restarts_ahead


def test_a_new_rack_has_nothing_to_restart() -> None:
    """Flags and dates in the manifest of a new cluster are taken as seen."""
    of = cluster(rack={"rollingRestart": True}, restartedAt=LATER)
    made = body(of)

    assert body(of, made) == made


RESOURCES = {"limits": {"cpu": "1", "memory": "2Gi"}}


@pytest.mark.parametrize(
    ("of", "change"),
    [
        (cluster(cassandraImage="cassandra:5.0.9"), "UpdateDockerImage"),
        (cluster(configMapName="scripts"), "UpdateConfigMap"),
        (cluster(resources=RESOURCES), "UpdateResources"),
        (cluster(dc={"resources": RESOURCES}), "UpdateStatefulSet"),
        (cluster(restartedAt=LATER), "RollingRestart"),
        (cluster(config={"cassandra-yaml": {"concurrent_reads": 4}}), "UpdateStatefulSet"),
        (cluster(bootstrapImage="example.org/bootstrap:2"), "UpdateStatefulSet"),
        (cluster(cassandraImage="cassandra:5.0.9", configMapName="scripts"), "UpdateConfigMap"),
        (cluster(), None),
    ],
)
def test_changes_are_named_as_casskop_names_them(of: CassandraCluster, change: str | None) -> None:
    """What differs from the stored template has one name, which is stored together with it."""
    (rack,) = asked(of, body(cluster()), now=THEN).desired.racks

    assert rack.change == change
    if change is not None:
        written = body(of, body(cluster()), now=THEN)
        assert written["metadata"]["annotations"][names.LAST_CHANGE] == change
        # It stays there when everything is as it should be.
        assert body(of, written) == written


def test_edited_seeds_are_an_update_of_the_seed_list() -> None:
    """The seed list in status may be edited, and its name says what that does."""
    live = body(cluster())
    of = cluster()
    of = attrs.evolve(of, status=attrs.evolve(of.status, seed_list=("cc-dc1-rack1-1.cc.cassandra",)))

    (rack,) = asked(of, live).desired.racks

    assert rack.change == "UpdateSeedList"


def test_contents_of_a_config_map_are_part_of_the_template() -> None:
    """Another content is another template; one that cannot be read changes nothing."""
    of = cluster(configMapName="scripts")
    first = body(of, contents="abc")

    def template(statefulset: Json) -> Any:
        return statefulset["spec"]["template"]

    assert template(body(of, first, contents="abc")) == template(first)
    assert template(body(of, first, contents=None)) == template(first)
    assert template(body(of, first, contents="xyz")) != template(first)
    (rack,) = asked(of, first, contents="xyz").desired.racks
    assert rack.change == "UpdateConfigMap"
    assert rack.template_hash != first["metadata"]["annotations"][names.TEMPLATE_HASH]


def test_racks_that_are_made_alike_have_one_recipe() -> None:
    """Where pods run is no part of it; what they run is."""
    racks = [{"name": "a", "labels": {"zone": "a"}}, {"name": "b", "labels": {"zone": "b"}}]
    odd = {"name": "c", "config": {"cassandra-yaml": {"concurrent_reads": 4}}}
    obj = cluster_json(topology={"dc": [{"name": "dc1", "rack": [*racks, odd]}]})
    obj["metadata"]["uid"] = "cluster-uid"

    a, b, c = wish(decode_cluster(obj), {}, frozenset(), IMAGES).desired.racks

    assert a.recipe == b.recipe
    assert a.recipe != c.recipe


def test_how_rolls_are_done_comes_from_the_spec() -> None:
    """Fields of `spec.rollout`, with `maxPodUnavailable` as the ceiling of gradual rolls."""
    plain = asked(cluster(maxPodUnavailable=2)).desired.rollout
    given = {"strategy": "RackAtOnce", "consistency": "QUORUM", "onlyIfProven": True, "paused": True}
    fast = asked(cluster(rollout=given, unlockNextOperation=True)).desired.rollout

    assert (plain.most, plain.share, plain.strict, plain.paused, plain.unlocked) == (
        2,
        None,
        False,
        False,
        False,
    )
    assert (fast.share, fast.consistency.value, fast.strict, fast.paused, fast.unlocked) == (
        100,
        "QUORUM",
        True,
        True,
        True,
    )
