"""How long things take inside Cassandra: one value, so that a scenario can be quick or slow as a whole."""

from __future__ import annotations

import attrs

# What a node streams and compacts by default; Cassandra states the first in megabits per second.
DEFAULT_STREAM_MEGABITS = 201
DEFAULT_COMPACTION_MEGABYTES = 64

THREE_DAYS = 3 * 24 * 3600.0


@attrs.frozen(kw_only=True)
class RingPace:
    """Durations in seconds.

    The defaults are those of a three-node laboratory with `ring_delay_ms` 2000, where a node that joins
    with little data is NORMAL 9 s after its process began.
    """

    # From the start of the process to the agent's open port, long before any MBean of Cassandra.
    agent_opens: float = 0.6
    # To the registration of StorageService: 4.x is much earlier than 5.0.
    storage_service_4: float = 1.4
    storage_service_5: float = 3.3
    # To the first gossip, the shadow round that looks for collisions.
    shadow_round: float = 3.8
    # How long a node without answer tries to reach seeds or peers before it gives up.
    shadow_patience: float = 4.0
    # From gossip to NORMAL where nothing is streamed: the first node, and every restart.
    settle: float = 0.9
    # Waiting for the schema of the others before a bootstrap.
    schema_wait: float = 1.5
    ring_delay: float = 2.0
    # From NORMAL to the open CQL port.
    native_transport: float = 0.6
    # News reaches each peer within these bounds: a node calls itself NORMAL before all peers agree.
    gossip_min: float = 0.2
    gossip_max: float = 1.5
    # A peer that learnt of a newer schema fetches it within these bounds.
    schema_pull_min: float = 0.1
    schema_pull_max: float = 0.8
    # Conviction of a silent peer takes `conviction_base` and this many seconds per unit of phi.
    conviction_base: float = 1.2
    conviction_per_phi_min: float = 1.4
    conviction_per_phi_max: float = 2.2
    phi: float = 5.0
    # A node that never became a member is forgotten after this much silence.
    fat_client: float = 1.0
    # The host id of a replaced address stays in the lists of its peers for so long.
    replaced_lingers: float = 10.0
    # A leaving node waits at least so long before it streams, for batches that are under way.
    batchlog: float = 4.0
    drain: float = 2.6
    # From TERM to the end of the process, after the announcement; quick if it was drained before.
    terminate: float = 2.8
    terminate_drained: float = 0.35
    # A replacement waits longer than a bootstrap before it streams.
    replace_extra: float = 6.0
    # From the end of a removal's streams to the end of the call, while RemovalStatus throws.
    removal_announce: float = 2.0
    # How long a compaction takes to notice that it was told to stop.
    interruption: float = 8.0
    # The least that anything asked for over JMX takes.
    least: float = 0.005
    flush: float = 0.05

    @classmethod
    def stock(cls) -> RingPace:
        """Return the durations of Cassandra's own defaults: `ring_delay_ms` 30000, phi 8."""
        return cls(
            shadow_round=11.8,
            shadow_patience=60.0,
            ring_delay=30.0,
            phi=8.0,
            fat_client=30.0,
        )
