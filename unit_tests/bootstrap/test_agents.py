"""The agents in Cassandra's JVM: where they are loaded, what they are told, and who sees the password."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest
import yaml

from controller.bootstrap.agents import jolokia_header, jolokia_settings, with_agents, with_block
from controller.bootstrap.asking import Credentials
from controller.bootstrap.node import Paths
from unit_tests.bootstrap.imagefiles import rendered

ENV = 'JVM_OPTS="$JVM_OPTS -Dcassandra.jmx.local.port=7199"\n'
SECRET = Credentials(user="casskop", password="s3cret!: \\u\n\té😀#")
_SHELLS = [shell for shell in ("bash", "dash", "sh") if shutil.which(shell)]


def loaded(script: str) -> str:
    """Return *script* with both agents."""
    return with_agents(script, conf="/etc/cassandra", libraries="/extra-lib", jolokia=True, metrics=True)


def properties(text: str) -> dict[str, str]:
    """Read a properties file as Java does: by its own grammar, written here from its documentation."""
    found: dict[str, str] = {}
    for line in re.split(r"\r\n|\r|\n", text):
        if not line or line[0] in "#!":
            continue
        name, value, key_ended, position = "", "", False, 0
        while position < len(line):
            character = line[position]
            if character == "\\":
                escaped = line[position + 1]
                if escaped == "u":
                    character = chr(int(line[position + 2 : position + 6], 16))
                    position += 4
                else:
                    character = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}.get(escaped, escaped)
                position += 1
            elif not key_ended and character in "=: \t\f":
                key_ended, character = True, ""
            position += 1
            if key_ended:
                value += character
            else:
                name += character
        # Java's strings are made of halves where Python's are made of wholes.
        found[name] = value.encode("utf-16", "surrogatepass").decode("utf-16")
    return found


@pytest.mark.parametrize("shell", _SHELLS)
def test_cassandras_script_loads_both_agents(shell: str) -> None:
    """Run for real: the last word on JVM_OPTS has each agent once, by the file that it reads."""
    script = loaded(loaded(ENV)) + 'printf "%s" "$JVM_OPTS"\n'
    done = subprocess.run(  # noqa: S603 -- our own text
        [shell, "-eu"], input="JVM_OPTS=\n" + script, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [
        "-Dcassandra.jmx.local.port=7199",
        "-javaagent:/extra-lib/jolokia-agent.jar=config=/etc/cassandra/jolokia.properties",
        "-javaagent:/extra-lib/jmx_prometheus_javaagent.jar=9500:/etc/cassandra/metrics.yaml",
    ]


def test_an_agent_can_be_left_out() -> None:
    """And what an earlier run has put there goes."""
    without = with_agents(loaded(ENV), conf="/c", libraries="/l", jolokia=False, metrics=False)

    assert without == ENV
    only = with_agents(ENV, conf="/c", libraries="/l", jolokia=False, metrics=True)
    assert only.count("-javaagent") == 1
    assert "/l/jmx_prometheus_javaagent.jar=9500:/c/metrics.yaml" in only


@given(st.text(alphabet="ab\n", max_size=20), st.lists(st.sampled_from(["x", "y z"]), max_size=2))
def test_a_block_is_there_once_and_leaves_no_trace(text: str, lines: list[str]) -> None:
    """Written twice it stands once; taken away, the lines before it are as they were."""
    text = text.rstrip("\n") + "\n"
    once = with_block(text, lines, "# >>>", "# <<<")

    assert with_block(once, lines, "# >>>", "# <<<") == once
    assert with_block(once, [], "# >>>", "# <<<") == text


def test_jolokia_listens_where_the_pod_is_and_nowhere_else() -> None:
    """Trap 100: not on every address, and without looking for other agents."""
    settings = properties(jolokia_settings("10.0.0.7", None))

    assert settings == {
        "host": "10.0.0.7",
        "port": "8778",
        "executor": "fixed",
        "threadNr": "8",
        "discoveryEnabled": "false",
    }


def test_jolokia_asks_for_the_password_of_the_secret() -> None:
    """By basic authentication, as CassKop's does."""
    settings = properties(jolokia_settings("10.0.0.7", SECRET))

    assert settings["authMode"] == "basic"
    assert (settings["user"], settings["password"]) == (SECRET.user, SECRET.password)


@given(user=st.text(min_size=1), password=st.text(min_size=1))
def test_java_reads_back_whatever_is_in_a_password(user: str, password: str) -> None:
    """Colons, blanks, line ends, letters of any script: nothing of it ends the value or begins another."""
    text = jolokia_settings("10.0.0.7", Credentials(user=user, password=password))
    settings = properties(text)

    assert (settings["user"], settings["password"]) == (user, password)
    assert text.isascii()
    assert text.count("\n") == 8


def test_the_probes_header_is_what_basic_authentication_wants() -> None:
    """One line, as RFC 7617 has it."""
    credentials = Credentials(user="Aladdin", password="open sesame")

    assert jolokia_header(credentials) == "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"


def test_a_password_has_no_representation() -> None:
    """It cannot get into a log by way of an error message or a debugger's line."""
    assert SECRET.password not in repr(SECRET)


# cassandra-env.sh from CONFIG_FILE_DATA.


@pytest.mark.parametrize("shell", _SHELLS)
def test_the_environment_file_means_what_was_written(shell: str) -> None:
    """Run for real: values with quotes, dollars and blanks come through as they are."""
    section: dict[str, Any] = {
        "malloc-arena-max": 2,
        "heap-dump-dir": "/var/log/o'brien $HOME",
        "on_out_of_memory_error": "kill -9 %p; echo `id`",
        "additional-jvm-opts": ["-Da=$(id)", "-Db='c d'"],
    }
    script = rendered("5.0", {"cassandra-env-sh": section}).files["cassandra-env.sh"]
    show = (
        'printf "%s\\n" "$MALLOC_ARENA_MAX" "$CASSANDRA_HEAPDUMP_DIR" '
        '"$JVM_ON_OUT_OF_MEMORY_ERROR_OPT" "$JVM_OPTS"\n'
    )
    done = subprocess.run(  # noqa: S603 -- our own text
        [shell, "-e"], input=script + show, capture_output=True, text=True, check=True, env={}
    )

    assert done.stdout.splitlines() == [
        "2",
        "/var/log/o'brien $HOME",
        "-XX:OnOutOfMemoryError=kill -9 %p; echo `id`",
        " -Dcassandra.jmx.local.port=7199  -Da=$(id) -Db='c d'",
    ]


# The rules of the metrics agent.

_RULES = yaml.safe_load((Paths().own / "metrics.yaml").read_text())
# Names as the agent writes them: domain, key properties, attribute; taken from a node's MBeans.
_SAMPLES = {
    "org.apache.cassandra.metrics<type=ClientRequest, scope=Read-LOCAL_QUORUM,"
    " name=Latency><>99thPercentile": (
        "cassandra_client_request_latency_seconds",
        {"operation": "read", "consistency": "LOCAL_QUORUM", "quantile": "0.99"},
    ),
    "org.apache.cassandra.metrics<type=ClientRequest, scope=Write-ONE, name=Timeouts><>Count": (
        "cassandra_client_request_timeouts_total",
        {"operation": "write", "consistency": "ONE"},
    ),
    "org.apache.cassandra.metrics<type=Storage, name=Load><>Count": ("cassandra_storage_load_bytes", {}),
    "org.apache.cassandra.metrics<type=ThreadPools, path=request, scope=Native-Transport-Requests,"
    " name=PendingTasks><>Value": (
        "cassandra_thread_pool_pending_tasks",
        {"group": "request", "pool": "Native-Transport-Requests"},
    ),
    "org.apache.cassandra.metrics<type=Table, keyspace=app, scope=kv, name=LiveSSTableCount><>Value": (
        "cassandra_table_live_sstables",
        {"keyspace": "app", "table": "kv"},
    ),
    "java.lang<type=Memory><HeapMemoryUsage>used": ("cassandra_jvm_memory_used_bytes", {"region": "heap"}),
}


@pytest.mark.parametrize("name", _SAMPLES)
def test_a_metric_of_a_node_gets_the_exporters_name(name: str) -> None:
    """Dashboards for the Instaclustr exporter find what they look for: trap 111."""
    matches = [(rule, re.search(rule["pattern"], name)) for rule in _RULES["rules"]]
    rule, found = next((rule, found) for rule, found in matches if found)
    assert found is not None
    labels = {
        key: found.expand(re.sub(r"\$(\d)", r"\\\1", text)) for key, text in rule.get("labels", {}).items()
    }

    assert (rule["name"], labels) == _SAMPLES[name]


def test_every_rule_is_one_that_the_agent_takes() -> None:
    """A wrong rule would keep Cassandra from starting."""
    for rule in _RULES["rules"]:
        assert set(rule) <= {"pattern", "name", "labels", "type", "valueFactor"}
        assert re.fullmatch(r"cassandra_[a-z_]+", rule["name"])
        groups = re.compile(rule["pattern"]).groups
        used = {
            int(number) for text in rule.get("labels", {}).values() for number in re.findall(r"\$(\d)", text)
        }
        assert used == set(range(1, groups + 1)), rule
        # The agent adds the ending itself where it is not there already.
        assert rule.get("type") != "COUNTER" or rule["name"].endswith("_total"), rule
