"""The same seed gives the same history, byte for byte, in whichever process it is run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import NetworkTopology
from unit_tests.simcassandra.histories import Recorder, history


def test_the_same_seed_gives_the_same_history() -> None:
    """Every answer of every node at every instant, in a scenario with deaths, cuts and operations."""
    assert history(7) == history(7)


def test_another_seed_gives_another_history() -> None:
    """Tokens, ids and the ways of gossip are what a seed decides."""
    assert history(7) != history(8)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_history_does_not_hang_on_the_process(hash_seed: str) -> None:
    """Python's order of sets changes from process to process; no decision depends on it."""
    run = subprocess.run(
        [sys.executable, "-m", "unit_tests.simcassandra.histories", "7"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
    )

    assert run.stdout == history(7)


def test_looking_changes_nothing() -> None:
    """Reads draw no random numbers and take no time: a watched history is the unwatched one."""

    def run(watched: bool) -> str:  # noqa: FBT001 -- the one thing that differs
        lab = Lab(seed=3)
        lab.grow(3)
        lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=40_000_000)
        lab.begin(3, "decommission", [True])
        recorder = Recorder(lab)
        while lab.node(3).mode is not Mode.DECOMMISSIONED:
            lab.simulation.step()
            if watched:
                recorder.look()
        return f"{lab.simulation.now!r} {lab.read(1, 'TokenToEndpointMap')}"

    assert run(watched=True) == run(watched=False)


def test_the_steps_do_not_matter() -> None:
    """Whether time passes in one go or bit by bit, what happens is the same."""

    def run(bit: float) -> bytes:
        lab = Lab(seed=5)
        for number in (1, 2):
            lab.start(number)
            end = lab.simulation.now + 32
            while lab.simulation.now < end:
                lab.pass_time(bit)
        recorder = Recorder(lab)
        recorder.look()
        return recorder.text()

    assert run(0.25) == run(32.0)


def test_two_rings_in_one_process_are_strangers() -> None:
    """Nothing is shared between simulations: one that runs beside another takes its own course."""
    alone = Lab(seed=1)
    alone.grow(3)
    beside, other = Lab(seed=1), Lab(seed=2, pace=RingPace.stock())
    for number in (1, 2, 3):
        other.start(number)
        node = beside.start(number)
        beside.wait(lambda node=node: node.native_transport)  # type: ignore[misc]  # mypy cannot infer defaults
        other.pass_time(50)
    beside.pass_time(5)

    body = {"type": "read", "mbean": STORAGE_SERVICE, "attribute": ["TokenToEndpointMap", "EndpointToHostId"]}
    assert beside.post(1, body).body == alone.post(1, body).body
