"""
cassandra.yaml: the user's parameters over the image's, and the node's identity over both.

Parameters may be written in the words of any version from 3.11 to 5.0. They are translated to those of the
version in the image; the same parameter under two names with two values is a problem.
What makes a node itself (its addresses, its seeds, its tokens, the name of the cluster) is the operator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from controller.bootstrap import renames, yamlfile
from controller.bootstrap.findings import Findings
from controller.bootstrap.renames import Version

SECTION = "cassandra-yaml"
SEED_PROVIDER = "org.apache.cassandra.locator.SimpleSeedProvider"
_DATA = "/var/lib/cassandra"

# A user's word for these would be the same on every node, or against what the operator goes by.
_IDENTITY = (
    "cluster_name",
    "listen_address",
    "listen_interface",
    "broadcast_address",
    "native_transport_address",
    "native_transport_broadcast_address",
    "rpc_address",
    "rpc_interface",
    "broadcast_rpc_address",
    "seed_provider",
    "initial_token",
    "auto_bootstrap",
)
# Null turns these off. Of most others Cassandra refuses a null.
_NULL_IS_A_VALUE = ("index_summary_resize_interval", "sstable_preemptive_open_interval")
# CassKop adds these wherever the user has not written this very name, so next to the parameter's
# other name they are nobody's wish.
_CASSKOP_DEFAULTS = {
    "read_request_timeout_in_ms": 5000,
    "write_request_timeout_in_ms": 5000,
    "counter_write_request_timeout_in_ms": 5000,
}


@attrs.frozen(kw_only=True)
class Identity:
    """What the operator knows of the node."""

    cluster: str
    seeds: str
    pod_ip: str


def render_yaml(
    original: str, user: Mapping[str, object], identity: Identity, version: Version, findings: Findings
) -> str:
    """Return the text of cassandra.yaml."""
    try:
        base = yamlfile.load(original)
    except yamlfile.YamlError as error:
        findings.at("cassandra.yaml").problem(f"the file in the Cassandra image cannot be read: {error}")
        return ""
    merged = _in_words_of(version, base)
    _overlay(merged, _translated(user, version, findings))
    merged = {key: value for key, value in merged.items() if key not in _IDENTITY}
    return yamlfile.dump(_identity(identity) | _defaults() | merged)


def seed_provider(seeds: str, class_name: str = SEED_PROVIDER) -> list[dict[str, Any]]:
    """Return the value of `seed_provider`; *seeds* are comma-separated."""
    return [{"class_name": class_name, "parameters": [{"seeds": seeds}]}]


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "cluster_name": identity.cluster,
        "seed_provider": seed_provider(identity.seeds),
        "listen_address": identity.pod_ip,
        "broadcast_address": identity.pod_ip,
        "rpc_address": "0.0.0.0",  # noqa: S104 -- port-forwarding and sidecars come in over loopback
        "broadcast_rpc_address": identity.pod_ip,
    }


def _defaults() -> dict[str, Any]:
    """Return what holds unless image or user say otherwise: all data below the mounted volume."""
    return {
        "data_file_directories": [f"{_DATA}/data"],
        "commitlog_directory": f"{_DATA}/commitlog",
        "saved_caches_directory": f"{_DATA}/saved_caches",
        "hints_directory": f"{_DATA}/hints",
        "cdc_raw_directory": f"{_DATA}/cdc_raw",
    }


def _in_words_of(version: Version, base: Mapping[str, Any]) -> dict[str, Any]:
    """Give the image's own parameters the names that the user's will have; else both would stand there."""
    spelt: dict[str, Any] = {}
    for key, value in base.items():
        try:
            name, translated = renames.translate(key, value, version)
        except renames.UntranslatableError:
            name, translated = key, value
        spelt.setdefault(name, translated)
    # The directories and the snitch that an image ships are for a machine of its own.
    return {key: value for key, value in spelt.items() if key not in _defaults()} | {
        "endpoint_snitch": "GossipingPropertyFileSnitch"
    }


def _translated(user: Mapping[str, object], version: Version, findings: Findings) -> dict[str, object]:
    """Return the user's parameters in the words of *version*."""
    result: dict[str, object] = {}
    written: dict[str, str] = {}
    spoken = f"Cassandra {version[0]}.{version[1]}"
    for key in sorted(user, key=lambda key: key in _CASSKOP_DEFAULTS):
        place = findings.at(SECTION).at(key)
        if key in _IDENTITY:
            place.warning("not used: the operator sets it, for each node its own")
            continue
        try:
            name, value = _said(key, user[key], version)
        except renames.UntranslatableError as error:
            place.problem(f"{spoken} cannot take it: {error}")
            continue
        if name not in result:
            result[name], written[name] = value, key
            if name != key and key not in _CASSKOP_DEFAULTS:
                place.warning(f"{spoken} says {name}: {'null' if value is None else value}")
        elif _CASSKOP_DEFAULTS.get(key) == user[key]:
            place.warning(f"not used: it is CassKop's default, and {written[name]} is set")
        elif result[name] != value:
            place.problem(
                f"{SECTION}.{written[name]} is the same parameter with another value; leave one out"
            )
    return result


def _said(key: str, value: object, version: Version) -> tuple[str, object]:
    """Return a parameter in the words of *version*; a null that takes it away stays one."""
    name, said = renames.translate(key, 0 if value is None else value, version)
    newest, _ = renames.translate(key, 0, renames.NEWEST)
    if value is None and newest in _NULL_IS_A_VALUE:
        return renames.translate(key, None, version)
    return name, None if value is None else said


def _overlay(base: dict[str, Any], over: Mapping[str, object]) -> None:
    """
    Put *over* on *base*: mappings into mappings, anything else in the place of what was there.

    A null takes away what was there, so that Cassandra's own default holds.
    """
    for key, value in over.items():
        below = base.get(key)
        if value is None and key not in _NULL_IS_A_VALUE:
            base.pop(key, None)
        elif isinstance(below, dict) and isinstance(value, dict):
            _overlay(below, value)
        else:
            base[key] = value
