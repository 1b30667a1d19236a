"""
What the operator asks Cassandra nodes to do, as opposed to what it asks them about.

A call lasts as long as its operation, which may be hours, and goes on if nobody listens any more: its
answer is for people, and whether it is done is read off the ring.
"""

from __future__ import annotations

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Endpoint, Jolokia

# As long as anybody may have to wait.
PATIENCE_SECONDS = 7 * 24 * 3600.0


def reload_seeds(jolokia: Jolokia, endpoint: Endpoint) -> None:
    """Let the node at *endpoint* resolve its seeds again; from 4.0 on. Raises as `Jolokia.execute`."""
    jolokia.execute(endpoint, mbeans.GOSSIPER, "reloadSeeds()", [])


def decommission(jolokia: Jolokia, endpoint: Endpoint, release: str) -> None:
    """Let the node at *endpoint* leave the ring, and return when it says that it has.

    *release* is Cassandra's own word for its version. From 4.0 on Cassandra refuses where a keyspace has
    no node to spare, and its own system keyspaces never have one in a small ring: it is told not to look,
    since the caller has. Raises as `Jolokia.execute`.
    """
    if release.startswith(("2.", "3.")):
        jolokia.execute(endpoint, mbeans.STORAGE_SERVICE, "decommission()", [])
    else:
        jolokia.execute(endpoint, mbeans.STORAGE_SERVICE, "decommission(boolean)", [True])
