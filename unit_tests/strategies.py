"""
Shared Hypothesis strategies: CassandraClusters as JSON.

`clusters` draws objects that an API server with our CRD accepts and that admission finds nothing wrong
with; `mangled_clusters` draws the same with one part replaced by any JSON at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

_LABEL_VALUES = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,10}[A-Za-z0-9])?", fullmatch=True)
_LABELS = st.dictionaries(
    st.sampled_from(["topology.kubernetes.io/zone", "disk", "example.org/team", "a_b.c-d"]),
    _LABEL_VALUES,
    max_size=3,
)
_DC_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
_RACK_NAMES = st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True)
_OBJECT_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?(\.[a-z0-9]{1,4})?", fullmatch=True)
_IMAGES = st.sampled_from(
    [
        "cassandra",
        "cassandra:3.11.10",
        "cassandra:4.0.2",
        "cassandra:5.0",
        "example.org:5000/team/cassandra:4.1-rc1",
        "example.org/cassandra@sha256:" + "0123456789abcdef" * 4,
    ]
)
_PULL_POLICIES = st.sampled_from(["Always", "IfNotPresent", "Never"])
_CAPACITIES = st.sampled_from(["1Gi", "1024Mi", "1.5Gi", "10G", "1e9", "500000000"])
_VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _some(
    required: Mapping[str, st.SearchStrategy[Any]] = MappingProxyType({}), **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[Json]:
    """Draw an object that has the required members and any of the optional ones."""
    return st.fixed_dictionaries(dict(required), optional=optional)


@st.composite
def resources(draw: st.DrawFn) -> Json:
    """Draw resources with requests within limits, and memory that is enough for a heap."""
    result: Json = {}
    cpu, memory = draw(st.integers(1, 8)), draw(st.integers(256, 8192))
    if draw(st.booleans()):
        result["limits"] = {
            "cpu": draw(st.sampled_from([cpu, str(cpu), f"{cpu * 1000}m"])),
            "memory": f"{memory}Mi",
        }
    if draw(st.booleans()):
        result["requests"] = {"cpu": f"{cpu * 100}m", "memory": f"{memory}Mi"}
    return result


variables = st.lists(
    st.one_of(
        _some({"name": st.from_regex(r"MY_[A-Z0-9_]{1,6}", fullmatch=True)}, value=_VALUES),
        _some(
            {
                "name": st.sampled_from(["FROM_SECRET", "CASSANDRA_LOG_DIR"]),
                "valueFrom": st.just({"secretKeyRef": {"name": "s", "key": "k"}}),
            }
        ),
        _some(
            {
                "name": st.just("FROM_FIELD"),
                "valueFrom": st.just({"fieldRef": {"fieldPath": "metadata.name"}}),
            }
        ),
    ),
    max_size=3,
)

tolerations = st.lists(
    st.one_of(
        _some(
            {"key": st.just("dedicated"), "operator": st.just("Equal"), "value": _LABEL_VALUES},
            effect=st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        ),
        st.just({"operator": "Exists"}),
    ),
    max_size=2,
)

configs = st.dictionaries(
    st.sampled_from(["cassandra-yaml", "jvm-options", "jvm-server-options", "logback-xml"]),
    st.dictionaries(
        st.sampled_from(
            ["num_tokens", "read_request_timeout_in_ms", "concurrent_reads", "cassandra_ring_delay_ms"]
        ),
        st.one_of(
            st.integers(0, 100_000),
            st.floats(0, 1e9, allow_nan=False),
            _VALUES,
            st.lists(_VALUES, max_size=2),
            st.none(),
        ),
        max_size=3,
    ),
    max_size=3,
)

racks = _some(
    {"name": _RACK_NAMES},
    labels=_LABELS,
    config=configs,
    rollingRestart=st.booleans(),
    rollingPartition=st.integers(0, 3),
)

dcs = _some(
    {"name": _DC_NAMES},
    labels=_LABELS,
    config=configs,
    rack=st.lists(racks, max_size=4, unique_by=lambda rack: rack["name"]),
    nodesPerRacks=st.integers(0, 5),
    dataCapacity=_CAPACITIES,
    dataStorageClass=st.sampled_from(["standard", "fast"]),
    resources=resources(),
)

_storage_configs = st.lists(
    _some(
        {
            "name": st.sampled_from(["gc-logs", "archive", "commits"]),
            "mountPath": st.sampled_from(["/var/log/cassandra", "/var/lib/archive", "/tmp", "/srv/x"]),  # noqa: S108 # paths in a container
            "pvcSpec": st.just(
                {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "0.5Gi"}}}
            ),
        }
    ),
    max_size=2,
    unique_by=(lambda volume: volume["name"], lambda volume: volume["mountPath"]),
)

_sidecars = st.lists(
    _some(
        {"name": st.sampled_from(["logger", "metrics", "shell"]), "image": _IMAGES},
        args=st.lists(_VALUES, max_size=2),
        env=variables,
        resources=resources(),
        volumeMounts=st.just([{"name": "log", "mountPath": "/logs"}]),
        securityContext=st.just({"runAsUser": 1000, "capabilities": {"add": ["NET_BIND_SERVICE"]}}),
    ),
    max_size=2,
    unique_by=lambda container: container["name"],
)

_PROBE_TIMINGS: dict[str, Any] = {
    "livenessInitialDelaySeconds": st.integers(0, 300),
    "livenessHealthCheckTimeout": st.integers(1, 60),
    "livenessHealthCheckPeriod": st.integers(1, 60),
    "livenessFailureThreshold": st.integers(1, 9),
    "readinessInitialDelaySeconds": st.integers(0, 300),
    "readinessHealthCheckTimeout": st.integers(1, 60),
    "readinessHealthCheckPeriod": st.integers(1, 60),
    "readinessFailureThreshold": st.integers(1, 9),
    "readinessSuccessThreshold": st.integers(1, 9),
}

_PARTS = st.lists(st.sampled_from(["10.1.0.0/16", "10.2.0.0/16"]), min_size=1, unique=True)
_PEERS = st.one_of(
    st.fixed_dictionaries({"podSelector": _some(matchLabels=_LABELS)}),
    st.fixed_dictionaries({"namespaceSelector": _some(matchLabels=_LABELS)}),
    st.fixed_dictionaries({"ipBlock": _some({"cidr": st.just("10.0.0.0/8")}, **{"except": _PARTS})}),
)

_specs = _some(
    nodesPerRacks=st.integers(1, 5),
    cassandraImage=_IMAGES,
    imagepullpolicy=_PULL_POLICIES,
    envVars=variables,
    bootstrapImage=_IMAGES,
    configBuilderImage=_IMAGES,
    runAsUser=st.integers(1, 65535),
    fsGroup=st.integers(1, 65535),
    readOnlyRootFilesystem=st.booleans(),
    resources=resources(),
    hardAntiAffinity=st.booleans(),
    pod=_some(annotations=_LABELS, tolerations=tolerations),
    service=_some(annotations=_LABELS),
    deletePVC=st.booleans(),
    debug=st.booleans(),
    maxPodUnavailable=st.integers(0, 3),
    dataCapacity=_CAPACITIES,
    dataStorageClass=st.sampled_from(["standard", "fast"]),
    storageConfigs=_storage_configs,
    sidecarConfigs=_sidecars,
    configMapName=_OBJECT_NAMES,
    serverVersion=st.sampled_from(["3.11.10", "4.0.0", "4.1.3", "5.0"]),
    serverType=st.sampled_from(["cassandra", "dse"]),
    config=configs,
    imagePullSecret=_some({"name": _OBJECT_NAMES | st.just("")}),
    imageJolokiaSecret=_some({"name": _OBJECT_NAMES | st.just("")}),
    access=_some(
        jolokiaLogin=st.sampled_from(["Generated", "None"]),
        networkPolicy=st.booleans(),
        clients=st.lists(_PEERS, max_size=2),
        serviceAccountToken=st.booleans(),
    ),
    topology=_some(dc=st.lists(dcs, max_size=3, unique_by=lambda dc: dc["name"])),
    shareProcessNamespace=st.booleans(),
    serviceAccountName=_OBJECT_NAMES,
    backRestSidecar=_some(
        enabled=st.booleans(),
        image=_IMAGES,
        imagePullPolicy=_PULL_POLICIES,
        envVars=variables,
        resources=resources(),
    ),
    jmxConfiguration=_some(
        jmxRemoteEnable=st.booleans(), jmxRemotePort=st.integers(0, 65535), jmxRemoteSSL=st.booleans()
    ),
    **_PROBE_TIMINGS,
)


def _with_builder(spec: Json) -> Json:
    """Give a DSE an image that can render its configuration."""
    if spec.get("serverType") == "dse":
        return {"configBuilderImage": "datastax/cass-config-builder:1.0.4"} | spec
    return spec


specs = _specs.map(_with_builder)

clusters = st.fixed_dictionaries(
    {
        "apiVersion": st.just("db.orange.com/v2"),
        "kind": st.just("CassandraCluster"),
        "metadata": st.fixed_dictionaries(
            {
                "name": st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
                "namespace": st.just("cassandra"),
                "uid": st.just("0b6e"),
                "labels": _LABELS,
            }
        ),
        "spec": specs,
    }
)


@st.composite
def mangled_clusters(draw: st.DrawFn) -> Json:
    """Draw a valid cluster in which one value, anywhere, was replaced by any JSON."""
    cluster: Json = draw(clusters)
    holder: Any = cluster
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = draw(st.sampled_from(keys))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            holder[key] = draw(json_values)
            return cluster
        holder = inner
