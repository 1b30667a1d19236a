"""
One wish, four Cassandras: the whole of what a node of each version gets to read, by value.

The wish is one that CassKop's users have: old and new names mixed, and CassKop's own defaults beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.images import cassandra
from unit_tests.bootstrap.imagefiles import IMAGES, SEEDS, flags, rendered

WISH: dict[str, Any] = {
    "cassandra-yaml": {
        # CassKop's defaults, which it adds to every cluster.
        "read_request_timeout_in_ms": 5000,
        "write_request_timeout_in_ms": 5000,
        "counter_write_request_timeout_in_ms": 5000,
        "num_tokens": 8,
        "authenticator": "PasswordAuthenticator",
        "hints_flush_period": "10s",
        "enable_materialized_views": True,
        "compaction_throughput_mb_per_sec": 64,
        "commitlog_total_space_in_mb": 8192,
        "client_encryption_options": {"enabled": True, "keystore": "conf/.keystore"},
    },
    "logback-xml": {"debuglog-enabled": False},
    "jvm-options": {
        "initial_heap_size": "128M",
        "max_heap_size": "512M",
        "cassandra_ring_delay_ms": 30000,
        "jmx-connection-type": "remote-no-auth",
        "garbage_collector": "G1GC",
        "max_gc_pause_millis": 200,
        "additional-jvm-opts": ["-Dcassandra.skip_wait_for_gossip_to_settle=0"],
    },
}

_NODE = {
    "cluster_name": "demo",
    "seed_provider": [
        {
            "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
            "parameters": [{"seeds": SEEDS}],
        }
    ],
    "listen_address": "10.0.0.7",
    "broadcast_address": "10.0.0.7",
    "rpc_address": "0.0.0.0",  # noqa: S104 -- what Cassandra shall listen on
    "broadcast_rpc_address": "10.0.0.7",
    "data_file_directories": ["/var/lib/cassandra/data"],
    "commitlog_directory": "/var/lib/cassandra/commitlog",
    "saved_caches_directory": "/var/lib/cassandra/saved_caches",
    "hints_directory": "/var/lib/cassandra/hints",
    "cdc_raw_directory": "/var/lib/cassandra/cdc_raw",
    "endpoint_snitch": "GossipingPropertyFileSnitch",
    "commitlog_sync": "periodic",
    "num_tokens": 8,
    "authenticator": "PasswordAuthenticator",
    "client_encryption_options": {"enabled": True, "optional": False, "keystore": "conf/.keystore"},
}
_OLD_WORDS = {
    "commitlog_sync_period_in_ms": 10000,
    "read_request_timeout_in_ms": 5000,
    "write_request_timeout_in_ms": 5000,
    "counter_write_request_timeout_in_ms": 5000,
    "hints_flush_period_in_ms": 10000,
    "enable_materialized_views": True,
    "compaction_throughput_mb_per_sec": 64,
    "commitlog_total_space_in_mb": 8192,
}
_NEW_WORDS = {
    "commitlog_sync_period": "10000ms",
    "read_request_timeout": "5000ms",
    "write_request_timeout": "5000ms",
    "counter_write_request_timeout": "5000ms",
    "hints_flush_period": "10s",
    "materialized_views_enabled": True,
    "compaction_throughput": "64MiB/s",
    "commitlog_total_space": "8192MiB",
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "3.11": _NODE | _OLD_WORDS,
    "4.0": _NODE | _OLD_WORDS,
    "4.1": _NODE | _NEW_WORDS,
    "5.0": _NODE | _NEW_WORDS | {"storage_compatibility_mode": "CASSANDRA_4"},
}

_GENERAL = [
    "-ea",
    "-XX:+HeapDumpOnOutOfMemoryError",
    "-Xss256k",
    "-XX:+AlwaysPreTouch",
]
_WISHED = [
    "-Xms128M",
    "-Xmx512M",
    "-Dcassandra.ring_delay_ms=30000",
    "-Dcassandra.jmx.remote.port=7199",
    "-Dcom.sun.management.jmxremote.rmi.port=7199",
]
_MORE = ["-Dcassandra.skip_wait_for_gossip_to_settle=0"]
# The image has CMS there: all of it makes place.
_G1_ON_JAVA_8 = [
    "-XX:+PrintGCDetails",
    "-XX:+UseG1GC",
    "-XX:+ParallelRefProcEnabled",
    "-XX:G1RSetUpdatingPauseTimePercent=5",
    "-XX:MaxGCPauseMillis=200",
]
# The image has G1 there already: only the pause changes.
_G1_ON_LATER_JAVAS = [
    "-XX:+UseG1GC",
    "-XX:+ParallelRefProcEnabled",
    "--add-exports java.base/jdk.internal.misc=ALL-UNNAMED",
    "-XX:MaxGCPauseMillis=200",
]
FLAGS: dict[str, dict[str, list[str]]] = {
    "3.11": {"jvm.options": [*_GENERAL, _G1_ON_JAVA_8[0], *_WISHED, *_G1_ON_JAVA_8[1:], *_MORE]},
    "4.0": {
        "jvm-server.options": [*_GENERAL, *_WISHED, *_MORE],
        "jvm8-server.options": _G1_ON_JAVA_8,
        "jvm11-server.options": _G1_ON_LATER_JAVAS,
    },
    "4.1": {
        "jvm-server.options": [*_GENERAL, *_WISHED, *_MORE],
        "jvm8-server.options": _G1_ON_JAVA_8,
        "jvm11-server.options": _G1_ON_LATER_JAVAS,
    },
    "5.0": {
        "jvm-server.options": [*_GENERAL, *_WISHED, *_MORE],
        "jvm11-server.options": _G1_ON_LATER_JAVAS,
        "jvm17-server.options": _G1_ON_LATER_JAVAS,
    },
}

_JMX_IS_OPEN = (
    "jvm-options.jmx-connection-type: JMX is open to the pod network without a password;"
    " local-no-auth keeps it on loopback"
)
WARNINGS = {
    "3.11": (
        _JMX_IS_OPEN,
        "cassandra-yaml.hints_flush_period: Cassandra 3.11 says hints_flush_period_in_ms: 10000",
    ),
    "4.0": (
        _JMX_IS_OPEN,
        "cassandra-yaml.hints_flush_period: Cassandra 4.0 says hints_flush_period_in_ms: 10000",
    ),
    "4.1": (
        _JMX_IS_OPEN,
        "cassandra-yaml.enable_materialized_views: Cassandra 4.1 says materialized_views_enabled: True",
        "cassandra-yaml.compaction_throughput_mb_per_sec: Cassandra 4.1 says compaction_throughput: 64MiB/s",
        "cassandra-yaml.commitlog_total_space_in_mb: Cassandra 4.1 says commitlog_total_space: 8192MiB",
    ),
    "5.0": (
        _JMX_IS_OPEN,
        "cassandra-yaml.enable_materialized_views: Cassandra 5.0 says materialized_views_enabled: True",
        "cassandra-yaml.compaction_throughput_mb_per_sec: Cassandra 5.0 says compaction_throughput: 64MiB/s",
        "cassandra-yaml.commitlog_total_space_in_mb: Cassandra 5.0 says commitlog_total_space: 8192MiB",
    ),
}


@pytest.mark.parametrize("image", IMAGES)
def test_the_parameters_of_a_node(image: str) -> None:
    """No more and no less than these, each under the one name that the version speaks."""
    assert yaml.safe_load(rendered(image, WISH).files["cassandra.yaml"]) == PARAMETERS[image]


@pytest.mark.parametrize("image", IMAGES)
def test_the_flags_of_its_jvm(image: str) -> None:
    """In the files that this version's launcher reads, and in an order that the JVM takes."""
    files = rendered(image, WISH).files
    read = {name: flags(text) for name, text in files.items() if name.endswith(".options")}

    assert read == FLAGS[image]


@pytest.mark.parametrize("image", IMAGES)
def test_what_it_is_told_on_the_way(image: str) -> None:
    """One line for each translation that a user did not know of, and none for CassKop's own defaults."""
    assert rendered(image, WISH).warnings == WARNINGS[image]


@pytest.mark.parametrize("image", ["4.0", "4.1", "5.0"])
def test_the_name_of_the_servers_section_does_not_matter(image: str) -> None:
    """CassKop renames `jvm-options` by a tag it cannot always read (trap 43): both names mean the same."""
    other = {name: section for name, section in WISH.items() if name != "jvm-options"}
    other["jvm-server-options"] = WISH["jvm-options"]

    assert rendered(image, other).files == rendered(image, WISH).files


@pytest.mark.parametrize("tag", ["", "latest", "3.11.4.0", "4.0.0", "sha256", "10"])
@pytest.mark.parametrize("image", IMAGES)
def test_no_tag_changes_what_an_image_gets(image: str, tag: str) -> None:
    """Trap 42: a version cut out of a tag is a rumour, the image's own files are a fact."""
    assert rendered(image, WISH, product_version=tag).files == rendered(image, WISH).files


def image_files(tag: str) -> dict[str, str]:
    """Return the configuration of one of the images that the scenarios run."""
    folder = Path(cassandra.__file__).parent / "cassandra"
    files = [*(folder / "conf").iterdir(), *(folder / f"conf-{tag}").iterdir()]
    return {file.name: file.read_text() for file in files}


@pytest.mark.parametrize("tag", cassandra.VERSIONS)
def test_an_image_that_cassandra_runs_from_is_known_by_its_files(tag: str) -> None:
    """Whole configurations, not stand-ins: each is told apart, and the wish goes in with the same words."""
    files = rendered("5.0", WISH, originals=image_files(tag), product_version="")
    read = yaml.safe_load(files.files["cassandra.yaml"])

    assert files.version == tuple(map(int, tag.split(".")))
    wanted = _NODE | (_OLD_WORDS if tag == "4.0" else _NEW_WORDS)
    merged = "client_encryption_options"
    assert {name: read[name] for name in wanted if name != merged} == {
        name: value for name, value in wanted.items() if name != merged
    }
    assert read[merged]["enabled"] is True
    assert read[merged]["require_client_auth"] is False
    assert files.warnings == WARNINGS[tag]
