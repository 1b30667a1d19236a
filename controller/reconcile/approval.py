"""
Edits that wait until somebody has approved them: `spec.changePolicy: Approve`.

What waits is the edit, not the operator: until it is approved, the spec that was accepted last is carried
out, so that nodes are mended, status is written and records are kept as ever. An approval names one edit in
one state of the world. Another edit, or another size of a rack, and it holds no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from controller.api.v2 import names
from controller.api.v2.cluster import ChangePolicy, PendingChange
from controller.builders.hashing import short_hash
from controller.domain import conditions
from controller.domain.changes import Facts
from controller.domain.conditions import Finding
from controller.reconcile.stores import Object

# How much of an edit is written to status.
_LINES: Final = 20
_LONGEST: Final = 120
# Asking for approval is not what has to be approved.
_POLICY: Final = "changePolicy"
# A field that is not there; null is a value, and what is made of it is not for here to say.
_ABSENT: Final = object()


def pending(obj: Object, accepted: Object, before: Mapping[str, Any], facts: Facts) -> PendingChange | None:
    """Return the edit of *obj* that has to be approved first; None if there is none, or it is approved.

    *accepted* is what of the edit can be carried out, *before* the spec that was accepted last.
    """
    new = accepted.get("spec") or {}
    if not _asked(before) and not _asked(new):
        return None
    lines = tuple(changes(_without_policy(before), _without_policy(new)))
    if not lines:
        return None
    more = (f"and {len(lines) - _LINES} more",) if len(lines) > _LINES else ()
    found = PendingChange(
        hash=_hash(obj, before, new, facts),
        changes=(*(line[:_LONGEST] for line in lines[:_LINES]), *more),
        generation=obj["metadata"].get("generation", 0),
    )
    return None if approved(obj) == found.hash else found


def approved(obj: Object) -> str | None:
    """Return the hash of the edit that was approved last, None if none was."""
    found = (obj["metadata"].get("annotations") or {}).get(names.APPROVED)
    return found if isinstance(found, str) else None


def waiting(change: PendingChange, obj: Object) -> Finding:
    """Return what conditions say of an edit that waits."""
    said = "; ".join(change.changes)
    message = f"{said} (waits for kubectl casskop approve {obj['metadata']['name']}; hash {change.hash}"
    if approved(obj) is not None:
        message += f"; {approved(obj)}, which is approved, was another edit or another state of the cluster"
    return conditions.unapproved(f"{message}; until then the last accepted spec is carried out)")


def changes(old: object, new: object, path: str = "spec") -> Iterator[str]:
    """Yield the path of each field that differs; numbers and switches with their values.

    Texts are not repeated: nobody knows which of them are secret.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}")
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changes(one, other, f"{path}[{number}]")
    elif old != new:
        shown = all(each is _ABSENT or isinstance(each, bool | int | float | None) for each in (old, new))
        yield f"{path}: {_word(old)} -> {_word(new)}" if shown else path


def _word(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    return "null" if value is None else str(value).lower()


def _asked(spec: Mapping[str, Any]) -> bool:
    return spec.get(_POLICY) == ChangePolicy.APPROVE


def _without_policy(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != _POLICY}


def _hash(obj: Object, before: Mapping[str, Any], new: Mapping[str, Any], facts: Facts) -> str:
    """Return what stands for one edit of one cluster in one state."""
    metadata = obj["metadata"]
    return short_hash(
        {
            "uid": metadata["uid"],
            # An edit that is made again later is another one.
            "generation": metadata.get("generation", 0),
            "before": dict(before),
            "new": dict(new),
            "nodes": dict(facts.nodes),
            "joined": sorted(facts.joined),
            "capacity": dict(facts.capacity),
        }
    )
