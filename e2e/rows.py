"""
Rows of a user's that have to outlive what a scenario does to their ring.

A real ring is asked over CQL, through one node at a time, by forwarding: so any cluster will do. Simulated
nodes have tables of a size, but no rows: there the scenario looks at the ring alone.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from typing import TYPE_CHECKING, Protocol

import attrs

from e2e import load
from e2e.cql import session
from e2e.forward import forward
from e2e.kubectl import Kubectl

if TYPE_CHECKING:
    from cassandra.cluster import Session

COUNT = 200


class Rows(Protocol):
    """Rows in the data centre `dc1`."""

    def write(self, pod: str) -> None:
        """Write them through *pod*, three copies of each, in a ring that is at rest."""

    def lost(self, pod: str) -> list[int]:
        """Return those that a quorum, asked through *pod*, does not have, or not as they were written."""


class NoRows:
    """What a ring without CQL has."""

    def write(self, pod: str) -> None:
        """Do nothing."""

    def lost(self, pod: str) -> list[int]:
        """Return nothing."""
        del pod
        return []


@attrs.frozen
class RealRows:
    """The rows of rings in the namespace of *kubectl*."""

    kubectl: Kubectl

    def write(self, pod: str) -> None:
        """Make the table and write every row once."""
        with self._session(pod) as cql:
            load.prepare(cql, load.replicated(dc1=3))
            load.alter(cql, load.replicated(dc1=3), "system_auth")
            table = load.Rows(cql)
            for number in range(COUNT):
                table.write(number, f"row {number} " * 20)

    def lost(self, pod: str) -> list[int]:
        """Read every row."""
        with self._session(pod) as cql:
            return load.lost(cql, range(COUNT))

    @contextlib.contextmanager
    def _session(self, pod: str) -> Iterator[Session]:
        with (
            forward(self.kubectl.kubeconfig, self.kubectl.namespace, pod, 9042) as port,
            session(port, consistency="LOCAL_QUORUM") as cql,
        ):
            yield cql
