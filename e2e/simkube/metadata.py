"""The rules of `metadata`, which are the same for all kinds."""

from __future__ import annotations

from collections.abc import Callable

from e2e.simkube import names
from e2e.simkube.errors import Problems
from e2e.simkube.values import Json, Object

# What a client may send and cannot change: it stays as it was.
_KEPT = ("uid", "creationTimestamp", "generation", "generateName")
_FROZEN = ("deletionTimestamp", "deletionGracePeriodSeconds")
# Finalizers that may stand without a domain.
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_ANNOTATIONS_LIMIT = 256 * 1024
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def system_fields_of(metadata: Object, before: Object) -> None:
    """Put back into *metadata* what only the server writes."""
    for name in _KEPT:
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    metadata.pop("selfLink", None)
    for name in _FROZEN:
        if name not in metadata and name in before:
            metadata[name] = before[name]


def ordered(metadata: Object) -> Object:
    """*metadata* with its fields in the order in which Kubernetes writes them."""
    found = {name: metadata[name] for name in _ORDER if name in metadata}
    return found | {k: v for k, v in metadata.items() if k not in found}


_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def check(
    metadata: Object, before: Object | None, name_rule: Callable[[str], str], problems: Problems
) -> None:
    """Report what is wrong with *metadata* of a new or changed object."""
    if before is None:
        if not metadata.get("name"):
            problems.required("metadata.name", "name or generateName is required")
        elif wrong := name_rule(metadata["name"]):
            problems.invalid("metadata.name", metadata["name"], wrong)
    check_labels(metadata.get("labels"), "metadata.labels", problems)
    check_annotations(metadata.get("annotations"), "metadata.annotations", problems)
    _owners(metadata.get("ownerReferences") or (), problems)
    if before is not None:
        for name in _FROZEN:
            if metadata.get(name) != before.get(name):
                problems.invalid(f"metadata.{name}", metadata.get(name), "field is immutable")
    _finalizers(metadata, before, problems)


def check_labels(found: Object | None, field: str, problems: Problems) -> None:
    """Report what is wrong with labels."""
    for key, value in (found or {}).items():
        if wrong := names.qualified(key):
            problems.invalid(field, key, wrong)
        if wrong := names.label_value(value):
            problems.invalid(field, value, wrong)


def check_annotations(found: Object | None, field: str, problems: Problems) -> None:
    """Report what is wrong with annotations."""
    size = 0
    for key, value in (found or {}).items():
        if wrong := names.qualified(key.lower()):
            problems.invalid(field, key, wrong)
        size += len(key.encode()) + len(value.encode())
    if size > _ANNOTATIONS_LIMIT:
        problems.too_long(field, _ANNOTATIONS_LIMIT)


def _owners(owners: Json, problems: Problems) -> None:
    field = "metadata.ownerReferences"
    controllers = []
    for owner in owners:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                why = "version must not be empty" if name == "apiVersion" else "must not be empty"
                problems.invalid(f"{field}.{name}", owner.get(name, ""), why)
        if owner.get("controller"):
            controllers.append(f"{owner.get('kind')}/{owner.get('name')}")
    if len(controllers) > 1:
        problems.invalid(
            field,
            owners,
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {controllers[1]}",
        )


def _finalizers(metadata: Object, before: Object | None, problems: Problems) -> None:
    field = "metadata.finalizers"
    found = metadata.get("finalizers") or []
    for index, name in enumerate(found):
        if wrong := names.qualified(name):
            problems.invalid(f"{field}[{index}]", name, wrong)
        elif "/" not in name and name not in _STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            problems.invalid(f"{field}[{index}]", name, why)
    if before is not None and before.get("deletionTimestamp"):
        added = [name for name in found if name not in (before.get("finalizers") or [])]
        if added:
            listed = ", ".join(f'"{name}"' for name in added)
            why = (
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{listed}}}"
            )
            problems.forbidden(field, why)


def check_selector(found: Object | None, field: str, problems: Problems) -> None:
    """Report what is wrong with a `LabelSelector`."""
    check_labels((found or {}).get("matchLabels"), f"{field}.matchLabels", problems)
    for index, one in enumerate((found or {}).get("matchExpressions") or ()):
        where = f"{field}.matchExpressions[{index}]"
        operator, values = one.get("operator"), one.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                problems.required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                problems.forbidden(
                    f"{where}.values",
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                )
        else:
            problems.invalid(f"{where}.operator", operator, "not a valid selector operator")
        if wrong := names.qualified(one.get("key", "")):
            problems.invalid(f"{where}.key", one.get("key", ""), wrong)
