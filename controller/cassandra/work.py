"""
The operations on a node, as calls: one after the other where an operation is one call a keyspace.

Each lasts as long as the operation. It ends with Cassandra's own words where Cassandra refuses or fails;
that no answer came is `TransientError`, and says nothing about the operation, unless it is `NotAskedError`:
then nothing was asked for. What would do harm, and Cassandra does not refuse, is refused here, as
`TerminalError`, before it is asked for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, assert_never

import attrs

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.domain.availability import CASSANDRAS_OWN, NetworkTopology, Simple, replication_of
from controller.domain.errors import TerminalError, TransientError
from controller.domain.operations.kinds import (
    Cleanup,
    Compact,
    Drain,
    Flush,
    NodeOperation,
    Rebuild,
    Remove,
    Repair,
    Scrub,
    Snapshot,
    UpgradeSSTables,
)

_STRING: Final = "java.lang.String"
_STRINGS: Final = "[Ljava.lang.String;"
_CLEANUP: Final = f"forceKeyspaceCleanup(int,{_STRING},{_STRINGS})"
_UPGRADE: Final = f"upgradeSSTables({_STRING},boolean,int,{_STRINGS})"
_REMOVE: Final = f"removeNode({_STRING})"
_REBUILD_ALL: Final = f"rebuild({_STRING})"
_REBUILD: Final = f"rebuild({_STRING},{_STRING},{_STRING},{_STRING})"
_COMPACT: Final = f"forceKeyspaceCompaction(boolean,{_STRING},{_STRINGS})"
_SCRUB: Final = f"scrub(boolean,boolean,boolean,boolean,int,{_STRING},{_STRINGS})"
_SNAPSHOT: Final = f"takeSnapshot({_STRING},java.util.Map,{_STRINGS})"
# Cassandra's own words for what work on SSTables may answer.
_STATUSES: Final = {
    1: "the operation was aborted",
    2: "compactions that are in its way could not be stopped",
}
# How often a repair is asked about, and how many times in a row nobody may answer.
_POLL_SECONDS: Final = 2.0
_SILENT_POLLS: Final = 150


# What an agent says that has opened its port before Cassandra is there to be asked.
_NOT_THERE: Final = "javax.management.InstanceNotFoundException"


class NotAskedError(TransientError):
    """The node gave no answer before it came to be asked for the operation: so it has not heard of it."""


class _StartingError(TransientError):
    """There is nobody in this process yet who could have heard of anything."""


@attrs.frozen(kw_only=True)
class Worker:
    """Calls the node at *endpoint*: *patient* for what lasts, *brisk* for questions.

    *go_on* is called before each call, and raises if this process may not act any more.
    """

    patient: Jolokia
    brisk: Jolokia
    endpoint: Endpoint
    go_on: Callable[[], None]
    # What the node may have heard of.
    _asked: list[str] = attrs.field(factory=list, init=False)

    def run(
        self, operation: NodeOperation, *, threads: int = 0, tag: str = "", again: bool = False
    ) -> str | None:
        """Carry *operation* out and return when it is done, with a remark for its user if there is one.

        *threads* is for a cleanup, 0 being Cassandra's own choice; *tag* names a snapshot without a name.
        *again*: a process that is no more may have asked for the very same, and not heard the answer.
        Raises `JolokiaError` with Cassandra's words, `TerminalError` with ours, `TransientError` if there
        is no answer: `NotAskedError` if that was to a question beforehand.
        """
        try:
            return self._carry_out(operation, threads, tag, again=again)
        except TransientError as error:
            if self._asked:
                raise
            raise NotAskedError(str(error)) from error

    def _carry_out(  # noqa: C901 -- an arm for each operation
        self, operation: NodeOperation, threads: int, tag: str, *, again: bool
    ) -> str | None:
        match operation:
            case Cleanup():
                self._each(self._replicated(), lambda name: (_CLEANUP, [threads, name, []]))
            case UpgradeSSTables():
                everything = self._names("Keyspaces")
                self._each(everything, lambda name: (_UPGRADE, [name, True, 0, []]))
            case Compact(keyspace=keyspace):
                self._each(self._chosen(keyspace), lambda name: (_COMPACT, [False, name, []]))
            case Scrub(keyspace=keyspace):
                scrub = [False, False, True, False, 0]
                self._each(self._chosen(keyspace), lambda name: (_SCRUB, [*scrub, name, []]))
            case Flush(keyspace=keyspace):
                self._each(self._chosen(keyspace), lambda name: ("forceKeyspaceFlush", [name, []]))
            case Rebuild(source=source):
                return self._rebuild(source)
            case Repair(incremental=incremental, keyspace=keyspace):
                for name in self._chosen(keyspace):
                    self._repair(name, {"incremental": "true" if incremental else "false"})
            case Drain():
                self._call("drain", [])
            case Snapshot() as snapshot:
                self._snapshot(snapshot, tag, again=again)
            case Remove(host_id=host_id):
                self._remove(host_id)
            case _:
                assert_never(operation)
        return None

    def _each(self, keyspaces: Iterable[str], call: Callable[[str], tuple[str, list[object]]]) -> None:
        """Make one call for each keyspace; the first that fails ends it."""
        for keyspace in keyspaces:
            operation, arguments = call(keyspace)
            try:
                answer = self._call(operation, arguments)
            except JolokiaError as error:
                raise JolokiaError(f"{keyspace}: {error}", status=error.status, kind=error.kind) from error
            if answer:
                # Null, or 0, is all of it.
                words = _STATUSES.get(answer, "it does not say why")
                raise TerminalError(f"{keyspace}: Cassandra answered {answer}, not all is done: {words}")

    def _call(self, operation: str, arguments: Sequence[object]) -> Any:  # noqa: ANN401 -- JSON
        self.go_on()
        self._asked.append(operation)
        try:
            return self._execute(self.patient, operation, arguments)
        except _StartingError:
            self._asked.pop()
            raise

    def _execute(self, jolokia: Jolokia, operation: str, arguments: Sequence[object]) -> Any:  # noqa: ANN401 -- JSON
        try:
            return jolokia.execute(self.endpoint, mbeans.STORAGE_SERVICE, operation, arguments)
        except JolokiaError as error:
            if error.kind != _NOT_THERE:
                raise
            raise _StartingError(f"Cassandra at {self.endpoint.host} is starting") from error

    def _chosen(self, keyspace: str | None) -> tuple[str, ...]:
        """Return the keyspace that is asked for, or every replicated one."""
        known = self._replicated()
        if keyspace is None:
            return known
        if keyspace not in known:
            listed = ", ".join(sorted(known))
            raise TerminalError(f"there is no keyspace {keyspace} to work on: there are {listed}")
        return (keyspace,)

    def _replicated(self) -> tuple[str, ...]:
        return self._names(mbeans.KEYSPACES)

    def _names(self, attribute: str) -> tuple[str, ...]:
        values = self.brisk.read(self.endpoint, mbeans.STORAGE_SERVICE, [attribute])
        try:
            return mbeans.keyspaces(values.get(attribute))
        except ValueError as error:
            raise TransientError(f"half an answer of {self.endpoint.host}: {error}") from error

    def _rebuild(self, source: str) -> str | None:
        """Rebuild, as far as that fetches anything: Cassandra 5.0 takes an empty one, and refuses the next.

        Only what *source* and this data centre both have copies of is fetched, one keyspace after the other.
        With all at once Cassandra fails where a range of `system_traces` has its copies here alone. Of a
        keyspace that a rebuild before this one has begun to fetch, Cassandra 5.0 tells not how far that
        came, and fetches no more: what is missing comes by a repair between both data centres. What has
        SimpleStrategy is left out: a node has got its share of that when it joined, from wherever it was.
        """
        here = self.brisk.read(self.endpoint, mbeans.SNITCH, ["Datacenter"])["Datacenter"]
        known = self._replicated()
        told = self._replication(known)
        if not told:
            self._call(_REBUILD_ALL, [source])
            return None
        dcs = self._dcs()
        if source not in dcs:
            listed = ", ".join(sorted(dcs))
            raise TerminalError(f"the ring has no data centre {source} to fetch from: there are {listed}")
        by_name = dict(zip(known, told, strict=True))
        begun = []
        for name, text in by_name.items():
            if _placed(text, source) and _placed(text, here) and not self._fetch(source, name):
                begun.append(name)
        for name in begun:
            self._repair(name, {"primaryRange": "false", "dataCenters": f"{here},{source}"})
        return _nothing_of_yours(by_name, source, here)

    def _dcs(self) -> frozenset[str]:
        """Return the data centres that have members, up or down."""
        lists = self.brisk.read(self.endpoint, mbeans.STORAGE_SERVICE, ["LiveNodes", "UnreachableNodes"])
        members = [str(address) for each in lists.values() for address in each or ()]
        requests = [
            {"type": "exec", "mbean": mbeans.SNITCH, "operation": mbeans.DC_OF, "arguments": [address]}
            for address in members
        ]
        answers = self.brisk.bulk(self.endpoint, requests)
        return frozenset(str(answer) for answer in answers if not isinstance(answer, JolokiaError))

    def _fetch(self, source: str, keyspace: str) -> bool:
        """Fetch a keyspace from *source*; False if a rebuild before this one has begun to."""
        try:
            self._call(_REBUILD, [source, keyspace, None, None])
        except JolokiaError as error:
            if "existing bootstrap data" not in str(error):
                raise
            return False
        return True

    def _replication(self, keyspaces: Sequence[str]) -> list[str] | None:
        """Return the replication of each keyspace; None where Cassandra does not tell, as 3.11."""
        requests = [
            {
                "type": "exec",
                "mbean": mbeans.STORAGE_SERVICE,
                "operation": mbeans.REPLICATION,
                "arguments": [name],
            }
            for name in keyspaces
        ]
        answers = self.brisk.bulk(self.endpoint, requests)
        return None if any(isinstance(a, JolokiaError) for a in answers) else [str(a) for a in answers]

    def _remove(self, host_id: str | None) -> None:
        if host_id is None:
            raise TerminalError("it is not known which node is to be removed")
        self._call(_REMOVE, [host_id])

    def _snapshot(self, snapshot: Snapshot, tag: str, *, again: bool) -> None:
        entities = [] if snapshot.keyspace is None else list(self._chosen(snapshot.keyspace))
        try:
            self._call(_SNAPSHOT, [snapshot.tag or tag, {}, entities])
        except JolokiaError as error:
            # Ours alone has this name, or an earlier call for the very same operation may have made it.
            ours = snapshot.tag is None or again
            if not ours or "already exists" not in str(error):
                raise

    def _repair(self, keyspace: str, changes: Mapping[str, str]) -> None:
        """Begin a repair, which Cassandra only answers with a number, and ask until it is over.

        Without *changes* it is a full one of the node's primary ranges.
        """
        options = {
            "primaryRange": "true",
            "parallelism": "parallel",
            "incremental": "false",
            "jobThreads": "1",
            **changes,
        }
        number = self._call("repairAsync", [keyspace, options])
        if not number:
            # A keyspace with a single replica: there is nothing to compare.
            return
        silent = 0
        while True:
            self.patient.sleep(_POLL_SECONDS)
            self.go_on()
            try:
                status = self._execute(self.brisk, "getParentRepairStatus", [number])
            except _StartingError:
                # It knows no repair of its predecessor's.
                raise
            except TransientError:
                silent += 1
                if silent >= _SILENT_POLLS:
                    raise
                continue
            silent = 0
            if not isinstance(status, list) or not status:
                raise TerminalError(f"{keyspace}: Cassandra does not know its repair {number} any more")
            if status[0] == "COMPLETED":
                return
            if status[0] != "IN_PROGRESS":
                words = " ".join(str(word) for word in status[1:])
                raise TerminalError(f"{keyspace}: {words or status[0]}")


# What Cassandra calls the work that it can be told to stop.
_STOPPABLE: Final[Mapping[type[NodeOperation], str]] = {
    Cleanup: "CLEANUP",
    UpgradeSSTables: "UPGRADE_SSTABLES",
    Scrub: "SCRUB",
}


def stop(jolokia: Jolokia, endpoint: Endpoint, operation: NodeOperation) -> None:
    """Tell the node at *endpoint* to stop the work on SSTables that it does for *operation*, if any.

    The call for the operation fails then, within some seconds. A removal is not stopped but ended: who was to
    get the dead node's data is not waited for any more. Raises as `Jolokia.execute`.
    """
    if isinstance(operation, Remove):
        jolokia.execute(endpoint, mbeans.STORAGE_SERVICE, "forceRemoveCompletion", [])
        return
    kind = _STOPPABLE.get(type(operation))
    if kind is not None:
        jolokia.execute(endpoint, mbeans.COMPACTION_MANAGER, "stopCompaction", [kind])


def _nothing_of_yours(by_name: Mapping[str, str], source: str, here: str) -> str | None:
    """Return what to do first, if no keyspace of the user's has copies both in *source* and *here*."""
    mine = {name: text for name, text in by_name.items() if name not in CASSANDRAS_OWN}
    if any(_placed(text, source) and _placed(text, here) for text in mine.values()):
        return None
    lacking = next(
        (dc for dc in (source, here) if not any(_placed(text, dc) for text in mine.values())),
        f"both {source} and {here}",
    )
    dcs = f"'{source}': <copies>" + (f", '{here}': <copies>" if here != source else "")
    remark = (
        f"there was nothing of yours to fetch, since no keyspace of yours keeps copies in {lacking} by"
        " NetworkTopologyStrategy: if that is to be so, ALTER KEYSPACE <name> WITH replication ="
        f" {{'class': 'NetworkTopologyStrategy', {dcs}}}, and ask again"
    )
    simple = sorted(name for name, text in mine.items() if isinstance(replication_of(text), Simple))
    if simple:
        remark += f" (of {', '.join(simple)}, with SimpleStrategy, a node got its share when it joined)"
    return remark


def _placed(replication: str, dc: str) -> bool:
    """Tell whether *replication* says how many copies there are in *dc*."""
    found = replication_of(replication)
    return isinstance(found, NetworkTopology) and found.factors.get(dc, 0) > 0
