"""
Sizes of Cassandra's heap.

Sizes are written as the JVM wants them: a whole number with K, M, G or nothing for bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
import re
from typing import Any

import attrs

from controller.api.v2 import quantity
from controller.api.v2.jsonvalues import JsonMap

# The keys under which a spec's `config` may speak of the heap.
JVM_SECTIONS = ("jvm-options", "jvm-server-options")
INITIAL = "initial_heap_size"
MAX = "max_heap_size"

_SIZE = re.compile(r"([0-9]{1,15})([kKmMgG]?)")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_MEGABYTE = 1024**2
_SHARE_OF_MEMORY = 4
_SHARE_OF_MAXIMUM = 4


@attrs.frozen(kw_only=True)
class Heap:
    """A heap: both sizes in megabytes."""

    initial: int
    maximum: int

    @property
    def initial_text(self) -> str:
        """The initial size, for the JVM."""
        return f"{self.initial}M"

    @property
    def maximum_text(self) -> str:
        """The largest size, for the JVM."""
        return f"{self.maximum}M"


def default_heap(resources: JsonMap) -> Heap:
    """Return the heap for Cassandra with *resources*: a quarter of the memory limit, as in CassKop."""
    limit = memory_limit(resources)
    maximum = 2048 if limit is None else limit // _SHARE_OF_MEMORY // _MEGABYTE
    return Heap(initial=maximum // _SHARE_OF_MAXIMUM, maximum=maximum)


def option(options: object, name: str) -> Any:  # noqa: ANN401 # whatever a user wrote
    """Return the JVM option *name* of a section, which may be spelt with `-` or `_`; None if absent."""
    if not isinstance(options, Mapping):
        return None
    spellings = {key.replace("-", "_"): value for key, value in options.items()}
    return options.get(name, spellings.get(name.replace("-", "_")))


def memory_limit(resources: JsonMap) -> int | None:
    """Return the memory limit in bytes; None if there is none or it cannot be read."""
    limits = resources.get("limits")
    if not isinstance(limits, Mapping) or limits.get("memory") is None:
        return None
    try:
        return int(quantity.parse(limits["memory"]))
    except quantity.QuantityError:
        return None


def size_in_bytes(size: Any) -> int | None:  # noqa: ANN401 # whatever a user wrote
    """Return the bytes that a JVM size such as `512M` stands for; None if it is no such size."""
    if isinstance(size, bool) or not isinstance(size, str | int):
        return None
    match = _SIZE.fullmatch(str(size))
    return int(match[1]) * _UNITS[match[2].lower()] if match else None
