"""
Changes of settings that Cassandra reads once, when a node joins, and checks ever after.

A node with a changed one does not start again, or forgets what it owns. What counts is what a rack comes
to, on whichever level it is written. Racks without a node that has joined are free.
"""

from __future__ import annotations

from typing import Any, Final

from controller.domain.changes.common import Facts, Held, Rule, Spec, by_name, dcs, held, put_back, racks

# Section and key.
KEYS: Final = (
    ("cassandra-yaml", "num_tokens"),
    ("cassandra-yaml", "initial_token"),
    ("cassandra-yaml", "partitioner"),
    ("cassandra-yaml", "cluster_name"),
    ("cluster-info", "name"),
    ("datacenter-info", "name"),
)


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put settings back that nodes which have joined cannot change."""
    refused: list[Held] = []
    before = by_name(dcs(old))
    for index, dc in enumerate(new["topology"]["dc"]):
        had = before.get(dc["name"])
        if had is None:
            continue
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
            for section, key in KEYS:
                refused += _put_back(levels, section, key, name)
    return refused


def _put_back(levels: dict[str, tuple[Spec, Spec]], section: str, key: str, rack: str) -> list[Held]:
    """Put one setting back on all levels, if the rack comes to another value of it."""
    was = _value([old for old, _ in levels.values()], section, key)
    if was == _value([new for _, new in levels.values()], section, key):
        return []
    path = next(
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
    return [held(f"{path}.config.{section}.{key}", Rule.ONLY_AT_BOOTSTRAP, key=key, old=said, rack=rack)]


def _value(levels: list[Spec], section: str, key: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Return what a rack comes to; the strongest level is first."""
    return next((value for spec in levels if (value := _at(spec, section, key)) is not None), None)


def _at(level: Spec, section: str, key: str) -> Any:  # noqa: ANN401 -- any JSON value
    return _section(level, section).get(key)


def _section(level: Spec, section: str) -> dict[str, Any]:
    found = (level.get("config") or {}).get(section)
    return found if isinstance(found, dict) else {}
