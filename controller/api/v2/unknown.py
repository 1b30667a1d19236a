"""
Fields of a spec that this version does not know: the API server keeps them, and nothing comes of them.

Only the first level is looked at: the API server itself drops or refuses what is unknown further down.
"""

from __future__ import annotations

from collections.abc import Mapping
import difflib
import functools
from typing import Any, Final

from controller.api.v2.cluster import ClusterSpec
from controller.api.v2.fields import json_names

_KNOWN: Final = frozenset(json_names(ClusterSpec).values())


def unknown_fields(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the unknown fields of *spec*, each with the one that may be meant, if any."""
    return tuple(_named(field) for field in sorted(spec.keys() - _KNOWN))


# A cluster is looked at often, and the search takes a millisecond.
@functools.lru_cache(maxsize=256)
def _named(field: str) -> str:
    alike = difflib.get_close_matches(field, sorted(_KNOWN), n=1, cutoff=0.8)
    return f"spec.{field}" + (f" (is spec.{alike[0]} meant?)" if alike else "")
