"""How long things take around Cassandra: one value, so that a scenario can be quick or slow as a whole."""

from __future__ import annotations

import attrs

from e2e.simcassandra.pace import RingPace


@attrs.frozen(kw_only=True)
class Pace:
    """Durations in seconds.

    The defaults are those of a small laboratory: about 15 s from a pod's creation to a NORMAL node.
    """

    # From a change to the look that each controller takes at it.
    controller_lag: float = 0.1
    scheduler_lag: float = 0.1
    kubelet_lag: float = 0.2
    # A full look even if nothing is known to have changed; None where every change is told.
    resync: float | None = None
    # From the choice of a node to a bound volume, and from a larger request to the larger volume.
    provision: float = 0.5
    resize: float = 5.0
    # From a bound pod to its network address.
    sandbox: float = 0.8
    # A first pull on a node; later ones find the image there.
    image_pull: float = 2.0
    # An init container that waits for something looks again this often.
    init_poll: float = 2.0
    # Each init container, and from start to a running main container.
    init_container: float = 0.7
    container_start: float = 0.3
    # The first restart waits this long, each further one twice as long, up to the maximum.
    restart_backoff: float = 10.0
    restart_backoff_max: float = 300.0
    # A container that ran so long starts with the first delay again.
    restart_backoff_reset: float = 600.0
    # From the last word of a lost node to its condition Unknown and its taint.
    node_monitor_grace: float = 40.0
    # How long a pod stays on a lost node if it says nothing about it.
    eviction_toleration: float = 300.0
    # Between two attempts of somebody who drains a node.
    drain_retry: float = 5.0
    ring: RingPace = attrs.field(factory=RingPace)
