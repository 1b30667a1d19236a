"""What an absent field means, in either template revision."""

from __future__ import annotations

from typing import Any

from hypothesis import given
import pytest

from controller.api.v2 import effective
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from unit_tests import strategies


def cluster(**spec: object) -> CassandraCluster:
    """Return a cluster named `a` with this spec."""
    return decode_cluster({"metadata": {"name": "a", "namespace": "ns"}, "spec": spec})


def test_an_empty_spec_is_one_node_in_dc1_rack1() -> None:
    """A new cluster runs Cassandra 5.0 and the operator's own init containers."""
    filled = with_defaults(cluster(), revision=Revision.HARDENED)

    spec = filled.spec
    assert [(dc.name, rack.name) for dc, rack in effective.racks(filled)] == [("dc1", "rack1")]
    assert (spec.nodes_per_racks, spec.max_pod_unavailable) == (1, 1)
    assert spec.cassandra_image == "cassandra:5.0"
    assert (spec.bootstrap_image, spec.config_builder_image) == (None, None)
    assert (spec.run_as_user, spec.fs_group, spec.read_only_root_filesystem) == (999, 1, True)
    assert spec.back_rest_sidecar is not None
    assert spec.back_rest_sidecar.enabled is True
    assert spec.service_account_name == "cassandra-cluster-node"


def test_revision_0_has_casskops_images_and_timings() -> None:
    """They are what CassKop wrote into the objects that it managed."""
    spec = with_defaults(cluster(), revision=Revision.CASSKOP).spec

    assert spec.cassandra_image == "cassandra:3.11.10"
    assert spec.bootstrap_image == "ghcr.io/cscetbon/casskop-bootstrap:0.1.21"
    assert spec.image_pull_policy == "Always"
    assert (spec.liveness_initial_delay_seconds, spec.readiness_initial_delay_seconds) == (120, 60)
    assert spec.liveness_failure_threshold is None


def test_a_bootstrap_image_without_startup_probe_gets_patient_probes() -> None:
    """Otherwise Cassandra would be killed while it starts."""
    own = with_defaults(cluster(), revision=1).spec
    users = with_defaults(cluster(bootstrapImage="mine:1"), revision=1).spec

    assert own.liveness_initial_delay_seconds == 0
    assert users.liveness_initial_delay_seconds == 120


def test_what_is_given_stays() -> None:
    """Zero, false and an empty data centre are answers, not absences."""
    spec = with_defaults(
        cluster(
            maxPodUnavailable=0,
            readOnlyRootFilesystem=False,
            backRestSidecar={"enabled": False},
            readinessInitialDelaySeconds=0,
        ),
        revision=0,
    ).spec

    assert spec.max_pod_unavailable == 0
    assert spec.read_only_root_filesystem is False
    assert spec.back_rest_sidecar is not None
    assert spec.back_rest_sidecar.enabled is False
    assert spec.readiness_initial_delay_seconds == 0


def test_a_data_centre_without_racks_gets_one_for_itself_only() -> None:
    """The others keep theirs; nothing else of the topology is touched."""
    given_racks = [{"name": "x"}, {"name": "y"}]
    filled = with_defaults(
        cluster(topology={"dc": [{"name": "a", "rack": given_racks}, {"name": "b"}]}), revision=1
    )

    assert [(dc.name, rack.name) for dc, rack in effective.racks(filled)] == [
        ("a", "x"),
        ("a", "y"),
        ("b", "rack1"),
    ]


def test_requests_alone_become_limits_of_new_clusters() -> None:
    """CassKop wrote that into the spec once; of what it manages, nothing is guessed any more."""
    asked = cluster(resources={"requests": {"memory": "2Gi"}})

    assert with_defaults(asked, revision=1).spec.resources == {
        "requests": {"memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }
    assert with_defaults(asked, revision=0).spec.resources == {"requests": {"memory": "2Gi"}}


def test_an_unknown_revision_is_an_error() -> None:
    """An older operator must not rebuild what a newer one built."""
    with pytest.raises(ValueError, match="99"):
        with_defaults(cluster(), revision=99)


def test_a_data_centre_inherits_what_it_does_not_say() -> None:
    """Its own size and resources replace the cluster's."""
    filled = with_defaults(
        cluster(
            nodesPerRacks=3,
            dataCapacity="1Gi",
            resources={"limits": {"cpu": "1"}},
            topology={
                "dc": [
                    {"name": "a", "resources": {}},
                    {
                        "name": "b",
                        "nodesPerRacks": 0,
                        "dataCapacity": "2Gi",
                        "resources": {"requests": {"cpu": "2"}},
                    },
                ]
            },
        ),
        revision=1,
    )
    a, b = effective.dcs(filled)

    assert [effective.nodes_per_rack(filled, dc) for dc in (a, b)] == [3, 0]
    assert [effective.data_capacity(filled, dc) for dc in (a, b)] == ["1Gi", "2Gi"]
    assert [effective.resources(filled, dc) for dc in (a, b)] == [
        {"limits": {"cpu": "1"}},
        {"requests": {"cpu": "2"}},
    ]


@pytest.mark.parametrize(
    ("dc", "expected"),
    [
        ({}, "standard"),
        ({"dataStorageClass": "fast"}, "standard"),
        ({"dataCapacity": "2Gi", "dataStorageClass": "fast"}, "fast"),
        ({"dataCapacity": "2Gi"}, None),
    ],
)
def test_the_storage_class_of_a_data_centre_counts_with_its_capacity(
    dc: dict[str, str], expected: str | None
) -> None:
    """The rule is CassKop's, because claim templates cannot be changed."""
    filled = with_defaults(
        cluster(dataCapacity="1Gi", dataStorageClass="standard", topology={"dc": [{"name": "a", **dc}]}),
        revision=1,
    )

    assert effective.data_storage_class(filled, effective.dcs(filled)[0]) == expected


def test_an_empty_secret_name_is_no_secret() -> None:
    """CassKop left such references in the objects that it managed."""
    filled = cluster(imagePullSecret={"name": ""}, imageJolokiaSecret={"name": "auth"})

    assert (effective.pull_secret(filled), effective.jolokia_secret(filled)) == (None, "auth")


def test_a_rack_that_is_not_there_is_an_error() -> None:
    """It is never made up."""
    with pytest.raises(KeyError, match="dc1-rack9"):
        effective.find_rack(with_defaults(cluster(), revision=1), "dc1", "rack9")


@given(strategies.clusters)
def test_defaults_are_filled_in_once(obj: dict[str, Any]) -> None:
    """Filling in again changes nothing, in either revision."""
    read = decode_cluster(obj)
    for revision in Revision:
        filled = with_defaults(read, revision=revision)
        assert with_defaults(filled, revision=revision) == filled
