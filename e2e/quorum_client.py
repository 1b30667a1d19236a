"""
A client of a ring that writes and reads at LOCAL_QUORUM all the time, and counts what fails.

It is what a service in the data centre would be: it knows all nodes, and has its requests repeated by
nobody. It reaches the pods by their own addresses, as the local cluster allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
import threading
import time
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from cassandra.cluster import Session

KEYSPACE = "bench"
_WRITE = "INSERT INTO bench.rows (id, words) VALUES (%s, 'w')"
_READ = "SELECT words FROM bench.rows WHERE id = %s"
_PAUSE_SECONDS = 0.05
_TIMEOUT_SECONDS = 5.0


@attrs.define
class Count:
    """Requests so far, and what became of those that failed, in the driver's words."""

    requests: int = 0
    failures: list[str] = attrs.field(factory=list)


@contextlib.contextmanager
def session(hosts: Sequence[str], *, datacenter: str) -> Iterator[Session]:
    """Yield a session at LOCAL_QUORUM with all nodes of *datacenter*, found from *hosts* on."""
    from cassandra import ConsistencyLevel  # noqa: PLC0415 -- slow to import, used by few
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile  # noqa: PLC0415
    from cassandra.policies import DCAwareRoundRobinPolicy, FallthroughRetryPolicy  # noqa: PLC0415

    profile = ExecutionProfile(
        load_balancing_policy=DCAwareRoundRobinPolicy(datacenter),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=_TIMEOUT_SECONDS,
    )
    cluster = Cluster(list(hosts), execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=20)
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def prepare(cql: Session, *, datacenter: str, replicas: int) -> None:
    """Make the client's table, and give the logins as many replicas as it."""
    spread = f"{{'class': 'NetworkTopologyStrategy', '{datacenter}': {replicas}}}"
    cql.execute(f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = {spread}", timeout=60)
    cql.execute(f"ALTER KEYSPACE system_auth WITH replication = {spread}", timeout=60)
    cql.execute(f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.rows (id int PRIMARY KEY, words text)", timeout=60)


@contextlib.contextmanager
def requests(cql: Session) -> Iterator[Count]:
    """Write and read, one request after the other, as long as the block lasts; yield the count."""
    count, over = Count(), threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            number = (number + 1) % 1000
            _one(cql, count, _WRITE, number)
            _one(cql, count, _READ, number)
            over.wait(_PAUSE_SECONDS)

    thread = threading.Thread(target=work, name="client", daemon=True)
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join(2 * _TIMEOUT_SECONDS)


def _one(cql: Session, count: Count, statement: str, number: int) -> None:
    count.requests += 1
    try:
        cql.execute(statement, (number,))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the client had no answer
        when = time.strftime("%H:%M:%S")
        count.failures.append(f"{when} {type(error).__name__}: {error}"[:200])
