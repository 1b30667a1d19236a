"""The operator's record of the pods that have ever joined the ring, and of dead nodes, as a pod sees it."""

from __future__ import annotations

import json

from controller.bootstrap.refusal import RefusedError


def read_joined(text: str | None) -> tuple[str, ...] | None:
    """
    Return the names in the record, or None if there is no record yet.

    Raises `RefusedError` for one that cannot be read: "not known" must not pass for "nobody".
    """
    if text is None:
        return None
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RefusedError("the record of joined pods is no JSON list of names")
    return tuple(names)


def read_replaces(text: str | None) -> dict[str, str]:
    """
    Return the addresses of dead nodes by the pods that are to take their places; none without a record.

    Raises `RefusedError` for one that cannot be read: the node would join beside the dead one.
    """
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(address, str) for address in found.values()):
        raise RefusedError("the record of replaced nodes is no JSON object of addresses")
    return found
