"""
Work on a node's own sstables: cleanup, upgradesstables and their like.

Tables are done one after the other at the node's compaction throughput, which may be changed while
they are. A client that hangs up changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import enum
from typing import Any

import attrs

from e2e.simcassandra.deferred import Deferred, JavaError, illegal_argument, runtime_error
from e2e.simcassandra.keyspaces import LOCAL_KEYSPACES
from e2e.simcassandra.node import Node
from e2e.simcassandra.work import Work

# 0 MB/s means unthrottled: then it is the disk that limits.
_UNTHROTTLED = 200
_MEGABYTE = 1024 * 1024


class Kind(enum.Enum):
    """What is done: the word that Compactions shows."""

    CLEANUP = "Cleanup"
    UPGRADE_SSTABLES = "Upgrade sstables"
    COMPACTION = "Compaction"
    SCRUB = "Scrub"
    GARBAGE_COLLECT = "Remove deleted data"


class Compaction:
    """One table being worked on."""

    def __init__(self, node: Node, *, kind: Kind, keyspace: str, table: str, total: int) -> None:
        self.node = node
        self.kind = kind
        self.keyspace = keyspace
        self.table = table
        self.compaction_id = node.new_id()
        self.result: Deferred[None] = Deferred()
        node.compactions.append(self)
        self.work = Work(
            node.simulation,
            total=total,
            rate=self._rate,
            done=self._done,
            least=node.pace.least,
        )
        rerate(node)

    def describe(self) -> dict[str, str]:
        """Return it as Compactions shows it: numbers are strings."""
        return {
            "keyspace": self.keyspace,
            "columnfamily": self.table,
            "taskType": self.kind.value,
            "completed": str(self.work.completed),
            "total": str(int(self.work.total)),
            "unit": "bytes",
            "compactionId": self.compaction_id,
        }

    def interrupt(self) -> None:
        """Stop; the call that waits for it fails after a while."""
        self.work.cancel()
        text = (
            f"Compaction interrupted: {self.kind.value}@{self.compaction_id}"
            f"({self.keyspace}, {self.table}, {self.work.completed}/{int(self.work.total)})bytes"
        )
        self._leave()
        error = JavaError("org.apache.cassandra.db.compaction.CompactionInterruptedException", text)
        self.node.after(self.node.pace.interruption, lambda: self.result.fail(error))

    def _rate(self) -> float:
        megabytes = self.node.compaction_megabytes or _UNTHROTTLED
        return megabytes * _MEGABYTE / max(1, len(self.node.compactions))

    def _done(self) -> None:
        self._leave()
        self.result.resolve(None)

    def _leave(self) -> None:
        if self in self.node.compactions:
            self.node.compactions.remove(self)
            rerate(self.node)


def rerate(node: Node) -> None:
    """Let *node*'s compactions go on at its present throughput."""
    for compaction in list(node.compactions):
        compaction.work.rerate()


def stop(node: Node, kind: str) -> None:
    """Interrupt all of *node*'s compactions of *kind*, such as UPGRADE_SSTABLES."""
    if kind not in Kind.__members__:
        raise illegal_argument(f"No enum constant org.apache.cassandra.db.compaction.OperationType.{kind}")
    for compaction in [c for c in node.compactions if c.kind is Kind[kind]]:
        compaction.interrupt()


def cleanup(node: Node, keyspace: str, tables: Sequence[str]) -> Deferred[Any]:
    """Drop the slices of *keyspace* that are not *node*'s any more."""
    call = node.call()
    if keyspace in LOCAL_KEYSPACES:
        call.fail(runtime_error("Cleanup of the system keyspace is neither necessary nor wise"))
        return call
    error = _unknown(node, keyspace, tables)
    if error is None and _gets_ranges(node):
        error = runtime_error("Node is involved in cluster membership changes. Not safe to run cleanup.")
    if error is not None:
        call.fail(error)
        return call

    def clean() -> None:
        node.volume.held[keyspace] = node.volume.held.get(keyspace, 0) & node.owned(keyspace)

    total = node.volume.bytes_of(node.data, keyspace)
    _run(node, call, _Job(kind=Kind.CLEANUP, keyspace=keyspace, total=total), tables, clean)
    return call


def upgrade(node: Node, keyspace: str, tables: Sequence[str], *, exclude_current: bool) -> Deferred[Any]:
    """Rewrite *keyspace* in the format that *node* writes; all of it, or only what is older."""
    call = node.call()
    error = _unknown(node, keyspace, tables)
    if error is not None:
        call.fail(error)
        return call
    current = node.volume.formats.get(keyspace, node.sstable_format) == node.sstable_format
    total = 0 if exclude_current and current else node.volume.bytes_of(node.data, keyspace)

    def rewritten() -> None:
        node.volume.formats[keyspace] = node.sstable_format

    _run(node, call, _Job(kind=Kind.UPGRADE_SSTABLES, keyspace=keyspace, total=total), tables, rewritten)
    return call


def rewrite(
    node: Node, kind: Kind, keyspace: str, tables: Sequence[str], *, answer: int | None = 0
) -> Deferred[Any]:
    """Go over all of *keyspace*'s data with the same outcome: scrub, garbage collection, compaction."""
    call = node.call()
    error = _unknown(node, keyspace, tables)
    if error is not None:
        call.fail(error)
        return call
    total = node.volume.bytes_of(node.data, keyspace)
    job = _Job(kind=kind, keyspace=keyspace, total=total, answer=answer)
    _run(node, call, job, tables, lambda: None)
    return call


@attrs.frozen(kw_only=True)
class _Job:
    kind: Kind
    keyspace: str
    total: int
    # What the call answers in the end: 0 for most, null for a compaction.
    answer: int | None = 0


def _run(
    node: Node,
    call: Deferred[Any],
    job: _Job,
    tables: Sequence[str],
    finish: Callable[[], None],
) -> None:
    """Work on one table after the other, each with its share of the bytes, then *finish*."""
    assert node.schema is not None
    local = () if job.keyspace in LOCAL_KEYSPACES else node.schema.keyspaces[job.keyspace].tables
    todo = list(tables or local)
    share = job.total // len(todo) if todo else 0

    def step(previous: Deferred[None] | None = None) -> None:
        if previous is not None and previous.error is not None:
            call.fail(previous.error)
            return
        if not todo:
            finish()
            call.resolve(job.answer)
            return
        compaction = Compaction(node, kind=job.kind, keyspace=job.keyspace, table=todo.pop(0), total=share)
        compaction.result.then(step)

    node.after(node.pace.least, step)


def _gets_ranges(node: Node) -> bool:
    """Return whether ranges are on their way to *node*."""
    before, after = node.view.layout(), node.view.future()
    return node.address in node.view.joining or (
        before.tokens != after.tokens and node.address not in node.view.leaving
    )


def _unknown(node: Node, keyspace: str, tables: Sequence[str]) -> JavaError | None:
    known = node.schema.keyspaces if node.schema is not None else {}
    if keyspace in LOCAL_KEYSPACES:
        return None
    if keyspace not in known:
        return illegal_argument(f"Keyspace {keyspace} does not exist")
    for table in tables:
        if table not in known[keyspace].tables:
            return illegal_argument(f"Unknown keyspace/cf pair ({keyspace}.{table})")
    return None
