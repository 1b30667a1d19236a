"""Small stand-ins for the files in /etc/cassandra of the Cassandra images, and inputs to render from them."""

from __future__ import annotations

import json
from typing import Any

from controller.bootstrap.render import Files, Inputs, Problems, render

_YAML_OLD = """\
# the distribution's own comment
cluster_name: 'Test Cluster'
num_tokens: 256
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1"
commitlog_sync: periodic
commitlog_sync_period_in_ms: 10000
read_request_timeout_in_ms: 5000
listen_address: localhost
rpc_address: localhost
endpoint_snitch: SimpleSnitch
client_encryption_options:
  enabled: false
  optional: false
"""
_YAML_NEW = (
    _YAML_OLD.replace("commitlog_sync_period_in_ms: 10000", "commitlog_sync_period: 10000ms")
    .replace("read_request_timeout_in_ms: 5000", "read_request_timeout: 5000ms")
    .replace("num_tokens: 256", "num_tokens: 16")
)
_GENERAL = """\
# lines that do not start with '-' are ignored
-ea
-XX:+HeapDumpOnOutOfMemoryError
-Xss256k
-XX:+AlwaysPreTouch
#-Xms4G
#-Xmx4G
"""
_CMS = """\
-XX:+UseParNewGC
-XX:+UseConcMarkSweepGC
-XX:+CMSParallelRemarkEnabled
-XX:SurvivorRatio=8
-XX:CMSInitiatingOccupancyFraction=75
-XX:+PrintGCDetails
"""
_G1 = """\
-XX:+UseG1GC
-XX:+ParallelRefProcEnabled
-XX:MaxGCPauseMillis=300
--add-exports java.base/jdk.internal.misc=ALL-UNNAMED
"""
_LOGBACK = """\
<!-- the distribution's own comment -->
<configuration scan="true">
  <appender name="SYSTEMLOG" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <filter class="ch.qos.logback.classic.filter.ThresholdFilter">
      <level>INFO</level>
    </filter>
    <rollingPolicy><maxIndex>20</maxIndex></rollingPolicy>
  </appender>
  <appender name="ASYNCDEBUGLOG" class="ch.qos.logback.classic.AsyncAppender">
    <appender-ref ref="DEBUGLOG" />
  </appender>
  <root level="INFO">
    <appender-ref ref="SYSTEMLOG" />
    <appender-ref ref="ASYNCDEBUGLOG" /> <!-- Comment this line to disable debug.log -->
  </root>
</configuration>
"""
_ENV = 'JVM_OPTS="$JVM_OPTS -Dcassandra.jmx.local.port=7199"\nJVM_OPTS="$JVM_OPTS $JVM_EXTRA_OPTS"\n'
_COMMON = {
    "logback.xml": _LOGBACK,
    "cassandra-env.sh": _ENV,
    "cassandra-rackdc.properties": "dc=dc1\nrack=rack1\n",
}

IMAGES: dict[str, dict[str, str]] = {
    "3.11": {"cassandra.yaml": _YAML_OLD, "jvm.options": _GENERAL + _CMS} | _COMMON,
    "4.0": {
        "cassandra.yaml": _YAML_OLD,
        "jvm-server.options": _GENERAL,
        "jvm8-server.options": _CMS,
        "jvm11-server.options": _G1,
        "jvm-clients.options": "-ea\n",
    }
    | _COMMON,
    "4.1": {
        "cassandra.yaml": _YAML_NEW,
        "jvm-server.options": _GENERAL,
        "jvm8-server.options": _CMS,
        "jvm11-server.options": _G1,
    }
    | _COMMON,
    "5.0": {
        "cassandra.yaml": _YAML_NEW + "storage_compatibility_mode: CASSANDRA_4\n",
        "cassandra_latest.yaml": "",
        "jvm-server.options": _GENERAL,
        "jvm11-server.options": _G1,
        "jvm17-server.options": _G1,
    }
    | _COMMON,
}

SEEDS = "demo-dc1-rack1-0.demo.ns,demo-dc1-rack2-0.demo.ns"
INFO: dict[str, Any] = {
    "cluster-info": {"name": "demo", "seeds": SEEDS},
    "datacenter-info": {"name": "dc1"},
}


def inputs(image: str, sections: dict[str, Any] | None = None, **changes: Any) -> Inputs:
    """Return the inputs of one node with *image* and the user's *sections*."""
    values = {
        "data": json.dumps(INFO | (sections or {})),
        "originals": IMAGES[image],
        "rack": "rack1",
        "pod_ip": "10.0.0.7",
        "product_name": "cassandra",
        "product_version": image,
    }
    return Inputs(**(values | changes))


def rendered(image: str, sections: dict[str, Any] | None = None, **changes: Any) -> Files:
    """Render, expecting success."""
    result = render(inputs(image, sections, **changes))
    assert isinstance(result, Files), result
    return result


def problems(image: str, sections: dict[str, Any] | None = None, **changes: Any) -> tuple[str, ...]:
    """Render, expecting problems."""
    result = render(inputs(image, sections, **changes))
    assert isinstance(result, Problems), result
    return result.lines


def flags(text: str) -> list[str]:
    """Return the lines of an options file that Cassandra's launcher reads."""
    return [line for line in text.splitlines() if line.startswith("-")]
