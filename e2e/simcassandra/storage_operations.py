"""The operations of StorageService, with the signatures that 4.x and 5.0 have."""

from __future__ import annotations

from collections.abc import Sequence
import datetime as dt
from typing import Any

from e2e.simcassandra import (
    compaction,
    decommission,
    rebuild,
    removal,
    repair,
    ring_reads,
    shutdown,
    texts,
)
from e2e.simcassandra.compaction import Kind
from e2e.simcassandra.deferred import Deferred, JavaError, illegal_argument
from e2e.simcassandra.mbean import Overload, overload, truth
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node
from e2e.simcassandra.startup import stream_bootstrap

STRING = "java.lang.String"
STRINGS = "[Ljava.lang.String;"

Args = Sequence[Any]


Line = tuple[int, int]


def operations(line: Line) -> dict[str, tuple[Overload, ...]]:
    """Return the operations of the releases of *line*, such as (4, 1)."""
    return {
        **_membership(line),
        **_sstables(line),
        **ring_reads.operations(),
        **_snapshots(line),
        "repairAsync": (overload(f"{STRING},java.util.Map", lambda n, a: repair.repair_async(n, a[0])),),
        "getParentRepairStatus": (overload("int", lambda n, a: repair.parent_status(n, int(a[0]))),),
        "setLoggingLevel": (overload(f"{STRING},{STRING}", _set_logging),),
    }


def _membership(line: Line) -> dict[str, tuple[Overload, ...]]:
    rebuilds = [
        overload(
            f"{STRING},{STRING},{STRING},{STRING}",
            lambda n, a: rebuild.rebuild(n, datacenter=a[0], keyspace=a[1]),
        ),
        overload(STRING, lambda n, a: rebuild.rebuild(n, datacenter=a[0])),
    ]
    if line >= (5, 0):
        rebuilds.insert(
            0,
            overload(
                f"{STRING},{STRING},{STRING},{STRING},boolean",
                lambda n, a: rebuild.rebuild(n, datacenter=a[0], keyspace=a[1], exclude_local=truth(a[4])),
            ),
        )
    return {
        "decommission": (overload("boolean", lambda n, a: decommission.decommission(n, force=truth(a[0]))),),
        "removeNode": (overload(STRING, lambda n, a: removal.remove_node(n, str(a[0]))),),
        "forceRemoveCompletion": (overload("", lambda n, _: removal.force_completion(n)),),
        "drain": (overload("", lambda n, _: shutdown.drain(n)),),
        "rebuild": tuple(rebuilds),
        "resumeBootstrap": (overload("", _resume_bootstrap),),
    }


def _sstables(line: Line) -> dict[str, tuple[Overload, ...]]:
    return {
        "forceKeyspaceCleanup": (
            overload(f"int,{STRING},{STRINGS}", lambda n, a: compaction.cleanup(n, a[1], a[2])),
            overload(f"{STRING},{STRINGS}", lambda n, a: compaction.cleanup(n, a[0], a[1])),
        ),
        "upgradeSSTables": (
            *_by_timestamp(line),
            overload(f"{STRING},boolean,{STRINGS}", lambda n, a: _upgrade(n, a, a[2])),
            overload(f"{STRING},boolean,int,{STRINGS}", lambda n, a: _upgrade(n, a, a[3])),
        ),
        "scrub": (
            overload(
                f"boolean,boolean,boolean,boolean,int,{STRING},{STRINGS}",
                lambda n, a: compaction.rewrite(n, Kind.SCRUB, a[5], a[6]),
            ),
            overload(
                f"boolean,boolean,boolean,int,{STRING},{STRINGS}",
                lambda n, a: compaction.rewrite(n, Kind.SCRUB, a[4], a[5]),
            ),
        ),
        "garbageCollect": (
            overload(
                f"{STRING},int,{STRING},{STRINGS}",
                lambda n, a: compaction.rewrite(n, Kind.GARBAGE_COLLECT, a[2], a[3]),
            ),
        ),
        "forceKeyspaceCompaction": (
            overload(
                f"boolean,{STRING},{STRINGS}",
                lambda n, a: compaction.rewrite(n, Kind.COMPACTION, a[1], a[2], answer=None),
            ),
        ),
        "forceKeyspaceFlush": (overload(f"{STRING},{STRINGS}", _flush),),
    }


def _by_timestamp(line: Line) -> tuple[Overload, ...]:
    """Return the form of upgradeSSTables that takes the age of data, new in 4.1."""
    if line < (4, 1):
        return ()
    return (overload(f"{STRING},boolean,long,int,{STRINGS}", lambda n, a: _upgrade(n, a, a[4])),)


def _upgrade(node: Node, args: Args, tables: Sequence[str]) -> Deferred[Any]:
    return compaction.upgrade(node, args[0], tables, exclude_current=truth(args[1]))


def _flush(node: Node, args: Args) -> Deferred[Any]:
    call = node.call()
    if node.schema is None or args[0] not in node.schema.keyspaces:
        call.fail(illegal_argument(f"Keyspace {args[0]} does not exist"))
    else:
        node.after(node.pace.flush, lambda: call.resolve(None))
    return call


def _resume_bootstrap(node: Node, _: Args) -> bool:
    """Return whether there was a failed bootstrap to resume; it goes on by itself."""
    if not node.bootstrap_failed:
        return False
    node.bootstrap_failed = False
    node.set_mode(Mode.JOINING)
    stream_bootstrap(node)
    return True


def _set_logging(node: Node, args: Args) -> None:
    name, level = str(args[0] or ""), str(args[1] or "")
    if not name and not level:
        if not node.release.is_five:
            raise JavaError("java.lang.reflect.UndeclaredThrowableException", "")
        node.logging = {"ROOT": "INFO"}
    elif level:
        node.logging[name] = level
    else:
        node.logging.pop(name, None)


def _snapshots(line: Line) -> dict[str, tuple[Overload, ...]]:
    return {
        "takeSnapshot": (
            overload(f"{STRING},java.util.Map,{STRINGS}", _take_snapshot),
            overload(f"{STRING},{STRINGS}", lambda n, a: _take_snapshot(n, [a[0], {}, a[1]])),
        ),
        "clearSnapshot": (
            *(
                (overload(f"java.util.Map,{STRING},{STRINGS}", lambda n, a: _clear_snapshot(n, a[1:])),)
                if line >= (5, 0)
                else ()
            ),
            overload(f"{STRING},{STRINGS}", _clear_snapshot),
        ),
        "trueSnapshotsSize": (overload("", lambda _n, _a: 0),),
    }


def _take_snapshot(node: Node, args: Args) -> None:
    """Snapshot the keyspaces, or the tables written as keyspace.table; none named means all."""
    name, options, entities = str(args[0]), dict(args[1] or {}), list(args[2] or [])
    if not name:
        raise JavaError("java.io.IOException", "You must supply a snapshot name.")
    if name in node.volume.snapshots:
        raise JavaError("java.io.IOException", f"Snapshot {name} already exists.")
    schema = node.schema.keyspaces if node.schema is not None else {}
    rows: dict[str, Any] = {}
    for entity in entities or list(schema):
        keyspace, _, table = str(entity).partition(".")
        if keyspace not in schema:
            raise illegal_argument(f"Keyspace {keyspace} does not exist")
        if table and table not in schema[keyspace].tables:
            raise illegal_argument(f"Unknown keyspace/cf pair ({entity})")
        for each in [table] if table else schema[keyspace].tables:
            rows[f"{keyspace}.{each}"] = _row(node, name, keyspace, each, options)
    node.volume.snapshots[name] = rows


def _row(node: Node, name: str, keyspace: str, table: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
    bytes_here = node.volume.bytes_of(node.data, keyspace)
    now = dt.datetime.fromtimestamp(node.simulation.now, tz=dt.UTC)
    ttl = options.get("ttl")
    expires = now + dt.timedelta(seconds=_seconds(str(ttl))) if ttl else None
    row = {
        "Snapshot name": name,
        "Keyspace name": keyspace,
        "Column family name": table,
        "True size": texts.size(0),
        "Size on disk": texts.size(bytes_here),
        "Creation time": _instant(now),
        "Expiration time": _instant(expires) if expires else None,
    }
    if node.release.is_five:
        row["Ephemeral"] = "false"
    return row


def _instant(when: dt.datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def _seconds(ttl: str) -> int:
    return int(ttl[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[ttl[-1]]


def _clear_snapshot(node: Node, args: Args) -> None:
    """Delete the snapshot of this name from the keyspaces given; no name, or none given: all."""
    name, keyspaces = str(args[0] or ""), list(args[1] or [])
    for each in [name] if name else list(node.volume.snapshots):
        rows = node.volume.snapshots.get(each, {})
        kept = {k: r for k, r in rows.items() if keyspaces and r["Keyspace name"] not in keyspaces}
        if kept:
            node.volume.snapshots[each] = kept
        else:
            node.volume.snapshots.pop(each, None)
