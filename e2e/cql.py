"""Write and read rows over CQL: through one node that is reached on a local port, or all of a ring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cassandra.cluster import Session


@contextlib.contextmanager
def session(
    port: int, *, seconds: float = 20, consistency: str = "QUORUM", retries: bool = True
) -> Iterator[Session]:
    """Yield a session whose only coordinator is the node behind 127.0.0.1:*port*.

    The ring's other addresses are not reachable from here, so the driver is kept from trying them. Without
    *retries* it makes no request twice.
    """
    from cassandra import ConsistencyLevel  # noqa: PLC0415 -- slow to import, used by few
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile  # noqa: PLC0415
    from cassandra.policies import FallthroughRetryPolicy, RetryPolicy, WhiteListRoundRobinPolicy  # noqa: PLC0415

    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy(["127.0.0.1"]),
        consistency_level=ConsistencyLevel.name_to_value[consistency],
        retry_policy=RetryPolicy() if retries else FallthroughRetryPolicy(),
        request_timeout=seconds,
    )
    cluster = Cluster(
        ["127.0.0.1"],
        port=port,
        connect_timeout=seconds,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


@contextlib.contextmanager
def ring_session(hosts: Sequence[str], *, datacenter: str, seconds: float = 5) -> Iterator[Session]:
    """Yield a session at LOCAL_QUORUM with all nodes of *datacenter*, found from *hosts* on.

    It is what a service in that data centre would have, but for retries: the driver makes no request twice.
    Nodes are reached by their own addresses, as the local cluster allows.
    """
    from cassandra import ConsistencyLevel  # noqa: PLC0415 -- slow to import, used by few
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile  # noqa: PLC0415
    from cassandra.policies import DCAwareRoundRobinPolicy, FallthroughRetryPolicy  # noqa: PLC0415

    profile = ExecutionProfile(
        load_balancing_policy=DCAwareRoundRobinPolicy(datacenter),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=seconds,
    )
    cluster = Cluster(list(hosts), execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=20)
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def write_and_read(port: int, *, datacenter: str, replicas: int) -> tuple[Any, ...]:
    """Make a keyspace, write a row at QUORUM, read it back at QUORUM, and return it."""
    with session(port) as cql:
        cql.execute(
            "CREATE KEYSPACE IF NOT EXISTS demo WITH replication ="
            f" {{'class': 'NetworkTopologyStrategy', '{datacenter}': {replicas}}}"
        )
        cql.execute("CREATE TABLE IF NOT EXISTS demo.greetings (id int PRIMARY KEY, words text)")
        cql.execute("INSERT INTO demo.greetings (id, words) VALUES (1, 'hello from three racks')")
        row = cql.execute("SELECT id, words FROM demo.greetings WHERE id = 1").one()
        return tuple(row)
