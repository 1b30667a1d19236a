"""
Changes of settings that nodes which have joined hold their cluster to: `configkeys` says which, and when.

What counts is what a rack comes to, on whichever level it is written. Racks without a node that has joined
are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.api.v2.defaults import CASSANDRA_IMAGE
from controller.api.v2.version import numbers, product_version
from controller.domain import configkeys
from controller.domain.changes.common import Facts, Held, Rule, Spec, by_name, dcs, held, put_back, racks


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put settings back with which nodes that have joined would not start again."""
    refused: list[Held] = []
    before = by_name(dcs(old))
    shipped = configkeys.shipped(_version(old))
    for index, dc in enumerate(new["topology"]["dc"]):
        had = before.get(dc["name"])
        if had is None:
            continue
        silent = {
            **shipped,
            configkeys.CLUSTER_NAME: facts.cluster,
            configkeys.DATACENTER_NAME: dc["name"],
        }
        old_racks = by_name(had["rack"])
        for position, rack in enumerate(dc["rack"]):
            was = old_racks.get(rack["name"])
            name = racks({**dc, "rack": [rack]})[0]
            if was is None or name not in facts.joined:
                continue
            levels = {
                f"spec.topology.dc[{index}].rack[{position}]": (was, rack),
                f"spec.topology.dc[{index}]": (had, dc),
                "spec": (old, new),
            }
            for key in configkeys.BOUND:
                refused += _put_back(levels, key, name, silent)
    return refused


def _version(spec: Spec) -> tuple[int, int] | None:
    """Return the version of Cassandra that a spec speaks of, None if it does not say."""
    image = spec.get("cassandraImage") or CASSANDRA_IMAGE
    return numbers(product_version(spec.get("serverVersion"), image))


def _put_back(
    levels: dict[str, tuple[Spec, Spec]], path: str, rack: str, silent: Mapping[str, object]
) -> list[Held]:
    """Put one setting back on all levels, if the rack comes to a value that its nodes do not survive."""
    section, _, key = path.partition(".")
    was = _value([old for old, _ in levels.values()], section, key)
    if configkeys.survives(path, was, _value([new for _, new in levels.values()], section, key), silent):
        return []
    place = next(
        place for place, (old, new) in levels.items() if _at(old, section, key) != _at(new, section, key)
    )
    for old, new in levels.values():
        if _at(old, section, key) == _at(new, section, key):
            continue
        config = dict(new.get("config") or {})
        below = dict(config.get(section) or {})
        put_back(_section(old, section), below, key)
        # A section that this leaves empty goes, if it was not there before.
        config[section] = below
        if not below:
            put_back(old.get("config") or {}, config, section)
        put_back({"config": config} if config else old, new, "config")
    said = "left out" if was is None else was
    return [held(f"{place}.config.{path}", Rule.ONLY_AT_BOOTSTRAP, key=key, old=said, rack=rack)]


def _value(levels: list[Spec], section: str, key: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Return what a rack comes to; the strongest level is first."""
    return next((value for spec in levels if (value := _at(spec, section, key)) is not None), None)


def _at(level: Spec, section: str, key: str) -> Any:  # noqa: ANN401 -- any JSON value
    return _section(level, section).get(key)


def _section(level: Spec, section: str) -> dict[str, Any]:
    found = (level.get("config") or {}).get(section)
    return found if isinstance(found, dict) else {}
