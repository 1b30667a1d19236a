"""Which specs are refused, with the field and the way out in the message."""

from __future__ import annotations

from typing import Any

from hypothesis import given
import pytest

from controller.api.v2.codec import decode_cluster
from controller.api.v2.problems import InvalidClusterError
from controller.domain.admission import standing, validate
from unit_tests import strategies

Json = dict[str, Any]


def refused(spec: Json | None = None, name: str = "demo") -> dict[str, str]:
    """Return the problems of a cluster by path."""
    cluster = decode_cluster({"metadata": {"name": name, "namespace": "ns"}, "spec": spec or {}})
    return {problem.path: problem.message for problem in validate(cluster)}


def dc(**fields: object) -> Json:
    """Return a spec with one data centre."""
    return {"topology": {"dc": [{"name": "dc1"} | fields]}}


def rack(**fields: object) -> Json:
    """Return a spec with one rack."""
    return dc(rack=[{"name": "rack1"} | fields])


def config(section: str, **options: object) -> Json:
    """Return a spec with some configuration and a memory limit of 1Gi."""
    return {"resources": {"limits": {"memory": "1Gi"}}, "config": {section: options}}


def storage(**fields: object) -> Json:
    """Return a spec with one further volume."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volume = {"name": "archive", "mountPath": "/srv", "pvcSpec": claim} | fields
    return {"dataCapacity": "1Gi", "storageConfigs": [volume]}


def sidecar(**fields: object) -> Json:
    """Return a spec with one sidecar."""
    return {"sidecarConfigs": [{"name": "logger", "image": "busybox"} | fields]}


DC = "spec.topology.dc[0]"
RACK = f"{DC}.rack[0]"
SIDECAR = "spec.sidecarConfigs[0]"
VOLUME = "spec.storageConfigs[0]"
SERVER = "spec.config.jvm-server-options"


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        (
            sidecar(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
            f"{SIDECAR}.securityContext.allowPrivilegeEscalation",
            "is false beside privileged",
        ),
        (
            sidecar(
                securityContext={
                    "capabilities": {"add": ["CAP_SYS_ADMIN"]},
                    "allowPrivilegeEscalation": False,
                }
            ),
            f"{SIDECAR}.securityContext.allowPrivilegeEscalation",
            "remove one of them",
        ),
        # Names of data centres and racks
        (dc(name="DC1"), f"{DC}.name", "small letters"),
        (dc(name="1dc"), f"{DC}.name", "begin with a letter"),
        (dc(name="dc.1"), f"{DC}.name", "small letters and digits only"),
        (dc(name="dc-1"), f"{DC}.name", "small letters and digits only"),
        (dc(name=""), f"{DC}.name", "small letters"),
        (rack(name="Rack"), f"{RACK}.name", "small letters and digits only"),
        (rack(name="a-b"), f"{RACK}.name", "small letters and digits only"),
        (rack(name="r" * 60), f"{RACK}.name", "shorten the name"),
        (dc(name="d" * 60), f"{RACK}.name", "shorten the name"),
        (
            {"topology": {"dc": [{"name": "a"}, {"name": "a"}]}},
            "spec.topology.dc[1].name",
            "a name of its own",
        ),
        (dc(rack=[{"name": "a"}, {"name": "b"}, {"name": "a"}]), f"{DC}.rack[2].name", "a name of its own"),
        (dc(labels={"a b": "x"}), f"{DC}.labels[a b]", "is no key"),
        (dc(labels={"UPPER.example/x": "x"}), f"{DC}.labels[UPPER.example/x]", "is no key"),
        (rack(labels={"zone": "-x"}), f"{RACK}.labels[zone]", "is no label value"),
        # Numbers
        ({"nodesPerRacks": 0}, "spec.nodesPerRacks", "in a data centre to empty that one"),
        ({"nodesPerRacks": -1}, "spec.nodesPerRacks", "from 1 to"),
        ({"nodesPerRacks": 2**31}, "spec.nodesPerRacks", "from 1 to 2147483647"),
        (dc(nodesPerRacks=-1), f"{DC}.nodesPerRacks", "from 0 to"),
        (rack(rollingPartition=-1), f"{RACK}.rollingPartition", "from 0 to"),
        ({"maxPodUnavailable": -1}, "spec.maxPodUnavailable", "from 0 to"),
        ({"livenessInitialDelaySeconds": -1}, "spec.livenessInitialDelaySeconds", "from 0 to"),
        ({"livenessHealthCheckPeriod": 0}, "spec.livenessHealthCheckPeriod", "from 1 to"),
        ({"readinessHealthCheckTimeout": 0}, "spec.readinessHealthCheckTimeout", "from 1 to"),
        ({"livenessSuccessThreshold": 2}, "spec.livenessSuccessThreshold", "nothing but 1"),
        ({"runAsUser": 0}, "spec.runAsUser", "from 1 to"),
        ({"jmxConfiguration": {"jmxRemotePort": 70000}}, "spec.jmxConfiguration.jmxRemotePort", "to 65535"),
        ({"keyspaceCleanupThreads": -2}, "spec.keyspaceCleanupThreads", "from 0 to"),
        # Quantities
        ({"dataCapacity": "1 Gi"}, "spec.dataCapacity", "such as 500m, 2 or 1Gi"),
        ({"dataCapacity": "1gi"}, "spec.dataCapacity", "is not a quantity"),
        ({"dataCapacity": "0"}, "spec.dataCapacity", "above zero"),
        ({"dataCapacity": "-1Gi"}, "spec.dataCapacity", "is negative"),
        (dc(dataCapacity="lots"), f"{DC}.dataCapacity", "is not a quantity"),
        ({"dataStorageClass": "My Class"}, "spec.dataStorageClass", "cannot be the name of an object"),
        ({"resources": {"limits": {"cpu": "-1"}}}, "spec.resources.limits.cpu", "is negative"),
        (
            {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}},
            "spec.resources.requests.memory",
            "raise the limit",
        ),
        (
            dc(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1999m"}}),
            f"{DC}.resources.requests.cpu",
            "above the limit",
        ),
        (
            {"backRestSidecar": {"resources": {"limits": {"cpu": "9Ei"}}}},
            "spec.backRestSidecar.resources.limits.cpu",
            "too large",
        ),
        (sidecar(resources={"requests": {"cpu": "-1m"}}), f"{SIDECAR}.resources.requests.cpu", "is negative"),
        # Further volumes
        (storage(name="a.b"), f"{VOLUME}.name", "no name"),
        (storage(name="data"), f"{VOLUME}.name", "belongs to a volume of the operator"),
        (storage(mountPath="srv"), f"{VOLUME}.mountPath", "absolute path"),
        (storage(mountPath="/a/../b"), f"{VOLUME}.mountPath", "absolute path"),
        (storage(mountPath="/var/lib/cassandra"), f"{VOLUME}.mountPath", "belongs to the data volume"),
        (storage(pvcSpec={}), f"{VOLUME}.pvcSpec.accessModes", "ReadWriteOnce"),
        (storage(pvcSpec={}), f"{VOLUME}.pvcSpec.resources.requests.storage", "such as 10Gi"),
        (
            storage(pvcSpec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "0"}}}),
            f"{VOLUME}.pvcSpec.resources.requests.storage",
            "above zero",
        ),
        # Images, references, words
        ({"cassandraImage": "cassandra:5.0 "}, "spec.cassandraImage", "is no image"),
        ({"cassandraImage": "Cassandra:5.0"}, "spec.cassandraImage", "in small letters"),
        ({"bootstrapImage": "a:b:c"}, "spec.bootstrapImage", "is no image"),
        ({"configBuilderImage": "example.org/x@sha256:12"}, "spec.configBuilderImage", "is no image"),
        ({"backRestSidecar": {"image": "x//y"}}, "spec.backRestSidecar.image", "is no image"),
        ({"imagepullpolicy": "always"}, "spec.imagepullpolicy", "one of Always, IfNotPresent, Never"),
        ({"configMapName": "My_Map"}, "spec.configMapName", "cannot be the name of an object"),
        ({"imageJolokiaSecret": {"name": "a/b"}}, "spec.imageJolokiaSecret.name", "cannot be the name"),
        ({"serverType": "dse"}, "spec.serverType", "set `spec.configBuilderImage` to one that does"),
        ({"serverType": "scylla"}, "spec.serverType", "one of cassandra, dse"),
        ({"serverVersion": "newest"}, "spec.serverVersion", "such as 5.0.9"),
        ({"pod": {"annotations": {"/x": "y"}}}, "spec.pod.annotations[/x]", "is no key"),
        ({"pod": {"tolerations": [{"operator": "exists"}]}}, "spec.pod.tolerations[0].operator", "Exists"),
        ({"pod": {"tolerations": [{"value": "x"}]}}, "spec.pod.tolerations[0].key", "is missing"),
        (
            {"pod": {"tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]}},
            "spec.pod.tolerations[0].value",
            "takes no value",
        ),
        (
            {"pod": {"tolerations": [{"key": "a", "value": "x", "tolerationSeconds": 3}]}},
            "spec.pod.tolerations[0].tolerationSeconds",
            "NoExecute",
        ),
        ({"pod": {"tolerations": [{"key": "a b"}]}}, "spec.pod.tolerations[0].key", "is no key"),
        (
            {"pod": {"tolerations": [{"key": "a", "value": "-"}]}},
            "spec.pod.tolerations[0].value",
            "is no label value",
        ),
        # Containers
        ({"envVars": [{"name": "1A"}]}, "spec.envVars[0].name", "is no variable name"),
        ({"envVars": [{"name": "POD_IP", "value": "x"}]}, "spec.envVars[0].name", "set by the operator"),
        ({"envVars": [{"name": "JOLOKIA_USER"}]}, "spec.envVars[0].name", "spec.imageJolokiaSecret"),
        (
            {"envVars": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
            "spec.envVars[0]",
            "keep one of them",
        ),
        ({"envVars": [{"name": "A", "valueFrom": {}}]}, "spec.envVars[0].valueFrom", "exactly one of"),
        (
            {"backRestSidecar": {"envVars": [{"name": "JOLOKIA_USER", "value": "x"}]}},
            "spec.backRestSidecar.envVars[0].name",
            "spec.imageJolokiaSecret",
        ),
        (
            {"backRestSidecar": {"volumeMount": [{"name": "data", "mountPath": "/tmp"}]}},  # noqa: S108 # a path in a container
            "spec.backRestSidecar.volumeMount[0].mountPath",
            "choose another path",
        ),
        (sidecar(name="cassandra"), f"{SIDECAR}.name", "name of a container of the operator"),
        (sidecar(name="bootstrap"), f"{SIDECAR}.name", "name of a container of the operator"),
        (sidecar(name="My_Logger"), f"{SIDECAR}.name", "is no name"),
        ({"sidecarConfigs": [{"name": "a"}]}, f"{SIDECAR}.image", "is missing"),
        (sidecar(imagePullPolicy="x"), f"{SIDECAR}.imagePullPolicy", "one of Always"),
        (sidecar(env=[{"name": "a=b"}]), f"{SIDECAR}.env[0].name", "is no variable name"),
        (
            sidecar(volumeMounts=[{"name": "logs", "mountPath": "/logs"}]),
            f"{SIDECAR}.volumeMounts[0].name",
            "add it to `spec.storageConfigs`, or mount one of bootstrap, data, extra-lib, log, tmp, tools",
        ),
        (
            sidecar(volumeMounts=[{"name": "cassandra-config", "mountPath": "/x"}]),
            f"{SIDECAR}.volumeMounts[0].name",
            "there is no volume",
        ),
        (
            sidecar(volumeMounts=[{"name": "log", "mountPath": "/x"}, {"name": "tmp", "mountPath": "/x"}]),
            f"{SIDECAR}.volumeMounts[1].mountPath",
            "choose another path",
        ),
        # Configuration
        ({"config": {"cassandra-yaml": 3}}, "spec.config.cassandra-yaml", "is not an object"),
        (rack(config={"jvm-options": []}), f"{RACK}.config.jvm-options", "is not an object"),
        (
            config("jvm-server-options", max_heap_size="2G"),
            f"{SERVER}.max_heap_size",
            "raise `resources.limits.memory`",
        ),
        (
            config("jvm-options", max_heap_size="half"),
            "spec.config.jvm-options.max_heap_size",
            "such as 512M",
        ),
        (
            config("jvm-options", initial_heap_size="512M"),
            "spec.config.jvm-options.initial_heap_size",
            "begin larger",
        ),
        (
            config("jvm-server-options", max_heap_size="256M", initial_heap_size="512M"),
            f"{SERVER}.initial_heap_size",
            "raise `max_heap_size`",
        ),
        (
            {"resources": {"limits": {"memory": "100Mi"}}},
            "spec.resources.limits.memory",
            "at least 256Mi",
        ),
        (dc(resources={"limits": {"memory": "2"}}), f"{DC}.resources.limits.memory", "at least 256Mi"),
    ],
)
def test_what_cannot_work_is_refused_with_a_way_out(spec: Json, path: str, words: str) -> None:
    """The field is named as the user wrote it."""
    assert words in refused(spec).get(path, ""), refused(spec)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My-Cluster", "cannot be the name of a Service"),
        ("1cluster", "begin with a letter"),
        ("a.b", "cannot be the name of a Service"),
        ("c" * 51, "at most 50"),
    ],
)
def test_the_name_of_the_cluster_must_do_for_a_service(name: str, words: str) -> None:
    """Kubernetes takes more names for the object than for the Services that are named after it."""
    assert words in refused(name=name)["metadata.name"]


def test_lengths_are_counted_together() -> None:
    """A name may be as long as its StatefulSet's fits in a label of the pods: 52 characters."""
    assert refused({"topology": {"dc": [{"name": "dc1", "rack": [{"name": "r1"}]}]}}, name="c" * 45) == {}
    assert list(
        refused({"topology": {"dc": [{"name": "dc1", "rack": [{"name": "r12"}]}]}}, name="c" * 46)
    ) == [f"{RACK}.name"]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        dc(nodesPerRacks=0),
        rack(name="1a"),
        {"maxPodUnavailable": 0},
        {"cassandraImage": "registry.example.org:5000/team_a/cassandra__x:5.0-jammy@sha256:" + "a" * 64},
        {"imagePullSecret": {"name": ""}, "dataCapacity": ""},
        {
            "backRestSidecar": {
                "envVars": [{"name": "CASSANDRA_DC"}, {"name": "CASSANDRA_SEEDS", "value": "x"}]
            }
        },
        sidecar(securityContext={"privileged": True}),
        sidecar(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}, "allowPrivilegeEscalation": False}),
        {"envVars": [{"name": "CASSANDRA_LOG_DIR", "value": "/x"}, {"name": "a.b-c"}]},
        {"configMapName": "x", **sidecar(volumeMounts=[{"name": "cassandra-config", "mountPath": "/x"}])},
        {"storageConfigs": storage(mountPath="/var/lib/cassandra")["storageConfigs"]},
        {"resources": {"limits": {"memory": "100Mi"}}, "config": {"jvm-options": {"max_heap_size": "64M"}}},
        {"serverType": "dse", "configBuilderImage": "datastax/cass-config-builder:1.0.4"},
        {"debug": True, "resources": {"limits": {"memory": "100Mi"}}},
        {"debug": True, **config("jvm-server-options", max_heap_size="2G", initial_heap_size="4G")},
        config("jvm-options", max_heap_size="1G"),
        config("jvm-options", **{"max-heap-size": "512M", "initial-heap-size": "512M"}),
        {
            "pod": {
                "tolerations": [
                    {"operator": "Exists"},
                    {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9},
                ]
            }
        },
    ],
)
def test_what_works_is_accepted(spec: Json) -> None:
    """Odd is not wrong."""
    assert refused(spec) == {}


def test_a_heap_of_a_level_is_blamed_on_that_level() -> None:
    """The strongest setting counts; each rack is looked at with its own memory."""
    spec = {
        "resources": {"limits": {"memory": "4Gi"}},
        "config": {"jvm-options": {"max_heap_size": "2G"}},
        "topology": {
            "dc": [
                {
                    "name": "a",
                    "rack": [
                        {"name": "x"},
                        {"name": "y", "config": {"jvm-options": {"max_heap_size": "8G"}}},
                    ],
                },
                {
                    "name": "b",
                    "resources": {"limits": {"memory": "1Gi"}},
                    "config": {"jvm-options": {"max_heap_size": "512M"}},
                },
            ]
        },
    }

    assert list(refused(spec)) == ["spec.topology.dc[0].rack[1].config.jvm-options.max_heap_size"]


def standing_paths(spec: Json, accepted: Json) -> list[str]:
    """Return where the problems are that a spec has in common with the one that is carried out."""
    clusters = [
        decode_cluster({"metadata": {"name": "demo", "namespace": "ns"}, "spec": each})
        for each in (spec, accepted)
    ]
    return sorted(problem.path for problem in standing(*clusters))


TOO_LARGE = config("jvm-options", max_heap_size="2G")
HEAP = "spec.config.jvm-options.max_heap_size"


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({}, [HEAP]),
        ({"nodesPerRacks": 2, "cassandraImage": "cassandra:4.1"}, [HEAP]),
        ({"topology": {"dc": [{"name": "a"}, {"name": "b"}]}}, [HEAP]),
        (config("jvm-options", max_heap_size="3G"), []),
        ({"resources": {"limits": {"memory": "1200Mi"}}}, []),
        # One data centre has the size that was there before, the other one a size that is new.
        (
            {
                "topology": {
                    "dc": [{"name": "a"}, {"name": "b", "resources": {"limits": {"memory": "512Mi"}}}]
                }
            },
            [],
        ),
    ],
)
def test_a_heap_that_a_cluster_has_already_stands(change: Json, paths: list[str]) -> None:
    """CassKop runs clusters with any heap; a size that changes has to be right."""
    assert standing_paths(TOO_LARGE | change, TOO_LARGE) == paths
    assert standing_paths(TOO_LARGE | change, {}) == []


def test_too_little_memory_stands_too() -> None:
    """The heap is made of it, with CassKop as well."""
    little = {"resources": {"limits": {"memory": "128Mi"}}}

    assert standing_paths(little | {"nodesPerRacks": 3}, little) == ["spec.resources.limits.memory"]
    assert standing_paths(little, {"resources": {"limits": {"memory": "129Mi"}}}) == []


def test_a_heap_under_debug_was_never_tried() -> None:
    """So it has to be right when Cassandra is to be started."""
    assert standing_paths(TOO_LARGE, {**TOO_LARGE, "debug": True}) == []


def test_nothing_else_stands() -> None:
    """What makes no sense is refused however long it is there."""
    assert standing_paths({"nodesPerRacks": -1}, {"nodesPerRacks": -1}) == []
    assert standing_paths({"serverType": "dse"}, {"serverType": "dse"}) == ["spec.serverType"]


def test_all_problems_come_at_once_and_each_once() -> None:
    """In the order of their paths."""
    racks = [{"name": "a"}, {"name": "b"}, {"name": "C"}]
    found = refused(
        {
            "nodesPerRacks": -1,
            "dataCapacity": "x",
            "config": {"x": 1},
            "topology": {"dc": [{"name": "dc1", "rack": racks}]},
        }
    )

    assert list(found) == [
        "spec.config.x",
        "spec.dataCapacity",
        "spec.nodesPerRacks",
        "spec.topology.dc[0].rack[2].name",
    ]


@given(strategies.mangled_clusters())
def test_whatever_can_be_read_can_be_judged(obj: Json) -> None:
    """Every problem has a place and a sentence; nothing crashes."""
    try:
        cluster = decode_cluster(obj)
    except InvalidClusterError:
        return
    assert all(problem.path and problem.message for problem in validate(cluster))
