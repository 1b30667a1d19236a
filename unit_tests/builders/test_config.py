"""What the config builder is told, in either template revision."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.api.v2 import effective
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.builders import config

Json = dict[str, Any]


def told(revision: int = 1, **spec: object) -> Json:
    """Return the configuration for the first rack."""
    cluster = with_defaults(
        decode_cluster({"metadata": {"name": "c", "namespace": "ns"}, "spec": spec}), revision=revision
    )
    dc, rack = next(effective.racks(cluster))
    text = config.config_file_data(cluster, dc, rack, seeds=["a", "b"], revision=Revision(revision))
    loaded: Json = json.loads(text)
    return loaded


def test_cluster_and_data_centre_come_from_the_object() -> None:
    """Seeds are one text."""
    assert told()["cluster-info"] == {"name": "c", "seeds": "a,b"}
    assert told()["datacenter-info"] == {"name": "dc1"}


@pytest.mark.parametrize("revision", [0, 1])
def test_later_levels_win_member_by_member(revision: int) -> None:
    """Lists are replaced as a whole; other members of a section stay."""
    levels = [
        {"cassandra-yaml": {"a": 1, "b": {"x": 1, "y": 1}, "c": [1, 2]}},
        {"cassandra-yaml": {"b": {"y": 2}, "c": [3]}},
        {"cassandra-yaml": {"d": 4}},
    ]
    rack = {"name": "r", "config": levels[2]}
    yaml = told(
        revision, config=levels[0], topology={"dc": [{"name": "d", "config": levels[1], "rack": [rack]}]}
    )["cassandra-yaml"]

    assert yaml.items() >= {"a": 1, "b": {"x": 1, "y": 2}, "c": [3], "d": 4}.items()


def test_the_heap_follows_the_resources_of_the_data_centre() -> None:
    """In revision 0 it follows the cluster's, as in CassKop."""
    spec: Json = {
        "cassandraImage": "cassandra:3.11.10",
        "resources": {"limits": {"memory": "4Gi"}},
        "topology": {"dc": [{"name": "d", "resources": {"limits": {"memory": "8Gi"}}}]},
    }

    assert (
        told(1, **spec)["jvm-options"].items()
        >= {"max_heap_size": "2048M", "initial_heap_size": "512M"}.items()
    )
    assert (
        told(0, **spec)["jvm-options"].items()
        >= {"max_heap_size": "1024M", "initial_heap_size": "256M"}.items()
    )


def test_an_initial_heap_fits_the_users_maximum() -> None:
    """The JVM does not start with a larger one."""
    options = told(resources={"limits": {"memory": "8Gi"}}, config={"jvm-options": {"max-heap-size": "256M"}})

    assert options["jvm-server-options"] == {
        "max_heap_size": "256M",
        "initial_heap_size": "64M",
        "cassandra_ring_delay_ms": 30000,
        "jmx-connection-type": "local-no-auth",
    }


@pytest.mark.parametrize(
    ("image", "section"),
    [
        ("cassandra:3.11.10", "jvm-options"),
        ("cassandra:4.0.2", "jvm-server-options"),
        ("cassandra:5.0", "jvm-server-options"),
        ("example.org/cassandra@sha256:" + "0" * 64, "jvm-server-options"),
    ],
)
def test_all_jvm_options_are_in_the_section_that_the_version_reads(image: str, section: str) -> None:
    """Wherever the user wrote them; the section of the right name wins."""
    other = ({"jvm-options", "jvm-server-options"} - {section}).pop()
    told_it = told(cassandraImage=image, config={section: {"a": 1}, other: {"a": 2, "b": 3}})

    assert other not in told_it
    assert told_it[section].items() >= {"a": 1, "b": 3, "jmx-connection-type": "local-no-auth"}.items()


def test_jmx_is_open_only_on_demand() -> None:
    """With it, whoever reaches the port owns the node. CassKop opened it."""
    opened = told(config={"jvm-options": {"jmx-connection-type": "remote-no-auth"}})

    assert told()["jvm-server-options"]["jmx-connection-type"] == "local-no-auth"
    assert opened["jvm-server-options"]["jmx-connection-type"] == "remote-no-auth"
    assert told(0)["jvm-options"]["jmx-connection-type"] == "remote-no-auth"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("cassandra:4.0.2", {"read_request_timeout_in_ms": 5000, "write_request_timeout_in_ms": 7}),
        ("cassandra:4.1", {"read_request_timeout": "5000ms", "write_request_timeout_in_ms": 7}),
        ("cassandra:latest", {"write_request_timeout_in_ms": 7}),
    ],
)
def test_a_timeout_has_one_name(image: str, expected: Json) -> None:
    """Cassandra refuses two; what version it is must be known to choose."""
    yaml = told(cassandraImage=image, config={"cassandra-yaml": {"write_request_timeout_in_ms": 7}})[
        "cassandra-yaml"
    ]

    assert {name: value for name, value in yaml.items() if not name.startswith("counter")} == expected


def test_a_null_leaf_gets_its_default() -> None:
    """Null is as good as absent."""
    assert told(0, config={"jvm-options": {"max_heap_size": None}})["jvm-options"]["max_heap_size"] == "2048M"


def test_a_section_that_is_no_object_stays_as_it_is() -> None:
    """Admission refuses it; an adopted cluster may have it all the same."""
    for revision in (0, 1):
        assert 3 in told(revision, config={"jvm-options": 3, "cassandra-yaml": 3}).values()


def test_the_version_is_empty_when_nobody_says_it() -> None:
    """Better than a wrong one."""
    cluster = with_defaults(
        decode_cluster(
            {"metadata": {"name": "c"}, "spec": {"cassandraImage": "cassandra@sha256:" + "0" * 64}}
        ),
        revision=1,
    )

    assert config.version(cluster, Revision.HARDENED) == ""
