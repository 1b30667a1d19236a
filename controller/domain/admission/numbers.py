"""Rules on sizes, counts and times."""

from __future__ import annotations

from collections.abc import Iterator

from controller.api.v2.cluster import CassandraCluster, ClusterSpec
from controller.api.v2.problems import Problem

_LARGEST = 2**31 - 1
_LAST_PORT = 65535
# Field, its value's name in the spec, and the least it may be.
_LEAST = {
    "liveness_initial_delay_seconds": ("livenessInitialDelaySeconds", 0),
    "liveness_health_check_timeout": ("livenessHealthCheckTimeout", 1),
    "liveness_health_check_period": ("livenessHealthCheckPeriod", 1),
    "liveness_failure_threshold": ("livenessFailureThreshold", 1),
    "liveness_success_threshold": ("livenessSuccessThreshold", 1),
    "readiness_initial_delay_seconds": ("readinessInitialDelaySeconds", 0),
    "readiness_health_check_timeout": ("readinessHealthCheckTimeout", 1),
    "readiness_health_check_period": ("readinessHealthCheckPeriod", 1),
    "readiness_failure_threshold": ("readinessFailureThreshold", 1),
    "readiness_success_threshold": ("readinessSuccessThreshold", 1),
    "max_pod_unavailable": ("maxPodUnavailable", 0),
    "restart_count_before_pod_deletion": ("restartCountBeforePodDeletion", 0),
    "keyspace_cleanup_threads": ("keyspaceCleanupThreads", 0),
}


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of numbers that are too small or too large."""
    spec = cluster.spec
    yield from _nodes(spec)
    for attribute, (name, least) in _LEAST.items():
        yield from _between(f"spec.{name}", getattr(spec, attribute), least)
    if (spec.liveness_success_threshold or 1) > 1:
        message = "Kubernetes allows nothing but 1 here; remove the field or write 1"
        yield Problem(path="spec.livenessSuccessThreshold", message=message)
    for name, user in (("runAsUser", spec.run_as_user), ("fsGroup", spec.fs_group)):
        yield from _between(f"spec.{name}", user, 1)
    if spec.rollout:
        yield from _between("spec.rollout.rackShare", spec.rollout.rack_share, 1, 100)
    jmx = spec.jmx_configuration
    if jmx:
        yield from _between("spec.jmxConfiguration.jmxRemotePort", jmx.jmx_remote_port, 0, _LAST_PORT)
        yield from _between("spec.jmxConfiguration.jmxRemoteRmiPort", jmx.jmx_remote_rmi_port, 0, _LAST_PORT)


def _nodes(spec: ClusterSpec) -> Iterator[Problem]:
    if spec.nodes_per_racks == 0:
        message = (
            "a cluster cannot be of size 0; write at least 1, "
            "or set `nodesPerRacks: 0` in a data centre to empty that one"
        )
        yield Problem(path="spec.nodesPerRacks", message=message)
    else:
        yield from _between("spec.nodesPerRacks", spec.nodes_per_racks, 1)
    for index, dc in enumerate(spec.topology.dc if spec.topology else ()):
        path = f"spec.topology.dc[{index}]"
        yield from _between(f"{path}.nodesPerRacks", dc.nodes_per_racks, 0)
        for position, rack in enumerate(dc.rack):
            yield from _between(f"{path}.rack[{position}].rollingPartition", rack.rolling_partition, 0)


def _between(path: str, value: int | None, least: int, most: int = _LARGEST) -> Iterator[Problem]:
    if value is not None and not least <= value <= most:
        yield Problem(path=path, message=f"{value} is not possible; write a number from {least} to {most}")
