"""
Fields of a spec that this version does not know: the API server keeps them, and nothing comes of them.

Only the first level is looked at: the API server itself drops or refuses what is unknown further down.
"""

from __future__ import annotations

from collections.abc import Mapping
import difflib
from typing import Any

from controller.api.v2.cluster import ClusterSpec
from controller.api.v2.fields import json_names


def unknown_fields(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the unknown fields of *spec*, each with the one that may be meant, if any."""
    known = sorted(json_names(ClusterSpec).values())
    return tuple(_named(field, known) for field in sorted(spec.keys() - set(known)))


def _named(field: str, known: list[str]) -> str:
    alike = difflib.get_close_matches(field, known, n=1, cutoff=0.8)
    return f"spec.{field}" + (f" (is spec.{alike[0]} meant?)" if alike else "")
