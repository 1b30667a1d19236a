"""cassandra-env.sh: the settings that are neither a parameter of Cassandra nor a JVM flag."""

from __future__ import annotations

from collections.abc import Mapping
import shlex

from controller.bootstrap.findings import Findings, did_you_mean

SECTION = "cassandra-env-sh"
FILE = "cassandra-env.sh"
# The image's file looks at these further down, so they are set before it does.
_EXPORTS = {"malloc-arena-max": "MALLOC_ARENA_MAX", "heap-dump-dir": "CASSANDRA_HEAPDUMP_DIR"}
_ON_OUT_OF_MEMORY = "on_out_of_memory_error"
_MORE = "additional-jvm-opts"
_KNOWN = (*_EXPORTS, _ON_OUT_OF_MEMORY, _MORE)


def render_env(original: str | None, section: Mapping[str, object], findings: Findings) -> str | None:
    """Return the text of cassandra-env.sh, or None if it stays as it is."""
    before: list[str] = []
    after: list[str] = []
    for key, value in section.items():
        place = findings.at(SECTION).at(key)
        if key in _EXPORTS:
            before.append(f"export {_EXPORTS[key]}={shlex.quote(str(value))}")
        elif key == _ON_OUT_OF_MEMORY:
            option = shlex.quote(f"-XX:OnOutOfMemoryError={value}")
            after.append(f"JVM_ON_OUT_OF_MEMORY_ERROR_OPT={option}")
        elif key == _MORE and isinstance(value, list) and all(isinstance(flag, str) for flag in value):
            after.extend(f'JVM_OPTS="$JVM_OPTS "{shlex.quote(flag)}' for flag in value)
        elif key == _MORE:
            place.problem("it has to be a list of flags")
        else:
            place.problem(f"no such option{did_you_mean(key, _KNOWN)}")
    if not before and not after:
        return None
    if original is None:
        findings.at(SECTION).problem(f"the Cassandra image has no {FILE}")
        return None
    return "\n".join([*before, original.rstrip("\n"), *after]) + "\n"
