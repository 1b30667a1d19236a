"""
What a field means when it is absent.

Defaults are filled in here, in memory, and never written to the spec. They belong to a template
revision: those of revision 0 are what CassKop wrote into the CassandraClusters that it managed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import DC, BackRestSidecar, CassandraCluster, ClusterSpec, Rack, Topology
from controller.api.v2.jsonvalues import EMPTY, JsonMap
from controller.api.v2.revision import Revision

_T = TypeVar("_T")

BACKREST_IMAGE = "ghcr.io/cscetbon/instaclustr-icarus:1.1.3"
CASSANDRA_IMAGE = "cassandra:5.0"
CASSKOP_CASSANDRA_IMAGE = "cassandra:3.11.10"
# Of a topology that names none.
DEFAULT_DC = "dc1"
DEFAULT_RACK = "rack1"
CASSKOP_BOOTSTRAP_IMAGE = "ghcr.io/cscetbon/casskop-bootstrap:0.1.21"
CASSKOP_CONFIG_BUILDER_IMAGE = "datastax/cass-config-builder:1.0.4"

# Without a startup probe, the first delay has to cover the whole start of Cassandra.
_PATIENT_PROBES = {
    "liveness_initial_delay_seconds": 120,
    "liveness_health_check_timeout": 20,
    "liveness_health_check_period": 10,
    "readiness_initial_delay_seconds": 60,
    "readiness_health_check_timeout": 10,
    "readiness_health_check_period": 10,
}
# With a startup probe, the other probes only begin when Cassandra is up.
_PROMPT_PROBES = {
    "liveness_initial_delay_seconds": 0,
    "liveness_health_check_timeout": 20,
    "liveness_health_check_period": 10,
    "liveness_failure_threshold": 6,
    "readiness_initial_delay_seconds": 0,
    "readiness_health_check_timeout": 10,
    "readiness_health_check_period": 5,
}


def with_defaults(cluster: CassandraCluster, *, revision: int) -> CassandraCluster:
    """Return *cluster* with the defaults of template *revision* in place of what its spec leaves out.

    In revision 1, `bootstrapImage` and `configBuilderImage` stay None when absent: the operator's own
    image stands in for them. Doing it twice changes nothing. Raises ValueError for an unknown revision.
    """
    spec = _with_common_defaults(cluster.spec)
    match Revision(revision):
        case Revision.CASSKOP:
            spec = _with_casskop_defaults(spec)
        case Revision.HARDENED:
            spec = _with_our_defaults(spec)
    return attrs.evolve(cluster, spec=spec)


def _with_common_defaults(spec: ClusterSpec) -> ClusterSpec:
    sidecar = spec.back_rest_sidecar or BackRestSidecar()
    return attrs.evolve(
        spec,
        nodes_per_racks=_given(spec.nodes_per_racks, 1),
        run_as_user=_given(spec.run_as_user, 999),
        fs_group=_given(spec.fs_group, 1),
        read_only_root_filesystem=_given(spec.read_only_root_filesystem, True),  # noqa: FBT003 # a field's value
        max_pod_unavailable=_given(spec.max_pod_unavailable, 1),
        server_type=spec.server_type or "cassandra",
        service_account_name=spec.service_account_name or names.DEFAULT_SERVICE_ACCOUNT,
        topology=_with_racks(spec.topology),
        back_rest_sidecar=attrs.evolve(
            sidecar,
            enabled=_given(sidecar.enabled, True),  # noqa: FBT003 # a field's value
            image=sidecar.image or BACKREST_IMAGE,
        ),
    )


def _with_casskop_defaults(spec: ClusterSpec) -> ClusterSpec:
    return attrs.evolve(
        _with_probes(spec, _PATIENT_PROBES),
        cassandra_image=spec.cassandra_image or CASSKOP_CASSANDRA_IMAGE,
        bootstrap_image=spec.bootstrap_image or CASSKOP_BOOTSTRAP_IMAGE,
        config_builder_image=spec.config_builder_image or CASSKOP_CONFIG_BUILDER_IMAGE,
        image_pull_policy=spec.image_pull_policy or "Always",
    )


def _with_our_defaults(spec: ClusterSpec) -> ClusterSpec:
    """Fill in what new clusters get.

    An image is not pulled again at each start: a database must be able to restart while its registry
    is away. A bootstrap image of the user's brings no startup probe, so its probes have to be patient.
    """
    return attrs.evolve(
        _with_probes(spec, _PATIENT_PROBES if spec.bootstrap_image else _PROMPT_PROBES),
        cassandra_image=spec.cassandra_image or CASSANDRA_IMAGE,
        bootstrap_image=spec.bootstrap_image or None,
        config_builder_image=spec.config_builder_image or None,
        image_pull_policy=spec.image_pull_policy or "IfNotPresent",
        resources=_with_limits(spec.resources),
    )


def _with_racks(topology: Topology | None) -> Topology:
    """Give a cluster without data centres `dc1`, and each data centre without racks a `rack1`."""
    dcs = topology.dc if topology and topology.dc else (DC(name=DEFAULT_DC),)
    rack = (Rack(name=DEFAULT_RACK),)
    return Topology(dc=tuple(dc if dc.rack else attrs.evolve(dc, rack=rack) for dc in dcs))


def _with_limits(resources: JsonMap | None) -> JsonMap:
    """Take requests for limits when there are no limits, so that the heap fits what was asked for."""
    given = resources or EMPTY
    if given.get("requests") and not given.get("limits"):
        return MappingProxyType({**given, "limits": given["requests"]})
    return given


def _with_probes(spec: ClusterSpec, timings: dict[str, int]) -> ClusterSpec:
    missing: dict[str, Any] = {name: value for name, value in timings.items() if getattr(spec, name) is None}
    return attrs.evolve(spec, **missing)


def _given(value: _T | None, otherwise: _T) -> _T:
    return otherwise if value is None else value
