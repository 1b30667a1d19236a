"""
`Event` objects: core v1 and events.k8s.io/v1 are the same objects with other field names.

They are stored in the form of core v1.
"""

from __future__ import annotations

from e2e.simkube.values import Object

# events.k8s.io/v1 -> core v1
_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_OLD_NAMES = {old: new for new, old in _NAMES.items()}


def to_old_event(found: Object) -> Object:
    """An events.k8s.io/v1 event in the form in which it is stored."""
    renamed = {_NAMES.get(name, name): value for name, value in found.items()}
    # Those that core v1 always writes, whatever they hold.
    always: Object = {
        "involvedObject": {},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    return {**always, **renamed, "apiVersion": "v1"}


def to_new_event(found: Object) -> Object:
    """A stored event in the form of events.k8s.io/v1."""
    renamed = {_OLD_NAMES.get(name, name): value for name, value in found.items()}
    for name in ("reportingController", "reportingInstance"):
        if not renamed.get(name):
            renamed.pop(name, None)
    return {**renamed, "apiVersion": "events.k8s.io/v1"}
