"""
Configuration files for one Cassandra node, from the image's own files and CONFIG_FILE_DATA.

`render` is a pure function: the same inputs give the same files. It takes the files as they are in the
Cassandra image, so rendering twice cannot merge twice. Everything that is wrong is reported at once.
CONFIG_FILE_DATA has the shape that cass-config-builder reads: sections by file, options by name.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
import re

import attrs

from controller.bootstrap import cassandrayaml, envsh, jvm, logback, renames, yamlfile
from controller.bootstrap.cassandrayaml import Identity
from controller.bootstrap.findings import Findings, did_you_mean
from controller.bootstrap.renames import Version

DATA = "CONFIG_FILE_DATA"
RACKDC = "cassandra-rackdc.properties"
RACKDC_SECTION = "cassandra-rackdc-properties"
_CLUSTER, _DATACENTER = "cluster-info", "datacenter-info"
SECTIONS = (
    _CLUSTER,
    _DATACENTER,
    cassandrayaml.SECTION,
    RACKDC_SECTION,
    logback.SECTION,
    envsh.SECTION,
    *jvm.JVM_SECTIONS,
)
# The files whose text decides something or may change.
FILES = (
    "cassandra.yaml",
    "cassandra_latest.yaml",
    RACKDC,
    logback.FILE,
    envsh.FILE,
    "jvm.options",
    "jvm-server.options",
    *jvm.JAVA_FILES.values(),
    *jvm.CLIENT_SECTIONS.values(),
)
# Parameters that 5.0 brought and that its own cassandra.yaml sets.
_NEW_IN_5_0 = {"cidr_authorizer", "crypto_provider", "storage_compatibility_mode"}
MARK = "casskop: rendered from the image's own file, which is kept in .casskop/originals"


@attrs.frozen(kw_only=True)
class Inputs:
    """
    What is rendered from.

    *originals* are the texts of the Cassandra image's own files, by name; *data* is CONFIG_FILE_DATA;
    the other fields are the environment variables of their names.
    """

    data: str
    originals: Mapping[str, str]
    rack: str
    pod_ip: str
    product_name: str
    product_version: str


@attrs.frozen(kw_only=True)
class Files:
    """The files that change, by name, the version they are for, and what a user may want to know."""

    files: Mapping[str, str]
    version: Version
    warnings: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Problems:
    """Why nothing was rendered: one line for each thing to correct."""

    lines: tuple[str, ...]


def render(inputs: Inputs) -> Files | Problems:
    """Return the node's files, or everything that keeps them from being rendered."""
    findings = Findings()
    config = _parse(inputs.data, findings)
    version = _version(inputs, findings)
    for name, value in (("POD_IP", inputs.pod_ip), ("RACK_NAME", inputs.rack)):
        if not value:
            findings.at(name).problem("it is not set")
    cluster = _info(config, _CLUSTER, "name", findings)
    seeds = _info(config, _CLUSTER, "seeds", findings)
    datacenter = _info(config, _DATACENTER, "name", findings)
    if version is None:
        return Problems(lines=tuple(findings.problems))
    identity = Identity(cluster=cluster, seeds=seeds, pod_ip=inputs.pod_ip)
    originals = inputs.originals
    files = jvm.render_jvm(config, originals, version, findings)
    files["cassandra.yaml"] = cassandrayaml.render_yaml(
        originals["cassandra.yaml"], config.get(cassandrayaml.SECTION, {}), identity, version, findings
    )
    files[RACKDC] = _rackdc(datacenter, inputs.rack, config.get(RACKDC_SECTION, {}), findings)
    changed = {
        logback.FILE: logback.render_logback(
            originals.get(logback.FILE), config.get(logback.SECTION, {}), findings
        ),
        envsh.FILE: envsh.render_env(originals.get(envsh.FILE), config.get(envsh.SECTION, {}), findings),
    }
    files |= {name: text for name, text in changed.items() if text is not None}
    if findings.problems:
        return Problems(lines=tuple(findings.problems))
    return Files(
        files={name: _marked(name, text) for name, text in files.items()},
        version=version,
        warnings=tuple(findings.warnings),
    )


def _parse(data: str, findings: Findings) -> dict[str, dict[str, object]]:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        findings.at(DATA).problem(f"it is no JSON: {error}")
        return {}
    if not isinstance(config, dict):
        findings.at(DATA).problem("it has to be a JSON object")
        return {}
    sections: dict[str, dict[str, object]] = {}
    for name, section in config.items():
        if name not in SECTIONS:
            known = ", ".join(sorted(SECTIONS))
            findings.at(name).problem(f"no such section{did_you_mean(name, SECTIONS)}; known are {known}")
        elif not isinstance(section, dict):
            findings.at(name).problem("it has to be a JSON object")
        else:
            sections[name] = section
    return sections


def _info(config: Mapping[str, Mapping[str, object]], section: str, key: str, findings: Findings) -> str:
    value = config.get(section, {}).get(key)
    if isinstance(value, str) and value:
        return value
    if section in config or not findings.problems:
        findings.at(section).at(key).problem("it is missing")
    return ""


def _version(inputs: Inputs, findings: Findings) -> Version | None:
    """
    Return the version of Cassandra in the image, from its files.

    The files decide. PRODUCT_VERSION, which is cut out of an image tag, only decides what they leave open.
    """
    if inputs.product_name == "dse":
        findings.at("PRODUCT_NAME").problem("dse is not rendered here; that needs another configBuilderImage")
        return None
    if "cassandra.yaml" not in inputs.originals:
        findings.at("cassandra.yaml").problem("the Cassandra image has none in /etc/cassandra")
        return None
    lowest, highest = _bounds(inputs.originals)
    found = re.match(r"(\d+)\.(\d+)", inputs.product_version)
    said = (int(found[1]), int(found[2])) if found else None
    if said is not None and (3, 0) <= said < (4, 0):
        said = (3, 11)
    if said is not None and lowest <= said <= highest:
        return said
    version = lowest if lowest > (3, 11) else min(highest, (4, 0))
    if said is not None:
        spoken = f"{version[0]}.{version[1]}"
        findings.at("PRODUCT_VERSION").warning(
            f"it says {inputs.product_version}, but the image's files are those of {spoken}"
        )
    return version


def _bounds(originals: Mapping[str, str]) -> tuple[Version, Version]:
    """Return the lowest and the highest version that these files can be of."""
    try:
        names = yamlfile.load(originals["cassandra.yaml"]).keys()
    except yamlfile.YamlError:
        names = {}.keys()  # reported when the file is rendered
    lowest, highest = (3, 11), (99, 0)
    if "jvm-server.options" in originals:
        lowest = (4, 0)
    elif "jvm.options" in originals:
        highest = (3, 11)
    since = [version for name in names if (version := renames.spoken_since(name)) is not None]
    if since:
        lowest = max(lowest, *since)
    elif any(renames.spoken_before(name) == (4, 1) for name in names):
        # A later Cassandra reads these names too, so this errs on the side that works.
        highest = min(highest, (4, 0))
    if "jvm8-server.options" in originals:
        highest = min(highest, (4, 1))
    if "cassandra_latest.yaml" in originals or not names.isdisjoint(_NEW_IN_5_0):
        lowest = (5, 0)
    return lowest, max(lowest, highest)


def _rackdc(datacenter: str, rack: str, section: Mapping[str, object], findings: Findings) -> str:
    """Return cassandra-rackdc.properties; where the node stands is the operator's word."""
    lines = [f"dc={datacenter}", f"rack={rack}"]
    for key, value in section.items():
        place = findings.at(RACKDC_SECTION).at(key)
        if key in ("dc", "rack"):
            place.warning("not used: the topology of the cluster says where the node stands")
        elif key == "prefer_local" and isinstance(value, bool):
            lines.append(f"prefer_local={str(value).lower()}")
        elif key == "dc_suffix" and isinstance(value, str) and value.isprintable():
            lines.append(f"dc_suffix={value}")
        else:
            place.problem("only prefer_local (true or false) and dc_suffix are known here")
    return "\n".join(lines) + "\n"


def _marked(name: str, text: str) -> str:
    """Say in the file that it is rendered."""
    if not name.endswith(".xml"):
        return f"# {MARK}\n{text}"
    declaration, end, rest = text.partition("?>")
    if not declaration.lstrip().startswith("<?xml"):
        declaration, end, rest = "", "", text
    return f"{declaration}{end}<!-- {MARK} -->\n{rest.lstrip()}"
