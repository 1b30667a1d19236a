"""
A client that writes and reads rows without a pause, and counts what fails.

Every row carries its checksum. A request that fails is not made again, neither here nor by the driver: what
is counted is what a user's program would have seen. A write that failed may have been stored or not; it is
not looked for at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import contextlib
import functools
import hashlib
import random
import threading
import time
from typing import TYPE_CHECKING, Self

import attrs

from e2e.cql import session
from e2e.forward import forward
from e2e.kubectl import Kubectl

if TYPE_CHECKING:
    from cassandra.cluster import Session

# A write and a read, and then so long nothing: a machine of two cores has other things to do.
PAUSE_SECONDS = 0.05
BODY_BYTES = 400
# Failures that a report lists.
SHOWN = 20
# The driver's words for a failure are longest where it has tried all nodes.
WORDS = 400
# A table may have to wait for every node to know of it.
SCHEMA_SECONDS = 60


@attrs.frozen(kw_only=True)
class Report:
    """What a client has seen: *failures* in the driver's words, *wrong* reads were not what was written."""

    requests: int
    failures: tuple[str, ...]
    wrong: int
    written: tuple[int, ...]
    slowest: float

    def __str__(self) -> str:
        words = (
            f"{self.requests} requests at LOCAL_QUORUM, {len(self.failures)} failed, {self.wrong} rows wrong,"
            f" the slowest took {self.slowest:.2f} s"
        )
        return "\n    ".join([words, *self.failures[:SHOWN]])


def replicated(**factors: int) -> str:
    """Return the replication of the client's keyspace, by data centre, as CQL."""
    listed = ", ".join(f"'{dc}': {factor}" for dc, factor in factors.items())
    return f"{{'class': 'NetworkTopologyStrategy', {listed}}}"


def prepare(cql: Session, replication: str) -> None:
    """Make the keyspace and the table."""
    keyspace = f"CREATE KEYSPACE IF NOT EXISTS app WITH replication = {replication}"
    table = "CREATE TABLE IF NOT EXISTS app.rows (id int PRIMARY KEY, body text, sum text)"
    for statement in (keyspace, table):
        cql.execute(statement, timeout=SCHEMA_SECONDS)


def alter(cql: Session, replication: str, keyspace: str = "app") -> bool:
    """Change the keyspace's replication."""
    cql.execute(f"ALTER KEYSPACE {keyspace} WITH replication = {replication}", timeout=SCHEMA_SECONDS)
    return True


@contextlib.contextmanager
def sessions(kubectl: Kubectl, pods: Iterable[str]) -> Iterator[list[Session]]:
    """Yield a session through each of *pods*, at LOCAL_QUORUM, that never makes a request twice."""
    with contextlib.ExitStack() as stack:
        found = []
        for pod in pods:
            port = stack.enter_context(forward(kubectl.kubeconfig, kubectl.namespace, pod, 9042))
            found.append(stack.enter_context(session(port, consistency="LOCAL_QUORUM", retries=False)))
        yield found


class Load:
    """Writes and reads through *through*, one after the other, until it is stopped."""

    def __init__(self, through: list[Session]) -> None:
        self._through = through
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="client", daemon=True)
        self._requests = self._wrong = 0
        self._slowest = 0.0
        self._failures: list[str] = []
        self._written: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def report(self) -> Report:
        """Return what was seen up to now."""
        return Report(
            requests=self._requests,
            failures=tuple(self._failures),
            wrong=self._wrong,
            written=tuple(self._written),
            slowest=self._slowest,
        )

    def _run(self) -> None:
        chance = random.Random(1)  # noqa: S311 -- rows, no secrets
        tables = [Rows(cql) for cql in self._through]
        number = 0
        while not self._over.wait(PAUSE_SECONDS):
            number += 1
            table = tables[number % len(tables)]
            body = chance.randbytes(BODY_BYTES // 2).hex()
            if self._try(f"write of row {number}", functools.partial(table.write, number, body)) is not None:
                self._written.append(number)
            if self._written:
                asked = chance.choice(self._written)
                good = self._try(f"read of row {asked}", functools.partial(table.has, asked))
                self._wrong += good is False

    def _try(self, what: str, request: Callable[[], bool]) -> bool | None:
        """Make a request; None if it fails."""
        began = time.monotonic()
        self._requests += 1
        try:
            return request()
        except Exception as error:  # noqa: BLE001 -- whatever a user's program would get
            when = time.strftime("%H:%M:%S")
            self._failures.append(f"{when} {what}: {type(error).__name__}: {error}"[:WORDS])
            return None
        finally:
            self._slowest = max(self._slowest, time.monotonic() - began)


class Rows:
    """The table, by one session."""

    def __init__(self, cql: Session) -> None:
        self._cql = cql
        self._write = cql.prepare("INSERT INTO app.rows (id, body, sum) VALUES (?, ?, ?)")
        self._read = cql.prepare("SELECT body, sum FROM app.rows WHERE id = ?")

    def write(self, number: int, body: str) -> bool:
        """Write a row with its checksum."""
        self._cql.execute(self._write, (number, body, checksum(body)))
        return True

    def has(self, number: int) -> bool:
        """Tell whether a row is there, and is what was written."""
        found = list(self._cql.execute(self._read, (number,)))
        return len(found) == 1 and checksum(found[0].body) == found[0].sum


def checksum(body: str) -> str:
    """Return what stands in a row beside its *body*."""
    return hashlib.sha256(body.encode()).hexdigest()


def lost(cql: Session, rows: Iterable[int]) -> list[int]:
    """Return those of *rows* that are not there, or are not what was written."""
    table = Rows(cql)
    return [number for number in rows if not table.has(number)]
