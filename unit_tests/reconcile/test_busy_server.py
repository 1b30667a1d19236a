"""What a reader may rely on: an API server that asks for patience is left alone for that long."""

from __future__ import annotations

import itertools

from e2e.simkube.faults import Match, Refuse, Rule
from unit_tests.executors.stage import OPERATOR
from unit_tests.reconcile.simulated import began, ready, small

ASKED = 5


def test_a_server_that_asks_for_patience_is_given_it() -> None:
    """One refused write each five seconds, and no other of that cluster's, though its objects change."""
    world = began(small())
    world.server.faults.add(
        Rule(
            Match(client=OPERATOR, verbs=("patch", "create"), kinds=("services",)),
            Refuse(status=429, retry_after=ASKED),
            times=4,
        )
    )
    began_at = world.simulation.now
    refused: list[float] = []
    while world.simulation.now - began_at < 4 * ASKED + 2:
        world.edit("cc", {"service": {"labels": {"round": f"r{len(refused)}"}}})
        before = len(world.server.faults.log)
        world.run(0.5)
        new = list(world.server.faults.log)[before:]
        refused += [world.simulation.now for record in new if record.status == 429]

    assert len(refused) == 4
    assert all(later - earlier >= ASKED for earlier, later in itertools.pairwise(refused))
    ready(world)
