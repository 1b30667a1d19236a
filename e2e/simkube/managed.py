"""
Who owns which field: `metadata.managedFields` and server-side apply.

An entry is one manager's set of fields. An update gives the fields that it changed to its manager and
takes them from the others. An apply states all fields that its manager wants: what it no longer sends
and nobody else owns is removed, and what it changes that somebody else owns is a conflict, unless
forced.
"""

from __future__ import annotations

import functools
import marshal

import attrs

from e2e.simkube import errors, merging
from e2e.simkube.errors import Cause
from e2e.simkube.fieldset import (
    Difference,
    Path,
    Paths,
    from_tree,
    members,
    mismatches,
    prune,
    to_tree,
)
from e2e.simkube.kinds import Resource
from e2e.simkube.options import WriteOptions
from e2e.simkube.types import Type
from e2e.simkube.values import Json, Object

# What the server writes, or what names the object, has no owner.
_UNOWNED: frozenset[Path] = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "clusterName",
                "generation",
                "managedFields",
                "resourceVersion",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            )
        ),
    }
)
# An object may have so many entries of updates; older ones are put together.
_MOST_UPDATERS = 10
_ANCIENT = "ancient-changes"
# How many different configurations are remembered.
_REMEMBERED = 1024


@attrs.frozen(kw_only=True)
class Entry:
    """One manager's fields."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""
    time: str = ""
    fields: Paths = frozenset()
    # How it stands in the object that it was read from, as long as it is as it was.
    read_from: Object | None = attrs.field(default=None, eq=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells entries apart; an applier keeps its entry when it moves to another version."""
        version = "" if self.operation == "Apply" else self.api_version
        return (self.manager, self.operation, version, self.subresource)

    def body(self) -> Object:
        """The entry as it stands in the object."""
        if self.read_from is not None:
            return self.read_from
        found = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_tree(self.fields),
        }
        return found | ({"subresource": self.subresource} if self.subresource else {})


Entries = dict[tuple[str, ...], Entry]


def _entries(found: Object) -> Entries:
    entries = [
        Entry(
            manager=one.get("manager", ""),
            operation=one["operation"],
            api_version=one.get("apiVersion", ""),
            subresource=one.get("subresource", ""),
            time=one.get("time", ""),
            fields=from_tree(one.get("fieldsV1") or {}),
            read_from=one,
        )
        for one in found["metadata"].get("managedFields") or ()
    ]
    return {entry.key: entry for entry in entries}


@attrs.frozen(kw_only=True)
class Tracker:
    """Notes one write: by whom, to what, at which time."""

    resource: Resource
    subresource: str
    options: WriteOptions
    time: str

    @property
    def _type(self) -> Type:
        return self.resource.type

    def _entry(self, operation: str, fields: Paths = frozenset()) -> Entry:
        return Entry(
            manager=self.options.manager,
            operation=operation,
            api_version=self.resource.api_version,
            subresource=self.subresource,
            time=self.time,
            fields=fields,
        )

    def created(self, found: Object, empty: Object) -> None:
        """Note the fields of a new object; *empty* is how an object without any looks."""
        difference = Difference(self._type, empty, found)
        fields = frozenset(difference.changed) - _UNOWNED
        entry = self._entry("Update", fields)
        _write(found, {entry.key: entry} if fields else {})

    def updated(self, found: Object, before: Object) -> None:
        """Note the fields that an update changed."""
        given = found["metadata"].get("managedFields")
        if given is not None and not [one for one in given if one]:
            # An empty list, or one with an empty entry, is how a client starts anew.
            _write(found, {})
            return
        entries = _entries(found if given else before)
        difference = Difference(self._type, _bare(before), _bare(found))
        changed = frozenset(difference.changed) - _UNOWNED
        removed = frozenset(difference.removed)
        mine = self._entry("Update")
        entries = _taken(entries, changed | removed, mine.key)
        old = entries.get(mine.key, mine)
        fields = (old.fields | changed) - removed
        if fields != old.fields or changed:
            entries[mine.key] = attrs.evolve(mine, fields=fields)
        _write(found, _capped(entries))

    def applied(self, config: Object, before: Object | None, empty: Object) -> Object:
        """*before* with *config* applied; 409 with a cause for each field that somebody else owns."""
        live = _bare(before) if before is not None else {}
        wanted = _bare(config)
        stated = stated_by(self.resource, wanted)
        entries = _entries(before) if before is not None else {}
        if before is not None and not entries:
            entries = self._first_owner(before, empty)
        mine = self._entry("Apply", stated - _UNOWNED)
        old = entries.get(mine.key)
        merged: Object = merging.merge(self._type, live, wanted)
        entries[mine.key] = mine
        if old is not None:
            merged = self._without_forgotten(merged, old, entries)
        difference = Difference(self._type, live, merged)
        changed = frozenset(difference.changed) - _UNOWNED
        self._check_conflicts(entries, changed, mine)
        entries = _taken(entries, changed | difference.removed, mine.key)
        unchanged = not changed and not difference.removed
        if old is not None and unchanged and old.fields == mine.fields:
            entries[mine.key] = attrs.evolve(mine, time=old.time)
        merged["metadata"] = dict(merged.get("metadata") or {})
        _write(merged, entries)
        return merged

    def _first_owner(self, before: Object, empty: Object) -> Entries:
        """Fields of an object without managedFields belong to those who wrote it before."""
        fields = frozenset(Difference(self._type, empty, _bare(before)).changed)
        owner = Entry(
            manager="before-first-apply",
            operation="Update",
            api_version=self.resource.api_version,
            time=self.time,
            fields=fields - _UNOWNED,
        )
        return {owner.key: owner}

    def _without_forgotten(self, merged: Object, old: Entry, entries: Entries) -> Object:
        kept: Paths = frozenset().union(*(entry.fields for entry in entries.values()))
        doomed = old.fields - kept
        if not doomed:
            return merged
        pruned: Object = prune(self._type, merged, doomed, kept)
        return pruned

    def _check_conflicts(self, entries: Entries, changed: Paths, mine: Entry) -> None:
        if self.options.force:
            return
        causes = [
            Cause("FieldManagerConflict", _conflict_text(entry), _dotted(path))
            for entry in entries.values()
            if entry.key != mine.key
            for path in sorted(entry.fields & changed)
        ]
        if causes:
            raise _conflict(causes)


def stated_by(resource: Resource, config: Object) -> Paths:
    """The fields that *config* states; 500, as a real server says it, for fields that the kind has not."""
    fields, wrong = _stated(resource.type, marshal.dumps(config))
    if wrong:
        details = config["metadata"]
        raise errors.StatusError(
            500,
            "",
            f"failed to create typed patch object ({details.get('namespace', '')}/"
            f"{details.get('name', '')}; {resource.group}/{resource.version}, "
            f"Kind={resource.kind}): {wrong}",
        )
    return fields


# An applier applies the same again and again.
@functools.lru_cache(maxsize=_REMEMBERED)
def _stated(type_: Type, packed: bytes) -> tuple[Paths, str]:
    config = marshal.loads(packed)  # noqa: S302 -- packed by ourselves, above
    wrong = next(mismatches(type_, config), "")
    return (frozenset() if wrong else members(type_, config)), wrong


def _conflict(causes: list[Cause]) -> errors.StatusError:
    plural = "" if len(causes) == 1 else "s"
    by_manager: dict[str, list[str]] = {}
    for cause in causes:
        by_manager.setdefault(cause.message.partition(" ")[2], []).append(cause.field)
    if len(causes) == 1:
        text = f"{causes[0].message}: {causes[0].field}"
    else:
        text = "\n".join(f"conflicts {who}:\n{_listed(fields)}" for who, fields in sorted(by_manager.items()))
    return errors.StatusError(
        409,
        "Conflict",
        f"Apply failed with {len(causes)} conflict{plural}: {text}",
        details={"causes": [cause.body() for cause in causes]},
    )


def _listed(fields: list[str]) -> str:
    return "\n".join(f"- {field}" for field in fields)


def _conflict_text(entry: Entry) -> str:
    using = f" using {entry.api_version}" if entry.operation == "Update" else ""
    below = f" with subresource {errors.shown(entry.subresource)}" if entry.subresource else ""
    return f"conflict with {errors.shown(entry.manager)}{below}{using}"


def _dotted(path: Path) -> str:
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            pairs = rest.strip("{}").replace('":', '"=').split(",")
            text += "[" + ",".join(_unquoted(pair) for pair in pairs) + "]"
        else:
            text += f"[={rest}]"
    return text


def _unquoted(pair: str) -> str:
    name, _, value = pair.partition("=")
    return name.strip('"') + "=" + value


def _bare(found: Object) -> Object:
    details = {k: v for k, v in found["metadata"].items() if k != "managedFields"}
    return {**found, "metadata": details}


def _taken(entries: Entries, fields: frozenset[Path], by: tuple[str, ...]) -> Entries:
    """The entries after all but *by* have lost *fields*; an entry without fields goes."""
    left: Entries = {}
    for key, entry in entries.items():
        kept = entry.fields if key == by else entry.fields - fields
        if kept:
            left[key] = (
                entry if len(kept) == len(entry.fields) else attrs.evolve(entry, fields=kept, read_from=None)
            )
    return left


def _capped(entries: Entries) -> Entries:
    updaters = sorted(
        (entry for entry in entries.values() if entry.operation == "Update"),
        key=lambda entry: (entry.time, entry.manager),
    )
    if len(updaters) <= _MOST_UPDATERS:
        return entries
    old = updaters[: len(updaters) - _MOST_UPDATERS + 1]
    left = {key: entry for key, entry in entries.items() if entry not in old}
    fields: Paths = frozenset().union(*(entry.fields for entry in old))
    ancient = attrs.evolve(old[-1], manager=_ANCIENT, subresource="", fields=fields, read_from=None)
    return left | {ancient.key: ancient}


def _write(found: Object, entries: Entries) -> None:
    def order(entry: Entry) -> tuple[str, ...]:
        return (entry.operation, entry.time, *entry.key)

    listed = [entry.body() for entry in sorted(entries.values(), key=order) if entry.fields]
    if listed:
        found["metadata"]["managedFields"] = listed
    else:
        found["metadata"].pop("managedFields", None)


def same(found: Object, before: Object) -> bool:
    """Whether an object is as it was, but for the times in its managedFields."""
    if found == before:
        return True
    if _bare(found) != _bare(before):
        return False
    return _timeless(found) == _timeless(before)


def _timeless(found: Object) -> list[Json]:
    listed = [
        {k: v for k, v in one.items() if k != "time"} for one in found["metadata"].get("managedFields") or ()
    ]
    return sorted(listed, key=errors.shown)
