"""
How many nodes a StatefulSet has places for, also while its cluster is stopped and it has no pods.

When a rack is stopped its size is noted on the StatefulSet, in the same write that takes its pods away;
when all of its pods are wanted again the note goes, in one write, too. Whoever decides about nodes has to
ask here, not for the replicas: a stopped rack is not empty.
"""

from __future__ import annotations

from typing import Final

from controller.api.v2 import names
from controller.api.v2.jsonvalues import JsonMap

# The annotation as a JSON pointer has it.
POINTER: Final = "/metadata/annotations/" + names.STOPPED_SIZE.replace("~", "~0").replace("/", "~1")


def running(statefulset: JsonMap) -> int:
    """Return how many pods are asked for now."""
    replicas: int = (statefulset.get("spec") or {}).get("replicas", 1)
    return replicas


def places(statefulset: JsonMap) -> int:
    """Return how many nodes there are places for; never less than pods are asked for."""
    text = (statefulset["metadata"].get("annotations") or {}).get(names.STOPPED_SIZE) or ""
    return max(running(statefulset), int(text) if text.isdecimal() else 0)
