"""
Changes of Cassandra's version that its nodes would not survive: steps that are too long, and steps back.

What runs is what the nodes have told; where none has, what the accepted spec says. An image whose version
cannot be told is never held back. What is held back takes the configuration with it, which may be written
for the new version. Going back is possible until data is written in a format that the old version cannot
read; whoever takes an upgrade back before a node runs it, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controller.api.v2.defaults import CASSANDRA_IMAGE
from controller.domain import releases
from controller.domain.changes.common import Facts, Held, Rule, Spec, by_name, dcs, held, put_back
from controller.domain.releases import Line

_IMAGE, _VERSION, _CONFIG = "cassandraImage", "serverVersion", "config"
_MODE = "storage_compatibility_mode"
_KEEPS = "CASSANDRA_4"


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put the image back, and the configuration, if the nodes that exist cannot take its version."""
    if (_image(old), old.get(_VERSION)) == (_image(new), new.get(_VERSION)):
        return []
    wanted = _told(new, old)
    running = releases.lines(facts.releases)
    if not running and facts.joined:
        running = frozenset({line} if (line := _told(old, old)) is not None else ())
    if wanted is None or not running:
        return []
    wrong = _wrong(running, wanted, format_kept=_format_kept(old))
    if wrong is None:
        return []
    rule, words = wrong
    field = _IMAGE if _image(old) != _image(new) else _VERSION
    for had, has in _levels(old, new):
        put_back(had, has, _CONFIG)
    for member in (_IMAGE, _VERSION):
        put_back(old, new, member)
    return [held(f"spec.{field}", rule, image=_image(old), **words)]


def _wrong(
    running: frozenset[Line], wanted: Line, *, format_kept: bool
) -> tuple[Rule, Mapping[str, str]] | None:
    """Return the rule against *wanted* beside nodes of the lines *running*, with its words."""
    newest, oldest = max(running), min(running)
    new = releases.text(wanted)
    unreadable = [
        line
        for line in running
        if line > wanted and not releases.can_read(wanted, line, format_kept=format_kept)
    ]
    if unreadable:
        return Rule.VERSION_BACK, {"old": releases.text(max(unreadable)), "new": new}
    if len(running) > 1 and wanted > newest:
        under_way = " and ".join(releases.text(line) for line in sorted(running))
        return Rule.VERSION_BUSY, {"running": under_way, "newest": releases.text(newest), "new": new}
    if oldest < wanted and not releases.can_follow(oldest, wanted):
        between = releases.way(oldest, wanted)
        by = releases.text(between) if between is not None else "a version in between"
        return Rule.VERSION_STEP, {"old": releases.text(oldest), "new": new, "by": by}
    return None


def _told(spec: Spec, before: Spec) -> Line | None:
    """Return the line that *spec* brings: by its tag, unless the user says otherwise or it says nothing.

    A `serverVersion` that was not changed along with the image may have been forgotten, unless it was
    another one than the tag's before: then tags do not count here.
    """
    by_tag, by_word = releases.told(None, _image(spec)), releases.told(spec.get(_VERSION), "")
    if by_word is None or by_tag is None:
        return by_word or by_tag
    meant = spec.get(_VERSION) != before.get(_VERSION) or _image(spec) == _image(before)
    differed = releases.told(None, _image(before)) != releases.told(before.get(_VERSION), "")
    return by_word if meant or differed else by_tag


def _image(spec: Spec) -> str:
    return str(spec.get(_IMAGE) or CASSANDRA_IMAGE)


def _format_kept(spec: Spec) -> bool:
    """Tell whether 5.0 writes what 4.x reads, as it does unless it is configured otherwise."""
    sections: list[Any] = [
        (level.get(_CONFIG) or {}).get("cassandra-yaml") for level, _ in _levels(spec, spec)
    ]
    modes = [section[_MODE] for section in sections if isinstance(section, dict) and _MODE in section]
    return all(str(mode).upper() == _KEEPS for mode in modes)


def _levels(old: Spec, new: Spec) -> Iterator[tuple[Spec, Spec]]:
    """Yield the places that can have a `config`, as they were and are."""
    yield old, new
    before = by_name(dcs(old))
    for dc in dcs(new):
        if (had := before.get(dc["name"])) is not None:
            yield had, dc
            racks = by_name(had["rack"])
            yield from ((racks[rack["name"]], rack) for rack in dc["rack"] if rack["name"] in racks)
