"""Nodes that leave with much data: there has to be room for it, and how far they are is told."""

from __future__ import annotations

import datetime as dt
import itertools

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import began, patch, ready, small
from unit_tests.reconcile.test_scale_down import converged, operation

GB = 1_000_000_000


def holding(size: int, **spec: str) -> SimCluster:
    """Return a world with a rack of two, and *size* bytes in a keyspace with one copy."""
    world = began(small(nodesPerRacks=2, **spec))
    ready(world, seconds=600)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 1}), size=size)
    world.run(5)
    return world


def test_how_far_a_node_is_stands_in_status_once_a_minute() -> None:
    """Bytes, rate and time left grow true; status is not written more often for it, and an operator that
    starts anew goes on from there. In the end nothing of it is left.
    """
    world = holding(30 * GB, dataCapacity="100Gi")
    seen: list[Json] = []
    writes = world.writes
    patch(world, kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"nodesPerRacks": 1}})

    def gone() -> bool:
        found = world.cluster("cc")["status"].get("streaming")
        if found and (not seen or seen[-1] != found):
            seen.append(found)
            if len(seen) == 2:
                world.kill_operator()
        return world.condition("cc", "Progressing").get("reason") == "Converged" and bool(seen)

    world.run_until(gone, seconds=3000, what="the node has left")

    assert len(seen) >= 3
    bytes_, times = [each["bytes"] for each in seen], [each["measuredAt"] for each in seen]
    assert bytes_ == sorted(bytes_)
    dates = [dt.datetime.fromisoformat(each) for each in times]
    assert all((b - a).total_seconds() >= 60 for a, b in itertools.pairwise(dates))
    last = seen[-1]
    left = last["totalBytes"] - last["bytes"]
    assert abs(last["secondsLeft"] - left / last["bytesPerSecond"]) <= 1
    assert world.writes - writes < 40 + 3 * len(seen), "no storm of writes"
    converged(world, 1)
    assert "streaming" not in world.cluster("cc")["status"]


def test_a_node_stays_whose_data_has_no_room() -> None:
    """The condition says who would run full; with `unlockNextOperation` it leaves all the same."""
    world = holding(12 * GB, dataCapacity="10Gi")
    patch(world, kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"nodesPerRacks": 1}})

    world.run_until(
        lambda: world.condition("cc", "Progressing").get("reason") == "TooLittleSpace",
        seconds=60,
        what="it is refused",
    )
    world.run(120)
    text = world.condition("cc", "Progressing")["message"]
    assert "cc-dc1-rack1-0 would get about" in text
    waits = operation(world)
    assert (waits["name"], waits["status"]) == ("decommission", "ToDo")
    patch(world, kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"unlockNextOperation": True}})
    world.run_until(lambda: operation(world).get("status") == "Ongoing", seconds=120, what="it begins")
