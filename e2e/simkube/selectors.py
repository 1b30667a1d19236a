"""
Label and field selectors: parsed once, then asked for each object.

Labels know `=`, `==`, `!=`, `in`, `notin`, `key` and `!key`; `>` and `<` compare integers. Fields know
`=`, `==` and `!=`, on the fields that the kind offers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import re

import attrs

from e2e.simkube import errors
from e2e.simkube.values import Object, dig

_TOKEN = re.compile(r"\s*(?:(!=|==|=|!|>|<|\(|\)|,)|([^\s!=<>(),]+))")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


@attrs.frozen
class Requirement:
    """One condition on one label."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether *labels* meet the condition."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        try:
            number, limit = int(value), int(self.values[0])
        except ValueError:
            return False
        return number > limit if self.operator == "gt" else number < limit


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise errors.bad_request(f"unable to parse requirement: {text[at:]!r}")
            self.tokens.append(match[1] or match[2])
            at = match.end()

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self) -> str:
        return self.tokens.pop(0) if self.tokens else ""

    def fail(self, found: str, expected: str) -> errors.StatusError:
        return errors.bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")

    def requirements(self) -> list[Requirement]:
        found = []
        while self.tokens:
            found.append(self.requirement())
            if self.tokens and self.take() != ",":
                raise self.fail(self.peek(), "',' or 'end of string'")
        return found

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self.key(), "!")
        key = self.key()
        if self.peek() in ("", ","):
            return Requirement(key, "exists")
        operator = self.take()
        if operator in ("in", "notin"):
            return Requirement(key, operator, self.set())
        names = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}
        if operator not in names:
            raise self.fail(operator, "in, notin, =, ==, !=, gt, lt")
        return Requirement(key, names[operator], (self.value(),))

    def key(self) -> str:
        key = self.take()
        if not _KEY.fullmatch(key):
            raise self.fail(key, "!, identifier, or 'end of string'")
        return key

    def value(self) -> str:
        if self.peek() in ("", ","):
            return ""
        value = self.take()
        if not _VALUE.fullmatch(value):
            raise errors.bad_request(f'values[0]: Invalid value: "{value}": a valid label must be')
        return value

    def set(self) -> tuple[str, ...]:
        if self.take() != "(":
            raise self.fail(self.peek(), "'('")
        values = []
        while self.peek() not in (")", ""):
            values.append("" if self.peek() == "," else self.value())
            if self.peek() == ",":
                self.take()
        if self.take() != ")":
            raise self.fail("", "',', or ')'")
        return tuple(values)


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The requirements that *text* lists; 400 if it is no label selector."""
    return tuple(_Parser(text).requirements())


def from_selector(selector: Object | None) -> tuple[Requirement, ...] | None:
    """The requirements of a `LabelSelector` object; None, which matches nothing, for no selector."""
    if selector is None:
        return None
    names = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    found = [Requirement(k, "in", (v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or []:
        values = tuple(one.get("values") or ())
        found.append(Requirement(one["key"], names[one["operator"]], values))
    return tuple(found)


def labels_match(requirements: Sequence[Requirement] | None, labels: Mapping[str, str]) -> bool:
    """Whether *labels* meet all *requirements*; None matches nothing."""
    return requirements is not None and all(one.matches(labels) for one in requirements)


# What a field selector may ask for beside metadata.name and metadata.namespace, by storage place.
FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
}
# In events.k8s.io the same fields have other names.
RENAMED = {
    f"regarding.{part}": f"involvedObject.{part}"
    for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
} | {"reportingController": "reportingComponent"}


def _field(found: Object, path: str) -> str:
    if path == "source":
        return str(dig(found, "source", "component") or found.get("reportingComponent") or "")
    if path == "status.podIPs":
        return ",".join(one["ip"] for one in dig(found, "status", "podIPs") or ())
    value = dig(found, *path.split("."))
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value)


def parse_fields(
    text: str, place: tuple[str, str], extra: Sequence[str] = ()
) -> tuple[tuple[str, bool, str], ...]:
    """(path, whether equal, value) for each condition that *text* lists; 400 for an unknown field."""
    known = ("metadata.name", "metadata.namespace", *FIELDS.get(place, ()), *extra)
    found = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*([^=!\s]+)\s*(!=|==|=)\s*(.*?)\s*", part)
        if match is None:
            raise errors.bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path = RENAMED.get(match[1], match[1]) if place == ("", "events") else match[1]
        if path not in known:
            raise errors.bad_request(f"field label not supported: {match[1]}")
        found.append((path, match[2] != "!=", match[3]))
    return tuple(found)


@attrs.frozen(kw_only=True)
class Selection:
    """Which objects of a table a list or a watch is about."""

    namespace: str | None = None  # None: all namespaces
    name: str | None = None
    labels: tuple[Requirement, ...] = ()
    fields: tuple[tuple[str, bool, str], ...] = ()

    def takes(self, found: Object) -> bool:
        """Whether *found* is among them."""
        metadata = found["metadata"]
        if self.namespace is not None and metadata.get("namespace") != self.namespace:
            return False
        if self.name is not None and metadata["name"] != self.name:
            return False
        if self.labels and not labels_match(self.labels, metadata.get("labels") or {}):
            return False
        return all((_field(found, path) == value) is equal for path, equal, value in self.fields)

    @property
    def narrows(self) -> bool:
        """Whether it leaves out objects of the namespace."""
        return bool(self.labels or self.fields or self.name is not None)
