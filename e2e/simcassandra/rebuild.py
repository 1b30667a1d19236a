"""Rebuild: fetching a node's ranges from another datacenter, which 5.0 does once only."""

from __future__ import annotations

from typing import Any

from e2e.simcassandra import moves
from e2e.simcassandra.deferred import Deferred, illegal_argument, illegal_state, runtime_error
from e2e.simcassandra.node import Node
from e2e.simcassandra.streaming import Plan


def rebuild(
    node: Node,
    *,
    datacenter: str | None,
    keyspace: str | None = None,
    exclude_local: bool = False,
) -> Deferred[Any]:
    """Fetch the ranges of *keyspace* (None: of all) from *datacenter* (None: from anywhere)."""
    call = node.call()
    known = node.view.layout().datacenters()
    if datacenter is not None and datacenter not in known:
        call.fail(
            illegal_argument(
                f"Provided datacenter '{datacenter}' is not a valid datacenter, "
                f"available datacenters are: {','.join(known)}"
            )
        )
        return call
    if exclude_local and datacenter == node.place.datacenter:
        call.fail(
            illegal_argument(
                "Cannot set source data center to be local data center, "
                "when excludeLocalDataCenter flag is set"
            )
        )
        return call
    if node.rebuilding:
        call.fail(illegal_state("Node is still rebuilding. Check nodetool netstats."))
        return call
    assert node.schema is not None
    wanted = set(node.schema.keyspaces) if keyspace is None else {keyspace}
    if node.release.is_five and node.volume.rebuilt & wanted:
        if node.config.reset_bootstrap_progress is None:
            call.fail(illegal_state(_already(node)))
            return call
        if not node.config.reset_bootstrap_progress:
            node.after(node.pace.least, lambda: call.resolve(None))
            return call
    try:
        needed = moves.for_rebuild(node, datacenter=datacenter, only=keyspace)
    except moves.NoSourceError as error:
        call.fail(illegal_state(str(error)))
        return call
    node.rebuilding = True
    Plan(node, "Rebuild", needed, lingers=False, done=lambda why: _done(node, call, wanted, why))
    return call


def _done(node: Node, call: Deferred[Any], keyspaces: set[str], why: str | None) -> None:
    node.rebuilding = False
    if why is not None:
        call.fail(runtime_error(f"Error while rebuilding node: {why}"))
        return
    # Noted even if there was nothing to fetch: a rebuild before its time blocks the real one.
    node.volume.rebuilt |= keyspaces
    call.resolve(None)


def _already(node: Node) -> str:
    layout = node.view.layout()
    found = [
        f"FetchReplica{{local=Full(localhost/{node.address}:7000,({start},{end}]), "
        f"remote=Full(/{peer}:7000,({start},{end}])}}"
        for start, end in layout.ranges()[:3]
        for peer in sorted(node.view.live)[:1]
    ]
    return (
        "Discovered existing bootstrap data and cassandra.reset_bootstrap_progress is not "
        "configured; aborting bootstrap. Please clean up local files manually and try again or set "
        f"cassandra.reset_bootstrap_progress=true to ignore. Found: [{', '.join(found)}]"
    )
