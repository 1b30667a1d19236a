"""
Reading and writing cassandra.yaml so that Cassandra reads back what was meant.

Comments of the body are lost; those at the top of the file stay, one of which says where the file is from.
Keys stand unquoted and unfolded, one to a line, so that a user's own script can still find them.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

# Cassandra's YAML library takes these words for numbers where PyYAML takes them for text.
_NUMBER_TO_OTHERS = re.compile(r"[-+]?\d[\d_]*[eE][-+]?\d+")


class YamlError(ValueError):
    """The text is no YAML mapping; the message says where."""


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Dumper(yaml.SafeDumper):
    """PyYAML's, with text quoted where another library would see a number, or the end of a line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _NUMBER_TO_OTHERS.fullmatch(value) or not value.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def load(text: str) -> dict[str, Any]:
    """Return the mapping in *text*; an empty text is an empty mapping. Raises `YamlError`."""
    try:
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a safe loader
    except yaml.YAMLError as error:
        raise YamlError(str(error).replace("\n", " ")) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise YamlError("it is no mapping of names to values")
    return loaded


def dump(mapping: dict[str, Any], *, head: str = "") -> str:
    """Return *mapping* as text, below the comment lines of *head*."""
    body = yaml.dump(
        mapping, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=4096
    )
    return head + body


def head_of(text: str) -> str:
    """Return the comment lines that *text* begins with."""
    lines = text.splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:count])
