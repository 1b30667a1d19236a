"""
The two Java agents in Cassandra's JVM, as text: Jolokia on 8778 and metrics on 9500.

No password is in any text that a process list, cassandra-env.sh or a log could show: Jolokia reads its
settings from a file, and the probes read their header from another. Both are for `disk.SECRET`.
"""

from __future__ import annotations

import re

from controller.bootstrap.asking import PORT, Credentials

JOLOKIA_JAR = "jolokia-agent.jar"
METRICS_JAR = "jmx_prometheus_javaagent.jar"
JOLOKIA_SETTINGS = "jolokia.properties"
JOLOKIA_HEADER = "jolokia.auth"
METRICS_RULES = "metrics.yaml"
METRICS_PORT = 9500

# Calls that drain or clean up hold a thread for as long as they run; the probes have to get one all the same.
_THREADS = 8
_BEGIN, _END = "# >>> casskop: agents", "# <<< casskop: agents"
_PLAIN = re.compile(r"[A-Za-z0-9._/-]")
_PRINTABLE = re.compile(r"[ -~]")


def jolokia_settings(address: str, credentials: Credentials | None) -> str:
    """Return Jolokia's settings as a Java properties file: bound to *address*, and to nothing else."""
    settings = {
        "host": address,
        "port": str(PORT),
        "executor": "fixed",
        "threadNr": str(_THREADS),
        "discoveryEnabled": "false",
    }
    if credentials is not None:
        settings |= {
            "authMode": "basic",
            "user": credentials.user,
            "password": credentials.password,
        }
    return "".join(f"{name}={_property(value)}\n" for name, value in settings.items())


def jolokia_header(credentials: Credentials) -> str:
    """Return the line that a request to Jolokia needs."""
    return f"Authorization: {credentials.header}\n"


def with_agents(script: str, *, conf: str, libraries: str, jolokia: bool, metrics: bool) -> str:
    """Return cassandra-env.sh so that it loads the agents; those of an earlier run make place."""
    lines = []
    if jolokia:
        lines.append(_agent(f"{libraries}/{JOLOKIA_JAR}=config={conf}/{JOLOKIA_SETTINGS}"))
    if metrics:
        lines.append(_agent(f"{libraries}/{METRICS_JAR}={METRICS_PORT}:{conf}/{METRICS_RULES}"))
    return with_block(script, lines)


def with_block(text: str, lines: list[str], begin: str = _BEGIN, end: str = _END) -> str:
    """Return *text* with *lines* at its end, between marks, in the place of what stood between them."""
    kept = re.sub(rf"\n*{re.escape(begin)}\n.*?{re.escape(end)}\n", "\n", text, flags=re.DOTALL)
    if not lines:
        return kept
    return "\n".join([kept.rstrip("\n"), "", begin, *lines, end, ""])


def _agent(argument: str) -> str:
    return f'JVM_OPTS="$JVM_OPTS -javaagent:{argument}"'


def _property(value: str) -> str:
    """Write *value* so that Java's Properties reads back the same, whatever is in it."""
    return "".join(map(_character, value))


def _character(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    if _PRINTABLE.fullmatch(character):
        return "\\" + character
    # Outside of the basic plane Java has two halves.
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
