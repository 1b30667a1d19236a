"""
Server-side apply's merge: what a configuration says over what is there.

Structs and maps are merged field by field, lists with keys item by item; everything else is replaced.
"""

from __future__ import annotations

from e2e.simkube.types import Type, deduce, indexed
from e2e.simkube.values import Json


def merge(type_: Type, live: Json, config: Json) -> Json:
    """*live* with *config* merged in, as a new value."""
    kind = deduce(config) if type_.shape == "any" else type_
    if kind.atomic or kind.shape == "scalar" or type(live) is not type(config):
        return config if config is not None else live
    if isinstance(config, dict):
        result = dict(live)
        for name, value in config.items():
            known = name in live
            result[name] = merge(kind.child(name), live[name], value) if known else value
        return result
    if kind.keys or kind.unique:
        return _merged_lists(kind, live, config)
    return config


def _merged_lists(kind: Type, live: list[Json], config: list[Json]) -> list[Json]:
    """Items of both, each once: shared ones in the order of *config*, the others where they were."""
    have, want = indexed(kind, live), indexed(kind, config)
    element = kind.element
    result: list[Json] = []
    pending = list(want)

    def take(key: str) -> None:
        if key in have and element is not None and not kind.unique:
            result.append(merge(element, have[key], want[key]))
        else:
            result.append(want[key])

    for key in have:
        if key not in want:
            result.append(have[key])
        elif key in pending:
            # Everything that the configuration puts before this shared item comes first.
            while pending:
                first = pending.pop(0)
                take(first)
                if first == key:
                    break
    for key in pending:
        take(key)
    return result
