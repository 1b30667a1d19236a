"""The operator's record of the pods that have ever joined the ring, as a pod sees it."""

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
