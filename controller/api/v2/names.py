"""
The names and labels of everything that belongs to a cluster.

They are CassKop's, to the letter: objects that it made are found by them. Nothing else in the program
puts such a name together.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.api.v2.cluster import API_VERSION, KIND, CassandraCluster

# Labels
APP = "app"
APP_VALUE = "cassandracluster"
CLUSTER = "cassandracluster"
DC_RACK = "dc-rack"
DC = "cassandraclusters.db.orange.com.dc"
RACK = "cassandraclusters.db.orange.com.rack"
K8S_APP = "k8s-app"
K8S_APP_METRICS = "exporter-cassandra-jmx"
# A template label: its value is when a rolling restart was asked for.
ROLLING_RESTART = "rolling-restart"
_OWN_LABELS = frozenset({APP, CLUSTER, DC_RACK, DC, RACK})

# Labels of the protocol for operations on pods
OPERATION_NAME = "operation-name"
OPERATION_STATUS = "operation-status"
OPERATION_ARGUMENT = "operation-argument"
OPERATION_START = "operation-start"
OPERATION_END = "operation-end"

# Annotations
_PREFIX = "cassandraclusters.db.orange.com"
LAST_APPLIED = f"{_PREFIX}/last-applied-configuration"
NO_FIRST_POD_FLOW = f"{_PREFIX}/disable-first-pod-per-rack-init-flow"
TEMPLATE_REVISION = f"{_PREFIX}/template-revision"
TEMPLATE_HASH = f"{_PREFIX}/template-hash"
OBJECT_HASH = f"{_PREFIX}/object-hash"
# That a rack's `rollingRestart` was seen: "true" until it is false again.
RESTART_SEEN = f"{_PREFIX}/rolling-restart-seen"
# While a cluster is stopped: how many nodes the rack of a StatefulSet has.
STOPPED_SIZE = f"{_PREFIX}/stopped-size"
# On a CassandraCluster, by its user: nothing is done while it is "true".
PAUSED = f"{_PREFIX}/paused"
# The name of the last change of a rack's template, as status has it.
LAST_CHANGE = f"{_PREFIX}/last-change"
# The hash of the edit that somebody has approved.
APPROVED = f"{_PREFIX}/approved"
# On pods: what the ConfigMap held that they were made with.
CONFIG_MAP_HASH = f"{_PREFIX}/config-map-hash"
# On pods: the operation that is under way, how the last one ended, and who asked for it.
OPERATION = f"{_PREFIX}/operation"
OPERATION_RESULT = f"{_PREFIX}/operation-result"
OPERATION_REQUEST = f"{_PREFIX}/operation-request"
# On pods: the uid of the generated Secret whose login they ask for.
LOGIN = f"{_PREFIX}/login"
# On pods: what settings were before the operator told the running node others, by MBean and attribute.
BEFORE_TOLD = f"{_PREFIX}/before-told"
# What CassKop compares a StatefulSet with.
CASSKOP_LAST_APPLIED = "banzaicloud.com/last-applied"

# On a claim: the uid of the cluster whose pods have used it.
CLUSTER_UID = f"{_PREFIX}/cluster-uid"

PVC_FINALIZER = "kubernetes.io/pvc-to-delete"

# Containers, in the order of the pod; sidecars of the user stand before `cassandra`.
BASE_CONFIG_BUILDER = "base-config-builder"
CONFIG_BUILDER = "config-builder"
BOOTSTRAP = "bootstrap"
CASSANDRA = "cassandra"
BACKREST = "backrest-sidecar"
CONTAINERS = (BASE_CONFIG_BUILDER, CONFIG_BUILDER, BOOTSTRAP, CASSANDRA, BACKREST)

# Volumes of a pod that are ours; a user's further volumes have other names.
EMPTY_DIRS = ("bootstrap", "extra-lib", "tools", "log", "tmp")
DATA = "data"
USER_SCRIPTS = "cassandra-config"
RING = "ring"
BACKREST_TOKEN = "backrest-token"  # noqa: S105 # the name of a volume
VOLUMES = frozenset({*EMPTY_DIRS, DATA, USER_SCRIPTS, RING, BACKREST_TOKEN})
DATA_PATH = "/var/lib/cassandra"

DEFAULT_SERVICE_ACCOUNT = "cassandra-cluster-node"
# The ConfigMap that CassKop's operator holds while it leads.
CASSKOP_LOCK = "casskop-lock"


def rack_name(dc: str, rack: str) -> str:
    """Return the name of a rack in its cluster, `<dc>-<rack>`: the key of its status."""
    return f"{dc}-{rack}"


def split_rack_name(name: str) -> tuple[str, str]:
    """Return the data centre and the rack of a name that `rack_name` made; neither holds a dash."""
    dc, _, rack = name.partition("-")
    return dc, rack


def statefulset(cluster: str, dc: str, rack: str) -> str:
    """Return the name of a rack's StatefulSet."""
    return f"{cluster}-{rack_name(dc, rack)}"


def pod(cluster: str, dc: str, rack: str, ordinal: int) -> str:
    """Return the name of one Cassandra node's pod."""
    return f"{statefulset(cluster, dc, rack)}-{ordinal}"


def ordinal(pod_name: str) -> int:
    """Return the ordinal at the end of a pod's name. Raises ValueError if there is none."""
    return int(pod_name.rpartition("-")[2])


def claim(volume: str, pod_name: str) -> str:
    """Return the name of the PersistentVolumeClaim of a pod's volume."""
    return f"{volume}-{pod_name}"


def headless_service(cluster: str) -> str:
    """Return the name of the Service that gives pods their host names."""
    return cluster


def metrics_service(cluster: str) -> str:
    """Return the name of the Service that Prometheus finds the exporters by."""
    return f"{cluster}-exporter-jmx"


def disruption_budget(cluster: str) -> str:
    """Return the name of the PodDisruptionBudget."""
    return cluster


def ring_configmap(cluster: str) -> str:
    """Return the name of the ConfigMap that says which pods have ever joined the ring."""
    return f"{cluster}-ring"


def jolokia_secret(cluster: str) -> str:
    """Return the name of the Secret with a login of the operator's making."""
    return f"{cluster}-jolokia"


def network_policy(cluster: str) -> str:
    """Return the name of the NetworkPolicy."""
    return f"{cluster}-nodes"


def pod_host(cluster: str, pod_name: str, namespace: str) -> str:
    """Return the DNS name of a pod, complete but for the cluster domain; seeds are named so."""
    return f"{pod_name}.{headless_service(cluster)}.{namespace}"


def cluster_labels(cluster: str, labels: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the labels of what all racks share; *labels* are those of the CassandraCluster."""
    return {**(labels or {}), APP: APP_VALUE, CLUSTER: cluster}


def rack_labels(cluster: str, dc: str, rack: str, labels: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the labels of what belongs to one rack: StatefulSet, pods and claims."""
    return cluster_labels(cluster, labels) | {DC_RACK: rack_name(dc, rack), DC: dc, RACK: rack}


def dc_selector(cluster: str, dc: str | None) -> dict[str, str]:
    """Return the labels that select the pods of a data centre, or of all when *dc* is None."""
    return cluster_labels(cluster) | ({} if dc is None else {DC: dc})


def user_labels(selector: Mapping[str, str]) -> dict[str, str]:
    """Return the CassandraCluster's labels at the time when a StatefulSet with *selector* was made."""
    return {key: value for key, value in selector.items() if key not in _OWN_LABELS}


def owner_reference(cluster: CassandraCluster) -> dict[str, object]:
    """Return the reference that makes *cluster* the controller of an object."""
    return owner(cluster.name, cluster.metadata.uid)


def owner(cluster: str, uid: str) -> dict[str, object]:
    """Return the reference that makes the CassandraCluster with this name and uid the controller."""
    return {"apiVersion": API_VERSION, "kind": KIND, "name": cluster, "uid": uid, "controller": True}
