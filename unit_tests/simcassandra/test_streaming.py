"""How much is streamed, how fast, and what becomes of a stream whose end is gone."""

from __future__ import annotations

import time

import pytest

from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import NetworkTopology, SimpleStrategy

MANAGER = "org.apache.cassandra.net:type=StreamManager"
MEGABIT = 125_000


def pair(size: int) -> Lab:
    """Return two members that share *size* bytes, each byte on one of them."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=size)
    lab.pass_time(5)
    return lab


def throttle(lab: Lab, number: int, megabits: int) -> None:
    """Set the rate at which node *number* sends, in megabits per second."""
    body = {
        "type": "write",
        "mbean": STORAGE_SERVICE,
        "attribute": "StreamThroughputMbitPerSec",
        "value": megabits,
    }
    assert lab.post(number, body).status == 200


def streaming_seconds(lab: Lab, number: int) -> float:
    """Let node *number* leave, and return how long it sends."""
    lab.begin(number, "decommission", [True])
    lab.wait(lambda: bool(lab.node(number).sending))
    return lab.wait(lambda: not lab.node(number).sending, seconds=24 * 3600.0)


def test_a_leaving_node_sends_what_it_holds_and_no_more() -> None:
    """The bytes of its slices go to those who own them now; the plan's total says so beforehand."""
    lab = pair(2_000_000_000)
    held = lab.node(2).volume.bytes_of(lab.ring.data, "app")
    lab.begin(2, "decommission", [True])
    lab.wait(lambda: bool(lab.node(2).sending))

    (plan,) = [p for p in lab.read(2, "CurrentStreams", mbean=MANAGER) if p["sessions"]]
    assert plan["totalTxBytes"] == held
    assert (plan["currentTxBytes"], plan["totalRxBytes"]) == (0, 0)

    lab.wait(lambda: lab.node(2).mode is Mode.DECOMMISSIONED)
    assert lab.node(1).volume.bytes_of(lab.ring.data, "app") == 2_000_000_000


def test_streams_go_at_the_rate_of_the_sender() -> None:
    """Bytes divided by megabits per second, 201 of them unless somebody writes the attribute."""
    for megabits in (201, 50):
        lab = pair(2_000_000_000)
        if megabits != 201:
            throttle(lab, 2, megabits)
        held = lab.node(2).volume.bytes_of(lab.ring.data, "app")

        assert streaming_seconds(lab, 2) == pytest.approx(held / (megabits * MEGABIT))


def test_a_rate_of_zero_is_no_limit() -> None:
    """As Cassandra takes it: the wire is the limit, 8 Gbit/s here."""
    lab = pair(2_000_000_000)
    throttle(lab, 2, 0)
    held = lab.node(2).volume.bytes_of(lab.ring.data, "app")

    assert streaming_seconds(lab, 2) == pytest.approx(held / 1e9)


def test_a_sender_shares_its_rate_between_its_targets() -> None:
    """Two targets at once get half each; together they take as long as one that gets everything."""
    lab = Lab()
    lab.grow(3)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=2_000_000_000)
    lab.pass_time(5)
    held = lab.node(3).volume.bytes_of(lab.ring.data, "app")
    lab.begin(3, "decommission", [True])
    lab.wait(lambda: bool(lab.node(3).sending))
    assert len(lab.node(3).sending) == 2

    took = lab.wait(lambda: not lab.node(3).sending)

    assert took == pytest.approx(held / (201 * MEGABIT))


def test_two_senders_do_not_slow_each_other() -> None:
    """A bootstrap with two sources takes as long as the larger of the two shares."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=4_000_000_000)
    lab.pass_time(5)
    lab.start(3)
    lab.wait(lambda: bool(lab.node(3).streams))
    shares = [s.total for number in (1, 2) for s in lab.node(number).sending]
    assert len(shares) == 2

    took = lab.wait(lambda: not lab.node(3).streams)

    assert took == pytest.approx(max(shares) / (201 * MEGABIT))


def test_a_slice_counts_when_its_session_is_complete() -> None:
    """Half of a stream is nothing: a copy is there when all of it has arrived."""
    lab = pair(2_000_000_000)
    before = lab.node(1).volume.held["app"]
    lab.begin(2, "decommission", [True])
    lab.wait(lambda: bool(lab.node(2).sending))
    lab.pass_time(20)

    assert lab.node(1).volume.held["app"] == before
    lab.wait(lambda: not lab.node(2).sending)
    assert lab.node(1).volume.held["app"].bit_count() == 64


def test_six_hours_of_streaming_are_a_few_steps() -> None:
    """Nothing happens between the first byte and the last but what somebody asks for."""
    lab = pair(1)
    lab.ring.write("app", int(6 * 3600 * 201 * MEGABIT * 64 / lab.node(2).volume.held["app"].bit_count()))
    began = time.perf_counter()
    lab.begin(2, "decommission", [True])
    took = lab.wait(lambda: lab.node(2).mode is Mode.DECOMMISSIONED, seconds=7 * 3600.0)

    assert took == pytest.approx(6 * 3600, abs=15)
    # Milliseconds; a second leaves room for a machine that does other things.
    assert time.perf_counter() - began < 1


def test_a_source_that_dies_breaks_a_bootstrap() -> None:
    """The joining node lives on and says that its bootstrap failed; it is no member."""
    lab = Lab()
    lab.grow(2)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=4_000_000_000)
    lab.pass_time(5)
    lab.start(3)
    lab.wait(lambda: bool(lab.node(3).streams))
    source = lab.node(3).streams[0].sessions[0].source.address
    lab.ring.kill(source)

    lab.wait(lambda: lab.node(3).bootstrap_failed)

    assert lab.read(3, "OperationMode") == "JOINING_FAILED"
    assert lab.read(3, "BootstrapState") == "IN_PROGRESS"
    assert lab.read(3, "CurrentStreams", mbean=MANAGER) == []
    assert all("10.0.0.3" not in group for group in lab.ring.rings())


def test_a_cut_between_the_ends_breaks_a_stream() -> None:
    """Both forget it: nobody goes on showing a stream that is dead."""
    lab = pair(4_000_000_000)
    lab.begin(2, "decommission", [True])
    lab.wait(lambda: bool(lab.node(2).sending))
    lab.ring.network.cut([lab.address(1)], [lab.address(2)])
    lab.pass_time(1)

    assert lab.read(1, "CurrentStreams", mbean=MANAGER) == []
    assert [p["sessions"] for p in lab.read(2, "CurrentStreams", mbean=MANAGER)] in ([], [[]])
    assert lab.read(2, "OperationMode") == "DECOMMISSION_FAILED"


def test_a_stopped_sender_is_missed_by_its_target() -> None:
    """The owner's death ends a plan at the other side too; the ranges stay with the dead one."""
    lab = pair(4_000_000_000)
    lab.begin(2, "decommission", [True])
    lab.wait(lambda: bool(lab.node(2).sending))
    lab.ring.kill(lab.address(2))

    assert lab.read(1, "CurrentStreams", mbean=MANAGER) == []
    lab.wait(lambda: lab.read(1, "UnreachableNodes") == ["10.0.0.2"])
    assert lab.read(1, "LeavingNodes") == ["10.0.0.2"]
    assert "10.0.0.2" in lab.read(1, "EndpointToHostId")


def test_the_stock_delays_are_longer_ones() -> None:
    """With Cassandra's own `ring_delay_ms` of 30 s a decommission without data takes a minute."""
    lab = Lab(pace=RingPace.stock())
    lab.grow(2)
    before = lab.simulation.now
    lab.execute(2, "decommission", [True])

    assert 55 < lab.simulation.now - before < 70
