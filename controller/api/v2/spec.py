"""
`CassandraCluster.spec`: what a user asks for.

Every field is as it was written; None or empty means absent. Defaults are in `defaults`, values that a
data centre inherits in `effective`. Types of Kubernetes itself stay read-only JSON.
"""

from __future__ import annotations

import datetime as dt

import attrs

from controller.api.v2.access import Access, SecretRef
from controller.api.v2.additions import (
    BackRestSidecar,
    JmxConfiguration,
    PodPolicy,
    ServicePolicy,
    StorageConfig,
)
from controller.api.v2.fields import doc
from controller.api.v2.freedoms import Rollout
from controller.api.v2.shapes import Config, Container, EnvVar, ResourceRequirements
from controller.api.v2.topology import CAPACITY_PATTERN, Topology


@attrs.frozen(kw_only=True)
class ClusterSpec:
    """Everything that a CassandraCluster asks for."""

    nodes_per_racks: int | None = attrs.field(
        default=None,
        metadata=doc("Cassandra nodes in each rack of data centres that do not say otherwise. If absent: 1."),
    )
    cassandra_image: str | None = attrs.field(default=None, metadata=doc("Image of Cassandra."))
    image_pull_policy: str | None = attrs.field(
        default=None, metadata=doc("Pull policy of the Cassandra and init images.", json="imagepullpolicy")
    )
    env_vars: tuple[EnvVar, ...] = attrs.field(
        default=(), metadata=doc("Environment of the container `cassandra`.")
    )
    bootstrap_image: str | None = attrs.field(
        default=None, metadata=doc("Image of the init container `bootstrap`. If absent: the operator's own.")
    )
    config_builder_image: str | None = attrs.field(
        default=None,
        metadata=doc("Image of the init container `config-builder`. If absent: the operator's own."),
    )
    run_as_user: int | None = attrs.field(
        default=None, metadata=doc("User id of all containers.", format="int64", minimum=1, default=999)
    )
    fs_group: int | None = attrs.field(
        default=None, metadata=doc("Group id that owns the volumes.", format="int64", minimum=1, default=1)
    )
    read_only_root_filesystem: bool | None = attrs.field(
        default=None, metadata=doc("Whether Cassandra's own file system is read-only. If absent: true.")
    )
    resources: ResourceRequirements | None = attrs.field(
        default=None, metadata=doc("Resources of Cassandra. The heap is a quarter of the memory limit.")
    )
    hard_anti_affinity: bool = attrs.field(
        default=False, metadata=doc("Whether two Cassandra nodes may never share a Kubernetes node.")
    )
    pod: PodPolicy | None = attrs.field(default=None, metadata=doc("What is added to the Cassandra pods."))
    service: ServicePolicy | None = attrs.field(
        default=None, metadata=doc("What is added to the headless Service.")
    )
    delete_pvc: bool = attrs.field(
        default=False,
        metadata=doc("Whether the volumes are deleted together with the CassandraCluster.", json="deletePVC"),
    )
    debug: bool = attrs.field(
        default=False, metadata=doc("Start the pods without Cassandra, to look around in them.")
    )
    auto_pilot: bool = attrs.field(
        default=False,
        metadata=doc(
            "Whether cleanup, rebuild and upgradesstables follow by themselves; else they wait for you."
        ),
    )
    no_check_sts_are_equal: bool = attrs.field(
        default=False, metadata=doc("Kept for compatibility; the operator always compares before it writes.")
    )
    auto_update_seed_list: bool = attrs.field(
        default=False, metadata=doc("Whether the seed list follows the topology.")
    )
    max_pod_unavailable: int | None = attrs.field(
        default=None,
        metadata=doc("How many Cassandra nodes may be down at a time by a drain or an update. If absent: 1."),
    )
    restart_count_before_pod_deletion: int = attrs.field(
        default=0,
        metadata=doc(
            "How often Cassandra may restart in a pod whose IP the ring knows as another node's; then the pod"
            " is deleted, and comes back with another IP. 0 is any number of times."
        ),
    )
    node_replacement: str | None = attrs.field(
        default=None,
        metadata=doc(
            "Whether a node is replaced whose volume was on a Kubernetes node that is no more: Manual (if"
            " absent) says what to do, Automatic does it, one node at a time, if all of its data is proven to"
            " be elsewhere, too."
        ),
    )
    stopped: bool = attrs.field(
        default=False,
        metadata=doc(
            "Whether the cluster is stopped: no Cassandra node runs, and all volumes stay. Other changes of"
            " nodes wait until it is false again."
        ),
    )
    change_policy: str | None = attrs.field(
        default=None,
        metadata=doc(
            "`Automatic`: an edit of the spec is carried out at once. `Approve`: it waits in"
            " `status.pendingChange` for `kubectl casskop approve`, and the last accepted spec is carried out"
            " meanwhile. If absent: `Automatic`.",
        ),
    )
    unlock_next_operation: bool = attrs.field(
        default=False, metadata=doc("Set to true to let the next operation start although one is stuck.")
    )
    data_capacity: str | None = attrs.field(
        default=None,
        metadata=doc(
            "Size of the data volumes. If absent: no volume, data dies with its pod.",
            pattern=CAPACITY_PATTERN,
        ),
    )
    data_storage_class: str | None = attrs.field(
        default=None, metadata=doc("Storage class of the data volumes. If absent: the default class.")
    )
    storage_configs: tuple[StorageConfig, ...] = attrs.field(
        default=(), metadata=doc("Further volumes of each node.")
    )
    sidecar_configs: tuple[Container, ...] = attrs.field(
        default=(), metadata=doc("Your own containers, placed before `cassandra` in each pod.")
    )
    config_map_name: str | None = attrs.field(
        default=None,
        metadata=doc("ConfigMap with `pre_run.sh` and `post_run.sh` for the init container `bootstrap`."),
    )
    server_version: str | None = attrs.field(
        default=None, metadata=doc("Cassandra's version, when the image's tag does not say it.")
    )
    server_type: str | None = attrs.field(
        default=None,
        metadata=doc("What the configuration is built for.", enum=("cassandra", "dse"), default="cassandra"),
    )
    config: Config | None = attrs.field(
        default=None, metadata=doc("Configuration by section, such as `cassandra-yaml` and `jvm-options`.")
    )
    image_pull_secret: SecretRef | None = attrs.field(
        default=None, metadata=doc("Secret to pull images with.")
    )
    image_jolokia_secret: SecretRef | None = attrs.field(
        default=None, metadata=doc("Secret with `username` and `password` that Jolokia asks for.")
    )
    access: Access | None = attrs.field(
        default=None, metadata=doc("Who may reach the nodes, and with which login.")
    )
    keyspace_cleanup_threads: int = attrs.field(
        default=0, metadata=doc("Threads of a cleanup; 0 is Cassandra's own choice.")
    )
    topology: Topology | None = attrs.field(default=None, metadata=doc("Data centres and racks."))
    liveness_initial_delay_seconds: int | None = attrs.field(
        default=None, metadata=doc("Seconds before the first liveness probe.")
    )
    liveness_health_check_timeout: int | None = attrs.field(
        default=None, metadata=doc("Seconds a liveness probe may take.")
    )
    liveness_health_check_period: int | None = attrs.field(
        default=None, metadata=doc("Seconds between liveness probes.")
    )
    liveness_failure_threshold: int | None = attrs.field(
        default=None, metadata=doc("Failed liveness probes after which Cassandra is restarted.")
    )
    liveness_success_threshold: int | None = attrs.field(
        default=None, metadata=doc("Kubernetes only takes 1 here.")
    )
    readiness_initial_delay_seconds: int | None = attrs.field(
        default=None, metadata=doc("Seconds before the first readiness probe.")
    )
    readiness_health_check_timeout: int | None = attrs.field(
        default=None, metadata=doc("Seconds a readiness probe may take.")
    )
    readiness_health_check_period: int | None = attrs.field(
        default=None, metadata=doc("Seconds between readiness probes.")
    )
    readiness_failure_threshold: int | None = attrs.field(
        default=None, metadata=doc("Failed readiness probes after which the pod is not ready.")
    )
    readiness_success_threshold: int | None = attrs.field(
        default=None, metadata=doc("Passed readiness probes after which the pod is ready again.")
    )
    share_process_namespace: bool | None = attrs.field(
        default=None, metadata=doc("Whether the containers of a pod see each other's processes.")
    )
    back_rest_sidecar: BackRestSidecar | None = attrs.field(
        default=None, metadata=doc("The sidecar for backup and restore.")
    )
    service_account_name: str | None = attrs.field(
        default=None,
        metadata=doc("Service account of the Cassandra pods. If absent: `cassandra-cluster-node`."),
    )
    jmx_configuration: JmxConfiguration | None = attrs.field(default=None, metadata=doc("Remote JMX."))
    rollout: Rollout | None = attrs.field(
        default=None, metadata=doc("How changes that need restarts are carried out.")
    )
    restarted_at: dt.datetime | None = attrs.field(
        default=None, metadata=doc("As `restartedAt` of a rack, for the whole cluster.")
    )
