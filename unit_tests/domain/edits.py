"""
Edits of a spec, and what becomes of them: the table of the contract, for the operator and for the policy.

Each is what is written over `spec()` before and after. `None` leaves a field out.
"""

from __future__ import annotations

from typing import Any

import attrs

from controller.domain.changes import Facts, Rule

Spec = dict[str, Any]


def spec(**over: Any) -> Spec:
    """Return a spec of two data centres with two racks and one, each with volumes, with *over* on top."""
    whole: Spec = {
        "nodesPerRacks": 2,
        "dataCapacity": "2Gi",
        "dataStorageClass": "fast",
        "config": {"cassandra-yaml": {"num_tokens": 16, "concurrent_reads": 32}},
        "topology": {
            "dc": [
                {"name": "dc1", "rack": [{"name": "rack1"}, {"name": "rack2"}]},
                {
                    "name": "dc2",
                    "rack": [{"name": "rack1"}],
                    "dataCapacity": "3Gi",
                    "dataStorageClass": "big",
                },
            ]
        },
    } | over
    return {name: value for name, value in whole.items() if value is not None}


ALL = ("dc1-rack1", "dc1-rack2", "dc2-rack1")
RUNNING = Facts(nodes=dict.fromkeys(ALL, 2), joined=frozenset(ALL))


def dc(name: str, *racks: str, **over: Any) -> Spec:
    """Return a data centre."""
    return {"name": name, "rack": [{"name": rack} for rack in racks], **over}


def topology(*dcs: Spec) -> Spec:
    """Return a topology."""
    return {"dc": list(dcs)}


DC1, DC2 = spec()["topology"]["dc"]
EMPTY2 = {**DC2, "nodesPerRacks": 0}
VOLUME = {
    "name": "logs",
    "mountPath": "/logs",
    "pvcSpec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}

# What is edited, and the rule and the path that hold it back.
REFUSED: dict[str, tuple[Spec, Spec, Rule, str]] = {
    "nodesPerRacks to 0": ({}, {"nodesPerRacks": 0}, Rule.EMPTY_CLUSTER, "spec.nodesPerRacks"),
    "capacity lower": ({}, {"dataCapacity": "1Gi"}, Rule.VOLUMES_SHRINK, "spec.dataCapacity"),
    "capacity of a DC lower": (
        {},
        {"topology": topology(DC1, {**DC2, "dataCapacity": "3000Mi"})},
        Rule.VOLUMES_SHRINK,
        "spec.topology.dc[1].dataCapacity",
    ),
    "capacity of a DC left out for a lower one": (
        {"dataStorageClass": "big"},
        {"dataStorageClass": "big", "topology": topology(DC1, dc("dc2", "rack1"))},
        Rule.VOLUMES_SHRINK,
        "spec.dataCapacity",
    ),
    "capacity taken away": ({}, {"dataCapacity": None}, Rule.VOLUMES_REMOVED, "spec.dataCapacity"),
    "capacity where there was none": (
        {"dataCapacity": None, "topology": topology(DC1)},
        {"dataCapacity": "1Gi", "topology": topology(DC1)},
        Rule.VOLUMES_ADDED,
        "spec.dataCapacity",
    ),
    "class changed": ({}, {"dataStorageClass": "slow"}, Rule.STORAGE_CLASS, "spec.dataStorageClass"),
    "class of a DC changed": (
        {},
        {"topology": topology(DC1, {**DC2, "dataStorageClass": "fast"})},
        Rule.STORAGE_CLASS,
        "spec.topology.dc[1].dataStorageClass",
    ),
    "DC renamed": (
        {},
        {"topology": topology(DC1, {**DC2, "name": "dc3"})},
        Rule.DC_RENAMED,
        "spec.topology.dc[1].name",
    ),
    "rack renamed": (
        {},
        {"topology": topology(dc("dc1", "rack1", "rack3"), DC2)},
        Rule.RACK_RENAMED,
        "spec.topology.dc[0].rack[1].name",
    ),
    "another rack in the place of one": (
        {},
        {"topology": topology(dc("dc1", "rack2", "rack3"), DC2)},
        Rule.RACK_EXCHANGED,
        "spec.topology.dc[0].rack[1]",
    ),
    "a rack more, and one less": (
        {},
        {"topology": topology(dc("dc1", "rack0", "rack2", "rack3"), DC2)},
        Rule.RACK_EXCHANGED,
        "spec.topology.dc[0].rack[0]",
    ),
    "the only rack in another's place": (
        {},
        {"topology": topology(DC1, {**DC2, "rack": [{"name": "a"}, {"name": "b"}]})},
        Rule.RACK_EXCHANGED,
        "spec.topology.dc[1].rack[0]",
    ),
    "DC removed with nodes": (
        {},
        {"topology": topology(DC1)},
        Rule.DC_REMOVED_WITH_NODES,
        "spec.topology.dc",
    ),
    "DC removed that is first and is called dc1": (
        {},
        {"topology": topology(DC2)},
        Rule.DC_REMOVED_WITH_NODES,
        "spec.topology.dc",
    ),
    "further volume added": (
        {},
        {"storageConfigs": [VOLUME]},
        Rule.FURTHER_VOLUMES,
        "spec.storageConfigs",
    ),
    "further volume removed": (
        {"storageConfigs": [VOLUME]},
        {},
        Rule.FURTHER_VOLUMES,
        "spec.storageConfigs",
    ),
    "num_tokens": (
        {},
        {"config": {"cassandra-yaml": {"num_tokens": 8, "concurrent_reads": 32}}},
        Rule.ONLY_AT_BOOTSTRAP,
        "spec.config.cassandra-yaml.num_tokens",
    ),
    "partitioner of a rack": (
        {},
        {
            "topology": topology(
                {
                    **DC1,
                    "rack": [
                        {"name": "rack1"},
                        {"name": "rack2", "config": {"cassandra-yaml": {"partitioner": "X"}}},
                    ],
                },
                DC2,
            )
        },
        Rule.ONLY_AT_BOOTSTRAP,
        "spec.topology.dc[0].rack[1].config.cassandra-yaml.partitioner",
    ),
}


# What is edited, and what exists, for edits that go through.
ACCEPTED: dict[str, tuple[Spec, Spec, Facts]] = {
    "capacity higher": ({}, {"dataCapacity": "10Gi"}, RUNNING),
    "capacity in other words": ({}, {"dataCapacity": "2048Mi"}, RUNNING),
    "capacity moved to the DC": (
        {},
        {
            "dataCapacity": "1Gi",
            "topology": topology({**DC1, "dataCapacity": "2Gi", "dataStorageClass": "fast"}, DC2),
        },
        RUNNING,
    ),
    "capacity that was never reached taken back": (
        {"dataCapacity": "9Gi"},
        {"dataCapacity": "3Gi"},
        attrs.evolve(RUNNING, capacity={"dc1-rack1": "2Gi", "dc1-rack2": "3Gi", "dc2-rack1": "3Gi"}),
    ),
    "DCs added": ({}, {"topology": topology(DC1, DC2, dc("dc3", "a"), dc("dc4", "a"))}, RUNNING),
    "a smaller DC of another class, with other resources": (
        {},
        {
            "resources": {"limits": {"memory": "4Gi"}},
            "topology": topology(
                DC1, DC2, {**dc("dc3", "a"), "dataCapacity": "500Mi", "dataStorageClass": "slow"}
            ),
        },
        RUNNING,
    ),
    "DC added in front": ({}, {"topology": topology(dc("dc0", "a"), DC1, DC2)}, RUNNING),
    "DC to size 0": ({}, {"topology": topology(DC1, EMPTY2)}, RUNNING),
    "an empty DC removed": (
        {"topology": topology(DC1, EMPTY2)},
        {"topology": topology(DC1)},
        attrs.evolve(RUNNING, nodes={**RUNNING.nodes, "dc2-rack1": 0}),
    ),
    "a DC removed that never was": (
        {},
        {"topology": topology(DC1)},
        Facts(nodes={"dc1-rack1": 2, "dc1-rack2": 2}, joined=frozenset({"dc1-rack1", "dc1-rack2"})),
    ),
    "racks added": ({}, {"topology": topology(dc("dc1", "rack1", "rack2", "a", "b"), DC2)}, RUNNING),
    "a rack added in front": ({}, {"topology": topology(dc("dc1", "a", "rack1", "rack2"), DC2)}, RUNNING),
    "a rack renamed that never was": (
        {},
        {"topology": topology(dc("dc1", "rack1", "rack3"), DC2)},
        attrs.evolve(
            RUNNING,
            nodes={"dc1-rack1": 2, "dc2-rack1": 2},
            joined=frozenset({"dc1-rack1", "dc2-rack1"}),
        ),
    ),
    "order of racks": ({}, {"topology": topology(dc("dc1", "rack2", "rack1"), DC2)}, RUNNING),
    "order of DCs": ({}, {"topology": topology(DC2, DC1)}, RUNNING),
    "resources": ({}, {"resources": {"limits": {"memory": "4Gi"}}}, RUNNING),
    "labels and partitions": (
        {},
        {
            "topology": topology(
                {**DC1, "rack": [{"name": "rack1", "rollingPartition": 1}, {"name": "rack2"}]},
                {**DC2, "labels": {"zone": "b"}, "nodesPerRacks": 5},
            )
        },
        RUNNING,
    ),
    "other configuration": (
        {},
        {"config": {"cassandra-yaml": {"num_tokens": 16, "concurrent_reads": 8}}},
        RUNNING,
    ),
    "the partitioner in other words": (
        {},
        {
            "config": {
                "cassandra-yaml": {
                    "num_tokens": 16,
                    "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
                }
            }
        },
        RUNNING,
    ),
    "num_tokens written out": (
        {"config": {}, "cassandraImage": "cassandra:4.1"},
        {"config": {"cassandra-yaml": {"num_tokens": 16}}, "cassandraImage": "cassandra:4.1"},
        RUNNING,
    ),
    "num_tokens before a node joined": (
        {},
        {"config": {"cassandra-yaml": {"num_tokens": 8}}},
        attrs.evolve(RUNNING, joined=frozenset()),
    ),
    "num_tokens moved to the racks' DCs": (
        {},
        {
            "config": {"cassandra-yaml": {"concurrent_reads": 32}},
            "topology": topology(
                {**DC1, "config": {"cassandra-yaml": {"num_tokens": 16}}},
                {**DC2, "config": {"cassandra-yaml": {"num_tokens": 16}}},
            ),
        },
        RUNNING,
    ),
}
