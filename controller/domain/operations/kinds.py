"""
The operations on one Cassandra node that a user may ask for, and how an operation is written in labels.

The set is closed: who carries them out, or limits how many run, forgets none. What is written is read
with a reason where it cannot be: nothing is guessed, and no call is made for it.
"""

from __future__ import annotations

from collections.abc import Mapping
import ipaddress
import re
from typing import Final, assert_never
import uuid

import attrs


@attrs.frozen(kw_only=True)
class Cleanup:
    """Drop the data of ranges that the node no longer has, in every replicated keyspace."""


@attrs.frozen(kw_only=True)
class UpgradeSSTables:
    """Rewrite what is in an older format than the one that the node writes, in every keyspace."""


@attrs.frozen(kw_only=True)
class Rebuild:
    """Fetch the data of the node's ranges from the data centre *source*."""

    source: str


@attrs.frozen(kw_only=True)
class Remove:
    """Take a dead node out of the ring, through this one.

    *node* is its address or its host id, as written; None where the *pod* that it had says enough. If a *pod*
    is named, that and its volumes are taken away afterwards, so that a new node comes in its place. *host_id*
    is whom all that comes to, once that is known.
    """

    pod: str | None = None
    node: str | None = None
    host_id: str | None = None


@attrs.frozen(kw_only=True)
class Repair:
    """Repair the node's primary ranges: of *keyspace*, or of every replicated one."""

    incremental: bool = False
    keyspace: str | None = None


@attrs.frozen(kw_only=True)
class Flush:
    """Write what is in memory to disk, of *keyspace* or of every replicated one."""

    keyspace: str | None = None


@attrs.frozen(kw_only=True)
class Compact:
    """Make as few SSTables as can be of *keyspace*, or of every replicated one."""

    keyspace: str | None = None


@attrs.frozen(kw_only=True)
class Scrub:
    """Rewrite every SSTable, leaving out what cannot be read, of *keyspace* or of every replicated one."""

    keyspace: str | None = None


@attrs.frozen(kw_only=True)
class Drain:
    """Flush and take no more part in the ring, until Cassandra is restarted."""


@attrs.frozen(kw_only=True)
class Snapshot:
    """Keep the SSTables of now, of *keyspace* or of all, under the name *tag*; None: after its beginning."""

    tag: str | None = None
    keyspace: str | None = None


NodeOperation = (
    Cleanup | UpgradeSSTables | Rebuild | Remove | Repair | Flush | Compact | Scrub | Drain | Snapshot
)


@attrs.frozen(kw_only=True)
class Unusable:
    """What labels ask for cannot be done; *why* says what is wrong and what to write instead."""

    why: str


NAMES: Final[Mapping[type[NodeOperation], str]] = {
    Cleanup: "cleanup",
    UpgradeSSTables: "upgradesstables",
    Rebuild: "rebuild",
    Remove: "remove",
    Repair: "repair",
    Flush: "flush",
    Compact: "compact",
    Scrub: "scrub",
    Drain: "drain",
    Snapshot: "snapshot",
}
_CLASSES: Final = {name: kind for kind, name in NAMES.items()}
# Cassandra's own rule for keyspaces; snapshots become directories.
_KEYSPACE: Final = re.compile(r"[A-Za-z0-9_]{1,48}")
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")
_POD: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_REPAIRS: Final = {"full": False, "incremental": True}


def name_of(operation: NodeOperation) -> str:
    """Return the value of the label `operation-name`."""
    return NAMES[type(operation)]


def parse(name: str, argument: str) -> NodeOperation | Unusable:
    """Return the operation that the labels `operation-name` and `operation-argument` ask for.

    CassKop's operations without an argument take no notice of one: it may be left from another time.
    """
    kind = _CLASSES.get(name)
    if kind is None:
        known = ", ".join(NAMES.values())
        return Unusable(why=f"there is no operation {name!r}: operation-name is one of {known}")
    if issubclass(kind, Cleanup | UpgradeSSTables | Drain):
        return kind()
    if issubclass(kind, Rebuild):
        if not argument:
            return Unusable(why="rebuild needs operation-argument: the data centre to fetch the data from")
        return Rebuild(source=argument)
    if issubclass(kind, Remove):
        return _remove(argument)
    if issubclass(kind, Repair):
        return _repair(argument)
    if issubclass(kind, Snapshot):
        return _snapshot(argument)
    if argument and not _KEYSPACE.fullmatch(argument):
        return Unusable(why=f"operation-argument of {name} is a keyspace, and {argument!r} is none")
    return kind(keyspace=argument or None)


def may_be_stopped(operation: NodeOperation) -> bool:
    """Tell whether Cassandra can be told to stop it, and may be asked for it again later."""
    return isinstance(operation, Cleanup | UpgradeSSTables | Scrub)


def text_of(operation: NodeOperation) -> str:
    """Return *operation* for people: its name, and what it is about."""
    match operation:
        case Rebuild(source=source):
            return f"rebuild from {source}"
        case Remove(pod=pod, node=node):
            return f"removal of {pod or node}{f' ({node})' if pod and node else ''}"
        case Repair(incremental=incremental, keyspace=keyspace):
            return f"{'incremental' if incremental else 'full'} repair{_of(keyspace)}"
        case Snapshot(tag=tag, keyspace=keyspace):
            return f"snapshot{f' {tag}' if tag else ''}{_of(keyspace)}"
        case Flush(keyspace=keyspace) | Compact(keyspace=keyspace) | Scrub(keyspace=keyspace):
            return f"{name_of(operation)}{_of(keyspace)}"
        case Cleanup() | UpgradeSSTables() | Drain():
            return name_of(operation)
        case _:
            assert_never(operation)


def _of(keyspace: str | None) -> str:
    return f" of {keyspace}" if keyspace else ""


def _remove(argument: str) -> Remove | Unusable:
    """Read CassKop's `<pod>_<ip>`, of which either may be missing; a host id may stand for the address.

    A pod's name has no `_` in it. No label may begin or end with one, so what is alone stands alone; nor may
    it hold the colons of an IPv6 address.
    """
    pod, _, node = argument.partition("_")
    if not _ and _is_node(pod):
        pod, node = "", pod
    if (not pod and not node) or (pod and not _POD.fullmatch(pod)) or (node and not _is_node(node)):
        return Unusable(
            why="operation-argument of remove is <pod>_<address>, <pod> or <address> of the node that is"
            f" dead, where its host id may stand for the address: {argument!r} is neither"
        )
    return Remove(pod=pod or None, node=node or None)


def _is_node(text: str) -> bool:
    """Tell whether *text* is an address or a host id."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return is_host_id(text)
    return True


def is_host_id(text: str) -> bool:
    """Tell whether *text* has the form of a host id."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _repair(argument: str) -> Repair | Unusable:
    word, dot, keyspace = argument.partition(".")
    if (word and word not in _REPAIRS) or (dot and not _KEYSPACE.fullmatch(keyspace)):
        return Unusable(
            why="operation-argument of repair is full or incremental, with .<keyspace> for a single one:"
            f" {argument!r} is neither"
        )
    return Repair(incremental=_REPAIRS.get(word, False), keyspace=keyspace or None)


def _snapshot(argument: str) -> Snapshot | Unusable:
    tag, dot, keyspace = argument.partition(".")
    if argument and (not _TAG.fullmatch(tag) or (dot and not _KEYSPACE.fullmatch(keyspace))):
        return Unusable(
            why="operation-argument of snapshot is its name, with .<keyspace> for a single one:"
            f" {argument!r} is neither"
        )
    return Snapshot(tag=tag or None, keyspace=keyspace or None)
